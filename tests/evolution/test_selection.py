"""Response to selection."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.evolution import Development, Genome, TargetFamily, hebbian, select

FAMILY = TargetFamily()


def test_truncation_of_a_uniform_trait():
    """The best fifth of a uniform trait has mean 0.8 and the next fifth of it 0.96; other genes do not respond."""
    genome = Genome(np.zeros(3), np.zeros((3, 3)), Development(n_steps=0))
    options = {"traits": np.eye(3), "n_individuals": 20_000, "mutation": 0.0, "noise": 0.0}
    response = select(genome, 1, **options, n_generations=2)
    # Standard error of the mean of 4,000 parents, each with 1 / sqrt(3) at first, and of what drift adds.
    np.testing.assert_allclose(response.mean[0], 0, atol=4 / np.sqrt(3 * 20_000))
    np.testing.assert_allclose(response.mean[1], [0, 0.8, 0], atol=4 * np.sqrt(2 / (3 * 4000)))
    assert response.mean[2, 1] == pytest.approx(0.96, abs=0.005)
    np.testing.assert_allclose(response.correlated, [0, 1, 0], atol=0.06)
    assert response.selected == 1


def test_memories_are_selected_together_and_modules_alone():
    together = select(hebbian(FAMILY.trained, strength=4.0), 1, traits=FAMILY.traits, rng=0)
    alone = select(hebbian(FAMILY.members, strength=0.5), 1, traits=FAMILY.traits, rng=0)
    # Two of three memories with module 1 have each other module in the same state, or the opposite one: a third.
    assert (np.abs(together.correlated[[0, 2, 3]]) > 0.2).all()
    assert (np.abs(alone.correlated[[0, 2, 3]]) < 0.2).all()
    assert alone.mean[-1, 1] > 0.85


def test_noise_hides_small_differences():
    genome = Genome(np.zeros(2), np.zeros((2, 2)), Development(n_steps=0))
    options = {"traits": np.eye(2), "n_individuals": 20_000, "n_generations": 1, "mutation": 0.0}
    response = select(genome, 0, **options, noise=100.0)
    # Parents are as good as random: heritability (1 / 3) / 100^2, four standard errors.
    assert abs(response.change[0]) < 4 * np.sqrt(2 / (3 * 4000))


def test_a_trait_may_be_given_as_weights():
    genome = hebbian(FAMILY.members)
    by_number = select(genome, 2, traits=FAMILY.traits, n_individuals=200)
    by_weights = select(genome, FAMILY.traits[2], n_individuals=200)
    np.testing.assert_allclose(by_weights.mean[:, 0], by_number.mean[:, 2], rtol=1e-12)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"trait": 4, "traits": FAMILY.traits}, "number of one of 4 `traits`, found 4"),
        ({"trait": 0}, "number of one of 0 `traits`"),
        ({"trait": np.ones(3)}, r"shape \(16,\), found \(3,\)"),
        ({"trait": np.zeros(16)}, "a weight that is not zero"),
        ({"trait": np.ones(16), "traits": np.full((1, 16), np.nan)}, "finite `traits`"),
        ({"trait": np.ones(16), "share": 0.0}, "`share` above 0"),
        ({"trait": np.ones(16), "share": 0.1, "n_individuals": 10}, "two parents or more, found 0.1 of 10"),
        ({"trait": np.ones(16), "mutation": -1.0}, "`mutation` to be zero or positive"),
        ({"trait": np.ones(16), "noise": np.nan}, "`noise` to be zero or positive"),
        ({"trait": np.ones(16), "n_generations": 0}, "`n_generations` to be a whole number"),
    ],
)
def test_wrong_arguments_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        select(hebbian(FAMILY.members), **options)

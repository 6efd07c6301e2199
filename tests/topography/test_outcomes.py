"""Outcomes of an ensemble against the toggle switch's symmetry and closed forms of one gene."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.dynamics import Model, RegulatoryDrift
from landscape.perturbation import OTHER, UNDIFFERENTIATED, compare, outcome, references


def toggle() -> tuple[RegulatoryDrift, np.ndarray]:
    """Two genes that repress each other, and its two attractors."""
    from landscape.topography import fixed_points

    drift = RegulatoryDrift.from_arrays(np.array([[0, -8.0], [-8.0, 0]]), bias=3.0, hill=4.0)
    found = fixed_points(drift, np.array([[1.0, 0.0], [0.0, 1.0]]), deflate=False)
    return drift, np.array([p.x for p in found.stable])


@pytest.fixture(scope="module")
def switch():
    drift, states = toggle()
    start = np.full((400, 2), 0.4)
    return drift, references(("first", "second"), states, start), start


def test_the_ensemble_of_a_symmetric_switch_is_shared_evenly(switch):
    drift, known, start = switch
    found = outcome(Model(drift, 0.01), start, known, duration=20.0, rng=1)
    # The standard error of one half over 400 particles is .025.
    assert found.shares[:2] == pytest.approx([0.5, 0.5], abs=3 * 0.025)
    assert found.shares.sum() == pytest.approx(1.0)
    np.testing.assert_array_equal(known.label(found.attractors[found.matched], {}), [0, 1])


def test_a_gene_held_at_zero_leaves_the_other_gene_its_closed_form(switch):
    drift, known, start = switch
    before, after = compare(Model(drift, 0.01), {0: 0.0}, start, known, duration=20.0)
    # Without its repressor the second gene rests at a s(b) / gamma.
    rest = 1 / (1 + np.exp(-3.0))
    assert len(after.attractors) == 1
    assert after.attractors[0] == pytest.approx([0.0, rest], abs=1e-8)
    assert after.eigenvalues[0] == pytest.approx(-1.0)
    second = 1 if known.states[1, 1] > 0.5 else 0
    assert after.shares[second] == 1.0
    assert (after.matched == 0).all()
    # Until a gene is held both see the same noise from the same start.
    assert before.path.shape == after.path.shape


def test_doing_nothing_changes_nothing(switch):
    drift, known, start = switch
    before, after = compare(Model(drift, 0.01), {}, start, known, duration=5.0, n_times=3)
    np.testing.assert_array_equal(before.path, after.path)
    np.testing.assert_array_equal(before.shares, after.shares)


def test_what_stays_at_the_start_is_undifferentiated_and_what_goes_elsewhere_is_other():
    states = np.array([[1.0, 0.0], [0.0, 1.0]])
    known = references(("a", "b"), states, np.full((10, 2), 0.5))
    # Distances as root mean square: start to attractor .5, so the reach is .25.
    assert known.reach == pytest.approx(0.25)
    places = [[0.95, 0.05], [0.1, 0.9], [0.55, 0.5], [3.0, 3.0]]
    assert [known.fates[k] for k in known.label(places, {})] == ["a", "b", UNDIFFERENTIATED, OTHER]


def test_a_fate_marked_by_a_gene_is_not_reached_without_it():
    known = references(("a", "b"), np.array([[1.0, 0.0, 0.9], [0.0, 1.0, 0.9]]), np.full((10, 3), [0.5, 0.5, 0.9]))
    label = lambda x, held: known.fates[known.label([x], held)[0]]  # noqa: E731
    assert label([0.0, 0.0, 0.9], {0: 0.0}) == OTHER
    assert label([0.0, 1.0, 0.9], {0: 0.0}) == "b"
    # How far a level lies beyond all references does not matter, and a gene that is on in all of them has no say.
    assert label([9.0, 0.05, 0.9], {0: 9.0}) == "a"
    assert label([1.0, 0.0, 0.0], {2: 0.0}) == "a"
    assert label([1.0, 0.0, 0.0], {}) == OTHER


def test_a_model_that_never_rests_has_no_fate():
    ring = RegulatoryDrift.from_arrays(
        np.array([[0, 0, -12.0], [-12.0, 0, 0], [0, -12.0, 0]]), bias=5.0, hill=4.0, threshold=0.4
    )
    start = np.random.default_rng(0).uniform(0, 1, (20, 3))
    known = references(("a",), np.array([[1.0, 0.0, 0.0]]), start)
    found = outcome(Model(ring, 1e-4), start, known, duration=5.0)
    assert found.shares[-1] == 1.0
    assert not len(found.attractors)


@pytest.mark.parametrize(
    ("names", "states", "start"),
    [
        (("a",), np.zeros((2, 2)), np.zeros((3, 2))),
        ((), np.zeros((0, 2)), np.zeros((3, 2))),
        (("a",), np.zeros((1, 2)), np.zeros((3, 5))),
        ((OTHER,), np.zeros((1, 2)), np.zeros((3, 2))),
    ],
)
def test_references_that_do_not_fit_are_refused(names, states, start):
    with pytest.raises(ValueError, match="Expected"):
        references(names, states, start)

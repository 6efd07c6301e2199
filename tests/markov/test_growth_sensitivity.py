"""What an assumption about growth is worth, where it can be computed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.markov.growth_sensitivity import MAX_CELLS, growth_sensitivity


def _two_lineages(n: int, gap: float = 20.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two states before, and the same two after: what moves between them follows from growth alone."""
    side = np.repeat([-1.0, 1.0], n // 2)
    rng = np.random.default_rng(0)
    x = np.tile(side, 2)[:, None] * gap / 2 + 0.05 * rng.standard_normal((2 * n, 1))
    return x, np.repeat([0.0, 2.0], n), np.tile(side, 2)


def test_velocities_under_both_assumptions_give_the_closed_form():
    n, gap = 200, 20.0
    x, times, profile = _two_lineages(n, gap)
    # A drift that is known and large beside the jitter: everything is 10 further by the second time.
    shifted = np.hstack([x, np.where(times > 0, 10.0, 0.0)[:, None]])
    found = growth_sensitivity(x, shifted, times, profile)
    # Under R+ the right side stands for p = 1 / (1 + exp(-ln 2)) of the descendants and under R- for 1 - p, but half of the
    # later cells are there: (p - 1/2) / p of the side that grows crosses in 2 units of time, and none of the other.
    p = 2 / 3
    crossing = (p - 0.5) / p * gap / 2
    # Both components count in the mean square, over the 10 / 2 of the drift; the difference between the two
    # assumptions is one crossing on either side. Blur and jitter move it by a percent or two.
    assert found.change == pytest.approx(np.sqrt(crossing**2 / 2) / np.sqrt(5.0**2 / 2), rel=0.05)


def test_a_population_that_moves_as_one_hardly_depends_on_growth():
    rng = np.random.default_rng(1)
    times = np.repeat([0.0, 1.0, 2.0], 150)
    x = rng.standard_normal((450, 2)) + 8 * times[:, None]
    found = growth_sensitivity(x, x, times, x[:, 0] - 8 * times)
    two = _two_lineages(150)
    assert found.change < 0.2 < growth_sensitivity(two[0], two[0], two[1], two[2]).change


def test_the_seed_decides_and_the_sample_is_bounded():
    x, times, profile = _two_lineages(2 * MAX_CELLS + 20)
    first = growth_sensitivity(x, x, times, profile, rng=3)
    assert first == growth_sensitivity(x, x, times, profile, rng=3)
    assert first != growth_sensitivity(x, x, times, profile, rng=4)


@pytest.mark.parametrize(
    ("times", "profile", "message"),
    [
        ([1.0, 1.0], [0.0, 1.0], "two times"),
        ([0.0, 1.0], [1.0, 1.0], "varies"),
        ([0.0, 1.0], [np.nan, 1.0], "varies"),
        ([0.0, 1.0], [0.0, 1.0, 2.0], "one row"),
    ],
)
def test_bad_input_is_refused(times, profile, message):
    x = np.array([[0.0], [1.0]])
    with pytest.raises(ValueError, match=message):
        growth_sensitivity(x, x, np.array(times), np.array(profile))

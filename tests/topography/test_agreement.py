import numpy as np
import pytest

from landscape.topography.fates.agreement import agreement, wilson
from landscape.topography.fates.destinations import standard_error

N = 4000


def _estimates(truth, n_replicates, seed=0):
    counts = np.random.default_rng(seed).multinomial(n_replicates, truth)
    return counts / n_replicates


@pytest.mark.parametrize("k", [2, 4, 8])
@pytest.mark.parametrize("n_replicates", [10, 20, 100])
def test_false_alarms_are_rare_whatever_the_number_of_fates(k, n_replicates):
    reference = np.random.default_rng(k).dirichlet(np.full(k, 0.3), N)
    estimate = _estimates(reference, n_replicates)
    found = agreement(estimate, reference, standard_error(estimate, n_replicates), tolerance=0.0)
    # Within the tolerance, of zero here, at most one in twenty; a share of 4,000 is known to .0035.
    assert found.share < 0.05 + 3.5 * np.sqrt(0.05 * 0.95 / N)


def test_cells_at_the_border_of_the_tolerance_are_flagged_seldom():
    reference = np.tile([0.7, 0.3], (N, 1))
    estimate = _estimates(reference - [0.1, -0.1], 50)
    found = agreement(estimate, reference, standard_error(estimate, 50), tolerance=0.1)
    # One side of a two-sided 5 %, and what rounding to fiftieths adds at most: the weight of one count.
    assert found.share < 0.025 + 0.06


def test_true_differences_are_found_with_the_power_that_the_error_allows():
    reference = np.tile([0.9, 0.1, 0.0], (N, 1))
    estimate = _estimates(reference - [0.6, 0.0, -0.6], 20)
    found = agreement(estimate, reference, standard_error(estimate, 20), tolerance=0.1)
    assert found.share > 0.95


def test_two_fates_are_judged_by_the_error_of_one():
    reference, estimate, error = np.array([[0.5, 0.5]]), np.array([[0.74, 0.26]]), np.full((1, 2), 0.1)
    found = agreement(estimate, reference, error, tolerance=0.05)
    assert found.distance[0] == pytest.approx(0.24)
    assert found.threshold[0] == pytest.approx(0.05 + 1.959964 * 0.1)
    assert not found.differs[0]


def test_what_is_unresolved_counts_as_a_fate_of_its_own_and_unknown_rows_do_not():
    reference = np.array([[1.0, 0.0], [np.nan, np.nan]])
    found = agreement([[0.4, 0.0], [0.5, 0.5]], reference, np.full((2, 2), 0.01))
    assert found.distance[0] == pytest.approx(0.6)
    assert np.isnan(found.distance[1])
    assert found.differs.tolist() == [True, False]
    assert found.share == 1
    unknown = agreement([[np.nan]], [[1.0]], [[0.1]])
    assert np.isnan(unknown.share)
    assert (unknown.low, unknown.high) == (0, 1)


def test_wilsons_interval_has_its_known_values():
    # Wilson's formula by hand: (p + z2/2n -+ z sqrt(p(1-p)/n + z2/4n2)) / (1 + z2/n) for 2 of 10.
    assert wilson(2, 10) == pytest.approx((0.05668215, 0.50983753), abs=1e-6)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="one shape"):
        agreement([[1.0]], [[1.0, 0.0]], [[0.1]])
    with pytest.raises(ValueError, match="tolerance"):
        agreement([[1.0]], [[1.0]], [[0.1]], tolerance=1.0)

import numpy as np
import pytest
import torch
from scipy.special import erf

from landscape.systems import DoubleWell, HuangToggle
from landscape.topography import committor, committor_on_grid, fate_entropy, find_saddle, undecided_width

WELL = DoubleWell()
ENDS = [[-1.0], [1.0]]


@pytest.mark.parametrize(("diffusion", "expected"), [(0.05, 0.974482), (0.1, 0.909895), (0.2, 0.841772)])
def test_committor_of_the_double_well_on_a_grid(diffusion, expected):
    found = committor_on_grid(WELL, ENDS, diffusion=diffusion, radius=0.0, bounds=(-2.5, 2.5), n_grid=2001)
    at = np.abs(found.points[:, 0] - 0.5).argmin()
    assert found.probabilities[at, 1] == pytest.approx(expected, abs=1e-5)
    np.testing.assert_allclose(found.probabilities.sum(1), 1, atol=1e-9)
    assert found.converged


def test_committor_by_simulation_within_its_error():
    states = np.array([[-0.3], [0.0], [0.5], [2.0]])
    found = committor(WELL, states, ENDS, diffusion=0.1, radius=0.0, n_replicates=1000, rng=2)
    exact = np.array([WELL.committor(x, 0.1) for x in (-0.3, 0.0, 0.5)] + [1.0])
    assert (np.abs(found.probabilities[:, 1] - exact) < 3.5 * found.standard_error[:, 1]).all()
    np.testing.assert_allclose(found.probabilities.sum(1), 1)
    assert found.converged
    assert found.unresolved.max() == 0


def test_simulation_and_grid_agree_for_a_field_that_is_no_gradient():
    toggle = HuangToggle()
    wells = toggle.fixed_points()[[0, 2, 4]]
    grid = committor_on_grid(toggle, wells, diffusion=0.05, radius=0.2, bounds=(0.0, 3.0), n_grid=151)
    states = np.array([[1.5, 0.5], [1.2, 0.4], [0.6, 1.2]])
    # The grid reflects at zero; so do the paths.
    found = committor(toggle, states, wells, diffusion=0.05, radius=0.2, n_replicates=800, lower=0.0)
    rows = [np.linalg.norm(grid.points - s, axis=1).argmin() for s in states]
    # A ball of .2 on cells of .02 is known to half a cell, which moves the committor by some .01.
    assert (np.abs(found.probabilities - grid.probabilities[rows]) < 3.5 * found.standard_error + 0.01).all()


def test_unresolved_paths_are_counted_and_left_out():
    found = committor(WELL, [[0.0], [-0.9]], ENDS, diffusion=0.05, radius=0.0, n_replicates=200, max_time=1.0)
    assert found.unresolved[0] > 0.5
    assert not found.converged
    np.testing.assert_allclose(np.nansum(found.probabilities, 1), 1)
    none = committor(WELL, [[0.0]], ENDS, diffusion=1e-4, radius=0.0, n_replicates=10, max_time=0.1)
    assert np.isnan(none.probabilities).all()
    assert none.unresolved[0] == 1


def test_undecided_width_is_that_of_the_error_function_at_the_saddle():
    zone = undecided_width(WELL, [0.0], diffusion=0.05)
    assert zone.width == pytest.approx(np.sqrt(0.1), rel=1e-12)
    local = 0.5 * (1 + erf(0.2 / zone.width))
    assert local == pytest.approx(0.8145, abs=1e-4)
    # One tenth of the width away the linear theory holds: the exact committor agrees.
    near = 0.1 * zone.width
    assert 0.5 * (1 + erf(0.1)) == pytest.approx(WELL.committor(near, 0.05), abs=3e-3)


def test_undecided_width_measures_noise_across_the_border():
    # f = (l u, -m v) + shear: u' = u, v' = -2 v + 3 u. The border is u = 0 whatever the shear, so only D_uu counts.
    def drift(x):
        return torch.stack([x[:, 0], -2 * x[:, 1] + 3 * x[:, 0]], 1)

    zone = undecided_width(drift, [0.0, 0.0], diffusion=np.array([0.02, 5.0]))
    np.testing.assert_allclose(zone.direction, np.array([1, 1]) / np.sqrt(2), atol=1e-12)
    # Distances along (1, 1)/sqrt(2) are sqrt(2) times those in u.
    assert zone.width == pytest.approx(np.sqrt(2) * np.sqrt(2 * 0.02 / 1.0), rel=1e-12)
    assert zone.rate == pytest.approx(1.0)
    assert zone.gradient @ zone.direction == pytest.approx(1.0)
    with pytest.raises(ValueError, match="one unstable direction, found index 0"):
        undecided_width(WELL, [1.0], diffusion=0.1)
    assert undecided_width(WELL, find_saddle(WELL, [0.1]), diffusion=0.1).rate == pytest.approx(1.0)


def test_fate_entropy():
    p = np.array([[1, 0, 0, 0], [0.5, 0.5, 0, 0], [0.25] * 4, [np.nan] * 4])
    np.testing.assert_allclose(fate_entropy(p), [0, 1, 2, np.nan])
    with pytest.raises(ValueError, match="rows that sum to 1"):
        fate_entropy([[0.5, 0.2]])
    with pytest.raises(ValueError, match=r"shape \(n, k\)"):
        fate_entropy([0.5, 0.5])


def test_bad_input():
    with pytest.raises(ValueError, match="disjoint balls, found attractors 2 apart"):
        committor(WELL, [[0.0]], ENDS, diffusion=0.1, radius=1.5)
    with pytest.raises(ValueError, match="same dimension, found 2 and 1"):
        committor(WELL, [[0.0, 0.0]], ENDS, diffusion=0.1, radius=0.1)
    with pytest.raises(ValueError, match="beyond one dimension a point is never hit"):
        committor(HuangToggle(), [[0.0, 0.0]], [[1.0, 1.0]], diffusion=0.1, radius=0.0)
    with pytest.raises(ValueError, match="not finite"):
        committor(lambda x: x / 0, [[0.0]], ENDS, diffusion=0.1, radius=0.0)
    with pytest.raises(ValueError, match="correlations"):
        committor_on_grid(
            HuangToggle(), [[1.0, 1.0], [2.0, 0.0]], diffusion=np.array([[1, 0.5], [0.5, 1]]), radius=0.1, bounds=(0, 3)
        )

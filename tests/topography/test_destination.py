import numpy as np
import pytest

from landscape.systems import DoubleWell, HuangToggle
from landscape.topography import committor_on_grid, destinations
from landscape.topography.fates.destinations import CHUNK, settling_time, standard_error

ENDS = [[-1.0], [1.0]]


@pytest.mark.parametrize("tilt", [0.0, 0.1])
def test_destinations_are_the_committor_where_wells_are_left_seldom(tilt):
    well, noise = DoubleWell(tilt), 0.03
    left, saddle, right = well.fixed_points()
    states = saddle + np.array([-0.25, -0.1, 0.0, 0.15, 0.5])
    exact = np.array([well.committor(x, noise, left=left, right=right) for x in states])
    duration = 4.0
    found = destinations(
        well,
        states[:, None],
        [[left], [right]],
        diffusion=noise,
        duration=duration,
        n_replicates=2000,
        step=0.02,
        rng=1,
    )
    # A path may leave its well within the duration, at Kramers' rate; what is left undecided at its end, a share
    # exp(-2 lambda t) of the spread at the saddle, moves the committor by less.
    escape = duration / min(well.kramers_time(noise, k) for k in (0, 1))
    undecided = np.exp(2 * (3 * saddle**2 - 1) * duration)
    bound = 3.5 * found.standard_error[:, 1] + escape + undecided
    assert (np.abs(found.probabilities[:, 1] - exact) < bound).all()
    assert bound.max() < 0.06
    assert found.unresolved.max() == 0


def test_destinations_agree_with_the_grid_for_a_field_that_is_no_gradient():
    toggle = HuangToggle()
    wells = toggle.fixed_points()[[0, 2, 4]]
    grid = committor_on_grid(toggle, wells, diffusion=0.01, radius=0.1, bounds=(0.0, 3.0), n_grid=151)
    states = np.array([[1.5, 0.5], [1.2, 0.4], [0.6, 1.2], [1.0, 1.0]])
    found = destinations(toggle, states, wells, diffusion=0.01, duration=10.0, n_replicates=1000, lower=0.0, rng=3)
    rows = [np.linalg.norm(grid.points - s, axis=1).argmin() for s in states]
    # A ball of .1 on cells of .02 is known to half a cell, which moves the committor by some .01.
    assert (np.abs(found.probabilities - grid.probabilities[rows]) < 3.5 * found.standard_error + 0.01).all()


def test_paths_do_not_depend_on_the_states_beside_them():
    states = np.linspace(-0.5, 0.5, CHUNK // 128 + 8)[:, None]
    options = {"diffusion": 0.05, "duration": 0.5, "step": 0.05, "n_replicates": 128, "rng": 5}
    whole = destinations(DoubleWell(), states, ENDS, **options)
    part = destinations(DoubleWell(), states[:8], ENDS, **options)
    assert len(states) * 128 > CHUNK
    # A full block of 1,024 paths sees the same noise whatever else runs: those of the first eight states.
    np.testing.assert_array_equal(whole.probabilities[:8], part.probabilities)


def test_standard_error_is_that_of_repeated_estimates():
    runs = np.array(
        [
            destinations(DoubleWell(), [[0.1]], ENDS, diffusion=0.05, duration=2.0, step=0.1, rng=k).probabilities[0, 1]
            for k in range(60)
        ]
    )
    expected = standard_error(np.array([[1 - runs.mean(), runs.mean()]]), 20)[0, 1]
    # The spread of 60 estimates is known to 1 / sqrt(120) of itself.
    assert runs.std(ddof=1) == pytest.approx(expected, rel=3.5 / np.sqrt(120))
    assert standard_error(np.array([[0.0, 1.0]]), 20).min() > 0


def test_paths_that_end_elsewhere_are_unresolved():
    found = destinations(DoubleWell(), [[-0.9], [0.9]], [[1.0]], diffusion=0.01, duration=1.0, step=0.05)
    np.testing.assert_array_equal(found.unresolved, [1, 0])
    np.testing.assert_array_equal(found.probabilities, [[0], [1]])


def test_settling_takes_three_mean_relaxation_times():
    # V'' = 2 at both minima of the symmetric well.
    assert settling_time(DoubleWell(), ENDS) == pytest.approx(1.5)
    left, _, right = DoubleWell(0.1).fixed_points()
    rates = [3 * left**2 - 1, 3 * right**2 - 1]
    weighted = settling_time(DoubleWell(0.1), [[left], [right]], weights=[3, 1])
    assert weighted == pytest.approx(3 * (0.75 / rates[0] + 0.25 / rates[1]))
    assert settling_time(DoubleWell(), ENDS, longest=0.7) == 0.7


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: destinations(DoubleWell(), [[0.0]], ENDS, diffusion=0.1, duration=0.0), "positive `duration`"),
        (lambda: destinations(DoubleWell(), [[0.0]], ENDS, diffusion=0.1, duration=1.0, n_replicates=0), ">= 1"),
        (lambda: destinations(DoubleWell(), [[0.0, 1.0]], ENDS, diffusion=0.1, duration=1.0), "same dimension"),
        (lambda: settling_time(DoubleWell(), [[0.0]]), "stable attractors"),
        (lambda: settling_time(DoubleWell(), ENDS, weights=[1.0]), "one weight for each"),
        (lambda: settling_time(DoubleWell(), ENDS, weights=[0.0, 0.0]), "some positive"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()

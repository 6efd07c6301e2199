import numpy as np
import pytest
import torch

from landscape.systems import CurlDoubleWell, DoubleWell, HuangToggle, OrnsteinUhlenbeck
from landscape.topography import kramers_time, mean_first_passage_time
from landscape.topography.passage.mean_first_passage import survival_mean

WELL = DoubleWell()
TRUTH = {0.05: (729.671, 659.382), 0.1: (66.2686, 54.1254), 0.2: (19.0939, 15.5072)}


@pytest.mark.parametrize("method", ["backward", "chain"])
@pytest.mark.parametrize("diffusion", TRUTH)
def test_on_a_grid(diffusion, method):
    found = mean_first_passage_time(WELL, [-1.0], [1.0], diffusion=diffusion, method=method)
    # Exponentially fitted cells of 1e-3 are second order: 1e-5 is generous, 1 % was asked.
    assert found.time == pytest.approx(TRUTH[diffusion][0], rel=1e-5)
    assert found.converged
    assert found.method == method
    assert found.low <= found.time <= found.high


@pytest.mark.parametrize("diffusion", TRUTH)
def test_kramers_is_its_own_formula(diffusion):
    found = mean_first_passage_time(WELL, [-1.0], [1.0], diffusion=diffusion, method="kramers")
    assert found.time == pytest.approx(TRUTH[diffusion][1], rel=1e-5)
    assert found.converged == (0.25 / diffusion >= 4)


@pytest.mark.parametrize("diffusion", [0.1, 0.2])
def test_simulation(diffusion):
    found = mean_first_passage_time(WELL, [-1.0], [1.0], diffusion=diffusion, n_paths=1000, rng=1)
    # Three standard errors: the interval of 95 % is 1.96 on the logarithmic scale.
    error = np.log(found.high / found.time) / 1.96
    assert abs(np.log(found.time / TRUTH[diffusion][0])) < 3 * error
    assert error < 0.05
    assert found.converged
    assert found.censored == pytest.approx(100, abs=1)
    # The interval is symmetric on the logarithmic scale.
    assert found.low < found.time < found.high
    assert found.low * found.high == pytest.approx(found.time**2, rel=1e-12)


@pytest.mark.slow
def test_simulation_over_a_high_barrier():
    found = mean_first_passage_time(WELL, [-1.0], [1.0], diffusion=0.05, n_paths=1000, rng=1)
    error = np.log(found.high / found.time) / 1.96
    assert abs(np.log(found.time / TRUTH[0.05][0])) < 3 * error


def test_steps_do_not_hide_crossings():
    # Free-moving OU towards a level it often touches: MFPT 0 -> 1 by quadrature, with a coarse step.
    system = OrnsteinUhlenbeck(np.array([[-1.0]]), np.array([[1.0]]))
    exact = mean_first_passage_time(system, [0.0], [1.0], diffusion=1.0, method="backward").time
    found = mean_first_passage_time(system, [0.0], [1.0], diffusion=1.0, n_paths=8000, step=0.1, stop_share=1.0)
    # Without the bridge the time is some 25 % too long at this step (0.58 sqrt(2 D dt) = .26 of a level of 1);
    # what remains is the order-dt bias of the integrator (step * rate / 2 = 5 %) and 1.1 % of noise.
    assert found.time == pytest.approx(exact, rel=0.06)


def test_backward_and_simulation_agree_in_two_dimensions_without_detailed_balance():
    system = CurlDoubleWell(1.0)
    grid = mean_first_passage_time(
        system, [-1.0, 0.0], [1.0, 0.0], diffusion=0.15, radius=0.3, method="backward", bounds=(-2.5, 2.5)
    )
    paths = mean_first_passage_time(system, [-1.0, 0.0], [1.0, 0.0], diffusion=0.15, radius=0.3, n_paths=1000)
    assert grid.converged
    chain = mean_first_passage_time(
        system, [-1.0, 0.0], [1.0, 0.0], diffusion=0.15, radius=0.3, method="chain", bounds=(-2.5, 2.5)
    )
    assert chain.time == pytest.approx(grid.time, rel=1e-6)  # one discretisation, two linear systems
    error = np.log(paths.high / paths.time) / 1.96
    assert abs(np.log(paths.time / grid.time)) < 3 * error
    # The rotation speeds the passage up (science: switch rates .050 / .063 / .129 for kappa 0, 1, 3).
    slow = mean_first_passage_time(
        CurlDoubleWell(0.0), [-1.0, 0.0], [1.0, 0.0], diffusion=0.15, radius=0.3, method="backward", bounds=(-2.5, 2.5)
    )
    assert slow.time > 1.1 * grid.time


def test_state_dependent_noise_on_the_line():
    # D(x) = D (1 + x^2 / 2) against tau = int exp(phi) int exp(-phi) / D, phi' = -f / D (Ito).
    def diffusion(x):
        return 0.1 * (1 + x**2 / 2)

    found = mean_first_passage_time(WELL, [-1.0], [1.0], diffusion=diffusion, method="backward")
    z = np.linspace(-4, 1, 200_001)
    level = 0.1 * (1 + z**2 / 2)
    slope = -(z - z**3) / level
    phi = np.concatenate([[0], np.cumsum(0.5 * (slope[1:] + slope[:-1]) * np.diff(z))])
    inner = np.concatenate(
        [[0], np.cumsum(0.5 * ((np.exp(-phi) / level)[1:] + (np.exp(-phi) / level)[:-1]) * np.diff(z))]
    )
    outer = np.exp(phi) * inner
    from_start = z[:-1] >= -1
    exact = (0.5 * (outer[1:] + outer[:-1]) * np.diff(z))[from_start].sum()
    assert found.time == pytest.approx(exact, rel=1e-3)


def test_kramers_in_coordinates_of_unit_noise():
    # f = -D grad U with anisotropic D is a gradient only after whitening; U = double well + y^2 / 2.
    level = torch.tensor([0.05, 0.4], dtype=torch.float64)

    def drift(x):
        return -level * torch.stack([5 * (x[:, 0] ** 3 - x[:, 0]) + 0.3 * x[:, 1], x[:, 1] + 0.3 * x[:, 0]], 1) * 4

    points = np.array([[-np.sqrt(1.018), 0.3 * np.sqrt(1.018)], [0.0, 0.0]])
    found = kramers_time(drift, points[0], points[1], diffusion=level)
    assert found.exact
    a2 = 1.018  # 5 x^3 - 5 x - .09 x = 0
    height = 4 * (5 * (a2 / 2 - a2**2 / 4) + 0.045 * a2)  # U along y = -.3 x
    assert found.action == pytest.approx(height, rel=1e-9)
    hessian = [4 * np.array([[15 * x**2 - 5, 0.3], [0.3, 1]]) for x in (np.sqrt(a2), 0.0)]
    root = np.sqrt(np.diag(level))
    rate = np.linalg.eigvalsh(-root @ hessian[1] @ root).max()
    ratio = np.sqrt(abs(np.linalg.det(hessian[1])) / np.linalg.det(hessian[0]))
    assert found.prefactor == pytest.approx(2 * np.pi / rate * ratio, rel=1e-9)


def test_kramers_refuses_what_it_does_not_cover():
    toggle = HuangToggle()
    points = toggle.fixed_points()
    with pytest.raises(ValueError, match=r"not a gradient.*asymmetry.*leading_order=True"):
        kramers_time(toggle, points[2], points[3], diffusion=0.01)
    rough = kramers_time(toggle, points[2], points[3], diffusion=0.01, leading_order=True)
    assert not rough.exact
    assert not rough.valid
    assert rough.action == pytest.approx(4.418, rel=1e-2)
    assert rough.prefactor == pytest.approx(2 * np.pi / 1.0738, rel=1e-3)
    with pytest.raises(ValueError, match="constant `diffusion`"):
        kramers_time(WELL, [-1.0], [0.0], diffusion=lambda x: 0.1 + x**2)
    with pytest.raises(ValueError, match="stable `attractor`"):
        kramers_time(WELL, [0.1], [0.0], diffusion=0.1)


def test_survival_mean_of_a_censored_exponential():
    rng = np.random.default_rng(0)
    time = rng.exponential(3.0, size=20_000)
    end = np.quantile(time, 0.6)
    censored = np.minimum(time, end)
    # 12,000 arrivals: a relative standard error below 1.5 % with the hazard of the late half.
    assert survival_mean(censored, time <= end) == pytest.approx(3.0, rel=0.05)
    assert survival_mean(time, np.ones(20_000, bool)) == time.mean()
    # After a dead time of 6 the hazard of the tail is still 1/3, though the mean rate of arrivals is 1/9.
    assert survival_mean(censored + 6.0, time <= end) == pytest.approx(9.0, rel=0.02)


def test_paths_that_do_not_arrive_are_reported():
    found = mean_first_passage_time(WELL, [-1.0], [1.0], diffusion=0.02, n_paths=50, max_time=5.0)
    assert np.isnan(found.time)
    assert not found.converged
    assert found.censored == 50
    assert found.low == pytest.approx(50 * 5 / 3, rel=0.02)
    assert found.high == np.inf
    part = mean_first_passage_time(WELL, [-1.0], [1.0], diffusion=0.2, n_paths=200, max_time=10.0)
    assert not part.converged
    assert 0.5 < part.time / TRUTH[0.2][0] < 2


def test_a_barrier_that_is_never_crossed_ends_by_itself(monkeypatch):
    monkeypatch.setattr("landscape.topography.passage.first_hits.MAX_STEPS", 200)
    found = mean_first_passage_time(WELL, [-1.0], [1.0], diffusion=1e-3, n_paths=20)
    assert np.isnan(found.time)
    # Twenty paths of 200 steps without an arrival: the mean time exceeds a third of the time at risk.
    assert found.low == pytest.approx(20 * 200 * found.step / 3)


def test_same_seed_same_time():
    first, second, other = (
        mean_first_passage_time(WELL, [-1.0], [0.0], diffusion=0.3, n_paths=50, rng=r) for r in (5, 5, 6)
    )
    assert first == second
    assert first.time != other.time


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "guess"}, "'simulation', 'backward', 'chain' or 'kramers', found 'guess'"),
        ({"diffusion": -1.0}, "positive and finite"),
        ({"radius": -1.0}, "positive `radius`"),
        ({"n_paths": 3}, "`n_paths` of at least 20"),
        ({"step": -1.0}, "positive `step`"),
        ({"target": [1.0, 0.0]}, "same size"),
    ],
)
def test_bad_input(options, message):
    with pytest.raises(ValueError, match=message):
        mean_first_passage_time(WELL, **({"start": [-1.0], "target": [1.0], "diffusion": 0.1} | options))


def test_bad_input_in_more_dimensions():
    system = CurlDoubleWell(1.0)
    with pytest.raises(ValueError, match="a point there is never hit"):
        mean_first_passage_time(system, [-1.0, 0.0], [1.0, 0.0], diffusion=0.1)
    with pytest.raises(ValueError, match="Expected `bounds`"):
        mean_first_passage_time(system, [-1.0, 0.0], [1.0, 0.0], diffusion=0.1, radius=0.1, method="backward")
    with pytest.raises(ValueError, match="one or two dimensions, found 3"):
        mean_first_passage_time(lambda x: -x, np.ones(3), np.zeros(3), diffusion=0.1, radius=0.1, method="backward")
    with pytest.raises(ValueError, match="does not confine the process"):
        mean_first_passage_time(lambda x: 0 * x, [-1.0], [1.0], diffusion=0.1, method="backward")

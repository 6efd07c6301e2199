import numpy as np
import pytest

from landscape.systems import DoubleWell, HuangToggle
from landscape.topography import (
    barrier_rates,
    mean_times,
    simulated_rates,
    simulated_weights,
    transition_network,
    weights_from_rates,
)

TILTED = DoubleWell(tilt=0.05)
LEFT, TOP, RIGHT = (float(v) for v in np.sort(np.ravel(TILTED.fixed_points())))
ENDS = [[LEFT], [RIGHT]]
NOISE = 0.12


def exact_weight_of_the_left():
    """Share of time since the left well was visited last, by the density and the committor."""
    x = np.linspace(-3, 3, 6001)
    density = np.asarray(TILTED.density(x, NOISE))
    q = np.array(
        [np.clip(TILTED.committor(v, NOISE, left=LEFT, right=RIGHT), 0, 1) if LEFT < v < RIGHT else v > 0 for v in x]
    )
    return float((density * (1 - q)).sum() / density.sum())


@pytest.fixture(scope="module")
def rates():
    return simulated_rates(TILTED, ENDS, diffusion=NOISE, radius=0.0, n_paths=400, rng=3)


def test_rates_are_inverse_passage_times(rates):
    for i, (a, b) in enumerate([(LEFT, RIGHT), (RIGHT, LEFT)]):
        exact = TILTED.mean_passage_time(a, b, NOISE)
        assert abs(rates.rates[i, 1 - i] - 1 / exact) < 3.5 * rates.standard_error[i, 1 - i]
    np.testing.assert_allclose(rates.rates.sum(1), 0, atol=1e-15)
    assert rates.method == "simulation"
    # Without censoring a rate would be the number of arrivals over the time at risk.
    np.testing.assert_array_equal(rates.arrivals.sum(1) + rates.censored, 400)
    np.testing.assert_allclose(rates.arrivals.sum(1) / rates.exposure, 1 / rates.residence, rtol=0.1)
    assert rates.converged


def test_paths_may_start_in_some_attractors_only(rates):
    found = simulated_rates(TILTED, ENDS, diffusion=NOISE, radius=0.0, n_paths=400, sources=[1], rng=3)
    assert np.isnan(found.rates[0]).all()
    assert found.rates[1, 0] == pytest.approx(rates.rates[1, 0], rel=0.3)
    assert found.exposure[0] == 0
    assert not found.converged


def test_weights_from_rates_and_from_simulation_agree_with_the_density(rates):
    exact = exact_weight_of_the_left()
    assert abs(exact - 0.5) > 0.05  # the tilt shows
    by_rates = weights_from_rates(rates)
    assert abs(by_rates.weights[0] - exact) < 3.5 * by_rates.standard_error[0]
    by_time = simulated_weights(TILTED, ENDS, diffusion=NOISE, radius=0.0 + 0.05, duration=600.0, n_paths=60)
    assert abs(by_time.weights[0] - exact) < 3.5 * by_time.standard_error[0] + 0.005
    assert by_time.converged
    assert by_rates.weights.sum() == pytest.approx(1)


def test_a_short_simulation_says_that_it_has_not_settled():
    found = simulated_weights(TILTED, ENDS, diffusion=0.03, radius=0.05, duration=5.0, n_paths=20)
    assert not found.converged


def test_kramers_rates_of_a_gradient_and_leading_order_otherwise():
    network = transition_network(TILTED, ENDS, diffusion=0.02)
    found = barrier_rates(TILTED, network, diffusion=0.02)
    assert found.method == "kramers"
    assert found.converged
    assert found.rates[0, 1] == pytest.approx(1 / TILTED.kramers_time(0.02, 0), rel=1e-6)
    assert found.rates[1, 0] == pytest.approx(1 / TILTED.kramers_time(0.02, 1), rel=1e-6)
    toggle = HuangToggle()
    wells = toggle.fixed_points()[[0, 2, 4]]
    net = transition_network(toggle, wells, diffusion=0.01)
    with pytest.raises(ValueError, match="not a gradient"):
        barrier_rates(toggle, net, diffusion=0.01)
    rough = barrier_rates(toggle, net, diffusion=0.01, leading_order=True)
    assert rough.method == "leading order"
    assert not rough.converged
    assert rough.rates[0, 2] == 0


def test_mean_times_of_a_rate_matrix():
    # A chain 0 <-> 1 <-> 2: t(0 -> 2) = 1/a + (a + b) / (a c) ... solved by hand for a = 2, b = 1, c = 4, d = 3.
    a, b, c, d = 2.0, 1.0, 4.0, 3.0
    rates = np.array([[0, a, 0], [b, 0, c], [0, d, 0]])
    found = mean_times(rates)
    np.testing.assert_allclose(found.diagonal(), 0)
    assert found[0, 1] == pytest.approx(1 / a)
    assert found[0, 2] == pytest.approx(1 / a + (1 + b / a) / c)
    assert found[1, 2] == pytest.approx((1 + b / a) / c)
    assert found[2, 0] == pytest.approx(1 / d + (1 + c / d) / b)
    # What leads through a row that is not known is not known; what does not is.
    rates[2] = np.nan
    found = mean_times(rates)
    assert found[0, 1] == pytest.approx(1 / a)
    assert found[0, 2] == pytest.approx(1 / a + (1 + b / a) / c)
    assert np.isnan(found[[1, 2, 2], [0, 0, 1]]).all()
    # An attractor that is never left is waited at for ever.
    assert mean_times(np.array([[0, a], [0, 0]]))[1, 0] == np.inf


def test_weights_of_the_toggle_are_not_its_basin_volumes():
    # Truth .42 for the centre at D = .02 by the Fokker-Planck equation on the whole valley; the milestone weight of
    # balls of .25 splits the ridge between neighbours instead of giving all of it to the centre.
    toggle = HuangToggle()
    wells = toggle.fixed_points()[[0, 2, 4]]
    rates = simulated_rates(toggle, wells, diffusion=0.02, radius=0.25, n_paths=150, rng=1, lower=0.0)
    weights = weights_from_rates(rates)
    assert weights.weights[1] + 2 * weights.standard_error[1] < 0.6  # basin volumes: .60 to .77
    assert abs(weights.weights[0] - weights.weights[2]) < 3.5 * np.hypot(*weights.standard_error[[0, 2]])


def test_bad_input():
    with pytest.raises(ValueError, match="at least two attractors and 20 `n_paths`"):
        simulated_rates(TILTED, ENDS[:1], diffusion=0.1, radius=0.0)
    found = simulated_rates(TILTED, ENDS, diffusion=0.02, radius=0.0, n_paths=20, max_time=1.0)
    assert np.isnan(found.rates).all()
    assert not found.converged
    assert (found.censored == 20).all()
    with pytest.raises(ValueError, match=r"finite rates, found none for attractors \[0, 1\]"):
        weights_from_rates(found)
    with pytest.raises(ValueError, match="`n_paths` of at least 4"):
        simulated_weights(TILTED, ENDS, diffusion=0.1, radius=0.1, duration=1.0, n_paths=2)

from __future__ import annotations

import numpy as np
import pytest

from landscape import network


def two_states(n=600, seed=0):
    """Regulator 0 drives gene 2 in state a, regulator 1 does in state b; gene 3 follows regulator 0 in both."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(2 * n, 2))
    state = np.repeat(["a", "b"], n)
    own = np.where(state == "a", x[:, 0], x[:, 1])
    values = np.column_stack([x, own + 0.3 * rng.normal(size=2 * n), x[:, 0] + 0.3 * rng.normal(size=2 * n)])
    return network.expression(values, [0, 1]), state


def test_states_differ_where_they_differ():
    data, state = two_states()
    found = network.state_networks(data, state, penalty=0.25, shrinkage=50)
    a, b = found.weights
    assert found.names == ("a", "b")
    assert a[0, 2] > 5 * abs(a[1, 2])
    assert b[1, 2] > 5 * abs(b[0, 2])
    assert abs(a[0, 2] - b[0, 2]) > 5 * np.hypot(*found.sd)[0, 2]
    assert abs(a[0, 3] - b[0, 3]) < 0.1


def test_standard_deviations_are_those_of_repeated_experiments():
    """Jackknife against the spread over 40 simulations: both have relative errors, of 1 / sqrt(2 * 4 * 40) and 1 / sqrt(80)."""
    found = [network.state_networks(*two_states(n=200, seed=s), penalty=0.25, shrinkage=50) for s in range(40)]
    spread = np.std([one.weights[0] for one in found], axis=0, ddof=1)
    estimate = np.sqrt(np.mean([one.sd[0] ** 2 for one in found], axis=0))
    edges = spread > 0
    ratio = (estimate[edges] / spread[edges]).mean()
    assert (
        abs(ratio - 1) < 0.3
    )  # edges 0-2, 0-3, 1-2, 1-3, 0-1, 1-0; neighbours share cells, so three errors of one edge


def test_differences_are_found_where_they_are():
    data, state = two_states()
    found = network.state_networks(data, state, penalty=0.25, shrinkage=50)
    result = network.differences(*found.weights, *found.sd)
    assert result.fdr[0, 2] < 0.05
    assert result.fdr[1, 2] < 0.05
    assert result.fdr[0, 3] > 0.05
    assert result.p_value[0, 0] == 1  # no edge to itself
    swapped = network.differences(*found.weights[::-1], *found.sd[::-1])
    np.testing.assert_allclose(swapped.t, -result.t)


def test_p_values_of_equal_states_are_level():
    """One network in both states: of 2 x 30 edges, 5 % below .05, within three binomial standard errors at 60 edges."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(800, 2))
    values = np.concatenate([x, x @ rng.normal(size=(2, 30)) + rng.normal(size=(800, 30))], axis=1)
    found = network.state_networks(
        network.expression(values, [0, 1]), np.repeat(["a", "b"], 400), penalty=0.25, shrinkage=50
    )
    p = network.differences(*found.weights, *found.sd).p_value[:, 2:]
    assert (p < 0.05).mean() < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 60)
    assert (p < 0.5).mean() > 0.25


def test_overlap_has_an_error():
    data, state = two_states()
    found = network.state_networks(data, state, penalty=0.25, shrinkage=50)
    assert found.overlap[0, 1] == pytest.approx(network.overlap(*found.weights))
    assert 0 < found.overlap_sd[0, 1] < 0.1
    repeats = [network.state_networks(*two_states(seed=s), penalty=0.25, shrinkage=50).overlap[0, 1] for s in range(20)]
    assert (
        0.4 < found.overlap_sd[0, 1] / np.std(repeats, ddof=1) < 2.5
    )  # a jackknife of five: chi with 8 degrees, 1 % and 99 %


def test_shuffled_cells_give_the_same_states():
    data, state = two_states(n=100)
    order = np.random.default_rng(1).permutation(200)
    moved = network.expression(data.counts[order], [0, 1], block_size=30)
    one = network.state_networks(data, state, penalty=0.25)
    other = network.state_networks(moved, state[order], penalty=0.25)
    for a, b in zip(one.sd + one.weights, other.sd + other.weights, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-9)


def test_shrinkage_leads_to_the_shared_network():
    data, state = two_states()
    found = network.state_networks(data, state, penalty=0.25, shrinkage=1e9)
    for weights in found.weights:
        np.testing.assert_allclose(weights, found.shared, atol=1e-5)
    np.testing.assert_allclose(
        found.shared, network.ridge(network.moments(data), [0, 1], penalty=0.25, deconfounding=0) / 1.25, atol=1e-12
    )


def test_states_have_to_be_labels_of_enough_cells():
    data, state = two_states()
    state[:30] = "c"
    with pytest.raises(ValueError, match=r"at least 50 cells in every state, found fewer in \['c'\]"):
        network.state_networks(data, state, penalty=0.25)
    with pytest.raises(ValueError, match="one state per cell"):
        network.state_networks(data, state[:5], penalty=0.25)


def test_overlap_is_a_cosine():
    a = np.array([[1.0, 0.0], [2.0, 2.0]])
    assert network.overlap(a, 3 * a) == pytest.approx(1.0)
    assert network.overlap(a, -a) == pytest.approx(-1.0)
    assert network.overlap(a, np.zeros((2, 2))) == 0


def test_the_active_network_is_the_slope_of_production():
    """Against finite differences of a s(W phi(x)) with s logistic and phi a Hill function."""
    rng = np.random.default_rng(0)
    weights, ceiling, x = rng.normal(size=(3, 3)), rng.random(3) + 0.5, rng.random(3) + 0.2

    def hill(v):
        return v**2 / (0.25 + v**2)

    def production(v):
        return ceiling / (1 + np.exp(-weights @ hill(v)))

    s = production(x) / ceiling
    found = network.active_network(weights, ceiling * s * (1 - s), 0.5 * x / (0.25 + x**2) ** 2)
    h = 1e-6
    expected = np.stack([(production(x + h * e) - production(x - h * e)) / (2 * h) for e in np.eye(3)], axis=1)
    np.testing.assert_allclose(found, expected, atol=1e-8)  # truncation of order h^2, rounding of order eps / h

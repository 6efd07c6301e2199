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
    found = network.state_networks(data, state, penalty=0.25, pull=50)
    a, b = found.weights
    assert found.names == ("a", "b")
    assert a[0, 2] > 5 * abs(a[1, 2])
    assert b[1, 2] > 5 * abs(b[0, 2])
    assert abs(a[0, 2] - b[0, 2]) > 5 * np.hypot(*found.shift_sd)[0, 2]
    assert abs(a[0, 3] - b[0, 3]) < 0.1


def test_shrinkage_leads_to_the_shared_network():
    data, state = two_states()
    found = network.state_networks(data, state, penalty=0.25, pull=1e9)
    for weights in found.weights:
        np.testing.assert_allclose(weights, found.shared, atol=1e-5)
    np.testing.assert_allclose(
        found.shared, network.ridge(network.moments(data), [0, 1], penalty=0.25, flatten=0) / 1.25, atol=1e-12
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

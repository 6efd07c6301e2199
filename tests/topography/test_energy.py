"""The Lyapunov energy against quadrature, finite differences, and the flow."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.integrate import quad
from scipy.special import logit

from landscape.dynamics import RegulatoryDrift
from landscape.topography import asymmetry, lyapunov_energy, symmetriser


def network(seed: int, kind: str, n: int = 8) -> RegulatoryDrift:
    rng = np.random.default_rng(seed)
    weights = rng.normal(0, 6 / np.sqrt(n), (n, n))
    if kind != "asymmetric":
        weights = (weights + weights.T) / 2
    if kind == "symmetrisable":
        weights = weights / np.exp(rng.normal(0, 0.5, n))[:, None]
    return RegulatoryDrift.from_arrays(
        weights,
        bias=rng.normal(size=n) - weights.sum(1) / 4,
        ceiling=np.exp(rng.normal(0, 0.4, n)),
        decay=np.exp(rng.normal(0, 0.4, n)),
        threshold=rng.uniform(0.2, 0.8, n),
        hill=rng.uniform(1, 5, n),
    )


def states(drift: RegulatoryDrift, n: int, seed: int = 0) -> torch.Tensor:
    share = torch.as_tensor(np.random.default_rng(seed).uniform(0.02, 0.98, (n, drift.n_genes)))
    return share * drift.ceiling / drift.decay


@pytest.mark.parametrize("kind", ["symmetric", "symmetrisable", "held"])
@pytest.mark.parametrize("seed", range(3))
def test_energy_never_rises_along_the_flow(kind, seed):
    drift = network(seed, "symmetrisable" if kind == "held" else kind)
    drift = drift.held_at({0: 0.4, 3: 0.0}) if kind == "held" else drift
    energy, x = lyapunov_energy(drift), states(drift, 10)
    before, rises = energy(x), 0
    for _ in range(300):
        x = x + 0.01 * drift(x)
        after = energy(x)
        # Rounding of a sum of order 10.
        rises += int((after > before + 1e-13).sum())
        before = after
    assert rises == 0


def test_the_energy_of_the_symmetric_part_does_rise_for_an_asymmetric_network():
    drift = network(0, "asymmetric")
    even = (drift.weights + drift.weights.T) / 2
    energy = lyapunov_energy(RegulatoryDrift(**{**vars(drift), "weights": even}))
    x, rises = states(drift, 10), 0
    for _ in range(200):
        ahead = x + 0.01 * drift(x)
        rises += int((energy(ahead) > energy(x) + 1e-13).sum())
        x = ahead
    assert rises > 100  # The check above can fail: this is what refusing prevents.


@pytest.mark.parametrize("held", [{}, {1: 0.3}])
def test_flow_is_a_gradient_flow_with_positive_mobility(held):
    drift = network(1, "symmetrisable").held_at(held)
    energy, x = lyapunov_energy(drift), states(drift, 20)
    gradient, step = energy.gradient(x), 1e-5
    for i in range(drift.n_genes):
        side = step * torch.eye(drift.n_genes, dtype=torch.float64)[i]
        slope = (energy(x + side) - energy(x - side)) / (2 * step)
        # Central differences leave step^2/6 times the third derivative (below 1e4 here) and rounding over the step.
        np.testing.assert_allclose(gradient[:, i], slope, atol=2e-6)
    assert (-drift(x) / gradient > 0).all()


def test_value_agrees_with_quadrature():
    drift, x = network(2, "symmetrisable"), None
    energy, x = lyapunov_energy(drift), states(drift, 3)
    k, n, a, gamma = (v.numpy() for v in (drift.threshold, drift.hill, drift.ceiling, drift.decay))
    d, w = energy.scale.numpy(), drift.weights.numpy()
    for row, value in zip(x.numpy(), energy(x).numpy(), strict=True):
        phi = row**n / (k**n + row**n)
        expected = -0.5 * phi @ (d[:, None] * w) @ phi - (d * drift.bias.numpy()) @ phi
        for i in range(len(row)):

            def integrand(y, i=i):
                return (
                    n[i] * k[i] ** n[i] * y ** (n[i] - 1) / (k[i] ** n[i] + y ** n[i]) ** 2 * logit(gamma[i] * y / a[i])
                )

            expected += d[i] * quad(integrand, 0, row[i], epsabs=1e-12, epsrel=1e-12, limit=200)[0]
        assert value == pytest.approx(expected, abs=1e-9)


def test_energy_is_finite_at_the_ceiling_and_refused_above():
    drift = network(0, "symmetric")
    top = drift.ceiling / drift.decay
    energy = lyapunov_energy(drift)
    near, at = energy((1 - 1e-12) * top[None]), energy(top[None])
    assert float((near - at).abs()) < 1e-9
    with pytest.raises(ValueError, match=r"1 of 2 states exceed it. Clip them"):
        energy(torch.stack([top, 1.1 * top]))
    with pytest.raises(ValueError, match="states with 8 genes, found 2"):
        energy(torch.ones(1, 2))


def test_an_asymmetric_network_is_refused_with_its_index():
    drift = network(0, "asymmetric")
    index = asymmetry(drift.weights)
    with pytest.raises(ValueError, match=rf"not symmetrisable: asymmetry index {index:.3g}, and .* remains after"):
        lyapunov_energy(drift)


def test_holding_genes_may_leave_a_symmetric_rest():
    drift = network(0, "symmetric")
    weights = drift.weights.clone()
    weights[2, 5] += 1.0
    broken = RegulatoryDrift(**{**vars(drift), "weights": weights})
    with pytest.raises(ValueError, match="not symmetrisable"):
        lyapunov_energy(broken)
    assert lyapunov_energy(broken.knocked_out([5])).residual < 1e-12


def test_other_drifts_are_refused():
    with pytest.raises(TypeError, match="Expected a RegulatoryDrift, found builtin"):
        lyapunov_energy(torch.neg)
    silent = RegulatoryDrift.from_arrays(np.zeros((2, 2)), ceiling=[1.0, 0.0])
    with pytest.raises(ValueError, match="positive `ceiling`"):
        lyapunov_energy(silent)
    assert lyapunov_energy(silent.knocked_out([1]))(torch.full((1, 2), 0.5)).shape == (1,)


symmetric = arrays(float, (4, 4), elements=st.floats(-3, 3)).map(lambda a: a + a.T)
positive = arrays(float, 4, elements=st.floats(0.1, 10))


@settings(max_examples=40)
@given(symmetric, positive)
def test_scales_that_were_divided_out_are_found(even, scale):
    found = symmetriser(even / scale[:, None])
    assert found.exists
    assert (found.scale > 0).all()


@settings(max_examples=40)
@given(st.integers(0, 1000), positive, st.lists(st.floats(0.1, 10), min_size=3, max_size=3))
def test_scales_are_normalised_on_each_connected_part(seed, scale, other):
    """Two networks beside each other and a gene without edges: each part has its scale up to a factor, with mean logarithm 0."""
    rng = np.random.default_rng(seed)
    weights = np.zeros((8, 8))
    for part, d in ((slice(0, 4), scale), (slice(4, 7), np.array(other))):
        even = rng.uniform(0.5, 2.0, (len(d), len(d)))
        weights[part, part] = (even + even.T) / d[:, None]
    weights[7, 7] = 3.0
    found = symmetriser(weights).scale
    for part, d in ((slice(0, 4), scale), (slice(4, 7), np.array(other))):
        np.testing.assert_allclose(found[part], d / np.exp(np.log(d).mean()), rtol=1e-9)
    assert found[7] == pytest.approx(1.0)


def test_index_has_its_closed_values():
    assert asymmetry(np.eye(3)) == 0
    assert asymmetry(np.array([[0.0, 1], [-1, 0]])) == np.inf
    assert asymmetry(np.array([[0.0, 1], [0, 0]])) == pytest.approx(1)
    assert asymmetry(np.zeros((2, 2))) == 0


@pytest.mark.parametrize(
    "weights", [[[0.0, 1.0], [0.0, 0.0]], [[0.0, 1.0], [-1.0, 0.0]], [[0, 1, 2], [1, 0, 1], [1, 1, 0]]],
    ids=["one-sided", "opposite", "cycle"],
)  # fmt: skip
def test_patterns_without_a_scale_are_recognised(weights):
    # Kolmogorov's criterion fails on the cycle: W01 W12 W20 = 1 and W02 W21 W10 = 2.
    assert not symmetriser(np.array(weights, dtype=float)).exists


def test_bad_weights_are_named():
    with pytest.raises(ValueError, match=r"weights of shape \(n, n\)"):
        asymmetry(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="finite weights, found 1"):
        symmetriser(np.array([[np.nan]]))

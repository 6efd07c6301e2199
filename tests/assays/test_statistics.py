"""Closed forms of the other assays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal, norm

import landscape as ls
from landscape.assays import (
    Subject,
    critical_inputs,
    energy,
    equations,
    fate_variance,
    first_order_shares,
    formal_model,
    generation,
    hierarchy,
    multiplexing,
    reach,
    told_apart,
    transverse_exponent,
    trophic_incoherence,
    tube_width,
    valley_depth,
)
from landscape.assays.constraint import ASSAY as CONSTRAINT
from landscape.assays.description_length import normal_bits, stationary_covariance
from landscape.assays.multiplexing import active_networks
from landscape.assays.noise_titration import entropy, fates_at
from landscape.assays.rewires import rewired_weights
from landscape.assays.valley_depth import depths
from landscape.dynamics import Model, RegulatoryDrift
from tests.assays.conftest import toggles


def valley(x: torch.Tensor) -> torch.Tensor:
    """A straight valley along the first variable, with walls of slope 1.3."""
    return torch.stack([torch.ones_like(x[:, 0]), -1.3 * x[:, 1]], dim=1)


def test_the_tube_of_a_linear_valley():
    """Width .1879 at t = 1.5 from 1 at the start, with D = .02: sqrt(exp(-2.6 t) + D / 1.3 (1 - exp(-2.6 t)))."""
    n, model = 20_000, Model(valley, 0.02, lower=None, max_step=0.002)
    start = np.column_stack([np.zeros(n), np.random.default_rng(0).standard_normal(n)])
    width = tube_width(model, start, [0.0, 1.5], direction=[0.0, 1.0], step=0.002)[-1]
    exact = np.sqrt(np.exp(-3.9) + 0.02 / 1.3 * (1 - np.exp(-3.9)))
    assert exact == pytest.approx(0.1879, abs=5e-5)
    # The scheme contracts by (1 - 1.3 h) in a step: 1.3 h / 2 less per unit of 1.3 t.
    assert width == pytest.approx(exact, rel=4 / np.sqrt(2 * n) + 1.3 * 0.002 * 1.95)


def test_the_exponent_across_a_linear_valley_is_its_slope():
    path = np.column_stack([np.linspace(0, 2, 50), np.zeros(50)])
    assert transverse_exponent(Model(valley, 0.02, lower=None, max_step=0.1), path, 2.0) == pytest.approx(
        -1.3, abs=1e-12
    )


def test_shares_of_the_variance_of_a_fate():
    """Fate = 1[x + theta + xi > 0] with variances 1, .5, .25: (2 / pi) asin(v / sum v) = .3872, .1845, .0913, interactions .3371."""
    v = np.array([1.0, 0.5, 0.25])
    exact = 2 / np.pi * np.arcsin(v / v.sum())
    np.testing.assert_allclose(exact, [0.3872, 0.1845, 0.0913], atol=5e-5)
    assert 1 - exact.sum() == pytest.approx(0.3371, abs=1e-4)
    rng, found = np.random.default_rng(0), []
    for _ in range(150):
        x, theta, xi = (np.sqrt(var) * rng.standard_normal(24) for var in v)
        found.append(first_order_shares(x[:, None, None] + theta[None, :, None] + xi > 0))
    mean, error = np.mean(found, axis=0), np.std(found, axis=0) / np.sqrt(150)
    # A ratio of two estimates is off by about one over the number of levels, relative.
    assert (np.abs(mean - exact) < 4 * error + exact / 24).all(), (mean, exact, error)
    assert np.isnan(first_order_shares(np.ones((4, 4)))).all()
    with pytest.raises(ValueError, match="two factors"):
        first_order_shares(np.zeros(5))


def test_noise_within_a_level_does_not_leak_into_its_share():
    rng = np.random.default_rng(1)
    shares = [first_order_shares(rng.random((30, 6)) < 0.5)[0] for _ in range(300)]
    # By the variance of the means it would be 1/6.
    assert np.mean(shares) == pytest.approx(0.0, abs=4 * np.std(shares) / np.sqrt(300))


def test_trophic_incoherence_of_small_graphs():
    chain = np.diag(np.ones(3), 1)
    cycle = chain.copy()
    cycle[3, 0] = 1
    shortcut = chain.copy()
    shortcut[0, 2] = 1
    assert trophic_incoherence(chain) == pytest.approx(0, abs=1e-12)
    assert trophic_incoherence(cycle) == pytest.approx(1)
    assert trophic_incoherence(shortcut) == pytest.approx(1 / 12)
    with pytest.raises(ValueError, match="none negative"):
        trophic_incoherence(-chain)


def test_trophic_incoherence_of_the_circuit_and_its_rewires():
    """.7598 without self-edges; 500 rewires have .823 with a standard deviation of .028 in an independent program."""
    circuit = ls.circuits.krumsiek()
    place = {gene: i for i, gene in enumerate(circuit.genes)}
    a = np.zeros((11, 11))
    for source, target, _ in circuit.edges:
        a[place[source], place[target]] = source != target
    assert trophic_incoherence(a) == pytest.approx(0.7598, abs=5e-5)
    rng = np.random.default_rng(0)
    null = [trophic_incoherence(rewired_weights(a.T, rng).T) for _ in range(300)]
    assert np.mean(null) == pytest.approx(0.823, abs=4 * 0.028 * np.sqrt(1 / 300 + 1 / 500))
    assert np.std(null) == pytest.approx(0.028, abs=4 * 0.028 * np.sqrt(1 / 600 + 1 / 1000))


@pytest.mark.parametrize(("delta", "expected"), [(0.0, 0.5), (0.5, 0.5987), (1.0, 0.6915), (2.0, 0.8413)])
def test_accuracy_between_normal_laws(delta, expected):
    """The best accuracy between N(0, 1) and N(delta, 1) is Phi(delta / 2)."""
    rng, n = np.random.default_rng(0), 5000
    found = told_apart(rng.standard_normal((n, 1)), rng.standard_normal((n, 1)) + delta, rng=0)
    assert norm.cdf(delta / 2) == pytest.approx(expected, abs=5e-5)
    # Two rules, each of five parameters from 5,000 states: what they lose is of the order of parameters over states.
    assert found == pytest.approx(expected, abs=4 * np.sqrt(0.25 / (2 * n)) + 5 / n)


def test_covariances_are_told_apart_too():
    rng = np.random.default_rng(0)
    wide, narrow = 3 * rng.standard_normal((800, 2)), rng.standard_normal((800, 2))
    assert told_apart(wide, narrow, rng=0) > 0.75
    with pytest.raises(ValueError, match="4 states"):
        told_apart(wide[:2], narrow)


def test_states_that_only_others_lead_to():
    chain = reach(np.diag(np.ones(2), 1))
    assert chain.through.sum() == 1
    assert chain.through[0, 2]
    assert chain.terminal == ((2,),)
    assert not reach(np.ones((3, 3))).through.any()
    with pytest.raises(ValueError, match="shape"):
        reach(np.ones((2, 3)))


def test_the_asynchronous_graph_of_the_circuit():
    """From Cebpa, Pu1, Gata2 on: 214 states, and four of the six fixed points (Krumsiek et al. 2011)."""
    circuit = ls.circuits.krumsiek()
    genes, rules = circuit.genes, circuit.boolean_rules
    start = tuple(gene in {"Cebpa", "Pu1", "Gata2"} for gene in genes)
    number, steps, queue = {start: 0}, [], [start]
    while queue:
        state = queue.pop()
        for i, rule in enumerate(rules):
            row = sum(state[genes.index(name)] << j for j, name in enumerate(rule.inputs))
            after = (*state[:i], bool(rule.table[row]), *state[i + 1 :])
            if after not in number:
                number[after] = len(number)
                queue.append(after)
            steps.append((number[state], number[after]))
    graph = np.zeros((len(number), len(number)), bool)
    graph[tuple(np.array(steps).T)] = True
    found = reach(graph)
    assert len(number) == 214
    assert found.reachable[0, 1:].all()
    ends = {frozenset(g for g, on in zip(genes, list(number)[k[0]], strict=True) if on) for k in found.terminal}
    assert all(len(k) == 1 for k in found.terminal)
    assert ends == set(circuit.fates.values())
    assert len(circuit.fixed_points_boolean()) == 6


def test_the_input_at_which_a_centre_is_lost():
    """The centre of Huang's toggle is stable while its self-activation is above .7744750, a pitchfork."""
    family = lambda a: ls.systems.HuangToggle(activation=a)  # noqa: E731
    found = critical_inputs(family, [1.0, 1.0], (0.5, 1.0), at=1.0)
    assert found["input"].tolist() == pytest.approx([0.7744750], abs=2e-6)
    assert found["kind"].tolist() == ["pitchfork"]


def test_switches_apart_have_no_crosstalk():
    subject = toggles(2)
    active = active_networks(subject.view, subject.memories)
    assert np.abs(active[:, :2, 2:]).max() == 0
    assert np.abs(active[:, 2:, :2]).max() == 0
    # A state in which only the first switch is on, and one in which only the second is, use no edge in common.
    halves = np.array([[0.9, 0.2, 0.0, 0.0], [0.0, 0.0, 0.9, 0.2]])
    first, second = np.abs(active_networks(subject.view, halves))
    assert (first * second).sum() == 0
    assert 0 <= multiplexing(subject, rng=0).value <= 1


def test_a_linear_sink_contracts_by_its_trace():
    system = ls.systems.OrnsteinUhlenbeck(np.array([[-1.0, 2.0], [-0.3, -1.5]]), np.diag([0.3, 0.6]))
    rng = np.random.default_rng(0)
    cells = 0.01 * rng.standard_normal((50, 2))
    subject = Subject(Model(system, 0.1, lower=None, max_step=0.05), cells, np.zeros((1, 2)))
    found = CONSTRAINT.measure(subject.view, np.random.default_rng(0))
    assert found.details["contraction"] == pytest.approx(2.5)  # -tr A
    assert found.value == 1.0


def test_noise_decides_as_the_committor_says():
    """Double well at D = .05 from .2: .7994 go right before left; without noise all do."""
    n = 4000
    cells = np.array([[-1.0], [1.0]])
    subject = Subject(Model(ls.systems.DoubleWell(), 0.05, lower=None, max_step=0.01), cells, cells, duration=12.0)
    view = subject.view
    assert view.rates == pytest.approx([2.0])
    start = np.full((n, 1), 0.2)
    right = (fates_at(view, 1.0, start, 0) == 1).mean()
    # One path in 730 / 12 has crossed back, in either direction, and the step is .1.
    assert right == pytest.approx(0.7994, abs=4 * np.sqrt(0.16 / n) + 12 / 730 * 0.6 + 0.01)
    assert (fates_at(view, 1e-4, start[:50], 0) == 1).all()
    assert entropy([0, 0, 1, 1, -1], 2) == pytest.approx(1.0)
    assert entropy([0] * 8, 2) == 0


def test_bits_of_a_mixture_are_those_of_its_density():
    rng = np.random.default_rng(0)
    x, means = rng.standard_normal((30, 3)), rng.standard_normal((2, 3))
    covs = np.array([np.eye(3), [[2, 0.5, 0], [0.5, 1, 0], [0, 0, 0.3]]])
    density = 0.3 * multivariate_normal(means[0], covs[0]).pdf(x) + 0.7 * multivariate_normal(means[1], covs[1]).pdf(x)
    assert normal_bits(x, means, covs, [0.3, 0.7]) == pytest.approx(-np.log2(density).sum())


def test_the_covariance_around_a_state_is_that_of_its_paths():
    system = ls.systems.OrnsteinUhlenbeck(np.array([[-1.0, 2.0], [-0.3, -1.5]]), np.diag([0.3, 0.6]))
    model = Model(system, np.diag([0.3, 0.6]), lower=None, max_step=0.02)
    sigma = stationary_covariance(model, [0.0, 0.0])
    a = np.array([[-1.0, 2.0], [-0.3, -1.5]])
    np.testing.assert_allclose(a @ sigma + sigma @ a.T, -2 * np.diag([0.3, 0.6]), atol=1e-12)


def test_exported_equations_are_the_model():
    rng = np.random.default_rng(0)
    drift = RegulatoryDrift.from_arrays(
        rng.standard_normal((5, 5)),
        bias=rng.standard_normal(5),
        decay=0.5 + rng.random(5),
        hill=3.0,
        signal=0.2,
        held={1: 0.4, 3: 0.0},
    )
    x = rng.random((20, 5)) - 0.1
    plain = equations(drift)
    np.testing.assert_allclose([plain(0.0, each) for each in x], drift(torch.as_tensor(x)).numpy(), atol=1e-14)
    found = formal_model(toggles(2), rng=0)
    assert found.verdict == "supported"
    with pytest.raises(TypeError, match="regulatory drift"):
        equations(ls.systems.DoubleWell())


def test_a_symmetric_network_has_an_energy():
    found = energy(toggles(1), rng=0)
    # Both switches have equal genes, but states do not: effects are antisymmetric by state and symmetric in the mean.
    assert found.value < 0.2
    assert hierarchy(toggles(1), rng=0).value == pytest.approx(
        1.0, abs=0.1
    )  # two genes that repress each other have no order


def test_depths_and_likelihoods():
    heights = np.array([[0, 3.0, 5.0, np.nan], [2.0, 0, 4.0, 9.0], [1.0, 7.0, 0, 8.0], [6.0, 6.5, np.nan, 0]])
    np.testing.assert_array_equal(depths(heights), [3, 2, 1, 6])
    subject = toggles(2, barriers=np.where(np.eye(4, dtype=bool), 0, np.arange(1.0, 5)[:, None] + np.zeros(4)))
    found = valley_depth(subject, rng=0)
    assert -1 <= found.value <= 1
    assert found.null_high < 1


def test_the_start_has_its_share_where_it_decides():
    models = tuple(replace(toggles(1).model, diffusion=d) for d in (0.001, 0.0012, 0.0014, 0.0016, 0.0018, 0.002))
    rng = np.random.default_rng(0)
    start = 0.45 + 0.08 * rng.standard_normal((60, 2))
    found = fate_variance(toggles(1, ensemble=models, start=start, grade="B"), rng=0)
    assert found.verdict == "supported"
    assert found.value > 0.5
    assert abs(found.details["genome"]) < 0.05  # replicates differ in their noise alone
    assert found.value + found.details["genome"] + found.details["noise"] + found.details[
        "interactions"
    ] == pytest.approx(1)


def test_a_model_generates_cells_where_its_rewires_do_not(krumsiek):
    times = np.round(np.asarray(krumsiek.times) / 7.5) * 7.5
    found = generation(replace(krumsiek, times=times), rng=0)
    assert found.details["times"]["cells"].mean() == pytest.approx(0.5, abs=0.12)
    assert found.value < found.null_low

"""Gradient ascent and the Hebbian rule beside evolution."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from landscape.evolution import (
    Development,
    Genome,
    TargetFamily,
    autonomy,
    compare_genomes,
    fitness_gradient,
    gradient,
    hebbian,
)

FAMILY = TargetFamily()


def test_the_gradient_is_that_of_automatic_differentiation():
    gen, development = np.random.default_rng(0), Development(6, gain=0.7, rate=1.3, decay=0.4)
    g, b, s = gen.uniform(-1, 1, 5), gen.normal(size=(5, 5)), gen.uniform(-1, 1, 5)
    embryo, weights = (torch.tensor(a, requires_grad=True) for a in (g, b))
    p = embryo
    for _ in range(6):
        p = p - 0.4 * p + 1.3 * torch.tanh(0.7 * weights @ p)
    match = 0.5 * (1 + (p * torch.as_tensor(s)).sum() * 0.4 / 1.3 / 5)
    match.backward()
    value, by_embryo, by_weights = fitness_gradient(g, b, s, development)
    assert value == pytest.approx(match.item(), abs=1e-14)
    np.testing.assert_allclose(by_embryo, embryo.grad, atol=1e-14)
    np.testing.assert_allclose(by_weights, weights.grad, atol=1e-14)


def test_one_step_of_gradient_ascent():
    """From nothing the embryo moves and no weight does; then weights become the outer product, less the cost."""
    target = FAMILY.members[:1]
    options = {"schedule": "fixed", "rate": 0.05, "embryo_rate": 10.0, "cost": 0.02}
    first, second = (gradient(target, n_steps=n, **options) for n in (1, 2))
    by_embryo = 0.5 * 0.2 * 0.8**10 * target[0] / 16
    np.testing.assert_allclose(first.embryo, 10 * by_embryo, rtol=1e-12)
    assert (first.weights == 0).all()
    # Of ten steps each, .8^t before and .8^(9-t) after the push: ten times .8^9.
    push = 0.05 * 0.5 * 0.2 / 16 * 0.5 * 10 * 0.8**9 * np.outer(target[0], first.embryo)
    np.testing.assert_allclose(
        second.weights, np.sign(push) * np.maximum(np.abs(push) - 0.05 * 0.02 / 256, 0), rtol=1e-12, atol=1e-18
    )


def test_gradient_ascent_with_a_cost_finds_the_modules():
    genome = gradient(FAMILY.trained, cost=0.22)
    adults = genome.develop(20_000, rng=0)
    assert (FAMILY.shares(adults) >= 0.08).sum() == 8
    assert autonomy(adults @ FAMILY.traits.T).min() > 0.99


def test_the_hebbian_rule():
    genome = hebbian(FAMILY.trained, strength=0.6)
    by_hand = [[0.6 / 3 * sum(s[i] * s[j] for s in FAMILY.trained) for j in range(16)] for i in range(16)]
    np.testing.assert_allclose(genome.weights, by_hand, atol=1e-15)


def test_genomes_are_compared_by_what_they_develop_into():
    trained, all_members = hebbian(FAMILY.trained), hebbian(FAMILY.members)
    table = compare_genomes({"a": trained, "b": all_members, "c": trained}, FAMILY, FAMILY.trained, n_embryos=5000)
    assert table.index.tolist() == ["a", "b", "c"]
    shares = [FAMILY.shares(genome.develop(5000, rng=0)) for genome in (trained, all_members)]
    every = [np.append(s, 1 - s.sum()) for s in shares]
    assert table.distance.tolist() == pytest.approx([0, 0.5 * np.abs(every[1] - every[0]).sum(), 0])
    assert table.trained["b"] == pytest.approx(shares[1][[0, 3, 5]].sum())
    assert table.hebbian["a"] == pytest.approx(1)
    assert table.modularity["b"] == pytest.approx(0.75)
    assert (table.members + table.outside).tolist() == pytest.approx([1, 1, 1])
    p = all_members.develop(FAMILY.trained)
    assert table.fitness["b"] == pytest.approx(
        np.mean([0.5 * (1 + (x * s).mean()) for x, s in zip(p, FAMILY.trained, strict=True)])
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: gradient(FAMILY.trained, rate=0.0), "`rate` to be positive"),
        (lambda: gradient(FAMILY.trained, cost=-1.0), "`cost` to be zero or positive"),
        (lambda: gradient(FAMILY.trained, n_steps=0), "`n_steps` to be a whole number"),
        (lambda: hebbian(FAMILY.trained, strength=0.0), "`strength` to be positive"),
        (lambda: compare_genomes({}, FAMILY, FAMILY.trained), "one genome or more"),
        (lambda: compare_genomes({"a": Genome(np.zeros(3), np.eye(3))}, FAMILY, FAMILY.trained), r"\(n, 16\)"),
    ],
)
def test_wrong_arguments_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()

"""A population with recombination, against population genetics."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.evolution import Development, Genome, Mutation, Population, TargetFamily, evolve
from landscape.evolution.genome import Pool

FAMILY = TargetFamily()
STILL = Mutation(embryo=0.0, weights=0.0)


def founder_of(embryos, weights=None, development=None) -> Genome:
    m, d = embryos.shape
    weights = np.zeros((m, d, d)) if weights is None else weights
    return Genome(embryos[0], weights[0], development or Development(), pool=Pool(embryos, weights, np.zeros(m)))


def test_neutral_variance_is_that_of_mutation_and_drift():
    r"""Variance of a weight after t generations from one founder: :math:`M \sigma^2 (1 - (1 - 1/M)^t)`."""
    m, t, n_runs = 20, 30, 60
    mutation, target = Mutation(embryo=0.0, weights=0.3), np.ones((1, 4))
    variances = []
    for seed in range(n_runs):
        pool = evolve(
            target,
            schedule="fixed",
            n_generations=t,
            mutation=mutation,
            population=Population(m, selection=0.0),
            seed=seed,
        ).pool
        variances.append(pool.weights.var(0, ddof=1).mean())
    expected = m * 0.3**2 / 3 * (1 - (1 - 1 / m) ** t)
    error = np.std(variances, ddof=1) / np.sqrt(n_runs)
    assert error < 0.06 * expected
    assert np.mean(variances) == pytest.approx(expected, abs=4 * error)


@pytest.mark.parametrize(("recombination", "kept"), [(0.0, 1.0), (1.0, 0.5), (0.4, 0.8)])
def test_linkage_decays_with_recombination(recombination, kept):
    """Free recombination halves the correlation of two genes in every generation, with probability r of two parents."""
    m = 4000
    sign = np.where(np.arange(m) % 2, 1.0, -1.0)
    embryos = 0.5 * np.repeat(sign[:, None], 3, 1)
    weights = sign[:, None, None] * np.ones((m, 3, 3))
    for t in (1, 3):
        pool = evolve(
            np.ones((1, 3)),
            schedule="fixed",
            n_generations=t,
            mutation=STILL,
            population=Population(m, selection=0.0, recombination=recombination),
            founder=founder_of(embryos, weights),
            seed=t,
        ).pool
        found = np.corrcoef(pool.embryos.T)[np.triu_indices(3, 1)]
        # Four standard errors of a correlation of 4,000 genomes, and of its decay by drift, t / m.
        np.testing.assert_allclose(found, kept**t, atol=4 / np.sqrt(m) * (kept < 1) + t / m)
        # A gene comes with all that acts on it: its row of the weights has the sign of its direct effect.
        np.testing.assert_array_equal(pool.weights, np.sign(pool.embryos)[:, :, None] * np.ones(3))


def test_offspring_are_shared_out_by_the_exponential_of_fitness():
    """Half of the genomes have fitness 1 and half 0.9: their shares are as exp(0.1 s) to 1."""
    m, s = 20_000, 12.0
    embryos = np.ones((m, 2))
    embryos[: m // 2, 0] = 0.6
    direct = Development(n_steps=0)
    pool = evolve(
        np.ones((1, 2)),
        schedule="fixed",
        n_generations=1,
        mutation=STILL,
        population=Population(m, selection=s, recombination=0.0),
        founder=founder_of(embryos, development=direct),
    ).pool
    expected = np.exp(0.1 * s) / (1 + np.exp(0.1 * s))
    assert (pool.embryos[:, 0] == 1).mean() == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / m))
    np.testing.assert_allclose(pool.fitness, np.where(pool.embryos[:, 0] == 1, 1.0, 0.9), atol=1e-15)


def test_a_population_adapts_and_returns_its_fittest():
    options = {
        "schedule": "fixed",
        "n_generations": 1000,
        "population": Population(30),
        "mutation": Mutation(weights=0.01),
    }
    genome = evolve(FAMILY.members[:1], seed=1, **options)
    pool = genome.pool
    assert (genome.phenotype * FAMILY.members[0] > 0).all()
    best = int(pool.fitness.argmax())
    assert pool.fitness[best] > 0.9
    np.testing.assert_array_equal(genome.weights, pool.weights[best])
    match = 0.5 * (1 + genome.phenotype @ FAMILY.members[0] / 16)
    assert pool.fitness[best] == pytest.approx(match, abs=1e-12)
    again = evolve(FAMILY.members[:1], seed=1, **options)
    np.testing.assert_array_equal(again.pool.weights, pool.weights)


def test_a_population_goes_on_from_the_population_of_its_founder():
    options = {"schedule": "fixed", "population": Population(30)}
    first = evolve(FAMILY.members[:1], n_generations=5, mutation=Mutation(), **options)
    same = evolve(FAMILY.members[:1], n_generations=1, mutation=STILL, founder=first, **options)
    known = {row.tobytes() for row in first.pool.embryos[:, :1]}
    assert {row.tobytes() for row in same.pool.embryos[:, :1]} <= known
    assert len(known) > 1

"""Other learners of the same weights: gradient ascent through development, and the Hebbian rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from landscape._random import RandomLike
from landscape.evolution.development import Development
from landscape.evolution.evolve import evolve
from landscape.evolution.genome import Genome
from landscape.evolution.plan import require_positive_count, require_seed
from landscape.evolution.pressures import Mutation
from landscape.evolution.structure import autonomy, hebbian_correlation, modularity
from landscape.evolution.targets import Schedule, TargetFamily, as_modules, as_targets, goals, require_schedule

FloatArray = NDArray[np.float64]

# Random embryos by which genomes are compared: the standard error of a share is below 0.004.
N_EMBRYOS = 20_000


def fitness_gradient(
    embryo: FloatArray, weights: FloatArray, target: FloatArray, development: Development
) -> tuple[float, FloatArray, FloatArray]:
    r"""Match :math:`f = \frac12 (1 + P \cdot S / N)` and its gradients by back-propagation through development.

    Parameters
    ----------
    embryo, weights
        :math:`G` of shape ``(d,)`` and :math:`B` of shape ``(d, d)``.
    target
        :math:`S`, shape ``(d,)``.
    development
        How the embryo becomes an adult.

    Returns
    -------
    :math:`f`, :math:`\partial f / \partial G` and :math:`\partial f / \partial B`.
    """
    n, course = len(embryo), development.states(weights, embryo[None])[:, 0]
    by_state = 0.5 * development.scale * target / n
    by_weights = np.zeros_like(weights)
    match = 0.5 * (1 + float(course[-1] @ target) * development.scale / n)
    for state in course[-2::-1]:
        slope = 1 - np.tanh(development.gain * weights @ state) ** 2
        pushed = development.rate * development.gain * slope * by_state
        by_weights += np.outer(pushed, state)
        by_state = (1 - development.decay) * by_state + weights.T @ pushed
    return match, by_state, by_weights


def gradient(
    targets: ArrayLike,
    *,
    schedule: Schedule = "switching",
    period: int = 100,
    modules: ArrayLike | None = None,
    cost: float = 0.0,
    rate: float = 0.02,
    embryo_rate: float = 100.0,
    n_steps: int = 24_000,
    development: Development | None = None,
    seed: int = 0,
) -> Genome:
    r"""Genome by gradient ascent of the fitness under goals that change, with errors propagated back through development.

    .. math:: G \leftarrow \mathrm{clip}\Big(G + \eta_G \frac{\partial f}{\partial G}\Big), \qquad
              B \leftarrow \mathrm{soft}_{\eta \lambda / N^2}\Big(B + \eta \frac{\partial f}{\partial B}\Big)

    A learner that knows which weight is to blame, beside evolution, which sees the fitness alone. The embryo follows a goal within a period, as in
    evolution.

    Parameters
    ----------
    targets, schedule, modules, development
        As for :func:`landscape.evolution.evolve`.
    period
        Steps after which the goal changes.
    cost
        :math:`\lambda` of an L1 cost of connections.
    rate, embryo_rate
        :math:`\eta, \eta_G`. Within one period the embryo should go all the way and weights a little, so that they average over goals.
    n_steps
        Number of steps.
    seed
        Seed of modularly varying goals.

    Returns
    -------
    The genome.

    Raises
    ------
    ValueError
        If arguments do not fit together or are out of their range.
    """
    wanted, grows = as_targets(targets), development or Development()
    require_schedule(schedule, len(wanted), modules)
    require_positive_count("period", period)
    require_positive_count("n_steps", n_steps)
    require_seed(seed)
    for name, value, lowest in (
        ("rate", rate, "positive"),
        ("embryo_rate", embryo_rate, "positive"),
        ("cost", cost, "zero or positive"),
    ):
        if not np.isfinite(value) or value < 0 or (value == 0 and lowest == "positive"):
            msg = f"Expected `{name}` to be {lowest} and finite, found {value}."
            raise ValueError(msg)
    parts = None if modules is None else as_modules(modules, wanted.shape[1])
    n = wanted.shape[1]
    embryo, weights = np.zeros(n), np.zeros((n, n))
    sequence = goals(wanted, schedule, parts, seed)
    for k in range(n_steps):
        if k % period == 0:
            goal = next(sequence)
        _, by_embryo, by_weights = fitness_gradient(embryo, weights, goal, grows)
        embryo = np.clip(embryo + embryo_rate * by_embryo, -1, 1)
        moved = weights + rate * by_weights
        weights = np.sign(moved) * np.maximum(np.abs(moved) - rate * cost / n**2, 0.0)
    return Genome(embryo, weights, grows)


def hebbian(targets: ArrayLike, *, strength: float = 0.25, development: Development | None = None) -> Genome:
    r"""Genome by the Hebbian rule, :math:`B = \frac{c}{k} \sum_k S_k S_k^\top`: genes that are selected together act on one another.

    Parameters
    ----------
    targets
        Phenotypes :math:`S_k`, shape ``(k, d)``.
    strength
        :math:`c`.
    development
        How an embryo becomes an adult.

    Returns
    -------
    The genome; its embryo is the first target.

    Raises
    ------
    ValueError
        If targets or strength are out of their range.
    """
    wanted = as_targets(targets)
    if not 0 < strength < np.inf:
        msg = f"Expected `strength` to be positive and finite, found {strength}."
        raise ValueError(msg)
    return Genome(wanted[0], strength / len(wanted) * wanted.T @ wanted, development or Development())


@dataclass(frozen=True, eq=False)
class Comparison:
    """Genomes of several learners.

    Attributes
    ----------
    table
        One row for each learner, see :func:`compare_genomes`.
    genomes
        The genomes by their learner.
    """

    table: pd.DataFrame
    genomes: Mapping[str, Genome]


def compare_genomes(
    genomes: Mapping[str, Genome],
    family: TargetFamily,
    targets: ArrayLike,
    *,
    n_embryos: int = N_EMBRYOS,
    rng: RandomLike = 0,
) -> pd.DataFrame:
    """Compare genomes by what they develop into, and by their weights.

    Parameters
    ----------
    genomes
        Genomes by name; they are compared with the first.
    family
        Phenotypes that are told apart.
    targets
        Phenotypes on which the genomes were trained.
    n_embryos
        Number of random embryos, the same for all genomes.
    rng
        Seed of the embryos.

    Returns
    -------
    One row for each genome: ``fitness``, the mean match over targets of the adult that grows from the target itself; ``trained``, ``members``,
    ``outside``, the share of embryos that develop to a target, to any member of the family, and to none; ``distance``, total variation of these shares
    from those of the first genome; ``weights``, correlation of the weights with those of the first; ``hebbian``, their correlation with the
    sum of outer products of the targets; ``modularity`` for the modules of the family; ``autonomy``, mean over modules.

    Raises
    ------
    ValueError
        If there is no genome, or its number of genes is not that of the family.
    """
    if not genomes:
        msg = "Expected one genome or more to compare, found none."
        raise ValueError(msg)
    wanted, rows = as_targets(targets), []
    first = next(iter(genomes.values()))
    reference = np.zeros(0)
    for genome in genomes.values():
        adults = genome.develop(n_embryos, rng=rng)
        shares = family.shares(adults)
        every = np.append(shares, 1 - shares.sum())
        reference = reference if len(reference) else every
        known = np.abs(family.members @ wanted.T).max(1) == genome.n_genes
        rows.append(
            {
                "fitness": float(0.5 * (1 + (genome.develop(wanted) * wanted).sum(1) / genome.n_genes).mean()),
                "trained": float(shares[known].sum()),
                "members": float(shares.sum()),
                "outside": float(every[-1]),
                "distance": float(0.5 * np.abs(every - reference).sum()),
                "weights": float(np.corrcoef(genome.weights.ravel(), first.weights.ravel())[0, 1]),
                "hebbian": hebbian_correlation(genome.weights, wanted),
                "modularity": modularity(genome.weights, family.modules).value,
                "autonomy": float(autonomy(adults @ family.traits.T).mean()),
            }
        )
    return pd.DataFrame(rows, index=pd.Index(genomes, name="genome"))


def compare_learners(
    family: TargetFamily,
    targets: ArrayLike,
    *,
    cost: float = 0.0,
    mutation: Mutation | None = None,
    period: int = 20_000,
    n_generations: int = 3_600_000,
    n_steps: int = 24_000,
    seed: int = 0,
) -> Comparison:
    """Evolution, gradient ascent and the Hebbian rule on the same targets.

    Parameters
    ----------
    family
        Phenotypes that are told apart.
    targets
        Phenotypes that are learned, shape ``(k, d)``.
    cost
        L1 cost of connections in evolution and gradient ascent; the Hebbian rule has none.
    mutation, period, n_generations
        Of evolution.
    n_steps
        Steps of gradient ascent.
    seed
        Seed of evolution.

    Returns
    -------
    The genomes and their table, compared with ``"evolution"``.
    """
    genomes = {
        "evolution": evolve(
            targets, cost=cost, mutation=mutation, period=period, n_generations=n_generations, seed=seed
        ),
        "gradient": gradient(targets, cost=cost, n_steps=n_steps),
        "hebbian": hebbian(targets),
    }
    return Comparison(compare_genomes(genomes, family, targets), genomes)

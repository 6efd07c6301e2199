"""Effects of mutations: how they are distributed over edges, and how far they add up."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from landscape._random import RandomLike
from landscape.assays.assess import N_NULL, Assay, Measured, assess
from landscape.assays.finding import Finding
from landscape.assays.mutations import MUTATION, axes_of, mutate, settle_mutants, trait_slopes
from landscape.assays.subject import Subject, View

# Share of edges whose part in the variance is asked, and individuals of the population.
TOP, N_INDIVIDUALS = 0.01, 150


def top_share(effects: np.ndarray, share: float = TOP) -> float:
    """Share of the sum of squares that the largest entries have, a given share of those that are not zero (at least one)."""
    squared = np.sort(np.square(effects[effects != 0]))[::-1]
    n = max(1, round(share * len(squared)))
    return float(squared[:n].sum() / squared.sum()) if len(squared) else np.nan


def additive_share(values: np.ndarray, additive: np.ndarray) -> float:
    r"""Share of the variance of a trait that an additive prediction explains, :math:`V_A / V_G`, the squared correlation."""
    if values.std() == 0 or additive.std() == 0:
        return np.nan
    return float(np.corrcoef(values, additive)[0, 1] ** 2)


def _distribution(view: View, rng: np.random.Generator) -> Measured:
    del rng
    slopes = trait_slopes(view)
    if slopes is None:
        return Measured(np.nan, reason=view.merged)
    flat = [part[part != 0] for part in slopes]
    if not all(len(part) for part in flat):
        return Measured(np.nan, reason="no edge has an effect on one of the phenotypes")
    kurtosis = float(np.mean([stats.kurtosis(part) for part in flat]))
    return Measured(float(np.mean([top_share(part) for part in slopes])), details={"kurtosis": kurtosis})


def _additivity(view: View, rng: np.random.Generator) -> Measured:
    slopes = trait_slopes(view)
    if slopes is None:
        return Measured(np.nan, reason=view.merged)
    weights = view.model.drift.weights.numpy()
    # Free recombination makes all alleles independent, so that a population at equilibrium is a sample of independent mutations.
    mutants = mutate(weights, MUTATION, N_INDIVIDUALS, rng)
    with np.errstate(invalid="ignore", divide="ignore"):
        alleles = np.where(weights != 0, mutants / weights - 1, 0.0)
    axes = axes_of(view.states)
    traits = np.einsum("mkd,kd->mk", settle_mutants(view, mutants, view.states) - view.states, axes)
    predicted = alleles.reshape(len(alleles), -1) @ slopes.reshape(len(slopes), -1).T
    shares = [additive_share(traits[:, k], predicted[:, k]) for k in range(len(slopes))]
    error = np.nanstd(shares) / np.sqrt(max(1, len(shares)))
    details = {}
    if len(shares) == len(view.memories):
        details["states"] = pd.DataFrame({"state": view.subject.names, "additive": shares})
    return Measured(float(np.mean(shares)), float(error), details)


DISTRIBUTION = Assay(
    name="mutational effects",
    row="20",
    section="Emergent modularity and disentangled representations",
    claim="Most variants have tiny effects, and few have large ones.",
    statistic="share of the variance of a cell type under mutation that the largest hundredth of the edges makes",
    direction="below",
    needs="C",
    measure=_distribution,
    requires=frozenset({"weights"}),
)
ADDITIVITY = Assay(
    name="epistasis",
    row="20",
    section="Emergent modularity and disentangled representations",
    claim="Effects of variants depend on one another: traits are epistatic.",
    statistic="V_A / V_G, the share of the variance of a cell type in a recombining population that single effects explain when added",
    direction="below",
    needs="C",
    measure=_additivity,
    requires=frozenset({"weights"}),
)


def mutational_effects(subject: Subject, *, n_null: int = N_NULL, rng: RandomLike = 0) -> Finding:
    """Share of the variance under mutation that the largest hundredth of the edges makes, and the excess kurtosis of effects in the details.

    Effects of edges are exact to first order.

    Parameters
    ----------
    subject
        Model beside its cells.
    n_null, rng
        As for :func:`landscape.assays.assess`.
    """
    return assess(DISTRIBUTION, subject, n_null=n_null, rng=rng)


def epistasis(subject: Subject, *, n_null: int = N_NULL, rng: RandomLike = 0) -> Finding:
    r"""Additive share :math:`V_A / V_G` of the genetic variance in a simulated population with free recombination.

    All weights of each individual differ by independent factors :math:`1 + s z`. The additive prediction of its traits is the sum of the first-order effects of its
    alleles, the genetic value that of the stable state of its own model.

    Parameters
    ----------
    subject
        Model beside its cells.
    n_null, rng
        As for :func:`landscape.assays.assess`.
    """
    return assess(ADDITIVITY, subject, n_null=n_null, rng=rng)

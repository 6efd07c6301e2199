"""Mutational robustness: how many mutations leave all phenotypes as they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from landscape._random import RandomLike
from landscape.assays.assess import N_NULL, Assay, Measured, assess
from landscape.assays.finding import Finding
from landscape.assays.mutations import MUTATION, mutate, settle_mutants
from landscape.assays.subject import Subject, View

# Mutants of all weights.
N_MUTANTS = 60


def states_kept(view: View, weights: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether each mutant keeps each state: the flow from the state ends nearer to it than half way to the next one.

    Parameters
    ----------
    view
        The model before it mutates.
    weights
        Weights of the mutants, shape ``(n, d, d)``.

    Returns
    -------
    Array of shape ``(n, m)`` for the distinct states of the model.
    """
    moved = np.linalg.norm(settle_mutants(view, weights, view.states) - view.states, axis=2)
    return moved < view.gap / 2


def _measure(view: View, rng: np.random.Generator) -> Measured:
    if view.merged:
        return Measured(np.nan, reason=view.merged)
    weights = view.model.drift.weights.numpy()
    kept = states_kept(view, mutate(weights, MUTATION, N_MUTANTS, rng))
    details: dict[str, Any] = {"all_kept": float(kept.all(1).mean())}
    if view is view.subject.view and not view.lacks:
        each = [weights * (1 - np.eye(len(weights))[j][None, :]) for j in range(len(weights))]
        genes = view.model.regulators or tuple(map(str, range(len(weights))))
        left = states_kept(view, np.array(each))
        details["without_outgoing_edges"] = pd.DataFrame(left, index=list(genes), columns=list(view.subject.names))
    # Mutants are independent, the states of one mutant are not.
    return Measured(float(kept.mean()), float(kept.mean(1).std() / np.sqrt(N_MUTANTS)), details)


ASSAY = Assay(
    name="mutational robustness",
    row="15",
    section="Properties of the model",
    claim="Most changes of the weights are tolerated: the cell types stay.",
    statistic=f"share of cell types that a mutant keeps, all weights times 1 + {MUTATION} z, mean over mutants",
    direction="above",
    needs="C",
    measure=_measure,
    requires=frozenset({"weights"}),
)


def mutational_robustness(subject: Subject, *, n_null: int = N_NULL, rng: RandomLike = 0) -> Finding:
    r"""Share of phenotypes that a mutant keeps, all weights being mutated by factors :math:`1 + s z` with normal :math:`z`.

    A phenotype is kept where the flow of the mutant from it ends nearer to it than half its distance to the next one. Of a rewired network its own
    states are asked, those to which it takes the phenotypes, at least two.

    Parameters
    ----------
    subject
        Model beside its cells.
    n_null, rng
        As for :func:`landscape.assays.assess`.

    Returns
    -------
    Finding; the details have the share of mutants that keep all, and, for each gene, which phenotypes are left without its outgoing edges.
    """
    return assess(ASSAY, subject, n_null=n_null, rng=rng)

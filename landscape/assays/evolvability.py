"""Evolvability: how often a mutant has a stable state that is new."""

from __future__ import annotations

import numpy as np

from landscape._random import RandomLike
from landscape.assays.assess import N_NULL, Assay, Measured, assess
from landscape.assays.finding import Finding
from landscape.assays.mutations import MUTATION, mutate, settle_mutants
from landscape.assays.subject import Subject, View

# Mutants, and cells beside the phenotypes from which each of them is followed.
N_MUTANTS, N_CELLS = 40, 12


def _measure(view: View, rng: np.random.Generator) -> Measured:
    weights = mutate(view.model.drift.weights.numpy(), MUTATION, N_MUTANTS, rng)
    starts = np.vstack([view.memories, view.cells(N_CELLS, rng)])
    known = np.vstack([view.settle(starts), view.attractors]) if len(view.attractors) else view.settle(starts)
    gap = np.linalg.norm(view.memories[:, None] - view.memories[None], axis=2)
    near = gap[~np.eye(len(gap), dtype=bool)].min() / 2
    ends = settle_mutants(view, weights, starts)
    apart = np.linalg.norm(ends[:, :, None] - known[None, None], axis=3).min(2)
    novel = (apart > near).any(1)
    value = float(novel.mean())
    return Measured(value, float(np.sqrt(value * (1 - value) / N_MUTANTS)))


ASSAY = Assay(
    name="evolvability",
    row="17",
    section="Properties of the model",
    claim="Changes of the weights open the way to new phenotypes.",
    statistic=f"share of mutants, all weights times 1 + {MUTATION} z, with a stable state far from all former ones",
    direction="above",
    needs="C",
    measure=_measure,
    requires=frozenset({"weights"}),
)


def evolvability(subject: Subject, *, n_null: int = N_NULL, rng: RandomLike = 0) -> Finding:
    """Share of mutants in which cells or phenotypes flow to a state that the model did not have.

    A state is new if it is farther from every former attractor than half the distance between the two nearest phenotypes.

    Parameters
    ----------
    subject
        Model beside its cells.
    n_null, rng
        As for :func:`landscape.assays.assess`.
    """
    return assess(ASSAY, subject, n_null=n_null, rng=rng)

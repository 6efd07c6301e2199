"""Latent attractors: stable states of the model that cells do not show."""

from __future__ import annotations

import numpy as np
import pandas as pd

from landscape._random import RandomLike
from landscape.assays.assess import N_NULL, Assay, Measured, assess
from landscape.assays.finding import Finding
from landscape.assays.subject import Subject, View
from landscape.topography.cell_distance import distance_to_cells

# Share of replicates in which a latent state must be.
PERSISTENT = 0.5
# Neighbours by which the distance to cells is measured.
NEIGHBOURS = 15


def latent_states(view: View) -> pd.DataFrame:
    """Attractors that are no phenotype of cells and lie outside of them: their levels, and how many cells lie nearer to other cells.

    Parameters
    ----------
    view
        The model.

    Returns
    -------
    One row for each: ``percentile`` of its distance to the nearest cells among those of cells, and the levels of all genes.
    """
    found = view.attractors
    genes = list(view.model.regulators) or [f"x{i}" for i in range(view.memories.shape[1])]
    known = np.linalg.norm(found[:, None] - view.own[None], axis=2).min(1) < 1e-3 * (1 + np.abs(found).max(1))
    left = found[~known]
    if not len(left):
        return pd.DataFrame(columns=["percentile", *genes], dtype=float)
    k = min(NEIGHBOURS, len(view.subject.cells) - 1)
    distance = distance_to_cells(left, view.subject.cells, k=k)
    outside = ~distance.observed
    table = pd.DataFrame(left[outside], columns=genes)
    table.insert(0, "percentile", distance.percentile[outside])
    return table


def _measure(view: View, rng: np.random.Generator) -> Measured:
    del rng
    if view.lacks:
        return Measured(np.nan, reason=f"{view.lacks}, so that what it adds to them is not known")
    table = latent_states(view)
    if view is not view.subject.view:
        return Measured(float(len(table)))
    if view.subject.replicates and len(table):
        states = table.drop(columns="percentile").to_numpy(dtype=float)
        apart = np.linalg.norm(states[:, None] - view.memories[None], axis=2).min(1)
        has = [
            np.linalg.norm(states[:, None] - replicate.attractors[None], axis=2).min(1) < apart / 2
            for replicate in view.subject.replicates
        ]
        table["persistence"] = np.mean(has, axis=0)
        table = table[table["persistence"] >= PERSISTENT]
    # Without latent states there are none in any model: the null has no spread.
    return Measured(float(len(table)), details={"states": table.reset_index(drop=True)}, null=(0.0,) * N_NULL)


ASSAY = Assay(
    name="latent attractors",
    row="28",
    section="Alternate attractor states",
    claim="The landscape has further valleys, in which no cell is under normal circumstances.",
    statistic="stable states of the model that no cell is near and that half of the replicates have",
    direction="above",
    needs="C",
    measure=_measure,
    null="none: every stable state is one that cells show",
    rewires=False,
    min_memories=1,
)


def latent_attractors(subject: Subject, *, n_null: int = N_NULL, rng: RandomLike = 0) -> Finding:
    """Number of stable states that the model has beside those of cells.

    A state counts if it is farther from its 15th nearest cell than 99 % of cells are from theirs and, in an ensemble, at least half of the replicates have it.
    The model must have all phenotypes of cells as attractors: what one that does not adds to them says nothing. A search proves no absence, so that
    none found is undecided.

    Parameters
    ----------
    subject
        Model beside its cells.
    n_null, rng
        As for :func:`landscape.assays.assess`.

    Returns
    -------
    Finding with the ``states`` in its details.
    """
    return assess(ASSAY, subject, n_null=n_null, rng=rng)

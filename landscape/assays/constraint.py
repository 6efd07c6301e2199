"""Constraint: from how many combinations of levels the flow leads back to where cells are."""

from __future__ import annotations

import numpy as np
import torch

from landscape._random import RandomLike
from landscape.assays.assess import N_NULL, Assay, Measured, assess
from landscape.assays.distributedness import participation
from landscape.assays.finding import Finding
from landscape.assays.subject import Subject, View
from landscape.dynamics import jacobian
from landscape.topography.cell_distance import distance_to_cells

# Random combinations of levels, lifetimes of the flow, and neighbours by which the distance to cells is measured.
N_STATES, LIFETIMES, NEIGHBOURS = 200, 4.0, 5


def _measure(view: View, rng: np.random.Generator) -> Measured:
    cells = view.subject.cells
    if len(cells) <= NEIGHBOURS:
        return Measured(np.nan, reason=f"there are {len(cells)} cells, and it needs more than {NEIGHBOURS}")
    pick = rng.integers(len(cells), size=(N_STATES, cells.shape[1]))
    box = cells[pick, np.arange(cells.shape[1])]
    ends = view.flow(box, LIFETIMES / float(view.rates.mean()))
    near = distance_to_cells(ends, cells, k=NEIGHBOURS).observed
    value = float(near.mean())
    details = {}
    if view is view.subject.view:
        spectra = [np.linalg.eigvalsh(np.cov(part.T)).clip(0) ** 0.5 for part in (box, ends)]
        j = jacobian(view.model.drift, torch.as_tensor(cells[pick[:, 0]]))
        details = {
            "dimensions_before": float(participation(spectra[0]) * cells.shape[1]),
            "dimensions_after": float(participation(spectra[1]) * cells.shape[1]),
            "contraction": float(-torch.diagonal(j, dim1=1, dim2=2).sum(1).mean()),
            "share_before": float(distance_to_cells(box, cells, k=NEIGHBOURS).observed.mean()),
        }
    return Measured(value, float(np.sqrt(value * (1 - value) / N_STATES)), details)


ASSAY = Assay(
    name="constraint",
    row="11",
    section="Gene regulatory networks, attractor states, and energy landscapes",
    claim="The genes say where the system can not go: from almost any combination of levels it returns to those of cells.",
    statistic="share of random combinations of observed levels that the flow brings among cells in four lifetimes",
    direction="above",
    needs="C",
    measure=_measure,
    min_memories=1,
)


def constraint(subject: Subject, *, n_null: int = N_NULL, rng: RandomLike = 0) -> Finding:
    r"""Share of combinations of levels, each gene drawn from another cell, from which the flow leads among cells in four lifetimes.

    A state is among cells if it is no farther from its fifth nearest cell than 99 % of cells are from theirs. The details have the share before,
    the number of dimensions (participation ratio of the covariance) before and after, and the contraction :math:`-\operatorname{div} f`, mean over cells.

    Parameters
    ----------
    subject
        Model beside its cells.
    n_null, rng
        As for :func:`landscape.assays.assess`.
    """
    return assess(ASSAY, subject, n_null=n_null, rng=rng)

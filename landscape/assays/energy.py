"""Energy: how near the network is to one that has an energy."""

from __future__ import annotations

import numpy as np

from landscape._random import RandomLike
from landscape.assays.assess import N_NULL, Assay, Measured, assess
from landscape.assays.finding import Finding
from landscape.assays.multiplexing import active_networks
from landscape.assays.subject import Subject, View
from landscape.network.analysis.structure import antisymmetric_share

# Cells over which the strength of an edge is averaged.
N_CELLS = 100


def _measure(view: View, rng: np.random.Generator) -> Measured:
    mean = active_networks(view, view.cells(N_CELLS, rng)).mean(0)
    if not np.abs(mean).sum() > 0:
        return Measured(np.nan, reason="no edge is active in cells")
    return Measured(antisymmetric_share(mean))


ASSAY = Assay(
    name="energy",
    row="9",
    section="Gene regulatory networks, attractor states, and energy landscapes",
    claim="The landscape is one of energy, as in generative models whose weights are symmetric.",
    statistic="share of the antisymmetric part of the mean effects of edges over cells (0: symmetric, 0.71: no edge has a reverse)",
    direction="below",
    needs="C",
    measure=_measure,
    min_memories=0,
    fixed_by=frozenset({"symmetry"}),
)


def energy(subject: Subject, *, n_null: int = N_NULL, rng: RandomLike = 0) -> Finding:
    r"""Antisymmetric share :math:`\lVert A - A^\top \rVert / (2 \lVert A \rVert)` of the mean effects of edges over cells.

    Zero would make the drift descend an energy. From one snapshot at rest the fit makes weights symmetric whatever they are, so that grade D has no answer.

    Parameters
    ----------
    subject
        Model beside its cells.
    n_null, rng
        As for :func:`landscape.assays.assess`.
    """
    return assess(ASSAY, subject, n_null=n_null, rng=rng)

"""Hierarchy: whether the network has layers that are read one after the other."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from landscape._random import RandomLike
from landscape.assays.assess import N_NULL, Assay, Measured, assess
from landscape.assays.finding import Finding
from landscape.assays.multiplexing import active_networks
from landscape.assays.subject import Subject, View

FloatArray = NDArray[np.float64]

# Cells over which the strength of an edge is averaged.
N_CELLS = 100


def trophic_levels(adjacency: ArrayLike) -> FloatArray:
    r"""Level of each node in a weighted directed network, the solution :math:`h` of :math:`\Lambda h = v`.

    .. math:: \Lambda = \operatorname{diag}(u) - A - A^\top, \qquad u_i = \sum_j (A_{ij} + A_{ji}), \qquad v_i = \sum_j (A_{ji} - A_{ij})

    Parameters
    ----------
    adjacency
        Weights :math:`A`, none negative, shape ``(d, d)``, ``[source, target]``.

    Returns
    -------
    Levels, shape ``(d,)``, the lowest zero.

    References
    ----------
    MacKay, Johnson & Sansom (2020), *Royal Society Open Science* 7, 201138. https://doi.org/10.1098/rsos.201138
    """
    a = np.asarray(adjacency, dtype=float)
    if a.ndim != 2 or a.shape[0] != a.shape[1] or (a < 0).any():
        msg = f"Expected weights of shape (d, d), none negative, found shape {a.shape}."
        raise ValueError(msg)
    laplacian = np.diag(a.sum(1) + a.sum(0)) - a - a.T
    level = np.linalg.lstsq(laplacian, a.sum(0) - a.sum(1), rcond=None)[0]
    return level - level.min()


def trophic_incoherence(adjacency: ArrayLike) -> float:
    r"""Trophic incoherence :math:`F = \sum_{ij} A_{ij} (h_j - h_i - 1)^2 / \sum_{ij} A_{ij}`: 0 for layers, 1 for a cycle.

    Parameters
    ----------
    adjacency
        As for :func:`trophic_levels`.

    Examples
    --------
    >>> round(trophic_incoherence([[0, 1, 0], [0, 0, 1], [0, 0, 0]]), 6) + 0.0
    0.0
    >>> round(trophic_incoherence([[0, 1, 0], [0, 0, 1], [1, 0, 0]]), 6)
    1.0
    """
    a, level = np.asarray(adjacency, dtype=float), trophic_levels(adjacency)
    if not a.sum() > 0:
        return np.nan
    return float((a * (level[None] - level[:, None] - 1) ** 2).sum() / a.sum())


def _measure(view: View, rng: np.random.Generator) -> Measured:
    strength = np.abs(active_networks(view, view.cells(N_CELLS, rng))).mean(0).T
    value = trophic_incoherence(strength)
    if not np.isfinite(value):
        return Measured(np.nan, reason="no edge is active in cells")
    genes = list(view.model.regulators) or [str(j) for j in range(len(strength))]
    return Measured(value, details={"levels": pd.DataFrame({"level": trophic_levels(strength)}, index=genes)})


ASSAY = Assay(
    name="hierarchy",
    row="33",
    section="Outstanding questions",
    claim="The network is layered, so that it can be decoded step by step.",
    statistic="trophic incoherence of the strengths of edges in cells (0: layers, 1: no order)",
    direction="below",
    needs="D",
    measure=_measure,
    min_memories=0,
)


def hierarchy(subject: Subject, *, n_null: int = N_NULL, rng: RandomLike = 0) -> Finding:
    """Trophic incoherence of the network, self-edges left out; the strength of an edge is its mean effect over cells.

    Parameters
    ----------
    subject
        Model beside its cells.
    n_null, rng
        As for :func:`landscape.assays.assess`.

    Returns
    -------
    Finding with the ``levels`` of genes in its details.
    """
    return assess(ASSAY, subject, n_null=n_null, rng=rng)

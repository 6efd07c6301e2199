"""Controls of a perturbation: other regulators with the same mean level and the same strength of their edges."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import rankdata

from landscape.dynamics import GeneModel
from landscape.perturbation.clamps import Clamp, Edge, Level

logger = logging.getLogger(__name__)


def out_strength(model: GeneModel, states: NDArray[np.float64]) -> NDArray[np.float64]:
    r"""Strength with which each gene acts on others: norm of its outgoing weights times the spread of its response.

    .. math:: \sqrt{\textstyle\sum_{i \ne j} W_{ij}^2}\; \mathrm{sd}\, \phi_j(x_j)

    is the standard deviation, over cells, of what the gene adds to the inputs of the other genes.

    Parameters
    ----------
    model
        The model.
    states
        State of each cell, shape ``(n, d)``.

    Returns
    -------
    Strength of each gene, shape ``(d,)``.
    """
    weights = model.drift.weights.numpy().copy()
    np.fill_diagonal(weights, 0.0)
    spread = model.drift.response(torch.as_tensor(states)).numpy().std(0)
    return np.linalg.norm(weights, axis=0) * spread


def matched_controls(
    levels: Mapping[int, Level], mean: NDArray[np.float64], strength: NDArray[np.float64], n_controls: int
) -> Sequence[Clamp]:
    """Levels for controls: other genes, nearest to the clamped ones in the ranks of mean level and of strength.

    A gene that is on in many cells, or has strong edges, changes fates when it is removed whatever it is. Ranks have no unit,
    so that both count alike. The c-th control clamps for each gene the c-th nearest one at the same level; no gene stands
    in for two.

    Parameters
    ----------
    levels
        Level of each clamped gene, by position, or its level and the time for which it is held.
    mean
        Mean level of each gene over cells, shape ``(d,)``.
    strength
        Strength of each gene (:func:`out_strength`), shape ``(d,)``.
    n_controls
        Number of controls; fewer, which is logged, if there are not enough other genes.

    Returns
    -------
    Such levels for each control, nearest first.
    """
    ranks = np.stack([rankdata(mean), rankdata(strength)], axis=1)
    free = [int(gene) for gene in np.setdiff1d(np.arange(len(mean)), list(levels))]
    n = min(n_controls, len(free) // max(len(levels), 1)) if levels else 0
    if n < n_controls:
        logger.info("%d of %d controls: the model has %d other regulators", n, n_controls, len(free))
    sets = [dict[int | Edge, Level]() for _ in range(n)]
    for gene, level in levels.items():
        near = sorted(free, key=lambda other: float(np.linalg.norm(ranks[other] - ranks[gene])))[:n]
        for chosen, other in zip(sets, near, strict=True):
            chosen[other] = level
        free = [other for other in free if other not in near]
    return sets

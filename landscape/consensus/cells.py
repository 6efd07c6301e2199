"""Cells over models: where most models send a cell, how far they agree, and its mean fates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# Weight of a cell without any preference: it still counts where no other cell does.
LEAST_WEIGHT = 1e-3


def decidedness(fates: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    r"""How decided the fate of each cell is, the mean over models.

    .. math:: w_c = \frac1M \sum_m \frac{K_m \sum_k q_{ck}^2 - 1}{K_m - 1}

    is 0 where all :math:`K` fates are equally probable and 1 where one is certain.

    Parameters
    ----------
    fates
        Probabilities in each model, shape ``(n_cells, k_m)``; rows that are NaN reach no attractor and count as undecided.

    Returns
    -------
    Shape ``(n_cells,)``, at least 0.001.
    """
    total = np.zeros(len(fates[0]))
    for table in fates:
        k = table.shape[1]
        same = np.nan_to_num(table**2).sum(1)
        total += same if k < 2 else (k * same - 1) / (k - 1)
    return np.clip(total / len(fates), LEAST_WEIGHT, 1.0)


def count_votes(labels: Sequence[NDArray[np.integer]], members: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number of models that send each cell to each attractor of the consensus.

    Parameters
    ----------
    labels
        For each model the attractor of each cell, its position in the list of the model, -1 for none; shape ``(n_cells,)``.
    members
        Position of each attractor of the consensus in the list of each model, -1 for none; shape ``(k, n_models)``.

    Returns
    -------
    Shape ``(n_cells, k)``. A row sums to the number of models that send the cell to an attractor.
    """
    votes = np.zeros((len(labels[0]), len(members)), dtype=np.int64)
    for model, label in enumerate(labels):
        for k, position in enumerate(members[:, model]):
            if position >= 0:
                votes[:, k] += label == position
    return votes


def agreement(votes: NDArray[np.int64], n_models: int) -> NDArray[np.float64]:
    r"""Probability that two different models send a cell to the same attractor.

    .. math:: \frac{\sum_k v_k (v_k - 1)}{M (M - 1)}

    with :math:`v_k` of :math:`M` models for attractor :math:`k`. It estimates :math:`\sum_k p_k^2` over latent models
    without bias; :math:`\sum_k (v_k / M)^2` pairs each model with itself and is never below :math:`1/M`. A model that sends
    the cell nowhere agrees with none.

    Parameters
    ----------
    votes
        Number of models for each attractor, shape ``(n_cells, k)``.
    n_models
        :math:`M`.

    Returns
    -------
    Shape ``(n_cells,)``; NaN with one model.
    """
    if n_models < 2:
        return np.full(len(votes), np.nan)
    return (votes * (votes - 1)).sum(1) / (n_models * (n_models - 1))


def basins_decided(votes: NDArray[np.int64], n_models: int) -> NDArray[np.int64]:
    """Attractor to which more than half of the models send each cell, -1 where there is none; shape ``(n_cells,)``."""
    if not votes.shape[1]:
        return np.full(len(votes), -1)
    best = votes.argmax(1)
    return np.where(2 * votes[np.arange(len(votes)), best] > n_models, best, -1)


def mean_fates(fates: Sequence[NDArray[np.float64]], members: NDArray[np.int64]) -> NDArray[np.float64]:
    r"""Fate probabilities averaged over models.

    .. math:: \bar q_{ck} = \frac1M \sum_m q^{(m)}_{c, k(m)}

    with 0 for a model without the attractor. The last column, *unresolved*, is the rest: what models give to attractors that
    are not among these, and all of a model on whose chain the cell reaches no attractor.

    Parameters
    ----------
    fates
        Probabilities in each model, shape ``(n_cells, k_m)``; rows that are NaN reach no attractor.
    members
        Position of each attractor of the consensus in the list of each model, -1 for none; shape ``(k, n_models)``.

    Returns
    -------
    Shape ``(n_cells, k + 1)``; rows sum to one.
    """
    mean = np.zeros((len(fates[0]), len(members) + 1))
    for model, table in enumerate(fates):
        own = members[:, model]
        has = np.flatnonzero(own >= 0)
        mean[:, has] += np.nan_to_num(table[:, own[has]]) / len(fates)
    # Rounding may leave a sum above one by its last digit.
    mean[:, -1] = np.maximum(0.0, 1 - mean[:, :-1].sum(1))
    return mean

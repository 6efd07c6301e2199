"""Attractors of several models of the same cells matched into one list, by the cells that go there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

# Similarity below which two groups of attractors are not the same one: half of the cells that go to either go to both.
LEAST = 0.5
# Similarities that are nearer than this are equal: they differ by rounding.
_EQUAL = 1e-12


@dataclass(frozen=True, eq=False)
class Matching:
    """Attractors of the consensus, and which attractor of each model is one of them.

    Attributes
    ----------
    members
        Position of the attractor in the list of its model, -1 where the model has none; shape ``(n_attractors, n_models)``.
    by_state
        Whether no cell goes there, so that it was matched by its state; shape ``(n_attractors,)``.
    """

    members: NDArray[np.int64]
    by_state: NDArray[np.bool_]


def jaccard(
    labels: Sequence[NDArray[np.integer]], n_attractors: Sequence[int], weights: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    r"""Jaccard index of the cells of every two attractors.

    .. math:: J(A, B) = \frac{\sum_{c \in A \cap B} w_c}{\sum_{c \in A \cup B} w_c}

    Attractors of one model share no cell. Of two without cells the index is 0.

    Parameters
    ----------
    labels
        For each model the attractor of each cell, its position in the list of the model, -1 for none; shape ``(n_cells,)``.
    n_attractors
        Number of attractors of each model.
    weights
        How much each cell counts, shape ``(n_cells,)``; by default all alike.

    Returns
    -------
    Shape ``(r, r)`` over the attractors of all models, those of the first model first.
    """
    first = np.concatenate([[0], np.cumsum(n_attractors)])
    shared = np.zeros((first[-1], first[-1]))
    for a, one in enumerate(labels):
        for b in range(a, len(labels)):
            both = (one >= 0) & (labels[b] >= 0)
            joint = one[both].astype(np.int64) * n_attractors[b] + labels[b][both]
            own = None if weights is None else weights[both]
            counts = np.bincount(joint, weights=own, minlength=n_attractors[a] * n_attractors[b])
            counts = counts.reshape(n_attractors[a], n_attractors[b])
            shared[first[a] : first[a + 1], first[b] : first[b + 1]] = counts
            shared[first[b] : first[b + 1], first[a] : first[a + 1]] = counts.T
    size = np.diag(shared)
    union = size[:, None] + size[None] - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def state_similarity(states: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    r"""Similarity of the states of every two attractors, relative to how far attractors of a model are from each other.

    .. math:: s_{ij} = \max\Big(0, 1 - \frac{|x_i - x_j|}{\min(g_i, g_j)}\Big)

    with the distance :math:`g_i` from an attractor to the nearest other one of its model: one half is half the gap.

    Parameters
    ----------
    states
        States of each model on the same genes, shape ``(k_m, d)``.

    Returns
    -------
    Shape ``(r, r)`` over the attractors of all models.
    """
    gap = np.concatenate([_gaps(each) for each in states])
    x = np.concatenate(list(states))
    apart = cdist(x, x)
    scale = np.minimum(gap[:, None], gap[None])
    # Without another attractor in either model there is no scale, and only the same state is similar.
    relative = np.divide(apart, scale, out=np.where(apart > 0, np.inf, 0.0), where=np.isfinite(scale) & (scale > 0))
    return np.maximum(0.0, 1 - relative)


def _gaps(states: NDArray[np.float64]) -> NDArray[np.float64]:
    apart = cdist(states, states)
    np.fill_diagonal(apart, np.inf)
    return apart.min(axis=1, initial=np.inf)


def average_linkage(
    similarity: NDArray[np.float64], owner: Sequence[int] | NDArray[np.integer], *, least: float = LEAST
) -> list[NDArray[np.int64]]:
    """Clusters by average linkage in which no two members have one owner.

    The two most similar clusters without a common owner are joined until none have a mean similarity of ``least``. Of
    equally similar ones those whose members come first are joined.

    Parameters
    ----------
    similarity
        Symmetric, shape ``(r, r)``.
    owner
        Model of each attractor, shape ``(r,)``.
    least
        Smallest mean similarity of clusters that are joined.

    Returns
    -------
    Positions of the members of each cluster, in the order of their first members.
    """
    owners = np.asarray(owner)
    clusters: list[list[int]] = [[i] for i in range(len(owners))]
    near = np.array(similarity, dtype=float)
    near[owners[:, None] == owners[None]] = -1
    while len(clusters) > 1 and (highest := near.max()) >= max(least, 0) - _EQUAL:
        i, j = map(int, np.argwhere(np.triu(near >= highest - _EQUAL, 1))[0])
        sizes = len(clusters[i]), len(clusters[j])
        row = (sizes[0] * near[i] + sizes[1] * near[j]) / sum(sizes)
        row[(near[i] < 0) | (near[j] < 0)] = -1
        clusters[i] += clusters.pop(j)
        near[i], near[:, i] = row, row
        near = np.delete(np.delete(near, j, 0), j, 1)
    return [np.sort(np.array(members, dtype=np.int64)) for members in clusters]


def match_attractors(
    labels: Sequence[NDArray[np.integer]],
    n_attractors: Sequence[int],
    states: Sequence[NDArray[np.float64]] | None = None,
    *,
    weights: NDArray[np.float64] | None = None,
    least: float = LEAST,
) -> Matching:
    """Match the attractors of several models of the same cells.

    Two attractors are the same if the same cells go there, whatever the coordinates of the model: :func:`average_linkage`
    of the Jaccard index. Those to which no cell goes are matched among themselves by their states.

    Parameters
    ----------
    labels
        For each model the attractor of each cell, its position in the list of the model, -1 for none; shape ``(n_cells,)``.
    n_attractors
        Number of attractors of each model.
    states
        Their states on the same genes, shape ``(k_m, d)``; without them an attractor without cells matches no other.
    weights
        How much each cell counts, shape ``(n_cells,)``; by default all alike.
    least
        Smallest mean similarity of those that are matched.

    Returns
    -------
    The matching; its order follows the number of cells, then the cells themselves, not the order of the models.
    """
    owner = np.repeat(np.arange(len(labels)), n_attractors)
    local = np.concatenate([np.arange(k) for k in n_attractors])
    pairs = list(zip(owner.tolist(), local.tolist(), strict=True))
    size = np.array([np.count_nonzero(labels[m] == k) for m, k in pairs], dtype=np.int64)

    def content(i: int) -> tuple[int, bytes, bytes]:
        m, k = pairs[i]
        level = b"" if states is None else np.asarray(states[m][k], dtype=float).tobytes()
        return -int(size[i]), np.packbits(labels[m] == k).tobytes(), level

    order = np.array(sorted(range(len(owner)), key=content), dtype=np.int64)
    by_cells = jaccard(labels, n_attractors, weights)
    by_state = np.eye(len(owner)) if states is None else state_similarity(states)
    rows: list[NDArray[np.int64]] = []
    empty: list[bool] = []
    for chosen, similarity in ((order[size[order] > 0], by_cells), (order[size[order] == 0], by_state)):
        for cluster in average_linkage(similarity[np.ix_(chosen, chosen)], owner[chosen], least=least):
            row = np.full(len(labels), -1)
            row[owner[chosen[cluster]]] = local[chosen[cluster]]
            rows.append(row)
            empty.append(bool(similarity is by_state))
    return Matching(np.array(rows, dtype=np.int64).reshape(-1, len(labels)), np.array(empty, dtype=bool))

"""Genes that set a fate apart from its neighbouring fate, and how far along the fate they change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from landscape._numbers import TINY
from landscape.markov.association import (
    ROUNDING,
    BlockMeans,
    adjusted,
    fisher_interval,
    gene_correlations,
    log_expression,
    two_sided,
)
from landscape.markov.naming import unnumbered

# Levels of a fate probability at which the mean expression is read, and the reach of each over their distance.
N_LEVELS, REACH = 21, 2.0


def merged_by_name(fates: pd.DataFrame) -> pd.DataFrame:
    """Fate probabilities in which fates that differ in the number of their name (``"B"``, ``"B 2"``) are one.

    Where only one fate would be left, they stay apart.

    Parameters
    ----------
    fates
        Probabilities, cells x fates.
    """
    names = unnumbered(fates.columns)
    kinds = list(dict.fromkeys(names))
    if len(kinds) in (1, len(names)):
        return fates
    member = np.array([[name == kind for kind in kinds] for name in names], dtype=float)
    return pd.DataFrame(fates.to_numpy(dtype=float) @ member, index=fates.index, columns=kinds)


def neighbouring_fates(probabilities: NDArray[np.float64]) -> NDArray[np.int64]:
    r"""Position of the fate with which each fate shares most undecided cells.

    .. math::

        g(f) = \operatorname{argmax}_{g \ne f} \frac{\sum_i q_{if}\, q_{ig}}{\sqrt{n_f\, n_g}}, \qquad n_f = \sum_i q_{if}

    Of two paths from cell :math:`i` one ends in :math:`f` and the other in :math:`g` with probability :math:`2 q_{if} q_{ig}`.
    The geometric mean of the numbers of cells that go to the two fates keeps a large fate from being everyone's neighbour.

    Parameters
    ----------
    probabilities
        Fate probabilities :math:`q`, shape ``(n, k)``, at least two fates.
    """
    size = np.maximum(probabilities.sum(axis=0), TINY)
    shared = (probabilities.T @ probabilities) / np.sqrt(np.outer(size, size))
    np.fill_diagonal(shared, -np.inf)
    return shared.argmax(axis=1)


def fate_contrasts(
    block: NDArray[np.int64],
    design: NDArray[np.float64],
    probabilities: NDArray[np.float64],
    neighbour: NDArray[np.int64],
    counts: sparse.csr_matrix,
    totals: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    r"""Partial correlations of genes with a fate among cells that are equally likely to reach it or its neighbour.

    The regression of a gene on the covariates and on the probabilities of all fates, which sum to one, estimates its level
    :math:`m_k` in cells of each fate. The partial correlation with :math:`q_f`, given all fates but :math:`f` and its
    neighbour :math:`g`, and so given :math:`q_f + q_g`, has the sign and the :math:`t` of :math:`m_f - m_g`.

    Parameters
    ----------
    block
        Block of each cell, shape ``(n,)``.
    design
        Covariates of each cell, the constant among them, shape ``(n, m)``.
    probabilities
        Fate probabilities, shape ``(n, k)``.
    neighbour
        Position of each fate's neighbour, shape ``(k,)``.
    counts, totals
        As for :func:`~landscape.markov.association.gene_correlations`.

    Returns
    -------
    Correlations, shape ``(genes, k)``, NaN for a fate that cannot be told from its neighbour in these cells; and their
    degrees of freedom, shape ``(k,)``.
    """
    regressions = []
    for fate, other in enumerate(neighbour):
        rest = np.delete(probabilities, [fate, other], axis=1)
        blocked = BlockMeans(block, np.column_stack([design, rest]))
        own = blocked.mean(sparse.csr_matrix(probabilities[:, [fate]]))
        regressions.append((blocked, blocked.residual(own)))
    correlation = gene_correlations(regressions, counts, totals)
    return correlation, np.array([blocked.degrees_of_freedom for blocked, _ in regressions])


def contrast_columns(
    among_all: NDArray[np.float64],
    degrees_all: int,
    against: NDArray[np.float64],
    degrees_against: NDArray[np.int64],
) -> dict[str, NDArray[np.float64]]:
    r"""Columns of the table of drivers on what sets a fate apart, each of shape ``(genes, fates)``.

    A gene sets a fate apart if it is associated with it both among all cells (:math:`r_1`) and against its neighbour
    (:math:`r_2`), in the same direction: the contrast is the median of :math:`r_1`, :math:`r_2` and 0, which is the weaker of
    the two, or 0 where they disagree. Its p-value is the larger one, or 1, an intersection-union test; its interval goes from
    the median of the lower ends and 0 to that of the upper ends and 0, and leaves out 0 when both do.

    Parameters
    ----------
    among_all, degrees_all
        Correlations with the probabilities of the fates, and their degrees of freedom.
    against, degrees_against
        Correlations of :func:`fate_contrasts`, and their degrees of freedom.

    References
    ----------
    Berger (1982), *Technometrics* 24, 295. https://doi.org/10.1080/00401706.1982.10487790
    """
    low, high = fisher_interval(among_all, degrees_all)
    low_against, high_against = fisher_interval(against, degrees_against)
    p = np.maximum(two_sided(among_all, degrees_all), two_sided(against, degrees_against))
    p = np.where(among_all * against > 0, p, np.where(np.isnan(p), np.nan, 1.0))
    return {
        "contrast": _weaker(among_all, against),
        "contrast_lower": _weaker(low, low_against),
        "contrast_upper": _weaker(high, high_against),
        "contrast_p": p,
        "contrast_q": adjusted(p),
    }


def _weaker(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Median of the two and 0."""
    return np.clip(0.0, np.minimum(a, b), np.maximum(a, b))


def half_fates(
    counts: sparse.csr_matrix, totals: NDArray[np.float64], probabilities: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Probability of each fate at which a gene has made half of its change towards it, shape ``(genes, k)``.

    The probability of a fate is the natural coordinate along the paths that lead to it: genes of progenitors that several
    fates share change before it is decided, those of the fate alone while it goes to one or after. Mean log expression is
    read at 21 probabilities from the mean over all cells to the highest, each over cells in a triangular window of a tenth
    of that range, and the last passage through the half-way level is interpolated.

    Parameters
    ----------
    counts, totals
        As for :func:`~landscape.markov.association.gene_correlations`.
    probabilities
        Fate probabilities, shape ``(n, k)``.

    Returns
    -------
    Probabilities between the mean and the highest; NaN for a gene that has the same level at both.
    """
    windows = [_windows(own) for own in probabilities.T]
    averages = sparse.vstack([weights for _, weights in windows]).tocsr()
    result = np.full((counts.shape[1], probabilities.shape[1]), np.nan)
    for place, part in log_expression(counts, totals):
        curves = np.asarray((averages @ part).todense())
        start = 0
        for fate, (level, weights) in enumerate(windows):
            result[place, fate] = _half_way(level, curves[start : start + weights.shape[0]])
            start += weights.shape[0]
    return result


def _windows(probability: NDArray[np.float64]) -> tuple[NDArray[np.float64], Any]:
    """Levels at which there are cells, and for each the weights of the cells around it, of sum one."""
    level = np.linspace(probability.mean(), probability.max(), N_LEVELS)
    reach = REACH * (level[1] - level[0])
    near = sparse.csr_matrix(np.maximum(0.0, 1 - np.abs(level[:, None] - probability) / reach))
    total = np.asarray(near.sum(axis=1)).ravel()
    return level[total > 0], sparse.diags(1 / total[total > 0]) @ near[total > 0]


def _half_way(level: NDArray[np.float64], curve: NDArray[np.float64]) -> NDArray[np.float64]:
    """Last passage of each column through the mean of its first and last value."""
    change = curve[-1] - curve[0]
    still = np.abs(change) <= ROUNDING * np.abs(curve).max(axis=0)
    done = (curve - curve[0]) / np.where(still, np.nan, change)
    below = len(level) - 1 - np.argmax((done < 0.5)[::-1], axis=0)
    below = np.minimum(below, len(level) - 2)
    columns = np.arange(curve.shape[1])
    low, high = done[below, columns], done[below + 1, columns]
    return level[below] + (level[below + 1] - level[below]) * (0.5 - low) / (high - low)


def contrast_table(
    associations: pd.DataFrame,
    neighbours: Sequence[str],
    columns: dict[str, NDArray[np.float64]],
    half: NDArray[np.float64],
) -> pd.DataFrame:
    """Table of drivers: associations with the contrasts beside them.

    Parameters
    ----------
    associations
        Table of :func:`~landscape.markov.association.association_table`.
    neighbours
        Name of the neighbour of each fate.
    columns
        Columns of :func:`contrast_columns`.
    half
        Result of :func:`half_fates`; missing where the contrast is 0.
    """
    table = associations.assign(
        neighbour=np.repeat(np.array(neighbours, dtype=object), half.shape[0]),
        **{name: values.T.ravel() for name, values in columns.items()},
        half_fate=np.where(columns["contrast"] == 0, np.nan, half).T.ravel(),
    )
    first = ["gene", "fate", "neighbour", *columns, "half_fate"]
    return table[[*first, *(name for name in associations.columns if name not in first)]]

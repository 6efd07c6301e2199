"""What is looked for in evolved weights: modules, memories, and traits that vary independently."""

from __future__ import annotations

from dataclasses import dataclass

import networkx as nx
import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscape.evolution.targets import as_modules, as_targets

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Modularity:
    """Modularity of weights.

    Attributes
    ----------
    value
        Newman's Q, at most 1; 0 where connections within modules are as strong as by chance.
    modules
        Module of each gene to which it belongs, shape ``(d,)``.
    """

    value: float
    modules: NDArray[np.int64]


def modularity(weights: ArrayLike, modules: ArrayLike | None = None) -> Modularity:
    r"""Modularity of the strength of connections, whatever their sign and direction.

    .. math:: Q = \frac{1}{2m} \sum_{ij} \Big(A_{ij} - \frac{k_i k_j}{2m}\Big) \delta(m_i, m_j), \qquad
              A = \tfrac12 |B + B^\top|, \quad A_{ii} = 0, \quad k_i = \sum_j A_{ij}, \quad 2m = \sum_i k_i

    Parameters
    ----------
    weights
        :math:`B`, shape ``(d, d)``.
    modules
        Module of each gene from 0, shape ``(d,)``; by default communities are sought greedily, which gives a value above 0 for any
        weights.

    Raises
    ------
    ValueError
        If the weights are not square, not finite, or all zero between genes.

    References
    ----------
    Newman (2004), *Physical Review E* 70, 056131. https://doi.org/10.1103/PhysRevE.70.056131
    """
    b = _square(weights)
    a = np.abs(b + b.T) / 2
    np.fill_diagonal(a, 0.0)
    strength = a.sum(1)
    if (total := strength.sum()) == 0:
        msg = "Expected connections between genes, found none; a genome whose weights are all gone has no modularity."
        raise ValueError(msg)
    if modules is None:
        found = np.zeros(len(b), np.int64)
        for k, genes in enumerate(nx.community.greedy_modularity_communities(nx.from_numpy_array(a), weight="weight")):
            found[list(genes)] = k
    else:
        found = as_modules(modules, len(b))
    same = found[:, None] == found
    return Modularity(float(((a - np.outer(strength, strength) / total) * same).sum() / total), found)


def hebbian_correlation(weights: ArrayLike, targets: ArrayLike) -> float:
    r"""Correlation of weights with the sum of outer products :math:`\sum_k S_k S_k^\top` of targets, self-connections left out.

    Raises
    ------
    ValueError
        If shapes do not match, or one of the two does not vary.
    """
    b, wanted = _square(weights), as_targets(targets)
    if wanted.shape[1] != len(b):
        msg = f"Expected targets with {len(b)} genes, as the weights, found {wanted.shape[1]}."
        raise ValueError(msg)
    between = ~np.eye(len(b), dtype=bool)
    pair = b[between], (wanted.T @ wanted)[between]
    if min(np.ptp(part) for part in pair) == 0:
        msg = "Expected weights and outer products that vary between pairs of genes; a correlation with a constant is undefined."
        raise ValueError(msg)
    return float(np.corrcoef(*pair)[0, 1])


def autonomy(values: ArrayLike) -> FloatArray:
    r"""Share of the variance of each trait that is left when all others are held, with :math:`C` the covariance of traits.

    .. math:: a_i = \frac{1}{C_{ii} (C^{-1})_{ii}}

    It is 1 for a trait that can be selected alone, and 0 for one that others determine.

    Parameters
    ----------
    values
        Values of traits, shape ``(n, k)`` with more rows than traits.

    Returns
    -------
    One number for each trait, shape ``(k,)``.

    Raises
    ------
    ValueError
        If there are too few rows, a value is not finite, or a trait does not vary.

    References
    ----------
    Hansen & Houle (2008), *Journal of Evolutionary Biology* 21, 1201. https://doi.org/10.1111/j.1420-9101.2008.01573.x
    """
    x = np.asarray(values, float)
    if x.ndim != 2 or x.shape[1] < 2 or x.shape[0] <= x.shape[1] or not np.isfinite(x).all():
        msg = f"Expected finite values of shape (n, k) with two traits or more and n > k, found {x.shape}."
        raise ValueError(msg)
    sd = x.std(0)
    if (still := np.flatnonzero(sd == 0)).size:
        msg = f"Expected traits that vary, found trait {int(still[0])} with one value only."
        raise ValueError(msg)
    # By correlations: eigenvalues of rounding size, of traits that determine one another, give an autonomy of zero.
    values_, vectors = np.linalg.eigh(np.corrcoef(x.T))
    floor = np.finfo(float).eps * x.shape[1]
    return 1.0 / (vectors**2 / np.maximum(values_, floor)).sum(1)


def _square(weights: ArrayLike) -> FloatArray:
    b = np.asarray(weights, float)
    if b.ndim != 2 or b.shape[0] != b.shape[1] or not np.isfinite(b).all():
        msg = f"Expected finite weights of shape (d, d), found {b.shape}."
        raise ValueError(msg)
    return b

"""Comparison of the networks of two states: differences of edges, and overlap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from landscape.network.data.arrays import FloatArray
from landscape.network.evidence.jackknife import N_FOLDS
from landscape.network.evidence.moderation import moderated


@dataclass(frozen=True)
class Differences:
    """Differences of weights between two states, arrays of one shape.

    Attributes
    ----------
    difference
        Weight in the first state minus weight in the second.
    sd
        Moderated standard deviation of the difference.
    t, p_value, fdr
        Moderated t value, two-sided p value and false-discovery rate.
    """

    difference: FloatArray
    sd: FloatArray
    t: FloatArray
    p_value: FloatArray
    fdr: FloatArray


def differences(
    first: ArrayLike, second: ArrayLike, first_sd: ArrayLike, second_sd: ArrayLike, *, mask: ArrayLike | None = None
) -> Differences:
    r"""Test every edge for a difference between two states.

    .. math:: t = \frac{w_a - w_b}{\sqrt{\sigma_a^2 + \sigma_b^2}}, \qquad
        \nu = (K - 1) \frac{(\sigma_a^2 + \sigma_b^2)^2}{\sigma_a^4 + \sigma_b^4}

    with the standard deviations :math:`\sigma` of a jackknife of :math:`K = 5` groups, moderated over edges
    (:func:`landscape.network.evidence.moderation.moderated`). False-discovery rates are those of Benjamini and Hochberg.
    Both networks are shrunk towards the network of all cells, so that differences are underestimated.

    Parameters
    ----------
    first, second
        Weights :math:`w_a` and :math:`w_b` of the two states, of one shape.
    first_sd, second_sd
        Their standard deviations.
    mask
        Edges to test. ``None``: all. Elsewhere p value and false-discovery rate are 1.
    """
    a, b, va, vb = (np.asarray(part, dtype=np.float64) for part in (first, second, first_sd, second_sd))
    va, vb = va**2, vb**2
    known = va + vb > 0
    if mask is not None:
        known &= np.asarray(mask, dtype=bool)
    sd, t, p_value, fdr = np.sqrt(va + vb), np.zeros_like(a), np.ones_like(a), np.ones_like(a)
    if known.any():
        va, vb = va[known], vb[known]
        variance, freedom = moderated(va + vb, (N_FOLDS - 1) * (va + vb) ** 2 / (va**2 + vb**2))
        sd[known] = np.sqrt(variance)
        t[known] = (a - b)[known] / sd[known]
        p_value[known] = 2.0 * stats.t.sf(np.abs(t[known]), freedom)
        fdr[known] = stats.false_discovery_control(p_value[known])
    return Differences(a - b, sd, t, p_value, fdr)


def overlap(first: ArrayLike, second: ArrayLike) -> float:
    """Cosine similarity of the weights of two networks: 1 for proportional ones, 0 if one is empty."""
    a, b = np.asarray(first, dtype=np.float64).ravel(), np.asarray(second, dtype=np.float64).ravel()
    scale = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / scale) if scale > 0 else 0.0

"""RNA velocity from unspliced and spliced counts under the steady-state model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landscape._numbers import TINY


@dataclass(frozen=True)
class SplicingVelocity:
    """Velocity of genes in units of expression per mRNA lifetime.

    Attributes
    ----------
    velocity
        Shape ``(n, g)``.
    ratio
        Steady-state ratio of unspliced to spliced expression, shape ``(g,)``; NaN for genes that are left out.
    used
        Genes whose ratio could be estimated, shape ``(g,)``.
    """

    velocity: NDArray[np.float64]
    ratio: NDArray[np.float64]
    used: NDArray[np.bool_]


def steady_state_velocity(
    unspliced: NDArray[np.float64], spliced: NDArray[np.float64], *, quantile: float = 0.95, min_share: float = 0.01
) -> SplicingVelocity:
    r"""Velocity :math:`v = u / \gamma' - s`, with the ratio :math:`\gamma'` from cells at the extremes.

    In :math:`\dot u = \alpha - \beta u`, :math:`\dot s = \beta u - \gamma s` the ratio :math:`u / s` is
    :math:`\gamma' = \gamma / \beta` at steady state. It is the slope of a line through the origin, fitted to cells whose
    summed expression is above ``quantile`` (on); cells without any expression (off) lie on every such line. In units
    of the mRNA lifetime :math:`1/\gamma` production is :math:`u/\gamma'` and decay is :math:`s`.

    Parameters
    ----------
    unspliced, spliced
        :math:`u` and :math:`s`, depth-normalised and smoothed, shape ``(n, g)``.
    quantile
        Share of cells below the upper extreme of a gene.
    min_share
        Genes with unspliced expression in a smaller share of cells are left out; their velocity is zero.

    Returns
    -------
    Velocity with the ratios.

    Raises
    ------
    ValueError
        If shapes differ.

    References
    ----------
    La Manno et al. (2018), *Nature* 560, 494. https://doi.org/10.1038/s41586-018-0414-6
    """
    if unspliced.shape != spliced.shape:
        msg = f"Expected unspliced and spliced expression of one shape, found {unspliced.shape} and {spliced.shape}."
        raise ValueError(msg)
    peak_u, peak_s = (np.maximum(m.max(0), TINY) for m in (unspliced, spliced))
    total = unspliced / peak_u + spliced / peak_s
    high = total >= np.quantile(total, quantile, axis=0)
    product = np.where(high, unspliced * spliced, 0).sum(0)
    square = np.where(high, spliced**2, 0).sum(0)
    used = ((unspliced > 0).mean(0) >= min_share) & (square > 0) & (product > 0)
    ratio = np.where(used, product / np.where(square > 0, square, 1.0), np.nan)
    velocity = np.where(used, unspliced / np.where(used, ratio, 1.0) - spliced, 0.0)
    return SplicingVelocity(velocity, ratio, used)

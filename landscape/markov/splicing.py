"""Velocity from unspliced and spliced counts under the steady-state model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class SplicingVelocity:
    """Velocity of genes in units of expression per mRNA lifetime.

    Attributes
    ----------
    velocity
        Shape ``(n, g)``.
    ratio
        Steady-state ratio of unspliced to spliced expression, shape ``(g,)``; not-a-number for genes left out.
    used
        Genes with enough signal to have a ratio, shape ``(g,)``.
    """

    velocity: NDArray[np.float64]
    ratio: NDArray[np.float64]
    used: NDArray[np.bool_]


def steady_state_velocity(
    unspliced: NDArray[np.float64], spliced: NDArray[np.float64], *, quantile: float = 0.95, min_share: float = 0.01
) -> SplicingVelocity:
    r"""Velocity :math:`v = u / \gamma' - s` with the ratio :math:`\gamma'` of cells at the extremes.

    In :math:`\dot u = \alpha - \beta u`, :math:`\dot s = \beta u - \gamma s` the ratio :math:`u / s` is
    :math:`\gamma' = \gamma / \beta` at a steady state. It is the slope through the origin of the cells whose summed
    expression lies above ``quantile`` (on) or that have none of it (off, which a line through the origin meets). In
    units of an mRNA lifetime :math:`1/\gamma` the production is :math:`u/\gamma'` and the decay :math:`s`.

    Parameters
    ----------
    unspliced, spliced
        Depth-normalised, smoothed expression, shape ``(n, g)``.
    quantile
        Share of cells below the upper extreme.
    min_share
        Genes whose unspliced expression is not zero in fewer cells are left out, velocity zero.

    References
    ----------
    La Manno et al. (2018), *Nature* 560, 494. https://doi.org/10.1038/s41586-018-0414-6
    """
    if unspliced.shape != spliced.shape:
        msg = f"Expected unspliced and spliced expression of one shape, found {unspliced.shape} and {spliced.shape}."
        raise ValueError(msg)
    peak_u, peak_s = (np.maximum(m.max(0), 1e-300) for m in (unspliced, spliced))
    total = unspliced / peak_u + spliced / peak_s
    high = total >= np.quantile(total, quantile, axis=0)
    product = np.where(high, unspliced * spliced, 0).sum(0)
    square = np.where(high, spliced**2, 0).sum(0)
    used = ((unspliced > 0).mean(0) >= min_share) & (square > 0) & (product > 0)
    ratio = np.where(used, product / np.where(square > 0, square, 1.0), np.nan)
    velocity = np.where(used, unspliced / np.where(used, ratio, 1.0) - spliced, 0.0)
    return SplicingVelocity(velocity, ratio, used)

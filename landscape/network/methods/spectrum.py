"""Spectral deconfounding: large singular values of a network are compressed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from landscape.network.data.arrays import FloatArray

#: Exponent :math:`\kappa` of :func:`deconfounded`, chosen on the simulations with known edges of ``benchmarks.network``.
DECONFOUNDING = 1.0 / 3.0
#: Singular values below this share of the largest one are rounding: eigenvalues are known to 1e-16, their roots to 1e-8.
MIN_SINGULAR_VALUE = 1e-7


def deconfounded(
    weights: FloatArray, regulators: NDArray[np.int64] | None = None, amount: float = DECONFOUNDING
) -> FloatArray:
    r"""Network whose singular values :math:`s` are raised to :math:`1 - \kappa`, with the norm that it had.

    .. math:: W = U S V^\top \;\to\; c\, U S^{1 - \kappa} V^\top
        = c\, (W W^\top)^{-\kappa / 2} W, \qquad c: \lVert \cdot \rVert_F \text{ as before.}

    A hidden confounder that affects many genes (progress of differentiation, the cell cycle, the activity of a protein) adds
    the product of its effect on the regulator and its effect on the target to every weight. This is a dense matrix of rank
    one, hence one large singular value. Regulators with few targets each spread over all singular vectors. Compressing the
    large singular values is spectral deconfounding [1]_, here of the coefficients instead of the design.

    Parameters
    ----------
    weights
        Shape ``(p, q)``.
    regulators
        Column of each regulator among the targets. Self-edges stay zero, as do empty rows and columns. ``None``: no target
        is a regulator.
    amount
        :math:`\kappa`, at least 0 (no change) and below 1.

    Raises
    ------
    ValueError
        If ``amount`` is not at least 0 and below 1.

    References
    ----------
    .. [1] Cevid, Buhlmann and Meinshausen (2020), *J Mach Learn Res* 21(232), 1. https://jmlr.org/papers/v21/19-545.html
    """
    if not 0 <= amount < 1:
        msg = f"Expected `deconfounding` of at least 0 and below 1, found {amount}."
        raise ValueError(msg)
    size = linalg.norm(weights)
    if amount == 0 or size == 0:
        return weights
    wide = weights.shape[0] <= weights.shape[1]
    gram = weights @ weights.T if wide else weights.T @ weights
    squared, vectors = linalg.eigh(gram, overwrite_a=True, check_finite=False)
    kept = squared > MIN_SINGULAR_VALUE**2 * squared[-1]
    vectors = vectors[:, kept]
    scale = (vectors * squared[kept] ** (-amount / 2)) @ vectors.T
    result: FloatArray = scale @ weights if wide else weights @ scale
    result[~weights.any(axis=1)] = 0.0
    result[:, ~weights.any(axis=0)] = 0.0
    if regulators is not None:
        result[np.arange(len(regulators)), regulators] = 0.0
    return result * (size / max(linalg.norm(result), np.finfo(float).tiny))

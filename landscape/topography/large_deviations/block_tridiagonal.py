"""Cholesky factors of symmetric block-tridiagonal matrices."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import blas, lapack

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class BlockCholesky:
    r"""Factor of a symmetric positive definite matrix with diagonal blocks :math:`D_k` and blocks :math:`E_k` above them.

    .. math:: D_k - Y_{k-1}^\top Y_{k-1} = L_k L_k^\top, \qquad L_k Y_k = E_k

    Its cost is linear in the number of blocks and cubic in their size.

    Attributes
    ----------
    lower
        :math:`L_k`, shape ``(d, d)`` each.
    right
        :math:`Y_k`, one fewer.
    """

    lower: list[NDArray[np.float64]]
    right: list[NDArray[np.float64]]

    @classmethod
    def of(cls, rows: Iterable[tuple[NDArray[np.float64], NDArray[np.float64] | None]]) -> BlockCholesky | None:
        """Factorise from pairs of a diagonal block and the block to its right, ``None`` in the last row.

        Blocks are taken one at a time, so that the whole matrix is never held. Returns ``None`` if the matrix is not positive
        definite within rounding.
        """
        lower: list[NDArray[np.float64]] = []
        right: list[NDArray[np.float64]] = []
        for diagonal, off in rows:
            block = diagonal
            if right:
                # Only the lower triangle is used.
                block = blas.dsyrk(-1.0, right[-1], beta=1.0, c=diagonal, trans=1, lower=1)
            factor, info = lapack.dpotrf(block, lower=1, clean=1)
            if info or not np.isfinite(factor[-1, -1]):
                return None
            lower.append(factor)
            if off is not None:
                right.append(blas.dtrsm(1.0, factor, off, lower=1))
        return cls(lower, right)

    def solve(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Solution for right-hand sides of shape ``(n, d, r)``, of the same shape."""
        found: list[NDArray[np.float64]] = []
        for k, (factor, side) in enumerate(zip(self.lower, rows, strict=True)):
            found.append(blas.dtrsm(1.0, factor, side if not k else side - self.right[k - 1].T @ found[-1], lower=1))
        for k in range(len(found) - 1, -1, -1):
            side = found[k] if k == len(found) - 1 else found[k] - self.right[k] @ found[k + 1]
            found[k] = blas.dtrsm(1.0, self.lower[k], side, lower=1, trans_a=1)
        return np.array(found)

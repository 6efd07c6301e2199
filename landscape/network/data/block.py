"""A block of consecutive cells, and the regressions that can be fitted to it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from landscape.network.data.arrays import FloatArray, Matrix


@dataclass(frozen=True)
class Block:
    """Consecutive cells, transformed.

    Attributes
    ----------
    start
        First cell.
    regulators
        Expression of the regulators, then of the decoys if there are any, dense.
    targets
        Response of all genes, sparse or dense.
    covariates
        Covariates; the first column is the intercept.
    totals
        Total of every cell.
    fingerprint
        A number computed from a cell's values alone: the same for equal cells, whatever the order of cells and genes.
    reverse
        Response of the regulators and expression of the targets, for the reversed regression.
    """

    start: int
    regulators: FloatArray
    targets: Matrix
    covariates: FloatArray
    totals: FloatArray
    fingerprint: FloatArray
    reverse: tuple[FloatArray, Matrix] | None = None

    @property
    def stop(self) -> int:
        """One past the last cell."""
        return self.start + len(self.regulators)

    def cells(self, rows: NDArray[np.int64]) -> Block:
        """The block with these of its cells only."""
        reverse = None if self.reverse is None else (self.reverse[0][rows], self.reverse[1][rows])
        return Block(
            self.start,
            self.regulators[rows],
            self.targets[rows],
            self.covariates[rows],
            self.totals[rows],
            self.fingerprint[rows],
            reverse,
        )

    def reversed(self) -> Block:
        """Block of the reversed regression: the response of the regulators explains the expression of the targets.

        Raises
        ------
        ValueError
            If the block has no response of its own.
        """
        regulators, targets = self._require_reverse()
        return replace(self, regulators=regulators, targets=targets, reverse=None)

    def contemporaneous(self) -> Block:
        """Block of the contemporaneous regression: expression explains expression.

        Raises
        ------
        ValueError
            If the block has no response of its own.
        """
        return replace(self, targets=self._require_reverse()[1], reverse=None)

    def views(self) -> list[Block]:
        """Blocks of all regressions: forward and, where the response differs from expression, reversed and contemporaneous."""
        return [self] if self.reverse is None else [self, self.reversed(), self.contemporaneous()]

    def _require_reverse(self) -> tuple[FloatArray, Matrix]:
        if self.reverse is None:
            msg = "Expected a response that differs from the expression, found none."
            raise ValueError(msg)
        return self.reverse

"""Expression as a regression problem: regulators and targets of the same cells, read and normalised in blocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from landscape._numbers import TARGET_SUM
from landscape.network.data.arrays import (
    FloatArray,
    Matrix,
    dense,
    detected_genes,
    effective_genes,
    fingerprints,
    log_totals,
    looks_like_counts,
    rows_of,
    totals_of,
)
from landscape.network.data.block import Block

Transform = Literal["log", "sqrt", "none"]
TRANSFORMS: tuple[Transform, ...] = ("log", "sqrt", "none")
#: With fewer genes a few of them dominate the total of a cell. Dividing by it, or regressing it out, would then create
#: negative edges (closure of compositions).
MIN_DEPTH_GENES = 100
#: Smallest number of cells of a network.
MIN_CELLS = 50
#: Cells read at a time: one block of 20,000 genes takes 0.7 GB as a dense array.
BLOCK_SIZE = 4096


@dataclass(frozen=True)
class Expression:
    """Input of every network method: expression of regulators and response of targets in the same cells.

    Make it with :func:`expression`. Matrices are any two-dimensional objects whose rows can be sliced: arrays,
    ``scipy.sparse`` matrices, datasets of h5py or zarr, ``anndata.io.sparse_dataset`` of an open file, dask arrays. They are
    read in blocks of cells; totals, covariates and the transform are computed inside the block, so that one pass is enough.

    Attributes
    ----------
    counts, response
        Cells by genes. A ``response`` of ``None`` is ``counts`` itself.
    regulators
        Column of every regulator.
    covariates
        Cells by covariates, without the intercept and those computed from depth.
    target_sum, transform, regress_depth, totals, response_totals, block_size
        See :func:`expression`.
    is_counts
        Whether ``counts`` holds non-negative integers only.
    decoys, decoys_reverse
        Shuffled columns that follow the regulators in every block, and in every reversed block
        (:func:`landscape.network.evidence.decoys.with_decoys`).
    decoy_of
        Column of the regulator from which each decoy was shuffled.
    """

    counts: Any
    response: Any | None
    regulators: NDArray[np.int64]
    covariates: FloatArray
    target_sum: float | None
    transform: Transform
    regress_depth: bool
    is_counts: bool
    totals: FloatArray | None
    response_totals: FloatArray | None
    block_size: int
    decoys: FloatArray | None = None
    decoys_reverse: FloatArray | None = None
    decoy_of: NDArray[np.int64] | None = None

    @property
    def n_cells(self) -> int:
        """Number of cells."""
        return int(self.counts.shape[0])

    @property
    def n_genes(self) -> int:
        """Number of targets, which are all genes."""
        return int(self.counts.shape[1])

    @property
    def n_covariates(self) -> int:
        """Number of covariates, with the intercept and those computed from depth."""
        own = (1 + self.is_counts) * (1 + (self.response is not None)) if self.regress_depth else 0
        return 1 + own + self.covariates.shape[1]

    def starts(self) -> list[int]:
        """First cell of every block."""
        return list(range(0, self.n_cells, self.block_size))

    def blocks(self) -> Iterator[Block]:
        """All blocks, in the order of the cells."""
        for start in self.starts():
            yield self.block(start)

    def block(self, start: int) -> Block:
        """The block of cells from ``start`` on, at most ``block_size`` of them."""
        stop = min(start + self.block_size, self.n_cells)
        counts = rows_of(self.counts, start, stop)
        totals = totals_of(counts) if self.totals is None else self.totals[start:stop]
        columns = [np.ones(stop - start), *self._depth(counts, totals)]
        expressed = self._normalise(counts, totals)
        regulators = self._columns(expressed, self.decoys, start, stop)
        reverse = None
        targets = expressed
        if self.response is not None:
            response = rows_of(self.response, start, stop)
            response_totals = totals_of(response) if self.response_totals is None else self.response_totals[start:stop]
            columns += self._depth(response, response_totals)
            targets = self._normalise(response, response_totals)
            reverse = (self._columns(targets, self.decoys_reverse, start, stop), expressed)
        covariates = np.column_stack([*columns, self.covariates[start:stop]])
        return Block(start, regulators, targets, covariates, totals, self._fingerprints(expressed), reverse)

    def _columns(self, matrix: Matrix, decoys: FloatArray | None, start: int, stop: int) -> FloatArray:
        part = matrix[:, self.regulators]
        part = part.toarray() if sparse.issparse(part) else np.ascontiguousarray(part)
        return part if decoys is None else np.concatenate([part, decoys[start:stop]], axis=1)

    def _depth(self, matrix: Matrix, totals: FloatArray) -> list[FloatArray]:
        """Covariates of depth: log total and number of detected genes; only the latter where values are not counts."""
        if not self.regress_depth:
            return []
        detected = detected_genes(matrix)
        return [log_totals(totals), detected] if self.is_counts else [detected]

    def _normalise(self, matrix: Matrix, totals: FloatArray) -> Matrix:
        if self.target_sum is not None:
            factor = self.target_sum / np.where(totals > 0, totals, 1.0)
            if sparse.issparse(matrix):
                matrix = matrix.copy()
                matrix.data *= np.repeat(factor, np.diff(matrix.indptr))
            else:
                matrix = matrix * factor[:, None]
        if self.transform == "none":
            return matrix
        function = np.log1p if self.transform == "log" else np.sqrt
        if sparse.issparse(matrix):
            matrix = matrix.copy()
            matrix.data = function(matrix.data)
            return matrix
        return function(matrix)

    def _fingerprints(self, expressed: Matrix) -> FloatArray:
        """Fingerprints of cells. Square roots are squared first: the squares of square roots add up to ``target_sum`` in every cell."""
        if self.transform != "sqrt":
            return fingerprints(expressed)
        return fingerprints(expressed.multiply(expressed) if sparse.issparse(expressed) else expressed**2)

    def with_regulators(self, regulators: NDArray[np.int64]) -> Expression:
        """The same cells with other regulators."""
        return replace(self, regulators=np.asarray(regulators, dtype=np.int64))

    def dense(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Regulators, targets and covariates of all cells as dense arrays, for methods that need every cell at once."""
        blocks = list(self.blocks())
        return (
            np.concatenate([b.regulators for b in blocks]),
            np.concatenate([dense(b.targets) for b in blocks]),
            np.concatenate([b.covariates for b in blocks]),
        )


def expression(
    counts: Any,
    regulators: NDArray[np.integer] | list[int],
    *,
    response: Any | None = None,
    covariates: FloatArray | None = None,
    target_sum: float | None | Literal["auto"] = "auto",
    transform: Transform | Literal["auto"] = "auto",
    regress_depth: bool | Literal["auto"] = "auto",
    totals: FloatArray | None = None,
    response_totals: FloatArray | None = None,
    block_size: int = BLOCK_SIZE,
) -> Expression:
    r"""Describe the data of a network, and check them.

    Of the counts :math:`c_{ig}` of cell :math:`i` and gene :math:`g` the expression is
    :math:`\log(1 + 10^4 c_{ig} / \sum_h c_{ih})`, or the square root in the place of the logarithm.

    Parameters
    ----------
    counts
        Cells by genes; counts, or any real matrix whose rows can be sliced (see :class:`Expression`).
    regulators
        Columns of the regulators, distinct.
    response
        Cells by genes, of the same shape: what the regression explains, for instance unspliced counts. ``None``: ``counts``.
    covariates
        Cells by covariates; regressed out together with an intercept.
    target_sum
        Total that every cell is scaled to; ``None`` for no scaling. ``"auto"``: 10,000 for counts of at least 100 genes,
        none otherwise.
    transform
        ``"log"`` is :math:`\log(1 + x)`, ``"sqrt"`` the square root, ``"none"`` the identity. ``"auto"``: ``"log"`` for
        counts, ``"none"`` for fractions and negative values, which are taken as already transformed.
    regress_depth
        Regress out the number of detected genes and, of counts, the log total. ``"auto"``: if the effective number of genes
        in the total, the exponential of the entropy of the mean profile, is at least 100.
    totals, response_totals
        Totals per cell, for matrices that hold a subset of the genes.
    block_size
        Cells read at a time.

    Raises
    ------
    TypeError
        If a matrix has no shape.
    ValueError
        If shapes disagree, there are fewer than 50 cells, a value is not finite, or regulators are repeated or out of range.
    """
    _check_shapes(counts, response, covariates)
    n_cells, n_genes = counts.shape
    index = _check_regulators(regulators, n_genes)
    is_counts = looks_like_counts(counts)
    if target_sum == "auto":
        target_sum = TARGET_SUM if is_counts and n_genes >= MIN_DEPTH_GENES else None
    if transform == "auto":
        transform = "log" if is_counts else "none"
    if transform not in TRANSFORMS:
        msg = f"Expected `transform` to be one of {TRANSFORMS} or 'auto', found {transform!r}."
        raise ValueError(msg)
    if regress_depth == "auto":
        regress_depth = effective_genes(counts) >= MIN_DEPTH_GENES
    extra = np.empty((n_cells, 0)) if covariates is None else np.asarray(covariates, dtype=np.float64)
    if not np.isfinite(extra).all():
        msg = "Expected finite `covariates`, found NaN or infinity; fill them or drop these cells."
        raise ValueError(msg)
    return Expression(
        counts,
        response,
        index,
        extra,
        target_sum,
        transform,
        bool(regress_depth),
        is_counts,
        totals,
        response_totals,
        block_size,
    )


def _check_shapes(counts: Any, response: Any | None, covariates: FloatArray | None) -> None:
    if len(getattr(counts, "shape", ())) != 2:
        msg = f"Expected a matrix of cells by genes, found {type(counts).__name__}."
        raise TypeError(msg)
    n_cells = counts.shape[0]
    if n_cells < MIN_CELLS:
        msg = f"Expected at least {MIN_CELLS} cells, found {n_cells}; too few to infer a network."
        raise ValueError(msg)
    if response is not None and tuple(response.shape) != tuple(counts.shape):
        msg = f"Expected `response` of shape {tuple(counts.shape)}, found {tuple(response.shape)}."
        raise ValueError(msg)
    if covariates is not None and (np.ndim(covariates) != 2 or len(covariates) != n_cells):
        msg = f"Expected `covariates` of shape ({n_cells}, k), found {np.shape(covariates)}."
        raise ValueError(msg)


def _check_regulators(regulators: NDArray[np.integer] | list[int], n_genes: int) -> NDArray[np.int64]:
    index = np.asarray(regulators, dtype=np.int64).ravel()
    if not len(index):
        msg = "Expected at least one regulator, found none; pass the columns of the regulators."
        raise ValueError(msg)
    if len(np.unique(index)) < len(index):
        msg = f"Expected distinct regulators, found {len(index) - len(np.unique(index))} repeated."
        raise ValueError(msg)
    if index.min() < 0 or index.max() >= n_genes:
        msg = f"Expected regulators between 0 and {n_genes - 1}, found {index.min()} to {index.max()}."
        raise ValueError(msg)
    return index

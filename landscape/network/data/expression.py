"""Expression as a regression problem: cells in blocks, normalised on the way, regulators beside every target."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Transform = Literal["log", "sqrt", "none"]
TRANSFORMS: tuple[Transform, ...] = ("log", "sqrt", "none")
#: Below this many genes a cell's total is dominated by a few of them, and dividing by it or regressing it out
#: would fake negative edges (closure of compositions).
DEPTH_NEEDS_GENES = 100
TARGET_SUM = 1e4
MIN_CELLS = 50
FloatArray = NDArray[np.float64]
Matrix: TypeAlias = Any  # csr_matrix or array of float64


@dataclass(frozen=True)
class Block:
    """A run of cells: dense regulators and covariates, targets sparse or dense, all transformed.

    Decoys, where there are any, follow the regulators. ``covariates`` has the intercept in its first column. ``fingerprint`` is a number made from a cell's values alone, the
    same for equal cells and whatever the order of cells and genes. ``reverse`` has the response of the regulators
    and the expression of the targets: the same question with time turned round.
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
        """First cell after the block."""
        return self.start + len(self.regulators)

    def cells(self, rows: NDArray[np.int64]) -> Block:
        """Some of the cells."""
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


@dataclass(frozen=True)
class Expression:
    """What every network method reads: regulators and responses of the same cells.

    ``decoys`` are shuffled columns that follow the regulators in every block (:func:`landscape.network.evidence.decoys.with_decoys`).

    Matrices are anything of two dimensions whose rows can be sliced: arrays, ``scipy.sparse`` matrices, datasets of
    h5py or zarr, ``anndata.io.sparse_dataset`` of an open file, dask arrays. They are read one block of cells at
    a time, and everything else (totals, covariates, transform) is computed inside the block, so that one pass is
    enough. Make it with :func:`expression`.
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
        """Number of covariates with the intercept and those made from depth."""
        own = (1 + self.is_counts) * (1 + (self.response is not None)) if self.regress_depth else 0
        return 1 + own + self.covariates.shape[1]

    def starts(self) -> list[int]:
        """First cell of every block."""
        return list(range(0, self.n_cells, self.block_size))

    def blocks(self) -> Iterator[Block]:
        """All cells in order, one block at a time."""
        for start in self.starts():
            yield self.block(start)

    def block(self, start: int) -> Block:
        """Cells from ``start`` on, at most ``block_size``."""
        stop = min(start + self.block_size, self.n_cells)
        counts = rows_of(self.counts, start, stop)
        totals = _totals(counts) if self.totals is None else self.totals[start:stop]
        columns = [np.ones(stop - start), *self._depth(counts, totals)]
        normal = self._normalise(counts, totals)
        regulators = self._columns(normal, self.decoys, start, stop)
        reverse = None
        targets = normal
        if self.response is not None:
            response = rows_of(self.response, start, stop)
            made = _totals(response) if self.response_totals is None else self.response_totals[start:stop]
            columns += self._depth(response, made)
            targets = self._normalise(response, made)
            reverse = (self._columns(targets, self.decoys_reverse, start, stop), normal)
        covariates = np.column_stack([*columns, self.covariates[start:stop]])
        return Block(start, regulators, targets, covariates, totals, _fingerprint(normal), reverse)

    def _columns(self, matrix: Matrix, decoys: FloatArray | None, start: int, stop: int) -> FloatArray:
        part = matrix[:, self.regulators]
        part = part.toarray() if sparse.issparse(part) else np.ascontiguousarray(part)
        return part if decoys is None else np.concatenate([part, decoys[start:stop]], axis=1)

    def _depth(self, matrix: Matrix, totals: FloatArray) -> list[FloatArray]:
        """Covariates of depth; a total of values that are no counts means nothing, but zeros still do."""
        if not self.regress_depth:
            return []
        return [_log(totals), _detected(matrix)] if self.is_counts else [_detected(matrix)]

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

    def with_regulators(self, regulators: NDArray[np.int64]) -> Expression:
        """The same cells with other regulators."""
        return replace(self, regulators=np.asarray(regulators, dtype=np.int64))

    def dense(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Regulators, targets and covariates of all cells as arrays, for methods that need every cell at once."""
        blocks = list(self.blocks())
        targets = [b.targets.toarray() if sparse.issparse(b.targets) else b.targets for b in blocks]
        return (
            np.concatenate([b.regulators for b in blocks]),
            np.concatenate(targets),
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
    block_size: int = 4096,
) -> Expression:
    r"""Check and describe the data of a network.

    With counts :math:`c_{ig}` of cell :math:`i` and gene :math:`g`, a value is
    :math:`\log(1 + 10^4 c_{ig} / \sum_h c_{ih})`, or its square-root sibling.

    Parameters
    ----------
    counts
        Cells by genes; counts, or any real matrix. Rows must be sliceable (see :class:`Expression`).
    regulators
        Columns of the regulators, distinct.
    response
        Cells by genes, same shape: what is explained, for instance unspliced counts. ``None``: ``counts`` itself.
    covariates
        Cells by covariates, numbers; regressed out together with an intercept.
    target_sum
        Total that every cell is scaled to, ``None`` for no scaling. ``"auto"``: 10,000 for counts of at least 100
        genes, none otherwise.
    transform
        ``"log"`` is :math:`\log(1 + x)`, ``"sqrt"`` the square root. ``"auto"``: ``"log"`` for counts and
        ``"none"`` for matrices with fractions or negative values, which are taken as already transformed.
    regress_depth
        Regress out the number of detected genes and, of counts, the log total. ``"auto"``: where the total is carried
        by at least 100 genes, counted as the exponential of the entropy of the mean profile.
    totals, response_totals
        Totals per cell where ``counts`` holds a subset of genes.
    block_size
        Cells read at a time.

    Raises
    ------
    TypeError
        If a matrix has no shape.
    ValueError
        If shapes disagree, cells are fewer than 50, values are not finite, or regulators are repeated or out of range.
    """
    _check_shapes(counts, response, covariates)
    n_cells, n_genes = counts.shape
    index = _check_regulators(regulators, n_genes)
    is_counts = looks_like_counts(counts)
    if target_sum == "auto":
        target_sum = TARGET_SUM if is_counts and n_genes >= DEPTH_NEEDS_GENES else None
    if transform == "auto":
        transform = "log" if is_counts else "none"
    if transform not in TRANSFORMS:
        msg = f"Expected `transform` to be one of {TRANSFORMS} or 'auto', found {transform!r}."
        raise ValueError(msg)
    if regress_depth == "auto":
        regress_depth = _genes_in_total(counts) >= DEPTH_NEEDS_GENES
    extra = np.empty((n_cells, 0)) if covariates is None else np.asarray(covariates, dtype=np.float64)
    if not np.isfinite(extra).all():
        msg = "Expected finite `covariates`, found NaN or infinity; fill or drop those cells."
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
        msg = f"Expected at least {MIN_CELLS} cells, found {n_cells}; a network cannot be inferred from so few."
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


def _sample(matrix: Any) -> Matrix:
    return rows_of(matrix, 0, min(int(matrix.shape[0]), 4096))


def looks_like_counts(matrix: Any) -> bool:
    """Whether the first cells hold nothing but whole numbers of at least 0."""
    sample = _sample(matrix)
    data = sample.data if sparse.issparse(sample) else sample
    return bool((data >= 0).all() and (data == np.round(data)).all())


def _genes_in_total(matrix: Any) -> float:
    """Number of genes that carry the total: exponential of the entropy of the mean profile."""
    mean = np.asarray(np.abs(_sample(matrix)).mean(axis=0), dtype=np.float64).ravel()
    share = mean[mean > 0] / max(mean.sum(), np.finfo(float).tiny)
    return float(np.exp(-(share * np.log(share)).sum()))


def rows_of(matrix: Any, start: int, stop: int) -> Matrix:
    """A run of cells in memory, as double precision, checked to be finite."""
    part = matrix[start:stop]
    if hasattr(part, "compute"):
        part = part.compute()
    if sparse.issparse(part):
        part = sparse.csr_matrix(part, dtype=np.float64)
        values = part.data
    else:
        part = values = np.asarray(part, dtype=np.float64)
    if not np.isfinite(values).all():
        msg = f"Expected finite values, found NaN or infinity in cells {start} to {stop - 1}."
        raise ValueError(msg)
    return part


def _totals(matrix: Matrix) -> FloatArray:
    return np.asarray(matrix.sum(axis=1), dtype=np.float64).ravel()


def _detected(matrix: Matrix) -> FloatArray:
    return np.asarray((matrix > 0).sum(axis=1), dtype=np.float64).ravel()


def _fingerprint(matrix: Matrix) -> FloatArray:
    """Sum of squares of every cell to nine digits, so that the order of its genes cannot show through rounding."""
    squares = matrix.multiply(matrix) if sparse.issparse(matrix) else matrix**2
    values = np.asarray(squares.sum(axis=1), dtype=np.float64).ravel()
    digits = 8 - np.floor(np.log10(np.maximum(values, 1e-300)))
    scale = 10.0 ** np.clip(digits, -290, 290)
    return np.round(values * scale) / scale


def _log(values: FloatArray) -> FloatArray:
    return np.log(np.maximum(values, 0.5))  # an empty cell counts as half a molecule

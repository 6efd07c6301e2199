"""A minibatch of cells as torch tensors: sparse counts, and the covariates that the decoder is conditioned on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor


@dataclass(frozen=True, slots=True)
class SparseCounts:
    """Counts of a minibatch in compressed sparse rows; the cost of a step is proportional to the stored entries.

    Attributes
    ----------
    values, genes, cells
        Count, gene and cell of each stored entry, shape ``(n_stored,)``.
    indptr
        Entries ``indptr[i]:indptr[i + 1]`` belong to cell ``i``, shape ``(n + 1,)``; same integer type as ``genes``.
    library
        Total count of each cell, shape ``(n,)``.
    n_genes
        Number of genes.
    """

    values: Tensor
    genes: Tensor
    cells: Tensor
    indptr: Tensor
    library: Tensor
    n_genes: int

    @classmethod
    def from_csr(cls, counts: sparse.csr_matrix, *, device: torch.device | str = "cpu") -> SparseCounts:
        """Tensors of a sparse matrix.

        Parameters
        ----------
        counts
            Canonical matrix of counts, cells x genes. Explicit zeros are dropped.
        device
            Device of the tensors.

        Returns
        -------
        Counts in single precision, or in double precision if ``counts`` are.
        """
        if not counts.data.all():  # explicit zeros
            counts = counts.copy()
            counts.eliminate_zeros()
        data: NDArray[Any] = counts.data
        values = data if data.dtype in (np.float32, np.float64) else data.astype(np.float32)
        # Flat indices into the matrix of cells x genes are as large as the product of its sides.
        index = np.int32 if np.prod(counts.shape, dtype=np.int64) < np.iinfo(np.int32).max else np.int64
        cells = np.repeat(np.arange(counts.shape[0], dtype=index), np.diff(counts.indptr))
        library = np.bincount(cells, weights=values, minlength=counts.shape[0]).astype(values.dtype)
        return cls(
            values=torch.from_numpy(values).to(device),
            genes=torch.from_numpy(counts.indices.astype(index)).to(device),
            cells=torch.from_numpy(cells).to(device),
            indptr=torch.from_numpy(counts.indptr.astype(index)).to(device),
            library=torch.from_numpy(library).to(device),
            n_genes=counts.shape[1],
        )

    def __len__(self) -> int:
        return len(self.library)

    @property
    def flat_indices(self) -> Tensor:
        """Index of each stored entry in the flattened matrix of cells x genes."""
        return (self.cells * self.n_genes).add_(self.genes)

    def sum_by_cell(self, values: Tensor) -> Tensor:
        """Sum over the stored entries of each cell, without gradients.

        Parameters
        ----------
        values
            Value of each stored entry, shape ``(n_stored,)``.

        Returns
        -------
        Sums, shape ``(n,)``.
        """
        if values.device.type == "cpu" and bool((self.library > 0).all()):
            # A sum over each run of entries is four times as fast as a scattered addition.
            return torch.from_numpy(np.add.reduceat(values.numpy(), self.indptr[:-1].numpy()))
        return torch.zeros_like(self.library, dtype=values.dtype).index_add_(0, self.cells, values)

    def dense(self, values: Tensor | None = None) -> Tensor:
        """Dense matrix of the counts, or of other values at their positions.

        Parameters
        ----------
        values
            Value of each stored entry, shape ``(n_stored,)``; ``None``: the counts.

        Returns
        -------
        Matrix of shape ``(n, n_genes)``.
        """
        values = self.values if values is None else values
        result = torch.zeros((len(self), self.n_genes), dtype=values.dtype, device=values.device)
        result.view(-1)[self.flat_indices] = values
        return result


@dataclass(frozen=True, slots=True)
class Minibatch:
    """Input of the network for some cells.

    Attributes
    ----------
    counts
        Counts of the cells.
    codes
        Code of the batch of each cell, then of each categorical covariate, shape ``(n, 1 + n_categorical)``, int64.
    continuous
        Standardised continuous covariates, shape ``(n, n_continuous)``.
    """

    counts: SparseCounts
    codes: Tensor
    continuous: Tensor

    def __len__(self) -> int:
        return len(self.codes)


class Log1pLinear(torch.autograd.Function):
    r"""Linear layer on :math:`\log(1 + x)`, in which zero counts cost nothing, forwards or backwards.

    ``Log1pLinear.apply(weight, bias, counts)`` with ``weight`` of shape ``(k, n_genes)`` has shape ``(n, k)``. It is
    fastest if the weights of one gene are contiguous in memory.
    """

    @staticmethod
    def forward(ctx: Any, weight: Tensor, bias: Tensor, counts: SparseCounts) -> Tensor:
        """Product with the logarithms, plus the bias."""
        logs = counts.values.log1p().to(weight.dtype)
        if ctx.needs_input_grad[0]:
            ctx.counts, ctx.logs = counts, logs
        return _weighted_row_sums(counts.genes, counts.indptr, logs, weight.T.contiguous()) + bias

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        """Gradients with respect to weight and bias."""
        (gradient,) = gradients
        counts: SparseCounts = ctx.counts
        # scipy transposes by one counting pass, which is several times faster than a sort.
        parts = tuple(tensor.cpu().numpy() for tensor in (ctx.logs, counts.genes, counts.indptr))
        columns = sparse.csr_matrix(parts, shape=(len(counts), counts.n_genes)).tocsc()
        cells, indptr, logs = (
            torch.from_numpy(a).to(gradient.device) for a in (columns.indices, columns.indptr, columns.data)
        )
        return _weighted_row_sums(cells, indptr, logs, gradient.contiguous()).T, gradient.sum(0), None


def _weighted_row_sums(indices: Tensor, indptr: Tensor, weights: Tensor, table: Tensor) -> Tensor:
    """Product of a sparse matrix and a dense table, by the operation of torch that is fastest on a CPU."""
    return torch.nn.functional.embedding_bag(
        indices, table, indptr, mode="sum", per_sample_weights=weights, include_last_offset=True
    )

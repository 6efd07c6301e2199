"""A minibatch of cells: sparse counts, and what the decoder is conditioned on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor


@dataclass(frozen=True, slots=True)
class CountBatch:
    """Stored counts of some cells, cell by cell; what a step does with them is proportional to their number.

    Attributes
    ----------
    values, genes, cells
        Count, gene and cell of each stored entry, shape ``(n_stored,)``.
    starts
        Entries ``starts[i]:starts[i + 1]`` belong to cell ``i``, shape ``(n + 1,)``; same integer type as ``genes``.
    library
        Total count of each cell, shape ``(n,)``.
    n_genes
        Number of genes.
    """

    values: Tensor
    genes: Tensor
    cells: Tensor
    starts: Tensor
    library: Tensor
    n_genes: int

    @classmethod
    def of(cls, counts: sparse.csr_matrix, *, device: torch.device | str = "cpu") -> CountBatch:
        """Batch from the rows of a canonical ``csr_matrix``; single precision unless the counts are double."""
        if not counts.data.all():  # zeros that are stored
            counts = counts.copy()
            counts.eliminate_zeros()
        data: NDArray[Any] = counts.data
        values = data if data.dtype in (np.float32, np.float64) else data.astype(np.float32)
        # Places in the matrix of cells x genes are products of the two.
        index = np.int32 if np.prod(counts.shape, dtype=np.int64) < np.iinfo(np.int32).max else np.int64
        cells = np.repeat(np.arange(counts.shape[0], dtype=index), np.diff(counts.indptr))
        library = np.bincount(cells, weights=values, minlength=counts.shape[0]).astype(values.dtype)
        return cls(
            values=torch.from_numpy(values).to(device),
            genes=torch.from_numpy(counts.indices.astype(index)).to(device),
            cells=torch.from_numpy(cells).to(device),
            starts=torch.from_numpy(counts.indptr.astype(index)).to(device),
            library=torch.from_numpy(library).to(device),
            n_genes=counts.shape[1],
        )

    def __len__(self) -> int:
        return len(self.library)

    @property
    def places(self) -> Tensor:
        """Place of each stored entry in the flat matrix of cells x genes."""
        return (self.cells * self.n_genes).add_(self.genes)

    def sum_by_cell(self, values: Tensor) -> Tensor:
        """Sum over the stored entries of each cell, shape ``(n,)``; gradients are not traced."""
        if values.device.type == "cpu" and bool((self.library > 0).all()):
            # A sum over each run of entries, four times as fast as adding them one by one to their places.
            return torch.from_numpy(np.add.reduceat(values.numpy(), self.starts[:-1].numpy()))
        return torch.zeros_like(self.library, dtype=values.dtype).index_add_(0, self.cells, values)

    def dense(self, values: Tensor | None = None) -> Tensor:
        """Matrix of shape ``(n, n_genes)`` with the counts, or other values at their places."""
        values = self.values if values is None else values
        result = torch.zeros((len(self), self.n_genes), dtype=values.dtype, device=values.device)
        result.view(-1)[self.places] = values
        return result


@dataclass(frozen=True, slots=True)
class Minibatch:
    """What the network sees of some cells.

    Attributes
    ----------
    counts
        Their counts.
    codes
        Batch of each cell, then its level of each categorical covariate, shape ``(n, 1 + n_categorical)``, int64.
    continuous
        Standardised continuous covariates, shape ``(n, n_continuous)``.
    """

    counts: CountBatch
    codes: Tensor
    continuous: Tensor

    def __len__(self) -> int:
        return len(self.codes)


class LogCountLayer(torch.autograd.Function):
    r"""Linear layer on :math:`\log(1 + x)`, whose zeros cost nothing in either direction.

    ``apply(weight, bias, counts)`` with ``weight`` of shape ``(k, n_genes)`` gives shape ``(n, k)``. It is fastest
    when neighbours in the memory of ``weight`` belong to one gene.
    """

    @staticmethod
    def forward(ctx: Any, weight: Tensor, bias: Tensor, counts: CountBatch) -> Tensor:
        """Product with the logarithms, plus the bias."""
        logs = counts.values.log1p().to(weight.dtype)
        if ctx.needs_input_grad[0]:
            ctx.counts, ctx.logs = counts, logs
        return _bags(counts.genes, counts.starts, logs, weight.T.contiguous()) + bias

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        """Gradients of weight and bias."""
        (gradient,) = gradients
        counts: CountBatch = ctx.counts
        # scipy turns rows into columns in one counting pass, several times faster than a sort.
        parts = tuple(tensor.cpu().numpy() for tensor in (ctx.logs, counts.genes, counts.starts))
        columns = sparse.csr_matrix(parts, shape=(len(counts), counts.n_genes)).tocsc()
        cells, starts, logs = (
            torch.from_numpy(a).to(gradient.device) for a in (columns.indices, columns.indptr, columns.data)
        )
        return _bags(cells, starts, logs, gradient.contiguous()).T, gradient.sum(0), None


def _bags(indices: Tensor, starts: Tensor, weights: Tensor, table: Tensor) -> Tensor:
    """Weighted sums of rows of a table; of torch's products with a sparse matrix, the fastest on a processor."""
    return torch.nn.functional.embedding_bag(
        indices, table, starts, mode="sum", per_sample_weights=weights, include_last_offset=True
    )

"""Whether a matrix holds counts."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from anndata import AnnData
from scipy import sparse

from landscape import _counts, _keys
from landscape._anndata import count_matrix, require_adata


@dataclass(frozen=True, slots=True)
class CountReport:
    """Findings of a full scan of a count matrix.

    Attributes
    ----------
    where
        The matrix, as ``adata.layers['counts']``.
    n_cells, n_genes, n_stored
        Its size and the number of stored values.
    n_not_finite, n_negative, n_fractional
        Numbers of stored values that are no counts, by kind.
    first_bad
        Cell, gene and value of the first of them; ``None`` if there is none.
    n_empty_cells, n_empty_genes
        Numbers of cells and genes without any count.
    median_total
        Median total of a cell.
    largest
        Largest value.
    is_counts
        Whether all values are counts.
    """

    where: str
    n_cells: int
    n_genes: int
    n_stored: int
    n_not_finite: int
    n_negative: int
    n_fractional: int
    first_bad: tuple[str, str, float] | None
    n_empty_cells: int
    n_empty_genes: int
    median_total: float
    largest: float

    @property
    def is_counts(self) -> bool:
        """Whether all values are non-negative integers."""
        return self.n_not_finite == self.n_negative == self.n_fractional == 0

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {**asdict(self), "is_counts": self.is_counts}


def check_counts(adata: AnnData, *, layer: str | None = _keys.COUNTS) -> CountReport:
    """Scan every stored value of a matrix for values that are no counts.

    Parameters
    ----------
    adata
        Annotated data; it is not changed.
    layer
        Layer to scan; ``None`` or ``"X"``: ``adata.X``.

    Returns
    -------
    The findings; values that are no counts raise no error.

    Raises
    ------
    KeyError
        If the layer is missing.
    TypeError
        If the matrix holds no numbers.
    """
    require_adata(adata)
    counts = count_matrix(adata, layer, check=False)
    data = counts.data.astype(np.float64, copy=False)
    bad = _counts.bad_values(data)
    finite = np.isfinite(data)
    first = None
    if bad.any():
        at = int(np.argmax(bad))
        cell = int(np.searchsorted(counts.indptr, at, side="right") - 1)
        first = (str(adata.obs_names[cell]), str(adata.var_names[counts.indices[at]]), float(data[at]))
    present = sparse.csr_matrix((data != 0, counts.indices, counts.indptr), shape=counts.shape)
    totals = np.asarray(counts.sum(1, dtype=np.float64)).ravel()
    return CountReport(
        where="adata.X" if layer in (None, _keys.MAIN) else f"adata.layers[{layer!r}]",
        n_cells=counts.shape[0],
        n_genes=counts.shape[1],
        n_stored=int(data.size),
        n_not_finite=int(np.count_nonzero(~finite)),
        n_negative=int(np.count_nonzero(data[finite] < 0)),
        n_fractional=int(np.count_nonzero(bad[finite] & (data[finite] >= 0))),
        first_bad=first,
        n_empty_cells=int(np.count_nonzero(np.asarray(present.sum(1)) == 0)),
        n_empty_genes=int(np.count_nonzero(np.asarray(present.sum(0)) == 0)),
        median_total=float(np.median(totals)) if totals.size else 0.0,
        largest=float(data[finite].max(initial=0.0)),
    )

"""Genes that go with a fate: partial correlations whose unit is a block of neighbouring cells."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray
from scipy import sparse, stats

from landscape import _keys
from landscape._anndata import count_matrix, read, require_adata, write_result
from landscape._random import RandomLike
from landscape.markov.bootstrap import CELLS_PER_BLOCK, blocks
from landscape.tl._cells import cells_of
from landscape.tl._network_inputs import covariate_names, covariates_of
from landscape.tl._state import TARGET_SUM

logger = logging.getLogger(__name__)

# Blocks beyond which more of them find only correlations below about .1, while finding the blocks takes ever longer.
MAX_BLOCKS = 1000
# Degrees of freedom below which an interval of a correlation is as wide as its range.
MIN_DEGREES = 3
# Genes whose block means are held as a dense array at once.
GENES_AT_ONCE = 512
CONFIDENCE = 0.95
# Blocks that carry a fate below which a gene seen in one of them can look significant by coincidence.
FEW_CARRIERS = 5
# Share of a sum of squares that is rounding.
_ROUNDING = 1e-10


def drivers(
    adata: AnnData,
    *,
    fate_key: str = _keys.FATES,
    layer: str = _keys.COUNTS,
    cells: Sequence[str] | NDArray[np.bool_] | str | None = None,
    covariates: str | Sequence[str] | None = None,
    use_rep: str = _keys.LATENT,
    n_blocks: int | None = None,
    key_added: str = _keys.DRIVERS,
    rng: RandomLike = 0,
    copy: bool = False,
) -> AnnData | None:
    r"""Genes whose expression rises or falls with the probability of a fate.

    With :math:`y_{bg}` the mean of :math:`\log(1 + 10^4 c_{ig} / \sum_h c_{ih})` over the :math:`n_b` cells of block
    :math:`b`, :math:`q_{bk}` that of the probability of fate :math:`k`, and :math:`\tilde{\cdot}` what is left of each after
    a regression, with the weights :math:`n_b`, on the mean log total and the covariates,

    .. math::

        r_{gk} = \frac{\sum_b n_b \tilde y_{bg} \tilde q_{bk}}
                      {\sqrt{\sum_b n_b \tilde y_{bg}^2 \; \sum_b n_b \tilde q_{bk}^2}},
        \qquad t = r \sqrt{\frac{\nu}{1 - r^2}}, \quad \nu = B - 2 - m

    for :math:`B` blocks and :math:`m` covariates, the log total among them. Neighbouring cells have nearly the same fate
    probability and share what moves their expression, so that cells are no independent observations; blocks of about 30
    neighbours nearly are. The interval is Fisher's, :math:`\tanh(\operatorname{artanh} r \pm 1.96 / \sqrt{\nu - 1})`.

    This is association along the way to a fate and no cause: genes that a fate switches on rank beside those that choose it.
    What the model expects of a removal is told by :func:`landscape.tl.perturb`. Genes that vary along any gradient longer
    than a block correlate with every other such gradient; significance says that the association is no noise of
    neighbouring cells, not that the gene belongs to this fate alone.

    Parameters
    ----------
    adata
        Annotated data with fates (:func:`landscape.tl.fates`).
    fate_key
        Table of probabilities in :attr:`~anndata.AnnData.obsm`, cells x fates.
    layer
        Counts.
    cells
        Cells to look at: names, a mask, or ``"column=value"``; by default all. For genes at work while the fate is open
        pass the undecided ones: ``adata.obs["fate_entropy"] > adata.obs["fate_entropy"].quantile(0.5)``.
    covariates
        Columns of ``adata.obs`` to regress out beside the log total; numbers as they are, categories as indicators.
    use_rep
        Coordinates in :attr:`~anndata.AnnData.obsm` in which cells are neighbours.
    n_blocks
        Number of blocks, at most one per ten cells; by default one per 30 cells, at most 1,000.
    key_added
        Name of the result.
    rng
        Seed or generator, for the partition into blocks.
    copy
        Work on a copy of ``adata`` and return it.

    Returns
    -------
    ``None``, or the copy if ``copy=True``. Sets ``adata.uns["landscape"]["drivers"]`` with

    ``table`` : DataFrame, one row per gene and fate
        ``gene``, ``fate``, ``correlation`` with its interval ``lower`` to ``upper`` (95 %), ``p_value`` (two-sided),
        ``q_value`` (Benjamini-Hochberg over the genes of a fate), ``regulator`` (is one of the model).
        Genes without variation have not-a-number and are not counted in the q-values.
    ``n_blocks``, ``degrees_of_freedom``, ``n_cells``
        Blocks, :math:`\nu`, and cells that took part.
    ``carriers`` : DataFrame, fates
        ``blocks`` in which the probability differs from what depth and covariates say, :math:`1 / \sum_b w_b^2` with
        :math:`w_b` their shares of the variance. Below 5 a warning is logged: the law of :math:`t` needs many blocks, and a
        gene seen in one of few is called significant too often.
    ``constant_genes``
        Genes without variation.

    Raises
    ------
    KeyError
        If the fates, the layer, the coordinates, a covariate or a cell is missing.
    TypeError
        If the fates are no table.
    ValueError
        If there are fewer than two fates, a fate has the same probability everywhere, or there are too few blocks.
    """
    adata = require_adata(adata)
    table = _fates(adata, fate_key)
    counts = count_matrix(adata, layer, filled=True)
    chosen = np.arange(adata.n_obs) if cells is None else cells_of(adata, cells)
    known = np.isfinite(table.to_numpy(dtype=float)[chosen]).all(axis=1)
    if not known.all():
        logger.warning("%d cells without fates are left out", int((~known).sum()))
        chosen = chosen[known]
    extra = covariates_of(adata, covariates, None)
    depth = np.log(np.asarray(counts.sum(axis=1), dtype=np.float64).ravel())
    design = np.column_stack([np.ones(adata.n_obs), depth, *([] if extra is None else [extra])])[chosen]
    z = np.asarray(read(adata, "obsm", use_rep, hint="pass `use_rep=` with the coordinates of the cells"), dtype=float)
    block = _blocks(z[chosen], n_blocks, rng)
    blocked = _Blocked(block, design, least=MIN_DEGREES)
    fates = blocked.residual(blocked.mean(sparse.csr_matrix(table.to_numpy(dtype=float)[chosen])))
    if (constant := blocked.constant).any():
        msg = (
            f"Expected fates whose probability varies between blocks of cells, found {list(table.columns[constant])} constant "
            f"among {len(chosen)} cells (beyond depth and covariates); leave them out of `adata.obsm[{fate_key!r}]`, or choose other `cells`."
        )
        raise ValueError(msg)
    carriers = 1 / (fates**4).sum(axis=0)
    for name in table.columns[carriers < FEW_CARRIERS]:
        logger.warning(
            "the fate %r differs in few blocks of cells only; genes seen in one of them go with it by coincidence", name
        )
    correlation = _correlations(blocked, counts[chosen], np.exp(depth[chosen]), fates)
    found = _table(adata, correlation, list(map(str, table.columns)), blocked.degrees_of_freedom)
    varied = np.isfinite(correlation).all(axis=1)
    record = {
        "table": found,
        "n_cells": len(chosen),
        "n_blocks": len(blocked.size),
        "degrees_of_freedom": blocked.degrees_of_freedom,
        "carriers": pd.DataFrame({"blocks": carriers}, index=pd.Index(map(str, table.columns), name="fate")),
        "constant_genes": adata.var_names[~varied].to_numpy().astype(object),
    }
    params = {
        "fate_key": fate_key,
        "layer": layer,
        "cells": "all" if cells is None else cells if isinstance(cells, str) else f"{len(chosen)} cells",
        "covariates": covariate_names(covariates, None),
        "use_rep": use_rep,
        "confidence": CONFIDENCE,
        "regulators": "model" if _keys.STATE in adata.obsm else "none, there is no model",
    }
    adata = adata.copy() if copy else adata
    n_found = int((found["q_value"] < 1 - CONFIDENCE).sum())
    what = f"{n_found} associations of {int(varied.sum())} genes with {len(table.columns)} fates, over {len(blocked.size)} blocks"
    write_result(adata, key_added, record, params=params, what=what)
    return adata if copy else None


class _Blocked:
    """Means over blocks of cells, and what is left of them after a weighted regression on a design's means.

    ``constant`` says for the columns of the last call of :meth:`residual` whether nothing but rounding was left.
    """

    def __init__(self, block: NDArray[np.int64], design: NDArray[np.float64], *, least: int) -> None:
        self.size = np.bincount(block).astype(float)
        n = len(block)
        self._mean = sparse.csr_matrix((1 / self.size[block], (block, np.arange(n))), shape=(len(self.size), n))
        self._root = np.sqrt(self.size)[:, None]
        scaled = self._root * (self._mean @ design)
        scaled /= np.maximum(np.linalg.norm(scaled, axis=0), np.finfo(float).tiny)
        basis, values, _ = np.linalg.svd(scaled, full_matrices=False)
        self._basis = basis[:, values > 1e-8 * values[0]]
        self.degrees_of_freedom = len(self.size) - 1 - self._basis.shape[1]
        self.constant = np.empty(0, dtype=bool)
        if self.degrees_of_freedom < least:
            needed = least + 1 + self._basis.shape[1]
            msg = (
                f"Expected at least {needed} blocks of neighbouring cells for {self._basis.shape[1] - 1} covariates (the log total "
                f"among them), found {len(self.size)} of {n} cells; use more cells, fewer covariates, or a larger `n_blocks`."
            )
            raise ValueError(msg)

    def mean(self, values: sparse.csr_matrix) -> NDArray[np.float64]:
        """Means over blocks, shape ``(n_blocks, k)``."""
        return np.asarray((self._mean @ values).todense())

    def residual(self, means: NDArray[np.float64]) -> NDArray[np.float64]:
        """Residuals times the root of the weights, scaled to length one; not-a-number where nothing is left."""
        scaled = self._root * means
        before = np.linalg.norm(scaled, axis=0)
        scaled -= self._basis @ (self._basis.T @ scaled)
        after = np.linalg.norm(scaled, axis=0)
        self.constant = after**2 <= _ROUNDING * before**2
        return scaled / np.where(self.constant, np.nan, after)


def _fates(adata: AnnData, key: str) -> pd.DataFrame:
    table = read(adata, "obsm", key, hint="run `landscape.tl.fates` first")
    if not isinstance(table, pd.DataFrame):
        msg = f"Expected a table with a column per fate in `adata.obsm[{key!r}]`, found {type(table).__name__}; run `landscape.tl.fates`."
        raise TypeError(msg)
    if table.shape[1] < 2:
        msg = f"Expected at least two fates in `adata.obsm[{key!r}]`, found {table.shape[1]}: with one, every cell is sure of it."
        raise ValueError(msg)
    return table


def _blocks(z: NDArray[np.float64], n_blocks: int | None, rng: RandomLike) -> NDArray[np.int64]:
    if n_blocks is not None and n_blocks < 1:
        msg = f"Expected `n_blocks` of at least 1, found {n_blocks}."
        raise ValueError(msg)
    if not np.isfinite(z).all():
        msg = "Expected finite coordinates of the cells, found NaN or infinity; leave those cells out with `cells=`."
        raise ValueError(msg)
    default = max(1, min(MAX_BLOCKS, len(z) // CELLS_PER_BLOCK))
    return blocks(z, n_blocks=default if n_blocks is None else n_blocks, rng=rng)


def _correlations(
    blocked: _Blocked, counts: sparse.csr_matrix, totals: NDArray[np.float64], fates: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Partial correlations of all genes with all fates, shape ``(genes, fates)``; counts stay sparse."""
    by_gene = counts.tocsc()
    result = np.empty((counts.shape[1], fates.shape[1]))
    for start in range(0, counts.shape[1], GENES_AT_ONCE):
        part = by_gene[:, start : start + GENES_AT_ONCE].astype(np.float64)
        part.data = np.log1p(part.data / totals[part.indices] * TARGET_SUM)
        result[start : start + GENES_AT_ONCE] = blocked.residual(blocked.mean(part)).T @ fates
    return np.clip(result, -1.0, 1.0)


def _table(adata: AnnData, correlation: NDArray[np.float64], fates: list[str], degrees: int) -> pd.DataFrame:
    """Tidy table with p-values, q-values within a fate, and intervals."""
    t = correlation * np.sqrt(degrees / np.maximum(1 - correlation**2, np.finfo(float).tiny))
    p = 2 * stats.t.sf(np.abs(t), degrees)
    q = np.full(p.shape, np.nan)
    varied = np.isfinite(correlation).all(axis=1)
    if varied.any():
        q[varied] = stats.false_discovery_control(p[varied], axis=0)
    z = np.arctanh(np.clip(correlation, -1 + 1e-15, 1 - 1e-15))
    half = stats.norm.ppf((1 + CONFIDENCE) / 2) / np.sqrt(degrees - 1)
    genes = adata.var_names.to_numpy().astype(object)
    regulators = set(map(str, adata.obsm[_keys.STATE].columns)) if _keys.STATE in adata.obsm else set()
    n, k = correlation.shape
    return pd.DataFrame(
        {
            "gene": np.tile(genes, k),
            "fate": np.repeat(np.array(fates, dtype=object), n),
            "correlation": correlation.T.ravel(),
            "lower": np.tanh(z - half).T.ravel(),
            "upper": np.tanh(z + half).T.ravel(),
            "p_value": p.T.ravel(),
            "q_value": q.T.ravel(),
            "regulator": np.tile([str(gene) in regulators for gene in genes], k),
        },
        index=[str(row) for row in range(n * k)],
    )

"""Driver genes of fates: what sets a fate apart from its neighbour, over blocks of neighbouring cells."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray
from scipy import sparse

from landscape import _keys
from landscape._anndata import count_matrix, read, require_adata, write_result
from landscape._random import RandomLike
from landscape.markov.association import (
    CONFIDENCE,
    BlockMeans,
    association_blocks,
    association_table,
    gene_correlations,
)
from landscape.markov.fate_contrast import (
    contrast_columns,
    contrast_table,
    fate_contrasts,
    half_fates,
    merged_by_name,
    neighbouring_fates,
)
from landscape.tl._cells import cells_of
from landscape.tl._network_inputs import covariate_names, covariates_of

logger = logging.getLogger(__name__)

# Effective number of blocks that carry a fate; with fewer, a gene expressed in one of them can be significant by chance.
FEW_CARRIERS = 5


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
    r"""Find the genes that set each fate apart from its neighbouring fate.

    Let :math:`y_{bg}` be the mean of :math:`\log(1 + 10^4 c_{ig} / \sum_h c_{ih})` over the :math:`n_b` cells of block
    :math:`b`, and :math:`q_{bk}` that of the probability of fate :math:`k`. With :math:`\tilde{\cdot}` the residual of a
    regression with weights :math:`n_b` on the mean log total and the covariates,

    .. math::

        r_{gk} = \frac{\sum_b n_b \tilde y_{bg} \tilde q_{bk}}
                      {\sqrt{\sum_b n_b \tilde y_{bg}^2 \; \sum_b n_b \tilde q_{bk}^2}},
        \qquad t = r \sqrt{\frac{\nu}{1 - r^2}}, \quad \nu = B - 2 - m

    is the correlation of the gene with the fate among all cells, for :math:`B` blocks and :math:`m` covariates, the log total
    among them. Genes of progenitors that several fates share have it too. The neighbour of a fate is the one with which it
    shares most undecided cells, and the same correlation, given the probabilities of all other fates, is the association
    among cells that are equally likely to reach either of the two. The ``contrast`` is the weaker of both correlations, or
    0 where their signs differ; its p-value is the larger one, so that both must hold.

    Neighbouring cells have nearly the same fate probability and correlated expression, so that cells are not independent
    observations; blocks of about 30 neighbours nearly are. Intervals are Fisher's,
    :math:`\tanh(\operatorname{artanh} r \pm 1.96 / \sqrt{\nu - 1})`.

    A contrast is no causal effect: genes that a fate activates are found beside genes that determine it. ``half_fate`` tells
    them apart in time, as far as cells can: a gene that has made half of its change at a low probability of the fate changes
    before the fate is decided. For the effect of a knock-out in the model see :func:`landscape.tl.perturb`. A gene that varies
    along any gradient longer than a block correlates with every other such gradient.

    Parameters
    ----------
    adata
        Annotated data with fates (:func:`landscape.tl.fates`).
    fate_key
        Table of probabilities in :attr:`~anndata.AnnData.obsm`, cells x fates. Fates of one name with numbers (``"B"``,
        ``"B 2"``) are one fate.
    layer
        Layer of counts.
    cells
        Cells to use: names, a mask, or ``"column=value"``; by default all. For genes that act before the fate is decided,
        pass the undecided cells: ``adata.obs["fate_entropy"] > adata.obs["fate_entropy"].quantile(0.5)``.
    covariates
        Columns of ``adata.obs`` to regress out, in addition to the log total. Categories become indicators.
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
        ``gene``, ``fate``, its ``neighbour``, the ``contrast`` with its interval ``contrast_lower`` to ``contrast_upper`` (95 %),
        ``contrast_p`` (two-sided) and ``contrast_q`` (Benjamini-Hochberg over the genes of a fate); ``half_fate``, the
        probability of the fate at which the gene has made half of its change between the mean probability and the highest
        one, missing where the contrast is 0; ``correlation`` among all cells with ``lower``, ``upper``, ``p_value`` and
        ``q_value``; ``regulator`` (whether the gene is a regulator of the model). Genes without variation have NaN and do not
        count in the q-values.
    ``n_blocks``, ``degrees_of_freedom``, ``n_cells``
        Number of blocks, :math:`\nu` among all cells, and number of cells used.
    ``carriers`` : DataFrame, fates
        ``blocks``: effective number of blocks that carry the variance of the residual probability,
        :math:`1 / \sum_b w_b^2` with :math:`w_b` the share of block :math:`b`. Below 5 a warning is logged: the
        distribution of :math:`t` holds for many blocks, and a gene expressed in one of few is significant too often.
    ``constant_genes``
        Genes without variation.

    Raises
    ------
    KeyError
        If the fates, the layer, the coordinates, a covariate or a cell is missing.
    TypeError
        If the fates are not a DataFrame.
    ValueError
        If there are fewer than two fates, a fate has the same probability everywhere, or there are too few blocks.

    Examples
    --------
    >>> import landscape as ls
    >>> adata = ls.datasets.hematopoiesis()  # doctest: +SKIP
    >>> ls.tl.drivers(adata)  # doctest: +SKIP
    >>> ls.get.drivers(adata, fate="Erythrocyte").head()  # doctest: +SKIP
    """
    adata = require_adata(adata)
    table = _fates(adata, fate_key)
    counts = count_matrix(adata, layer, filled=True)
    chosen = np.arange(adata.n_obs) if cells is None else cells_of(adata, cells)
    probabilities = table.to_numpy(dtype=float)[chosen]
    known = np.isfinite(probabilities).all(axis=1)
    if not known.all():
        logger.warning("%d cells without fates are left out", int((~known).sum()))
        chosen, probabilities = chosen[known], probabilities[known]
    extra = covariates_of(adata, covariates, None)
    depth = np.log(np.asarray(counts.sum(axis=1), dtype=np.float64).ravel())
    design = np.column_stack([np.ones(adata.n_obs), depth, *([] if extra is None else [extra])])[chosen]
    z = np.asarray(read(adata, "obsm", use_rep, hint="pass `use_rep=` with the coordinates of the cells"), dtype=float)
    block = association_blocks(z[chosen], n_blocks, rng)
    blocked = BlockMeans(block, design)
    fates = blocked.residual(blocked.mean(sparse.csr_matrix(probabilities)))
    if (constant := blocked.constant).any():
        msg = (
            f"Expected fates whose probability varies between blocks of cells, found {list(table.columns[constant])} constant "
            f"in {len(chosen)} cells, given depth and covariates; leave them out of `adata.obsm[{fate_key!r}]`, or pass other `cells`."
        )
        raise ValueError(msg)
    carriers = 1 / (fates**4).sum(axis=0)
    for name in table.columns[carriers < FEW_CARRIERS]:
        logger.warning(
            "the fate %r varies in few blocks of cells only; genes expressed in one of them correlate by chance", name
        )
    used, totals = counts[chosen], np.exp(depth[chosen])
    correlation = gene_correlations([(blocked, fates)], used, totals)
    names = list(map(str, table.columns))
    neighbour = neighbouring_fates(probabilities)
    against, degrees = fate_contrasts(block, design, probabilities, neighbour, used, totals)
    regulators = set(map(str, adata.obsm[_keys.STATE].columns)) if _keys.STATE in adata.obsm else set()
    genes = adata.var_names.to_numpy().astype(object)
    found = contrast_table(
        association_table(correlation, genes, names, blocked.degrees_of_freedom, regulators),
        [names[k] for k in neighbour],
        contrast_columns(correlation, blocked.degrees_of_freedom, against, degrees),
        half_fates(used, totals, probabilities),
    )
    varied = np.isfinite(correlation).all(axis=1)
    record = {
        "table": found,
        "n_cells": len(chosen),
        "n_blocks": len(blocked.size),
        "degrees_of_freedom": blocked.degrees_of_freedom,
        "carriers": pd.DataFrame({"blocks": carriers}, index=pd.Index(names, name="fate")),
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
    n_found = int((found["contrast_q"] < 1 - CONFIDENCE).sum())
    what = (
        f"{n_found} contrasts of {int(varied.sum())} genes between {len(names)} fates, over {len(blocked.size)} blocks"
    )
    write_result(adata, key_added, record, params=params, what=what)
    return adata if copy else None


def _fates(adata: AnnData, key: str) -> pd.DataFrame:
    table = read(adata, "obsm", key, hint="run `landscape.tl.fates` first")
    if not isinstance(table, pd.DataFrame):
        msg = f"Expected a DataFrame with a column per fate in `adata.obsm[{key!r}]`, found {type(table).__name__}; run `landscape.tl.fates`."
        raise TypeError(msg)
    if table.shape[1] < 2:
        msg = f"Expected at least two fates in `adata.obsm[{key!r}]`, found {table.shape[1]}; the probability of a single fate is 1 in all cells."
        raise ValueError(msg)
    merged = merged_by_name(table)
    if merged.shape[1] < table.shape[1]:
        logger.info("fates that differ in a number are one: %d of %d are left", merged.shape[1], table.shape[1])
    return merged

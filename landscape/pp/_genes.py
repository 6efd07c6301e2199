"""Selection of variable genes and regulators."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
from anndata import AnnData
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from landscape import _keys
from landscape._anndata import count_matrix, read_complete, require_adata, require_unique, write
from landscape.pp._regulators import find_regulators
from landscape.pp.features import is_gene, other_features

logger = logging.getLogger(__name__)


def select_genes(
    adata: AnnData,
    *,
    n_top: int = 2000,
    regulators: Sequence[str] | str | None = None,
    layer: str | None = _keys.COUNTS,
    batch_key: str | None = None,
    drop_empty: bool = False,
    subset: bool = False,
    key_added: str = "selected",
    copy: bool = False,
) -> AnnData | None:
    r"""Choose the most variable genes and every regulator that has a count.

    Genes are ranked by the variance of their Pearson residuals under a negative binomial of constant rate [1]_,

    .. math:: r_{cg} = \frac{x_{cg} - \mu_{cg}}{\sqrt{\mu_{cg} + \mu_{cg}^2 / 100}}, \qquad
              \mu_{cg} = \frac{\sum_g x_{cg} \sum_c x_{cg}}{\sum_{cg} x_{cg}},

    clipped at :math:`\pm\sqrt{n}`, which accounts for depth and mean. Regulators with at least one count are always
    selected, in addition to the ``n_top`` genes. Peaks, antibodies and guides (``var["feature_types"]``) are never selected and do not count
    towards depth.

    Parameters
    ----------
    adata
        Annotated data with raw counts.
    n_top
        Number of variable genes; all of them where there are fewer.
    regulators
        As in :func:`find_regulators`; with an empty list no gene is kept as a regulator.
    layer
        Layer with the counts; ``None``: ``adata.X``.
    batch_key
        Column of ``adata.obs``: residuals are computed within each batch, so that genes which differ only between
        batches are not chosen.
    drop_empty
        Drop cells without any count, and genes without any when ``subset=True``; otherwise empty cells are an error.
    subset
        Keep only the selected genes in ``adata``.
    key_added
        Column of ``adata.var`` for the result.
    copy
        Work on a copy of ``adata`` and return it.

    Returns
    -------
    ``None``, or the copy if ``copy=True``. Sets

    ``adata.var[key_added]`` : bool
        Whether the gene is selected.
    ``adata.var[key_added + "_score"]`` : float
        Variance of its Pearson residuals; 0 for genes without counts.
    ``adata.var["regulator"]`` : bool
        Whether it is a regulator; only where that column does not exist yet and regulators are asked for.

    Raises
    ------
    KeyError
        If the layer or the batch column is missing.
    ValueError
        If a value is no count, cells are empty, or no regulator is found.

    References
    ----------
    .. [1] Lause, Berens & Kobak (2021), *Genome Biology* 22, 258. https://doi.org/10.1186/s13059-021-02451-7
    """
    require_adata(adata)
    if n_top < 1:
        msg = f"Expected `n_top` of at least 1, found {n_top}."
        raise ValueError(msg)
    require_unique(adata.obs_names, slot="obs_names")
    genes = is_gene(adata)
    counts = count_matrix(adata, layer)
    counts = counts if genes.all() else (counts @ sparse.diags(genes.astype(counts.dtype))).tocsr()
    filled = np.asarray(counts.sum(1)).ravel() > 0
    if not filled.all() and not drop_empty:
        msg = (
            f"{np.count_nonzero(~filled)} of {len(filled)} cells have no counts, for instance "
            f"{adata.obs_names[int(np.argmin(filled))]!r}; pass `drop_empty=True` to drop them."
        )
        raise ValueError(msg)
    if not filled.any():
        msg = f"Expected counts, found none in any of {len(filled)} cells; pass `layer=` with the raw counts."
        raise ValueError(msg)
    none = regulators is not None and not isinstance(regulators, str) and not len(regulators)
    names = [] if none else find_regulators(adata, regulators=regulators)
    score = _score(adata, counts, filled, batch_key)
    detected = np.asarray(counts.sum(0)).ravel() > 0
    chosen = np.zeros(adata.n_vars, dtype=bool)
    chosen[np.argsort(-score, kind="stable")[:n_top]] = True
    is_regulator = adata.var_names.isin(names) & genes
    selected = (chosen | is_regulator) & detected

    adata = adata.copy() if copy else adata
    if not genes.all():
        logger.warning(
            "left out: %s, which are no genes", ", ".join(f"{n:,} {kind}" for kind, n in other_features(adata).items())
        )
    if not filled.all():
        logger.warning("dropped %d cells without counts", np.count_nonzero(~filled))
        adata._inplace_subset_obs(filled)
    what = f"{selected.sum()} of {len(selected)} genes, {np.count_nonzero(selected & is_regulator)} of them regulators"
    write(adata, "var", key_added, selected, what=what)
    write(adata, "var", f"{key_added}_score", score, what="variance of Pearson residuals")
    if names and _keys.REGULATOR not in adata.var:
        write(adata, "var", _keys.REGULATOR, is_regulator, what=f"{len(names)} regulators")
    if subset:
        adata._inplace_subset_var(selected)
    return adata if copy else None


def _score(
    adata: AnnData, counts: sparse.csr_matrix, filled: NDArray[np.bool_], batch_key: str | None
) -> NDArray[np.float64]:
    if batch_key is None:
        return pearson_residual_variance(counts[filled])
    column = read_complete(adata, batch_key, hint="pass `batch_key=` with a column of `adata.obs`")
    return pearson_residual_variance(counts[filled], groups=column.astype(str).to_numpy()[filled])


def pearson_residual_variance(
    counts: sparse.csr_matrix,
    *,
    groups: ArrayLike | None = None,
    dispersion: float = 100.0,
    block: int = 512,
) -> NDArray[np.float64]:
    """Variance of the Pearson residuals of each gene, see :func:`select_genes`.

    Parameters
    ----------
    counts
        Cells x genes, no empty cell.
    groups
        Group of each cell, such as its batch: residuals are computed within each group, and the variances are averaged over the cells.
    dispersion
        Inverse dispersion of the null model.
    block
        Number of genes that are made dense at a time, which bounds the memory.

    Returns
    -------
    Variances, shape ``(n_genes,)``; zero for genes without counts.
    """
    if groups is not None:
        labels = np.asarray(groups)
        parts = [labels == label for label in np.unique(labels)]
        each = [pearson_residual_variance(counts[part], dispersion=dispersion, block=block) for part in parts]
        return np.average(each, axis=0, weights=[part.sum() for part in parts])
    n_cells, n_genes = counts.shape
    depth = np.asarray(counts.sum(1, dtype=np.float64)).ravel()
    totals = np.asarray(counts.sum(0, dtype=np.float64)).ravel()
    share = totals / max(totals.sum(), 1.0)
    by_gene = counts.tocsc()
    bound = np.sqrt(n_cells)
    variance = np.zeros(n_genes)
    for start in range(0, n_genes, block):
        columns = slice(start, start + block)
        mean = depth[:, None] * share[columns]
        with np.errstate(invalid="ignore", divide="ignore"):
            residual = (by_gene[:, columns].toarray() - mean) / np.sqrt(mean + mean**2 / dispersion)
        variance[columns] = np.clip(residual, -bound, bound).var(axis=0)
    variance[totals == 0] = 0.0
    return variance

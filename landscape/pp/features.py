"""Kinds of features: gene expression beside peaks, antibodies and guides, as multi-modal files of 10x hold them."""

from __future__ import annotations

import numpy as np
from anndata import AnnData
from numpy.typing import NDArray

# Columns of `var` in which scanpy, muon and CELLxGENE keep the kind of a feature, and the kinds that are genes.
_COLUMNS = ("feature_types", "feature_type", "modality")
_GENES = {"gene expression", "rna", "gex", "gene", "genes", "transcriptome", "mrna"}
_OTHERS = {
    "peaks", "antibody capture", "crispr guide capture", "multiplexing capture", "custom", "atac", "adt", "prot", "protein", "hto", "antigen capture",
    "vdj", "chromatin accessibility",
}  # fmt: skip


def is_gene(adata: AnnData) -> NDArray[np.bool_]:
    """Whether each feature is a gene, shape ``(n_vars,)``; all are where no column of ``var`` tells kinds that are known."""
    column = _column(adata)
    if column is None:
        return np.ones(adata.n_vars, dtype=bool)
    return ~adata.var[column].astype(str).str.lower().isin(_OTHERS).to_numpy()


def other_features(adata: AnnData) -> dict[str, int]:
    """Number of features of each kind that is no gene; empty if there are none."""
    others = ~is_gene(adata)
    if not others.any():
        return {}
    kinds = adata.var.loc[others, _column(adata)].astype(str)
    return {str(kind): int(number) for kind, number in kinds.value_counts().items()}


def column_of_kinds(adata: AnnData) -> str:
    """Column of ``var`` with the kind of each feature; empty if there is none."""
    return _column(adata) or ""


def _column(adata: AnnData) -> str | None:
    for name in _COLUMNS:
        if name in adata.var and adata.var[name].astype(str).str.lower().isin(_OTHERS | _GENES).any():
            return name
    return None

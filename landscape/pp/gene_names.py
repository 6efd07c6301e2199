"""Names of genes as symbols, where an AnnData object has them beside Ensembl ids."""

from __future__ import annotations

from collections.abc import Sequence

from anndata import AnnData

from landscape.network.data.symbols import is_ensembl

_SYMBOL_COLUMNS = (
    "gene_symbol",
    "gene_symbols",
    "symbol",
    "gene_name",
    "gene_names",
    "feature_name",
    "gene_short_name",
)


def symbols_of(adata: AnnData) -> list[str] | None:
    """Names of genes as symbols: those of a column beside Ensembl ids, ``None`` where there is none."""
    names = list(adata.var_names)
    if not is_ensembl(names):
        return names
    column = next((c for c in _SYMBOL_COLUMNS if c in adata.var), None)
    return None if column is None else list(adata.var[column].astype(str))


def names_like(adata: AnnData, genes: Sequence[str]) -> list[str]:
    """Names of all genes in the way in which some are given: symbols beside Ensembl ids, unless ids are given."""
    names = list(adata.var_names)
    return names if is_ensembl(list(genes)) else symbols_of(adata) or names

"""Which genes of an AnnData object are regulators of a network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from anndata import AnnData
from numpy.typing import NDArray

from landscape import _keys, pp
from landscape.network import detect_species
from landscape.network.data.regulators import regulator_columns
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


def regulators_of(adata: AnnData, regulators: Sequence[str] | str | None) -> tuple[NDArray[np.int64], str]:
    """Columns of the regulators, and where they come from; given ones must all be there."""
    if regulators is not None and not isinstance(regulators, str):
        return regulator_columns(list(regulators), names_like(adata, regulators)), "given"
    if regulators is None and _keys.REGULATOR in adata.var:
        flags = adata.var[_keys.REGULATOR].to_numpy()
        index = np.flatnonzero(np.asarray(flags, dtype=bool))
        if not len(index):
            msg = (
                f"Expected regulators in `adata.var[{_keys.REGULATOR!r}]`, found none that is True; pass `regulators=`."
            )
            raise ValueError(msg)
        return index, f"var[{_keys.REGULATOR!r}]"
    tier = "tf" if regulators is None else regulators
    found = pp.find_regulators(adata, regulators=tier)
    what = "transcription factors" if tier == "tf" else "transcription factors and cofactors"
    return np.flatnonzero(adata.var_names.isin(found)), f"{detect_species(list(adata.var_names))} {what}"

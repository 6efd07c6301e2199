"""Which genes of an AnnData object are regulators of a network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from anndata import AnnData
from numpy.typing import NDArray

from landscape import _keys
from landscape.network import detect_species, match
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


def regulators_of(adata: AnnData, regulators: Sequence[str] | None) -> tuple[NDArray[np.int64], str]:
    """Columns of the regulators, and where they come from."""
    names = list(adata.var_names)
    if regulators is not None:
        return regulator_columns(list(regulators), names_like(adata, regulators)), "given"
    if _keys.REGULATOR in adata.var:
        flags = adata.var[_keys.REGULATOR].to_numpy()
        index = np.flatnonzero(np.asarray(flags, dtype=bool))
        if not len(index):
            msg = (
                f"Expected regulators in `adata.var[{_keys.REGULATOR!r}]`, found none that is True; pass `regulators=`."
            )
            raise ValueError(msg)
        return index, f"var[{_keys.REGULATOR!r}]"
    from landscape import datasets

    symbols = symbols_of(adata)
    if symbols is None:
        msg = f"Expected gene symbols beside Ensembl ids in one of `adata.var` {_SYMBOL_COLUMNS}, found none; add one or pass `regulators=`."
        raise ValueError(msg)
    species = detect_species(names)
    index = np.array(sorted(set(match(datasets.regulators(species), symbols).values())), dtype=np.int64)
    if not len(index):
        msg = f"Expected {species} transcription factors among {len(names)} genes, found none (first genes: {names[:3]}); pass `regulators=`."
        raise ValueError(msg)
    return index, f"{species} transcription factors"

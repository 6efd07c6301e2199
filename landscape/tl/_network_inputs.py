"""What a network is made from: regulators, counts, the response, and covariates of an AnnData object."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray
from scipy import sparse

from landscape import _keys
from landscape._anndata import count_matrix
from landscape.network import canonical, detect_species, match
from landscape.network.data.expression import MIN_CELLS
from landscape.network.data.metacells import averaged, pooled
from landscape.network.data.symbols import is_ensembl, other_species

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
        return _named(list(regulators), names_like(adata, regulators)), "given"
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


def _named(regulators: list[str], names: list[str]) -> NDArray[np.int64]:
    repeated = sorted({name for name in regulators if regulators.count(name) > 1})
    if repeated:
        msg = f"Expected distinct regulators, found {repeated[:5]} more than once."
        raise ValueError(msg)
    found = match(regulators, names)
    missing = [name for name in regulators if name not in found]
    if missing:
        msg = f"Expected regulators that are in `adata.var_names`, found {len(missing)} of {len(regulators)} that are not: {missing[:5]}."
        raise ValueError(msg)
    if set(regulators).isdisjoint(names) and (differing := other_species(regulators, names)):
        theirs, ours = differing
        msg = (
            f"Expected regulators of the species of the genes, which look like {ours} ({names[0]}), found {theirs} symbols "
            f"({regulators[0]}); letter case is no orthology: translate them, and write them as in `adata.var_names`."
        )
        raise ValueError(msg)
    if len(set(found.values())) < len(found):
        genes = [canonical(name) for name in regulators]
        twice = [name for name, gene in zip(regulators, genes, strict=True) if genes.count(gene) > 1]
        msg = f"Expected distinct regulators, found names of one gene: {twice[:5]}."
        raise ValueError(msg)
    return np.array(sorted(found.values()), dtype=np.int64)


def response_of(adata: AnnData, layer: str, response_layer: str | None) -> tuple[sparse.csr_matrix | None, str]:
    name = response_layer or (_keys.UNSPLICED if _keys.UNSPLICED in adata.layers else layer)
    if name == layer:
        return None, layer
    response = count_matrix(adata, name)
    if not response.nnz:
        msg = f"Expected counts in `adata.layers[{name!r}]`, found only zeros; pass `response_layer={layer!r}` to explain spliced counts."
        raise ValueError(msg)
    return response, name


def covariates_of(
    adata: AnnData, covariates: str | Sequence[str] | None, model: Any | None
) -> NDArray[np.float64] | None:
    names = covariate_names(covariates, model)
    if not names:
        return None
    if missing := [name for name in names if name not in adata.obs]:
        msg = f"Expected covariates that are columns of `adata.obs`, found {missing}; present: {sorted(adata.obs.columns)}."
        raise KeyError(msg)
    columns = []
    for name in names:
        values = adata.obs[name]
        if values.isna().any():
            msg = f"Expected `adata.obs[{name!r}]` without missing values, found {int(values.isna().sum())}; fill or drop those cells."
            raise ValueError(msg)
        if (
            isinstance(values.dtype, pd.CategoricalDtype)
            or values.dtype in (object, bool)
            or pd.api.types.is_string_dtype(values)
        ):
            columns.append(pd.get_dummies(values.astype(str), drop_first=True).to_numpy(dtype=np.float64))
        else:
            columns.append(values.to_numpy(dtype=np.float64)[:, None])
    return np.concatenate(columns, axis=1)


def covariate_names(covariates: str | Sequence[str] | None, model: Any | None) -> list[str]:
    """Columns named by the caller, then the batch that the model was given."""
    names = [] if covariates is None else [covariates] if isinstance(covariates, str) else list(covariates)
    if model is not None and model.batch_key is not None and model.batch_key not in names:
        names.append(model.batch_key)
    return names


def pool(
    adata: AnnData,
    key: str,
    counts: sparse.csr_matrix,
    response: sparse.csr_matrix | None,
    covariates: NDArray[np.float64] | None,
) -> tuple[sparse.csr_matrix, sparse.csr_matrix | None, NDArray[np.float64] | None]:
    """Counts of the metacells that a column names, and the means of their covariates; cells without one are left out."""
    if key not in adata.obs:
        msg = f"Expected metacells in a column of `adata.obs`, found no {key!r}; assign it `landscape.network.metacells(...)`."
        raise KeyError(msg)
    column = adata.obs[key]
    inside = np.flatnonzero(column.notna().to_numpy())
    labels = np.unique(column.iloc[inside].astype(str).to_numpy(), return_inverse=True)[1]
    n = int(labels.max()) + 1 if len(labels) else 0
    if n < MIN_CELLS:
        msg = f"Expected at least {MIN_CELLS} metacells in `adata.obs[{key!r}]`, found {n}; make them smaller."
        raise ValueError(msg)
    return (
        pooled(counts[inside], labels),
        None if response is None else pooled(response[inside], labels),
        None if covariates is None else averaged(covariates[inside], labels),
    )

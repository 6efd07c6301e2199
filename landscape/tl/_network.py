"""The network of regulators and targets of an AnnData object."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray
from scipy import sparse

from landscape import _keys
from landscape._anndata import count_matrix, require_adata, write, write_result
from landscape._random import RandomLike
from landscape.network import (
    Network,
    canonical,
    detect_species,
    expression,
    from_edges,
    infer,
    match,
    prior_of,
)
from landscape.network.symbols import is_ensembl, other_species

logger = logging.getLogger(__name__)

_BESIDE = {
    "stability": "share of bootstraps that select an edge",
    "sd": "standard deviation of weights over bootstraps",
    "fdr": "empirical false-discovery rate from decoys",
}
_SYMBOL_COLUMNS = (
    "gene_symbol",
    "gene_symbols",
    "symbol",
    "gene_name",
    "gene_names",
    "feature_name",
    "gene_short_name",
)


def network(
    adata: AnnData,
    *,
    regulators: Sequence[str] | None = None,
    layer: str = _keys.COUNTS,
    response_layer: str | None = None,
    method: str | Callable[..., NDArray[np.float64]] | pd.DataFrame = "ridge",
    prior: pd.DataFrame | None = None,
    covariates: str | Sequence[str] | None = None,
    model: Any | None = None,
    n_bootstraps: int = 50,
    key_added: str = _keys.NETWORK,
    rng: RandomLike = 0,
    copy: bool = False,
    **options: Any,
) -> AnnData | None:
    r"""Infer which regulators drive which genes, with sign, weight and confidence.

    Every gene is regressed on all regulators at once; depth, detection and ``covariates`` are regressed out of both.

    Parameters
    ----------
    adata
        Annotated data with counts.
    regulators
        Names of regulators. ``None``: ``adata.var["regulator"]`` where it exists, else the transcription factors of
        the species that the gene names show, old symbols resolved.
    layer
        Counts of the regulators.
    response_layer
        Counts that are explained. ``None``: ``"unspliced"`` where that layer exists, else ``layer``.
    method
        Name of one of :data:`landscape.network.METHODS`, a function of moments, or a network computed elsewhere as a table with
        columns ``source``, ``target``, ``weight``.
    prior
        Edges ``source, target, weight`` known beforehand.
    covariates
        Columns of ``adata.obs`` to regress out; numbers as they are, categories as indicators.
    model
        A trained :class:`landscape.latent.LatentModel`: the batch that it was given is regressed out.
    n_bootstraps
        Poisson bootstraps behind the confidence of every edge.
    key_added
        Name of the result.
    rng
        Seed or generator.
    copy
        Work on a copy of ``adata`` and return it.
    options
        Passed to :func:`landscape.network.infer`.

    Returns
    -------
    ``None``, or the copy if ``copy=True``. Sets, for ``key_added="network"``,

    ``adata.varp["network"]`` : csr matrix, ``[regulator, target]``
        Signed standardised weights of all edges.
    ``adata.varp["network_support"]`` : csr matrix of 0 and 1
        Edges that count.
    ``adata.varp["network_stability"]``, ``adata.varp["network_sd"]``, ``adata.varp["network_fdr"]`` : csr matrices
        Share of bootstraps that select the edge, standard deviation of its weight over them, and empirical
        false-discovery rate from decoy regulators.
    ``adata.var["regulator_in_network"]`` : bool
        Whether the gene is a regulator of this network.
    ``adata.uns["landscape"]["network"]``
        Number of edges and regulators, what was left out, and all parameters.

    Raises
    ------
    KeyError
        If a layer or column is missing.
    ValueError
        If no regulator is found, names are unknown or repeated, or the data cannot carry a network.
    """
    adata = require_adata(adata)
    adata = adata.copy() if copy else adata
    _require_unique(adata)
    if isinstance(method, pd.DataFrame):
        result = from_edges(method, list(adata.var_names))
        _write_network(adata, result, key_added, dict(result.params))
        return adata if copy else None
    index, source = _regulators(adata, regulators)
    known = None if prior is None else prior_of(prior, index, list(adata.var_names))
    counts = count_matrix(adata, layer, filled=True)
    response, response_name = _response(adata, layer, response_layer)
    data = expression(counts, index, response=response, covariates=_covariates(adata, covariates, model))
    result = infer(data, method=method, prior=known, n_bootstraps=n_bootstraps, rng=rng, **options)
    logger.info("explained `%s` by %d regulators (%s)", response_name, len(index), source)
    params = {
        **result.params,
        "layer": layer,
        "response_layer": response_name,
        "regulators_from": source,
        "covariates": _covariate_names(covariates, model),
    }
    _write_network(adata, result, key_added, params)
    return adata if copy else None


def _require_unique(adata: AnnData) -> None:
    if not adata.var_names.is_unique:
        repeated = adata.var_names[adata.var_names.duplicated()].unique()
        msg = f"Expected unique gene names, found {len(repeated)} repeated ones ({list(repeated[:3])}); run `adata.var_names_make_unique()`."
        raise ValueError(msg)


def _regulators(adata: AnnData, regulators: Sequence[str] | None) -> tuple[NDArray[np.int64], str]:
    """Columns of the regulators, and where they come from."""
    names = list(adata.var_names)
    if regulators is not None:
        return _named(list(regulators), names), "given"
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

    symbols = names
    if is_ensembl(names):
        column = next((c for c in _SYMBOL_COLUMNS if c in adata.var), None)
        if column is None:
            msg = f"Expected gene symbols beside Ensembl ids in one of `adata.var` {_SYMBOL_COLUMNS}, found none; add one or pass `regulators=`."
            raise ValueError(msg)
        symbols = list(adata.var[column].astype(str))
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


def _response(adata: AnnData, layer: str, response_layer: str | None) -> tuple[sparse.csr_matrix | None, str]:
    name = response_layer or (_keys.UNSPLICED if _keys.UNSPLICED in adata.layers else layer)
    if name == layer:
        return None, layer
    response = count_matrix(adata, name)
    if not response.nnz:
        msg = f"Expected counts in `adata.layers[{name!r}]`, found only zeros; pass `response_layer={layer!r}` to explain spliced counts."
        raise ValueError(msg)
    return response, name


def _covariates(
    adata: AnnData, covariates: str | Sequence[str] | None, model: Any | None
) -> NDArray[np.float64] | None:
    names = _covariate_names(covariates, model)
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


def _covariate_names(covariates: str | Sequence[str] | None, model: Any | None) -> list[str]:
    """Columns named by the caller, then the batch that the model was given."""
    names = [] if covariates is None else [covariates] if isinstance(covariates, str) else list(covariates)
    if model is not None and model.batch_key is not None and model.batch_key not in names:
        names.append(model.batch_key)
    return names


def _write_network(adata: AnnData, result: Network, key: str, params: dict[str, Any]) -> None:
    """Write everything at the end, so that an error before leaves `adata` as it was."""

    def spread(values: NDArray[Any]) -> sparse.csr_matrix:
        rows = sparse.csr_matrix(values)
        order = np.zeros(adata.n_vars + 1, dtype=np.int64)
        order[result.regulators + 1] = np.diff(rows.indptr)
        return sparse.csr_matrix((rows.data, rows.indices, np.cumsum(order)), shape=(adata.n_vars, adata.n_vars))

    n_edges = int(result.support.sum())
    active = np.zeros(adata.n_vars, dtype=bool)
    active[np.setdiff1d(result.regulators, result.constant_regulators)] = True
    write(adata, "varp", key, spread(result.weights.astype(np.float32)), what="signed weights [regulator, target]")
    write(adata, "varp", key + _keys.SUPPORT_SUFFIX, spread(result.support.astype(np.int8)), what=f"{n_edges} edges")
    beside = {"stability": result.stability, "sd": result.sd, "fdr": result.fdr}
    for name, values in beside.items():
        if values is None:
            adata.varp.pop(f"{key}_{name}", None)  # of an earlier network of this name
        else:
            write(adata, "varp", f"{key}_{name}", spread(values.astype(np.float32)), what=_BESIDE[name])
    flag = _keys.IN_NETWORK if key == _keys.NETWORK else f"regulator_in_{key}"
    write(adata, "var", flag, active, what=f"{int(active.sum())} regulators")
    names = adata.var_names.to_numpy().astype(object)
    record = {
        "n_edges": n_edges,
        "n_regulators": int(active.sum()),
        "constant_regulators": names[result.constant_regulators],
        "constant_targets": names[result.constant_targets],
    }
    write_result(adata, key, record, params=params, what=f"{n_edges} edges of {int(active.sum())} regulators")

"""Network of regulators and targets."""

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
from landscape._anndata import count_matrix, require_adata, require_unique, write, write_result
from landscape._random import RandomLike
from landscape._regulators import regulators_of
from landscape.network import Network, expression, from_edges, infer, prior_of
from landscape.network.infer import require_keywords
from landscape.pp.gene_names import names_like
from landscape.tl._network_inputs import covariate_names, covariates_of, pool, response_of
from landscape.tl._network_model import Values, infer_from_model, require_values
from landscape.tl._state import latent_model

logger = logging.getLogger(__name__)

_BESIDE = {
    "stability": "share of bootstraps that select an edge",
    "sd": "standard deviation of weights over bootstraps",
    "fdr": "empirical false-discovery rate from decoys",
}


def network(
    adata: AnnData,
    *,
    regulators: Sequence[str] | str | None = None,
    layer: str = _keys.COUNTS,
    response_layer: str | None = None,
    method: str | Callable[..., NDArray[np.float64]] | pd.DataFrame = "ridge",
    prior: pd.DataFrame | None = None,
    covariates: str | Sequence[str] | None = None,
    model: Any | None = None,
    metacells: str | None = None,
    values: Values = "counts",
    n_draws: int = 10,
    n_bootstraps: int = 50,
    key_added: str = _keys.NETWORK,
    rng: RandomLike = 0,
    copy: bool = False,
    **options: Any,
) -> AnnData | None:
    r"""Infer which regulators drive which genes, with sign, weight and confidence.

    Each gene is regressed on all regulators together. Depth, detection and ``covariates`` are regressed out of both sides.

    Parameters
    ----------
    adata
        Annotated data with counts.
    regulators
        Names of regulators, ``"tf"`` (the transcription factors of the species) or ``"tf+cofactors"``, see
        :func:`landscape.pp.find_regulators`. ``None``: those of ``adata.var["regulator"]`` if it exists, else ``"tf"``.
    layer
        Layer with the counts of the regulators.
    response_layer
        Layer with the counts that are explained. ``None``: ``"unspliced"`` if that layer exists, else ``layer``.
    method
        Name of one of :data:`landscape.network.METHODS`, a function of moments, or a network computed elsewhere as a table with
        columns ``source``, ``target``, ``weight``.
    prior
        Prior edges as a table with columns ``source``, ``target``, ``weight``.
    covariates
        Columns of ``adata.obs`` to regress out. Categories become indicators.
    model
        A trained :class:`landscape.latent.LatentModel` or :class:`scvi.model.SCVI`. The batch of the model is regressed out.
    metacells
        Column of ``adata.obs`` with the metacell of each cell (:func:`landscape.network.metacells`). Counts are summed within
        metacells.
    values
        Expression of the regulators: ``"counts"``; ``"draws"`` from the posterior of ``model``, each of which explains the raw
        counts; or ``"decoded"`` means, which halve the accuracy and give a warning.
    n_draws
        Number of posterior draws.
    n_bootstraps
        Number of Poisson bootstraps for the confidence of the edges.
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
        Supported edges, which later steps use.
    ``adata.varp["network_stability"]``, ``adata.varp["network_sd"]``, ``adata.varp["network_fdr"]`` : csr matrices
        Share of bootstraps that select the edge (not with twenty regulators or fewer, most of which would be selected by
        chance), standard deviation of its weight over them, and empirical false-discovery rate from decoy regulators.
    ``adata.var["regulator_in_network"]`` : bool
        Whether the gene is a regulator of this network.
    ``adata.uns["landscape"]["network"]``
        ``n_edges``, ``n_regulators``, ``constant_regulators`` and ``constant_targets`` (genes without variation, which are
        left out), and ``params``.

    Raises
    ------
    KeyError
        If a layer or column is missing.
    ValueError
        If no regulator is found, names are unknown or repeated, or there are too few cells or counts.

    Examples
    --------
    >>> import landscape as ls
    >>> adata = ls.datasets.hematopoiesis()  # doctest: +SKIP
    >>> ls.tl.network(adata)  # doctest: +SKIP
    >>> ls.get.edges(adata).head()  # doctest: +SKIP
    """
    adata = require_adata(adata)
    adata = adata.copy() if copy else adata
    require_unique(adata.var_names, slot="var_names")
    if isinstance(method, pd.DataFrame):
        result = from_edges(method, list(adata.var_names))
        _write_network(adata, result, key_added, dict(result.params))
        return adata if copy else None
    require_keywords(options, method)
    index, source = regulators_of(adata, regulators)
    known = None if prior is None else prior_of(prior, index, _names_of_prior(adata, prior))
    model = latent_model(model)
    require_values(values, model, metacells=metacells)
    counts = count_matrix(adata, layer, filled=True)
    response, response_name = response_of(adata, layer, response_layer)
    extra = covariates_of(adata, covariates, model)
    if values != "counts":
        result = infer_from_model(
            adata, model, index, counts=counts, response=response, covariates=extra, values=values, n_draws=n_draws,
            n_bootstraps=n_bootstraps, method=method, prior=known, rng=rng, options=options,
        )  # fmt: skip
    else:
        if metacells is not None:
            counts, response, extra = pool(adata, metacells, counts, response, extra)
        data = expression(counts, index, response=response, covariates=extra)
        result = infer(data, method=method, prior=known, n_bootstraps=n_bootstraps, rng=rng, **options)
    logger.info("explained `%s` by %d regulators (%s)", response_name, len(index), source)
    params = {
        **result.params,
        "layer": layer,
        "response_layer": response_name,
        "regulators_from": source,
        "covariates": covariate_names(covariates, model),
        "metacells": metacells,
    }
    _write_network(adata, result, key_added, params)
    return adata if copy else None


def _names_of_prior(adata: AnnData, prior: pd.DataFrame) -> list[str]:
    given = prior["source"].astype(str).unique() if isinstance(prior, pd.DataFrame) and "source" in prior else []
    return names_like(adata, list(given))


def _write_network(adata: AnnData, result: Network, key: str, params: dict[str, Any]) -> None:
    """Write all results at the end, so that an earlier error leaves ``adata`` unchanged."""

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
            adata.varp.pop(f"{key}_{name}", None)  # from an earlier network of this name
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

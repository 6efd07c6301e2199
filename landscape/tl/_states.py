"""Networks of cell states, beside the network of all cells."""

from __future__ import annotations

import numpy as np
import pandas as pd
from anndata import AnnData

from landscape import _keys
from landscape._anndata import count_matrix, read, read_result, require_adata, write_result
from landscape.network import expression
from landscape.network import state_networks as infer_states
from landscape.network.analysis.state_tables import overlap_table, state_edge_table
from landscape.tl._network_inputs import covariates_of

_HINT = "run `landscape.tl.network(adata)` first"


def state_networks(
    adata: AnnData,
    *,
    groupby: str,
    network_key: str = _keys.NETWORK,
    shrinkage: float = 500.0,
    key_added: str = _keys.STATE_NETWORKS,
    copy: bool = False,
) -> AnnData | None:
    r"""Infer one network per state, shrunk towards the network of all cells, with standard errors.

    The ridge regression of :func:`network` is solved in each state with the shared network as prior mean,
    :math:`b_s = (R_s + \lambda_s I)^{-1} (r_s + \lambda_s b)`, :math:`\lambda_s = \lambda (1 + \kappa / n_s)`, with the same
    layers, covariates and penalty. See :func:`landscape.network.state_networks`.

    Parameters
    ----------
    adata
        Annotated data with a ridge network.
    groupby
        Column of ``adata.obs`` with the state of each cell, at least 50 cells per state. Cells without a state are left out.
    network_key
        Name of the network.
    shrinkage
        :math:`\kappa`: number of cells at which the shared network and the data of a state have equal weight, apart from the
        penalty.
    key_added
        Name of the result.
    copy
        Work on a copy of ``adata`` and return it.

    Returns
    -------
    ``None``, or the copy if ``copy=True``. Sets ``adata.uns["landscape"]["state_networks"]`` with

    ``"edges"`` : DataFrame
        ``state``, ``source``, ``target``, ``weight``, ``sd``, ``shared``: one row per state and supported edge.
        :func:`landscape.get.state_edges` returns it, and the differences between two states.
    ``"overlap"`` : DataFrame
        ``first``, ``second``, ``overlap`` (cosine of the two networks, all edges), ``sd``.
    ``"states"`` : DataFrame
        ``state``, ``n_cells``, ``trust`` (weight of the data of the state, between 0 and 1).

    Raises
    ------
    KeyError
        If the network or the column is missing.
    ValueError
        If the network is not a ridge regression on counts of single cells, or a state has too few cells.

    Examples
    --------
    >>> import landscape as ls
    >>> adata = ls.datasets.hematopoiesis()  # doctest: +SKIP
    >>> ls.tl.state_networks(adata, groupby="fate")  # doctest: +SKIP
    >>> ls.get.state_edges(adata, state="Erythrocyte", against="Monocyte")  # doctest: +SKIP
    """
    adata = require_adata(adata)
    adata = adata.copy() if copy else adata
    record = read_result(adata, network_key, hint=_HINT)
    params = record["params"]
    if "penalty" not in params or params["method"] != "ridge":
        msg = f"Expected a network of method 'ridge', found {params['method']!r}; run `landscape.tl.network(adata)` again."
        raise ValueError(msg)
    if str(params.get("metacells", "none")) != "none" or str(params.get("values", "counts")) != "counts":
        msg = "Expected a network of single cells' counts, found one of metacells or of values of a model; infer it from counts."
        raise ValueError(msg)
    label = read(adata, "obs", groupby, hint="pass `groupby=`, a column of `adata.obs`")
    inside = np.flatnonzero(label.notna().to_numpy())
    flag = _keys.IN_NETWORK if network_key == _keys.NETWORK else f"regulator_in_{network_key}"
    index = np.flatnonzero(read(adata, "var", flag, hint=_HINT).to_numpy(dtype=bool))
    layer, response_layer = str(params["layer"]), str(params["response_layer"])
    names = [str(name) for name in np.atleast_1d(params["covariates"])]
    extra = covariates_of(adata, names, None)
    response = None if response_layer == layer else count_matrix(adata, response_layer)[inside]
    data = expression(
        count_matrix(adata, layer, filled=True)[inside], index, response=response,
        covariates=None if extra is None else extra[inside],
    )  # fmt: skip
    found = infer_states(
        data,
        label.iloc[inside].astype(str).to_numpy(),
        penalty=float(np.median(params["penalty"])),
        shrinkage=shrinkage,
    )
    support = read(adata, "varp", network_key + _keys.SUPPORT_SUFFIX, hint=_HINT)[index].toarray() != 0
    result = {
        "edges": state_edge_table(found, support, adata.var_names.to_numpy().astype(object), index),
        "overlap": overlap_table(found),
        "states": pd.DataFrame(
            {"state": list(found.names), "n_cells": list(found.n_cells), "trust": list(found.trust.values())}
        ),
    }
    settings = {"groupby": groupby, "network_key": network_key, "shrinkage": shrinkage}
    write_result(adata, key_added, result, params=settings, what=f"networks of {len(found.names)} states")
    return adata if copy else None

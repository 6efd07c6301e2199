"""What the model is made of: its regulators and their edges."""

from __future__ import annotations

from typing import Any

import numpy as np
from anndata import AnnData
from numpy.typing import NDArray
from scipy import sparse

from landscape import _keys
from landscape._anndata import read
from landscape.dynamics.regulators import carries_all_edges, varying_regulators
from landscape.markov.graph import CellGraph
from landscape.tl._state import expression


def regulators(
    adata: AnnData, network_key: str, model: Any | None, layer: str, graph: CellGraph, limit: int | None
) -> tuple[list[str], NDArray[np.float64]]:
    """Names of the regulators in the model and their expression in every cell."""
    read(adata, "varp", network_key, hint="run `landscape.tl.network` first")
    flags = read(adata, "var", _keys.IN_NETWORK, hint="run `landscape.tl.network` first")
    names = list(adata.var_names[flags.to_numpy(dtype=bool)])
    levels = expression(adata, names, model, layer, graph)
    varying = varying_regulators(levels, limit=limit)
    if len(varying) < 2:
        msg = f"Expected at least two regulators that vary, found {len(varying)} of {len(names)}."
        raise ValueError(msg)
    return [names[i] for i in varying], levels[:, varying]


def support(
    adata: AnnData, network_key: str, names: list[str], choice: str, n_cells: int
) -> tuple[NDArray[np.float64], str]:
    """Mask ``[target, regulator]`` without self-edges."""
    d = len(names)
    if choice == "auto":
        choice = "all" if carries_all_edges(n_cells, d) else "network"
    if choice == "all":
        return 1 - np.eye(d), "all"
    key = network_key + _keys.SUPPORT_SUFFIX
    index = adata.var_names.get_indexer(names)
    found = sparse.csr_matrix(read(adata, "varp", key, hint="run `landscape.tl.network` first"))
    mask = np.asarray(found[index][:, index].todense(), dtype=float).T
    np.fill_diagonal(mask, 0.0)
    return mask, "network"


def stability(adata: AnnData, network_key: str, names: list[str]) -> NDArray[np.float64]:
    """Share of bootstraps of the network that select each edge, ``[target, regulator]``."""
    index = adata.var_names.get_indexer(names)
    found = sparse.csr_matrix(read(adata, "varp", f"{network_key}_stability", hint="run `landscape.tl.network` first"))
    return np.asarray(found[index][:, index].todense(), dtype=float).T

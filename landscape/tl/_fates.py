"""Fates of cells: where the directed chain of cells ends, and where the fitted model ends."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from anndata import AnnData
from numpy.typing import NDArray
from scipy import sparse
from scipy.spatial import cKDTree
from scipy.spatial.distance import pdist

from landscape import _keys
from landscape._anndata import read, read_result, require_adata, write, write_result
from landscape._random import RandomLike
from landscape.dynamics import absorption_probabilities
from landscape.tl._dynamics import read_drift
from landscape.topography.committor import committor, fate_entropy

logger = logging.getLogger(__name__)

# A path has come to an attractor within this share of the least distance between two; half would make balls touch.
REACH = 0.4


def fates(
    adata: AnnData,
    *,
    terminal: Mapping[str, Sequence[str]] | None = None,
    n_terminal: int = 30,
    n_replicates: int = 0,
    key_added: str = _keys.FATES,
    rng: RandomLike = 0,
    copy: bool = False,
) -> AnnData | None:
    r"""Probability of every cell to end in each attractor.

    Absorption on the directed chain of cells, which knows the direction and not the model,

    .. math:: (I - Q) B = R

    with the cells at each attractor absorbing. With ``n_replicates`` the committor of the model is estimated beside it,
    by simulating every cell that often until it comes to an attractor, and the difference is reported.

    Parameters
    ----------
    adata
        Annotated data with attractors (:func:`landscape.tl.attractors`).
    terminal
        Absorbing cells by the name of a fate. By default, for each attractor, the ``n_terminal`` nearest cells among
        those that the flow takes there.
    n_terminal
        Absorbing cells per attractor, at most a tenth of its basin.
    n_replicates
        Simulations per cell for the model's committor; 0 leaves it out.
    key_added
        Name of the result.
    rng
        Seed or generator.
    copy
        Work on a copy of ``adata`` and return it.

    Returns
    -------
    ``None``, or the copy if ``copy=True``. Sets

    ``adata.obsm["fates"]`` : DataFrame, cells x attractors
        Probabilities; rows sum to one, and are not-a-number for cells from which no attractor can be reached.
    ``adata.obs["fate_entropy"]``
        :math:`-\sum_k q_k \log_2 q_k` in bits.
    ``adata.obsm["fates_model"]`` : DataFrame
        The committor of the model, with ``n_replicates``.
    ``adata.uns["landscape"]["fates"]``
        Residual and row-sum error of the solution, lost cells, and ``disagreement``: mean total variation between chain
        and model.

    Raises
    ------
    KeyError
        If attractors or the chain are missing.
    ValueError
        If an attractor has no cells, or the linear system is not solved.
    """
    adata = require_adata(adata)
    chain = sparse.csr_matrix(read(adata, "obsp", _keys.TRANSITIONS, hint="run `landscape.tl.dynamics` first"))
    absorbing = _terminal(adata, n_terminal) if terminal is None else _named(adata, terminal)
    solution = absorption_probabilities(chain, absorbing, tolerance=1e-6)
    if not solution.converged:
        msg = (
            f"Fates did not converge: residual {solution.residual:.1e}, row sums off by {solution.row_sum_error:.1e} "
            f"({solution.method}). The chain may hold sets of cells that are left too rarely."
        )
        raise ValueError(msg)
    if solution.n_unreachable:
        logger.warning("%d cells can reach no attractor; their fates are not-a-number", solution.n_unreachable)
    # What leaks into regions without an attractor is not a fate; probabilities are those given that there is one.
    kept = 1 - np.where(np.isfinite(solution.lost), solution.lost, 1.0)
    share = np.where(kept[:, None] > 0, solution.probabilities / np.where(kept > 0, kept, 1.0)[:, None], np.nan)
    table = pd.DataFrame(share, index=adata.obs_names, columns=list(solution.names))
    record = {
        "residual": solution.residual,
        "row_sum_error": solution.row_sum_error,
        "n_unreachable": int(solution.n_unreachable),
        "lost": float(np.nanmean(solution.lost)),
        "method": solution.method,
    }
    model = _of_model(adata, table, n_replicates, rng) if n_replicates else None
    adata = adata.copy() if copy else adata
    if model is not None:
        record["disagreement"] = float(0.5 * (model - table).abs().sum(axis=1).mean())
        write(adata, "obsm", f"{key_added}_model", model, what="committor of the model")
    write(adata, "obsm", key_added, table, what=f"probabilities of {table.shape[1]} fates")
    entropy = fate_entropy(table.to_numpy())
    write(adata, "obs", _keys.FATE_ENTROPY, np.asarray(entropy), what="entropy of the fates in bits")
    params = {"n_terminal": n_terminal, "n_replicates": n_replicates, "terminal": "given" if terminal else "attractors"}
    write_result(adata, _keys.FATES_PARAMS, record, params=params)
    return adata if copy else None


def _terminal(adata: AnnData, n_terminal: int) -> dict[str, NDArray[np.int64]]:
    """Cells nearest to each attractor within its basin, each cell given to one attractor."""
    result = read_result(adata, _keys.ATTRACTORS, hint="run `landscape.tl.attractors` first")
    basin = read(adata, "obs", _keys.BASIN, hint="run `landscape.tl.basins` first").astype(str).to_numpy()
    x = read(adata, "obsm", _keys.STATE, hint="run `landscape.tl.dynamics` first").to_numpy(dtype=float)
    found = {}
    for name, state in result["states"].iterrows():
        members = np.flatnonzero(basin == name)
        if not len(members):
            logger.warning("attractor %r has no cells in its basin and is no fate of any cell", name)
            continue
        n = max(1, min(n_terminal, len(members) // 10))
        _, near = cKDTree(x[members]).query(state.to_numpy(dtype=float), n)
        found[str(name)] = members[np.atleast_1d(near)]
    if not found:
        msg = "Expected cells in the basin of at least one attractor, found none; run `landscape.tl.basins`."
        raise ValueError(msg)
    return found


def _named(adata: AnnData, terminal: Mapping[str, Sequence[str]]) -> dict[str, NDArray[np.int64]]:
    found = {}
    for name, cells in terminal.items():
        index = adata.obs_names.get_indexer(list(cells))
        if not len(index) or (index < 0).any():
            missing = [c for c, i in zip(cells, index, strict=True) if i < 0][:3]
            msg = f"Expected names of cells for the fate {name!r}, found {len(index)} with unknown ones: {missing}."
            raise ValueError(msg)
        found[str(name)] = index
    return found


def _of_model(adata: AnnData, table: pd.DataFrame, n_replicates: int, rng: RandomLike) -> pd.DataFrame:
    """Committor of the model for every cell, normalised over the runs that ended."""
    drift, diffusion, _ = read_drift(adata)
    result = read_result(adata, _keys.ATTRACTORS, hint="run `landscape.tl.attractors` first")
    x = read(adata, "obsm", _keys.STATE, hint="run `landscape.tl.dynamics` first").to_numpy(dtype=float)
    states = result["states"].loc[list(table.columns)].to_numpy(dtype=float)
    gaps = pdist(states)
    radius = REACH * float(gaps.min() if len(gaps) else np.linalg.norm(x - states, axis=1).max())
    found = committor(
        drift,
        torch.as_tensor(x),
        torch.as_tensor(states),
        diffusion=diffusion,
        radius=radius,
        n_replicates=n_replicates,
        lower=0.0,
        rng=rng,
    )
    return pd.DataFrame(np.asarray(found.probabilities), index=table.index, columns=table.columns)

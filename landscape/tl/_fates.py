"""Fates of cells: where the directed chain of cells ends, and where the fitted model ends."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray
from scipy import sparse
from scipy.spatial import cKDTree

from landscape import _keys
from landscape._anndata import read, read_result, require_adata, results_of, write, write_result
from landscape._random import RandomLike
from landscape._threads import on_one_thread
from landscape.markov import absorption_probabilities
from landscape.tl._checks import require_fates
from landscape.tl._fates_model import Comparison, compare
from landscape.topography.passage.committor import fate_entropy

logger = logging.getLogger(__name__)

# A path has come to an attractor within this share of the least distance between two; half would make balls touch.
REACH = 0.4


@on_one_thread
def fates(
    adata: AnnData,
    *,
    terminal: Mapping[str, Sequence[str]] | None = None,
    n_terminal: int = 30,
    n_replicates: int = 20,
    n_cells: int | None = None,
    tolerance: float = 0.1,
    key_added: str = _keys.FATES,
    rng: RandomLike = 0,
    copy: bool = False,
) -> AnnData | None:
    r"""Probability of every cell to end in each attractor, by the chain of cells and by the model.

    Absorption on the directed chain of cells, which knows the direction and not the model,

    .. math:: (I - Q) B = R

    with the cells at each attractor absorbing; and the committor of the model, which knows no graph: from a sample of cells
    paths follow the fitted drift and noise for ``duration`` and then the drift alone to rest
    (:func:`landscape.topography.destinations`). A cell on which the two differ by more than the sampling error and
    ``tolerance`` is flagged, and how many are, and where, is logged and kept.

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
        Paths of the model from each cell that is followed, and from each attractor; 0 leaves the model out.
    n_cells
        Cells that are followed, drawn at random. By default 500, fewer where the model has many regulators (500,000 paths
        times regulators) and at least 100, so that the cost does not grow with the cells.
    tolerance
        Total variation between chain and model that counts as agreement, beside the sampling error.
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
    ``adata.obsm["fates_model"]`` : DataFrame, cells x attractors
        Committor of the model in the cells that were followed, not-a-number in the others. What a row lacks to one is the
        share of paths that come to rest at no attractor. :func:`landscape.get.fates` gives its standard errors.
    ``adata.obs["fates_disagreement"]``, ``adata.obs["fates_flag"]``
        Total variation between the two, and ``"agree"`` or ``"differ"``; missing in cells that were not followed.
    ``adata.uns["landscape"]["fates"]``
        Residual and row-sum error of the solution, lost cells, mean ``disagreement``, ``share_differs`` of the cells with
        its interval of 95 % (``share_low``, ``share_high``), ``duration`` of the paths (the span of real time; without a
        clock three mean relaxation times of the attractors), and ``by_fate``: the same by the most probable fate on
        the chain, with ``kept``, the share of the paths from the attractor itself that stay there. An attractor that the
        noise of the model empties is no fate of the model.

    Raises
    ------
    KeyError
        If attractors or the chain are missing.
    ValueError
        If an attractor has no cells, the linear system is not solved, or a number is out of its range.
    """
    adata = require_adata(adata)
    _require_numbers(n_terminal=n_terminal, n_replicates=n_replicates, n_cells=n_cells, tolerance=tolerance)
    chain = sparse.csr_matrix(read(adata, "obsp", _keys.TRANSITIONS, hint="run `landscape.tl.dynamics` first"))
    absorbing = _terminal(adata, n_terminal) if terminal is None else _named(adata, terminal)
    if len(absorbing) == 1:
        logger.warning("%r is the only fate: all cells have it, and there is nothing to decide", next(iter(absorbing)))
    solution = absorption_probabilities(chain, absorbing, tolerance=1e-6)
    require_fates(solution)
    if solution.n_unreachable:
        logger.warning("%d cells can reach no attractor; their fates are not-a-number", solution.n_unreachable)
    # What leaks into regions without an attractor is not a fate; probabilities are those given that there is one.
    kept = 1 - np.where(np.isfinite(solution.unabsorbed), solution.unabsorbed, 1.0)
    share = np.where(kept[:, None] > 0, solution.probabilities / np.where(kept > 0, kept, 1.0)[:, None], np.nan)
    table = pd.DataFrame(share, index=adata.obs_names, columns=list(solution.names))
    record = {
        "residual": solution.residual,
        "row_sum_error": solution.row_sum_error,
        "n_unreachable": int(solution.n_unreachable),
        "lost": float(np.nanmean(solution.unabsorbed)),
        "method": solution.method,
    }
    found = None
    if n_replicates and _keys.ATTRACTORS in results_of(adata):
        found = compare(
            adata, table, absorbing, n_replicates=n_replicates, n_cells=n_cells, tolerance=tolerance, rng=rng
        )
        record |= found.record
    adata = adata.copy() if copy else adata
    write(adata, "obsm", key_added, table, what=f"probabilities of {table.shape[1]} fates")
    entropy = fate_entropy(table.to_numpy())
    write(adata, "obs", _keys.FATE_ENTROPY, np.asarray(entropy), what="entropy of the fates in bits")
    _write_comparison(adata, key_added, found)
    params = {
        "n_terminal": n_terminal,
        "n_replicates": n_replicates if found else 0,
        "tolerance": tolerance,
        "terminal": "given" if terminal else "attractors",
    }
    write_result(adata, _keys.FATES_PARAMS, record, params=params)
    return adata if copy else None


def _require_numbers(*, n_terminal: int, n_replicates: int, n_cells: int | None, tolerance: float) -> None:
    if n_terminal < 1 or n_replicates < 0 or (n_cells is not None and n_cells < 1):
        msg = (
            f"Expected `n_terminal` >= 1, `n_replicates` >= 0 and `n_cells` >= 1, found {n_terminal}, {n_replicates} and "
            f"{n_cells}."
        )
        raise ValueError(msg)
    if not 0 <= tolerance < 1:
        msg = f"Expected `tolerance` from 0 to below 1, found {tolerance}."
        raise ValueError(msg)


def _write_comparison(adata: AnnData, key: str, found: Comparison | None) -> None:
    """Write fates of the model and their agreement, or remove those that belong to other fates."""
    model, distance, flag = (f"{key}{suffix}" for suffix in _keys.FATES_COMPARED)
    if found is None:
        for store, name in ((adata.obsm, model), (adata.obs, distance), (adata.obs, flag)):
            if name in store:
                del store[name]
        return
    write(adata, "obsm", model, found.table, what=f"committor of the model in {len(found.cells)} cells")
    values = np.full(adata.n_obs, np.nan)
    values[found.cells] = found.agreement.distance
    write(adata, "obs", distance, values, what="total variation between chain and model")
    codes = np.full(adata.n_obs, -1)
    codes[found.cells] = found.agreement.differs
    verdict = pd.Categorical.from_codes(codes, categories=["agree", "differ"])
    write(adata, "obs", flag, verdict, what="cells on whose fate chain and model differ")


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

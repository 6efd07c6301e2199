"""Terminal states of the directed chain of cells, found without the model."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse

from landscape import _keys
from landscape._anndata import read, read_result, require_adata, results_of, write, write_result
from landscape.markov import absorption_probabilities
from landscape.markov.fates import most_probable, require_solved
from landscape.markov.graph import graph_of_parts
from landscape.markov.terminal_states import find_terminal_states
from landscape.markov.terminal_tables import cells_of_groups, group_by_label, nearest_state, terminal_table
from landscape.tl._state import coordinates

logger = logging.getLogger(__name__)


def terminal_states(
    adata: AnnData,
    *,
    label_key: str | None = None,
    use_rep: str | None = None,
    n_neighbors: int | None = None,
    n_cells: int = 20,
    key_added: str = _keys.TERMINAL,
    copy: bool = False,
) -> AnnData | None:
    r"""Find the terminal states of the directed chain of cells, and the most probable one of each cell.

    Attractors are stable points of a fitted model, and a rare fate near a common one may have none. The chain depends on the
    direction and not on the fit. Its terminal states are those corners of the manifold of cells that it visits more often
    than an undirected random walk (:func:`landscape.markov.find_terminal_states`). The basin of a cell is the terminal
    state in which it is most probably absorbed, :math:`(I - Q) B = R`.

    Parameters
    ----------
    adata
        Annotated data with a chain (:func:`landscape.tl.dynamics`).
    label_key
        Column of :attr:`~anndata.AnnData.obs` with labels. A terminal state takes the majority label of its cells, and
        corners of one label are one terminal state. Without labels they are numbered, and so is a state in which no label
        is more frequent than chance would have it.
    use_rep
        Coordinates in which cells are neighbours; by default those of the chain.
    n_neighbors
        Number of neighbours of each cell; by default that of the chain.
    n_cells
        Number of cells of each corner.
    key_added
        Name of the columns in :attr:`~anndata.AnnData.obs` and :attr:`~anndata.AnnData.obsm`.
    copy
        Work on a copy of ``adata`` and return it.

    Returns
    -------
    ``None``, or the copy if ``copy=True``. Sets

    ``adata.obs["terminal"]`` : categorical
        Terminal state of the cells that belong to one, missing for all others.
    ``adata.obs["terminal_basin"]`` : categorical
        Terminal state in which each cell is most probably absorbed; missing for cells that reach none.
    ``adata.obsm["terminal_fates"]`` : DataFrame, cells x terminal states
        Probabilities of absorption.
    ``adata.uns["landscape"]["terminal_states"]``
        ``table`` with ``n_cells``, ``n_basin``, ``gathering`` (mean logarithm of the ratio of expected visits of the chain
        to those of an undirected random walk), ``arrival`` (net share of the flow across its border that leads in,
        from -1 to 1; near 0 cells may only pass through), ``n_ends`` (number of corners), and ``attractor``, the nearest attractor,
        if attractors are known. ``horizon`` in steps, and ``residual`` of the linear system.

    Raises
    ------
    KeyError
        If the chain, the coordinates or the labels are missing.
    ValueError
        If there are no terminal states, or the linear system is not solved.

    Examples
    --------
    >>> import landscape as ls
    >>> adata = ls.datasets.hematopoiesis()  # doctest: +SKIP
    >>> ls.tl.terminal_states(adata, label_key="fate")  # doctest: +SKIP
    >>> ls.get.terminal_states(adata)  # doctest: +SKIP
    """
    adata = require_adata(adata)
    adata = adata.copy() if copy else adata
    chain = sparse.csr_matrix(read(adata, "obsp", _keys.TRANSITIONS, hint="run `landscape.tl.dynamics` first"))
    labels = None if label_key is None else read(adata, "obs", label_key, hint="pass a column of labels")
    params = read_result(adata, _keys.DYNAMICS, hint="run `landscape.tl.dynamics` first")["params"]
    n_neighbors = int(params["n_neighbors"]) if n_neighbors is None else n_neighbors
    use_rep = (params.get("use_rep") or None) if use_rep is None else use_rep
    points = coordinates(adata, None, use_rep)
    widths = params.get("widths", ()) if use_rep == (params.get("use_rep") or None) else ()
    graph = graph_of_parts(points, widths, n_neighbors=n_neighbors)
    found = find_terminal_states(graph, chain, n_cells=n_cells)
    if not found.cells:
        msg = (
            f"The chain has no terminal state: it visits none of {len(found.corners)} corners of the manifold more often than "
            "an undirected random walk. Check the direction that was passed to `landscape.tl.dynamics`."
        )
        raise ValueError(msg)
    groups = group_by_label(found, labels, points)
    ends = cells_of_groups(found, groups)
    solution = absorption_probabilities(chain, ends)
    require_solved(solution)
    fates = pd.DataFrame(solution.probabilities, index=adata.obs_names, columns=list(ends))
    best = most_probable(solution)
    at = np.full(adata.n_obs, -1)
    for k, cells in enumerate(ends.values()):
        at[cells] = k
    table = terminal_table(found, groups, best)
    results = results_of(adata)
    if _keys.ATTRACTORS in results and _keys.STATE in adata.obsm:
        states = results[_keys.ATTRACTORS]["states"]
        x = adata.obsm[_keys.STATE][list(states.columns)].to_numpy(dtype=float)
        table["attractor"] = nearest_state(ends, x, states)
    write(adata, "obs", key_added, pd.Categorical.from_codes(at, list(ends)), what=f"{len(ends)} terminal states")
    basins = pd.Categorical.from_codes(best, list(ends))
    write(adata, "obs", f"{key_added}_basin", basins, what="where the chain is most probably absorbed")
    write(adata, "obsm", f"{key_added}_fates", fates, what="probabilities of absorption in terminal states")
    record = {"table": table, "horizon": found.horizon, "residual": solution.residual}
    kept = {"label_key": label_key, "n_neighbors": n_neighbors, "n_cells": n_cells}
    write_result(adata, _keys.TERMINAL_STATES, record, params=kept, what=f"terminal states {list(ends)}")
    return adata if copy else None

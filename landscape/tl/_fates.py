"""Fate probabilities of cells, by the directed chain of cells and by the fitted model."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray
from scipy import sparse

from landscape import _keys
from landscape._anndata import read, read_result, require_adata, results_of, write, write_result
from landscape._labels import warn_of_fates
from landscape._model import read_model
from landscape._random import RandomLike
from landscape._threads import on_one_thread
from landscape.tl._start import named_start
from landscape.topography.fates.chain_fates import terminal_cells
from landscape.topography.fates.comparison import FateComparison, compare_fates
from landscape.topography.fates.estimate import FateProblem
from landscape.topography.fates.estimators import ESTIMATORS, FateEstimator
from landscape.topography.passage.committor import fate_entropy

logger = logging.getLogger(__name__)

_BASINS_HINT = "run `landscape.tl.basins` first"


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
    r"""Probability of each cell to end in each attractor, by the chain of cells and by the model.

    On the directed chain of cells, which depends on the direction and not on the model, fate probabilities are absorption
    probabilities,

    .. math:: (I - Q) B = R

    with the cells at each attractor absorbing. The model, which depends on no graph, is simulated from a sample of cells:
    paths follow the fitted drift and noise for ``duration`` and then the noise-free flow to an attractor
    (:func:`landscape.topography.destinations`). A cell is flagged if the two differ by more than the sampling error and
    ``tolerance``; the share of flagged cells is logged and stored by fate. Where labels named the attractors, a warning is
    logged for each label that names an attractor or a terminal state and whose cells mostly have the fate of another label
    on the chain; :func:`landscape.get.labels` returns the whole table.

    Parameters
    ----------
    adata
        Annotated data with attractors (:func:`landscape.tl.attractors`).
    terminal
        Names of the absorbing cells of each fate. By default, for each attractor, the ``n_terminal`` nearest cells in its
        basin.
    n_terminal
        Number of absorbing cells of each attractor, at most a tenth of its basin.
    n_replicates
        Number of paths of the model from each simulated cell and from each attractor; 0 leaves the model out.
    n_cells
        Number of cells to simulate, drawn at random. By default 500, fewer for many regulators (500,000 paths times
        regulators) and at least 100, so that the cost does not depend on the number of cells.
    tolerance
        Total variation between chain and model that counts as agreement, in addition to the sampling error.
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
        Fate probabilities on the chain. Rows sum to one; they are NaN for cells from which no attractor can be reached.
    ``adata.obs["fate_entropy"]``
        :math:`-\sum_k q_k \log_2 q_k` in bits.
    ``adata.obsm["fates_model"]`` : DataFrame, cells x attractors
        Fate probabilities of the model in the simulated cells, NaN in the others. One minus the sum of a row is the share of
        paths that reach no attractor. :func:`landscape.get.fates` returns their standard errors.
    ``adata.obs["fates_disagreement"]``, ``adata.obs["fates_flag"]``
        Total variation between the two, and ``"agree"`` or ``"differ"``; missing in cells that were not simulated.
    ``adata.uns["landscape"]["fates"]``
        ``residual`` and ``row_sum_error`` of the linear system, ``n_unreachable`` cells, mean ``disagreement``,
        ``share_differs`` of the cells with its interval of 95 % (``share_low``, ``share_high``), and ``duration`` of the
        paths: the span of real time, or without a clock three mean relaxation times of the attractors. ``by_fate`` is the
        same by the most probable fate on the chain, with ``kept``, the share of paths from the attractor that stay
        there. An attractor that most paths leave is not a fate of the model. Where the direction names a start, ``start``
        has the shares of the fates from there on the ``chain`` and of the ``model``, and ``start_distance`` is their total
        variation.

    Raises
    ------
    KeyError
        If the attractors, their basins or the chain are missing.
    ValueError
        If no attractor has cells in its basin, an absorbing cell is unknown, the linear system is not solved, or a number
        is out of its range.

    Examples
    --------
    >>> import landscape as ls
    >>> adata = ls.datasets.hematopoiesis()  # doctest: +SKIP
    >>> ls.tl.fates(adata)  # doctest: +SKIP
    >>> adata.obsm["fates"].idxmax(axis=1).value_counts()  # doctest: +SKIP
    """
    adata = require_adata(adata)
    _require_numbers(n_terminal=n_terminal, n_replicates=n_replicates, n_cells=n_cells, tolerance=tolerance)
    chain = sparse.csr_matrix(read(adata, "obsp", _keys.TRANSITIONS, hint="run `landscape.tl.dynamics` first"))
    absorbing = _at_attractors(adata, n_terminal) if terminal is None else _named(adata, terminal)
    of_model = _of_model(adata) if n_replicates and _keys.ATTRACTORS in results_of(adata) else {}
    problem = FateProblem(
        adata.obs_names, absorbing, chain, n_replicates=n_replicates, n_cells=n_cells, rng=rng, **of_model
    )
    reference = ESTIMATORS[0].estimate(problem)
    problem = replace(problem, reference=reference)
    others = [estimator for estimator in ESTIMATORS[1:] if problem.has(estimator.needs)]
    compared = {
        estimator.name: compare_fates(estimator.estimate(problem), reference, tolerance=tolerance)
        for estimator in others
    }
    record = dict(reference.record)
    for estimator in others:
        record |= {estimator.prefix + name: value for name, value in compared[estimator.name].record.items()}
    adata = adata.copy() if copy else adata
    table = reference.table
    write(adata, "obsm", key_added, table, what=f"probabilities of {table.shape[1]} fates")
    warn_of_fates(adata, table)
    entropy = fate_entropy(table.to_numpy())
    write(adata, "obs", _keys.FATE_ENTROPY, np.asarray(entropy), what="entropy of the fates in bits")
    for estimator in ESTIMATORS[1:]:
        _write_comparison(adata, key_added, estimator, compared.get(estimator.name))
    params = {
        "n_terminal": n_terminal,
        "n_replicates": n_replicates if compared else 0,
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


def _of_model(adata: AnnData) -> dict[str, Any]:
    """Fields of a fate problem that depend on the model and its attractors."""
    model = read_model(adata)
    result = read_result(adata, _keys.ATTRACTORS, hint="run `landscape.tl.attractors` first")
    span = read_result(adata, _keys.DYNAMICS, hint="run `landscape.tl.dynamics` first").get("time_span")
    return {
        "model": model,
        "states": _states(adata),
        "attractors": result["states"],
        "basin_sizes": result["table"]["n_cells"].to_numpy(dtype=float),
        "basin": _basins(adata),
        "start": named_start(adata),
        "time_span": None if span is None else float(span),
    }


def _write_comparison(adata: AnnData, key: str, estimator: FateEstimator, found: FateComparison | None) -> None:
    """Write another estimate and its agreement with the reference; without one, remove those of an earlier call."""
    table, distance, flag = (f"{key}{ending}" for ending in estimator.keys)
    if found is None:
        for store, name in ((adata.obsm, table), (adata.obs, distance), (adata.obs, flag)):
            if name in store:
                del store[name]
        return
    cells, verdict = found.estimate.cells, found.agreement
    write(adata, "obsm", table, found.estimate.table, what=f"{estimator.words} in {len(cells)} cells")
    values = np.full(adata.n_obs, np.nan)
    values[cells] = verdict.distance
    write(adata, "obs", distance, values, what=f"total variation between {ESTIMATORS[0].name} and {estimator.name}")
    codes = np.full(adata.n_obs, -1)
    codes[cells] = verdict.differs
    flags = pd.Categorical.from_codes(codes, categories=["agree", "differ"])
    write(adata, "obs", flag, flags, what=f"cells on whose fate {ESTIMATORS[0].name} and {estimator.name} differ")


def _states(adata: AnnData) -> NDArray[np.float64]:
    return read(adata, "obsm", _keys.STATE, hint="run `landscape.tl.dynamics` first").to_numpy(dtype=float)


def _basins(adata: AnnData) -> NDArray[np.str_]:
    return read(adata, "obs", _keys.BASIN, hint=_BASINS_HINT).astype(str).to_numpy()


def _at_attractors(adata: AnnData, n_terminal: int) -> dict[str, NDArray[np.int64]]:
    """Positions of the cells nearest to each attractor within its basin."""
    result = read_result(adata, _keys.ATTRACTORS, hint="run `landscape.tl.attractors` first")
    basin = _basins(adata)
    return terminal_cells(result["states"], basin, _states(adata), n_terminal)


def _named(adata: AnnData, terminal: Mapping[str, Sequence[str]]) -> dict[str, NDArray[np.int64]]:
    found = {}
    for name, cells in terminal.items():
        index = adata.obs_names.get_indexer(list(cells))
        if not len(index) or (index < 0).any():
            missing = [c for c, i in zip(cells, index, strict=True) if i < 0][:3]
            msg = f"Expected names of cells for the fate {name!r}, found {len(index)}, unknown among them: {missing}."
            raise ValueError(msg)
        found[str(name)] = index
    return found

"""Fate probabilities of the fitted model, by simulation from a sample of cells."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from landscape._random import generator, seed_of
from landscape.dynamics import GeneModel
from landscape.topography.fates.agreement import total_variation
from landscape.topography.fates.destinations import destinations, settling_time, standard_error
from landscape.topography.fates.estimate import FateEstimate, FateProblem

logger = logging.getLogger(__name__)

# Simulated cells by default, at most: the standard error of a share of 500 cells is at most 0.02.
MAX_SIMULATED_CELLS = 500
# Simulated cells by default, at least: a standard error of at most 0.05.
MIN_SIMULATED_CELLS = 100
# Paths times regulators that limit the number in between: about ten seconds on one core.
PATHS_TIMES_REGULATORS = 500_000
# Longest time with noise, in mean lifetimes of a state: the relaxation time diverges at a bifurcation.
MAX_LIFETIMES = 100.0
# Paths from the start: a standard error of a share of at most 0.02.
START_PATHS = 500
# An attractor at which a smaller share of its own paths stays is not a fate of the model.
MIN_KEPT = 0.5


def model_fates(problem: FateProblem) -> FateEstimate:
    """Simulate paths from a sample of cells; the estimate is the share of paths that end at each fate.

    An attractor belongs to the fate of its name, or to the fate whose terminal cells flow to it. One minus the sum of a row
    is the share of paths that reach no attractor. Paths from the attractors themselves show which of them the paths leave;
    those are logged.

    Parameters
    ----------
    problem
        Problem with ``model``, ``states``, ``attractors``, ``basin``, ``basin_sizes`` and ``reference``. Cells are drawn from
        those that have fates in the reference, and the fates are in its order.

    Returns
    -------
    Fate probabilities of the sampled cells, with standard errors.

    Raises
    ------
    ValueError
        If one of these fields is missing, or no cell has a fate in the reference.
    """
    model, x, attractors, basin, reference = (
        _known(problem, name) for name in ("model", "states", "attractors", "basin", "reference")
    )
    points = torch.as_tensor(attractors.to_numpy(dtype=float))
    gen = generator(problem.rng)
    among = np.flatnonzero(reference.table.notna().all(axis=1))
    cells = _sample(among, problem.n_cells, problem.n_replicates * x.shape[1], gen)
    start = _start_sample(problem, among, gen)
    duration = _duration(problem.time_span, model, points, _known(problem, "basin_sizes"))
    # The attractors come last: their paths show how many stay. Before them are start cells.
    found = destinations(
        model.drift,
        torch.cat([torch.as_tensor(x[cells]), torch.as_tensor(x[start]), points]),
        points,
        diffusion=model.diffusion,
        duration=duration,
        n_replicates=problem.n_replicates,
        step=model.step_within(duration),
        lower=model.lower,
        rng=seed_of(gen),
    )
    names = attractors.index.astype(str)
    kept = pd.Series(np.diagonal(found.probabilities[len(cells) + len(start) :]), index=names)
    owner = fate_of_attractors(basin, list(names), problem.terminal)
    share = _by_fate(found.probabilities[: len(cells)], owner, list(reference.table.columns))
    table = pd.DataFrame(np.nan, index=problem.cells, columns=share.columns)
    table.iloc[cells] = share.to_numpy()
    warn_of_left_attractors(kept, found.duration)
    record: dict[str, Any] = {"duration": found.duration}
    if len(start):
        own = _by_fate(found.probabilities[len(cells) : len(cells) + len(start)], owner, list(reference.table.columns))
        record |= start_shares(reference.table.iloc[start], own)
    return FateEstimate(
        table,
        cells,
        share,
        standard_error(share.to_numpy(), found.n_replicates),
        record,
        kept.groupby(owner).mean(),
    )


def start_shares(chain: pd.DataFrame, model: pd.DataFrame) -> dict[str, Any]:
    r"""Shares of the fates from the start, on the chain and of the model.

    Parameters
    ----------
    chain, model
        Fate probabilities of start cells on the chain and of the model, cells x fates. One minus the sum of a row of the
        model is the share of paths that reach no attractor.

    Returns
    -------
    ``start``, a table of the shares with one row per fate, and ``start_distance``, their total variation
    :math:`\tfrac12 \sum_k |p_k - q_k|`, in which paths that reach no attractor count as a fate of their own.
    """
    table = pd.DataFrame({"chain": chain.mean(), "model": model.mean()}).fillna(0.0).rename_axis("fate")
    apart = float(total_variation(table["chain"].to_numpy(), table["model"].to_numpy()))
    shares = ", ".join(f"{name} {row.chain:.2f} and {row.model:.2f}" for name, row in table.iterrows())
    logger.info("from the start chain and model reach %s; total variation %.2f", shares, apart)
    return {"start": table, "start_distance": apart}


def fate_of_attractors(
    basin: NDArray[np.str_], attractors: Sequence[str], terminal: Mapping[str, NDArray[np.int64]]
) -> pd.Series:
    """Fate of each attractor: the one of its name, or else the one with most terminal cells in its basin.

    Parameters
    ----------
    basin
        Name of the attractor of each cell, shape ``(n,)``.
    attractors
        Names of the attractors.
    terminal
        Positions of the terminal cells of each fate.

    Returns
    -------
    Name of the fate by attractor; the name of the attractor where no terminal cells are in its basin.
    """
    counts = pd.DataFrame({name: pd.Series(basin[cells]).value_counts() for name, cells in terminal.items()})
    counts = counts.reindex(attractors).fillna(0)
    owner = counts.idxmax(axis=1).where(counts.max(axis=1) > 0, pd.Series(attractors, index=attractors))
    named = [name for name in attractors if name in terminal]
    owner.loc[named] = named
    return owner


def warn_of_left_attractors(kept: pd.Series, duration: float) -> None:
    """Log the attractors that most of their own paths leave."""
    left = kept[kept < MIN_KEPT]
    if len(left):
        what = ", ".join(f"{name} (kept {share:.2f})" for name, share in left.items())
        logger.warning(
            "most paths leave these attractors within %.3g units of time, so that they are not fates of the model: %s; with "
            "a smaller `diffusion` in `landscape.tl.dynamics` paths would stay",
            duration,
            what,
        )


def _start_sample(problem: FateProblem, among: NDArray[np.int64], gen: np.random.Generator) -> NDArray[np.int64]:
    """Start cells that have fates, drawn with repetition, from which some five hundred paths are simulated."""
    known = np.intersect1d(among, [] if problem.start is None else problem.start).astype(np.int64)
    if not len(known):
        return known
    return np.sort(gen.choice(known, -(-START_PATHS // problem.n_replicates)))


def _known(problem: FateProblem, name: str) -> Any:
    value = getattr(problem, name)
    if value is None:
        msg = f"Expected a fate problem with `{name}`, found None."
        raise ValueError(msg)
    return value


def _sample(known: NDArray[np.int64], n_cells: int | None, cost: int, gen: np.random.Generator) -> NDArray[np.int64]:
    """Positions of the cells to simulate: ``n_cells``, or a number chosen by cost."""
    if not len(known):
        msg = "Expected cells that reach an attractor on the chain, found none."
        raise ValueError(msg)
    n = (
        min(MAX_SIMULATED_CELLS, max(MIN_SIMULATED_CELLS, PATHS_TIMES_REGULATORS // cost))
        if n_cells is None
        else n_cells
    )
    return np.sort(gen.choice(known, min(n, len(known)), replace=False))


def _duration(time_span: float | None, model: GeneModel, points: torch.Tensor, n_cells: NDArray[np.float64]) -> float:
    """Span of real time; without a clock the time in which paths relax."""
    if time_span is not None:
        return time_span
    weights = n_cells if n_cells.sum() > 0 else np.ones(len(n_cells))
    return settling_time(model.drift, points, weights=weights, longest=MAX_LIFETIMES / float(model.drift.decay.mean()))


def _by_fate(probabilities: NDArray[np.float64], owner: pd.Series, order: list[str]) -> pd.DataFrame:
    """Shares summed over the attractors of each fate, in the given order of fates."""
    share = pd.DataFrame(probabilities.T).groupby(owner.to_numpy()).sum().T
    return share.reindex(columns=order + [name for name in share if name not in order], fill_value=0.0)

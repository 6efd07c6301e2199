"""Fates of the fitted model, held against those of the directed chain of cells."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from anndata import AnnData
from numpy.typing import NDArray

from landscape import _keys
from landscape._anndata import read, read_result
from landscape._model import read_model
from landscape._random import RandomLike, generator, seed_of
from landscape.dynamics import RegulatoryDrift
from landscape.topography.fates.agreement import FALSE_ALARMS, Agreement, agreement, wilson
from landscape.topography.fates.destinations import Destinations, destinations, settling_time, standard_error

logger = logging.getLogger(__name__)

# Cells that are followed unless told otherwise: the error of a share of so many is at most .02.
MOST_CELLS = 500
# At least so many, whatever it costs: an error of at most .05.
FEWEST_CELLS = 100
# Paths times regulators, in between: about ten seconds of one core.
PATHS_TIMES_REGULATORS = 500_000
# Longest time with noise, in mean lifetimes of a state: an attractor that is about to vanish relaxes for ever.
LONGEST = 100.0
# An attractor at which less than this share of its own paths stays is no fate at the model's noise.
STAY = 0.5


@dataclass(frozen=True)
class Comparison:
    """Fates of the model in the cells that were followed, and how they agree with the chain's.

    Attributes
    ----------
    table
        Probabilities, cells x fates; not-a-number in cells that were not followed.
    agreement
        Distances to the chain of the cells in ``cells``.
    cells
        Positions of the cells that were followed.
    record
        What the result keeps besides.
    """

    table: pd.DataFrame
    agreement: Agreement
    cells: NDArray[np.int64]
    record: dict[str, Any]


def compare(
    adata: AnnData,
    chain: pd.DataFrame,
    terminal: Mapping[str, NDArray[np.int64]],
    *,
    n_replicates: int,
    n_cells: int | None,
    tolerance: float,
    rng: RandomLike,
) -> Comparison:
    """Follow a sample of cells with the model, and hold where they end against the chain's probabilities."""
    model = read_model(adata)
    result = read_result(adata, _keys.ATTRACTORS, hint="run `landscape.tl.attractors` first")
    x = read(adata, "obsm", _keys.STATE, hint="run `landscape.tl.dynamics` first").to_numpy(dtype=float)
    states = result["states"]
    points = torch.as_tensor(states.to_numpy(dtype=float))
    gen = generator(rng)
    cells = _sample(np.flatnonzero(chain.notna().all(axis=1)), n_cells, n_replicates * x.shape[1], gen)
    duration = _duration(adata, model.drift, points, result["table"]["n_cells"].to_numpy(dtype=float))
    # The attractors themselves come last: how many of their own paths do they keep?
    found = destinations(
        model.drift,
        torch.cat([torch.as_tensor(x[cells]), points]),
        points,
        diffusion=model.diffusion,
        duration=duration,
        n_replicates=n_replicates,
        step=model.step_within(duration),
        lower=model.lower,
        rng=seed_of(gen),
    )
    kept = pd.Series(np.diagonal(found.probabilities[len(cells) :]), index=states.index.astype(str))
    owner = _owners(adata, list(map(str, states.index)), terminal)
    share, error = _by_fate(found, len(cells), owner, list(chain.columns))
    wanted = chain.iloc[cells].reindex(columns=share.columns, fill_value=0.0)
    verdict = agreement(share, wanted, error, tolerance=tolerance)
    table = pd.DataFrame(np.nan, index=chain.index, columns=share.columns)
    table.iloc[cells] = share.to_numpy()
    by_fate = _where(wanted.idxmax(axis=1), verdict, kept.groupby(owner).mean())
    record = {
        "disagreement": float(np.nanmean(verdict.distance)),
        "share_differs": verdict.share,
        "share_low": verdict.low,
        "share_high": verdict.high,
        "n_compared": len(cells),
        "duration": found.duration,
        "by_fate": by_fate,
    }
    _tell(verdict, by_fate, kept, found.duration)
    return Comparison(table, verdict, cells, record)


def _sample(known: NDArray[np.int64], n_cells: int | None, cost: int, gen: np.random.Generator) -> NDArray[np.int64]:
    """Cells to follow: as many as were asked for, or as the number of regulators allows."""
    if not len(known):
        msg = "Expected cells from which an attractor can be reached on the chain, found none."
        raise ValueError(msg)
    n = min(MOST_CELLS, max(FEWEST_CELLS, PATHS_TIMES_REGULATORS // cost)) if n_cells is None else n_cells
    return np.sort(gen.choice(known, min(n, len(known)), replace=False))


def _duration(adata: AnnData, drift: RegulatoryDrift, points: torch.Tensor, n_cells: NDArray[np.float64]) -> float:
    """Span of real time; without a clock the time in which paths settle."""
    record = read_result(adata, _keys.DYNAMICS, hint="run `landscape.tl.dynamics` first")
    if "time_span" in record:
        return float(record["time_span"])
    weights = n_cells if n_cells.sum() > 0 else np.ones(len(n_cells))
    return settling_time(drift, points, weights=weights, longest=LONGEST / float(drift.decay.mean()))


def _owners(adata: AnnData, attractors: list[str], terminal: Mapping[str, NDArray[np.int64]]) -> pd.Series:
    """Fate that each attractor stands for: the one of its name, else the terminal cells most of which flow to it."""
    basin = read(adata, "obs", _keys.BASIN, hint="run `landscape.tl.basins` first").astype(str).to_numpy()
    counts = pd.DataFrame({name: pd.Series(basin[cells]).value_counts() for name, cells in terminal.items()})
    counts = counts.reindex(attractors).fillna(0)
    owner = counts.idxmax(axis=1).where(counts.max(axis=1) > 0, pd.Series(attractors, index=attractors))
    named = [name for name in attractors if name in terminal]
    owner.loc[named] = named
    return owner


def _by_fate(
    found: Destinations, n: int, owner: pd.Series, order: list[str]
) -> tuple[pd.DataFrame, NDArray[np.float64]]:
    """Shares and their errors summed over the attractors of each fate, in the chain's order of fates."""
    share = pd.DataFrame(found.probabilities[:n].T).groupby(owner.to_numpy()).sum().T
    share = share.reindex(columns=order + [name for name in share if name not in order], fill_value=0.0)
    return share, standard_error(share.to_numpy(), found.n_replicates)


def _where(fate: pd.Series, verdict: Agreement, kept: pd.Series) -> pd.DataFrame:
    """Share of cells that differ by the chain's most probable fate, and of paths that stay where they start."""
    rows = {}
    for name, place in pd.Series(np.arange(len(fate)), index=fate.to_numpy()).groupby(level=0, sort=False):
        differs = verdict.differs[place.to_numpy()]
        low, high = wilson(int(differs.sum()), len(differs))
        rows[str(name)] = {
            "n_cells": len(differs),
            "disagreement": float(np.mean(verdict.distance[place.to_numpy()])),
            "share_differs": float(differs.mean()),
            "share_low": low,
            "share_high": high,
            "kept": float(kept.get(name, np.nan)),
        }
    table = pd.DataFrame.from_dict(rows, orient="index").sort_values("n_cells", ascending=False, kind="stable")
    return table.rename_axis("fate")


def _tell(verdict: Agreement, by_fate: pd.DataFrame, kept: pd.Series, duration: float) -> None:
    left = kept[kept < STAY]
    if len(left):
        what = ", ".join(f"{name} (kept {share:.2f})" for name, share in left.items())
        logger.warning(
            "at the model's noise most paths leave these attractors within %.3g units of time, so that they are no fates "
            "of the model: %s; a smaller `diffusion` in `landscape.tl.dynamics` would hold them",
            duration,
            what,
        )
    worst = by_fate[by_fate["share_differs"] > 0].sort_values("share_differs", ascending=False)
    where = ", ".join(f"{name} {row.share_differs:.2f} of {row.n_cells:.0f}" for name, row in worst.head(3).iterrows())
    text = "model and chain differ on the fate of %.2f of cells (%.2f to %.2f)%s"
    ratio = (verdict.share, verdict.low, verdict.high, f", by the chain's fate: {where}" if where else "")
    log = logger.warning if verdict.low > FALSE_ALARMS else logger.info
    log(text, *ratio)

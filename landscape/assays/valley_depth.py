"""Depth of valleys: whether it is the likelihood of the fate."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from landscape._random import RandomLike
from landscape.assays.assess import N_NULL, Assay, Measured, assess
from landscape.assays.finding import Finding
from landscape.assays.noise_titration import fates_at
from landscape.assays.subject import Subject, View

# Paths, draws of the null where there are more permutations, and draws of heights within their intervals and of paths.
N_PATHS, N_DRAWS, N_AGAIN = 500, 999, 199


def depths(heights: np.ndarray) -> np.ndarray:
    """Depth of each valley: the lowest barrier out of it, shape ``(k,)``."""
    s = np.array(heights, dtype=float)
    np.fill_diagonal(s, np.nan)
    with np.errstate(all="ignore"):
        return np.where(np.isfinite(s).any(1), np.nanmin(np.where(np.isfinite(s), s, np.inf), axis=1), np.nan)


def _measure(view: View, rng: np.random.Generator) -> Measured:
    if view is view.subject.view and view.lacks:
        return Measured(np.nan, reason=view.lacks)
    heights, origin, k = view.subject.barriers, view.subject.start, len(view.memories)
    if heights is None or origin is None:
        return Measured(np.nan, reason="barriers and start states are needed")
    depth = depths(heights)
    if not np.isfinite(depth).all() or np.ptp(depth) == 0:
        return Measured(np.nan, reason="some valleys have no barrier, or all the same")
    start = origin[rng.integers(len(origin), size=N_PATHS)]
    labels = fates_at(view, 1.0, start, int(rng.integers(2**31)))
    share = np.bincount(labels, minlength=k) / N_PATHS

    def correlation(values: np.ndarray, of: np.ndarray = depth) -> float:
        return float(np.corrcoef(rankdata(of), rankdata(values))[0, 1]) if np.ptp(values) > 0 < np.ptp(of) else 0.0

    draws = (
        [share[list(order)] for order in permutations(range(k))]
        if k <= 6
        else [rng.permutation(share) for _ in range(N_DRAWS)]
    )
    null = [correlation(each) for each in draws]
    again = []
    for _ in range(N_AGAIN):
        low, high = view.subject.extras.get("barrier_interval", (heights, heights))
        drawn = depths(low + rng.random(low.shape) * (high - low))
        drawn = np.where(np.isfinite(drawn), drawn, depth)
        again.append(correlation(np.bincount(rng.choice(labels, N_PATHS), minlength=k) / N_PATHS, drawn))
    table = pd.DataFrame({"state": view.subject.names, "depth": depth, "share": share})
    low, high = np.quantile(again, (0.05, 0.95))
    known = view.subject.ensemble is None or "barrier_interval" in view.subject.extras
    interval = (float(low), float(high)) if known else (np.nan, np.nan)
    return Measured(correlation(share), details={"valleys": table}, null=null, interval=interval)


ASSAY = Assay(
    name="valley depth",
    row="",
    section="Gene regulatory networks, attractor states, and energy landscapes",
    claim="The depth of a valley is the likelihood of its fate.",
    statistic="rank correlation over cell types between the lowest barrier out and the share of cells that go there",
    direction="above",
    needs="C",
    measure=_measure,
    null="shares permuted among cell types",
    rewires=False,
    min_memories=4,
    requires=frozenset({"barriers", "start"}),
)


def valley_depth(subject: Subject, *, n_null: int = N_NULL, rng: RandomLike = 0) -> Finding:
    """Rank correlation between the depth of valleys, the lowest barrier out of each, and the share of paths from the start that end there.

    The two agree in equilibrium; development ends before. With four cell types only the perfect order lies outside the null.

    Parameters
    ----------
    subject
        Model beside its cells, with barriers and start states.
    n_null, rng
        As for :func:`landscape.assays.assess`.

    Returns
    -------
    Finding with the table ``valleys`` in its details.
    """
    return assess(ASSAY, subject, n_null=n_null, rng=rng)

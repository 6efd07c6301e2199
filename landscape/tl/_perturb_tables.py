"""Tables of a perturbation: fates, attractors, states, expression and the drawing, before and after."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray

from landscape import _keys
from landscape._anndata import results_of
from landscape.dynamics.ensemble import interval
from landscape.perturbation import Outcome, References
from landscape.tl._occupancy import heights_record
from landscape.topography.occupancy import occupancy as occupancy_of
from landscape.topography.occupancy import place


def _interval(values: list[NDArray[np.float64]], like: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    if len(values) < 2:
        return np.full(like.shape, np.nan), np.full(like.shape, np.nan)
    return interval(values)


def fates(
    known: References,
    before: Outcome,
    after: Outcome,
    ensemble: list[tuple[Outcome, Outcome]],
    controls: list[tuple[Outcome, Outcome]],
) -> pd.DataFrame:
    """Shares of the fates, their change with its interval, and the p-value against controls."""
    change = after.shares - before.shares
    low, high = _interval([b.shares - a.shares for a, b in ensemble], change)
    p_value = np.full(len(change), np.nan)
    if controls:
        null = np.array([np.abs(b.shares - a.shares) for a, b in controls])
        p_value = (1 + (null >= np.abs(change) - 1e-12).sum(0)) / (1 + len(controls))
    columns = {"before": before.shares, "after": after.shares, "change": change, "low": low, "high": high}
    return pd.DataFrame({**columns, "p_value": p_value}, index=pd.Index(known.fates, name="fate"))


def attractors(known: References, before: Outcome, after: Outcome, acting: Mapping[int, float]) -> pd.DataFrame:
    """What becomes of each attractor, and attractors that are new."""
    free = np.setdiff1d(np.arange(len(known.start)), list(acting))
    rows, index = [], []
    for k, name in enumerate(known.names):
        own, match = before.matched[k], after.matched[k]
        becomes = known.fates[after.labels[match]] if match >= 0 else "no rest"
        moved = after.attractors[match] - known.states[k] if match >= 0 else np.full(len(known.start), np.nan)
        rows.append(
            {
                "status": "kept" if becomes == name else "lost",
                "becomes": becomes,
                "distance": float(np.sqrt((moved[free] ** 2).mean())),
                "eigenvalue_before": float(before.eigenvalues[own]) if own >= 0 else np.nan,
                "eigenvalue_after": float(after.eigenvalues[match]) if match >= 0 else np.nan,
            }
        )
        index.append(name)
    for m in np.flatnonzero(after.labels >= len(known.names)):
        name = f"new {len(index) - len(known.names) + 1}"
        apart = np.sqrt(((after.attractors[m] - known.states)[:, free] ** 2).mean(1)).min()
        fate = known.fates[after.labels[m]]
        rows.append(
            {
                "status": "new",
                "becomes": fate,
                "distance": float(apart),
                "eigenvalue_before": np.nan,
                "eigenvalue_after": float(after.eigenvalues[m]),
            }
        )
        index.append(name)
    return pd.DataFrame(rows, index=pd.Index(index, name="attractor"))


def states(known: References, after: Outcome, names: list[str]) -> pd.DataFrame:
    """Attractors of the perturbed model, named after the fate that each is nearest to."""
    titles = []
    for m, label in enumerate(after.labels):
        fate = known.fates[label]
        same = int((after.labels[:m] == label).sum())
        titles.append(fate if not same else f"{fate} {same + 1}")
    return pd.DataFrame(after.attractors, index=pd.Index(titles, name="attractor"), columns=names)


def expression(
    names: list[str], before: Outcome, after: Outcome, ensemble: list[tuple[Outcome, Outcome]]
) -> pd.DataFrame:
    """Mean level of each regulator at the end of both ensembles."""
    change = after.mean - before.mean
    low, high = _interval([b.mean - a.mean for a, b in ensemble], change)
    columns = {"before": before.mean, "after": after.mean, "change": change, "low": low, "high": high}
    return pd.DataFrame(columns, index=pd.Index(names, name="regulator"))


def drawing(adata: AnnData, before: Outcome, after: Outcome, x: NDArray[np.float64], held: list[int]) -> dict[str, Any]:
    """Heights of both ensembles in the drawing of the unperturbed model, found by the genes that are not held."""
    known = results_of(adata).get(_keys.OCCUPANCY)
    if known is None or str(known["basis"]) not in adata.obsm:
        return {}
    basis = str(known["basis"])
    drawn = np.asarray(adata.obsm[basis], dtype=float)[:, :2]
    free = np.setdiff1d(np.arange(x.shape[1]), held)

    def record(found: Outcome) -> dict[str, Any]:
        states = found.path.reshape(-1, x.shape[1])
        heights = occupancy_of(states[:, free], x[:, free], drawn, n_grid=max(len(known["x"]), len(known["y"])))
        near = found.attractors[:, free]
        places = place(near, x[:, free], drawn)[0] if len(near) else np.empty((0, 2))
        return heights_record(heights, basis, places)

    return {**record(after), "before": record(before)}

"""Tables of a perturbation: fates, attractors, states, expression and heights before and after."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from landscape.dynamics.ensemble import interval
from landscape.perturbation.experiment import Comparison
from landscape.topography.drawing import heights_record
from landscape.topography.fates.outcomes import Outcome, References
from landscape.topography.occupancy import occupancy, place

# Minimum number of replicates for an interval.
MIN_REPLICATES = 2
# Rounding of a change of shares: a control with the same change counts as at least as large.
ROUNDING = 1e-12


def fate_table(known: References, found: Comparison) -> pd.DataFrame:
    """Shares of the fates, their change with its interval, and the p-value from controls.

    Parameters
    ----------
    known
        Reference states of the fates.
    found
        Outcomes before and after, of replicates and of controls.

    Returns
    -------
    ``before``, ``after``, ``change``, ``low``, ``high``, ``p_value``, one row per fate.
    """
    change = found.after.shares - found.before.shares
    low, high = _interval([b.shares - a.shares for a, b in found.replicates], change)
    p_value = np.full(len(change), np.nan)
    if found.controls:
        null = np.array([np.abs(b.shares - a.shares) for a, b in found.controls])
        p_value = (1 + (null >= np.abs(change) - ROUNDING).sum(0)) / (1 + len(found.controls))
    columns = {"before": found.before.shares, "after": found.after.shares, "change": change, "low": low, "high": high}
    return pd.DataFrame({**columns, "p_value": p_value}, index=pd.Index(known.fates, name="fate"))


def attractor_change_table(known: References, before: Outcome, after: Outcome, held: Collection[int]) -> pd.DataFrame:
    """Status of each attractor in the perturbed model, and new attractors.

    Parameters
    ----------
    known
        Reference states of the fates.
    before, after
        Outcome of the model and of the perturbed model.
    held
        Positions of the clamped genes, which do not count in distances.

    Returns
    -------
    ``status``, ``becomes``, ``distance``, ``eigenvalue_before``, ``eigenvalue_after``, one row per attractor.
    """
    free = np.setdiff1d(np.arange(len(known.start)), list(held))
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


def state_table(known: References, after: Outcome, regulators: Sequence[str]) -> pd.DataFrame:
    """Attractors of the perturbed model, named after the nearest fate.

    Parameters
    ----------
    known
        Reference states of the fates.
    after
        Outcome of the perturbed model.
    regulators
        Names of the variables.

    Returns
    -------
    Levels, attractors x regulators.
    """
    titles = []
    for m, label in enumerate(after.labels):
        fate = known.fates[label]
        same = int((after.labels[:m] == label).sum())
        titles.append(fate if not same else f"{fate} {same + 1}")
    return pd.DataFrame(after.attractors, index=pd.Index(titles, name="attractor"), columns=list(regulators))


def expression_table(found: Comparison, regulators: Sequence[str]) -> pd.DataFrame:
    """Mean level of each regulator at the end of the trajectories, before and after.

    Parameters
    ----------
    found
        Outcomes before and after, and of replicates.
    regulators
        Names of the variables.

    Returns
    -------
    ``before``, ``after``, ``change``, ``low``, ``high``, one row per regulator.
    """
    change = found.after.mean - found.before.mean
    low, high = _interval([b.mean - a.mean for a, b in found.replicates], change)
    columns = {"before": found.before.mean, "after": found.after.mean, "change": change, "low": low, "high": high}
    return pd.DataFrame(columns, index=pd.Index(regulators, name="regulator"))


def outcome_heights(
    found: Outcome,
    states: NDArray[np.float64],
    drawn: NDArray[np.float64],
    *,
    held: Collection[int],
    n_grid: int,
    basis: str,
) -> dict[str, Any]:
    """Heights of an ensemble in the drawing of the unperturbed model, located by the genes that are not clamped.

    Parameters
    ----------
    found
        Outcome of a model, perturbed or not.
    states
        State of each cell, shape ``(n, d)``.
    drawn
        Drawing coordinates of each cell, shape ``(n, 2)``.
    held
        Positions of the clamped genes.
    n_grid
        Number of grid points along each axis.
    basis
        Name of the drawing coordinates.

    Returns
    -------
    Record of the heights, as in ``adata.uns["landscape"]["occupancy"]``.
    """
    free = np.setdiff1d(np.arange(states.shape[1]), list(held))
    path = found.path.reshape(-1, states.shape[1])
    heights = occupancy(path[:, free], states[:, free], drawn, n_grid=n_grid)
    near = found.attractors[:, free]
    places = place(near, states[:, free], drawn)[0] if len(near) else np.empty((0, 2))
    return heights_record(heights, basis, places)


def _interval(values: list[NDArray[np.float64]], like: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    if len(values) < MIN_REPLICATES:
        return np.full(like.shape, np.nan), np.full(like.shape, np.nan)
    return interval(values)

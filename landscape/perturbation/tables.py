"""Tables of a perturbation: fates, attractors, states, expression and heights before and after."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.special import expit, logit

from landscape.dynamics import GeneModel
from landscape.markov.naming import unnumbered
from landscape.perturbation.certainty import Certainty, certainty
from landscape.perturbation.contrasts import PRIOR_COUNT, Contrasts, contrasts
from landscape.perturbation.paired import PairedFates
from landscape.topography.drawing import heights_record
from landscape.topography.fates.outcomes import References, RestStates, rest_states
from landscape.topography.field import distinct
from landscape.topography.occupancy import occupancy, place

# Rest states within this share of the reach of a fate are one attractor to search for.
SAME = 0.02


def labels_of(names: Sequence[str]) -> tuple[list[str], list[int]]:
    """Labels of fates, and the number of the label of each fate: attractors of one label are one fate."""
    labels = unnumbered(names)
    distinct_labels = list(dict.fromkeys(labels))
    return distinct_labels, [distinct_labels.index(label) for label in labels]


def merged_by_label(names: Sequence[str], found: PairedFates) -> tuple[list[str], PairedFates]:
    """Labels of the fates, and the same paths with the fates of one label together."""
    labels, groups = labels_of(names)
    return labels, found.merged(groups)


def fate_table(names: Sequence[str], found: PairedFates, controls: PairedFates | None = None) -> pd.DataFrame:
    """Shares of the fates and their change, on the scales of shares and of log odds, with its certainty.

    The interval is that of the log odds; that of the change is the same one, taken from the unperturbed share of the fit.

    Parameters
    ----------
    names
        Names of the fates.
    found
        Paired fates of the model and its replicates, with one clamp.
    controls
        Paired fates of the model with each control, if there are any.

    Returns
    -------
    ``before``, ``after``, ``change``, ``low``, ``high``, ``log_odds``, ``log_odds_low``, ``log_odds_high``, ``lfsr``,
    ``n_models`` in which a path ends in the fate, and ``rank`` of the change of the log odds among those of the controls, 1
    for the largest; one row per fate.
    """
    effect = _contrasts(found)
    sure = _certainty(found, effect.odds[:, 0], effect.odds_error[:, 0])
    before, after = found.shares[0, 0], found.shares[0, 1]
    change = after - before
    low, high = change_interval(before, change, found.fate.shape[-1], sure)
    rank = np.full(len(change), np.nan)
    if controls is not None:
        others = np.abs(_contrasts(controls).odds[0])
        rank = 1.0 + (others > np.abs(effect.odds[0, 0])).sum(0)
    columns = {
        "before": before,
        "after": after,
        "change": change,
        "low": low,
        "high": high,
        "log_odds": _effect(found, effect.odds[0, 0]),
        "log_odds_low": sure.low,
        "log_odds_high": sure.high,
        "lfsr": sure.lfsr,
        "n_models": (found.shares > 0).any(axis=1).sum(0),
        "rank": rank,
    }
    return pd.DataFrame(columns, index=pd.Index(list(names), name="fate"))


def change_interval(
    before: NDArray[np.float64], change: NDArray[np.float64], n: NDArray[np.int64] | int, sure: Certainty
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Interval of the log odds as one of the change of shares, which have ``k`` fates along the last axis.

    Parameters
    ----------
    before, change
        Unperturbed shares of the fit, and their change, shape ``(..., k)``.
    n
        Number of paths, of a shape that broadcasts.
    sure
        Certainty of the change of the log odds.
    """
    start = _smoothed(before, n)
    # An end of exactly zero stays one, whatever the rounding of the two functions.
    low, high = (np.where(end == 0, 0.0, expit(logit(start) + end) - start) for end in (sure.low, sure.high))
    # The prior of half a path must not move the end of an interval past the change itself.
    return np.minimum(low, change), np.maximum(high, change)


def contrast_table(names: Sequence[str], found: PairedFates) -> pd.DataFrame:
    """Change of the log odds of each fate against each other one, with its certainty.

    Parameters
    ----------
    names
        Names of the fates.
    found
        Paired fates of the model and its replicates, with one clamp.

    Returns
    -------
    ``fate``, ``against``, ``log_odds``, ``low``, ``high``, ``lfsr``, one row per pair of fates that a path of the fit reaches
    before or after. The other order of a pair has the opposite sign.
    """
    effect = _contrasts(found)
    sure = _certainty(found, effect.ratio[:, 0], effect.ratio_error[:, 0])
    reached = np.flatnonzero((found.shares[0] > 0).any(0))
    first, second = (reached[i] for i in np.triu_indices(len(reached), 1))
    titles = np.array(names, dtype=object)
    values = {"log_odds": _effect(found, effect.ratio[0, 0]), "low": sure.low, "high": sure.high, "lfsr": sure.lfsr}
    columns = {name: value[first, second] for name, value in values.items()}
    return pd.DataFrame({"fate": titles[first], "against": titles[second], **columns})


def control_table(names: Sequence[str], titles: Sequence[str], controls: PairedFates) -> pd.DataFrame:
    """Change of each share under each control, controls x fates.

    Parameters
    ----------
    names
        Names of the fates.
    titles
        Name of each control.
    controls
        Paired fates of the model with each control.
    """
    change = controls.shares[0, 1:] - controls.shares[0, :1]
    return pd.DataFrame(change, index=pd.Index(titles, name="control"), columns=list(names))


def attractors_reached(model: GeneModel, rest: NDArray[np.float64], known: References) -> RestStates:
    """Attractors of a model that paths and the attractors of the unperturbed model flow to.

    Parameters
    ----------
    model
        The model, perturbed or not.
    rest
        States to which the paths relax, shape ``(n, d)``; NaN where one does not.
    known
        Reference states of the fates.

    Returns
    -------
    Attractors; the last entries of ``attractor`` are those of the attractors of the unperturbed model.
    """
    ends = torch.as_tensor(rest[np.isfinite(rest).all(1)])
    leaders, _ = distinct(ends, SAME * known.reach)
    return rest_states(model, model.clamped(torch.cat([ends[leaders], torch.as_tensor(known.states)])), known)


def attractor_change_table(
    known: References, before: RestStates, after: RestStates, held: Collection[int]
) -> pd.DataFrame:
    """Status of each attractor in the perturbed model, and new attractors.

    Parameters
    ----------
    known
        Reference states of the fates.
    before, after
        Attractors of the model and of the perturbed model (:func:`attractors_reached`).
    held
        Positions of the clamped genes, which do not count in distances.

    Returns
    -------
    ``status``, ``becomes``, ``distance``, ``eigenvalue_before``, ``eigenvalue_after``, one row per attractor.
    """
    free = np.setdiff1d(np.arange(len(known.start)), list(held))
    rows, index = [], []
    for k, name in enumerate(known.names):
        own, match = (found.attractor[k - len(known.names)] for found in (before, after))
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


def state_table(known: References, after: RestStates, regulators: Sequence[str]) -> pd.DataFrame:
    """Attractors of the perturbed model, named after the nearest fate.

    Parameters
    ----------
    known
        Reference states of the fates.
    after
        Attractors of the perturbed model.
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


def expression_table(found: PairedFates, regulators: Sequence[str]) -> pd.DataFrame:
    """Mean level of each regulator at the end of the paths, before and after.

    Parameters
    ----------
    found
        Paired fates of the model and its replicates, with one clamp.
    regulators
        Names of the variables.

    Returns
    -------
    ``before``, ``after``, ``change``, ``low``, ``high``, one row per regulator.
    """
    sure = certainty(found.shift[:, 0], found.shift_error[:, 0])
    before, after = found.mean[0]
    columns = {"before": before, "after": after, "change": found.shift[0, 0], "low": sure.low, "high": sure.high}
    return pd.DataFrame(columns, index=pd.Index(regulators, name="regulator"))


def ensemble_heights(
    path: NDArray[np.float64],
    attractors: NDArray[np.float64],
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
    path
        States of the paths, shape ``(t, n, d)``.
    attractors
        Attractors that they reach, shape ``(m, d)``.
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
    heights = occupancy(path.reshape(-1, states.shape[1])[:, free], states[:, free], drawn, n_grid=n_grid)
    near = attractors[:, free]
    places = place(near, states[:, free], drawn)[0] if len(near) else np.empty((0, 2))
    return heights_record(heights, basis, places)


def _contrasts(found: PairedFates) -> Contrasts:
    """Contrasts of every model and clamp, shape ``(m, c, ...)``."""
    return contrasts(found.fate[:, :1], found.fate[:, 1:], found.n_fates)


def _certainty(found: PairedFates, effect: NDArray[np.float64], error: NDArray[np.float64]) -> Certainty:
    """Certainty of the effects of the one clamp; a clamp that acts on nothing has no effect, without error."""
    return certainty(_effect(found, effect), error if found.acts[0] else np.zeros_like(error))


def _effect(found: PairedFates, effect: NDArray[np.float64]) -> NDArray[np.float64]:
    return effect if found.acts[0] else np.zeros_like(effect)


def _smoothed(share: NDArray[np.float64], n: NDArray[np.int64] | int) -> NDArray[np.float64]:
    """Shares with the prior counts of the contrasts."""
    return (n * share + PRIOR_COUNT) / (n + PRIOR_COUNT * share.shape[-1])

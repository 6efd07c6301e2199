"""Tables of passage times, rates and weights between attractors: what a simulation supports, and no more."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.linalg import solve_continuous_lyapunov

from landscape.dynamics import GeneModel
from landscape.topography.passage.mean_first_passage import MIN_PATHS
from landscape.topography.passage.rate_matrix import RateMatrix, mean_times
from landscape.topography.passage.weights import weights_from_rates

logger = logging.getLogger(__name__)

# Radius within which a path has reached an attractor, over the shortest distance between two; at a half, balls would touch.
ARRIVAL_SHARE = 0.4
# Three mean times at risk without an event have probability e^-3 = 5 %.
UNSEEN = 3.0
# The formula of leading order errs by its prefactor; where not even a hundred times its rate would be seen often enough
# for a number, paths need not be simulated.
DOUBT = 100.0
# Share of a standard error by which a rate is moved to differentiate: it stays in the linear range even for rates that
# were seen once.
MOVED = 0.1


def valley_width(model: GeneModel, attractors: NDArray[np.float64]) -> NDArray[np.float64]:
    r"""Root mean square distance from each attractor in its own valley: :math:`A S + S A^\top + 2D = 0`, shape ``(k,)``.

    Parameters
    ----------
    model
        :math:`A` is the Jacobian of its drift, :math:`D` its diffusion, one number.
    attractors
        Stable fixed points, shape ``(k, d)``.
    """
    slopes = model.drift.jacobian(torch.as_tensor(attractors)).numpy()
    twice = -2 * model.diffusion_constant * np.eye(attractors.shape[1])
    return np.array([np.sqrt(max(np.trace(solve_continuous_lyapunov(a, twice)), 0.0)) for a in slopes])


def never_left(
    heights: pd.DataFrame, names: Sequence[str], *, leading_eigenvalue: float, exposure: float
) -> dict[str, str]:
    r"""Attractors from which no path would be seen to leave, by barriers that are known, and the reason for each.

    To leading order :math:`k = \lambda_u / (2\pi)\, e^{-S}` over the lowest barrier.

    Parameters
    ----------
    heights
        Barriers, with the columns ``from`` and ``height``.
    names
        Names of the attractors.
    leading_eigenvalue
        Largest :math:`\lambda_u` of the saddles, per unit of time.
    exposure
        Time for which paths from one attractor are followed in all.
    """
    fastest = leading_eigenvalue / (2 * np.pi)
    found = {}
    for name in names:
        lowest = float(heights.loc[heights["from"].astype(str) == name, "height"].min())
        if DOUBT * exposure * fastest * np.exp(-lowest) < MIN_PATHS:
            found[name] = f"the lowest barrier out of {name} is {lowest:.3g}: too high for paths to be seen leaving"
    return found


def reasons_unstated(
    found: RateMatrix,
    width: NDArray[np.float64],
    names: Sequence[str],
    *,
    radius: float,
    n_paths: int,
    never_left: Mapping[str, str],
) -> list[str]:
    """For each attractor why nothing can be said of paths from it, or an empty string.

    Parameters
    ----------
    found
        Simulated rates.
    width
        Width of the valley of each attractor, shape ``(k,)``.
    names
        Names of the attractors.
    radius
        Distance at which a path has come to an attractor.
    n_paths
        Paths from each attractor.
    never_left
        Attractors from which no paths were simulated, and why.
    """
    reasons = []
    for i, name in enumerate(names):
        if name in never_left:
            reason = never_left[name]
        elif width[i] > radius:
            reason = f"noise spreads {name} by {width[i]:.2g}, beyond the radius {radius:.2g} within which it counts"
        elif not np.isfinite(found.rates[i]).all():
            done = n_paths - int(found.censored[i])
            reason = f"{done} of {n_paths} paths left {name} in the time that was simulated"
        elif 2 * found.censored[i] > n_paths:
            reason = f"less than half of the paths left {name} in the time that was simulated"
        else:
            reason = ""
        reasons.append(reason)
    if lost := [name for name, reason in zip(names, reasons, strict=True) if reason]:
        logger.warning("passage times of %d of %d attractors are not stated: %s", len(lost), len(names), lost)
    return reasons


def passage_table(found: RateMatrix, names: Sequence[str], blocked: Sequence[str], z: float) -> pd.DataFrame:
    """Mean first passage time and rate of each ordered pair of attractors, with intervals, or the reason for none.

    Parameters
    ----------
    found
        Simulated rates.
    names
        Names of the attractors.
    blocked
        For each attractor why nothing can be said of paths from it, or an empty string.
    z
        Half of the width of an interval, in standard errors.
    """
    usable = found.rates.copy()
    usable[[bool(reason) for reason in blocked]] = np.nan
    times = mean_times(usable)
    error = error_of_times(found, usable, times)
    rows = []
    for i, start in enumerate(names):
        for j, end in enumerate(names):
            if i == j:
                continue
            reason = blocked[i] or _onward(times[i, j], blocked, names, end, j)
            low, high = _interval(times[i, j], error[i, j], z)
            if blocked[i] and "spreads" not in blocked[i] and found.exposure[i] > 0:
                done = int(found.arrivals[i].sum())
                low, high = found.exposure[i] / (done + UNSEEN + 2 * np.sqrt(done)), np.inf
            rows.append(
                {"from": start, "to": end, "time": np.nan if reason else times[i, j], "low": low, "high": high}
                | _rate(found, usable, i, j, z)
                | {"method": found.method, "valid": not reason, "reason": reason}
            )
    return pd.DataFrame(rows, index=[f"{row['from']} to {row['to']}" for row in rows])


def _onward(time: float, blocked: Sequence[str], names: Sequence[str], end: str, j: int) -> str:
    """Why there is no time to an attractor although paths leave the start."""
    if blocked[j] and "spreads" in blocked[j]:
        return blocked[j]
    if np.isfinite(time):
        return ""
    through = [name for name, reason in zip(names, blocked, strict=True) if reason and name != end]
    return f"the way may lead through {', '.join(through)}" if through else f"no path came to {end}"


def _rate(found: RateMatrix, usable: NDArray[np.float64], i: int, j: int, z: float) -> dict[str, float | int]:
    """Rate of direct changes with its interval; none seen: an upper bound."""
    arrivals = int(found.arrivals[i, j])
    rate, low, high = float(usable[i, j]), np.nan, np.nan
    if arrivals == 0:
        rate = np.nan
        if found.exposure[i] > 0:
            low, high = 0.0, UNSEEN / found.exposure[i]
    elif np.isfinite(rate):
        low, high = _interval(rate, float(found.standard_error[i, j]), z)
    return {"rate": rate, "rate_low": low, "rate_high": high, "arrivals": arrivals}


def _interval(value: float, error: float, z: float) -> tuple[float, float]:
    """Interval on the logarithmic scale, on which waiting times are nearly symmetric."""
    if not (np.isfinite(value) and np.isfinite(error) and value > 0):
        return np.nan, np.nan
    reach = float(np.exp(z * error / value))
    return value / reach, value * reach


def error_of_times(found: RateMatrix, usable: NDArray[np.float64], times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard errors of mean first passage times, carried over from the rates to first order, shape ``(k, k)``."""
    square = np.zeros_like(times)
    seen = (found.arrivals > 0) & np.isfinite(usable) & np.isfinite(found.standard_error)
    for i, j in zip(*np.nonzero(seen), strict=True):
        moved = usable.copy()
        moved[i, j] += MOVED * found.standard_error[i, j]
        with np.errstate(invalid="ignore"):
            square += ((mean_times(moved) - times) / MOVED) ** 2
    return np.sqrt(square)


def weight_table(found: RateMatrix, names: Sequence[str], blocked: Sequence[str], z: float) -> pd.DataFrame:
    """Weight of each attractor in the long run with its interval, or the reason for none.

    Parameters
    ----------
    found, names, blocked, z
        As in :func:`passage_table`.
    """
    k = len(names)
    weight, error, reason = np.full(k, np.nan), np.full(k, np.nan), "; ".join(filter(None, blocked))
    if not reason:
        try:
            answer = weights_from_rates(found)
            weight, error = answer.weights, answer.standard_error
        except ValueError as refused:
            reason = str(refused)
    return pd.DataFrame(
        {
            "weight": weight,
            "low": np.clip(weight - z * error, 0, 1),
            "high": np.clip(weight + z * error, 0, 1),
            "reason": reason,
        },
        index=pd.Index(names, name="attractor"),
    )

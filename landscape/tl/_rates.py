"""Rates of change between attractors: what the fitted model does in the time that was simulated, and no more."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch
from anndata import AnnData
from numpy.typing import NDArray
from scipy.linalg import solve_continuous_lyapunov
from scipy.spatial.distance import pdist
from scipy.stats import norm

from landscape import _keys
from landscape._anndata import read_result, require_adata, results_of, write_result
from landscape._model import read_model
from landscape._random import RandomLike
from landscape.dynamics import RegulatoryDrift
from landscape.tl._fates import REACH
from landscape.topography import RateMatrix, mean_times, simulated_rates, weights_from_rates
from landscape.topography.passage.rate_matrix import MIN_PATHS, default_step

logger = logging.getLogger(__name__)

# Three mean times at risk without an event have probability e^-3 = 5 %.
UNSEEN = 3.0
# The formula of leading order errs by its prefactor; where not even a hundred times its rate would be seen often enough
# for a number, paths need not be simulated.
DOUBT = 100.0


def rates(
    adata: AnnData,
    *,
    diffusion: float | None = None,
    n_paths: int = 200,
    max_steps: int = 20_000,
    radius: float | None = None,
    confidence: float = 0.95,
    rng: RandomLike = 0,
    copy: bool = False,
) -> AnnData | None:
    r"""Rates and mean first passage times between attractors, and the weights that attractors have in the long run.

    Paths of the model leave each attractor until they come to another one:

    .. math:: k_{ij} = p_{ij} / \tau_i, \qquad \sum_m K_{im} t_{mj} = -1, \qquad \pi K = 0

    with the mean time :math:`\tau_i` to any other attractor and the share :math:`p_{ij}` that comes to j first. Times have the
    unit of time of the model and depend exponentially on :math:`1/D`, with which they are stated. A number that the simulation
    does not support is not-a-number, with the reason beside it and a bound where there is one: rates over barriers of
    more than about ten are never seen, and the exponent alone is in :func:`landscape.tl.barriers`. Where those barriers
    are known for the same :math:`D`, paths that would never leave are not simulated.

    Parameters
    ----------
    adata
        Annotated data with attractors (:func:`landscape.tl.attractors`).
    diffusion
        :math:`D`; by default the model's.
    n_paths
        Paths from each attractor, at least 20.
    max_steps
        Steps at which paths are given up; there are twenty to the fastest relaxation time.
    radius
        Distance at which a path has come to an attractor; by default 0.4 of the least distance between two.
    confidence
        Level of the intervals.
    rng
        Seed or generator.
    copy
        Work on a copy of ``adata`` and return it.

    Returns
    -------
    ``None``, or the copy if ``copy=True``. Sets ``adata.uns["landscape"]["rates"]`` with

    ``table`` : DataFrame
        For each ordered pair ``from``, ``to``: mean first passage ``time`` with ``low`` and ``high``, over other attractors if
        need be; ``rate`` of direct changes with ``rate_low`` and ``rate_high``; ``arrivals``, ``method``, ``valid`` (whether the
        time is stated), and the ``reason`` where it is not.
    ``weights`` : DataFrame
        ``weight`` of each attractor in the long run, ``low``, ``high``, and the ``reason`` where there is none. It follows from the
        rates and never from the volume of a basin; growth of cells is not in it.

    Raises
    ------
    KeyError
        If the model or its attractors are missing.
    ValueError
        If there are fewer than two attractors, the diffusion is not positive, or an option is out of its range.
    """
    adata = require_adata(adata)
    model = read_model(adata)
    drift, model_diffusion = model.drift, model.diffusion_constant
    states = read_result(adata, _keys.ATTRACTORS, hint="run `landscape.tl.attractors` first")["states"]
    if len(states) < 2:
        msg = f"Expected at least two attractors, found {len(states)}; there is nowhere to go."
        raise ValueError(msg)
    if not 0 < confidence < 1 or max_steps < 1:
        msg = f"Expected `confidence` between 0 and 1 and a positive `max_steps`, found {confidence} and {max_steps}."
        raise ValueError(msg)
    noise = model_diffusion if diffusion is None else diffusion
    if not (np.isfinite(noise) and noise > 0):
        msg = f"Expected `diffusion` to be positive and finite, found {noise}."
        raise ValueError(msg)
    x = states.to_numpy(dtype=float)
    radius = REACH * float(pdist(x).min()) if radius is None else radius
    names = [str(name) for name in states.index]
    step = default_step(drift, torch.as_tensor(x))
    hopeless = _hopeless(adata, names, noise, n_paths * max_steps * step)
    found = simulated_rates(
        drift, x, diffusion=noise, radius=radius, n_paths=n_paths, step=step, max_steps=max_steps, lower=0.0, rng=rng,
        sources=[i for i, name in enumerate(names) if name not in hopeless],
    )  # fmt: skip
    blocked = _blocked(found, _spread(drift, x, noise), names, radius, n_paths, hopeless)
    table = _table(found, names, blocked, float(norm.ppf(0.5 + confidence / 2)))
    record = {
        "table": table,
        "weights": _weights(found, names, blocked, float(norm.ppf(0.5 + confidence / 2))),
        "radius": radius,
        "converged": bool(found.converged and not any(blocked)),
    }
    params = {"diffusion": noise, "n_paths": n_paths, "max_steps": max_steps, "confidence": confidence}
    adata = adata.copy() if copy else adata
    what = f"{int(table['valid'].sum())} of {len(table)} passage times at D = {noise:.3g}"
    write_result(adata, _keys.RATES, record, params=params, what=what)
    return adata if copy else None


def _spread(drift: RegulatoryDrift, x: NDArray[np.float64], noise: float) -> NDArray[np.float64]:
    r"""Root mean square distance from each attractor in its own valley: :math:`A S + S A^\top + 2D = 0`, shape ``(k,)``."""
    slopes = drift.jacobian(torch.as_tensor(x)).numpy()
    twice = -2 * noise * np.eye(x.shape[1])
    return np.array([np.sqrt(max(np.trace(solve_continuous_lyapunov(a, twice)), 0.0)) for a in slopes])


def _hopeless(adata: AnnData, names: list[str], noise: float, exposure: float) -> dict[str, str]:
    r"""Attractors from which no path would be seen to leave, by barriers that are known, and the reason for each.

    To leading order :math:`k = \lambda_u / (2\pi)\, e^{-S}` over the lowest barrier.
    """
    results = results_of(adata)
    heights, saddles = results.get(_keys.BARRIERS), results.get(_keys.SADDLES)
    if not isinstance(heights, dict) or not isinstance(saddles, dict) or heights["params"].get("diffusion") != noise:
        return {}
    table = heights["table"]
    if set(table["from"].astype(str)) != set(names) or not len(saddles["table"]):
        return {}
    fastest = float(saddles["table"]["leading_eigenvalue"].max()) / (2 * np.pi)
    found = {}
    for name in names:
        lowest = float(table.loc[table["from"].astype(str) == name, "height"].min())
        if DOUBT * exposure * fastest * np.exp(-lowest) < MIN_PATHS:
            found[name] = f"the lowest barrier out of {name} is {lowest:.3g}: too high for paths to be seen leaving"
    return found


def _blocked(
    found: RateMatrix,
    spread: NDArray[np.float64],
    names: list[str],
    radius: float,
    n_paths: int,
    hopeless: Mapping[str, str],
) -> list[str]:
    """For each attractor why nothing can be said of paths from it, or an empty string."""
    reasons = []
    for i, name in enumerate(names):
        if name in hopeless:
            reason = hopeless[name]
        elif spread[i] > radius:
            reason = f"noise spreads {name} by {spread[i]:.2g}, beyond the radius {radius:.2g} within which it counts"
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


def _table(found: RateMatrix, names: list[str], blocked: list[str], z: float) -> pd.DataFrame:
    usable = found.rates.copy()
    usable[[bool(reason) for reason in blocked]] = np.nan
    times = mean_times(usable)
    error = _error_of_times(found, usable, times)
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


def _onward(time: float, blocked: list[str], names: list[str], end: str, j: int) -> str:
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


def _error_of_times(found: RateMatrix, usable: NDArray[np.float64], times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard errors of mean first passage times, carried over from the rates to first order, shape ``(k, k)``."""
    square = np.zeros_like(times)
    seen = (found.arrivals > 0) & np.isfinite(usable) & np.isfinite(found.standard_error)
    for i, j in zip(*np.nonzero(seen), strict=True):
        moved = usable.copy()
        # A tenth of the error stays in the linear range even for rates that were seen once.
        moved[i, j] += 0.1 * found.standard_error[i, j]
        with np.errstate(invalid="ignore"):
            square += ((mean_times(moved) - times) / 0.1) ** 2
    return np.sqrt(square)


def _weights(found: RateMatrix, names: list[str], blocked: list[str], z: float) -> pd.DataFrame:
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

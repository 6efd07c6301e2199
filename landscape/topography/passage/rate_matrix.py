"""Rate matrices of transitions between attractors: by simulation, and by the Eyring-Kramers formula."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch import Tensor

from landscape._random import RandomLike, generator, seed_of
from landscape._threads import on_one_thread
from landscape.dynamics import Drift
from landscape.topography.field import as_states, drift_and_noise
from landscape.topography.large_deviations.transitions import TransitionNetwork
from landscape.topography.passage.committor import check_radius
from landscape.topography.passage.first_hits import MAX_STEPS, default_step, first_hits
from landscape.topography.passage.kramers import kramers_time
from landscape.topography.passage.mean_first_passage import MIN_PATHS, survival_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from landscape.dynamics.sde import Diffusion

logger = logging.getLogger(__name__)

# Bootstrap samples of the standard errors.
N_BOOTSTRAP = 100


@dataclass(frozen=True)
class RateMatrix:
    r"""Markov model of the attractors.

    Attributes
    ----------
    rates
        Rate from row to column, per unit time, with minus the sum of the row on the diagonal; shape ``(k, k)``. A row
        is NaN where too few paths left the attractor.
    standard_error
        Of the rates; NaN for rates that are not simulated.
    arrivals
        Paths that went from row to column, shape ``(k, k)``; 0 for the formula.
    exposure
        Total simulated time of paths from each attractor, shape ``(k,)``: three over it is an upper bound, at 95 %, of
        the rate of a transition that was never observed. 0 for the formula.
    residence
        Mean time from an attractor to any other one, shape ``(k,)``.
    censored
        Paths that reached no other attractor, shape ``(k,)``.
    method
        ``"simulation"``; ``"kramers"``, exact prefactors of a gradient drift; or ``"leading order"``, where only
        logarithms of rates are meaningful.
    converged
        Simulation: every attractor was left by at least half of its paths. Formulas: every barrier is valid.
    """

    rates: NDArray[np.float64]
    standard_error: NDArray[np.float64]
    arrivals: NDArray[np.int64]
    exposure: NDArray[np.float64]
    residence: NDArray[np.float64]
    censored: NDArray[np.int64]
    method: Literal["simulation", "kramers", "leading order"]
    converged: bool


@on_one_thread
def simulated_rates(
    drift: Drift,
    attractors: ArrayLike | Tensor,
    *,
    diffusion: Diffusion | None = None,
    radius: float,
    n_paths: int = 500,
    step: float | None = None,
    max_time: float | None = None,
    max_steps: int = MAX_STEPS,
    stop_share: float = 0.9,
    sources: Sequence[int] | None = None,
    lower: float | None = None,
    rng: RandomLike = 0,
) -> RateMatrix:
    r"""Rates between attractors from paths that leave each of them, :math:`k_{ij} = p_{ij} / \tau_i`.

    :math:`\tau_i` is the mean time from attractor i to the ball of any other and :math:`p_{ij}` the share of paths
    that enter that of j first. Paths that have not arrived enter with the tail of the waiting time.

    Parameters
    ----------
    drift, diffusion, radius, step, lower, rng
        As in :func:`committor`.
    attractors
        Centres, shape ``(k, d)``, at least two.
    n_paths
        Number of paths from each attractor, at least 20.
    max_time, max_steps
        Time and number of steps at which the simulation ends, whichever comes first.
    stop_share
        Share of arrivals from which the rest is extrapolated.
    sources
        Positions of the attractors from which paths start; by default all. The other rows stay NaN.

    Raises
    ------
    TypeError
        If there is no ``diffusion`` and the drift is not a model.
    ValueError
        If there are fewer than two attractors, balls overlap, or an option is out of range.
    """
    drift, diffusion = drift_and_noise(drift, diffusion)
    x = as_states(attractors, name="attractors")
    k = len(x)
    if k < 2 or n_paths < MIN_PATHS:
        msg = f"Expected at least two attractors and {MIN_PATHS} `n_paths`, found {k} and {n_paths}."
        raise ValueError(msg)
    check_radius(x, radius)
    random = generator(rng)
    step = default_step(drift, x) if step is None else step
    limit = max_steps * step if max_time is None else min(max_time, max_steps * step)
    rates, error = np.full((k, k), np.nan), np.full((k, k), np.nan)
    arrivals, exposure = np.zeros((k, k), dtype=np.int64), np.zeros(k)
    residence, censored = np.full(k, np.nan), np.zeros(k, dtype=np.int64)
    for i in range(k) if sources is None else sources:
        hits = first_hits(
            drift, x[i].expand(n_paths, -1), x, radius=radius, diffusion=diffusion, step=step,
            max_time=limit, stop_share=stop_share, rng=seed_of(random),
            lower=lower, excluded=torch.full((n_paths,), i),
        )  # fmt: skip
        arrived = hits.target >= 0
        censored[i] = n_paths - arrived.sum()
        arrivals[i], exposure[i] = np.bincount(hits.target[arrived], minlength=k), hits.time.sum()
        if arrived.sum() < MIN_PATHS:
            logger.warning("only %d of %d paths left attractor %d; raise `max_time`", arrived.sum(), n_paths, i)
            continue

        def row(which: NDArray[np.int64], hits=hits, arrived=arrived) -> NDArray[np.float64]:  # type: ignore[no-untyped-def]
            share = np.bincount(hits.target[which][arrived[which]], minlength=k) / arrived[which].sum()
            return share / survival_mean(hits.time[which], arrived[which])

        rates[i] = row(np.arange(n_paths))
        error[i] = np.std([row(random.integers(n_paths, size=n_paths)) for _ in range(N_BOOTSTRAP)], axis=0)
        residence[i] = survival_mean(hits.time, arrived)
        rates[i, i] = -1 / residence[i]
        error[i, i] = error[i].sum()
    if (2 * censored > n_paths).any():
        late = np.flatnonzero(2 * censored > n_paths).tolist()
        logger.warning("less than half of the paths left attractors %s; raise `max_time`", late)
    settled = bool((2 * censored <= n_paths).all() and np.isfinite(rates).all())
    return RateMatrix(rates, error, arrivals, exposure, residence, censored, "simulation", settled)


def mean_times(rates: NDArray[np.float64]) -> NDArray[np.float64]:
    r"""Mean first passage times of a rate matrix, :math:`\sum_m K_{im} t_{mj} = -1` for all :math:`i \ne j`.

    Parameters
    ----------
    rates
        Rates from row to column, shape ``(k, k)``; the diagonal is not used. Rows may be NaN.

    Returns
    -------
    Times, shape ``(k, k)``, zero on the diagonal; NaN where a path may lead through an unknown row, infinite where the
    column may never be reached.
    """
    k, here = len(rates), np.eye(len(rates), dtype=bool)
    off = np.where(here, 0.0, rates)
    unknown = ~np.isfinite(off).all(1)
    off[unknown] = 0.0
    times = np.zeros((k, k))
    for j in range(k):
        onward = np.where(here[j][:, None], 0.0, off)
        comes_to = here | (onward > 0)
        for _ in range(k.bit_length()):
            comes_to = comes_to @ comes_to
        missing = (comes_to & (unknown & ~here[j])).any(1)
        never = (comes_to & ~comes_to[:, j]).any(1) & ~missing
        times[missing, j], times[never, j] = np.nan, np.inf
        known = np.flatnonzero(~missing & ~never & ~here[j])
        if len(known):
            inner = onward[np.ix_(known, known)] - np.diag(onward[known].sum(1))
            times[known, j] = np.linalg.solve(inner, -np.ones(len(known)))
    return times


def barrier_rates(
    drift: Drift, network: TransitionNetwork, *, diffusion: Diffusion | None = None, leading_order: bool = False
) -> RateMatrix:
    r"""Rates between neighbouring attractors by the Eyring-Kramers formula, summed over their saddles.

    For a drift that is not a gradient, ``leading_order=True`` gives :math:`k_{ij} = \lambda_u / (2\pi)\, e^{-S_{ij}}`,
    with the method ``"leading order"``.

    Parameters
    ----------
    drift
        Model, or callable from states ``(n, d)`` to velocities ``(n, d)``, differentiable.
    network
        From :func:`transition_network`, with the same diffusion.
    diffusion
        Constant diffusion. By default that of a model.
    leading_order
        Accept a drift that is not a gradient.
    """
    drift, diffusion = drift_and_noise(drift, diffusion)
    k = len(network.action)
    rates = np.zeros((k, k))
    exact = valid = True
    for transition in network.transitions:
        if transition.saddle is None:
            msg = f"No saddle joins attractors {transition.attractors}; use `simulated_rates`."
            raise ValueError(msg)
        for side, i in enumerate(transition.attractors):
            j = transition.attractors[1 - side]
            start = transition.up[side].path[0]
            found = kramers_time(drift, start, transition.saddle, diffusion=diffusion, leading_order=leading_order)
            rates[i, j] += found.rate
            exact, valid = exact and found.exact, valid and found.valid
    np.fill_diagonal(rates, -rates.sum(1))
    with np.errstate(divide="ignore"):
        residence = np.where(rates.diagonal() < 0, -1 / rates.diagonal(), np.inf)
    method: Literal["kramers", "leading order"] = "kramers" if exact else "leading order"
    if not (valid and network.converged):
        logger.warning(
            "rates by the formula are not reliable: %s",
            "the drift is not a gradient" if not exact else "a barrier is low",
        )
    return RateMatrix(
        rates,
        np.full((k, k), np.nan),
        np.zeros((k, k), dtype=np.int64),
        np.zeros(k),
        residence,
        np.zeros(k, dtype=np.int64),
        method,
        bool(valid and network.converged),
    )

"""The noise of a drift, from how broad the populations are that it has to carry forward."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import numpy as np
from scipy.optimize import minimize_scalar
from torch import Tensor

from landscape._random import RandomLike, seed_of
from landscape._threads import on_one_thread
from landscape.dynamics.drift import RegulatoryDrift
from landscape.dynamics.populations import Growth, descendants, energy_distance, require_populations
from landscape.dynamics.sde import simulate

logger = logging.getLogger(__name__)

# Noise below this share of the most there can be is none.
LEAST = 1e-3
# Search for the logarithm of the noise ends at this width; the distance is flat there.
TOLERANCE = 0.1


@on_one_thread
def fit_diffusion(
    drift: RegulatoryDrift,
    populations: Mapping[float, Tensor],
    *,
    most: float,
    growth: Growth | None = None,
    rng: RandomLike = 0,
) -> float:
    r"""Noise with which a drift that is known carries a population to the later ones.

    .. math:: \hat D = \arg\min_{D \le D_\mathrm{most}} \sum_{t > t_0}
              \mathcal{E}\big(p_D(\cdot, t), p_\mathrm{obs}(\cdot, t)\big)

    with the energy distance of :func:`match_populations`, in which all else is free as well. All :math:`D` see the same
    random numbers.

    Parameters
    ----------
    drift
        The drift; its time unit must be that of the times.
    populations
        States of shape ``(n, d)`` at each time; those of the first time are carried forward.
    most
        :math:`D_\mathrm{most}`.
    growth
        Net growth rate of states, a callable from shape ``(n, d)`` to ``(n,)``.
    rng
        Seed or generator.

    Returns
    -------
    :math:`\hat D`, between a thousandth of ``most`` and ``most``.

    Raises
    ------
    ValueError
        If there are fewer than two times, or a population has fewer than two cells.
    """
    times = require_populations(populations)
    seed = seed_of(rng)
    later = [t - times[0] for t in times[1:]]
    step = min(later[0] / 10, 0.2 / float(drift.decay.max()))

    def distance(log_diffusion: float) -> float:
        path = simulate(
            drift, populations[times[0]], diffusion=float(np.exp(log_diffusion)), duration=later[-1], step=step,
            lower=0.0, rng=seed, save_at=later,
        ).states  # fmt: skip
        weights = descendants(growth, [populations[times[0]], *path], np.diff(times))
        return sum(
            float(energy_distance(x, populations[t], w)) for t, x, w in zip(times[1:], path, weights, strict=True)
        )

    found = minimize_scalar(
        distance, bounds=(np.log(LEAST * most), np.log(most)), method="bounded", options={"xatol": TOLERANCE}
    )
    logger.info("noise %.2g carries populations forward at an energy distance of %.3g", np.exp(found.x), found.fun)
    return float(np.exp(found.x))

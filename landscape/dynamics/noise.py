"""Fit of the noise of a model whose drift is known, to populations."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import numpy as np
from scipy.optimize import minimize_scalar
from torch import Tensor

from landscape._random import RandomLike, seed_of
from landscape._threads import on_one_thread
from landscape.dynamics.energy_distance import energy_distance
from landscape.dynamics.model import GeneModel
from landscape.dynamics.populations import MIN_STEPS, Growth, descendants, require_populations

logger = logging.getLogger(__name__)

# Smallest noise that is tried, as a share of the upper bound; less is indistinguishable from none.
LOWEST = 1e-3
# Tolerance of the logarithm of the noise; the distance is flat on this scale.
TOLERANCE = 0.1


@on_one_thread
def fit_diffusion(
    model: GeneModel,
    populations: Mapping[float, Tensor],
    *,
    growth: Growth | None = None,
    rng: RandomLike = 0,
) -> float:
    r"""Fit the noise of a model so that it carries the first population to the later ones.

    .. math:: \hat D = \arg\min_{D \le D_\mathrm{max}} \sum_{t > t_0}
              \mathcal{E}\big(p_D(\cdot, t), p_\mathrm{obs}(\cdot, t)\big)

    with the energy distance of :func:`match_populations`, which fits the drift as well. All :math:`D` are compared under
    the same random numbers.

    Parameters
    ----------
    model
        The model; its noise is the upper bound :math:`D_\mathrm{max}`, its unit of time that of ``populations``.
    populations
        States of the cells at each time, shape ``(n, d)``; those of the first time are carried forward.
    growth
        Net growth rate of states, a callable from shape ``(n, d)`` to ``(n,)``.
    rng
        Seed or generator.

    Returns
    -------
    :math:`\hat D`, between a thousandth of the upper bound and the bound.

    Raises
    ------
    ValueError
        If there are fewer than two times, or a population has fewer than two cells.
    """
    times = require_populations(populations)
    seed = seed_of(rng)
    later = [t - times[0] for t in times[1:]]
    step = model.step_within(later[0] / MIN_STEPS)
    upper = model.diffusion_constant

    def distance(log_diffusion: float) -> float:
        noisy = model.with_diffusion(float(np.exp(log_diffusion)))
        path = noisy.simulate(populations[times[0]], duration=later[-1], step=step, rng=seed, save_at=later).states
        weights = descendants(growth, [populations[times[0]], *path], np.diff(times))
        return sum(
            float(energy_distance(x, populations[t], w)) for t, x, w in zip(times[1:], path, weights, strict=True)
        )

    found = minimize_scalar(
        distance, bounds=(np.log(LOWEST * upper), np.log(upper)), method="bounded", options={"xatol": TOLERANCE}
    )
    logger.info("fitted noise %.2g, with energy distance %.3g over all times", np.exp(found.x), found.fun)
    return float(np.exp(found.x))

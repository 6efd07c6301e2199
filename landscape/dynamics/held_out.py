"""How well a model predicts a population that was held out of its fit."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from torch import Tensor

from landscape._random import RandomLike, generator
from landscape.dynamics.energy_distance import energy_distance
from landscape.dynamics.model import GeneModel
from landscape.dynamics.populations import Growth, steps_between


def held_out_distances(
    model: GeneModel,
    populations: Mapping[float, Tensor],
    time: float,
    *,
    growth: Growth | None = None,
    n_cells: int = 500,
    rng: RandomLike = 0,
) -> dict[str, float]:
    r"""Energy distance of a held-out population to its prediction from the population before.

    The prediction of the model is compared with two predictions without a model: the unchanged population before, and
    linear interpolation in time along an optimal assignment of its cells to those of the population after.

    Parameters
    ----------
    model
        Model that was fitted without the held-out time.
    populations
        States of the cells of each time, shape ``(n, d)``, the held-out one included.
    time
        The held-out time, neither the first nor the last.
    growth
        Net growth rate of states.
    n_cells
        Largest number of cells of each population.
    rng
        Seed or generator.

    Returns
    -------
    ``held_out_time``, and the energy distances of the model (``held_out_distance``), of the unchanged population
    (``held_out_unchanged``) and of linear interpolation (``held_out_straight``).

    Raises
    ------
    ValueError
        If there is no population before or after ``time``.
    """
    times = sorted(populations)
    if time not in times[1:-1]:
        msg = f"Expected a time between the first and the last of {times}, found {time}."
        raise ValueError(msg)
    gen = generator(rng)
    k = times.index(time)
    n = min(n_cells, *(len(populations[t]) for t in times[k - 1 : k + 2]))
    before, here, after = (
        populations[t][torch.as_tensor(gen.choice(len(populations[t]), n, replace=False))] for t in times[k - 1 : k + 2]
    )
    gap = times[k] - times[k - 1]
    step = gap / steps_between(model, gap)
    predicted = model.simulate(before, duration=gap, step=step, rng=gen).states[-1]
    weights = None if growth is None else torch.exp(0.5 * gap * (growth(before) + growth(predicted)))
    rows, columns = linear_sum_assignment(cdist(before.numpy(), after.numpy(), "sqeuclidean"))
    share = gap / (times[k + 1] - times[k - 1])
    straight = (1 - share) * before[torch.as_tensor(rows)] + share * after[torch.as_tensor(columns)]
    return {
        "held_out_time": float(time),
        "held_out_distance": float(energy_distance(predicted, here, weights)),
        "held_out_unchanged": float(energy_distance(before, here)),
        "held_out_straight": float(energy_distance(straight, here)),
    }

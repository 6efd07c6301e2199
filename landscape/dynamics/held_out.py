"""How well a model meets a population that its fit did not see."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from torch import Tensor

from landscape._random import RandomLike, generator
from landscape.dynamics.model import GeneModel
from landscape.dynamics.populations import Growth, energy_distance, steps_between


def without_one_time(
    model: GeneModel,
    populations: Mapping[float, Tensor],
    time: float,
    *,
    growth: Growth | None = None,
    n_cells: int = 500,
    rng: RandomLike = 0,
) -> dict[str, float]:
    r"""Energy distance of a population to what a model, fitted without it, makes of the population before.

    Beside it stands the same distance for two guesses without a model: the population before, as if nothing happened,
    and cells half way, in proportion to time, along the straight lines of an optimal transport from the population
    before to the one after.

    Parameters
    ----------
    model
        The model, fitted without that time.
    populations
        States of the cells of each time, the one that was left out included.
    time
        The time that was left out; not the first and not the last.
    growth
        Net growth rate of states.
    n_cells
        Most cells of each population.
    rng
        Seed or generator.

    Returns
    -------
    ``held_out_time``, ``held_out_distance``, ``held_out_unchanged``, ``held_out_straight``.

    Raises
    ------
    ValueError
        If ``time`` has no time before or after it.
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
    made = model.simulate(before, duration=gap, step=step, rng=gen).states[-1]
    weights = None if growth is None else torch.exp(0.5 * gap * (growth(before) + growth(made)))
    rows, columns = linear_sum_assignment(cdist(before.numpy(), after.numpy(), "sqeuclidean"))
    share = gap / (times[k + 1] - times[k - 1])
    straight = (1 - share) * before[torch.as_tensor(rows)] + share * after[torch.as_tensor(columns)]
    return {
        "held_out_time": float(time),
        "held_out_distance": float(energy_distance(made, here, weights)),
        "held_out_unchanged": float(energy_distance(before, here)),
        "held_out_straight": float(energy_distance(straight, here)),
    }

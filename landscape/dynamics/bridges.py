"""A model from populations at real times, by regression along paths that lead from one population to the next."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from torch import Tensor

from landscape._random import RandomLike, generator
from landscape._threads import on_one_thread
from landscape.dynamics.drift import RegulatoryDrift
from landscape.dynamics.model import GeneModel
from landscape.dynamics.populations import Growth, require_populations, steps_between
from landscape.dynamics.rates import fit_rates

logger = logging.getLogger(__name__)

# States along every bridge that enter the regression.
POINTS = 6
# Speeds that are tried, as factors of the present one: wide in the first round, then around the choice so far.
WIDE = (0.25, 0.5, 1.0, 2.0, 4.0)
NARROW = ((2.0**0.5) ** -1, 1.0, 2.0**0.5)


@dataclass(frozen=True)
class BridgeFit:
    """A model fitted along bridges.

    Attributes
    ----------
    model
        The model, with a decay rate for every gene; its noise is that of the start.
    misses
        Root mean square distance between the ends of the simulated paths and the cells they are assigned to, in each
        round: what the model before that round got wrong, and the noise.
    """

    model: GeneModel
    misses: tuple[float, ...]


@on_one_thread
def fit_bridges(
    model: GeneModel,
    populations: Mapping[float, Tensor],
    *,
    support: Tensor | None = None,
    fit_decay: bool = True,
    growth: Growth | None = None,
    penalty: float = 1e-4,
    prior: Tensor | None = None,
    n_rounds: int = 4,
    max_cells: int = 500,
    max_points: int = 8000,
    max_steps: int = 100,
    rng: RandomLike = 0,
) -> BridgeFit:
    r"""Fit a model to populations observed at real times, by rounds of simulation, assignment and regression.

    In each round cells of every time :math:`t` are carried to the next time :math:`u` by the drift so far, with noise,
    and their ends :math:`e_i` are assigned one to one to the cells :math:`y_{\pi(i)}` observed there, by least squares.
    The path is bent so that it arrives,

    .. math:: \tilde x_i(s) = x_i(s) + \frac{s - t}{u - t}\, \delta_i, \qquad
              v_i(s) = f(x_i(s)) + \frac{\delta_i}{u - t}, \qquad \delta_i = y_{\pi(i)} - e_i,

    and the production rates are fitted anew to :math:`(\tilde x, v)`. Where the populations agree, :math:`\delta` has
    no mean given the state, and the drift stays. Couplings that know the model resolve times far apart, between which
    straight lines would cross what no cell crosses; and along a path a decay rate tells itself from a ceiling, so that
    every gene gets a lifetime: the targets of the regression are independent, and each takes the decay rate, out of a
    few trial ones, that leaves least.

    Parameters
    ----------
    model
        Start, with the noise of the simulated paths; its time unit must be that of the times.
    populations
        States of shape ``(n, d)`` of the cells of each time point, at least two times.
    support
        Edges that may be non-zero, ``[target, regulator]``; all but self-edges by default.
    fit_decay
        Fit a decay rate for each gene; otherwise they are those of ``model``.
    growth
        Net growth rate of states, a callable from shape ``(n, d)`` to ``(n,)``, per unit of the times. Cells that
        multiply are drawn more often as the start of a path.
    penalty, prior
        Penalty of :func:`fit_rates`, and where it pulls weights to; less than there, since paths cover more states than
        cells do.
    n_rounds
        Rounds.
    max_cells, max_points
        Most cells of a time point, and most points of all paths in the regression.
    max_steps
        Steps of Levenberg-Marquardt in every regression.
    rng
        Seed or generator.

    Returns
    -------
    The model, and how far paths missed in each round.

    Raises
    ------
    ValueError
        If there are fewer than two times, or a population has fewer than two cells.

    References
    ----------
    Shen et al. (2024), Multi-marginal Schrödinger bridges with iterative reference refinement.
    https://doi.org/10.48550/arXiv.2408.06277
    """
    times = require_populations(populations)
    gen = generator(rng)
    misses = []
    for k in range(n_rounds):
        found = [
            _bridges(model, populations[t], populations[u], u - t, growth, max_cells, gen)
            for t, u in zip(times[:-1], times[1:], strict=True)
        ]
        states, velocity = torch.cat([part[0] for part in found]), torch.cat([part[1] for part in found])
        chosen = torch.as_tensor(gen.permutation(len(states))[:max_points])
        trials = _trials(model.drift, WIDE if k == 0 else NARROW) if fit_decay else [model.drift]
        best = _best(trials, states[chosen], velocity[chosen], support, penalty, prior, max_steps)
        model = replace(model, drift=best)
        misses.append(float(np.sqrt(np.mean([part[2] for part in found]))))
        logger.debug("round %d: paths missed by %.3f", k, misses[-1])
    return BridgeFit(model, tuple(misses))


def _bridges(
    model: GeneModel,
    early: Tensor,
    late: Tensor,
    gap: float,
    growth: Growth | None,
    max_cells: int,
    gen: np.random.Generator,
) -> tuple[Tensor, Tensor, float]:
    """States and velocities along bent paths, and the mean square of what the straight ones missed."""
    n = min(len(early), len(late), max_cells)
    share = None
    if growth is not None:
        descendants = torch.exp(growth(early) * gap).numpy()
        share = descendants / descendants.sum()
    x = early[torch.as_tensor(gen.choice(len(early), n, replace=share is not None, p=share))]
    y = late[torch.as_tensor(gen.choice(len(late), n, replace=False))]
    n_steps = steps_between(model, gap)
    width = gap / n_steps
    kept = np.unique(np.round(np.linspace(0, n_steps, POINTS)).astype(int))
    path, slope = [], []
    for k in range(n_steps + 1):
        f = model(x)
        if k in kept:
            path.append(x)
            slope.append(f)
        end = x
        x = (
            x
            + f * width
            + (2 * model.diffusion_constant * width) ** 0.5 * torch.as_tensor(gen.standard_normal(x.shape))
        ).abs()
    rows, columns = linear_sum_assignment(cdist(end.numpy(), y.numpy(), "sqeuclidean"))
    missed = torch.empty_like(end)
    missed[torch.as_tensor(rows)] = y[torch.as_tensor(columns)] - end[torch.as_tensor(rows)]
    states = [(p + k / n_steps * missed).clamp_min(0.0) for p, k in zip(path, kept, strict=True)]
    return torch.cat(states), torch.cat([f + missed / gap for f in slope]), float((missed**2).sum(1).mean())


def _trials(drift: RegulatoryDrift, speeds: Sequence[float]) -> Sequence[RegulatoryDrift]:
    """The drift at other speeds; steady states stay."""
    return [replace(drift, decay=drift.decay * speed, ceiling=drift.ceiling * speed) for speed in speeds]


def _best(
    trials: Sequence[RegulatoryDrift],
    states: Tensor,
    velocity: Tensor,
    support: Tensor | None,
    penalty: float,
    prior: Tensor | None,
    max_steps: int,
) -> RegulatoryDrift:
    """Fit every trial; each target takes the trial that leaves least of its velocity."""
    fits = [
        fit_rates(
            states,
            velocity,
            support=support,
            decay=trial.decay,
            hill=float(trial.hill[0]),
            penalty=penalty,
            prior=prior,
            start=trial,
            max_steps=max_steps,
        ).drift
        for trial in trials
    ]
    left = torch.stack([((fit(states) - velocity) ** 2).sum(0) for fit in fits])
    chosen, genes = left.argmin(0), torch.arange(states.shape[1])

    def picked(name: str) -> Tensor:
        return torch.stack([getattr(fit, name) for fit in fits])[chosen, genes]

    return replace(
        fits[0],
        weights=picked("weights"),
        bias=picked("bias"),
        ceiling=picked("ceiling"),
        decay=picked("decay"),
    )

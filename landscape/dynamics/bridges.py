"""Fit of the model to populations at several times, by regression along bridges between them."""

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
from landscape.dynamics import penalties
from landscape.dynamics.drift import RegulatoryDrift
from landscape.dynamics.model import GeneModel
from landscape.dynamics.populations import Growth, require_populations, steps_between
from landscape.dynamics.rates import fit_rates

logger = logging.getLogger(__name__)

# States of every bridge that enter the regression, evenly spaced in time.
POINTS = 6
# Factors by which the decay rate of a gene is changed: in the first round over a wide range, then around the rate so far.
WIDE = (0.25, 0.5, 1.0, 2.0, 4.0)
NARROW = ((2.0**0.5) ** -1, 1.0, 2.0**0.5)


@dataclass(frozen=True)
class BridgeFit:
    """A model that was fitted along bridges.

    Attributes
    ----------
    model
        The model, with a decay rate for every gene and the noise of the model at the start.
    corrections
        Root mean square distance between the ends of simulated paths and the cells that they are assigned to, in each
        round, under the model before that round.
    """

    model: GeneModel
    corrections: tuple[float, ...]


@on_one_thread
def fit_bridges(
    model: GeneModel,
    populations: Mapping[float, Tensor],
    *,
    support: Tensor | None = None,
    fit_decay: bool = True,
    growth: Growth | None = None,
    penalty: float = penalties.BRIDGES,
    prior: Tensor | None = None,
    n_rounds: int = 4,
    max_cells: int = 500,
    max_points: int = 8000,
    max_steps: int = 100,
    rng: RandomLike = 0,
) -> BridgeFit:
    r"""Fit a model to populations at several times, by rounds of simulation, assignment and regression.

    In each round, paths of the current model are simulated from cells of every time :math:`t` to the next time :math:`u`.
    Their ends :math:`e_i` are assigned one to one to cells :math:`y_{\pi(i)}` of that time, with the smallest sum of squared
    distances. Every path is corrected so that it ends at its cell,

    .. math:: \tilde x_i(s) = x_i(s) + \frac{s - t}{u - t}\, \delta_i, \qquad
              v_i(s) = f(x_i(s)) + \frac{\delta_i}{u - t}, \qquad \delta_i = y_{\pi(i)} - e_i,

    and production rates are fitted to :math:`(\tilde x, v)`. Where simulated and observed populations agree,
    :math:`\delta` has mean zero at every state and the drift does not change. Bridges along paths of the model apply to
    times that are far apart, between which straight lines would pass through states without cells. Along a path, unlike
    at a single state, decay and production are distinguished. The targets of the regression are independent, and each
    takes the decay rate, out of a few trial rates, with the smallest residual.

    Parameters
    ----------
    model
        Start of the fit, with the noise of the simulated paths, in the unit of time of ``populations``.
    populations
        States of the cells of each time, shape ``(n, d)``, for two times or more.
    support
        Edges that may be non-zero, ``[target, regulator]``; all but self-edges by default.
    fit_decay
        Fit a decay rate for each gene; otherwise those of ``model`` are kept.
    growth
        Net growth rate of states, a callable from shape ``(n, d)`` to ``(n,)``, per unit of time. The start
        of a path is drawn in proportion to the number of its descendants.
    penalty, prior
        As in :func:`fit_rates`; see :mod:`landscape.dynamics.penalties`.
    n_rounds
        Number of rounds.
    max_cells, max_points
        Largest number of cells of a time, and of states of all paths in the regression.
    max_steps
        Largest number of Levenberg-Marquardt steps of every regression.
    rng
        Seed or generator.

    Returns
    -------
    The model, and the distance of paths to their cells in each round.

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
    corrections = []
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
        corrections.append(float(np.sqrt(np.mean([part[2] for part in found]))))
        logger.debug("round %d: ends of paths are %.3f from their cells", k, corrections[-1])
    return BridgeFit(model, tuple(corrections))


def _bridges(
    model: GeneModel,
    early: Tensor,
    late: Tensor,
    gap: float,
    growth: Growth | None,
    max_cells: int,
    gen: np.random.Generator,
) -> tuple[Tensor, Tensor, float]:
    """States and velocities along corrected paths, and the mean square of the corrections."""
    n = min(len(early), len(late), max_cells)
    share = None
    if growth is not None:
        n_descendants = torch.exp(growth(early) * gap).numpy()
        share = n_descendants / n_descendants.sum()
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
    correction = torch.empty_like(end)
    correction[torch.as_tensor(rows)] = y[torch.as_tensor(columns)] - end[torch.as_tensor(rows)]
    states = [(p + k / n_steps * correction).clamp_min(0.0) for p, k in zip(path, kept, strict=True)]
    return torch.cat(states), torch.cat([f + correction / gap for f in slope]), float((correction**2).sum(1).mean())


def _trials(drift: RegulatoryDrift, speeds: Sequence[float]) -> Sequence[RegulatoryDrift]:
    """The drift with other decay rates and ceilings in proportion, so that steady states do not change."""
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
    """Fit every trial; each target takes the trial with the smallest residual of its velocity."""
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
    residual = torch.stack([((fit(states) - velocity) ** 2).sum(0) for fit in fits])
    chosen, genes = residual.argmin(0), torch.arange(states.shape[1])

    def of_chosen(name: str) -> Tensor:
        return torch.stack([getattr(fit, name) for fit in fits])[chosen, genes]

    return replace(
        fits[0],
        weights=of_chosen("weights"),
        bias=of_chosen("bias"),
        ceiling=of_chosen("ceiling"),
        decay=of_chosen("decay"),
    )

"""Refinement of a model so that the populations it simulates are those observed at every later time."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from landscape._random import RandomLike, generator
from landscape._threads import on_one_thread
from landscape.dynamics import penalties
from landscape.dynamics._rollout import Rollout
from landscape.dynamics.energy_distance import energy_distance
from landscape.dynamics.model import GeneModel
from landscape.dynamics.populations import MIN_STEPS, Growth, descendants, require_populations
from landscape.dynamics.settling import has_settled

logger = logging.getLogger(__name__)

# Levels, lifetimes, thresholds and noise learn this many times more slowly than weights and biases: they are logarithms,
# and a change of theirs moves every gene.
SLOWER = 3
# Factor by which the learning rate falls.
RATE_FALL = 10
# Norm to which gradients are clipped.
MAX_GRADIENT = 1.0
# Distances are means over the last tenth of the steps.
TAIL = 10


@dataclass(frozen=True)
class PopulationMatch:
    """A refined model, and how far its populations are from the observed ones.

    Attributes
    ----------
    model
        The refined model, its diffusion one number.
    distance
        Energy distance at each time after the first, shape ``(m - 1,)``; mean over the last tenth of the steps.
    initial_distance
        Energy distance under the model before, shape ``(m - 1,)``.
    history
        Loss of each step, shape ``(n_steps,)``.
    converged
        Whether the loss of the last fifth of the steps is no more than 5 % below that of the fifth before it.
    n_steps
        Steps of the optimiser.
    """

    model: GeneModel
    distance: np.ndarray
    initial_distance: np.ndarray
    history: np.ndarray
    converged: bool
    n_steps: int


class _Parameters:
    r"""Free parameters of a model, without bounds.

    The ceiling is parametrised as :math:`a = \rho\gamma`. A change of the decay rate :math:`\gamma` then leaves steady
    states unchanged, and lifetimes are fitted many times faster than with :math:`a` itself.
    """

    def __init__(self, model: GeneModel, support: Tensor) -> None:
        drift = model.drift
        self.start, self.support = model, support
        self.weights = (drift.weights * support).clone().requires_grad_(True)
        self.bias = drift.bias.clone().requires_grad_(True)
        self.log_level = torch.log(drift.ceiling / drift.decay).clone().requires_grad_(True)
        self.log_decay = torch.log(drift.decay).clone().requires_grad_(True)
        self.log_threshold = torch.log(drift.threshold).clone().requires_grad_(True)
        self.log_diffusion = torch.tensor(
            float(np.log(model.diffusion_constant)), dtype=torch.float64, requires_grad=True
        )

    def groups(self, rate: float, *, fit_decay: bool) -> list[dict]:
        """Parameter groups of the optimiser."""
        slow = [self.log_level, self.log_threshold, self.log_diffusion, *([self.log_decay] if fit_decay else [])]
        return [{"params": [self.weights, self.bias], "lr": rate}, {"params": slow, "lr": rate / SLOWER}]

    def arrays(self) -> tuple[Tensor, ...]:
        """Weights, bias, ceiling, decay and threshold."""
        decay = torch.exp(self.log_decay)
        ceiling = torch.exp(self.log_level) * decay
        return self.weights * self.support, self.bias, ceiling, decay, torch.exp(self.log_threshold)

    def model(self) -> GeneModel:
        """Model with the current values."""
        weights, bias, ceiling, decay, threshold = (value.detach() for value in self.arrays())
        drift = replace(self.start.drift, weights=weights, bias=bias, ceiling=ceiling, decay=decay, threshold=threshold)
        return replace(self.start, drift=drift, diffusion=float(torch.exp(self.log_diffusion.detach())))


@on_one_thread
def match_populations(
    model: GeneModel,
    populations: Mapping[float, Tensor],
    *,
    support: Tensor | None = None,
    fit_decay: bool = True,
    growth: Growth | None = None,
    penalty: float = penalties.POPULATIONS,
    n_steps: int = 300,
    n_particles: int = 256,
    step: float | None = None,
    learning_rate: float = 0.03,
    rng: RandomLike = 0,
    report: bool = True,
) -> PopulationMatch:
    r"""Refine a model on populations observed at real times.

    Particles start from cells of the first time and follow :math:`dx = f_\theta(x)\,dt + \sqrt{2D}\,dB`. The loss
    over :math:`\theta = (W, b, a, \gamma, k, D)` is

    .. math:: \sum_{t > t_0} \mathcal{E}\big(p_\theta(\cdot, t), p_\mathrm{obs}(\cdot, t)\big)
              + \lambda \sum_{ij} \frac{W_{ij}^2}{d}

    with the energy distance :math:`\mathcal{E}`, minimised by gradients through the steps of the Euler-Maruyama scheme.
    With ``growth`` a particle stands for :math:`\exp \int R\,dt` cells, where :math:`R` is the net growth rate along its
    path. Without, a state whose cells multiply is not distinguished from one that attracts cells.

    Parameters
    ----------
    model
        Start of the fit, its diffusion one number, its unit of time that of ``populations``.
    populations
        States of the cells of each time, shape ``(n, d)``, for two times or more.
    support
        Edges that may be non-zero, shape ``(d, d)``, ``[target, regulator]``; all but self-edges by default.
    fit_decay
        Fit the decay rates; otherwise those of ``model`` are kept.
    growth
        Net growth rate of states, a callable from shape ``(n, d)`` to ``(n,)``, per unit of time.
    penalty
        :math:`\lambda`, see :mod:`landscape.dynamics.penalties`.
    n_steps, learning_rate
        Number of steps and learning rate of Adam; the rate falls to a tenth along a cosine.
    n_particles
        Number of particles, and of cells drawn from each time, in a step.
    step
        Time step; by default that of the model, but at most a tenth of the shortest interval.
    rng
        Seed or generator.
    report
        Log a warning if the loss has not settled.

    Returns
    -------
    The refined model with its energy distances.

    Raises
    ------
    ValueError
        If there are fewer than two times, a population has fewer than two cells, or the fit diverges.
    """
    times = require_populations(populations)
    gen = generator(rng)
    n_genes = model.drift.n_genes
    support = 1 - torch.eye(n_genes, dtype=torch.float64) if support is None else support
    if step is None:
        gaps = np.diff(times)
        step = model.step_within(gaps.min() / MIN_STEPS)
    counts = np.maximum(1, np.round(np.diff(times) / step)).astype(int)
    widths = np.diff(times) / counts
    parameters = _Parameters(model, support)
    optimiser = torch.optim.Adam(parameters.groups(learning_rate, fit_decay=fit_decay))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, n_steps, eta_min=learning_rate / RATE_FALL)
    history, distances = [], []
    for _ in range(n_steps):
        optimiser.zero_grad()
        distance = _distances_of_times(parameters, populations, counts, widths, n_particles, growth, gen)
        loss = distance.sum() + penalty * ((parameters.weights * support) ** 2).sum() / n_genes
        if not torch.isfinite(loss):
            msg = "The match of populations diverged: its loss is not finite. Lower `learning_rate` or `step`."
            raise ValueError(msg)
        loss.backward()
        torch.nn.utils.clip_grad_norm_([p for g in optimiser.param_groups for p in g["params"]], MAX_GRADIENT)
        optimiser.step()
        schedule.step()
        history.append(float(loss.detach()))
        distances.append(distance.detach().numpy())
    return _result(parameters, np.array(history), np.array(distances), report=report)


def _distances_of_times(
    parameters: _Parameters,
    populations: Mapping[float, Tensor],
    counts: np.ndarray,
    widths: np.ndarray,
    n_particles: int,
    growth: Growth | None,
    gen: np.random.Generator,
) -> Tensor:
    """Energy distance at each time after the first of particles that the current model carries there."""
    times = sorted(populations)
    start = _draw(populations[times[0]], n_particles, gen)
    noise = torch.as_tensor(gen.standard_normal((int(counts.sum()), *start.shape)))
    path = Rollout.apply(
        *parameters.arrays(), parameters.log_diffusion, parameters.start.drift.hill, start, noise,
        np.repeat(widths, counts).tolist(), np.cumsum(counts).tolist(),
    )  # fmt: skip
    weights = descendants(growth, torch.cat([start[None], path.detach()]), np.diff(times))
    return torch.stack(
        [
            energy_distance(x, _draw(populations[t], n_particles, gen), w)
            for t, x, w in zip(times[1:], path, weights, strict=True)
        ]
    )


def _draw(population: Tensor, n: int, gen: np.random.Generator) -> Tensor:
    return population[torch.as_tensor(gen.choice(len(population), n, replace=len(population) < n))]


def _result(parameters: _Parameters, history: np.ndarray, distances: np.ndarray, *, report: bool) -> PopulationMatch:
    n = len(history)
    tail, settled = max(1, n // TAIL), has_settled(history)
    if report and not settled:
        logger.warning("the match of populations still improves after %d steps; raise `n_steps`", n)
    return PopulationMatch(
        parameters.model(),
        distances[-tail:].mean(0),
        distances[:1].mean(0),
        history,
        settled,
        n,
    )

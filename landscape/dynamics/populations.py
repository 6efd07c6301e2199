"""Refining a drift so that the population it carries forward is the one observed at each later time."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from landscape._random import RandomLike, generator
from landscape._threads import on_one_thread
from landscape.dynamics._rollout import Rollout
from landscape.dynamics.model import GeneModel

logger = logging.getLogger(__name__)

# Net growth rate of every one of ``n`` states, shape (n, d) -> (n,), per unit of time.
Growth = Callable[[Tensor], Tensor]
# Fewest steps between two time points, however close they are.
MIN_STEPS = 10


@dataclass(frozen=True)
class PopulationMatch:
    """A refined model, and how far its populations are from the observed ones.

    Attributes
    ----------
    model
        The refined model; its ``diffusion`` is one number.
    distance
        Energy distance at each time after the first, mean over the last tenth of the steps, shape ``(m - 1,)``.
    initial_distance
        The same under the model that was refined.
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


def energy_distance(x: Tensor, y: Tensor, weights: Tensor | None = None) -> Tensor:
    r"""Unbiased estimate of the squared energy distance of two samples.

    .. math:: \mathcal{E} = 2\,\mathbb{E}|X - Y| - \mathbb{E}|X - X'| - \mathbb{E}|Y - Y'|

    Zero if and only if the two laws agree. Pairs of a cell with itself are left out, so the estimate can be negative.

    Parameters
    ----------
    x, y
        Samples of shapes ``(n, d)`` and ``(m, d)``, at least two states each.
    weights
        Weights of the first sample, shape ``(n,)``, in any unit; equal by default.

    Returns
    -------
    Tensor without dimensions, in the unit of the states.

    References
    ----------
    Szekely & Rizzo (2013), *J. Stat. Plan. Inference* 143, 1249. https://doi.org/10.1016/j.jspi.2013.03.018
    """
    n, m = len(x), len(y)
    if min(n, m) < 2:
        msg = f"Expected at least two states in each sample, found {n} and {m}."
        raise ValueError(msg)
    w = torch.full((n,), 1.0 / n, dtype=x.dtype) if weights is None else weights / weights.sum()
    between = w @ _distances(x, y).mean(1)
    within = w @ _distances(x, x) @ w / (1 - w @ w)
    return 2 * between - within - _distances(y, y).sum() / (m * (m - 1))


def _distances(x: Tensor, y: Tensor) -> Tensor:
    # The root is not differentiable at zero, where a state meets itself; there it is set to zero.
    squared = (x**2).sum(1)[:, None] + (y**2).sum(1)[None] - 2 * x @ y.T
    near = squared < 1e-12
    return torch.sqrt(torch.where(near, 1.0, squared)) * ~near


class _Parameters:
    r"""Free parameters of a model in coordinates where every value is allowed.

    The ceiling is a level times a speed, :math:`a = \rho\gamma`: a change of the decay alone then leaves every
    steady state where it is, and lifetimes are found many times faster than with the ceiling itself.
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
        slow = [self.log_level, self.log_threshold, self.log_diffusion, *([self.log_decay] if fit_decay else [])]
        return [{"params": [self.weights, self.bias], "lr": rate}, {"params": slow, "lr": rate / 3}]

    def arrays(self) -> tuple[Tensor, ...]:
        """Weights, bias, ceiling, decay and threshold."""
        decay = torch.exp(self.log_decay)
        ceiling = torch.exp(self.log_level) * decay
        return self.weights * self.support, self.bias, ceiling, decay, torch.exp(self.log_threshold)

    def model(self) -> GeneModel:
        """The model with the present values."""
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
    penalty: float = 1e-3,
    n_steps: int = 300,
    n_particles: int = 256,
    step: float | None = None,
    learning_rate: float = 0.03,
    rng: RandomLike = 0,
    report: bool = True,
) -> PopulationMatch:
    r"""Refine a model on populations observed at real times.

    Particles start from cells of the first time point and follow
    :math:`dx = f_\theta(x)\,dt + \sqrt{2D}\,dB`. Minimised over :math:`\theta = (W, b, a, \gamma, k, D)` is

    .. math:: \sum_{t > t_0} \mathcal{E}\big(p_\theta(\cdot, t), p_\mathrm{obs}(\cdot, t)\big)
              + \lambda \sum_{ij} \frac{W_{ij}^2}{d}

    with the energy distance :math:`\mathcal{E}`, through the steps of the Euler-Maruyama scheme. A particle that has
    seen the net growth :math:`R` stands for :math:`\exp \int R\,dt` cells; without ``growth`` populations are compared
    as fractions, and what multiplies is taken for what attracts.

    Parameters
    ----------
    model
        Start of the fit, its diffusion one number for all genes; its time unit must be that of the times.
    populations
        States of shape ``(n, d)`` of the cells of each time point, at least two times.
    support
        Edges that may be non-zero, shape ``(d, d)``, ``[target, regulator]``; all but self-edges by default.
    fit_decay
        Fit the decay rates; otherwise they are those of ``model``.
    growth
        Net growth rate of states, a callable from shape ``(n, d)`` to ``(n,)``, per unit of the times.
    penalty
        :math:`\lambda`.
    n_steps, learning_rate
        Steps and rate of Adam; the rate falls to a tenth along a cosine.
    n_particles
        Particles, and cells drawn from each time point, per step.
    step
        Time step; by default that of the model, and at most a tenth of the shortest interval.
    rng
        Seed or generator.
    report
        Warn if the loss has not settled.

    Returns
    -------
    The refined model with its distances and whether the loss has settled.

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
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, n_steps, eta_min=learning_rate / 10)
    history, distances = [], []
    for _ in range(n_steps):
        optimiser.zero_grad()
        gaps_now = _distance_along(parameters, populations, counts, widths, n_particles, growth, gen)
        loss = gaps_now.sum() + penalty * ((parameters.weights * support) ** 2).sum() / n_genes
        if not torch.isfinite(loss):
            msg = "The match of populations diverged; lower `learning_rate` or `step`."
            raise ValueError(msg)
        loss.backward()
        torch.nn.utils.clip_grad_norm_([p for g in optimiser.param_groups for p in g["params"]], 1.0)
        optimiser.step()
        schedule.step()
        history.append(float(loss.detach()))
        distances.append(gaps_now.detach().numpy())
    return _result(parameters, np.array(history), np.array(distances), report=report)


def steps_between(model: GeneModel, gap: float) -> int:
    """Steps from one time to the next: ten at least, and none longer than the model's."""
    return max(MIN_STEPS, model.n_steps(gap))


def require_populations(populations: Mapping[float, Tensor]) -> list[float]:
    """Times in order, if there are two or more with two cells each."""
    times = sorted(populations)
    if len(times) < 2:
        msg = f"Expected populations at two or more times, found {len(times)}: {times}."
        raise ValueError(msg)
    small = {t: len(populations[t]) for t in times if len(populations[t]) < 2}
    if small:
        msg = f"Expected at least two cells at every time, found {small}."
        raise ValueError(msg)
    return times


def _distance_along(
    parameters: _Parameters,
    populations: Mapping[float, Tensor],
    counts: np.ndarray,
    widths: np.ndarray,
    n_particles: int,
    growth: Growth | None,
    gen: np.random.Generator,
) -> Tensor:
    times = sorted(populations)
    start = _draw(populations[times[0]], n_particles, gen)
    kicks = torch.as_tensor(gen.standard_normal((int(counts.sum()), *start.shape)))
    path = Rollout.apply(
        *parameters.arrays(), parameters.log_diffusion, parameters.start.drift.hill, start, kicks,
        np.repeat(widths, counts).tolist(), np.cumsum(counts).tolist(),
    )  # fmt: skip
    weights = descendants(growth, torch.cat([start[None], path.detach()]), np.diff(times))
    return torch.stack(
        [
            energy_distance(x, _draw(populations[t], n_particles, gen), w)
            for t, x, w in zip(times[1:], path, weights, strict=True)
        ]
    )


def descendants(growth: Growth | None, path: Sequence[Tensor] | Tensor, gaps: np.ndarray) -> list[Tensor | None]:
    """Cells that each particle stands for at every time after the first, by the trapezoidal rule.

    Where the populations agree the distance is stationary in the particles' places, so that the weights may be held
    fixed while they move.
    """
    if growth is None:
        return [None] * len(gaps)
    rates = torch.stack([growth(x) for x in path])
    total = torch.cumsum(0.5 * (rates[1:] + rates[:-1]) * torch.as_tensor(gaps)[:, None], 0)
    return list(torch.exp(total - total.max(1, keepdim=True).values))


def _draw(population: Tensor, n: int, gen: np.random.Generator) -> Tensor:
    return population[torch.as_tensor(gen.choice(len(population), n, replace=len(population) < n))]


def _result(parameters: _Parameters, history: np.ndarray, distances: np.ndarray, *, report: bool) -> PopulationMatch:
    n = len(history)
    tail, fifth = max(1, n // 10), max(1, n // 5)
    earlier = history[-2 * fifth : -fifth]
    settled = len(earlier) > 0 and history[-fifth:].mean() >= 0.95 * earlier.mean()
    if report and not settled:
        logger.warning("The match of populations still improves after %d steps; raise `n_steps`.", n)
    return PopulationMatch(
        parameters.model(),
        distances[-tail:].mean(0),
        distances[:1].mean(0),
        history,
        bool(settled),
        n,
    )

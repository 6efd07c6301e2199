"""Fitting a model to where each cell goes: its paths from a cell against the cell's descendants, at several horizons."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from landscape._random import RandomLike, generator
from landscape._threads import on_one_thread
from landscape.dynamics import penalties
from landscape.dynamics._rollout import Rollout
from landscape.dynamics.energy_score import FlowMapScore, energy_score, flow_map_score, principal_view
from landscape.dynamics.landmarks import Landmarks, drawn_landmarks, held_out_cells
from landscape.dynamics.model import GeneModel
from landscape.dynamics.settling import has_settled
from landscape.markov.descendants import Descendants

logger = logging.getLogger(__name__)

# Paths of the model and walks of descendants from each landmark; the energy score is unbiased from two on.
N_PATHS = 6
# Step of the paths of the fit over that of the model: coarser, because thousands of paths are integrated in every iteration.
COARSENING = 1.25
# Share of the optimisation in which the rate rises, so that the first steps do not overshoot, and falls to zero.
WARM_UP, COOL_DOWN = 0.05, 0.4
# Averages of squared gradients over a hundred steps, since the score of a few paths is noisy.
BETAS = (0.9, 0.99)
# Rate of Adam times the root of the number of regulators: the input of a gene moves by this much in a step if weights move
# independently.
RATE = 0.024
# Rates of the logarithms of the decay rates and of the noise over that of weights of standardised inputs.
DECAY_RATE, NOISE_RATE = 5.0, 5.0
# Largest norm of a gradient.
MAX_GRADIENT = 1.0
# Share of the landmarks that the fit does not see.
HELD_OUT = 0.2
# Responses that hardly vary are not blown up when inputs are standardised.
MIN_SPREAD = 1e-3
MIN_LEVEL = 1e-4


@dataclass(frozen=True, eq=False)
class FlowMapFit:
    """A model fitted to where cells go.

    Attributes
    ----------
    model
        The model.
    score, start_score
        Scores of the model and of the start of the fit on landmarks that the fit did not see.
    history
        Loss of each step, shape ``(n_steps,)``.
    converged
        Whether the loss of the last fifth of the steps is no more than 5 % below that of the fifth before it.
    """

    model: GeneModel
    score: FlowMapScore
    start_score: FlowMapScore
    history: NDArray[np.float64]
    converged: bool


@on_one_thread
def fit_flow_map(
    model: GeneModel,
    states: Tensor,
    descendants: Sequence[Descendants],
    *,
    patch: NDArray[np.int64],
    support: Tensor | None = None,
    fit_decay: bool = False,
    weight: NDArray[np.float64] | None = None,
    start: NDArray[np.int64] | None = None,
    ends: Sequence[NDArray[np.int64]] = (),
    penalty: float = penalties.DESCENDANTS,
    n_steps: int = 240,
    n_paths: int = N_PATHS,
    learning_rate: float | None = None,
    rng: RandomLike = 0,
) -> FlowMapFit:
    r"""Refine a model so that its paths from each cell have the law of the cell's descendants.

    .. math:: \min_\theta \frac1{|L|} \sum_{i \in L} \frac1{|H|} \sum_{h \in H}
              \mathrm{ES}\big(p_\theta(\cdot, h \mid x_i),\, q_h(\cdot \mid i)\big) + \lambda \lVert \theta - \theta_0 \rVert^2

    over :math:`\theta = (W, b, \ln a, \ln D)`, and :math:`\ln \gamma` if asked for, with landmarks :math:`L`, one drawn
    in each step from every patch of the manifold, horizons :math:`H`, the law :math:`q` of descendants and the
    :func:`energy_score`. A velocity is the mean of the nearest horizon alone: a fit to it may explain most of the velocities and
    still take cells to other fates, and populations as wholes are met by models that take every cell the wrong way.
    Paths are integrated in single precision and differentiated by their exact adjoint; inputs of the network are
    standardised, so that all weights move at one rate.

    Parameters
    ----------
    model
        Start of the fit, such as a fit to velocities; its diffusion is one number.
    states
        States of the cells, shape ``(n, d)``.
    descendants
        Descendants of groups of cells (:func:`landscape.markov.chain_descendants`,
        :func:`landscape.markov.coupled_descendants`).
    patch
        Patch of the manifold that each cell lies in, shape ``(n,)``; each patch weighs the same.
    support
        Edges that may be non-zero, ``[target, regulator]``, shape ``(d, d)``; all but self-edges by default.
    fit_decay
        Fit decay rates; otherwise they are those of ``model``.
    weight
        Weight of each cell as a landmark, shape ``(n,)``; equal by default.
    start, ends
        Cells of the start and of each terminal state. An eighth as many landmarks are drawn in addition from the start, and
        as many from all terminal states in equal parts: shares of fates are counted from the one to the others, and rare
        terminal states lie in few patches.
    penalty
        :math:`\lambda` in units of the score of staying put, for standardised inputs and logarithms of levels and decay
        rates.
    n_steps, learning_rate
        Steps and rate of Adam, by default :math:`0.024/\sqrt d`; the rate rises in the first steps and falls to zero in the
        last.
    n_paths
        Paths and descendants of each landmark.
    rng
        Seed or generator.

    Returns
    -------
    The model with its score on landmarks that were held out.

    Raises
    ------
    ValueError
        If no cell has descendants, shapes differ, or the fit diverges.
    """
    gen = generator(rng)
    if not descendants or patch.shape != (len(states),):
        msg = f"Expected descendants and a patch for each of {len(states)} cells, found {len(descendants)} groups and shape {patch.shape}."
        raise ValueError(msg)
    patches = np.unique(patch)
    unseen = gen.permutation(patches)[: max(1, int(HELD_OUT * len(patches)))]
    groups = [Landmarks(group, patch, unseen, weight, start, ends) for group in descendants]
    view = principal_view(states)
    problem = _Parameters(model, states, support, fit_decay=fit_decay)
    before = flow_map_score(model, states, descendants, cells=held_out_cells(groups, gen), view=view, rng=gen)
    rate = RATE / states.shape[1] ** 0.5 if learning_rate is None else learning_rate
    history = _descend(problem, states, view, groups, n_steps, n_paths, rate, penalty * before.unchanged, gen)
    fitted = problem.model()
    score = flow_map_score(fitted, states, descendants, cells=held_out_cells(groups, gen), view=view, rng=gen)
    logger.info(
        "paths of the model score %.3f against descendants (floor %.3f, staying put %.3f), %.0f %% of the way from the floor",
        score.score, score.floor, score.unchanged, 100 * score.excess,
    )  # fmt: skip
    return FlowMapFit(fitted, score, before, history, has_settled(history))


class _Parameters:
    """Free parameters in single precision, with standardised inputs of the network."""

    def __init__(self, model: GeneModel, states: Tensor, support: Tensor | None, *, fit_decay: bool) -> None:
        drift = model.drift
        self.start = model
        d = drift.n_genes
        self.support = (1 - torch.eye(d) if support is None else support).float()
        response = drift.response(states)
        self.spread = response.std(0).clamp_min(MIN_SPREAD).float()
        self.mean = response.mean(0).float()
        weights = drift.weights.float() * self.support
        self.weights = (weights * self.spread).requires_grad_(True)
        self.offset = (drift.bias.float() + weights @ self.mean).requires_grad_(True)
        # The ceiling is the level times the decay rate, so that lifetimes change and steady states do not.
        self.log_level = (drift.ceiling / drift.decay).float().clamp_min(MIN_LEVEL).log().requires_grad_(True)
        self.log_decay = drift.decay.float().log().requires_grad_(fit_decay)
        self.log_diffusion = torch.tensor(float(np.log(model.diffusion_constant)), requires_grad=True)
        self.initial = [value.detach().clone() for value in (self.weights, self.offset, self.log_level, self.log_decay)]

    @property
    def free(self) -> list[Tensor]:
        """Parameters of the fit."""
        values = [self.weights, self.offset, self.log_level, self.log_decay, self.log_diffusion]
        return [value for value in values if value.requires_grad]

    def groups(self, rate: float) -> list[dict[str, Any]]:
        """Parameters with their rates: logarithms of decay rates and of the noise have to move by factors."""
        return [
            {"params": [value], "lr": speed * rate, "full_rate": speed * rate}
            for value, speed in (
                (self.weights, 1.0),
                (self.offset, 1.0),
                (self.log_level, 1.0),
                (self.log_decay, DECAY_RATE),
                (self.log_diffusion, NOISE_RATE),
            )
            if value.requires_grad
        ]

    def arrays(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Weights, bias, ceiling and decay."""
        weights = self.weights / self.spread * self.support
        return weights, self.offset - weights @ self.mean, (self.log_level + self.log_decay).exp(), self.log_decay.exp()

    def paths(self, start: Tensor, kicks: Tensor, widths: list[float], keep: list[int]) -> Tensor:
        weights, bias, ceiling, decay = self.arrays()
        drift = self.start.drift
        return Rollout.apply(
            weights, bias, ceiling, decay, drift.threshold.float(), self.log_diffusion, drift.hill.float(),
            start, kicks, widths, keep,
        )  # fmt: skip

    def distance(self) -> Tensor:
        """Squared distance from the start of the fit."""
        present = (self.weights, self.offset, self.log_level, self.log_decay)
        w, c, a, g = (value - start for value, start in zip(present, self.initial, strict=True))
        return (w**2).sum() / len(c) + (c**2).mean() + (a**2).mean() + (g**2).mean()

    def model(self) -> GeneModel:
        """The model with the present values."""
        weights, bias, ceiling, decay = (value.detach().double() for value in self.arrays())
        drift = self.start.drift
        decay = decay if self.log_decay.requires_grad else drift.decay
        drift = replace(drift, weights=weights, bias=bias, ceiling=ceiling, decay=decay)
        return replace(self.start, drift=drift, diffusion=float(self.log_diffusion.detach().exp()))


def _descend(
    parameters: _Parameters,
    states: Tensor,
    view: Tensor,
    groups: Sequence[Landmarks],
    n_steps: int,
    n_paths: int,
    learning_rate: float,
    penalty: float,
    gen: np.random.Generator,
) -> NDArray[np.float64]:
    """Steps of Adam; loss of each."""
    x, axes = states.float(), view.float()
    noise = torch.Generator().manual_seed(int(gen.integers(2**62)))
    optimiser = torch.optim.Adam(parameters.groups(learning_rate), betas=BETAS)
    history = []
    for k in range(n_steps):
        rise, fall = (k + 1) / max(1.0, WARM_UP * n_steps), (n_steps - k) / max(1.0, COOL_DOWN * n_steps)
        for group in optimiser.param_groups:
            group["lr"] = group["full_rate"] * min(1.0, rise, fall)
        drawn = drawn_landmarks(groups, gen)
        n_landmarks = sum(len(cells) for _, cells in drawn)
        loss = torch.zeros(())
        for part, cells in drawn:
            share = len(cells) / n_landmarks
            loss = loss + share * _score(parameters, x, axes, part, cells, n_paths, gen, noise)
        if not torch.isfinite(loss):
            msg = "The fit of the flow map diverged; lower `learning_rate`."
            raise ValueError(msg)
        optimiser.zero_grad()
        (loss + penalty * parameters.distance()).backward()
        torch.nn.utils.clip_grad_norm_(parameters.free, MAX_GRADIENT)
        optimiser.step()
        history.append(float(loss.detach()))
    return np.array(history)


def _score(
    parameters: _Parameters,
    x: Tensor,
    axes: Tensor,
    group: Descendants,
    cells: NDArray[np.int64],
    n_paths: int,
    gen: np.random.Generator,
    noise: torch.Generator,
) -> Tensor:
    """Mean energy score over landmarks and horizons, differentiable."""
    again = np.repeat(cells, n_paths)
    targets = group.draw(again, gen)
    start = x[torch.as_tensor(again)]
    gaps, model = np.diff([0.0, *group.durations]), parameters.model()
    counts = np.array([max(1, model.n_steps(gap / COARSENING)) for gap in gaps])
    widths = np.repeat(gaps / counts, counts).tolist()
    kicks = torch.randn((len(widths), *start.shape), generator=noise)
    path = parameters.paths(start, kicks, widths, np.cumsum(counts).tolist())
    shape = (len(cells), n_paths, axes.shape[1])
    scores = [
        energy_score((here @ axes).view(shape), (x[torch.as_tensor(there)] @ axes).view(shape)).mean()
        for here, there in zip(path, targets, strict=True)
    ]
    return torch.stack(scores).mean()

"""Mutations of weights: mutants of a regulatory drift all at once, and the first-order effect of every edge on every state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from landscape.assays.subject import REST, View
from landscape.dynamics import RegulatoryDrift, jacobian
from landscape.topography.parameter_slopes import parameter_slopes

FloatArray = NDArray[np.float64]

# Relative size of a mutation of one weight: large enough to be seen, small enough that most states stay.
MUTATION = 0.3


@dataclass(frozen=True)
class Mutants:
    """Drift of many mutants side by side: rows of a state belong to mutants in turn, ``k`` rows each."""

    drift: RegulatoryDrift
    weights: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """Velocity at states of shape ``(m * k, d)``."""
        phi = self.drift.response(x)
        m = len(self.weights)
        inputs = torch.bmm(phi.reshape(m, -1, phi.shape[1]), self.weights.transpose(1, 2)).reshape(x.shape)
        production = self.drift.ceiling * torch.sigmoid(inputs + self.drift.bias + self.drift.signal)
        for gene, level in self.drift.held.items():
            production[:, gene] = self.drift.decay[gene] * level
        return production - self.drift.decay * x


def settle_mutants(view: View, weights: FloatArray, states: FloatArray, *, lifetimes: float = REST) -> FloatArray:
    """Where the flow of each mutant takes states, shape ``(m, k, d)``.

    Parameters
    ----------
    view
        The model.
    weights
        Weights of the mutants, shape ``(m, d, d)``.
    states
        States of shape ``(k, d)``, or those of each mutant, ``(m, k, d)``.
    lifetimes
        Time of the flow in the longest lifetime of a gene.
    """
    m, d = len(weights), np.shape(states)[-1]
    starts = np.broadcast_to(states, (m, *np.shape(states)[-2:])).reshape(-1, d)
    ends = view.rest(Mutants(view.model.drift, torch.as_tensor(weights)), starts, lifetimes=lifetimes, together=True)
    return ends.reshape(m, -1, d)


def mutate(weights: FloatArray, sd: float, n: int, rng: np.random.Generator) -> FloatArray:
    r"""Weights all of which mutate by a factor, :math:`W_{ij} (1 + s z_{ij})` with normal :math:`z`; shape ``(n, d, d)``."""
    return weights * (1 + sd * rng.standard_normal((n, *weights.shape)))


def mutate_one(
    weights: FloatArray, sd: float, n: int, rng: np.random.Generator
) -> tuple[FloatArray, NDArray[np.int64]]:
    r"""Weights one of which mutates by a factor :math:`1 + s z`, and which: places ``(n, 2)``, ``[target, regulator]``."""
    places = np.argwhere(weights != 0)
    chosen = places[rng.integers(len(places), size=n)]
    mutants = np.repeat(weights[None], n, axis=0)
    mutants[np.arange(n), chosen[:, 0], chosen[:, 1]] *= 1 + sd * rng.standard_normal(n)
    return mutants, chosen


def axes_of(memories: FloatArray) -> FloatArray:
    """Trait of each state: its direction from the mean of all, of unit length, shape ``(k, d)``."""
    away = memories - memories.mean(0)
    return away / np.linalg.norm(away, axis=1, keepdims=True)


def trait_slopes(view: View) -> FloatArray | None:
    r"""First-order effect of every edge on the trait of every state, per unit of its relative strength.

    A stable state obeys :math:`f(x; W) = 0`, so that :math:`dx = -J^{-1}\, (\partial f/\partial W)\, dW`. With the trait :math:`u_k \cdot x_k`,

    .. math:: G_{k,ij} = -W_{ij}\, (J_k^{-\top} u_k)_i \; a_i s'(h_i)\, \phi_j(x_k)

    Parameters
    ----------
    view
        Model with weights.

    Returns
    -------
    :math:`G`, shape ``(m, d, d)``, for the distinct states of the model; ``None`` if there are fewer than two.
    """
    if view.merged:
        return None
    drift: Any = view.model.drift
    x = torch.as_tensor(view.states)
    with torch.no_grad():
        slopes = parameter_slopes(drift, x)
        transposed = jacobian(drift, x).transpose(1, 2)
        pull = torch.linalg.solve(transposed, torch.as_tensor(axes_of(view.states))[:, :, None])[:, :, 0]
        effect = -(pull * slopes.bias)[:, :, None] * slopes.response[:, None, :] * drift.weights
    return effect.numpy()

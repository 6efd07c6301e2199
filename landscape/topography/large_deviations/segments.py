"""The action of each segment of a path, its gradient and its second derivatives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from landscape.topography.whitening import WhitenedDrift

# Added under square roots: it keeps them differentiable where a midpoint is a fixed point or two nodes coincide.
SMOOTHING = 1e-30
# Speed below which the second derivatives are those at that speed, over the mean speed along the path: at a fixed point
# those of |f| are infinite.
LEAST_SPEED = 1e-6

# Second derivatives of the action of a segment: by its chord twice, by chord and midpoint, and by its midpoint twice.
Blocks = tuple["NDArray[np.float64]", "NDArray[np.float64]", "NDArray[np.float64]"]


@dataclass(frozen=True)
class SegmentValues:
    r"""Action of each of ``n`` segments with chord :math:`d` and midpoint :math:`m`, by the midpoint rule.

    Attributes
    ----------
    action
        :math:`\tfrac12 (|d| |f(m)| - \langle d, f(m) \rangle)`, shape ``(n,)``.
    size
        The same without the alignment term, :math:`\tfrac12 |d| |f(m)|`, shape ``(n,)``.
    by_chord, by_middle
        Gradients of ``action``, shape ``(n, d)``.
    """

    action: NDArray[np.float64]
    size: NDArray[np.float64]
    by_chord: NDArray[np.float64]
    by_middle: NDArray[np.float64]


class Segments(Protocol):
    """Action of the segments of a path in whitened coordinates, from their chords and midpoints, both ``(n, d)``."""

    def values(self, chord: NDArray[np.float64], middle: NDArray[np.float64]) -> SegmentValues:
        """Actions and their gradients."""

    def second(self, chord: NDArray[np.float64], middle: NDArray[np.float64]) -> Callable[[int], Blocks]:
        """Second derivatives of the action of a segment, by its number."""


def action_terms(space: WhitenedDrift, d: Tensor, m: Tensor, smoothing: float = SMOOTHING) -> tuple[Tensor, Tensor]:
    r"""Action of each segment by the midpoint rule, and its size, from chords and midpoints.

    .. math:: \tfrac12 \big( |d| |f| - \langle d, f \rangle \big), \quad \tfrac12 |d| |f|
    """
    f = space.velocity(m)
    weight = space.resistance(m)
    df, ff = (d, f) if weight is None else (d * weight, f * weight)
    nd = torch.sqrt((df * d).sum(1) + SMOOTHING)
    nf = torch.sqrt((ff * f).sum(1) + smoothing)
    return 0.5 * (nd * nf - (df * f).sum(1)), 0.5 * nd * nf


class AutomaticSegments:
    """Segments of any differentiable drift and any noise, by automatic differentiation."""

    def __init__(self, space: WhitenedDrift) -> None:
        self.space = space

    def values(self, chord: NDArray[np.float64], middle: NDArray[np.float64]) -> SegmentValues:
        """Actions and their gradients."""
        d = torch.as_tensor(chord).requires_grad_(True)
        m = torch.as_tensor(middle).requires_grad_(True)
        action, size = action_terms(self.space, d, m)
        by_chord, by_middle = torch.autograd.grad(action.sum(), (d, m))
        return SegmentValues(action.detach().numpy(), size.detach().numpy(), by_chord.numpy(), by_middle.numpy())

    def second(self, chord: NDArray[np.float64], middle: NDArray[np.float64]) -> Callable[[int], Blocks]:
        """Second derivatives of the action of a segment, by its number."""
        d = chord.shape[1]
        with torch.no_grad():
            speed = float(self.space.velocity(torch.as_tensor(middle)).norm(dim=1).mean())
        both = torch.as_tensor(np.hstack([chord, middle])).requires_grad_(True)
        action, _ = action_terms(self.space, both[:, :d], both[:, d:], SMOOTHING + (LEAST_SPEED * speed) ** 2)
        (gradient,) = torch.autograd.grad(action.sum(), both, create_graph=True)
        rows = [
            torch.autograd.grad(gradient[:, i].sum(), both, retain_graph=True, materialize_grads=True)[0]
            for i in range(2 * d)
        ]
        found = torch.stack(rows, dim=1).numpy()
        return lambda k: (found[k, :d, :d], found[k, :d, d:], found[k, d:, d:])


def segment_actions(space: WhitenedDrift, y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Action of each segment of a path, shape ``(n,)``."""
    with torch.no_grad():
        path = torch.as_tensor(y)
        return action_terms(space, path[1:] - path[:-1], 0.5 * (path[1:] + path[:-1]))[0].numpy()

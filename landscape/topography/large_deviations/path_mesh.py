"""Where the nodes of a path lie: equally spaced, dense where the path turns or spends its action, and refined."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.interpolate import CubicSpline, PchipInterpolator

from landscape._numbers import TINY

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Passes of a binomial filter over the density of nodes, which must vary slowly for errors to fall with their number.
SMOOTHINGS = 2
# Fewest points of a cubic spline.
MIN_SPLINE = 4


def respace(y: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Path with ``n + 1`` points equally spaced in arc length, by linear interpolation."""
    s = np.concatenate([[0.0], np.cumsum(lengths(y))])
    if s[-1] == 0:
        return np.repeat(y[:1], n + 1, axis=0)
    at = np.linspace(0, s[-1], n + 1)
    moved = np.stack([np.interp(at, s, column) for column in y.T], axis=1)
    moved[0], moved[-1] = y[0], y[-1]
    return moved


def moved_to(y: NDArray[np.float64], start: NDArray[np.float64], end: NDArray[np.float64]) -> NDArray[np.float64]:
    """Path sheared to other ends, such as those of the same barrier in another model."""
    share = np.linspace(0.0, 1.0, len(y))[:, None]
    return y + (1 - share) * (start - y[0]) + share * (end - y[-1])


def lengths(y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Length of each segment of a path."""
    return np.linalg.norm(np.diff(y, axis=0), axis=1)


def shares(y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of each segment in the length of a path."""
    size = np.maximum(lengths(y), TINY)
    return size / size.sum()


def adapted(
    y: NDArray[np.float64], action: NDArray[np.float64], speed: NDArray[np.float64], n: int
) -> NDArray[np.float64]:
    """Path with ``n + 1`` points, of which each part holds equal shares of length, turning and action on average.

    A path out of a weakly damped focus winds many times around it, at a small share of its length and most of its action;
    equal spacing would leave that part unresolved.

    Parameters
    ----------
    y
        Path, shape ``(m + 1, d)``.
    action
        Action of each segment, shape ``(m,)``.
    speed
        Speed of the drift at each midpoint, shape ``(m,)``. A turn counts with it: at rest it costs nothing.
    n
        Number of segments.
    """
    size = lengths(y)
    if not (size > 0).all():
        return respace(y, n)
    parts = [size, speed * _turning(y), np.maximum(action, 0.0)]
    density = np.sum([part / part.sum() for part in parts if part.sum() > 0], axis=0) / size
    for _ in range(SMOOTHINGS):
        density = np.convolve(np.pad(density, 1, mode="edge"), [0.25, 0.5, 0.25], "valid")
    s = np.concatenate([[0.0], np.cumsum(size)])
    filled = np.concatenate([[0.0], np.cumsum(density * size)])
    at = np.interp(np.linspace(0, filled[-1], n + 1), filled, s)
    # A monotone interpolant does not overshoot at a corner.
    moved = PchipInterpolator(s, y, axis=0)(np.clip(at, 0, s[-1]))
    moved[0], moved[-1] = y[0], y[-1]
    return moved


def refined(
    y: NDArray[np.float64], share: NDArray[np.float64], n: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Path with ``n`` segments on the same density of nodes, and their shares of the length.

    The path is a cubic spline of the number of the node, along which it is smooth. As the density stays the same, the error
    of the midpoint rule is a power series in :math:`1/n^2`.
    """
    nodes, at = np.arange(len(y)), np.linspace(0, len(y) - 1, n + 1)
    moved = CubicSpline(nodes, y, axis=0)(at) if len(y) >= MIN_SPLINE else respace(y, n)
    moved[0], moved[-1] = y[0], y[-1]
    part = np.diff(PchipInterpolator(nodes, np.concatenate([[0.0], np.cumsum(share)]))(at))
    return moved, part / part.sum()


def _turning(y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Angle by which a path turns, divided between the segments on both sides of each node."""
    along = np.diff(y, axis=0) / lengths(y)[:, None]
    angle = np.arccos(np.clip((along[1:] * along[:-1]).sum(1), -1, 1))
    if not len(angle):
        return np.zeros(1)
    sides = np.concatenate([angle[:1], angle, angle[-1:]])
    return 0.5 * (sides[1:] + sides[:-1])

"""The energy distance of two samples."""

from __future__ import annotations

import torch
from torch import Tensor

# Squared distances below this are rounding errors of the expansion into products, and count as zero.
NEAR = 1e-12


def energy_distance(x: Tensor, y: Tensor, weights: Tensor | None = None) -> Tensor:
    r"""Unbiased estimate of the squared energy distance of two samples.

    .. math:: \mathcal{E} = 2\,\mathbb{E}|X - Y| - \mathbb{E}|X - X'| - \mathbb{E}|Y - Y'|

    The energy distance is zero if and only if the two distributions agree. Pairs of a cell with itself are left out, so
    that the estimate is unbiased and can be negative.

    Parameters
    ----------
    x, y
        Samples of shapes ``(n, d)`` and ``(m, d)``, at least two states each.
    weights
        Weights of the first sample, shape ``(n,)``, of any sum; equal by default.

    Returns
    -------
    Tensor without dimensions, in units of the states.

    Raises
    ------
    ValueError
        If a sample has fewer than two states.

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
    """Euclidean distances of all pairs, shape ``(n, m)``."""
    # The root is not differentiable at zero, the distance of a state to itself, which is set to zero.
    squared = (x**2).sum(1)[:, None] + (y**2).sum(1)[None] - 2 * x @ y.T
    near = squared < NEAR
    return torch.sqrt(torch.where(near, 1.0, squared)) * ~near

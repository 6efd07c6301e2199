"""Scores of a model's paths against the descendants of cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from landscape._random import RandomLike, generator
from landscape.dynamics.model import GeneModel
from landscape.markov.descendants import Descendants

# Principal coordinates of the states in which paths and descendants are compared. Beyond them is the scatter of single
# genes, which no path can predict.
N_COORDINATES = 20
# Principal coordinates below this share of the largest one are rounding.
ROUNDING = 1e-9


@dataclass(frozen=True)
class FlowMapScore:
    """Energy score of a model's paths against the descendants of cells, mean over cells and horizons.

    Attributes
    ----------
    score
        Score of the model.
    floor
        Score of other descendants of the same cells: no law scores lower.
    unchanged
        Score of staying put.
    mean_direction
        Score of moving every cell by the mean displacement of all cells at each horizon.
    by_horizon
        The model's score at each horizon.
    """

    score: float
    floor: float
    unchanged: float
    mean_direction: float
    by_horizon: tuple[float, ...]

    @property
    def excess(self) -> float:
        """Place of the model between the floor, 0, and staying put, 1."""
        return (self.score - self.floor) / (self.unchanged - self.floor)


def energy_score(paths: Tensor, outcomes: Tensor) -> Tensor:
    r"""Energy score of ensembles against samples of outcomes, one number a row.

    .. math:: \mathrm{ES} = \mathbb{E}|X - Y| - \tfrac12 \mathbb{E}|X - X'|

    A strictly proper score: its mean is least where the law of :math:`X` is that of :math:`Y`. Pairs of a path with
    itself are left out, so the estimate is unbiased.

    Parameters
    ----------
    paths
        Ensembles :math:`X`, shape ``(n, m, d)`` with ``m`` of at least 2.
    outcomes
        Samples :math:`Y`, shape ``(n, l, d)``.

    Returns
    -------
    Tensor of shape ``(n,)``.

    References
    ----------
    Gneiting & Raftery (2007), *JASA* 102, 359. https://doi.org/10.1198/016214506000001437

    Examples
    --------
    >>> import torch
    >>> x = torch.zeros(1, 2, 1)
    >>> energy_score(x, x + 3.0)
    tensor([3.])
    """
    m = paths.shape[1]
    if m < 2:
        msg = f"Expected at least two paths from each cell, found {m}."
        raise ValueError(msg)
    within = torch.cdist(paths, paths).sum((1, 2)) / (m * (m - 1))
    return torch.cdist(paths, outcomes).mean((1, 2)) - 0.5 * within


def flow_map_score(
    model: GeneModel,
    states: Tensor,
    descendants: Sequence[Descendants],
    *,
    cells: NDArray[np.int64] | None = None,
    view: Tensor | None = None,
    n_paths: int = 8,
    rng: RandomLike = 0,
) -> FlowMapScore:
    """Score paths of a model from cells against the cells' descendants.

    Parameters
    ----------
    model, states, descendants
        As for :func:`fit_flow_map`.
    cells
        Cells that are scored; all that have descendants by default.
    view
        Coordinates in which distances are measured, shape ``(d, k)``; those of :func:`principal_view` by default.
    n_paths
        Paths and descendants of each cell.
    rng
        Seed or generator.
    """
    gen = generator(rng)
    view = principal_view(states) if view is None else view
    seen = states @ view
    total = np.zeros(4)
    by_horizon: list[list[float]] = []
    sizes = []
    for group in descendants:
        chosen = group.cells if cells is None else np.intersect1d(group.cells, cells)
        if not len(chosen):
            continue
        again = np.repeat(chosen, n_paths)
        here, other = group.draw(again, gen), group.draw(again, gen)
        duration = group.durations[-1]
        step = duration / max(1, model.n_steps(duration))
        path = model.simulate(
            states[torch.as_tensor(again)], duration=duration, step=step, save_at=group.durations, rng=gen
        ).states

        def rows(points: Tensor, n: int = len(chosen)) -> Tensor:
            return points.reshape(n, n_paths, -1)

        scores = []
        for k in range(len(group.durations)):
            outcome = rows(seen[torch.as_tensor(here[k])])
            origin = seen[torch.as_tensor(chosen)][:, None]
            shift = (outcome - origin).mean((0, 1))
            scores.append(
                [
                    float(energy_score(rows(path[k] @ view), outcome).mean()),
                    float(energy_score(rows(seen[torch.as_tensor(other[k])]), outcome).mean()),
                    float(torch.cdist(origin, outcome).mean()),
                    float(torch.cdist(origin + shift, outcome).mean()),
                ]
            )
        total += len(chosen) * np.mean(scores, axis=0)
        sizes.append(len(chosen))
        by_horizon.append([score[0] for score in scores])
    if not sizes:
        msg = "Expected cells with descendants, found none."
        raise ValueError(msg)
    score, floor, unchanged, mean_direction = map(float, total / np.sum(sizes))
    flat = tuple(value for scores in by_horizon for value in scores)
    return FlowMapScore(score, floor, unchanged, mean_direction, flat)


def principal_view(states: Tensor, n_coordinates: int = N_COORDINATES) -> Tensor:
    """Principal axes of states over the roots of their standard deviations, shape ``(d, k)``.

    Between plain distances, in which a few broad programmes of genes are all that counts, and whitened ones, in which
    noise counts as much.
    """
    centred = states - states.mean(0)
    _, size, axes = torch.linalg.svd(centred, full_matrices=False)
    k = min(n_coordinates, int((size > ROUNDING * size[0]).sum()))
    return axes[:k].T / torch.sqrt(size[:k] / len(states) ** 0.5)

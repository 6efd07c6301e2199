"""Noise-free flow with genes held, and after their release, for many sets of genes at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from landscape._numbers import TINY
from landscape.dynamics import Model
from landscape.dynamics.model import STEP_SHARE

# Numbers in the states that move at once (2 MB), so that they stay in the cache.
CHUNK_NUMBERS = 2**18
# A state rests when its distance from rest, estimated by how fast its steps become shorter, is below this share of the reach
# of a fate; looked at every few steps, and given up after so many of the shortest lifetimes.
NEARNESS, STEPS_PER_LOOK, MAX_LIFETIMES = 1e-3, 5, 400.0


@dataclass(frozen=True, eq=False)
class Released:
    """States to which the flow leads with genes held and after their release.

    Attributes
    ----------
    held
        States at the release, shape ``(m, d)``.
    end
        States at the end, shape ``(m, d)``.
    rests
        Whether the end is at rest, shape ``(m,)``.
    hold_time
        Time until the release, shape ``(m,)``.
    free_time
        Time from the release to rest, shape ``(m,)``.
    """

    held: Tensor
    end: Tensor
    rests: NDArray[np.bool_]
    hold_time: NDArray[np.float64]
    free_time: NDArray[np.float64]


@torch.no_grad()
def hold_and_release(
    model: Model[Any],
    start: Tensor,
    genes: NDArray[np.int64],
    levels: NDArray[np.float64],
    *,
    reach: float,
    hold: NDArray[np.float64] | None = None,
    kick: Tensor | None = None,
) -> Released:
    r"""Hold the genes of each row at their levels, then release them, and follow the flow to rest.

    .. math:: \dot x_i = f_i(x) \;\; (i \notin G), \quad x_g = \ell_g \;\; (g \in G) \quad \text{for } t < \tau, \qquad
              \dot x = f(x) \quad \text{for } t \ge \tau

    in Euler steps of the length that simulations with noise have. All rows are one batch; what rests leaves it.

    Parameters
    ----------
    model
        The model; its noise is left out.
    start
        State of each row at the beginning, shape ``(m, d)``.
    genes, levels
        Held genes of each row and their levels, shape ``(m, k)``.
    reach
        Distance, root mean square over genes, by which fates are told apart.
    hold
        Longest time :math:`\tau` for which the genes of each row are held, shape ``(m,)``; by default until all others rest, as
        they do from then on.
    kick
        Displacement of each row at the beginning and again at the release, shape ``(m, d)``.
    """
    size = max(1, CHUNK_NUMBERS // start.shape[1])
    parts = [
        _one_chunk(
            model,
            start[a : a + size],
            torch.as_tensor(genes[a : a + size]),
            torch.as_tensor(levels[a : a + size]),
            None if hold is None else torch.as_tensor(np.maximum(1, np.round(hold[a : a + size] / model.step))),
            None if kick is None else kick[a : a + size],
            NEARNESS * reach,
        )
        for a in range(0, len(start), size)
    ]
    held, end, rests, hold_time, free_time = (torch.cat([part[i] for part in parts]) for i in range(5))
    return Released(held, end, rests.numpy(), hold_time.numpy(), free_time.numpy())


def _one_chunk(
    model: Model[Any],
    start: Tensor,
    genes: Tensor,
    levels: Tensor,
    until: Tensor | None,
    kick: Tensor | None,
    tolerance: float,
) -> tuple[Tensor, ...]:
    x = start if kick is None else start + kick
    held, _, held_steps = _to_rest(model, x.scatter(1, genes, levels), genes, until, tolerance)
    # A gene that is released starts from its level.
    x = held if kick is None else held + kick
    end, rests, steps = _to_rest(model, x, None, None, tolerance)
    return held, end, rests, held_steps * model.step, steps * model.step


def _to_rest(
    model: Model[Any], x: Tensor, genes: Tensor | None, until: Tensor | None, tolerance: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Ends of the flow of the genes that are not held, whether they rest, and the number of steps."""
    m, d = x.shape
    out, rests, steps = x.clone(), torch.zeros(m, dtype=torch.bool), torch.zeros(m, dtype=torch.float64)
    rows, now, h = torch.arange(m), x.clone(), model.step
    before = torch.zeros(m, dtype=torch.float64)
    for k in range(1, int(MAX_LIFETIMES / STEP_SHARE) + 1):
        moved = model(now) * h
        if genes is not None:
            moved.scatter_(1, genes[rows], 0.0)
        now = now + moved
        if k % STEPS_PER_LOOK == STEPS_PER_LOOK - 1:
            before = torch.linalg.vector_norm(moved, dim=1) / d**0.5
        at_rest = torch.zeros(len(rows), dtype=torch.bool)
        if k % STEPS_PER_LOOK == 0:
            length = torch.linalg.vector_norm(moved, dim=1) / d**0.5
            # Steps that shrink by a factor r from one to the next still have r / (1 - r) of the last one to go.
            ahead = length**2 / (before - length).clamp_min(TINY)
            at_rest = (length == 0) | ((length < before) & (ahead <= tolerance))
        if until is None and k % STEPS_PER_LOOK:
            continue
        gone = at_rest if until is None else at_rest | (until[rows] <= k)
        if gone.any():
            out[rows[gone]], rests[rows[gone]], steps[rows[gone]] = now[gone], at_rest[gone], float(k)
            keep = ~gone
            rows, now, before = rows[keep], now[keep], before[keep]
            if not len(rows):
                break
    out[rows], steps[rows] = now, float(k)
    return out, rests, steps


@torch.no_grad()
def states_along(
    model: Model[Any],
    start: Tensor,
    genes: NDArray[np.int64],
    levels: NDArray[np.float64],
    times: NDArray[np.float64],
    hold: float,
) -> NDArray[np.float64]:
    """States of one set at given times, held until ``hold`` and released then; shape ``(t, d)``."""
    h = model.step
    x, kept = start.clone(), []
    n_held = max(1, round(hold / h))
    for k in range(round(float(times[-1]) / h) + 1):
        if k <= n_held:
            x = x.clone()
            x[genes] = torch.as_tensor(levels)
        kept.append(x.numpy().copy())
        x = x + h * model(x[None])[0]
    return np.array(kept)[np.round(times / h).astype(int)]

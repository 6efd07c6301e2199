"""Numbers of development, cost and mutation as the compiled kernels take them."""

from __future__ import annotations

from typing import NamedTuple

L0, L1 = 0, 1


class Rules(NamedTuple):
    """Numbers of development, cost and mutation, as the kernels take them."""

    n_steps: int
    gain: float
    rate: float
    decay: float
    scale: float
    cost: float
    norm: int
    embryo: float
    weights: float
    weights_rate: float
    loss_rate: float
    gain_rate: float
    new_edge: float

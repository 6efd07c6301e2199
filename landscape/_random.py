"""Random number generators from seeds or generators that are passed in, without global state."""

from __future__ import annotations

import numpy as np
import torch

RandomLike = int | np.random.Generator | None


def generator(rng: RandomLike) -> np.random.Generator:
    """Generator from a seed, a generator (returned as it is) or ``None`` (fresh entropy).

    Raises
    ------
    TypeError
        If ``rng`` is none of these.
    """
    if isinstance(rng, bool) or not (rng is None or isinstance(rng, int | np.integer | np.random.Generator)):
        msg = f"Expected `rng` to be an int, a numpy.random.Generator or None, found {type(rng).__name__}."
        raise TypeError(msg)
    return np.random.default_rng(rng)


def seed_of(rng: RandomLike) -> int:
    """Seed below :math:`2^{63}`, drawn from ``rng``; the same for the same integer."""
    return int(generator(rng).integers(2**63 - 1))


def torch_generator(rng: RandomLike, device: torch.device | str = "cpu") -> torch.Generator:
    """Torch generator seeded from ``rng``."""
    result = torch.Generator(device=device)
    result.manual_seed(seed_of(rng))
    return result

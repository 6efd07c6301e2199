"""Decay rates of the regulators from half-lives of their mRNA that were measured."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from landscape.dynamics.problem import ROOT_DECAY

logger = logging.getLogger(__name__)


def decay_from_half_lives(
    half_lives: NDArray[np.float64], regulators: Sequence[str], *, clock: bool
) -> NDArray[np.float64]:
    r"""Decay rate of each state, :math:`\ln 2 / (2 t_{1/2})`, per unit of time; without a clock per mean mRNA lifetime.

    States are square roots of abundance, so they decay at half the rate of their mRNA. A regulator without a half-life gets
    the median.

    Parameters
    ----------
    half_lives
        Half-life of the mRNA of each regulator, NaN where unknown, shape ``(d,)``.
    regulators
        Names of the regulators, for messages.
    clock
        Whether half-lives have the unit of time of the model; otherwise only their ratios count.

    Raises
    ------
    ValueError
        If none is known, or one is not positive and finite.
    """
    missing = np.isnan(half_lives)
    if missing.all() or not (half_lives[~missing] > 0).all() or np.isinf(half_lives).any():
        out_of_range = int((~missing & ~(half_lives > 0)).sum() + np.isinf(half_lives).sum())
        msg = (
            f"Expected positive, finite half-lives of the regulators {list(regulators[:5])}, found {int(missing.sum())} of "
            f"{len(regulators)} missing and {out_of_range} out of range."
        )
        raise ValueError(msg)
    if missing.any():
        logger.info("%d of %d regulators have no half-life and get the median", int(missing.sum()), len(regulators))
    rate = np.log(2) / np.where(missing, np.median(half_lives[~missing]), half_lives)
    return ROOT_DECAY * (rate if clock else rate / rate.mean())

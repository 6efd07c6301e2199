"""Decay rates of the regulators, where their half-lives were measured."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray

from landscape._anndata import read
from landscape.dynamics.problem import ROOT_DECAY

logger = logging.getLogger(__name__)


def decay_rates(
    adata: AnnData, half_lives: str | Mapping[str, float] | None, names: list[str], *, clock: bool
) -> NDArray[np.float64] | None:
    """Decay rate of each state where half-lives are given, per unit of time; without a clock per mean mRNA lifetime.

    States are square roots of abundance, so they decay at half the rate of their mRNA.
    """
    if half_lives is None:
        return None
    if isinstance(half_lives, str):
        column = read(adata, "var", half_lives, hint="pass the column of half-lives, or numbers by gene")
        known = pd.to_numeric(column, errors="coerce").reindex(names).to_numpy(dtype=float)
    else:
        known = np.array([half_lives.get(name, np.nan) for name in names], dtype=float)
    missing = np.isnan(known)
    if missing.all() or not (known[~missing] > 0).all() or np.isinf(known).any():
        msg = (
            f"Expected positive, finite half-lives of the regulators {names[:5]}, found {int(missing.sum())} of "
            f"{len(names)} missing and {int((~missing & ~(known > 0)).sum() + np.isinf(known).sum())} out of range."
        )
        raise ValueError(msg)
    if missing.any():
        logger.info("%d of %d regulators have no half-life and get the median", int(missing.sum()), len(names))
    rate = np.log(2) / np.where(missing, np.median(known[~missing]), known)
    return ROOT_DECAY * (rate if clock else rate / rate.mean())

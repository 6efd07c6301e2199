"""Decay rates of the regulators from measured half-lives."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray

from landscape._anndata import read
from landscape.dynamics.decay import decay_from_half_lives


def decay_rates(
    adata: AnnData, half_lives: str | Mapping[str, float] | None, names: list[str], *, clock: bool
) -> NDArray[np.float64] | None:
    """Decay rate of each regulator from half-lives, a column of ``adata.var`` or a number by gene; ``None`` without them."""
    if half_lives is None:
        return None
    if isinstance(half_lives, str):
        column = read(adata, "var", half_lives, hint="pass the column of half-lives, or numbers by gene")
        known = pd.to_numeric(column, errors="coerce").reindex(names).to_numpy(dtype=float)
    else:
        known = np.array([half_lives.get(name, np.nan) for name in names], dtype=float)
    return decay_from_half_lives(known, names, clock=clock)

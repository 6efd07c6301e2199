"""Inputs of a fate estimator, and the estimate that it returns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from landscape._random import RandomLike
from landscape.dynamics import GeneModel


@dataclass(frozen=True, eq=False)
class FateProblem:
    """Inputs of all fate estimators. A field may be ``None`` if no estimator that runs needs it.

    Attributes
    ----------
    cells
        Names of the cells.
    terminal
        Positions of the absorbing cells of each fate.
    transitions
        Directed chain of cells, rows summing to one, shape ``(n, n)``.
    model
        The fitted model.
    states
        State of each cell, shape ``(n, d)``.
    attractors
        Attractors of the model, attractors x regulators.
    basin
        Name of the attractor of each cell, shape ``(n,)``.
    basin_sizes
        Number of cells in each basin, in the order of ``attractors``, shape ``(k,)``.
    start
        Positions of the start cells; ``None`` if the direction names none.
    time_span
        Span of real time; ``None`` without a clock.
    n_replicates
        Number of paths from each simulated cell.
    n_cells
        Number of cells to simulate; ``None``: chosen by cost.
    rng
        Seed or generator.
    reference
        Estimate of the first estimator in the table. Later estimators use its cells and its order of fates.
    """

    cells: pd.Index
    terminal: Mapping[str, NDArray[np.int64]]
    transitions: sparse.csr_matrix | None = None
    model: GeneModel | None = None
    states: NDArray[np.float64] | None = None
    attractors: pd.DataFrame | None = None
    basin: NDArray[np.str_] | None = None
    basin_sizes: NDArray[np.float64] | None = None
    start: NDArray[np.int64] | None = None
    time_span: float | None = None
    n_replicates: int = 0
    n_cells: int | None = None
    rng: RandomLike = 0
    reference: FateEstimate | None = None

    def has(self, needs: Iterable[str]) -> bool:
        """Whether all these fields are given."""
        return all(getattr(self, name) is not None for name in needs)


@dataclass(frozen=True, eq=False)
class FateEstimate:
    """Fate probabilities with their standard errors.

    Attributes
    ----------
    table
        Probabilities, cells x fates; NaN in cells without an estimate.
    cells
        Positions of the cells with an estimate, shape ``(m,)``.
    share
        Probabilities of those cells, ``m`` x fates.
    error
        Their standard errors, zero for exact estimates, shape ``(m, k)``.
    record
        Further entries of the stored result.
    kept
        Share of the paths from the attractors of each fate that stay there, by fate; empty if no paths are simulated.
    """

    table: pd.DataFrame
    cells: NDArray[np.int64]
    share: pd.DataFrame
    error: NDArray[np.float64]
    record: dict[str, Any] = field(default_factory=dict)
    kept: pd.Series = field(default_factory=lambda: pd.Series(dtype=float))

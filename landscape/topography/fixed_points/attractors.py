"""Attractors by name, and their table: how many cells are near, whether the data and the ensemble show them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from landscape._keys import storable
from landscape.dynamics import GeneModel
from landscape.markov.cell_cycle import in_cell_cycle
from landscape.markov.naming import label_names, numbered
from landscape.topography.cell_distance import CellDistance
from landscape.topography.fixed_points.matching import match_attractors
from landscape.topography.fixed_points.roots import FixedPoint

# Cells nearest to an attractor by whose labels it is named.
NEAREST_CELLS = 20
# Regulators in the name of an attractor that has no label.
MARKERS = 2
# Weight of the margin to the mean cell where no regulator is highest at an attractor.
TIE_BREAK = 1e-3


def attractor_names(
    states: NDArray[np.float64], regulators: Sequence[str], cells: NDArray[np.float64], labels: pd.Series | None
) -> list[str]:
    """Distinct names of attractors: by the labels of the nearest cells, or by their marker regulators.

    A label is a name where it is more frequent near the attractor than by chance
    (:func:`landscape.markov.naming.label_names`).

    Parameters
    ----------
    states
        Attractors, shape ``(k, d)``.
    regulators
        Names of the variables.
    cells
        State of each cell, shape ``(n, d)``.
    labels
        Label of each cell.
    """
    titles = marker_names(states, regulators, cells)
    if labels is not None:
        _, near = cKDTree(cells).query(states, min(NEAREST_CELLS, len(cells)))
        named = label_names(labels, list(near.reshape(len(states), -1)), cells)
        titles = [marker if name is None else name for name, marker in zip(named, titles, strict=True)]
    return numbered([storable(title) for title in titles])


def marker_names(states: NDArray[np.float64], regulators: Sequence[str], cells: NDArray[np.float64]) -> list[str]:
    """Two regulators of each attractor that are high there and lowest, relative to it, in the next best one.

    Genes of the cell cycle, which cells of any type go through, are left out where there are others.

    Parameters
    ----------
    states
        Attractors, shape ``(k, d)``.
    regulators
        Names of the variables.
    cells
        State of each cell, shape ``(n, d)``.
    """
    if len(states) == 1:
        margin = states - cells.mean(0)
    else:
        others = np.array([np.delete(states, k, axis=0).max(0) for k in range(len(states))])
        margin = states - others
    # Where no regulator is highest, those above the mean cell still set the attractor apart.
    margin = margin + TIE_BREAK * (states - cells.mean(0))
    cycling = np.array([in_cell_cycle(str(name)) for name in regulators])
    if (~cycling).sum() >= MARKERS:
        margin[:, cycling] = -np.inf
    return ["+".join(regulators[i] for i in np.argsort(-row, kind="stable")[:MARKERS]) for row in margin]


def n_nearest(cells: NDArray[np.float64], states: NDArray[np.float64]) -> NDArray[np.int64]:
    """Number of cells that are nearest to each attractor in state space, shape ``(k,)``."""
    return np.bincount(cKDTree(states).query(cells)[1], minlength=len(states))


def ensemble_support(ensemble: Sequence[GeneModel], states: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of the models of an ensemble in which each attractor has a match, shape ``(k,)``; NaN without an ensemble.

    Parameters
    ----------
    ensemble
        Replicates of the model.
    states
        Attractors of the model, shape ``(k, d)``.
    """
    if not ensemble:
        return np.full(len(states), np.nan)
    kept = [np.isfinite(match_attractors(model.drift, states)).all(1) for model in ensemble]
    return np.mean(kept, axis=0)


def attractor_table(
    points: Sequence[FixedPoint],
    titles: Sequence[str],
    *,
    n_cells: NDArray[np.int64],
    distance: CellDistance,
    support: NDArray[np.float64],
) -> pd.DataFrame:
    """Table of attractors, as :func:`landscape.tl.attractors` writes and describes it.

    Parameters
    ----------
    points
        Stable fixed points.
    titles
        Their names.
    n_cells
        Cells nearest to each, shape ``(k,)``.
    distance
        Distance of each to the nearest cells.
    support
        Share of the ensemble that has it, shape ``(k,)``.
    """
    return pd.DataFrame(
        {
            "n_cells": n_cells.astype(int),
            "leading_eigenvalue": [point.leading_eigenvalue.real for point in points],
            "index": [point.index for point in points],
            "residual": [point.residual for point in points],
            "converged": [point.converged for point in points],
            "distance": distance.distance / distance.threshold,
            "observed": distance.observed,
            "support": support,
        },
        index=pd.Index(titles, name="attractor"),
    )

"""Terminal states by name: several ends that have one label are one terminal state."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from landscape._keys import storable
from landscape.markov.naming import label_names
from landscape.markov.terminal_states import TerminalStates


def group_by_label(
    found: TerminalStates, labels: pd.Series | None, coordinates: NDArray[np.float64]
) -> dict[str, list[int]]:
    """Positions of the ends that make up each terminal state, by its name.

    Parameters
    ----------
    found
        Ends of the chain.
    labels
        Label of each cell, by which ends are named and put together. An end in which no label is more frequent than by
        chance (:func:`~landscape.markov.naming.label_names`) is a terminal state with a number, as all are without labels.
    coordinates
        Coordinates in which cells are neighbours, shape ``(n, k)``.
    """
    names = [None] * len(found.cells) if labels is None else label_names(labels, found.cells, coordinates)
    groups: dict[str, list[int]] = {}
    for k, name in enumerate(names):
        groups.setdefault(f"end {k + 1}" if name is None else storable(name), []).append(k)
    return groups


def cells_of_groups(found: TerminalStates, groups: Mapping[str, list[int]]) -> dict[str, NDArray[np.int64]]:
    """Positions of the cells of each terminal state."""
    return {name: np.concatenate([found.cells[k] for k in members]) for name, members in groups.items()}


def terminal_table(found: TerminalStates, groups: Mapping[str, list[int]], basin: NDArray[np.int64]) -> pd.DataFrame:
    """What each terminal state is made of: ``n_cells``, ``n_basin``, ``gathering``, ``arrival``, ``n_ends``.

    Parameters
    ----------
    found
        Ends of the chain.
    groups
        Positions of the ends of each terminal state.
    basin
        Position of the terminal state that each cell goes to, -1 for none, shape ``(n,)``.
    """
    # A terminal state of several ends is as sure as its surest one.
    return pd.DataFrame(
        {
            "n_cells": [len(cells) for cells in cells_of_groups(found, groups).values()],
            "n_basin": [int((basin == k).sum()) for k in range(len(groups))],
            "gathering": [float(found.gathering[members].max()) for members in groups.values()],
            "arrival": [float(found.arrival[members].max()) for members in groups.values()],
            "n_ends": [len(members) for members in groups.values()],
        },
        index=pd.Index(list(groups), name="terminal"),
    )


def nearest_state(
    cells: Mapping[str, NDArray[np.int64]], states: NDArray[np.float64], attractors: pd.DataFrame
) -> NDArray[np.str_]:
    """Name of the attractor that is nearest to the mean state of each terminal state.

    Parameters
    ----------
    cells
        Positions of the cells of each terminal state.
    states
        State of each cell, shape ``(n, d)``.
    attractors
        Attractors x regulators.
    """
    means = np.array([states[members].mean(0) for members in cells.values()])
    apart = np.linalg.norm(means[:, None] - attractors.to_numpy(dtype=float), axis=2)
    return attractors.index[apart.argmin(1)].astype(str)

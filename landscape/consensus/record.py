"""The consensus of several models of the same cells: its attractors, and what each cell and each gene makes of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from landscape.consensus.cells import agreement, basins_decided, count_votes, decidedness, mean_fates
from landscape.consensus.intervals import Spread, spread_over_models
from landscape.consensus.matching import LEAST, Matching, match_attractors
from landscape.markov.naming import numbered, unnumbered

# Share of the models from which on an attractor is kept.
KEPT = 0.5
UNRESOLVED = "unresolved"


@dataclass(frozen=True, eq=False)
class Member:
    """One model of the cells: its attractors, or the terminal states of its chain.

    Attributes
    ----------
    names
        Names of its attractors, all different.
    labels
        Attractor of each cell, its position among the names, -1 for none, by which attractors are matched; shape
        ``(n_cells,)``.
    fates
        Probability of each attractor, shape ``(n_cells, len(names))``; 0 for an attractor in which no cell is absorbed, and
        rows of NaN for cells that reach none.
    states
        Levels of the regulators at each attractor, attractors x regulators; ``None`` for terminal states.
    basins
        Attractor in whose basin each cell lies, as ``labels``; ``None``: the same.
    """

    names: tuple[str, ...]
    labels: NDArray[np.integer]
    fates: NDArray[np.float64]
    states: pd.DataFrame | None = None
    basins: NDArray[np.integer] | None = None


@dataclass(frozen=True, eq=False)
class Consensus:
    """One list of attractors for all models, in decreasing order of persistence, then of their numbers of cells.

    Attributes
    ----------
    table
        Attractors x ``persistence`` (share of the models that have it), ``kept``, ``n_models`` that have it, ``n_cells`` of
        the basin (mean over these), ``n_decided`` (cells that more than half of the models have in the basin), ``matched_by``: ``"cells"``, or
        ``"state"`` where no cell goes there.
    members
        Name of the attractor in each model, empty where the model has none: attractors x models.
    positions
        The same as positions in the list of the model, -1 for none; shape ``(n_attractors, n_models)``.
    fates
        Mean probability of each kept attractor, and ``"unresolved"``, the rest: cells x (kept + 1).
    basin
        Kept attractor in whose basin more than half of the models have the cell, -1 for none; shape ``(n_cells,)``.
    agreement
        Probability that two models send the cell to the same attractor, shape ``(n_cells,)``.
    levels
        Levels of the regulators over the models that have the attractor, each array ``(n_attractors, n_regulators)``;
        ``None`` without states.
    regulators
        Regulators that all models share.
    """

    table: pd.DataFrame
    members: pd.DataFrame
    positions: NDArray[np.int64]
    fates: pd.DataFrame
    basin: NDArray[np.int64]
    agreement: NDArray[np.float64]
    levels: Spread | None
    regulators: tuple[str, ...]

    @property
    def kept(self) -> list[str]:
        """Names of the attractors that are kept."""
        return [str(name) for name in self.table.index[self.table["kept"].to_numpy(dtype=bool)]]

    @property
    def level_tables(self) -> dict[str, pd.DataFrame]:
        """Mean ``"level"``, ``"low"`` and ``"high"``, attractors x regulators; empty without states."""
        if self.levels is None:
            return {}
        parts = {"level": self.levels.mean, "low": self.levels.low, "high": self.levels.high}
        genes = list(self.regulators)
        return {name: pd.DataFrame(part, index=self.table.index, columns=genes) for name, part in parts.items()}

    def names_in(self, model: int) -> dict[str, str]:
        """Name in the consensus of each attractor of a model, by its name in the model."""
        own = self.members.iloc[:, model]
        return {str(name): str(own.index[k]) for k, name in enumerate(own) if name}


def consensus(models: Sequence[Member], *, least: float = LEAST, kept: float = KEPT) -> Consensus:
    """Consensus of several models of the same cells; their order makes no difference.

    Attractors are matched by the cells that go there (:func:`landscape.consensus.match_attractors`). A cell counts by how
    decided its fate is (:func:`landscape.consensus.decidedness`): early cells are often most of a basin, and the border of
    basins among them is where models differ most.

    Parameters
    ----------
    models
        The models.
    least
        Smallest mean Jaccard index of attractors that are one.
    kept
        Share of the models from which on an attractor is kept. The others are in the table and uncertain.

    Returns
    -------
    The consensus.

    Raises
    ------
    ValueError
        If there is no model, models differ in their numbers of cells or share no regulator, or a share is not from 0 to 1.

    Examples
    --------
    >>> import numpy as np
    >>> from landscape.consensus import Member, consensus
    >>> one = Member(("A", "B"), np.array([0, 0, 1, 1]), np.eye(2)[[0, 0, 1, 1]])
    >>> other = Member(("A",), np.array([0, 0, -1, -1]), np.array([[1.0], [1.0], [np.nan], [np.nan]]))
    >>> found = consensus([one, one, other])
    >>> found.table["persistence"].round(2).to_dict()
    {'A': 1.0, 'B': 0.67}
    >>> found.agreement.round(2).tolist()
    [1.0, 1.0, 0.33, 0.33]
    """
    _require(models, least, kept)
    regulators = _shared_regulators(models)
    states = None if not regulators else [_levels(model, regulators) for model in models]
    labels, sizes = [model.labels for model in models], [len(model.names) for model in models]
    weights = decidedness([model.fates for model in models])
    matching = match_attractors(labels, sizes, states, weights=weights, least=least)
    votes = count_votes(labels, matching.members)
    order = _order(matching, votes)
    positions, votes = matching.members[order], votes[:, order]
    inside = count_votes([m.labels if m.basins is None else m.basins for m in models], positions)
    n_models = (positions >= 0).sum(1)
    persistence = n_models / len(models)
    stays = persistence >= kept
    names = _names(models, positions)
    # An attractor that more than half of the models have is among those that are kept, unless more is asked for.
    basin = basins_decided(inside, len(models))
    basin = np.where((basin >= 0) & np.append(stays, False)[basin], basin, -1)
    fates = mean_fates([model.fates for model in models], positions[stays])
    table = pd.DataFrame(
        {
            "persistence": persistence,
            "kept": stays,
            "n_models": n_models,
            "n_cells": inside.sum(0) / n_models,
            "n_decided": np.bincount(basin[basin >= 0], minlength=len(names)),
            "matched_by": np.where(matching.by_state[order], "state", "cells").astype(object),
        },
        index=pd.Index(names, name="attractor", dtype=object),
    )
    columns = [*(name for name, stay in zip(names, stays, strict=True) if stay), UNRESOLVED]
    return Consensus(
        table=table,
        members=_members(models, positions, table.index),
        positions=positions,
        fates=pd.DataFrame(fates, columns=columns),
        basin=basin,
        agreement=agreement(votes, len(models)),
        levels=None if states is None else spread_over_models(_stacked(states, positions)),
        regulators=regulators,
    )


def _require(models: Sequence[Member], least: float, kept: float) -> None:
    if not models:
        msg = "Expected models to take the consensus of, found none."
        raise ValueError(msg)
    if not (0 < least <= 1 and 0 < kept <= 1):
        msg = f"Expected `least` and `kept` above 0 and at most 1, found {least} and {kept}."
        raise ValueError(msg)
    shapes = {(len(model.labels), len(model.fates)) for model in models}
    if len(shapes) > 1 or len(set(next(iter(shapes)))) > 1:
        msg = f"Expected labels and fates of the same cells in all models, found numbers of cells {sorted(shapes)}."
        raise ValueError(msg)
    for model in models:
        if len(set(model.names)) < len(model.names) or model.fates.shape[1] != len(model.names):
            msg = (
                f"Expected different names, one for each column of the fates, found {list(model.names)} and "
                f"{model.fates.shape[1]} columns."
            )
            raise ValueError(msg)


def _shared_regulators(models: Sequence[Member]) -> tuple[str, ...]:
    """Regulators that all models have, sorted; none if a model has no states."""
    tables = [model.states for model in models if model.states is not None]
    if len(tables) < len(models):
        return ()
    shared = set.intersection(*(set(map(str, table.columns)) for table in tables))
    if not shared:
        msg = "Expected regulators that all models have, found none; choose regulators once for all models."
        raise ValueError(msg)
    return tuple(sorted(shared))


def _levels(model: Member, regulators: Sequence[str]) -> NDArray[np.float64]:
    return np.empty((0, 0)) if model.states is None else model.states[list(regulators)].to_numpy(dtype=float)


def _order(matching: Matching, votes: NDArray[np.int64]) -> NDArray[np.int64]:
    """By number of models, then by number of cells, then in the order of the matching."""
    n_models = (matching.members >= 0).sum(1)
    return np.lexsort((-votes.sum(0), -n_models))


def _names(models: Sequence[Member], positions: NDArray[np.int64]) -> list[str]:
    """The most frequent name among the members, of equally frequent ones the first of the alphabet; made distinct."""
    bare = [unnumbered(model.names) for model in models]
    chosen = []
    for row in positions:
        found = Counter(bare[m][k] for m, k in enumerate(row) if k >= 0)
        chosen.append(min(found, key=lambda name: (-found[name], name)))
    return numbered(chosen)


def _members(models: Sequence[Member], positions: NDArray[np.int64], names: pd.Index) -> pd.DataFrame:
    columns = {
        f"model {m + 1}": np.array([models[m].names[k] if k >= 0 else "" for k in positions[:, m]], dtype=object)
        for m in range(len(models))
    }
    return pd.DataFrame(columns, index=names)


def _stacked(states: Sequence[NDArray[np.float64]], positions: NDArray[np.int64]) -> NDArray[np.float64]:
    """States of each model at the attractors of the consensus, NaN where it has none; shape ``(n_models, k, d)``."""
    stack = np.full((len(states), len(positions), states[0].shape[1]), np.nan)
    for m, each in enumerate(states):
        has = positions[:, m] >= 0
        stack[m, has] = each[positions[has, m]]
    return stack

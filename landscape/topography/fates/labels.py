"""Labels of cells against the basins and fates of a model: where the cells of each label lie and go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from landscape.markov.naming import label_of

# Share of the cells, or of the probability, of a label above which another label's state is said to have it.
MOST = 0.5


def shares_by_label(labels: pd.Series, state: pd.Series, states: Sequence[str]) -> pd.DataFrame:
    """Share of each label's cells in each state; rows sum to one where every cell is in one of the states.

    Parameters
    ----------
    labels
        Label of each cell; cells without one are left out.
    state
        State of each cell, in the same order.
    states
        States, the columns of the result.

    Returns
    -------
    Labels x states.
    """
    indicator = pd.DataFrame({name: (state == name).to_numpy(dtype=float) for name in states}, index=labels.index)
    return means_by_label(labels, indicator)


def means_by_label(labels: pd.Series, values: pd.DataFrame) -> pd.DataFrame:
    """Mean of each column over the cells of each label; cells with a missing value or label are left out.

    Parameters
    ----------
    labels
        Label of each cell.
    values
        Cells x columns, in the same order.

    Returns
    -------
    Labels x columns; missing for a label without such a cell.
    """
    names = labels_present(labels)
    kept = labels.notna().to_numpy() & values.notna().all(axis=1).to_numpy()
    codes = pd.Categorical(labels[kept].astype(str), categories=names)
    means = values[kept].astype(float).groupby(codes, observed=False).mean()
    return means.set_axis(pd.Index(names, name="label", dtype=object))


def labels_present(labels: pd.Series) -> list[str]:
    """Labels that cells have: in the order of a categorical, or sorted."""
    present = labels.dropna()
    if isinstance(labels.dtype, pd.CategoricalDtype):
        return [str(name) for name in labels.cat.categories if (present == name).any()]
    return sorted(present.astype(str).unique())


def own_states(labels: Sequence[str], states: Sequence[str]) -> dict[str, list[str]]:
    """States that are named after each label.

    Parameters
    ----------
    labels
        Labels.
    states
        Names of attractors or terminal states, with numbers and ``-like`` where they have them.
    """
    found: dict[str, list[str]] = {label: [] for label in labels}
    for state in states:
        label = label_of(state, labels)
        if label is not None:
            found[label].append(state)
    return found


def own_share(table: pd.DataFrame, own: Mapping[str, Sequence[str]]) -> pd.Series:
    """Sum of a label's row over its own states; missing where it has none.

    Parameters
    ----------
    table
        Labels x states.
    own
        States of each label.
    """
    values = [table.loc[label, list(own[label])].sum() if own[label] else np.nan for label in table.index]
    return pd.Series(values, index=table.index, dtype=float)


def elsewhere(
    table: pd.DataFrame, own: Mapping[str, Sequence[str]], mature: Sequence[str]
) -> dict[str, tuple[str, float]]:
    """Labels most of whose cells, or of whose probability, belong to the states of one other label.

    Parameters
    ----------
    table
        Labels x states.
    own
        States of each label.
    mature
        Labels that are expected to have a state of their own: those that name an attractor or a terminal state. Progenitors
        lie in the basins of others by nature.

    Returns
    -------
    For each such label the other label and its share, above one half.
    """
    by_label = pd.DataFrame({label: table[list(states)].sum(axis=1) for label, states in own.items() if states})
    found = {}
    for label in mature:
        others = by_label.loc[label].drop(label, errors="ignore") if label in by_label.index else pd.Series(dtype=float)
        if len(others) and others.max() > MOST:
            found[label] = (str(others.idxmax()), float(others.max()))
    return found


def basin_sentences(found: Mapping[str, tuple[str, float]], n_cells: Mapping[str, int]) -> list[str]:
    """One sentence for each label of :func:`elsewhere` with its cells in the basins of another label."""
    return [
        f"{round(share * n_cells[label]):,} of {n_cells[label]:,} {label} cells lie in the basin of {other}"
        for label, (other, share) in found.items()
    ]


def fate_sentences(found: Mapping[str, tuple[str, float]], own: Mapping[str, float]) -> list[str]:
    """One sentence for each label of :func:`elsewhere` whose cells have the fate of another label on the chain.

    Parameters
    ----------
    found
        Result of :func:`elsewhere`.
    own
        Mean probability of the label's own fate; missing where it has none.
    """
    return [
        f"{label} cells end as {other} with a mean probability of {share:.2f} on the chain, "
        + (f"as {label} with {own[label]:.2f}" if np.isfinite(own[label]) else f"and there is no fate {label}")
        for label, (other, share) in found.items()
    ]

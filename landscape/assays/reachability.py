"""Reachability: whether states can be reached only through others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.sparse.csgraph import connected_components, shortest_path

from landscape._random import RandomLike
from landscape.assays.assess import N_NULL, Assay, Measured, assess
from landscape.assays.finding import Finding
from landscape.assays.subject import Subject, View

# Draws of the null.
N_DRAWS = 199


@dataclass(frozen=True, eq=False)
class Reach:
    """What can be reached in a directed graph.

    Attributes
    ----------
    direct, reachable
        Whether one step, or any number of them, leads from row to column, shape ``(k, k)``, without the diagonal.
    through
        Pairs that are reachable only through others, shape ``(k, k)``.
    terminal
        States, or cycles of states, that are left for no other: the number of each, in the order in which they are found.
    """

    direct: NDArray[np.bool_]
    reachable: NDArray[np.bool_]
    through: NDArray[np.bool_]
    terminal: tuple[tuple[int, ...], ...]


def reach(steps: ArrayLike) -> Reach:
    """What can be reached by steps that are possible, shape ``(k, k)``, from row to column."""
    direct = np.array(steps, dtype=bool)
    if direct.ndim != 2 or direct.shape[0] != direct.shape[1]:
        msg = f"Expected steps of shape (k, k), found {direct.shape}."
        raise ValueError(msg)
    np.fill_diagonal(direct, False)
    apart = shortest_path(direct.astype(float), unweighted=True)
    reachable = np.isfinite(apart) & (apart > 0)
    _, label = connected_components(direct, directed=True, connection="strong")
    leaves = {int(label[i]) for i, j in np.argwhere(direct) if label[i] != label[j]}
    ends = [tuple(np.flatnonzero(label == one).tolist()) for one in dict.fromkeys(label.tolist()) if one not in leaves]
    return Reach(direct, reachable, reachable & ~direct, tuple(ends))


def _measure(view: View, rng: np.random.Generator) -> Measured:
    heights = view.subject.barriers
    if heights is None:
        return Measured(np.nan, reason="there are no barriers between the states")
    s = np.array(heights, dtype=float)
    np.fill_diagonal(s, np.inf)
    s = np.where(np.isfinite(s), s, np.inf)
    # Within the time of development there are T gamma attempts, each of which succeeds with a probability of about exp(-S).
    limit = float(np.log(view.duration * view.rates.mean()))
    k = len(s)

    def share(values: NDArray[np.float64]) -> float:
        return float(reach(values < limit).through.sum() / (k * (k - 1)))

    off = ~np.eye(k, dtype=bool)
    null = []
    for _ in range(N_DRAWS):
        mixed = np.full_like(s, np.inf)
        mixed[off] = rng.permutation(s[off])
        null.append(share(mixed))
    found = reach(s < limit)
    names = list(view.subject.names)
    details = {
        "limit": limit,
        "reachable": pd.DataFrame(found.reachable, index=names, columns=names),
        "through": pd.DataFrame(found.through, index=names, columns=names),
    }
    by_replicate = view.subject.extras.get("barrier_interval")
    if by_replicate is None:
        interval = (np.nan, np.nan) if view.subject.ensemble is not None else (share(s), share(s))
    else:
        ends = [share(np.where(np.isfinite(part), part, np.inf)) for part in by_replicate]
        interval = (min(*ends, share(s)), max(*ends, share(s)))
    return Measured(share(s), details=details, null=null, interval=interval)


ASSAY = Assay(
    name="reachability",
    row="24",
    section="The decoder: generative models of growth and development",
    claim="Each transition reveals states that could not be reached before.",
    statistic="share of ordered pairs of cell types of which the second is reached from the first only through others",
    direction="above",
    needs="C",
    measure=_measure,
    null="heights of barriers permuted among pairs",
    rewires=False,
    min_memories=3,
    requires=frozenset({"barriers"}),
)


def reachability(subject: Subject, *, n_null: int = N_NULL, rng: RandomLike = 0) -> Finding:
    r"""Share of ordered pairs of states of which the second is reached only through others, within the time of development.

    A step is possible where :math:`S < \ln(T \gamma)`: among :math:`T \gamma` attempts one succeeds with a probability of the order of
    :math:`e^{-S}`. The interval is that at the lower and upper ends of all barriers.

    Parameters
    ----------
    subject
        Model beside its cells, with barriers.
    n_null, rng
        As for :func:`landscape.assays.assess`.

    Returns
    -------
    Finding with the tables ``reachable`` and ``through`` in its details.
    """
    return assess(ASSAY, subject, n_null=n_null, rng=rng)

"""A transition matrix between cells as a source of direction, from any method."""

from __future__ import annotations

from typing import TYPE_CHECKING

from landscape.directions.direction import GRADES, Direction, Grade, require_name
from landscape.directions.source import Cells, Data, Sample, Signal, Source

if TYPE_CHECKING:
    from scipy import sparse

    from landscape.markov.directed import Directed

# Largest deviation of a row sum from one that rounding of a stored matrix may leave.
_ROUNDING = 1e-6
# Random projections of counts in which the aims of transitions are compared.
_N_PROJECTIONS = 20


def from_transitions(key: str, *, grade: Grade = "C", weight: float = 1.0) -> Direction:
    """Transition matrix between cells in ``adata.obsp[key]``, rows summing to one.

    CellRank's kernels give grade C. Matrices from lineage barcodes or real time points deserve grade B; only the caller
    knows.

    Parameters
    ----------
    key
        Name of the matrix.
    grade
        Identifiability grade, see :data:`landscape.dynamics.GRADES`.
    weight
        Weight in a combination.

    Raises
    ------
    ValueError
        If there is no such grade.
    """
    if grade not in GRADES:
        msg = f"Expected `grade` to be one of {list(GRADES)}, found {grade!r}."
        raise ValueError(msg)
    return Direction(TRANSITIONS.name, require_name(key), grade, weight=weight)


def _describe(direction: Direction) -> str:
    return f"transitions between cells in obsp[{direction.key!r}]"


def _matrix(data: Data, direction: Direction) -> sparse.csr_matrix:
    from scipy import sparse

    return sparse.csr_matrix(data.pairs(direction.key, hint="pass the key of a transition matrix"), dtype=float)


def _require(data: Data, direction: Direction) -> None:
    """Refuse a matrix with rows that are no probabilities, such as of lineage barcodes that match no other cell."""
    import numpy as np

    chain = _matrix(data, direction)
    if empty := int((abs(chain).sum(1) == 0).sum()):
        msg = (
            f"Expected transitions of every cell in `adata.obsp[{direction.key!r}]`, found {empty} of {chain.shape[0]} cells "
            "without any: their barcodes or names match no other cell. Take the cells that match, or complete the others' "
            "rows with those of a neighbour graph."
        )
        raise ValueError(msg)
    error = float(np.abs(np.asarray(chain.sum(1)).ravel() - 1).max())
    if not np.isfinite(chain.data).all() or (chain.data < 0).any() or error > _ROUNDING:
        msg = (
            f"Expected rows of `adata.obsp[{direction.key!r}]` that are probabilities summing to 1, found a deviation of "
            f"{error:.1e}; divide each row by its sum."
        )
        raise ValueError(msg)


def _read(cells: Cells, direction: Direction) -> Directed:
    from landscape.markov.directed import directed_by_chain

    return directed_by_chain(cells.graph, cells.states, _matrix(cells, direction))


def _signals(sample: Sample, direction: Direction) -> list[Signal]:
    """Mean state to which the transitions of a cell lead, in random projections of normalised counts."""
    import numpy as np
    from scipy import sparse

    counts = sample.counts().astype(float)
    depth = np.maximum(np.ravel(counts.sum(1)), 1)
    levels = (sparse.diags(1 / depth) @ counts).sqrt()
    state = levels @ sample.rng.normal(size=(counts.shape[1], _N_PROJECTIONS))
    aims = _matrix(sample, direction)[sample.rows] @ state
    return [Signal(_describe(direction), np.asarray(aims), counts[sample.rows])]


TRANSITIONS = Source(name="transitions", grade="C", describe=_describe, require=_require, read=_read, signals=_signals)

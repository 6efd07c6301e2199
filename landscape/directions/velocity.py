"""Velocities of genes as a source of direction, from any method."""

from __future__ import annotations

from typing import TYPE_CHECKING

from landscape.directions.direction import Direction, require_name
from landscape.directions.source import Cells, Data, Option, Sample, Signal, Source

if TYPE_CHECKING:
    from landscape.markov.directed import Directed

# Layer in which scVelo and its kin leave velocities.
_LAYER = "velocity"
_HINT = "pass the layer that holds velocities"
# Below any standard deviation of expression: keeps a quotient finite for a gene that does not vary.
_TINY = 1e-12


def from_velocity(layer: str = _LAYER, *, weight: float = 1.0) -> Direction:
    """Velocities of genes in ``adata.layers[layer]``, NaN where unknown. Grade C.

    Parameters
    ----------
    layer
        Layer of the velocities; a gene has one in all cells or in none.
    weight
        Weight in a combination.
    """
    return Direction(VELOCITY.name, require_name(layer), VELOCITY.grade, weight=weight)


def _describe(direction: Direction) -> str:
    return f"the velocity in layers[{direction.key!r}]"


def _detect(data: Data) -> list[Direction]:
    return [from_velocity()] if _LAYER in data.layers else []


def _require(data: Data, direction: Direction) -> None:
    data.layer(direction.key, hint=_HINT)


def _read(cells: Cells, direction: Direction) -> Directed:
    import numpy as np
    from scipy import sparse

    from landscape.markov.directed import MAX_VELOCITY_GENES, directed_by_velocity
    from landscape.markov.pooling import pooled

    velocity = cells.layer(direction.key, hint=_HINT)
    known = np.flatnonzero(np.isfinite(np.asarray(velocity[0].todense() if sparse.issparse(velocity) else velocity[0])))
    speed = np.asarray(abs(velocity[:, known]).sum(0)).ravel()
    genes = known[np.sort(np.argsort(-speed, kind="stable")[:MAX_VELOCITY_GENES])]
    genes = genes[np.isin(genes, known[speed > 0])]
    chosen = velocity[:, genes]
    v = np.asarray(chosen.todense() if sparse.issparse(chosen) else chosen, dtype=np.float64)
    if not len(genes) or not np.isfinite(v).all():
        msg = (
            f"Expected velocities in `adata.layers[{direction.key!r}]` that are finite or missing for a whole gene, found "
            f"{len(genes)} genes that move and {int((~np.isfinite(v)).sum())} values that are not finite."
        )
        raise ValueError(msg)
    s = pooled(cells.counts(), cells.graph, genes)
    spread = np.maximum(s.std(0), _TINY)
    return directed_by_velocity(cells.graph, cells.states, s / spread, v / spread)


def _signals(sample: Sample, direction: Direction) -> list[Signal]:
    """Directions of the velocities of the genes that move most."""
    import numpy as np
    from scipy import sparse

    from landscape.markov.directed import MAX_VELOCITY_GENES
    from landscape.structure.velocities import velocity_directions

    stored = sample.layer(direction.key, hint=_HINT)[sample.rows]
    dense = stored.toarray() if sparse.issparse(stored) else np.asarray(stored, dtype=float)
    known = dense[:, np.isfinite(dense).all(0)]
    speed = np.abs(known).sum(0)
    fastest = np.argsort(-speed, kind="stable")[:MAX_VELOCITY_GENES]
    values = velocity_directions(known[:, fastest[speed[fastest] > 0]].astype(float))
    return [Signal(_describe(direction), values, sample.counts()[sample.rows])]


VELOCITY = Source(
    name="velocity",
    grade="C",
    describe=_describe,
    require=_require,
    read=_read,
    detect=_detect,
    sought=f"layers[{_LAYER!r}]",
    signals=_signals,
    options=(Option("velocity_layer", "Direction: a velocity.", from_velocity, metavar="LAYER"),),
)

"""Velocities of genes as a source of direction, from any method."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from landscape.directions.direction import Direction, require_name
from landscape.directions.source import Cells, Data, Option, Sample, Signal, Source, usable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

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
    """The layer, if any gene has a velocity."""
    return usable(data, from_velocity(), _require)


def _require(data: Data, direction: Direction) -> None:
    """Refuse velocities that are missing for some cells of a gene, or zero throughout."""
    import numpy as np
    from scipy import sparse

    where = f"adata.layers[{direction.key!r}]"
    velocity = data.layer(direction.key, hint=_HINT)
    if not (sparse.issparse(velocity) or isinstance(velocity, np.ndarray)) or velocity.dtype.kind not in "iuf":
        msg = f"Expected numbers in `{where}`, found {getattr(velocity, 'dtype', type(velocity).__name__)}; {_HINT}."
        raise TypeError(msg)
    missing = _missing(velocity)
    partly = np.flatnonzero((missing > 0) & (missing < velocity.shape[0]))
    if len(partly):
        msg = (
            f"Expected velocities in `{where}` that a gene has in all cells or in none, found {len(partly)} genes with missing or infinite "
            f"ones in some cells, for instance {data.gene_names[partly[0]]!r} in {missing[partly[0]]} of {velocity.shape[0]}; set them to 0, or "
            "to NaN in all cells of the gene to leave it out."
        )
        raise ValueError(msg)
    if not len(moving_genes(velocity)):
        msg = (
            f"Expected velocities in `{where}`, found none that is not 0 or missing in all of {velocity.shape[1]} genes; compute them again, "
            "or name another source of direction."
        )
        raise ValueError(msg)


def moving_genes(velocity: Any) -> NDArray[np.int64]:
    """Positions of the genes that have a velocity in all cells, not always 0; those that move most where they are many."""
    import numpy as np

    from landscape.markov.directed import MAX_VELOCITY_GENES

    known = np.flatnonzero(_missing(velocity) == 0)
    speed = np.asarray(abs(velocity[:, known]).sum(0)).ravel()
    fastest = np.argsort(-speed, kind="stable")[:MAX_VELOCITY_GENES]
    return known[np.sort(fastest[speed[fastest] > 0])]


def _missing(velocity: Any) -> NDArray[np.int64]:
    """Number of cells in which each gene has no finite velocity, shape ``(n_genes,)``."""
    import numpy as np
    from scipy import sparse

    if not sparse.issparse(velocity):
        return np.asarray(velocity.shape[0] - np.isfinite(velocity).sum(0))
    stored = sparse.coo_matrix(velocity)
    return np.bincount(stored.col[~np.isfinite(stored.data)], minlength=velocity.shape[1])


def _read(cells: Cells, direction: Direction) -> Directed:
    import numpy as np
    from scipy import sparse

    from landscape.markov.directed import directed_by_velocity
    from landscape.markov.pooling import pooled

    velocity = cells.layer(direction.key, hint=_HINT)
    genes = moving_genes(velocity)
    chosen = velocity[:, genes]
    v = np.asarray(chosen.todense() if sparse.issparse(chosen) else chosen, dtype=np.float64)
    s = pooled(cells.counts(), cells.graph, genes)
    spread = np.maximum(s.std(0), _TINY)
    return directed_by_velocity(cells.graph, cells.states, s / spread, v / spread)


def _signals(sample: Sample, direction: Direction) -> list[Signal]:
    """Directions of the velocities of the genes that move most."""
    import numpy as np
    from scipy import sparse

    from landscape.structure.velocities import velocity_directions

    stored = sample.layer(direction.key, hint=_HINT)[sample.rows]
    chosen = stored[:, moving_genes(stored)]
    values = velocity_directions(
        chosen.toarray().astype(float) if sparse.issparse(chosen) else np.asarray(chosen, dtype=float)
    )
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

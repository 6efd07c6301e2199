"""Unspliced counts as a source of direction: what is transcribed before it is spliced."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from landscape import _keys
from landscape.directions.direction import Direction, require_name
from landscape.directions.source import Cells, Data, Option, Sample, Signal, Source, usable

if TYPE_CHECKING:
    from landscape.markov.directed import Directed

logger = logging.getLogger(__name__)


def from_unspliced(layer: str = _keys.UNSPLICED, *, weight: float = 1.0) -> Direction:
    """Unspliced counts in ``adata.layers[layer]`` beside the spliced ones. Grade C.

    Parameters
    ----------
    layer
        Layer of the unspliced counts.
    weight
        Weight in a combination.
    """
    return Direction(UNSPLICED.name, require_name(layer), UNSPLICED.grade, weight=weight)


def _describe(direction: Direction) -> str:
    return f"unspliced counts in layers[{direction.key!r}]"


def _detect(data: Data) -> list[Direction]:
    """The layer, if it holds counts: what is normalised or empty is no direction."""
    return usable(data, from_unspliced(), _require)


def _require(data: Data, direction: Direction) -> None:
    from landscape import _counts

    where = f"adata.layers[{direction.key!r}]"
    counts = _counts.canonical(
        data.layer(direction.key, hint="pass the layer that holds unspliced counts"), where=where
    )
    _counts.require_counts(counts, where=where, cells=data.cell_names, genes=data.gene_names)
    if (n_genes := int(((counts > 0).sum(0) > 0).sum())) < 2:
        msg = (
            f"Expected unspliced counts in `{where}`, found {n_genes} genes with any; count introns as well (velocyto, STARsolo, kb), or use "
            "another source of direction."
        )
        raise ValueError(msg)


def _read(cells: Cells, direction: Direction) -> Directed:
    import numpy as np

    from landscape.markov.directed import MAX_VELOCITY_GENES, directed_by_velocity
    from landscape.markov.pooling import pooled
    from landscape.markov.splicing import steady_state_velocity

    spliced, unspliced = cells.counts(), cells.counts(direction.key)
    detected = np.asarray((unspliced > 0).sum(0)).ravel()
    genes = np.sort(np.argsort(-detected, kind="stable")[:MAX_VELOCITY_GENES])
    genes = genes[detected[genes] > 0]
    if len(genes) < 2:
        msg = f"Expected unspliced counts in `adata.layers[{direction.key!r}]`, found {len(genes)} genes with any."
        raise ValueError(msg)
    s, u = pooled(spliced, cells.graph, genes), pooled(unspliced, cells.graph, genes)
    found = steady_state_velocity(u, s)
    logger.info("velocities of %d genes from unspliced counts", int(found.used.sum()))
    # Velocities of logarithmic abundance: d log(1 + s) / dt.
    y = np.log1p(s[:, found.used])
    return directed_by_velocity(cells.graph, cells.states, y, found.velocity[:, found.used] / (1 + s[:, found.used]))


def _signals(sample: Sample, direction: Direction) -> list[Signal]:
    """Unspliced counts among neighbours by spliced ones, and the degree of splicing among neighbours by both."""
    from scipy import sparse

    from landscape.structure.velocities import abundance, splicing

    spliced, unspliced = (sample.counts(layer)[sample.rows].astype(float) for layer in (None, direction.key))
    return [
        Signal(_describe(direction), abundance(unspliced, sample.rng), spliced),
        Signal(
            f"degree of splicing in layers[{direction.key!r}]",
            splicing(spliced, unspliced, sample.rng),
            sparse.csr_matrix(spliced + unspliced),
        ),
    ]


UNSPLICED = Source(
    name="unspliced",
    grade="C",
    describe=_describe,
    require=_require,
    read=_read,
    detect=_detect,
    sought=f"layers[{_keys.UNSPLICED!r}]",
    signals=_signals,
    options=(Option("unspliced", "Direction: unspliced counts.", from_unspliced, metavar="LAYER"),),
)

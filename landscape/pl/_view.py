"""What every drawing of the landscape shares: heights, cells with places and colours, attractors, paths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from anndata import AnnData
from numpy.typing import NDArray

from landscape import _keys
from landscape._anndata import read_result, require_adata, results_of
from landscape._random import RandomLike
from landscape.pl._cells import Colours, colours, coordinates, sample
from landscape.pl._figure import INK
from landscape.pl._grid import Grid
from landscape.pl._places import Place, attractor_places, unobserved
from landscape.pl._ways import Ways, ways

HEIGHT_LABEL = "occupancy, \N{MINUS SIGN}ln p (model ensemble)"
HINT = "run `landscape.tl.occupancy(adata)` first"


@dataclass(frozen=True)
class View:
    """Everything that is on a drawing of the landscape.

    Attributes
    ----------
    adata, record
        Annotated data, and the record of heights.
    grid
        Heights, not cut.
    where, basis
        Places of all cells, shape ``(n_cells, 2)``, and the key of the embedding.
    painted
        Colours of all cells.
    chosen, words
        Cells that are drawn, and the words that say so where it is not all of them.
    places, ways
        Attractors, and what joins them.
    by_basin
        Whether cells have the colours of their basins.
    """

    adata: AnnData
    record: Mapping[str, Any]
    grid: Grid
    where: NDArray[np.float64]
    basis: str
    painted: Colours
    chosen: NDArray[np.int64]
    words: str
    places: Sequence[Place]
    ways: Ways
    by_basin: bool

    @property
    def label(self) -> str:
        """What the height is."""
        return str(self.record.get("label") or HEIGHT_LABEL)

    @property
    def edges(self) -> list[str]:
        """Colour of each attractor's name."""
        return [self.painted.palette.get(place.name, INK) if self.by_basin else INK for place in self.places]

    def notes(self, grid: Grid, words: str = "") -> list[str]:
        """What was left out, cut or sampled, in words."""
        notes = []
        if not grid.support.all():
            notes.append("hatched: height unknown")
        if grid.is_cut:
            notes.append(f"plateau: above {grid.highest:.3g}")
        if self.ways.lines:
            notes.append("lines: least-action paths to the saddles (diamonds)")
            if not all(way.near.all() for way in self.ways.lines):
                notes.append("thin: no cells near")
        if words or self.words:
            notes.append(words or self.words)
        return [*notes, *self._without_cells()]

    def _without_cells(self) -> list[str]:
        """Attractors that are predictions: those without a place, and those that no cell is near."""
        record = results_of(self.adata).get(_keys.ATTRACTORS)
        if record is None or not self.places:
            return []
        table, drawn = record["table"], {place.name for place in self.places}
        left_out = [str(name) for name in table.index if str(name) not in drawn]
        notes = [f"no cells, so not drawn: {', '.join(left_out)}"] if left_out else []
        unseen = [name for name in unobserved(table) if name in drawn]
        return [*notes, f"no cells near the state: {', '.join(unseen)}"] if unseen else notes


def look(
    adata: AnnData,
    *,
    color: str | None,
    basis: str | None,
    occupancy_key: str,
    layer: str | None,
    palette: Mapping[str, str] | Sequence[str] | None,
    cmap: str,
    n_cells: int | None,
    labels: bool,
    paths: bool,
    rng: RandomLike,
) -> View:
    """Read what a drawing of the landscape needs; arguments as in :func:`landscape.pl.landscape`."""
    require_adata(adata)
    record = read_result(adata, occupancy_key, hint=HINT)
    where, basis = coordinates(adata, basis or record.get("basis"))
    painted = colours(adata, color, palette=palette, cmap=cmap, layer=layer)
    chosen, words = sample(adata, n_cells, rng)
    places = attractor_places(adata, where, record if basis == record.get("basis") else None)
    return View(
        adata=adata,
        record=record,
        grid=Grid.of(record),
        where=where,
        basis=basis,
        painted=painted,
        chosen=chosen,
        words=words,
        places=places if labels else [],
        ways=ways(adata, where, places) if paths else Ways(),
        by_basin=color == _keys.BASIN,
    )

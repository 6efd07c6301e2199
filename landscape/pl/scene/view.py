"""What is on a drawing of the landscape: heights, cells with places and colours, attractors, transitions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from anndata import AnnData
from numpy.typing import NDArray

from landscape import _keys
from landscape._anndata import read_result, require_adata, results_of
from landscape._random import RandomLike
from landscape.pl.scene.cells import Colours, colours, coordinates, sample
from landscape.pl.scene.height_map import HeightMap
from landscape.pl.scene.places import Place, attractor_places, development_direction, unobserved
from landscape.pl.scene.relief import Camera, Relief
from landscape.pl.scene.transitions import PlaneTransitions, plane_transitions
from landscape.pl.style.figure import INK

HEIGHT_LABEL = "occupancy, \N{MINUS SIGN}ln p (model ensemble)"
HINT = "run `landscape.tl.occupancy(adata)` first"
# Angle of the view above the plane, in degrees, and facets of the surface along a side.
ELEVATION = 48.0
RESOLUTION = 220
# Drawn heights to choose from, where half of the plane's width is 1: the first from which enough cells are in sight.
RISES = (0.7, 0.6, 0.5, 0.42, 0.36, 0.3)
MIN_IN_SIGHT = 0.9
# Cells for which it is checked whether they are in sight.
_CHECKED = 300


@dataclass(frozen=True)
class View:
    """What is on a drawing of the landscape.

    Attributes
    ----------
    adata, record
        Annotated data, and the record of heights.
    heights
        Heights, not cut.
    where, basis
        Places of all cells, shape ``(n_cells, 2)``, and the key of the embedding.
    painted
        Colours of all cells.
    chosen, sampling
        Cells that are drawn, and a note of how many of how many where it is not all of them.
    places, transitions
        Attractors, and the saddles and paths between them.
    by_basin
        Whether cells have the colours of their basins.
    """

    adata: AnnData
    record: Mapping[str, Any]
    heights: HeightMap
    where: NDArray[np.float64]
    basis: str
    painted: Colours
    chosen: NDArray[np.int64]
    sampling: str
    places: Sequence[Place]
    transitions: PlaneTransitions
    by_basin: bool

    @property
    def label(self) -> str:
        """What the height is."""
        return str(self.record.get("label") or HEIGHT_LABEL)

    @property
    def edges(self) -> list[str]:
        """Colour of each attractor's name."""
        return [self.painted.palette.get(place.name, INK) if self.by_basin else INK for place in self.places]

    def notes(self, heights: HeightMap, sampling: str = "") -> list[str]:
        """Notes for the caption: what was left out, cut or sampled."""
        notes = []
        if not heights.support.all():
            notes.append("hatched: height unknown")
        if heights.is_cut:
            notes.append(f"plateau: above {heights.highest:.3g}")
        if self.transitions.paths:
            notes.append("lines: minimum-action paths to the saddles (diamonds)")
            if not all(path.near.all() for path in self.transitions.paths):
                notes.append("thin: no cells near")
        if sampling or self.sampling:
            notes.append(sampling or self.sampling)
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


def basin_view(adata: AnnData, *, n_cells: int, paths: bool) -> View:
    """What a drawing of the landscape needs that is made of results alone: cells by basin where there are basins, and no other choices."""
    return read_view(
        adata,
        color=_keys.BASIN if _keys.BASIN in adata.obs else None,
        basis=None,
        occupancy_key=_keys.OCCUPANCY,
        layer=None,
        palette=None,
        cmap="viridis",
        n_cells=n_cells,
        labels=True,
        paths=paths,
        rng=0,
    )


def read_view(
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
    """Read what a drawing of the landscape needs; parameters as in :func:`landscape.pl.landscape`."""
    require_adata(adata)
    record = read_result(adata, occupancy_key, hint=HINT)
    where, basis = coordinates(adata, basis or record.get("basis"))
    painted = colours(adata, color, palette=palette, cmap=cmap, layer=layer)
    chosen, sampling = sample(adata, n_cells, rng)
    places = attractor_places(adata, where, record if basis == record.get("basis") else None)
    return View(
        adata=adata,
        record=record,
        heights=HeightMap.from_record(record),
        where=where,
        basis=basis,
        painted=painted,
        chosen=chosen,
        sampling=sampling,
        places=places if labels else [],
        transitions=plane_transitions(adata, where, places) if paths else PlaneTransitions(),
        by_basin=color == _keys.BASIN,
    )


def relief_of(
    view: View,
    *,
    azimuth: float | None = None,
    elevation: float = ELEVATION,
    rise: float | None = None,
    ceiling: float | None = None,
    resolution: int = RESOLUTION,
) -> tuple[Relief, HeightMap, str]:
    """Relief of a view; parameters as in :func:`landscape.pl.landscape`.

    Returns
    -------
    Relief; heights that it shows; and the name of what runs towards the viewer.
    """
    heights, where = view.heights, view.where
    heights = (replace(heights, ceiling=ceiling) if ceiling is not None else heights.cut_above(where)).cropped()
    turn, development = (
        (np.deg2rad(azimuth), "") if azimuth is not None else development_direction(view.adata, where, view.basis)
    )
    keep = np.concatenate([where, *[place.point[None] for place in view.places]])
    return _relief(heights, keep, turn, elevation, rise, resolution), heights, development


def _relief(
    heights: HeightMap, keep: NDArray[np.float64], turn: float, elevation: float, rise: float | None, n: int
) -> Relief:
    """Highest relief from which enough of the points to ``keep`` are in sight."""
    some = keep[:: max(1, len(keep) // _CHECKED)]
    for candidate in RISES if rise is None else (rise,):
        relief = Relief(heights, Camera.on(heights, azimuth=turn, elevation=elevation, rise=candidate, keep=keep), n)
        turned = relief.camera.turned(some)
        if relief.visible(turned, relief.camera.lift(heights.at(some))).mean() >= MIN_IN_SIGHT:
            break
    return relief

"""Every figure that the results allow, with the words that belong to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from anndata import AnnData
from matplotlib.figure import Figure

from landscape import _keys, pl
from landscape.pl._network import regulator_weights


@dataclass(frozen=True)
class Drawn:
    """A figure: file name without ending, heading, what it shows, and the figure itself."""

    name: str
    title: str
    text: str
    figure: Figure


# Name, heading and text of each figure, in the order of the page.
WORDS: dict[str, tuple[str, str]] = {
    "landscape": (
        "The landscape",
        "Height is the occupancy of the fitted stochastic model, minus its logarithm: the model spends its time in the "
        "valleys. Balls are cells. The view is turned so that development runs towards the reader; nothing is moved up or "
        "down for that. The plane is for drawing only: read numbers from the tables.",
    ),
    "map": ("The landscape from above", "The same heights as a map."),
    "attractors": (
        "Attractors",
        "Stable states of the fitted drift, without noise: level of each regulator, cells in the basin, leading "
        "eigenvalue of the Jacobian, and the share of an ensemble of fitted models that has the state too.",
    ),
    "fates": (
        "Fates",
        "Probability that a cell ends in each attractor, by absorption on the directed graph of cells. Bright entropy: "
        "not committed yet.",
    ),
    "network": (
        "Network",
        "Signed weights among regulators inside the support that enters the drift. An edge is a statistical claim, not a "
        "binding site.",
    ),
    "barriers": ("Barriers", "Action that the noise has to spend to leave one attractor for another, with intervals."),
}


def figures(adata: AnnData) -> Iterator[Drawn]:
    """Draw what the results allow, one figure at a time; close each (``plt.close``) when done with it."""
    results = adata.uns.get(_keys.UNS, {})
    has_heights = _keys.OCCUPANCY in results
    attractors = results.get(_keys.ATTRACTORS)
    color = _keys.BASIN if _keys.BASIN in adata.obs else None
    options: dict[str, Any] = {"show": False, "return_fig": True}
    if has_heights:
        yield _drawn("landscape", pl.landscape(adata, color=color, **options))
        yield _drawn("map", pl.landscape2d(adata, color=color, **options))
    if attractors is not None and len(attractors["states"]):
        yield _drawn("attractors", pl.attractors(adata, **options))
    if _keys.FATES in adata.obsm and adata.obsm[_keys.FATES].shape[1]:
        yield _drawn("fates", pl.fates(adata, **options))
    if _keys.NETWORK in adata.varp and (regulator_weights(adata).to_numpy() != 0).any():
        yield _drawn("network", pl.network(adata, **options))
    barriers = results.get(_keys.BARRIERS)
    table = barriers["table"] if isinstance(barriers, dict) else barriers
    if table is not None and table["height"].notna().any():
        yield _drawn("barriers", pl.barriers(adata, **options))


def _drawn(name: str, figure: Any) -> Drawn:
    title, text = WORDS[name]
    return Drawn(name, title, text, figure)

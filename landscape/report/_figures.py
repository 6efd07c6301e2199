"""Every figure that the results allow, with the words that belong to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from anndata import AnnData
from matplotlib.figure import Figure

from landscape import _keys, pl
from landscape._anndata import results_of
from landscape.pl._network import regulator_weights
from landscape.report._tables import file_stem, perturbations


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
        "valleys. Balls are cells; lines are least-action paths up to the saddles (diamonds) where they were computed. The view is turned so that development runs towards the reader; nothing is moved up or "
        "down for that. The plane is for drawing only: read numbers from the tables.",
    ),
    "map": ("The landscape from above", "The same heights as a map, with the direction of the fitted drift."),
    "attractors": (
        "Attractors",
        "Stable states of the fitted drift, without noise and at the level of mRNA: level of each regulator, cells in the basin, leading "
        "eigenvalue of the Jacobian, and the share of an ensemble of fitted models that has the state too.",
    ),
    "fates": (
        "Fates",
        "Probability that a cell ends in each attractor, by absorption on the directed graph of cells. Bright entropy: "
        "not committed yet (in bits).",
    ),
    "terminal_states": (
        "Fates among the terminal states of the chain",
        "Probability that a cell ends in each terminal state of the directed chain of cells, which is told from the direction "
        "without the model and its attractors.",
    ),
    "fates_model": (
        "Fates of the model beside those of the chain",
        "The probability of each fate by paths of the fitted model, against that on the directed graph of cells: two answers "
        "that share the cells and no step. Rings are cells in which they differ by more than chance; believe neither there.",
    ),
    "drivers": (
        "Genes that go with each fate",
        "Partial correlation of a gene with the probability of a fate, over blocks of neighbouring cells, with depth regressed "
        "out; lines are 95 % intervals. Association on the way to a fate, not cause: what the model expects of a removal is "
        "told by a perturbation.",
    ),
    "network": (
        "Network",
        "Signed weights among regulators inside the support that enters the drift. An edge is a statistical claim, not a "
        "binding site.",
    ),
    "barriers": ("Barriers", "Action that the noise has to spend to leave one attractor for another, with intervals."),
    "passages": ("Passages", "The same barriers as a graph: thick arrows are easy passages."),
    "paths": (
        "Genes along a transition",
        "Levels along the least-action path of the easiest passage, genes in the order in which they move. Other "
        "transitions: `landscape.pl.paths(adata, start=, end=)`; all of them are in the table.",
    ),
    "path_fates": (
        "Fates along the same transition",
        "Fate probabilities of the cells around each state of the path. Where they are even, the chain of cells decides; "
        "the dashed line is where the fitted model does. Far apart, the two disagree.",
    ),
}
_PERTURBATION = (
    "Landscape before and after on one scale, the share of each fate (ring before, dot after, bar: interval), and the "
    "regulators that move most. A prediction of the fitted model, not a measurement."
)


def figures(adata: AnnData) -> Iterator[Drawn]:
    """Draw what the results allow, one figure at a time; close each (``plt.close``) when done with it."""
    results = results_of(adata)
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
    if (key := f"{_keys.TERMINAL}_fates") in adata.obsm:
        yield _drawn("terminal_states", pl.fates(adata, key=key, **options))
    if f"{_keys.FATES}{_keys.FATES_COMPARED[0]}" in adata.obsm and "by_fate" in results.get(_keys.FATES_PARAMS, {}):
        yield _drawn("fates_model", pl.fates(adata, kind="model", **options))
    drivers = results.get(_keys.DRIVERS)
    if drivers is not None and drivers["table"]["correlation"].notna().any():
        yield _drawn("drivers", pl.drivers(adata, **options))
    if _keys.NETWORK in adata.varp and (regulator_weights(adata).to_numpy() != 0).any():
        yield _drawn("network", pl.network(adata, **options))
    barriers = results.get(_keys.BARRIERS)
    if barriers is not None and barriers["table"]["height"].notna().any():
        yield _drawn("barriers", pl.barriers(adata, **options))
        if len(set(barriers["table"]["from"])) > 2:
            yield _drawn("passages", pl.barriers(adata, kind="graph", **options))
    paths = results.get(_keys.PATHS)
    if paths is not None and len(paths["table"]):
        yield _drawn("paths", pl.paths(adata, **options))
        if _keys.FATES in adata.obsm and _keys.STATE in adata.obsm:
            yield _drawn("path_fates", pl.fates(adata, kind="path", **options))
    for name, (key, title, text) in _perturbed(adata).items():
        yield Drawn(name, title, text, pl.perturbation(adata, key=key, **options))


def words(adata: AnnData) -> list[tuple[str, str, str]]:
    """Name, heading and text of every figure that there may be, in the order of the page."""
    fixed = [(name, title, text) for name, (title, text) in WORDS.items()]
    return fixed + [(name, title, text) for name, (_, title, text) in _perturbed(adata).items()]


def _perturbed(adata: AnnData) -> dict[str, tuple[str, str, str]]:
    """Key, heading and text of each perturbation, by the name of its figure."""
    found: dict[str, tuple[str, str, str]] = {}
    for key in perturbations(adata):
        found[file_stem(f"perturbation_{key}", found)] = (key, f"Perturbation: {key}", _PERTURBATION)
    return found


def _drawn(name: str, figure: Any) -> Drawn:
    title, text = WORDS[name]
    return Drawn(name, title, text, figure)

"""Figures of the report: one table with their titles, captions, conditions and drawing functions.

To add a figure, add one :class:`Entry` to :data:`FIGURES`, at its place on the page: a name (of its file, its anchor and its
entry in the table of contents), a title, a caption, a function that returns whether the results have what it needs, and a
function that draws it. Nothing else has to be changed. A figure that is drawn once for each of several results, as those of
perturbations, is made by a function such as :func:`_perturbations`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from anndata import AnnData
from matplotlib.figure import Figure

from landscape import _keys, get, pl
from landscape._anndata import results_of
from landscape._labels import label_key_of
from landscape.pl.style.verdict import flag
from landscape.report._tables import file_stem, perturbations

_OPTIONS: dict[str, Any] = {"show": False, "return_fig": True}


@dataclass(frozen=True)
class Entry:
    """A figure that the report may have.

    Attributes
    ----------
    name
        Name of the file without ending, and anchor on the page.
    title, text
        Title, and caption: what the figure shows and how to read it. Text between backticks is set as code.
    possible
        Whether the results have what the figure needs.
    draw
        Function that draws it.
    """

    name: str
    title: str
    text: str
    possible: Callable[[AnnData], bool]
    draw: Callable[[AnnData], Any]  # a figure, which functions of `pl` return on request


@dataclass(frozen=True)
class Drawn:
    """A figure: file name without ending, title, caption, and the figure itself."""

    name: str
    title: str
    text: str
    figure: Figure


def figures(adata: AnnData) -> Iterator[Drawn]:
    """Draw the figures that the results allow, one at a time; close each with ``plt.close`` after use."""
    for entry in entries(adata):
        if entry.possible(adata):
            figure = entry.draw(adata)
            flag(figure, adata)
            yield Drawn(entry.name, entry.title, entry.text, figure)


def entries(adata: AnnData) -> list[Entry]:
    """All figures that there may be, in the order of the page."""
    return [*FIGURES, *SCREEN, *_perturbations(adata)]


def _has_table(key: str, column: str) -> Callable[[AnnData], bool]:
    """Whether the table of a result has a value in a column."""

    def possible(adata: AnnData) -> bool:
        record = results_of(adata).get(key)
        return record is not None and bool(record["table"][column].notna().any())

    return possible


def _has_heights(adata: AnnData) -> bool:
    return _keys.OCCUPANCY in results_of(adata)


def _has_attractors(adata: AnnData) -> bool:
    record = results_of(adata).get(_keys.ATTRACTORS)
    return record is not None and bool(len(record["states"]))


def _has_fates(adata: AnnData) -> bool:
    return _keys.FATES in adata.obsm and bool(adata.obsm[_keys.FATES].shape[1])


def _has_labels(adata: AnnData) -> bool:
    return label_key_of(adata) is not None and (_keys.BASIN in adata.obs or _has_fates(adata))


def _has_compared_fates(adata: AnnData) -> bool:
    compared = results_of(adata).get(_keys.FATES_PARAMS, {})
    return f"{_keys.FATES}{_keys.FATES_COMPARED[0]}" in adata.obsm and "by_fate" in compared


def _has_network(adata: AnnData) -> bool:
    return _keys.NETWORK in adata.varp and bool((get.regulator_weights(adata).to_numpy() != 0).any())


def _has_three_attractors(adata: AnnData) -> bool:
    has_barriers = _has_table(_keys.BARRIERS, "height")(adata)
    return has_barriers and len(set(results_of(adata)[_keys.BARRIERS]["table"]["from"])) > 2


def _has_reprogramming(adata: AnnData) -> bool:
    """Whether the last search found a set, whose way can be drawn."""
    searches = [record for name, record in results_of(adata).get(_keys.REPROGRAMMING, {}).items() if name != "params"]
    return bool(searches) and len(searches[-1]["ways"]) > 0


def _has_paths(adata: AnnData) -> bool:
    record = results_of(adata).get(_keys.PATHS)
    return record is not None and bool(len(record["table"]))


def _basins(adata: AnnData) -> str | None:
    """Column of the basins, to colour cells by."""
    return _keys.BASIN if _keys.BASIN in adata.obs else None


_TERMINAL_FATES = f"{_keys.TERMINAL}_fates"

# Figures in the order of the page.
FIGURES = (
    Entry(
        "landscape",
        "The landscape",
        "Height is the occupancy of the fitted stochastic model, minus its logarithm: the model spends its time in the "
        "valleys. Balls are cells. Lines are minimum-action paths to the saddles (diamonds), where they were computed. The "
        "view is turned so that development runs towards the reader, which changes no height. The plane is for drawing "
        "only: read numbers from the tables.",
        _has_heights,
        lambda adata: pl.landscape(adata, color=_basins(adata), **_OPTIONS),
    ),
    Entry(
        "map",
        "The landscape from above",
        "The same heights as a map, with the direction of the fitted drift.",
        _has_heights,
        lambda adata: pl.landscape2d(adata, color=_basins(adata), **_OPTIONS),
    ),
    Entry(
        "attractors",
        "Attractors",
        "Stable states of the fitted drift, without noise and at the level of mRNA: level of each regulator, cells in the "
        "basin, leading eigenvalue of the Jacobian, and support: the share of the models in an ensemble that have the state "
        "too.",
        _has_attractors,
        lambda adata: pl.attractors(adata, **_OPTIONS),
    ),
    Entry(
        "fates",
        "Fates",
        "Probability that a cell ends in each attractor, by absorption on the directed graph of cells. Cells with a high "
        "entropy (in bits) are not committed yet.",
        _has_fates,
        lambda adata: pl.fates(adata, **_OPTIONS),
    ),
    Entry(
        "labels",
        "Labels against basins and fates",
        "Share of the cells of each label in the basin of each attractor, and the mean probability of each fate over them, in per "
        "cent. Frames mark the states that are named after the label. A mature type should be dark in its frames only; "
        "progenitors, which have none, spread over the states that they can reach.",
        _has_labels,
        lambda adata: pl.labels(adata, **_OPTIONS),
    ),
    Entry(
        "consensus",
        "Consensus over models",
        "Share of the models, each on a latent model of another seed, that have each attractor (open bars: fewer than half, uncertain; "
        "the number is the mean size of the basin), and the probability that two models send a cell to the same attractor.",
        lambda adata: _keys.CONSENSUS in results_of(adata),
        lambda adata: pl.consensus(adata, **_OPTIONS),
    ),
    Entry(
        "terminal_states",
        "Fates among the terminal states of the chain",
        "Probability that a cell ends in each terminal state of the directed chain of cells. Terminal states follow from the "
        "direction of development, without the model and its attractors.",
        lambda adata: _TERMINAL_FATES in adata.obsm,
        lambda adata: pl.fates(adata, key=_TERMINAL_FATES, **_OPTIONS),
    ),
    Entry(
        "fates_model",
        "Fates of the model beside those of the chain",
        "Probability of each fate by simulation of the fitted model, against that on the directed graph of cells. The two "
        "methods share the cells and no computation. Rings are cells in which they differ by more than chance; there, trust "
        "neither.",
        _has_compared_fates,
        lambda adata: pl.fates(adata, kind="model", **_OPTIONS),
    ),
    Entry(
        "drivers",
        "Driver genes of each fate",
        "Genes that set a fate apart from the fate with which it shares most undecided cells: partial correlations over blocks "
        "of neighbouring cells, adjusted for depth, with 95 % intervals. The number is the probability of the fate at which a "
        "gene has made half of its change: low before the fate is decided, high after. This is association, not cause; "
        "perturbations show what the model predicts for a knock-out.",
        _has_table(_keys.DRIVERS, "contrast"),
        lambda adata: pl.drivers(adata, **_OPTIONS),
    ),
    Entry(
        "network",
        "Network",
        "Signed weights of the supported edges among regulators, which enter the drift. An edge is a statistical statement, "
        "not a binding site.",
        _has_network,
        lambda adata: pl.network(adata, **_OPTIONS),
    ),
    Entry(
        "barriers",
        "Barriers",
        "Action of the minimum-action path from one attractor to another, with intervals.",
        _has_table(_keys.BARRIERS, "height"),
        lambda adata: pl.barriers(adata, **_OPTIONS),
    ),
    Entry(
        "barrier_graph",
        "Barriers as a graph",
        "The same barriers on arrows from attractor to attractor: thick arrows are low barriers, which are crossed often.",
        _has_three_attractors,
        lambda adata: pl.barriers(adata, kind="graph", **_OPTIONS),
    ),
    Entry(
        "guy_ropes",
        "Pegs and guy ropes",
        "The same surface from below: valleys hang down. A rope leads from a gene to the place on the lowest way out of a valley where "
        "it pulls hardest. Its width is the tension, the change of the barrier as all outgoing edges of the gene become stronger; blue "
        "holds the barrier up, red pulls it down, dashed has no certain sign. A tension is a slope, not the effect of a removal, and a "
        "valley about to vanish has none.",
        lambda adata: _keys.GUY_ROPES in results_of(adata) and _has_heights(adata) and _has_paths(adata),
        lambda adata: pl.guy_ropes(adata, **_OPTIONS),
    ),
    Entry(
        "paths",
        "Genes along a transition",
        "Levels along the minimum-action path with the lowest barrier, genes in the order in which they move. Draw other "
        "transitions with `landscape.pl.paths(adata, start=, end=)`; the table has all of them.",
        _has_paths,
        lambda adata: pl.paths(adata, **_OPTIONS),
    ),
    Entry(
        "reprogramming",
        "Reprogramming",
        "The last search for sets of genes that, held for a time and then released, carry one fate into another: the way without noise on the "
        "surface (brown: held, dark: released), the share of the cells that each set carries (bar: interval over the replicates of the "
        "model, tick: without a hold), and the levels over time. It is a prediction of the fitted model; the table has all sets.",
        _has_reprogramming,
        lambda adata: pl.reprogram(adata, **_OPTIONS),
    ),
    Entry(
        "path_fates",
        "Fates along the same transition",
        "Fate probabilities of the cells around each state of the path. The ring marks equal odds of both ends on the chain "
        "of cells, the dashed line the saddle of the fitted model. Where they are far apart, the two methods disagree.",
        lambda adata: _has_paths(adata) and _keys.FATES in adata.obsm and _keys.STATE in adata.obsm,
        lambda adata: pl.fates(adata, kind="path", **_OPTIONS),
    ),
    Entry(
        "genomic_code",
        "The genomic code",
        "Claims of Mitchell and Cheney, one a line. Grey is the band of 90 % of the null, mostly networks rewired with the same degrees and signs beside "
        "the same cells; the point is the statistic of the fitted model and the line its interval of 90 % over replicates, to the right as the claim "
        "says. Supported means beyond what such networks do, and not that the genome is a generative model. Claims on evolution are simulated, not "
        "inferred.",
        lambda adata: _keys.GENOMIC_CODE in results_of(adata),
        lambda adata: pl.genomic_code(adata, **_OPTIONS),
    ),
)


def _has_screen(part: str) -> Callable[[AnnData], bool]:
    """Whether there is a screen with effects, rates of sign errors, doses, or epistasis."""

    def possible(adata: AnnData) -> bool:
        record = results_of(adata).get(_keys.SCREEN)
        return record is not None and (
            part in record or part in record["table"] and bool(record["table"][part].notna().any())
        )

    return possible


_PREDICTION = "It is a prediction of the fitted model, not a measurement."

# Figures of a screen.
SCREEN = (
    Entry(
        "screen",
        "Screen: what each regulator does to the fates",
        "Change of the share of each fate by the single perturbations that move most cells. Dots mark changes whose interval includes "
        f"zero. {_PREDICTION}",
        _has_screen("table"),
        lambda adata: pl.screen(adata, **_OPTIONS),
    ),
    Entry(
        "screen_volcano",
        "Screen: effect and certainty",
        "Change of the log odds of a fate against the rate of sign errors over the models, a point for each perturbation and fate. No "
        "rate is below what the number of replicates can give.",
        _has_screen("lfsr"),
        lambda adata: pl.screen(adata, kind="volcano", **_OPTIONS),
    ),
    Entry(
        "screen_dose",
        "Screen: doses",
        "Share of each fate with a gene held at several levels. Dashed lines are the levels at which a valley vanishes, by continuation.",
        _has_screen("doses"),
        lambda adata: pl.screen(adata, kind="dose", **_OPTIONS),
    ),
    Entry(
        "screen_epistasis",
        "Screen: pairs",
        "Change of the log odds by pairs against the sum of both single changes. Off the line there is epistasis.",
        _has_screen("epistasis"),
        lambda adata: pl.screen(adata, kind="epistasis", **_OPTIONS),
    ),
)


def _perturbations(adata: AnnData) -> list[Entry]:
    """One figure for each perturbation."""
    found: dict[str, Entry] = {}
    for key in perturbations(adata):
        name = file_stem(f"perturbation_{key}", found)
        found[name] = Entry(
            name,
            f"Perturbation: {key}",
            "Landscape before and after on one scale, the share of each fate (ring: before, dot: after, bar: interval over "
            "the replicates of the model, grey ticks: other regulators at the same level), and the regulators that change "
            "most. lfsr is the probability that the change is zero or has the other sign. It is a prediction of the fitted "
            "model, not a measurement.",
            lambda _: True,
            lambda adata, key=key: pl.perturbation(adata, key=key, **_OPTIONS),  # type: ignore[misc]
        )
    return list(found.values())

"""The direction of development: what a data set offers, and the choice among it."""

from __future__ import annotations

import logging

from anndata import AnnData

from landscape._directions import StoredData
from landscape._run.settings import Settings
from landscape.directions import SOURCES, Combination, Direction, Option
from landscape.directions.clock import MAX_DETECTED_TIME_POINTS

logger = logging.getLogger(__name__)


def describe(direction: Direction) -> str:
    """Direction in words."""
    return SOURCES[direction.source].describe(direction)


def option(direction: Direction) -> str:
    """Command-line option that asks for a direction; empty where there is none."""
    options = SOURCES[direction.source].options
    return f"{options[0].flag} {direction.key}" if options else ""


def options_in_words() -> str:
    """All command-line options that name a direction, separated by commas."""
    return ", ".join(" ".join(filter(None, (found.flag, found.metavar))) for found in _options())


def offers(adata: AnnData) -> list[Direction]:
    """Directions in the data, the most informative first."""
    data = StoredData(adata)
    return [direction for source in SOURCES.values() for direction in source.detect(data)]


def choose(adata: AnnData, settings: Settings) -> tuple[Direction, ...]:
    """Directions that the settings name, else the most informative one that the data offer.

    Raises
    ------
    KeyError
        If a named column or layer is missing.
    ValueError
        If what is named gives no direction, or if nothing is named and the data offer nothing; the message lists what
        there is.
    """
    named = _named(adata, settings)
    if named:
        for direction in named:
            logger.info("direction: %s, as asked", describe(direction))
        return tuple(named)
    found = offers(adata)
    if not found:
        raise ValueError(_nothing_found(adata))
    others = f" (not used: {'; '.join(map(describe, found[1:]))})" if found[1:] else ""
    logger.info("direction: %s, found in the data%s", describe(found[0]), others)
    return (found[0],)


def combined(directions: tuple[Direction, ...]) -> Direction | Combination:
    """All directions as one, for :func:`landscape.tl.dynamics`."""
    return directions[0] if len(directions) == 1 else Combination(directions)


def _options() -> list[Option]:
    return [option for source in SOURCES.values() for option in source.options]


def _named(adata: AnnData, settings: Settings) -> list[Direction]:
    """Directions that the settings name, checked before anything is computed."""
    named = [found.make(settings.direction[found.field]) for found in _options() if found.field in settings.direction]
    data = StoredData(adata)
    for direction in named:
        SOURCES[direction.source].require(data, direction)
    return named


def _nothing_found(adata: AnnData) -> str:
    groups = [str(c) for c in adata.obs.columns if 2 <= adata.obs[c].nunique() <= MAX_DETECTED_TIME_POINTS]
    example = f", for instance `--root {groups[0]}={adata.obs[groups[0]].iloc[0]}`" if groups else ""
    sought = ", ".join(source.sought for source in SOURCES.values() if source.sought)
    return (
        f"Nothing in the data gives the direction of development, and counts alone cannot. Looked for {sought}. The data "
        f"offer: obs {sorted(map(str, adata.obs.columns))}, layers {sorted(map(str, adata.layers.keys()))}. Name one with "
        f"{options_in_words()}{example} (in Python: `direction=ls.dynamics.from_root(...)`)."
    )

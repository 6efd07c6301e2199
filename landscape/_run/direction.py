"""The direction of development in the settings of a run, in words and as options."""

from __future__ import annotations

from landscape._run.settings import Settings
from landscape.directions import SOURCES, Combination, Direction


def describe(direction: Direction) -> str:
    """Direction in words."""
    return SOURCES[direction.source].describe(direction)


def option(direction: Direction) -> str:
    """Command-line option that asks for a direction; empty where there is none."""
    options = SOURCES[direction.source].options
    return f"{options[0].flag} {direction.key}" if options else ""


def named(settings: Settings) -> tuple[Direction, ...]:
    """Directions that the settings name, in the order of the sources."""
    options = [option for source in SOURCES.values() for option in source.options]
    return tuple(found.make(settings.direction[found.field]) for found in options if found.field in settings.direction)


def combined(directions: tuple[Direction, ...]) -> Direction | Combination:
    """All directions as one, for :func:`landscape.tl.dynamics`."""
    return directions[0] if len(directions) == 1 else Combination(directions)

"""Gene symbols: the species of a data set, and current symbols for superseded ones."""

from __future__ import annotations

import re
from collections.abc import Iterable

from landscape.network.data.symbols import ALIASES

MOUSE, HUMAN = "mouse", "human"
# Share of the names that must be in the style of a species: a data set also holds spike-ins and transgenes.
MIN_SHARE = 0.8

_ENSEMBL = {"ENSMUSG": MOUSE, "ENSG": HUMAN}
_MOUSE_STYLE = re.compile(r"^[A-Z][a-z0-9]*[a-z][A-Za-z0-9.\-]*$|^mt-|Rik$")
_HUMAN_STYLE = re.compile(r"^[A-Z][A-Z0-9.\-]*$|^C\d+orf\d+$")
_BARCODE = re.compile(r"^[ACGT]{6,}")


def current_symbols(names: Iterable[str], *, species: str) -> list[str]:
    """Current symbol for each name; a name is kept if it is current, or if its current symbol is among the names."""
    names = list(names)
    present = set(names)
    return [new if (new := _current(name, species)) not in present else name for name in names]


def _current(name: str, species: str) -> str:
    """Current symbol in the style of the species; names in another style are kept."""
    write = str.upper if species == HUMAN else str.capitalize
    key = name.lower()
    if species == MOUSE and key in ("trp53", "trp63", "trp73"):  # current in mouse, in human without the r
        return name
    return write(ALIASES[key]) if key in ALIASES and name == write(name) else name


def guess_species(names: Iterable[str]) -> str | None:
    """Species in whose style at least 80 % of the names are written: ``Gata1`` mouse, ``GATA1`` human.

    Ensembl identifiers count for the species of their prefix. ``None`` where neither reaches 80 %.
    """
    names = list(names)
    counts = {MOUSE: 0, HUMAN: 0}
    for name in names:
        prefix = re.match(r"^ENS[A-Z]*?G(?=\d{6,})", name)
        if prefix:
            if prefix[0] in _ENSEMBL:
                counts[_ENSEMBL[prefix[0]]] += 1
        elif _BARCODE.match(name):
            continue
        elif _HUMAN_STYLE.match(name):
            counts[HUMAN] += 1
        elif _MOUSE_STYLE.match(name):
            counts[MOUSE] += 1
    species = max(counts, key=lambda key: counts[key])
    return species if names and counts[species] >= MIN_SHARE * len(names) else None


def are_ensembl(names: Iterable[str]) -> bool:
    """Whether most names are Ensembl gene identifiers."""
    names = list(names)
    return bool(names) and sum(bool(re.match(r"^ENS[A-Z]*G\d{6,}", name)) for name in names) > len(names) / 2

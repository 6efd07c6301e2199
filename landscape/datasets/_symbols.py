"""Gene symbols: which species they belong to, and what old ones of regulators are called today."""

from __future__ import annotations

import re
from collections.abc import Iterable

MOUSE, HUMAN = "mouse", "human"

# Superseded symbols and everyday names of transcription factors (MGI style) -> current symbol.
_RENAMED = {
    "Aml1": "Runx1",
    "Bcl11b2": "Bcl11b",
    "Brachyury": "T",
    "Csda": "Ybx3",
    "Eklf": "Klf1",
    "Ela2": "Elane",
    "Evi1": "Mecom",
    "Fog1": "Zfpm1",
    "Hnf4": "Hnf4a",
    "Ipf1": "Pdx1",
    "Jundm2": "Jdp2",
    "Mll1": "Kmt2a",
    "Mll3": "Kmt2c",
    "Mll5": "Kmt2e",
    "Myst3": "Kat6a",
    "Myst4": "Kat6b",
    "Ngn3": "Neurog3",
    "Oct4": "Pou5f1",
    "Pu1": "Spi1",
    "PU.1": "Spi1",
    "Scl": "Tal1",
    "Sfpi1": "Spi1",
    "Tcf1": "Hnf1a",
    "Tcf2": "Hnf1b",
    "Tcfap2a": "Tfap2a",
    "Tcfap2c": "Tfap2c",
    "Tcfap4": "Tfap4",
    "Tcfcp2": "Tfcp2",
    "Tcfcp2l1": "Tfcp2l1",
    "Tcfe2a": "Tcf3",
    "Tcfe3": "Tfe3",
    "Tcfeb": "Tfeb",
    "Tcfec": "Tfec",
    "Zfpn1a1": "Ikzf1",
    "Znfn1a1": "Ikzf1",
    "Znfn1a2": "Ikzf2",
    "Znfn1a3": "Ikzf3",
}
_RENAMED_HUMAN = {old.upper(): new.upper() for old, new in _RENAMED.items()}

_ENSEMBL = {"ENSMUSG": MOUSE, "ENSG": HUMAN}
_MOUSE_STYLE = re.compile(r"^[A-Z][a-z0-9]*[a-z][A-Za-z0-9.\-]*$|^mt-|Rik$")
_HUMAN_STYLE = re.compile(r"^[A-Z][A-Z0-9.\-]*$|^C\d+orf\d+$")
_BARCODE = re.compile(r"^[ACGT]{6,}")


def current_symbols(names: Iterable[str], *, species: str) -> list[str]:
    """Symbol of today for each name; a name stays as it is if it is not superseded or if its heir is there too."""
    names = list(names)
    renamed, present = _RENAMED_HUMAN if species == HUMAN else _RENAMED, set(names)
    return [new if (new := renamed.get(name, name)) not in present else name for name in names]


def guess_species(names: Iterable[str]) -> str | None:
    """Species whose way of writing at least 80 % of the names follow: ``Gata1`` mouse, ``GATA1`` human.

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
    return species if names and counts[species] >= 0.8 * len(names) else None


def are_ensembl(names: Iterable[str]) -> bool:
    """Whether most names are Ensembl gene identifiers."""
    names = list(names)
    return bool(names) and sum(bool(re.match(r"^ENS[A-Z]*G\d{6,}", name)) for name in names) > len(names) / 2

"""The registry of files: name, place, checksum, licence, citation and warnings of each."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

import pandas as pd


@dataclass(frozen=True, slots=True)
class Entry:
    """One file.

    Attributes
    ----------
    name, title, species
        Description. ``species`` is ``"mouse"``, ``"human"`` or ``"simulated"``.
    kind
        ``"counts"``, ``"expression"`` (values that are no counts), ``"regulators"`` or ``"prior"``.
    n_cells, n_genes
        Size of a table of cells.
    file, sha256
        Place below the folder that ``LANDSCAPE_DATA_DIR`` names, and checksum there.
    url, url_sha256
        Original source, and the checksum of the file there. Where it is ``None``, nothing is downloaded.
    licence, citation, accession, ground_truth, warnings
        Terms of use, origin, and known problems.
    date
        Of the source, where it changes.
    shipped
        Whether the file is part of the package; ``file`` is then its place there.
    """

    name: str
    kind: Literal["counts", "expression", "regulators", "prior"]
    title: str
    species: str
    n_cells: int | None
    n_genes: int | None
    file: str
    sha256: str
    url: str
    url_sha256: str | None
    licence: str
    citation: str
    accession: str
    ground_truth: str
    warnings: tuple[str, ...]
    date: str = ""
    shipped: bool = False


@cache
def entries() -> dict[str, Entry]:
    """Every entry of the registry by name."""
    text = files("landscape.datasets").joinpath("registry.json").read_text(encoding="utf-8")
    found = [Entry(**{**record, "warnings": tuple(record["warnings"])}) for record in json.loads(text)]
    return {entry.name: entry for entry in found}


def entry(name: str) -> Entry:
    """Entry of this name.

    Raises
    ------
    KeyError
        If there is none; the message lists the names.
    """
    if name not in entries():
        msg = f"No data set {name!r}; expected one of {sorted(entries())} (see `landscape.datasets.list()`)."
        raise KeyError(msg)
    return entries()[name]


def table() -> pd.DataFrame:
    """Registry as a table, one row per file."""
    rows = [{**asdict(e), "warnings": " ".join(e.warnings)} for e in entries().values()]
    frame = pd.DataFrame(rows).set_index("name")
    return frame.astype({"n_cells": "Int64", "n_genes": "Int64"})

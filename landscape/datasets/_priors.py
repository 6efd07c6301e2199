"""Prior networks."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from landscape.datasets._files import fetch
from landscape.datasets._registry import entries, entry
from landscape.datasets.regulator_lists import require_species


def prior(name: str, species: str) -> pd.DataFrame:
    """Prior network as a table of edges.

    Parameters
    ----------
    name
        ``"collectri"`` (human), ``"dorothea"`` or ``"trrust"`` (human and mouse).
    species
        ``"mouse"`` or ``"human"``.

    Returns
    -------
    Table with a row per edge: ``source`` and ``target`` (symbols), ``weight`` (1 activates, -1 represses, 0 sign not
    known or reported both ways), and for DoRothEA ``confidence`` (A to C).
    """
    names = sorted({key.rsplit("_", 1)[0] for key, value in entries().items() if value.kind == "prior"})
    _require(name in names, f"Expected `name` to be one of {names}, found {name!r}.")
    require_species(species)
    key = f"{name}_{species}"
    _require(key in entries(), f"There is no {name} network for {species}; see `landscape.datasets.list()`.")
    path = fetch(entry(key))
    if name == "trrust":
        return _trrust(path)
    edges = pd.read_csv(path, sep="\t").rename(columns={"tf": "source", "mor": "weight"})
    edges["weight"] = edges["weight"].astype(float)
    return edges[["source", "target", "weight", *(["confidence"] if "confidence" in edges else [])]]


def _trrust(path: Path) -> pd.DataFrame:
    edges = pd.read_csv(path, sep="\t", header=None, names=["source", "target", "mode", "pmid"])
    edges["weight"] = edges["mode"].map({"Activation": 1.0, "Repression": -1.0, "Unknown": 0.0})
    summed = edges.groupby(["source", "target"], as_index=False, sort=False)["weight"].sum()
    summed["weight"] = summed["weight"].clip(-1, 1)  # activation and repression both reported: 0
    return summed


def _require(condition: bool, message: str) -> None:  # noqa: FBT001
    if not condition:
        raise ValueError(message)

"""The list of data sets for a terminal, and the call that reads each of them."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

import pandas as pd
from anndata import AnnData

from landscape import datasets

# Heading of each kind, in the order in which they are listed.
_KINDS = {
    "counts": "Counts (cells x genes)",
    "expression": "Simulated concentrations, no counts",
    "regulators": "Lists of regulators",
    "prior": "Prior networks",
}
SIMULATED = "hematopoiesis"
_SIMULATED_TITLE = "Simulated blood formation (Krumsiek 2011) with the whole truth; needs no file"


def listing(table: pd.DataFrame, width: int) -> str:
    """All data sets with name, size and title, one line each if the width allows."""
    lines: list[str] = []
    for kind, heading in _KINDS.items():
        own = table[table["kind"] == kind]
        longest = max(map(len, own.index))
        lines += ["", heading] if lines else [heading]
        if kind == "counts":
            lines += _row(SIMULATED, " " * 15, _SIMULATED_TITLE, longest, width)
        for name, row in own.iterrows():
            sized = not pd.isna(row["n_cells"])
            size = f"{row['n_cells']:>6,} x {row['n_genes']:,}".ljust(15) if sized else ""
            lines += _row(str(name), size, str(row["title"]), longest, width)
    return "\n".join([*lines, "", *_wrapped(_MORE, width)])


_MORE = "`landscape datasets NAME` shows licence, citation and warnings; with `--out FILE.h5ad` it writes cells as an AnnData file."


def details(table: pd.DataFrame, name: str, width: int) -> str:
    """All fields of one data set, wrapped to the width."""
    if name not in table.index:
        return "\n".join(_wrapped(f"{name}: {_SIMULATED_TITLE}. In Python: {call_of(name)}", width))
    lines = [name]
    for key, value in table.loc[name].items():
        if not pd.isna(value) and str(value):
            lines += _wrapped(f"{key}: {value}", width, indent="  ")
    return "\n".join([*lines, *_wrapped(f"in Python: {call_of(name)}", width, indent="  ")])


def call_of(name: str) -> str:
    """Python call that reads a data set."""
    loader, arguments = _read_by(name)
    return f"ls.datasets.{loader}({', '.join(f'{key}{value!r}' for key, value in arguments)})"


def loader_of(name: str) -> Callable[[], AnnData]:
    """Function that reads the cells of a data set.

    Raises
    ------
    ValueError
        If it holds no cells.
    """
    loader, arguments = _read_by(name)
    if loader in ("prior", "regulators"):
        msg = f"{name} holds no cells to write; read it in Python with `{call_of(name)}`."
        raise ValueError(msg)
    read: Any = getattr(datasets, loader)
    return lambda: read(
        *[value for key, value in arguments if not key], **{key[:-1]: value for key, value in arguments if key}
    )


def _read_by(name: str) -> tuple[str, list[tuple[str, Any]]]:
    """Function of `landscape.datasets` that reads a data set, and its arguments, each with ``keyword=`` or nothing."""
    first, _, rest = name.partition("_")
    if name == "pancreas_739":
        return "pancreas", [("wide=", True)]
    if first in ("dyngen", "beeline"):
        return first, [("", rest)]
    if first == "regulators":
        species, _, source = rest.partition("_")
        return first, [("", species)] + ([("source=", source)] if source else [])
    if name in datasets.__all__:
        return name, []
    return "prior", [("", first), ("", rest)]


def known(name: str) -> bool:
    """Whether there is a data set of this name."""
    return name == SIMULATED or name in datasets.list().index


def _row(name: str, size: str, title: str, longest: int, width: int) -> list[str]:
    head = f"  {name:<{longest}}  {size}{'  ' if size else ''}"
    if len(head) + 30 <= width:
        return _wrapped(head + title, width, hanging=len(head))
    return [f"  {name}  {size.strip()}".rstrip(), *_wrapped(title, width, indent="    ")]


def _wrapped(text: str, width: int, *, indent: str = "", hanging: int | None = None) -> list[str]:
    later = indent + "  " if hanging is None else " " * hanging
    return textwrap.wrap(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=later,
        drop_whitespace=True,
        replace_whitespace=False,
        break_long_words=False,
        break_on_hyphens=False,
    )

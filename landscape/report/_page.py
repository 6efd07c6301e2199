"""The report: one HTML file that needs nothing else and asks for nothing."""

from __future__ import annotations

import base64
import hashlib
import io
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from matplotlib import pyplot as plt

from landscape import _keys, get
from landscape._anndata import require_adata
from landscape._files import write_text
from landscape.report._figures import WORDS, figures
from landscape.report._summary import summarise

logger = logging.getLogger(__name__)

# Rows of a table on the page; the CSV files hold all of them.
MOST_ROWS = 40
_DPI = 150

GRADES = {
    "A": ("interventional", "Perturbations were measured: signs, self-edges and effects of removals are constrained."),
    "B": (
        "time series or lineage",
        "Real time points or lineage constrain the direction and speed of change. Feedbacks that leave the sampled "
        "populations unchanged stay open.",
    ),
    "C": (
        "velocity or directed pseudotime",
        "The direction of change comes from an ordering of single cells. Relative speeds, self-edges and rotation of the "
        "drift are weakly constrained; barriers are up to a factor.",
    ),
    "D": (
        "steady snapshot",
        "Nothing constrains the direction: cycles and asymmetric feedback cannot be told from their mirror images.",
    ),
}


def report(
    adata: AnnData,
    path: str | Path,
    *,
    summary: Mapping[str, Any] | None = None,
    drawn: Mapping[str, Path] | None = None,
    files: Mapping[str, str] | None = None,
    title: str = "Landscape report",
) -> Path:
    """Write what a run found into one HTML file: no script, no external request, light and dark, fit to print.

    Parameters
    ----------
    adata
        Annotated data with results.
    path
        File to write, atomically.
    summary
        As :func:`summarise` gives it; ``None``: made here, without times.
    drawn
        PNG files of figures that are there already, by name; ``None``: drawn here.
    files
        SHA-256 of files to list, by name.
    title
        Heading.

    Returns
    -------
    The path.

    Raises
    ------
    KeyError
        If ``adata`` holds no results at all.
    """
    require_adata(adata)
    results = adata.uns.get(_keys.UNS, {})
    if not results:
        msg = f"`adata.uns[{_keys.UNS!r}]` is missing; run `landscape.run(adata)` first. Present: {sorted(map(str, adata.uns))}."
        raise KeyError(msg)
    summary = dict(summary) if summary is not None else summarise(adata)
    environment = Environment(
        loader=PackageLoader("landscape.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["figure"] = _figure_number
    style = environment.get_template("style.css").render()
    run = results.get("run", {})
    grade = summary["identifiability"]
    html = environment.get_template("report.html").render(
        title=title,
        style=Markup(style),
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        summary=summary,
        grade=grade,
        grade_name=GRADES.get(grade, ("not computed", ""))[0],
        grade_text=GRADES.get(grade, ("", "No dynamics were fitted."))[1],
        source={"name": "", "sha256": "", **run.get("input", {})},
        pictures=_pictures(adata, drawn),
        tables=_tables(adata),
        parameters=_parameters(results),
        files=dict(files or {}),
    )
    written = write_text(path, html)
    logger.info("wrote the report %s, %.1f MB", written, len(html) / 1e6)
    return written


def _pictures(adata: AnnData, drawn: Mapping[str, Path] | None) -> list[dict[str, str]]:
    pictures = []
    if drawn is not None:
        content = [(name, Path(drawn[name]).read_bytes()) for name in WORDS if name in drawn]
    else:
        content = []
        for item in figures(adata):
            buffer = io.BytesIO()
            item.figure.savefig(buffer, dpi=_DPI, format="png")
            plt.close(item.figure)
            content.append((item.name, buffer.getvalue()))
    for name, png in content:
        heading, text = WORDS[name]
        pictures.append({"name": name, "title": heading, "text": text, "data": base64.b64encode(png).decode()})
    return pictures


def _tables(adata: AnnData) -> list[dict[str, Any]]:
    results = adata.uns.get(_keys.UNS, {})
    tables = []
    if _keys.ATTRACTORS in results:
        table = results[_keys.ATTRACTORS]["table"].rename_axis("attractor").reset_index()
        tables.append(_table("Attractors", table))
    if _keys.BARRIERS in results:
        record = results[_keys.BARRIERS]
        tables.append(_table("Barriers", record["table"] if isinstance(record, dict) else record))
    if _keys.NETWORK in adata.varp:
        tables.append(_table("Strongest edges", get.edges(adata)))
    return tables


def _table(title: str, table: pd.DataFrame) -> dict[str, Any]:
    columns = [
        {"name": str(name), "numeric": pd.api.types.is_numeric_dtype(table[name]) and table[name].dtype != bool}
        for name in table.columns
    ]
    rows = [[_figure_number(value) for value in row] for row in table.head(MOST_ROWS).itertuples(index=False)]
    return {"title": title, "columns": columns, "rows": rows, "total": len(table)}


def _parameters(results: Mapping[str, Any]) -> list[tuple[str, list[tuple[str, str]]]]:
    listed = []
    for name, record in results.items():
        params = record.get("params", {}) if isinstance(record, Mapping) else {}
        rows = [(str(key), _plain(value)) for key, value in params.items()]
        if rows:
            listed.append((str(name), rows))
    return listed


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{k} = {_plain(v)}" for k, v in value.items()) or "none"
    if isinstance(value, np.ndarray | list | tuple):
        items = [_plain(v) for v in np.asarray(value, dtype=object).ravel()]
        shown = ", ".join(items[:12])
        return f"{shown}, ... ({len(items)} in all)" if len(items) > 12 else shown or "none"
    return str(_figure_number(value))


def _figure_number(value: Any) -> str:
    """Number as it is read by people; everything else as text."""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | np.integer):
        return f"{int(value):,}" if abs(int(value)) < 10**12 else str(value)
    if isinstance(value, float | np.floating):
        return "\N{EN DASH}" if np.isnan(value) else f"{value:.3g}"
    return "\N{EN DASH}" if value is None else str(value)

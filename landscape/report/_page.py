"""The report: one self-contained HTML file that makes no requests."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from matplotlib import pyplot as plt

from landscape import _keys
from landscape._anndata import require_adata, results_of
from landscape._files import write_text
from landscape._verdict import verdict_of
from landscape.directions import GRADE_NAMES, GRADES
from landscape.report._ends import attractor_rows, growth_sentence, verdict
from landscape.report._figures import entries, figures
from landscape.report._summary import NO_GRADE, summarise
from landscape.report._surface import surface
from landscape.report._tables import TABLES, file_stem, harmless, perturbation_title, tables

logger = logging.getLogger(__name__)

# Largest number of rows and columns of a table on the page; the CSV files have all of them.
MAX_ROWS = 100
MAX_COLUMNS = 14
# Largest number of rows and of entries of a table that can be downloaded from the page.
_ROWS_TO_EMBED, _ENTRIES_TO_EMBED = 20_000, 200_000
# In place of what a grade permits to conclude.
_NO_LANDSCAPE = (
    "The tests of structure do not set these data apart from cells without a landscape. The figures and tables below show "
    "what a model makes of noise: conclude nothing from them."
)
# Dots per inch of the figures.
_DPI = 150


def report(
    adata: AnnData,
    path: str | Path,
    *,
    summary: Mapping[str, Any] | None = None,
    drawn: Mapping[str, Path] | None = None,
    files: Mapping[str, str] | None = None,
    title: str = "Landscape report",
) -> Path:
    """Write the results into one self-contained HTML file that makes no requests.

    The page follows the light or dark theme of the reader, fits small screens, and prints. Its only script sorts tables,
    enlarges figures and turns the surface; the page is complete without it.

    Parameters
    ----------
    adata
        Annotated data with results.
    path
        File to write, atomically.
    summary
        Result of :func:`summarise`; ``None``: computed here, without times.
    drawn
        PNG files of figures, by name; ``None``: figures are drawn here.
    files
        SHA-256 checksums of files to list, by name.
    title
        Title of the page.

    Returns
    -------
    Path of the file.

    Raises
    ------
    KeyError
        If ``adata`` has no results.
    """
    require_adata(adata)
    results = results_of(adata)
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
    environment.filters["code"] = _code
    style = environment.get_template("style.css").render()
    script = environment.get_template("report.js").render()
    turning = surface(adata)
    run = results.get("run", {})
    grade = summary["identifiability"]
    ends = attractor_rows(summary, results)
    html = environment.get_template("report.html").render(
        title=title,
        style=Markup(style),
        style_hash=_digest(style),
        script=Markup(script),
        script_hash=_digest(script),
        surface=turning,
        surface_json=_json(turning),
        summary=summary,
        n_in_model=len(results[_keys.DYNAMICS]["regulators"]) if _keys.DYNAMICS in results else None,
        warnings=alike(summary["warnings"]),
        grade=grade,
        headline=verdict_of(adata).headline,
        grade_name="no landscape supported" if grade == NO_GRADE else GRADE_NAMES.get(grade, "not computed"),
        grade_names=GRADE_NAMES,
        grade_text=_NO_LANDSCAPE if grade == NO_GRADE else GRADES.get(grade, "No dynamics were fitted."),
        source={"name": "", "sha256": "", **run.get("input", {})},
        growth=growth_sentence(results.get(_keys.DYNAMICS, {})),
        attractors=ends,
        verdict=verdict(summary, ends),
        pictures=_pictures(adata, drawn),
        tables=_tables(adata),
        parameters=_parameters(results),
        files=dict(files or {}),
    )
    written = write_text(path, html)
    logger.info("wrote the report %s, %.1f MB", written, len(html) / 1e6)
    return written


def alike(texts: Sequence[str]) -> list[list[str]]:
    """Groups of texts that differ only in their numbers, in the order of the first text of each."""
    groups: dict[str, list[str]] = {}
    for text in texts:
        groups.setdefault(re.sub(r"[-+]?\d+(\.\d+)?(e[-+]?\d+)?", "0", str(text)), []).append(str(text))
    return list(groups.values())


def _code(text: str) -> Markup:
    """Escaped text, with code style between backticks."""
    parts = str(text).split("`")
    if len(parts) % 2 == 0:  # a backtick without its other half
        return escape(text)
    return Markup().join(Markup("<code>{}</code>").format(p) if i % 2 else escape(p) for i, p in enumerate(parts))


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _json(value: Any) -> Markup:
    """JSON for a script element: no character in it can end the element or open another."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))


def _pictures(adata: AnnData, drawn: Mapping[str, Path] | None) -> list[dict[str, str]]:
    pictures = []
    if drawn is not None:
        known = [entry for entry in entries(adata) if entry.name in drawn]
        content = [(entry.name, entry.title, entry.text, Path(drawn[entry.name]).read_bytes()) for entry in known]
    else:
        content = []
        for item in figures(adata):
            buffer = io.BytesIO()
            item.figure.savefig(buffer, dpi=_DPI, format="png")
            plt.close(item.figure)
            content.append((item.name, item.title, item.text, buffer.getvalue()))
    for name, heading, text, png in content:
        pictures.append({"name": name, "title": heading, "text": text, "data": base64.b64encode(png).decode()})
    return pictures


def _tables(adata: AnnData) -> list[dict[str, Any]]:
    found, used = [], set[str]()
    for name, table in tables(adata).items():
        stem = file_stem(name, used)
        used.add(stem)
        title, text = TABLES.get(name, (name.replace("_", " ").capitalize(), ""))
        if name.startswith("perturbation_"):
            title, text = perturbation_title(name)
        found.append(_table(title, text, table, f"{stem}.csv"))
    order = list(TABLES)
    return sorted(found, key=lambda t: next((i for i, k in enumerate(order) if TABLES[k][0] == t["title"]), 3))


def _table(title: str, text: str, table: pd.DataFrame, file: str) -> dict[str, Any]:
    embed = len(table) <= _ROWS_TO_EMBED and table.size <= _ENTRIES_TO_EMBED
    csv = base64.b64encode(harmless(table).to_csv(float_format="%.8g").encode()).decode() if embed else ""
    flat = table.reset_index() if table.index.name else table
    shown = flat.iloc[:MAX_ROWS, :MAX_COLUMNS]
    columns = [
        {"name": str(name), "numeric": pd.api.types.is_numeric_dtype(shown[name]) and shown[name].dtype != bool}
        for name in shown.columns
    ]
    rows = [[(_figure_number(value), _sort_key(value)) for value in row] for row in shown.itertuples(index=False)]
    left_out = []
    if len(flat) > len(shown):
        left_out.append(f"the first {len(shown)} of {len(flat):,} rows")
    if flat.shape[1] > shown.shape[1]:
        left_out.append(f"{shown.shape[1]} of {flat.shape[1]:,} columns")
    return {
        "title": title,
        "text": text,
        "columns": columns,
        "rows": rows,
        "left_out": ", ".join(left_out),
        "csv": csv,
        "file": file,
    }


def _sort_key(value: Any) -> str:
    """Number by which a row is sorted, in full; empty where there is none."""
    if isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool):
        return "" if np.isnan(value) else repr(float(value))
    return ""


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
    """Formatted number; everything else as text."""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | np.integer):
        return f"{int(value):,}" if abs(int(value)) < 10**12 else str(value)
    if isinstance(value, float | np.floating):
        return "\N{EN DASH}" if np.isnan(value) else f"{value:.3g}"
    return "\N{EN DASH}" if value is None else str(value)

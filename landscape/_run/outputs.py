"""The files that a user looks at: data, model, tables, figures, report, and last the summary."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from anndata import AnnData

from landscape import _keys, get
from landscape._files import sha256, write_atomic, write_json
from landscape._run.manifest import Manifest
from landscape._run.watch import peak_memory_mb
from landscape.report import figures, report, summarise

logger = logging.getLogger(__name__)

# A spreadsheet takes a cell that starts with one of these for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def publish(adata: AnnData, model: Any, out: Path, manifests: Mapping[str, Manifest]) -> dict[str, Any]:
    """Write everything of a finished run; ``summary.json`` is removed first and written last.

    Returns
    -------
    The summary.
    """
    (out / "summary.json").unlink(missing_ok=True)
    seconds = {name: manifest.seconds for name, manifest in manifests.items()}

    def timed(name: str, work: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        result = work()
        seconds[name] = round(time.perf_counter() - start, 3)
        return result

    timed("write", lambda: write_atomic(out / "landscape.h5ad", adata.write_h5ad))
    if model is not None:
        model.save(out / "model", overwrite=True)
    timed("tables", lambda: write_tables(adata, out / "tables"))
    drawn = timed("figures", lambda: write_figures(adata, out / "figures"))
    memory = max([peak_memory_mb(), *(m.peak_memory_mb for m in manifests.values())])
    draft = summarise(adata, seconds=seconds, peak_memory_mb=memory)
    files = checksums(out)
    timed("report", lambda: report(adata, out / "report.html", summary=draft, drawn=drawn, files=files))
    summary = summarise(adata, seconds=seconds, peak_memory_mb=memory)
    write_json(out / "summary.json", summary)
    return summary


def checksums(out: Path) -> dict[str, str]:
    """SHA-256 of the data, the model and the tables of a run."""
    paths = [out / "landscape.h5ad", *sorted((out / "model").glob("*")), *sorted((out / "tables").glob("*.csv"))]
    return {path.relative_to(out).as_posix(): sha256(path) for path in paths if path.is_file()}


def write_figures(adata: AnnData, folder: Path) -> dict[str, Path]:
    """Write every figure that the data allow as PNG; those of an earlier run that no longer apply are removed."""
    import matplotlib.pyplot as plt

    written = {}
    for drawn in figures(adata):
        target = folder / f"{drawn.name}.png"
        write_atomic(target, partial(drawn.figure.savefig, dpi=200, format="png"))
        plt.close(drawn.figure)
        written[drawn.name] = target
    for old in folder.glob("*.png"):
        if old.stem not in written:
            old.unlink()
    return written


def write_tables(adata: AnnData, folder: Path) -> None:
    """Write every table that the data hold as CSV; those of an earlier run that no longer apply are removed."""
    written = set()
    for name, table in tables(adata).items():
        write_csv(table, folder / f"{name}.csv")
        written.add(name)
    for old in folder.glob("*.csv"):
        if old.stem not in written:
            old.unlink()


def tables(adata: AnnData) -> dict[str, pd.DataFrame]:
    """Tables of a landscape by name."""
    results = adata.uns.get(_keys.UNS, {})
    found: dict[str, pd.DataFrame] = {}
    if _keys.NETWORK in adata.varp:
        found["network"] = get.edges(adata).set_index("source")
    if _keys.ATTRACTORS in results:
        found["attractors"] = results[_keys.ATTRACTORS]["table"].rename_axis("attractor")
        found["attractor_states"] = results[_keys.ATTRACTORS]["states"].rename_axis("attractor")
    for name in (_keys.SADDLES, _keys.BARRIERS, _keys.RATES, _keys.PATHS):
        value = results.get(name)
        table = value.get("table") if isinstance(value, dict) else value
        if isinstance(table, pd.DataFrame):
            found[name] = table
    columns = [key for key in (_keys.BASIN, _keys.FATE_ENTROPY, _keys.HEIGHT, _keys.PSEUDOTIME) if key in adata.obs]
    cells = adata.obs[columns]
    if _keys.FATES in adata.obsm:
        cells = cells.join(adata.obsm[_keys.FATES].add_prefix("fate_"))
    if cells.shape[1]:
        found["cells"] = cells.rename_axis("cell")
    return found


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV, atomically; text that a spreadsheet would run is quoted, numbers stay numbers."""
    safe = table.copy()
    for name in safe.columns:
        if not pd.api.types.is_numeric_dtype(safe[name]) and not pd.api.types.is_bool_dtype(safe[name]):
            safe[name] = [_harmless(value) for value in safe[name]]
    safe.columns = [_harmless(name) for name in safe.columns]
    if not pd.api.types.is_numeric_dtype(safe.index):
        safe.index = pd.Index([_harmless(value) for value in safe.index], name=_harmless(safe.index.name))
    write_atomic(path, lambda temporary: safe.to_csv(temporary))


def _harmless(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value

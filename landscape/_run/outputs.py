"""The files for the user: data, model, tables, figures, report, and last the summary."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from anndata import AnnData

from landscape._files import sha256, write_atomic, write_json
from landscape._run.manifest import Manifest
from landscape._run.watch import peak_memory_mb
from landscape.report import figures, file_stem, harmless, report, summarise, tables

logger = logging.getLogger(__name__)


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
        save_model(model, out / "model")
    timed("tables", lambda: write_tables(adata, out / "tables"))
    drawn = timed("figures", lambda: write_figures(adata, out / "figures"))
    memory = max([peak_memory_mb(), *(m.peak_memory_mb for m in manifests.values())])
    draft = summarise(adata, seconds=seconds, peak_memory_mb=memory)
    files = checksums(out)
    timed("report", lambda: report(adata, out / "report.html", summary=draft, drawn=drawn, files=files))
    summary = summarise(adata, seconds=seconds, peak_memory_mb=memory)
    write_json(out / "summary.json", summary)
    return summary


def save_model(model: Any, folder: Path) -> None:
    """Write a latent model or an ensemble of them in the place of what an earlier run left."""
    from landscape.latent.ensemble import CONTENTS, LatentEnsemble

    if (folder / CONTENTS).exists() or (folder.exists() and isinstance(model, LatentEnsemble)):
        shutil.rmtree(folder)
    model.save(folder, overwrite=True)


def checksums(out: Path) -> dict[str, str]:
    """SHA-256 of the data, the model and the tables of a run."""
    paths = [out / "landscape.h5ad", *sorted((out / "model").rglob("*")), *sorted((out / "tables").glob("*.csv"))]
    return {path.relative_to(out).as_posix(): sha256(path) for path in paths if path.is_file()}


def write_figures(adata: AnnData, folder: Path) -> dict[str, Path]:
    """Write every figure that the data allow as PNG; outdated ones of an earlier run are removed."""
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
    """Write every table that the data hold as CSV; outdated ones of an earlier run are removed."""
    written: set[str] = set()
    for name, table in tables(adata).items():
        stem = file_stem(name, written)
        write_csv(table, folder / f"{stem}.csv")
        written.add(stem)
    for old in folder.glob("*.csv"):
        if old.stem not in written:
            old.unlink()


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV, atomically; text that a spreadsheet would execute is quoted."""
    safe = harmless(table)
    write_atomic(path, lambda temporary: safe.to_csv(temporary))

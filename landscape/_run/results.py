"""The last step of a run: the files for the user, with a record of their origin."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from anndata import AnnData

import landscape
from landscape._files import read_json, sha256
from landscape._run import provenance
from landscape._run.manifest import STAGES, Manifest, key_of, read_complete
from landscape._run.outputs import publish
from landscape._run.watch import Event, Observer, peak_memory_mb

RESULTS = "results"
PUBLISHED = ("landscape.h5ad", "model", "report.html", "figures", "tables", "summary.json")


def write_results(
    out: Path,
    adata: AnnData,
    model: Any,
    manifests: Mapping[str, Manifest],
    *,
    params: Mapping[str, Any],
    inputs: Mapping[str, str],
    seed: int,
    number: int,
    observe: Observer,
) -> dict[str, Any]:
    """Publish a landscape, or keep the files if they have the same origin; returns the summary.

    ``inputs`` are the keys of everything that the results were made from.
    """
    folder = out / STAGES / RESULTS
    key = key_of(RESULTS, params=params, inputs=inputs, version=landscape.__version__)
    kept = read_complete(folder, key, root=out)
    if kept is not None:
        observe(Event(RESULTS, number, number, "kept", kept.seconds))
        return read_json(out / "summary.json")
    observe(Event(RESULTS, number, number, "started"))
    folder.mkdir(parents=True, exist_ok=True)
    draft = Manifest(RESULTS, "running", key, inputs, params, provenance.versions(), seed)
    draft.write(folder)
    start = time.perf_counter()
    summary = publish(adata, model, out, manifests)
    seconds = time.perf_counter() - start
    files = sorted(p for p in out.rglob("*") if p.is_file() and p.relative_to(out).parts[0] in PUBLISHED)
    replace(
        draft,
        status="complete",
        outputs={path.relative_to(out).as_posix(): sha256(path) for path in files},
        seconds=round(seconds, 3),
        peak_memory_mb=round(peak_memory_mb(), 1),
    ).write(folder)
    observe(Event(RESULTS, number, number, "done", seconds, peak_memory_mb()))
    return summary

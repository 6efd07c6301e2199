"""Perturbations, screens and reprogramming of a finished run, kept beside its stages as long as its model is the same."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
from anndata import AnnData

import landscape
from landscape import _keys, tl
from landscape._anndata import results_of
from landscape._files import lock
from landscape._run import delta, provenance
from landscape._run.manifest import LOCK, STAGES, Manifest, key_of, outputs_of, read_complete, read_manifest
from landscape._run.reading import read_cells
from landscape._run.results import RESULTS, write_results
from landscape._run.watch import Event, Observer, log, peak_memory_mb
from landscape.perturbation.clamps import Level

logger = logging.getLogger(__name__)

FOLDER = "perturbations"
# Folder for the blocks of a screen that is not finished.
SCREEN_WORK = "screen_blocks"
# Records that are kept there.
KEPT = (_keys.PERTURBATIONS, _keys.REPROGRAMMING, _keys.SCREEN)
# Stages that a perturbation is computed from.
SOURCES = ("dynamics", "attractors", "basins", "fates", "occupancy")


def perturb_directory(
    out: str | Path,
    levels: Mapping[str | tuple[str, str], Level],
    *,
    options: Mapping[str, Any] | None = None,
    observe: Observer = log,
) -> Mapping[str, Any]:
    """Clamp genes of a finished run at levels, and rewrite tables, figures and the report.

    The stages of the run stay as they are. A later run into the folder keeps the perturbations as long as its model is
    the same.

    Parameters
    ----------
    out
        Folder of a finished run.
    levels
        Level of each gene, or its level and the time for which it is held, see :func:`landscape.tl.perturb`.
    options
        Further keywords of :func:`landscape.tl.perturb`.
    observe
        Called with the events of the run.

    Returns
    -------
    Record of the perturbation, with ``fates`` before and after, see :func:`landscape.tl.perturb`.

    Raises
    ------
    FileNotFoundError
        If the folder holds no finished run.
    """
    given = dict(options or {})
    adata = _extend(out, lambda adata, seed: tl.perturb(adata, levels, **{"rng": seed, **given}), observe)
    name = given.get("key_added") or _keys.perturbation_name(levels)
    return results_of(adata)[_keys.PERTURBATIONS][name]


def reprogram_directory(
    out: str | Path,
    source: str,
    target: str,
    *,
    options: Mapping[str, Any] | None = None,
    observe: Observer = log,
) -> Mapping[str, Any]:
    """Find sets of genes that carry one fate of a finished run into another, and rewrite tables, figures and the report.

    Parameters
    ----------
    out
        Folder of a finished run.
    source, target
        Names of fates, see :func:`landscape.tl.reprogram`.
    options
        Further keywords of :func:`landscape.tl.reprogram`, without ``to`` and ``key_added``.
    observe
        Called with the events of the run.

    Returns
    -------
    Record of the search, with ``sets`` and ``answer``, see :func:`landscape.tl.reprogram`.

    Raises
    ------
    FileNotFoundError
        If the folder holds no finished run.
    """
    given = dict(options or {})
    adata = _extend(out, lambda adata, seed: tl.reprogram(adata, source, target, **{"rng": seed, **given}), observe)
    return results_of(adata)[_keys.REPROGRAMMING][_keys.storable(f"{source} to {target}")]


def screen_directory(
    out: str | Path, *, options: Mapping[str, Any] | None = None, observe: Observer = log
) -> Mapping[str, Any]:
    """Screen the regulators of a finished run, and rewrite tables, figures and the report.

    A screen that is interrupted goes on where it was when the same call is made again.

    Parameters
    ----------
    out
        Folder of a finished run.
    options
        Keywords of :func:`landscape.tl.screen`.
    observe
        Called with the events of the run.

    Returns
    -------
    Record of the screen, see :func:`landscape.tl.screen`.

    Raises
    ------
    FileNotFoundError
        If the folder holds no finished run.
    """
    work = Path(out) / STAGES / SCREEN_WORK
    given = {"checkpoint": work, **(options or {})}
    adata = _extend(out, lambda adata, seed: tl.screen(adata, **{"rng": seed, **given}), observe)
    if work.is_dir():
        shutil.rmtree(work)
    return results_of(adata)[_keys.SCREEN]


def _extend(out: str | Path, add: Callable[[AnnData, int], object], observe: Observer) -> AnnData:
    """Add a result to a finished run by a function of its cells and its seed, and write the results again."""
    out = Path(out)
    hidden = out / STAGES
    done = read_manifest(hidden / RESULTS)
    if done is None or done.status != "complete" or not (out / "landscape.h5ad").is_file():
        msg = f"{out} holds no finished run; run `landscape run INPUT.h5ad --out {out}` first."
        raise FileNotFoundError(msg)
    with lock(out / LOCK):
        adata = read_cells(out / "landscape.h5ad")
        # Those of the last run; a folder may hold models of an earlier one with more.
        stages = {name: found for name in done.inputs if (found := read_manifest(hidden / name))}
        observe(Event(FOLDER, 1, 2, "started"))
        start = time.perf_counter()
        add(adata, done.seed)
        seconds = time.perf_counter() - start
        manifest = _save(adata, out, stages, done.seed, seconds)
        observe(Event(FOLDER, 1, 2, "done", seconds, peak_memory_mb()))
        known = {name: found for name, found in stages.items() if name not in (RESULTS, FOLDER)}
        inputs = {**{name: found.key for name, found in known.items()}, FOLDER: manifest.key}
        write_results(
            out,
            adata,
            None,
            known,
            params=done.params,
            inputs=inputs,
            seed=done.seed,
            number=2,
            observe=observe,
        )
    return adata


def carry(out: Path, adata: AnnData, manifests: Mapping[str, Manifest]) -> dict[str, str]:
    """Set the perturbations of these stages, and drop those of an earlier model.

    Returns
    -------
    Key of the stage of perturbations by its name; empty where there are none.
    """
    folder = out / STAGES / FOLDER
    found = read_manifest(folder)
    if found is None:
        return {}
    key = _key(found.params, _inputs(manifests))
    if read_complete(folder, key) is None:
        logger.warning("the model has changed: perturbations of the earlier one are dropped")
        shutil.rmtree(folder)
        return {}
    delta.apply(delta.read(folder / "delta.h5ad"), adata)
    return {FOLDER: key}


def _save(adata: AnnData, out: Path, stages: Mapping[str, Manifest], seed: int, seconds: float) -> Manifest:
    folder = out / STAGES / FOLDER
    records = {key: results_of(adata)[key] for key in KEPT if key in results_of(adata)}
    named = [record for key, record in records.items() if key != _keys.SCREEN]
    params: dict[str, Any] = {"names": sorted(name for record in named for name in record if name != "params")}
    if _keys.SCREEN in records:
        params["screen"] = {name: str(value) for name, value in records[_keys.SCREEN]["params"].items()}
    inputs = _inputs(stages)
    draft = Manifest(FOLDER, "running", _key(params, inputs), inputs, params, provenance.versions(), seed)
    folder.mkdir(parents=True, exist_ok=True)
    draft.write(folder)
    held = AnnData(obs=pd.DataFrame(index=adata.obs_names), var=pd.DataFrame(index=adata.var_names))
    held.uns[_keys.UNS] = {_keys.SCHEMA: _keys.SCHEMA_VERSION, **records}
    delta.write(held, folder / "delta.h5ad")
    manifest = replace(draft, status="complete", outputs=outputs_of(folder), seconds=round(seconds, 3))
    manifest.write(folder)
    return manifest


def _inputs(manifests: Mapping[str, Manifest]) -> dict[str, str]:
    return {name: manifests[name].key for name in SOURCES}


def _key(params: Mapping[str, Any], inputs: Mapping[str, str]) -> str:
    return key_of(FOLDER, params=params, inputs=inputs, version=landscape.__version__)

"""All stages from a file into a folder: complete stages are kept, and no file is half-written."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from anndata import AnnData

import landscape
from landscape._files import digest_of, lock, read_json, sha256, sweep, write_json
from landscape._run import delta, provenance
from landscape._run.genomic_code import GENOMIC_CODE
from landscape._run.manifest import LOCK, STAGES, Manifest, key_of, outputs_of, read_complete, read_manifest
from landscape._run.models import Step, Works, said, steps
from landscape._run.options import check_names, check_options
from landscape._run.perturbations import PERTURBATIONS
from landscape._run.plan import prepare, settle
from landscape._run.reading import read_cells, require_storable
from landscape._run.results import write_results
from landscape._run.settings import Settings
from landscape._run.stages import CHECKPOINT, Stage, Work, narrow, stages
from landscape._run.watch import Event, Observer, collected_warnings, log, peak_memory_mb

logger = logging.getLogger(__name__)

_SOURCE = "source.json"
_SCHEMA = "landscape.run/1"


@dataclass
class _Run:
    """Folders and hashes of a run in progress."""

    out: Path
    source: dict[str, Any]
    observe: Observer
    total: int
    manifests: dict[str, Manifest]

    def key(self, name: str, *, model: int) -> str:
        """Key of a stage of a model, or of the stage that all models share."""
        own = f"model_{model}/{name}"
        return self.manifests[own if own in self.manifests else name].key


def run_directory(
    source: str | Path,
    out: str | Path,
    *,
    settings: Settings | None = None,
    force: bool = False,
    observe: Observer = log,
) -> dict[str, Any]:
    """Infer a landscape from a file of counts and write everything into a folder.

    Each stage leaves its result and a manifest in a hidden folder. A later call keeps the stages whose input,
    parameters and files are unchanged and repeats the others. The result does not depend on interruptions, because the
    result of a stage is always read back from its file before the next stage uses it.

    Parameters
    ----------
    source
        ``.h5ad`` file or zarr folder.
    out
        Folder for ``landscape.h5ad``, ``model/``, ``report.html``, ``figures/``, ``tables/`` and ``summary.json``.
    settings
        Settings; the defaults suit counts in ``layers["counts"]``.
    force
        Start over, also in a folder that holds results of another input, or other files (which stay).
    observe
        Called with an :class:`~landscape._run.watch.Event` at the start and end of each stage.

    Returns
    -------
    The content of ``summary.json``, which is written last.

    Raises
    ------
    FileNotFoundError, ValueError, KeyError
        If the input cannot be read or used.
    FileExistsError
        If the folder holds other files, or the results of another input.
    BlockingIOError
        If another process works in the folder.
    """
    source, out, settings = Path(source), Path(out), settings or Settings()
    require_free(out, force=force)
    described = {"name": source.name, "sha256": _hash(source)}
    out.mkdir(parents=True, exist_ok=True)
    with lock(out / LOCK), _threads(settings.threads), collected_warnings() as warnings:
        _prepare(out, described, force=force)
        adata = prepare(read_cells(source), settings)
        plan = settle(adata, settings)
        check_options(plan)
        check_names(plan, adata)
        require_storable(adata)
        listed = steps(stages(), plan.n_models)
        run = _Run(out, described, observe, len(listed) + 1, {})
        messages = list(warnings)
        work = Work(adata, plan)
        works = Works(work)
        for number, step in enumerate(listed, start=1):
            manifest = _stage(run, step, works.of(step.model), number, settings)
            run.manifests[step.name] = manifest
            messages += said(messages, manifest.warnings, step.model)
        _carry_over(out, listed, adata)
        provenance.write(adata, plan, warnings=messages, source=described)
        made_from = {name: manifest.key for name, manifest in run.manifests.items()}
        for later in (PERTURBATIONS, GENOMIC_CODE):
            made_from |= later.carry(out, adata, run.manifests)
        return write_results(
            out,
            adata,
            work.model,
            run.manifests,
            params=provenance.plain(plan),
            inputs=made_from,
            seed=plan.seed,
            number=run.total,
            observe=observe,
        )


def _stage(run: _Run, step: Step, work: Work, number: int, settings: Settings) -> Manifest:
    stage, folder = step.stage, run.out / STAGES / step.name
    params = {name: provenance.plain(work.plan)[name] for name in stage.reads}
    params["options"] = work.plan.options(stage.name)
    inputs = {"source": run.source["sha256"]} | {name: run.key(name, model=step.model) for name in stage.after}
    if not stage.after:
        params |= {"drop_empty": settings.drop_empty, "round": settings.round}
    if stage.schema is not None:
        params["schema"] = stage.schema
        _warn_of_other_schema(folder, stage)
    key = key_of(stage.name, params=params, inputs=inputs, version=landscape.__version__)
    manifest = read_complete(folder, key)
    if manifest is None:
        draft = Manifest(stage.name, "running", key, inputs, params, provenance.versions(), work.plan.seed)
        manifest = _compute(run, step, work, number, draft)
    else:
        run.observe(Event(step.name, number, run.total, "kept", manifest.seconds))
    delta.apply(delta.read(folder / "delta.h5ad"), work.current)
    if stage.name == "genes":
        narrow(work)
    if stage.name == "latent":
        from landscape.latent.ensemble import load_model

        work.model = load_model(folder / "model", work.current)
    return manifest


def _compute(run: _Run, step: Step, work: Work, number: int, draft: Manifest) -> Manifest:
    folder = run.out / STAGES / step.name
    run.observe(Event(step.name, number, run.total, "started"))
    _clear(folder, draft.key)
    draft.write(folder)
    work.model_folder = folder / "model"
    before = delta.snapshot(work.current)
    start = time.perf_counter()
    with collected_warnings() as messages:
        step.stage.call(work)
    seconds = time.perf_counter() - start
    delta.write(delta.difference(before, work.current), folder / "delta.h5ad")
    done = replace(
        draft,
        status="complete",
        outputs=outputs_of(folder),
        seconds=round(seconds, 3),
        peak_memory_mb=round(peak_memory_mb(), 1),
        warnings=tuple(messages),
    )
    done.write(folder)
    run.observe(Event(step.name, number, run.total, "done", seconds, done.peak_memory_mb))
    return done


def _warn_of_other_schema(folder: Path, stage: Stage) -> None:
    """Warn that a stage is repeated because another version of the package wrote its files."""
    earlier = read_manifest(folder)
    if earlier is None or (found := earlier.params.get("schema")) == stage.schema:
        return
    logger.warning(
        "the stage %r and those after it are repeated: its files have the schema %s, expected %r",
        stage.name,
        "of an earlier version" if found is None else repr(found),
        stage.schema,
    )


def _clear(folder: Path, key: str) -> None:
    """Empty the folder of a stage, except for the checkpoint of the same work if it was killed."""
    killed = read_manifest(folder)
    keep = CHECKPOINT if killed is not None and killed.status == "running" and killed.key == key else None
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.name == keep:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _carry_over(out: Path, listed: tuple[Step, ...], adata: AnnData) -> None:
    """Set the results of the first model and of the consensus, on the selected genes, in the data with all genes."""
    for step in listed:
        if step.model == 1 and step.name != "genes":
            delta.apply(delta.read(out / STAGES / step.name / "delta.h5ad"), adata)


def require_free(out: Path, *, force: bool) -> None:
    """Refuse a folder with other contents than a run, unless forced."""
    if out.exists() and not out.is_dir():
        msg = f"Expected a folder at {out}, found a file; choose another path."
        raise FileExistsError(msg)
    if force or not out.exists() or (out / STAGES).is_dir():
        return
    others = [path.name for path in out.iterdir() if path.name != LOCK]
    if others:
        msg = f"{out} holds other files ({', '.join(sorted(others)[:3])}); choose another folder, or pass `--force` to write into it."
        raise FileExistsError(msg)


def _prepare(out: Path, described: dict[str, Any], *, force: bool) -> None:
    """Remove what killed runs left, and refuse to mix the results of two inputs."""
    hidden = out / STAGES
    known = hidden / _SOURCE
    if force:
        for folder in hidden.glob("*/"):
            shutil.rmtree(folder)
        known.unlink(missing_ok=True)
    for folder in (hidden, out / "model", out / "figures", out / "tables"):
        if folder.is_dir():
            sweep(folder)
    sweep(out, deep=False)
    if known.is_file() and (held := _held(known))["sha256"] != described["sha256"]:
        msg = (
            f"{out} holds the results of another input ({held['name']}, SHA-256 {held['sha256'][:12]}..., now "
            f"{described['sha256'][:12]}...); choose another folder, or pass `--force` to replace them."
        )
        raise FileExistsError(msg)
    write_json(known, {"schema": _SCHEMA, "input": described})


def _held(known: Path) -> dict[str, Any]:
    """Name and digest of the input of an earlier run."""
    try:
        held = read_json(known)["input"]
        return {"name": str(held["name"]), "sha256": str(held["sha256"])}
    except (ValueError, KeyError, TypeError) as error:
        msg = f"{known} is damaged, so that the input of the results in this folder is unknown; pass `--force` to start over."
        raise ValueError(msg) from error


def _hash(source: Path) -> str:
    if source.is_dir():
        return digest_of({p.relative_to(source).as_posix(): sha256(p) for p in source.rglob("*") if p.is_file()})
    if not source.exists():
        msg = f"No file at {source}."
        raise FileNotFoundError(msg)
    return sha256(source)


@contextmanager
def _threads(number: int | None) -> Iterator[None]:
    if number is None:
        yield
        return
    import torch
    from threadpoolctl import threadpool_limits

    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        with threadpool_limits(number):
            yield
    finally:
        torch.set_num_threads(before)

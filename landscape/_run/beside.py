"""Results of a finished run that are asked for later, kept beside its stages as long as its model is the same."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
from anndata import AnnData

import landscape
from landscape import _keys
from landscape._anndata import results_of
from landscape._files import lock
from landscape._run import delta, provenance
from landscape._run.manifest import LOCK, STAGES, Manifest, key_of, outputs_of, read_complete, read_manifest
from landscape._run.reading import read_cells
from landscape._run.results import RESULTS, write_results
from landscape._run.watch import Event, Observer, peak_memory_mb

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Beside:
    """A kind of results beside the stages of a run.

    Attributes
    ----------
    folder
        Name of its folder, and of the event.
    records
        Names of its records in ``adata.uns["landscape"]``.
    sources
        Stages that it is computed from.
    what
        What it is, for the log.
    """

    folder: str
    records: tuple[str, ...]
    sources: tuple[str, ...]
    what: str

    def add(
        self,
        out: str | Path,
        compute: Callable[[AnnData, int], object],
        params: Callable[[AnnData], dict[str, Any]],
        *,
        observe: Observer,
    ) -> AnnData:
        """Compute results of a finished run, keep them, and rewrite tables, figures and the report.

        Parameters
        ----------
        out
            Folder of a finished run.
        compute
            Function of the data and the seed of the run, which writes the record.
        params
            Function of the data with the record to the parameters by which it is known again.
        observe
            Called with the events.

        Returns
        -------
        The data with the record.

        Raises
        ------
        FileNotFoundError
            If the folder holds no finished run.
        """
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
            observe(Event(self.folder, 1, 2, "started"))
            start = time.perf_counter()
            compute(adata, done.seed)
            seconds = time.perf_counter() - start
            manifest = self._save(adata, out, stages, params(adata), done.seed, seconds)
            observe(Event(self.folder, 1, 2, "done", seconds, peak_memory_mb()))
            known = {name: found for name, found in stages.items() if name not in (RESULTS, self.folder)}
            inputs = {**{name: found.key for name, found in known.items()}, self.folder: manifest.key}
            write_results(
                out, adata, None, known, params=done.params, inputs=inputs, seed=done.seed, number=2, observe=observe
            )
        return adata

    def carry(self, out: Path, adata: AnnData, manifests: Mapping[str, Manifest]) -> dict[str, str]:
        """Set the results of these stages, and drop those of an earlier model.

        Returns
        -------
        Key of the results by the name of their folder; empty where there are none.
        """
        folder = out / STAGES / self.folder
        found = read_manifest(folder)
        if found is None:
            return {}
        key = self._key(found.params, self._inputs(manifests))
        if read_complete(folder, key) is None:
            logger.warning("the model has changed: %s of the earlier one are dropped", self.what)
            shutil.rmtree(folder)
            return {}
        delta.apply(delta.read(folder / "delta.h5ad"), adata)
        return {self.folder: key}

    def _save(
        self,
        adata: AnnData,
        out: Path,
        stages: Mapping[str, Manifest],
        params: dict[str, Any],
        seed: int,
        seconds: float,
    ) -> Manifest:
        folder = out / STAGES / self.folder
        inputs = self._inputs(stages)
        draft = Manifest(self.folder, "running", self._key(params, inputs), inputs, params, provenance.versions(), seed)
        folder.mkdir(parents=True, exist_ok=True)
        draft.write(folder)
        held = AnnData(obs=pd.DataFrame(index=adata.obs_names), var=pd.DataFrame(index=adata.var_names))
        results = results_of(adata)
        kept = {name: results[name] for name in self.records if name in results}
        held.uns[_keys.UNS] = {_keys.SCHEMA: _keys.SCHEMA_VERSION, **kept}
        delta.write(held, folder / "delta.h5ad")
        manifest = replace(draft, status="complete", outputs=outputs_of(folder), seconds=round(seconds, 3))
        manifest.write(folder)
        return manifest

    def _inputs(self, manifests: Mapping[str, Manifest]) -> dict[str, str]:
        return {name: manifests[name].key for name in self.sources if name in manifests}

    def _key(self, params: Mapping[str, Any], inputs: Mapping[str, str]) -> str:
        return key_of(self.folder, params=params, inputs=inputs, version=landscape.__version__)

"""How far a consensus depends on the seeds of its latent models: two disjoint sets of seeds, with 1, 3, ... models in each.

``LANDSCAPE_DATA_DIR=... python -m benchmarks.stability --json FILE [--seeds N] [--only paul15]``

``--seeds`` is the number of models of both sets together, 6 by default. A model has its own latent seed, network, chain and
fit; genes and regulators are chosen on counts. With one model in a set the rows are means over pairs. Where the variable
``LANDSCAPE_CACHE_DIR`` is set, models are kept in that folder and read from it.

The parts ``latents_*`` have one landscape on each of two disjoint sets of latent models that are used as one.

``tv_*``: mean total variation between the fates of a cell in the two sets, by lineage. ``sure_*``: share of cells with a fate
above 0.6 in both, and ``ari_*`` their adjusted Rand index. ``kept_*``: lineages with an attractor, or a terminal state, that
is kept, in each set and in both. ``drift_cosine``: of the mean drifts at the cells. ``level_coverage``: share of the levels
of attractors in one consensus that the interval of the other one holds.
"""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
import torch
from anndata import AnnData
from sklearn.metrics import adjusted_rand_score

import landscape as ls
from benchmarks._harness import Results, main, timed
from benchmarks.real_cells import LINEAGES, SETTINGS, bare
from landscape._run.plan import settle
from landscape._run.settings import Settings
from landscape._run.stages import Work, narrow, stages
from landscape.directions import Direction
from landscape.latent import LatentEnsemble, LatentModel

LABEL = "cell_type"
SURE = 0.6
# Fates of the chain towards attractors, and towards its own terminal states.
KINDS = {"fates": "attractors", "terminal_fates": "terminal"}


def fitted(name: str, seed: int) -> AnnData:
    """One model of a data set, end to end."""
    folder = os.environ.get("LANDSCAPE_CACHE_DIR")
    path = None if folder is None else Path(folder) / f"{name}_{seed}.h5ad"
    if path is not None and path.exists():
        return ad.read_h5ad(path)
    plan = settle(
        adata := getattr(ls.datasets, name)(), Settings(seed=seed, direction=SETTINGS[name], n_latent_models=1)
    )
    work = Work(adata, plan, progress=False)
    for stage in stages():
        if stage.name in ("genes", "latent"):
            stage.call(work)
        if stage.name == "genes":
            narrow(work)
    cells = work.current
    ls.tl.network(cells, regulators=ls.pp.find_regulators(cells), layer=work.layer, model=work.model, rng=seed)
    ls.tl.dynamics(cells, model=work.model, direction=plan.directions[0], refine="descendants", rng=seed)
    ls.tl.attractors(cells, label_key=LABEL, rng=seed)
    ls.tl.basins(cells)
    ls.tl.terminal_states(cells, label_key=LABEL)
    ls.tl.fates(cells, n_replicates=0)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        cells.write_h5ad(path)
    return cells


def answer(models: Sequence[AnnData], by: str) -> AnnData:
    """What the models say together; with one model, what it says."""
    result = models[0].copy()
    if len(models) > 1:
        ls.tl.consensus(result, models=models, by=by)
        for kind in KINDS:
            result.obsm[kind] = result.obsm[f"consensus_{kind}"]
    drifts = [ls.get.model(each)(torch.as_tensor(each.obsm["X_state"].to_numpy())).numpy() for each in models]
    genes = [list(ls.get.model(each).regulators) for each in models]
    tables = [pd.DataFrame(drift, columns=own) for drift, own in zip(drifts, genes, strict=True)]
    shared = sorted(set.intersection(*map(set, genes)))
    result.obsm["drift"] = sum(table[shared] for table in tables).set_axis(result.obs_names) / len(models)
    return result


def by_lineage(fates: pd.DataFrame) -> pd.DataFrame:
    """Fates of one lineage taken together; those of a cell that reaches none are unresolved."""
    summed = fates.T.groupby([bare(str(name)) for name in fates.columns]).sum().T
    return summed.assign(unresolved=(1 - summed.drop(columns="unresolved", errors="ignore").sum(axis=1)).clip(0))


def kept(result: AnnData, kind: str, name: str) -> set[str]:
    """Lineages of a data set among the fates."""
    return {bare(str(column)) for column in result.obsm[kind].columns} & set(LINEAGES[name])


def compared(one: AnnData, other: AnnData, name: str) -> dict[str, Any]:
    """Figures of two answers from disjoint sets of seeds."""
    row: dict[str, Any] = {}
    for kind, word in KINDS.items():
        tables = [by_lineage(result.obsm[kind]) for result in (one, other)]
        columns = sorted(set(tables[0]) | set(tables[1]))
        a, b = (table.reindex(columns=columns, fill_value=0.0).to_numpy() for table in tables)
        sure = (a.max(1) > SURE) & (b.max(1) > SURE)
        row[f"tv_{word}"] = float(np.abs(a - b).sum(1).mean() / 2)
        row[f"sure_{word}"] = float(sure.mean())
        row[f"ari_{word}"] = float(adjusted_rand_score(a.argmax(1)[sure], b.argmax(1)[sure]))
        found = [kept(result, kind, name) for result in (one, other)]
        row |= {f"kept_{word}_{i}": len(each) for i, each in enumerate(found)}
        row[f"kept_{word}_both"] = len(found[0] & found[1])
    genes = list(one.obsm["drift"].columns.intersection(other.obsm["drift"].columns))
    x, y = (result.obsm["drift"][genes].to_numpy() for result in (one, other))
    row["drift_cosine"] = float((x * y).sum() / np.sqrt((x**2).sum() * (y**2).sum()))
    row["level_coverage"] = coverage(one, other)
    return row


def coverage(one: AnnData, other: AnnData) -> float:
    """Share of the levels of kept attractors of the same name that lie in the interval of the other consensus."""
    if any("consensus" not in result.uns["landscape"] for result in (one, other)):
        return float("nan")
    tables = [ls.get.consensus(result, part="levels").set_index(["attractor", "gene"]) for result in (one, other)]
    both = tables[0].join(tables[1], how="inner", rsuffix="_other")
    both = both[both[["low", "low_other"]].notna().all(axis=1)]
    held = [
        both["level_other"].between(both["low"], both["high"]),
        both["level"].between(both["low_other"], both["high_other"]),
    ]
    return float(np.mean(held)) if len(both) else float("nan")


def data_set(name: str, results: Results, *, quick: bool) -> None:
    """Disjoint sets of models of one data set, matched by basins and by fates."""
    half = (results.seeds or (2 if quick else 6)) // 2
    cost: dict[str, Any] = {}
    with timed(cost):
        models = [fitted(name, seed) for seed in range(2 * half)]
    for n_models in range(1, half + 1, 2):
        for by in ("fate", "basin") if n_models > 1 else ("fate",):
            groups = range(half if n_models == 1 else 1)
            rows = []
            for k in groups:
                sets = [models[start + k : start + k + n_models] for start in (0, half)]
                rows.append(compared(answer(sets[0], by), answer(sets[1], by), name))
            row = pd.DataFrame(rows).mean().to_dict()
            results.add({"data": name, "n_models": n_models, "by": by, "cpu_seconds": cost["cpu_seconds"]} | row)
            for key in ("tv_terminal", "tv_attractors", "ari_terminal", "sure_terminal", "kept_attractors_both"):
                results.figures[f"{name}_{n_models}_{by}_{key}"] = row[key]


def latent_model(name: str, seed: int) -> tuple[AnnData, LatentModel, Direction]:
    """Cells on the selected genes, and their latent model of one seed."""
    plan = settle(
        adata := getattr(ls.datasets, name)(), Settings(seed=seed, direction=SETTINGS[name], n_latent_models=1)
    )
    work = Work(adata, plan, progress=False)
    for stage in stages():
        if stage.name in ("genes", "latent"):
            stage.call(work)
        if stage.name == "genes":
            narrow(work)
    return work.current, work.model, plan.directions[0]


def landscape_of(name: str, seeds: Sequence[int]) -> AnnData:
    """One landscape on several latent models used as one."""
    trained = [latent_model(name, seed) for seed in seeds]
    cells, first, direction = trained[0]
    model = LatentEnsemble([each for _, each, _ in trained]) if len(trained) > 1 else first
    cells.obsm["X_latent"] = model.get_latent_representation()
    ls.tl.network(cells, regulators=ls.pp.find_regulators(cells), layer="counts", model=model, rng=0)
    ls.tl.dynamics(cells, model=model, direction=direction, rng=0)
    ls.tl.attractors(cells, label_key=LABEL)
    ls.tl.basins(cells)
    ls.tl.terminal_states(cells, label_key=LABEL)
    ls.tl.fates(cells, n_replicates=0)
    return cells


def latents(name: str, results: Results, *, quick: bool) -> None:
    """Landscapes on disjoint sets of latent models that are used as one."""
    for n_models in (1, 2) if quick else (1, 5, 10):
        row: dict[str, Any] = {"data": name, "n_latent_models": n_models}
        with timed(row):
            one, other = (landscape_of(name, range(k * n_models, (k + 1) * n_models)) for k in range(2))
        row |= compared(answer([one], "fate"), answer([other], "fate"), name)
        results.add(row)
        for key in ("tv_terminal", "tv_attractors", "ari_attractors", "sure_attractors", "kept_attractors_both"):
            results.figures[f"{name}_latents_{n_models}_{key}"] = row[key]


PARTS = {name: functools.partial(data_set, name) for name in LINEAGES} | {
    f"latents_{name}": functools.partial(latents, name) for name in LINEAGES
}

if __name__ == "__main__":
    logging.getLogger("landscape").setLevel(logging.ERROR)
    main(__doc__, PARTS, ["torch", "numpy", "scanpy", "anndata", "scvi-tools"])

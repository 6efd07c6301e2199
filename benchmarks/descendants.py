"""The fit to descendants beside the one to velocities: where the model takes the cells of blood and the pancreas.

``LANDSCAPE_DATA_DIR=... python -m benchmarks.descendants --json FILE [--seeds N] [--only paul15]``

A seed is that of the whole pipeline, including the latent model. Regulators are those of the species' list that are also in
the list of Lambert et al. (2018) under ``LANDSCAPE_DATA_DIR/priors``. Figures of a model: lineages with an attractor, the
share of each lineage's cells in the basin of its own attractors, the share of cells on which model and chain differ, and the
total variation between the shares of the fates from the start under the model and under the chain.
"""

from __future__ import annotations

import functools
import gzip
import logging
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData

import landscape as ls
from benchmarks._harness import Results, main, timed
from benchmarks.real_cells import LINEAGES, SETTINGS, bare
from landscape._run.plan import settle
from landscape._run.settings import Settings
from landscape._run.stages import Work, narrow, stages
from landscape.directions import Direction

LABEL = "cell_type"
# Symbols of the mouse that the list of human genes has under another name.
OLD_SYMBOLS = {"SFPI1"}
N_PATHS = 1000
# Long enough for paths from the start to settle, in mean lifetimes of an mRNA.
DURATION = 100.0


def curated(names: list[str]) -> list[str]:
    """Names that are sequence-specific transcription factors by Lambert et al. 2018, in upper case."""
    path = Path(os.environ["LANDSCAPE_DATA_DIR"]) / "priors" / "tf_human_lambert2018.txt.gz"
    with gzip.open(path, "rt") as lines:
        factors = {line.strip().upper() for line in lines} | OLD_SYMBOLS
    return [name for name in names if name.upper() in factors]


def with_network(name: str, seed: int) -> tuple[AnnData, Any, Direction]:
    """Cells on the selected genes with their latent model, network and direction."""
    plan = settle(adata := getattr(ls.datasets, name)(), Settings(seed=seed, direction=SETTINGS[name]))
    work = Work(adata, plan, progress=False)
    for stage in stages():
        if stage.name in ("genes", "latent"):
            stage.call(work)
        if stage.name == "genes":
            narrow(work)
    regulators = curated(list(map(str, ls.pp.find_regulators(work.current))))
    ls.tl.network(work.current, regulators=regulators, layer=work.layer, model=work.model, rng=seed)
    return work.current, work.model, plan.directions[0]


def start_distance(adata: AnnData) -> float:
    """Total variation between the shares of the fates from the start: of the model's paths, and of the chain's absorption.

    NaN where the direction names no start.
    """
    if not adata.obs["landscape_start"].any():
        return float("nan")
    states = adata.uns["landscape"]["attractors"]["states"]
    x = adata.obsm["X_state"].to_numpy()
    start = x[adata.obs["landscape_start"].to_numpy(dtype=bool)]
    known = ls.perturbation.references(tuple(states.index), states.to_numpy(), start)
    drawn = start[np.random.default_rng(0).integers(0, len(start), N_PATHS)]
    found = ls.perturbation.outcome(ls.get.model(adata), drawn, known, duration=DURATION, rng=0)
    model = pd.Series(found.shares, index=[bare(fate) for fate in known.fates]).groupby(level=0).sum()
    chain = adata.obsm["terminal_fates"][adata.obs["landscape_start"].to_numpy(dtype=bool)].mean()
    fates = model.index.union(chain.index)
    return 0.5 * float((model.reindex(fates, fill_value=0.0) - chain.reindex(fates, fill_value=0.0)).abs().sum())


def figures(adata: AnnData, name: str) -> dict[str, Any]:
    """What the model makes of the lineages, beside the chain."""
    ls.tl.attractors(adata, label_key=LABEL)
    ls.tl.basins(adata)
    ls.tl.terminal_states(adata, label_key=LABEL)
    ls.tl.fates(adata)
    record = adata.uns["landscape"]["dynamics"]
    basin, kind = adata.obs["basin"].astype(str).map(bare), adata.obs[LABEL].astype(str)
    own = {lineage: float((basin[kind == lineage] == lineage).mean()) for lineage in LINEAGES[name]}
    attractors = {bare(title) for title in adata.uns["landscape"]["attractors"]["table"].index}
    return {
        "found": sum(lineage in attractors for lineage in LINEAGES[name]),
        "other": len(attractors - set(LINEAGES[name])),
        **{f"own_{lineage}": share for lineage, share in own.items()},
        "own_mean": float(np.mean(list(own.values()))),
        "start_distance": start_distance(adata),
        "differs": float(adata.uns["landscape"]["fates"]["share_differs"]),
        "velocity_r2_held_out": float(record["velocity_r2_held_out"]),
        **{key: float(record[key]) for key in ("flow_score", "flow_floor", "flow_unchanged") if key in record},
    }


def data_set(name: str, results: Results, *, quick: bool) -> None:
    """Both fits of one data set over seeds."""
    rows = []
    for seed in range(results.seeds or (1 if quick else 3)):
        adata, model, direction = with_network(name, seed)
        for refine in (False, "descendants"):
            row: dict[str, Any] = {"data": name, "seed": seed, "fit": refine or "velocities"}
            with timed(row, "seconds_dynamics"):
                ls.tl.dynamics(adata, model=model, direction=direction, refine=refine, rng=seed)
            row |= figures(adata, name)
            results.add(row)
            rows.append(row)
    table = pd.DataFrame(rows)
    for fit, part in table.groupby("fit"):
        for key in ("found", "own_mean", "start_distance", "differs", "cpu_seconds_dynamics"):
            results.figures[f"{name}_{fit}_{key}"] = float(part[key].mean())


PARTS = {name: functools.partial(data_set, name) for name in LINEAGES}

if __name__ == "__main__":
    logging.getLogger("landscape").setLevel(logging.ERROR)
    main(__doc__, PARTS, ["torch", "numpy", "scanpy", "anndata", "scvi-tools"])

"""Blood progenitors and the pancreas over seeds: lineages that are found, stability of basins, cost.

``LANDSCAPE_DATA_DIR=... python -m benchmarks.real_cells --json FILE [--seeds N]``

A seed is that of the whole pipeline, including the latent model. A lineage counts as an attractor if the model has a stable
fixed point with its name inside the data, and as a terminal state if the directed chain has one among its cells.
"""

from __future__ import annotations

import functools
import itertools
import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse
from scipy.optimize import linear_sum_assignment
from scipy.stats import spearmanr
from sklearn.metrics import adjusted_rand_score

import landscape as ls
from benchmarks._harness import Results, main, peak_memory_mb, timed
from landscape._run.plan import settle
from landscape._run.settings import Settings
from landscape._run.stages import Work, narrow, stages

LINEAGES = {
    "paul15": ("Erythroid", "Megakaryocyte", "Basophil", "Monocyte", "Neutrophil"),
    "pancreas": ("Alpha", "Beta", "Delta", "Epsilon"),
}
SETTINGS = {"paul15": {"root_genes": ("Cd34", "Meis1", "Sox4")}, "pancreas": {"unspliced": "unspliced"}}
# Published order of states (Bastidas-Ponce 2019); velocities against it are wrong.
ORDER = {"Ductal": 0, "Ngn3 low EP": 1, "Ngn3 high EP": 2, "Pre-endocrine": 3} | dict.fromkeys(LINEAGES["pancreas"], 4)
# Stages after the latent model.
TIMED = ("network", "dynamics", "attractors", "basins", "fates")


def fitted(name: str, seed: int, *, ensemble: bool) -> tuple[AnnData, dict[str, Any]]:
    """Data set with its landscape, and the cost of every stage."""
    plan = settle(
        adata := getattr(ls.datasets, name)(),
        Settings(seed=seed, direction=SETTINGS[name], stages={} if ensemble else {"dynamics": {"n_replicates": 0}}),
    )
    work, cost = Work(adata, plan, progress=False), {}
    for stage in stages():
        if stage.name not in ("genes", "latent", *TIMED):
            continue
        with timed(cost, f"seconds_{stage.name}"):
            stage.call(work)
        if stage.name == "genes":
            narrow(work)
    with timed(cost, "seconds_terminal"):
        ls.tl.terminal_states(work.current, label_key="cell_type")
    cost["cpu_seconds_after_latent"] = sum(cost[f"cpu_seconds_{part}"] for part in (*TIMED, "terminal"))
    cost["seconds_after_latent"] = sum(cost[f"seconds_{part}"] for part in (*TIMED, "terminal"))
    cost["peak_mb"] = peak_memory_mb()
    return work.current, cost


def bare(name: str) -> str:
    """Name of an attractor without its number."""
    head, _, tail = name.rpartition(" ")
    return head if head and tail.isdigit() else name


def lineages(adata: AnnData, name: str) -> dict[str, Any]:
    """Lineages that are found as attractors with cells near them, and as terminal states of the chain."""
    results = adata.uns["landscape"]
    table = results["attractors"]["table"]
    attractors = {bare(title) for title, seen in table["observed"].items() if seen}
    terminal = set(results["terminal_states"]["table"].index)
    wanted = LINEAGES[name]
    return {
        "attractors": ", ".join(map(str, table.index)),
        "terminal": ", ".join(sorted(terminal)),
        "found_attractors": sum(w in attractors for w in wanted),
        "found_terminal": sum(w in terminal for w in wanted),
        "found_either": sum(w in attractors | terminal for w in wanted),
        "other_attractors": sum(bare(title) not in wanted for title in table.index),
        "other_terminal": len(terminal - set(wanted)),
    }


def order_of_flow(adata: AnnData) -> dict[str, float]:
    """Agreement of the chain with the published order: share of cells whose mean step is ahead, and rank correlation of times."""
    known = adata.obs["cell_type"].astype(str).map(ORDER).to_numpy(dtype=float)
    chain = adata.obsp["transitions"]
    graph = ls.markov.neighbor_graph(adata.obsm["X_latent"])
    undirected = ls.markov.potential_kernel(graph, np.zeros(adata.n_obs))
    step = chain @ known - undirected @ known
    early = known < 4
    ends = np.flatnonzero(adata.obs["terminal"].notna())
    time = np.asarray(ls.markov.mean_absorption_time(chain, ends, tolerance=1e-6).time)
    return {"steps_ahead": float((step[early] > 0).mean()), "order_of_times": float(-spearmanr(time, known).statistic)}


def overlap(first: AnnData, second: AnnData) -> float:
    """Dice coefficient of the attractors of two models.

    Two attractors are matched, one to one, if their distance is below the standard deviation of states around them under
    the noise of the models, sqrt(D / relaxation rate) in each regulator.
    """
    states = [a.uns["landscape"]["attractors"]["states"] for a in (first, second)]
    shared = states[0].columns.intersection(states[1].columns)
    spread = []
    for adata in (first, second):
        rate = -adata.uns["landscape"]["attractors"]["table"]["leading_eigenvalue"].to_numpy(dtype=float)
        spread.append(np.sqrt(adata.uns["landscape"]["dynamics"]["diffusion"] / rate))
    apart = np.sqrt(
        ((states[0][shared].to_numpy()[:, None] - states[1][shared].to_numpy()[None]) ** 2).mean(2)
    )  # root mean square over regulators, as is the spread
    near = apart <= np.sqrt(spread[0][:, None] ** 2 + spread[1][None] ** 2)
    rows, columns = linear_sum_assignment(~near)
    return float(2 * near[rows, columns].sum() / (len(states[0]) + len(states[1])))


def agreement(labels: Sequence[pd.Series]) -> list[float]:
    """Adjusted Rand index of every two partitions, over the cells with a label in both."""
    found = []
    for a, b in itertools.combinations(labels, 2):
        both = (a.notna() & b.notna()).to_numpy()
        found.append(float(adjusted_rand_score(a[both].astype(str), b[both].astype(str))))
    return found


def committed(adata: AnnData) -> pd.Series:
    """Terminal state of the cells whose fate probability is above one half, missing for the others."""
    fates = adata.obsm["terminal_fates"]
    return fates.idxmax(axis=1).where(fates.max(axis=1) > 0.5)


def data_set(name: str, results: Results, *, quick: bool, ensemble: bool = False) -> None:
    """All figures of one data set over seeds."""
    runs = []
    for seed in range(results.seeds or (2 if quick else 5)):
        adata, cost = fitted(name, seed, ensemble=ensemble)
        row = {"data": name, "seed": seed, **lineages(adata, name)}
        if name == "pancreas":
            row |= order_of_flow(adata)
        row |= {"conflict": float(adata.uns["landscape"]["dynamics"]["conflict"]), **cost}
        results.add(row)
        runs.append((adata, row))
    cells = [adata for adata, _ in runs]
    pairs = {
        "basins": agreement([a.obs["basin"].astype(str) for a in cells]),
        "basins_by_lineage": agreement([a.obs["basin"].astype(str).map(bare) for a in cells]),
        "terminal": agreement([a.obs["terminal_basin"] for a in cells]),
        "terminal_decided": agreement([committed(a) for a in cells]),
        "overlap": [overlap(a, b) for a, b in itertools.combinations(cells, 2)],
    }
    for key, values in pairs.items() if len(runs) > 1 else ():
        results.figures[f"{name}_{key}_median"] = float(np.median(values))
        results.figures[f"{name}_{key}_least"] = float(np.min(values))
    results.figures[f"{name}_decided_cells"] = float(np.mean([committed(a).notna().mean() for a in cells]))
    for key in ("found_attractors", "found_terminal", "found_either", "other_attractors", "other_terminal"):
        results.figures[f"{name}_{key}"] = float(np.mean([row[key] for _, row in runs]))
    for key in ("steps_ahead", "order_of_times", "cpu_seconds_after_latent", "cpu_seconds_latent", "peak_mb"):
        if key in runs[0][1]:
            results.figures[f"{name}_{key}"] = float(np.mean([row[key] for _, row in runs]))


def with_ensemble(results: Results, *, quick: bool) -> None:
    """Cost on paul15 with ten replicates of the model, one seed."""
    adata, cost = fitted("paul15", 0, ensemble=True)
    results.add({"data": "paul15 with ensemble", "seed": 0, **lineages(adata, "paul15"), **cost})
    results.figures["ensemble_cpu_seconds_after_latent"] = cost["cpu_seconds_after_latent"]


def scaling(results: Results, *, quick: bool) -> None:
    """Cost of direction, fit, basins and fates of the chain against the number of cells, for 40 regulators and a root."""
    for n in (1_000, 3_000, 10_000) if quick else (3_000, 10_000, 30_000, 100_000):
        adata = _many(n)
        cost: dict[str, Any] = {}
        with timed(cost, "seconds"):
            ls.tl.dynamics(adata, direction=ls.dynamics.from_root("place=stem"), use_rep="X_latent")
            ls.tl.attractors(adata)
            ls.tl.basins(adata)
            ls.tl.terminal_states(adata)
        results.add({"cells": n, **cost, "peak_mb": peak_memory_mb()})
    table = pd.DataFrame([row for row in results.table if "cells" in row])
    # Exponent of the number of cells in the cost; 1 is linear.
    power = np.polyfit(np.log(table["cells"]), np.log(table["cpu_seconds"]), 1)[0]
    results.figures |= {"power_of_cells": float(power), "cpu_seconds_most_cells": float(table["cpu_seconds"].iloc[-1])}


def _many(n: int, *, n_genes: int = 40) -> AnnData:
    """Cells along a stem that forks, as counts of regulators."""
    rng = np.random.default_rng(0)
    branch, along = rng.integers(0, 3, n), rng.uniform(0, 1, n)
    angle = 2 * np.pi * branch / 3
    points = np.c_[along * np.cos(angle), along * np.sin(angle)] + 0.03 * rng.standard_normal((n, 2))
    levels = np.exp(1.0 + points @ rng.normal(0, 1.5, (2, n_genes)))
    counts = rng.poisson(levels).astype(np.int32)
    counts[:, 0] += counts.sum(1) == 0
    adata = AnnData(counts.astype(np.float32), obs=pd.DataFrame(index=[f"c{i}" for i in range(n)]))
    adata.layers["counts"] = sparse.csr_matrix(counts)
    adata.obs["place"] = np.where((branch == 0) & (along > 0.9), "stem", "other")
    adata.obsm["X_latent"] = points
    adata.var["regulator"] = True
    ls.tl.network(adata, regulators=list(adata.var_names))
    return adata


PARTS = {name: functools.partial(data_set, name) for name in LINEAGES} | {"ensemble": with_ensemble, "scaling": scaling}

if __name__ == "__main__":
    logging.getLogger("landscape").setLevel(logging.ERROR)
    main(__doc__, PARTS, ["torch", "numpy", "scanpy", "anndata", "scvi-tools", "scikit-learn"])

"""The whole pipeline on simulated blood formation, against the truth of the simulator.

``python -m benchmarks.hematopoiesis --json FILE``
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pandas as pd
import torch
from anndata import AnnData

import landscape as ls
from benchmarks._harness import Results, main

KNOCKOUTS = ("Gata1", "Pu1", "Eklf", "Fli1", "Gfi1")
# Smaller changes of a share do not count: two standard errors of 1,000 trajectories are .03.
CHANGE = 0.05


def fitted(rng: int = 0, **options: Any) -> AnnData:
    """Cells with the landscape of the defaults, with days as direction."""
    adata = ls.datasets.hematopoiesis(rng=rng)
    ls.run(adata, direction=ls.dynamics.from_time("day"), label_key="fate", rng=rng, **options)
    return adata


def attractors_against_truth(adata: AnnData) -> dict[str, float]:
    """Number of fates with an attractor, and of attractors without a fate.

    An attractor belongs to the fate with the nearest mean of day-8 cells, if its distance from that mean is below half the
    smallest distance of two means.
    """
    states, x = adata.uns["landscape"]["attractors"]["states"], adata.obsm["X_state"]
    late = (adata.obs["day"] == adata.obs["day"].max()).to_numpy()
    fate = adata.obs["fate"].astype(str).to_numpy()
    means = x[late].groupby(fate[late]).mean().drop(index="other", errors="ignore")
    gaps = np.linalg.norm(means.to_numpy()[:, None] - means.to_numpy(), axis=2)
    reach = gaps[gaps > 0].min() / 2
    apart = np.linalg.norm(states[means.columns].to_numpy()[:, None] - means.to_numpy(), axis=2)
    found = {means.index[row.argmin()] for row in apart if row.min() < reach}
    return {"fates_found": len(found), "attractors": len(states), "spurious": int((apart.min(1) >= reach).sum())}


def basins_against_committor(adata: AnnData, *, n_cells: int = 400, rng: int = 0) -> dict[str, float]:
    """Basins of committed cells, with a simulated committor above .95, and fate probabilities, against the committor."""
    cells = np.sort(np.random.default_rng(rng).choice(adata.n_obs, n_cells, replace=False))
    part = adata[cells].copy()
    truth = ls.circuits.fate_probabilities(part, ls.circuits.krumsiek(), n_replicates=50, rng=rng)
    fate, sure = truth.idxmax(axis=1), (truth.max(axis=1) > 0.95).to_numpy()
    sure &= (fate != "other").to_numpy()
    agree = (part.obs["basin"].astype(str).to_numpy() == fate.to_numpy())[sure]
    shared = [name for name in truth if name in part.obsm["fates"]]
    error = (part.obsm["fates"][shared] - truth[shared].to_numpy()).abs().to_numpy().mean()
    constant = (truth[shared] - truth[shared].mean()).abs().to_numpy().mean()
    return {
        "committed_cells": int(sure.sum()),
        "basin_accuracy": float(agree.mean()),
        "fate_error": float(error),
        "fate_error_constant": float(constant),
    }


def shares(adata: AnnData, knockout: str | None = None, *, n: int = 1000, rng: int = 0) -> pd.Series:
    """Shares of the fates among trajectories of the fitted model from the first day's cells."""
    model = ls.get.model(adata)
    genes = list(model.regulators)
    states = adata.uns["landscape"]["attractors"]["states"]
    x = adata.obsm["X_state"].to_numpy()[(adata.obs["day"] == adata.obs["day"].min()).to_numpy()]
    start = torch.as_tensor(x[np.random.default_rng(rng).integers(0, len(x), n)])
    kept = [i for i, gene in enumerate(genes) if gene != knockout]
    if knockout is not None:
        model = model.knocked_out([knockout])
    end = model.simulate(model.clamped(start), duration=16.0, step=0.05, rng=rng)
    known = states.to_numpy()[:, kept]
    apart = np.linalg.norm(end.states[-1].numpy()[:, None, kept] - known, axis=2)
    gaps = np.linalg.norm(known[:, None] - known, axis=2)
    reach = gaps[gaps > 0].min() / 2 if len(known) > 1 else np.inf
    names = np.array([name.split(" ")[0] for name in states.index])
    label = np.where(apart.min(1) < reach, names[apart.argmin(1)], "other")
    return pd.Series(label).value_counts(normalize=True)


def knockouts_against_truth(adata: AnnData) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """Direction of every true change of a share above .05, and total variation, for five knock-outs."""
    circuit = ls.circuits.krumsiek()
    wild, wild_truth = shares(adata), ls.circuits.fate_shares(circuit, n=1000)
    right, rows, distance = [], [], []
    for gene in KNOCKOUTS:
        truth = ls.circuits.fate_shares(circuit, knockouts=[gene], n=1000)
        model = shares(adata, gene).reindex(truth.index).fillna(0.0)
        change, found = truth - wild_truth, model - wild.reindex(truth.index).fillna(0.0)
        large = change.abs() > CHANGE
        right += list((np.sign(change) == np.sign(found))[large])
        distance.append(0.5 * float((model - truth).abs().sum()))
        rows += [
            {"removed": gene, "fate": name, "true": truth[name], "model": model[name], "true_change": change[name],
             "model_change": found[name]}
            for name in truth.index
        ]  # fmt: skip
    figures = {"knockout_direction": float(np.mean(right)), "knockout_distance": float(np.mean(distance))}
    return figures, rows


def measure(rng: int = 0) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """All figures of one seed."""
    started = time.perf_counter()
    adata = fitted(rng)
    seconds = time.perf_counter() - started
    knocked, rows = knockouts_against_truth(adata)
    figures = {**attractors_against_truth(adata), **basins_against_committor(adata), **knocked, "seconds": seconds}
    return figures, rows


def blood(results: Results, *, quick: bool) -> None:
    """Means over seeds of the cells and of the pipeline."""
    runs = []
    for seed in range(1 if quick else 5):
        figures, rows = measure(seed)
        results.add({"seed": seed, **figures})
        results.table += [{"seed": seed, **row} for row in rows]
        runs.append(figures)
    results.figures |= {name: float(np.mean([run[name] for run in runs])) for name in runs[0]}


if __name__ == "__main__":
    main(__doc__, {"blood": blood}, ["torch", "numpy", "scanpy", "anndata", "scvi-tools"])

"""The fitted model against the simulator: fates, knock-outs of every gene and signs of edges, by source of direction.

``python -m benchmarks.dynamics --json FILE``
"""

from __future__ import annotations

import functools
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from anndata import AnnData

import landscape as ls
from benchmarks._harness import Results, main
from benchmarks.hematopoiesis import CHANGE, attractors_against_truth, basins_against_committor
from landscape.perturbation import OTHER, UNDIFFERENTIATED, compare, outcome, references

SOURCES = {
    "time": lambda: ls.dynamics.from_time("day"),
    "unspliced": lambda: ls.dynamics.from_unspliced(),
    "root": lambda: ls.dynamics.from_root("day=0.0"),
}
N_TRAJECTORIES = 1000
# Paths of the model from each cell: a standard error of .1 at most for a cell, and less than a tenth of that for the mean
# over cells.
N_REPEATS = 25


@functools.cache
def true_shares(gene: str | None, name: str = "krumsiek") -> pd.Series:
    """Shares of fates in the simulator of a circuit, with a gene knocked out."""
    return ls.circuits.fate_shares(_circuit(name), knockouts=[gene] if gene else (), n=N_TRAJECTORIES)


def _circuit(name: str) -> Any:
    return getattr(ls.circuits, name)()


@functools.cache
def latent(seed: int) -> tuple[AnnData, Any]:
    """Cells of a seed with network and trained latent model, the same for all sources of direction."""
    adata = ls.datasets.hematopoiesis(rng=seed, unspliced=True)
    model = ls.latent.LatentModel(adata, layer="counts", rng=seed)
    model.train(progress=False)
    adata.obsm["X_latent"] = model.get_latent_representation()
    ls.tl.network(adata, model=model, regulators=list(ls.circuits.krumsiek().genes), rng=seed)
    return adata, model


@functools.cache
def latent_of(name: str, seed: int) -> tuple[AnnData, Any]:
    """As :func:`latent` for another circuit, on which no default was chosen."""
    adata = ls.circuits.simulate(_circuit(name), n_cells=1800, times=[0, 1, 2, 3, 5, 8], unspliced=True, rng=seed)
    adata.obs["day"] = adata.obs["time"].astype(float)
    model = ls.latent.LatentModel(adata, layer="counts", rng=seed)
    model.train(progress=False)
    adata.obsm["X_latent"] = model.get_latent_representation()
    ls.tl.network(adata, model=model, rng=seed)
    return adata, model


def fitted(seed: int, source: str, name: str = "krumsiek") -> AnnData:
    """Landscape of a seed from one source of direction."""
    cells, model = latent(seed) if name == "krumsiek" else latent_of(name, seed)
    adata = cells.copy()
    ls.tl.dynamics(adata, model=model, direction=SOURCES[source](), rng=seed)
    ls.tl.attractors(adata, label_key="fate", rng=seed)
    ls.tl.basins(adata)
    ls.tl.fates(adata)
    return adata


def removals(
    adata: AnnData, *, shuffled: bool = False, name: str = "krumsiek"
) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """Errors of the shares of fates over the wild type and the knock-outs of all genes.

    The distance is the total variation, averaged over wild type and knock-outs; the direction is that of true changes above
    .05. Undifferentiated cells count as ``other``. ``shuffled`` permutes the weights of each target among the other genes:
    a control with weights of the same sizes but random regulators.
    """
    fitted = ls.get.model(adata)
    genes = list(fitted.regulators)
    if shuffled:
        fitted = replace(fitted, drift=replace(fitted.drift, weights=_shuffle(fitted.drift.weights)))
    result = adata.uns["landscape"]["attractors"]["states"]
    x = adata.obsm["X_state"].to_numpy()[(adata.obs["day"] == adata.obs["day"].min()).to_numpy()]
    known = references(tuple(result.index), result.to_numpy(), x)
    start = x[np.random.default_rng(0).integers(0, len(x), N_TRAJECTORIES)]
    wild, right, distance, rows = None, [], [], []
    for gene in (None, *_circuit(name).genes):
        truth = true_shares(gene, name)
        held = {genes.index(gene): 0.0} if gene in genes else {}
        _, after = compare(fitted, held, start, known, duration=16.0)
        names = [OTHER if fate == UNDIFFERENTIATED else fate.split(" ")[0] for fate in known.fates]
        model = pd.Series(after.shares, index=names).groupby(level=0).sum()
        model = model.reindex(truth.index.union(model.index)).fillna(0.0)
        aligned = truth.reindex(model.index).fillna(0.0)
        distance.append(0.5 * float((model - aligned).abs().sum()))
        if wild is None:
            wild, wild_truth = model, aligned
            continue
        change = aligned - wild_truth.reindex(aligned.index).fillna(0.0)
        found = model - wild.reindex(model.index).fillna(0.0)
        large = change.abs() > CHANGE
        right += list((np.sign(change) == np.sign(found))[large])
        rows += [
            {"removed": gene, "fate": fate, "true_change": change[fate], "model_change": found[fate]}
            for fate in model.index
        ]
    return {"removal_distance": float(np.mean(distance)), "removal_direction": float(np.mean(right))}, rows


def _shuffle(weights: torch.Tensor) -> torch.Tensor:
    gen, shuffled = np.random.default_rng(0), weights.clone()
    for i in range(len(weights)):
        others = np.delete(np.arange(len(weights)), i)
        shuffled[i, others] = weights[i, gen.permutation(others)]
    return shuffled


def no_effect(name: str = "krumsiek") -> float:
    """Total variation of a guess under which no knock-out changes any share."""
    wild = true_shares(None, name)
    genes = (None, *_circuit(name).genes)
    return float(np.mean([0.5 * (true_shares(gene, name) - wild).abs().sum() for gene in genes]))


def signs(adata: AnnData) -> float:
    """Share of the circuit's edges between different genes whose weight has the right sign."""
    fitted = ls.get.model(adata)
    genes = list(fitted.regulators)
    truth = adata.uns["truth"]["network"]
    right = []
    for source, target, sign in truth[["source", "target", "sign"]].itertuples(index=False):
        if source in genes and target in genes and source != target:
            weight = float(fitted.drift.weights[genes.index(target), genes.index(source)])
            right.append(np.sign(weight) == np.sign(sign))
    return float(np.mean(right))


def committor_of_model(adata: AnnData, *, n_cells: int = 400, rng: int = 0) -> float:
    """Mean absolute error of the committor of the model, on the cells of the other figures."""
    cells = np.sort(np.random.default_rng(rng).choice(adata.n_obs, n_cells, replace=False))
    part = adata[cells].copy()
    truth = ls.circuits.fate_probabilities(part, ls.circuits.krumsiek(), n_replicates=50, rng=rng)
    result = adata.uns["landscape"]["attractors"]["states"]
    x = part.obsm["X_state"].to_numpy()
    first = (adata.obs["day"] == adata.obs["day"].min()).to_numpy()
    known = references(tuple(result.index), result.to_numpy(), adata.obsm["X_state"].to_numpy()[first])
    start = np.repeat(x, N_REPEATS, axis=0)
    fate = outcome(ls.get.model(adata), start, known, duration=8.0, rng=rng).fate.reshape(len(x), N_REPEATS)
    share = pd.DataFrame({name: (fate == k).mean(1) for k, name in enumerate(known.fates)}, index=truth.index)
    share = share.T.groupby([name.split(" ")[0] for name in share]).sum().T
    shared = [name for name in truth if name in share and name != OTHER]
    return float((share[shared] - truth[shared]).abs().to_numpy().mean())


def source_of(name: str, results: Results, *, quick: bool) -> None:
    """All figures of one source of direction, means over seeds."""
    runs = []
    for seed in range(1 if quick else 5):
        start = time.perf_counter()
        adata = fitted(seed, name)
        seconds = time.perf_counter() - start
        moved, rows = removals(adata)
        shuffled, _ = removals(adata, shuffled=True)
        figures = {
            **attractors_against_truth(adata),
            **basins_against_committor(adata),
            "fate_error_model": committor_of_model(adata),
            **moved,
            **{f"{key}_shuffled": value for key, value in shuffled.items()},
            "signs": signs(adata),
            "seconds": seconds,
        }
        results.add({"source": name, "seed": seed, **figures})
        results.table += [{"source": name, "seed": seed, **row} for row in rows]
        runs.append(figures)
    for key in runs[0]:
        results.figures[f"{name}_{key}"] = float(np.mean([run[key] for run in runs]))
    results.figures["removal_distance_no_effect"] = no_effect()


def transition(results: Results, *, quick: bool) -> None:
    """Knock-outs in the epithelial-mesenchymal transition, a circuit on which no default was chosen."""
    for source in SOURCES:
        runs = []
        for seed in range(1 if quick else 3):
            adata = fitted(seed, source, "emt")
            figures, rows = removals(adata, name="emt")
            figures |= {"signs": signs(adata), "attractors": len(adata.uns["landscape"]["attractors"]["table"])}
            results.add({"circuit": "emt", "source": source, "seed": seed, **figures})
            runs.append(figures)
            results.table += [{"circuit": "emt", "source": source, "seed": seed, **row} for row in rows]
        for key in ("removal_distance", "removal_direction", "signs"):
            results.figures[f"emt_{source}_{key}"] = float(np.mean([run[key] for run in runs]))
    results.figures["emt_removal_distance_no_effect"] = no_effect("emt")


def switches(results: Results, *, quick: bool) -> None:
    """Attractors of a toggle switch, GATA1-PU.1 and the repressilator, from counts at six time points.

    Self-edges are allowed where the circuit has them: without, the model cannot have three attractors of two genes that
    repress each other. Attractors without cells near them are counted separately.
    """
    for name, expected, self_edges in (("toggle", 2, False), ("gata1_pu1", 3, True), ("repressilator", 0, False)):
        row: dict[str, Any] = {"circuit": name, "expected": expected}
        adata = _of_circuit(getattr(ls.circuits, name)(), seed=0, self_edges=self_edges)
        try:
            ls.tl.attractors(adata)
            observed = adata.uns["landscape"]["attractors"]["table"]["observed"]
        except ValueError as error:
            if "no attractor" not in str(error):
                raise
            observed = pd.Series(dtype=bool)
        row |= {"observed": int(observed.sum()), "unobserved": int((~observed.astype(bool)).sum())}
        row["cycles"] = len(_cycles(adata)) if expected == 0 else 0
        results.add(row)
        results.figures |= {f"{name}_{key}": row[key] for key in ("observed", "unobserved", "cycles")}


def _cycles(adata: AnnData) -> list[Any]:
    drift = ls.get.model(adata).drift
    start = torch.as_tensor(adata.obsm["X_state"].to_numpy()[:: max(1, adata.n_obs // 50)])
    return [cycle for cycle in ls.topography.limit_cycles(drift, start).cycles if cycle.stable]


def _of_circuit(circuit: Any, *, seed: int, self_edges: bool = False) -> AnnData:
    span = np.array([0.0, 0.5, 1.0, 2.0, 4.0, 8.0])
    adata = ls.circuits.simulate(circuit, n_cells=1500, n_targets=200, n_housekeeping=100, times=span, rng=seed)
    model = ls.latent.LatentModel(adata, layer="counts", rng=seed)
    model.train(progress=False)
    adata.obsm["X_latent"] = model.get_latent_representation()
    ls.tl.network(adata, model=model, rng=seed)
    ls.tl.dynamics(adata, model=model, direction=ls.dynamics.from_time("time"), self_edges=self_edges, rng=seed)
    return adata


PARTS = {name: functools.partial(source_of, name) for name in SOURCES} | {
    "transition": transition,
    "switches": switches,
}

if __name__ == "__main__":
    main(__doc__, PARTS, ["torch", "numpy", "scanpy", "anndata", "scvi-tools"])

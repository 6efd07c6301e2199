"""Barriers, passage times and fates: errors against closed forms, cost with genes, the chain beside CellRank.

``python -m benchmarks.rates --json FILE [--only PART ...] [--quick]``
"""

from __future__ import annotations

import importlib.util
import warnings

import anndata
import numpy as np
import pandas as pd
import torch
from scipy import sparse
from scipy.interpolate import interp1d
from scipy.optimize import minimize
from scipy.spatial import cKDTree

from benchmarks._harness import Results, main, peak_memory_mb, timed
from benchmarks.topography import cells_of, memory_network
from landscape import systems
from landscape.dynamics import Drift, jacobian
from landscape.markov import absorption_probabilities
from landscape.topography import (
    committor_on_grid,
    entropy_production,
    fixed_points,
    linear_entropy_production,
    mean_first_passage_time,
    minimum_action,
    transition_network,
)
from landscape.topography.passage.mean_first_passage import Method


def plain_gmam(
    drift: Drift, start: np.ndarray, end: np.ndarray, *, n: int = 100, rounds: int = 6
) -> tuple[float, np.ndarray]:
    """Textbook geometric minimum action: L-BFGS on the nodes, equal spacing restored between rounds; D = 1."""

    def action(z: np.ndarray, path: np.ndarray) -> tuple[float, np.ndarray]:
        path = path.copy()
        path[1:-1] = z.reshape(n - 1, -1)
        d, m = np.diff(path, axis=0), torch.as_tensor(0.5 * (path[1:] + path[:-1]))
        f, jac = drift(m).numpy(), jacobian(drift, m).numpy()
        nd, nf = np.sqrt((d**2).sum(1) + 1e-18), np.sqrt((f**2).sum(1) + 1e-18)
        by_d = 0.5 * ((nf / nd)[:, None] * d - f)
        by_m = 0.5 * np.einsum("ki,kij->kj", 0.5 * ((nd / nf)[:, None] * f - d), jac)
        g = np.zeros_like(path)
        g[1:] += by_d + by_m
        g[:-1] += -by_d + by_m
        return 0.5 * float((nd * nf - (d * f).sum(1)).sum()), g[1:-1].ravel()

    path = np.linspace(start, end, n + 1)
    # A bow, for the straight path is a stationary one by symmetry in the systems below.
    path[:, -1] += 0.3 * np.sin(np.pi * np.linspace(0, 1, n + 1))
    for _ in range(rounds):
        run = minimize(action, path[1:-1].ravel(), args=(path,), jac=True, method="L-BFGS-B", options={"maxiter": 400})
        path[1:-1] = run.x.reshape(n - 1, -1)
        s = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
        path = interp1d(s / s[-1], path, axis=0)(np.linspace(0, 1, n + 1))
    return float(run.fun), path


def actions(results: Results, *, quick: bool) -> None:
    """Least actions against known values, beside the textbook algorithm with as many points."""
    del quick
    toggle = systems.HuangToggle()
    points = toggle.fixed_points()
    cases: list[tuple[str, Drift, list | np.ndarray, list | np.ndarray, float]] = [
        ("maier-stein 1", systems.MaierStein(1.0), [-1.0, 0.0], [0.0, 0.0], 0.25),
        ("maier-stein 4", systems.MaierStein(4.0), [-1.0, 0.0], [0.0, 0.0], 0.25),
        ("maier-stein 10", systems.MaierStein(10.0), [-1.0, 0.0], [0.0, 0.0], 0.17),
        ("toggle centre", toggle, points[2], points[3], 0.04418),
        ("toggle side", toggle, points[4], points[3], 0.05619),
        ("curl 3", systems.CurlDoubleWell(3.0), [-1.0, 0.0], [0.0, 0.0], 0.25),
    ]
    for name, drift, start, end, truth in cases:
        row: dict = {"part": "actions", "case": name, "truth": truth}
        with timed(row):
            found = minimum_action(drift, start, end, diffusion=1.0)
        with timed(row, "gmam_seconds"):
            peer, _ = plain_gmam(drift, np.asarray(start, float), np.asarray(end, float))
        row |= {
            "error": abs(found.action / truth - 1),
            "gmam_error": abs(peer / truth - 1),
            "converged": found.converged,
        }
        results.add(row)
        results.figures[f"action error {name}"] = row["error"]
        results.figures[f"action speed-up over plain gmam {name}"] = row["cpu_gmam_seconds"] / row["cpu_seconds"]


def times(results: Results, *, quick: bool) -> None:
    """Passage times, committors and entropy production against closed forms."""
    well = systems.DoubleWell()
    table = {0.05: (729.671, 659.382, 0.974482), 0.1: (66.2686, 54.1254, 0.909895), 0.2: (19.0939, 15.5072, 0.841772)}
    for noise, (exact, kramers, q) in table.items():
        row: dict = {"part": "times", "diffusion": noise}
        methods: list[tuple[Method, float]] = [
            ("backward", exact),
            ("chain", exact),
            ("kramers", kramers),
            ("simulation", exact),
        ]
        for method, truth in methods:
            n_paths = 200 if quick else 2000
            with timed(row, f"{method}_seconds"):
                found = mean_first_passage_time(
                    well, [-1.0], [1.0], diffusion=noise, method=method, n_paths=n_paths, rng=1
                )
            row[f"{method}_error"] = abs(found.time / truth - 1)
            results.figures[f"{method} error at {noise}"] = row[f"{method}_error"]
        grid = committor_on_grid(well, [[-1.0], [1.0]], diffusion=noise, radius=0.0, bounds=(-2.5, 2.5), n_grid=2001)
        at = np.abs(grid.points[:, 0] - 0.5).argmin()
        results.figures[f"committor error at {noise}"] = abs(grid.probabilities[at, 1] - q)
        results.add(row)
    ends = [[-1.0, 0.0], [1.0, 0.0]]
    for kappa in (1.0, 3.0):
        made = entropy_production(
            systems.CurlDoubleWell(kappa), ends, diffusion=0.15, duration=20 if quick else 60, burn_in=5.0, n_paths=2000
        )
        results.figures[f"entropy production error kappa {kappa:g}"] = abs(made.rate / (kappa**2 * 2.520744) - 1)
    linear = linear_entropy_production(np.array([[-1, 2], [-0.3, -1.5]]), np.array([0.3, 0.6]))
    results.figures["entropy production error linear"] = abs(linear.rate / 3.698 - 1)


def barriers(results: Results, *, quick: bool) -> None:
    """Fixed points, saddles and all pairwise barriers of networks of growing size."""
    for n_genes in (10, 20, 50) if quick else (10, 20, 50, 100, 200):
        drift, memories = memory_network(n_genes, 5 if n_genes >= 50 else 2)
        row: dict = {"part": "barriers", "genes": n_genes}
        with timed(row, "points_seconds"):
            found = fixed_points(drift, cells_of(memories, 200))
        wells = np.array([p.x for p in found.stable])
        if len(wells) < 2:
            continue
        with timed(row):
            network = transition_network(drift, wells, diffusion=0.01, saddles=found.saddles)
        row |= {"attractors": len(wells), "transitions": len(network.transitions), "missing": network.n_missing}
        row |= {
            "converged": network.converged,
            "unassigned": len(network.unassigned),
            "peak_memory_mb": peak_memory_mb(),
        }
        results.add(row)
        results.figures[f"barriers seconds {n_genes} genes"] = row["seconds"]
        results.figures[f"points and barriers cpu seconds {n_genes} genes"] = (
            row["cpu_seconds"] + row["cpu_points_seconds"]
        )


def branching_chain(n: int, *, n_neighbors: int = 30, seed: int = 0) -> tuple[sparse.csr_matrix, np.ndarray]:
    """Cells on a trunk with four branches, a neighbour graph with steps ahead favoured, and labels of the tips."""
    rng = np.random.default_rng(seed)
    t, branch = rng.random(n), rng.integers(4, size=n)
    ways = rng.normal(size=(4, 3))
    x = np.minimum(t, 0.4)[:, None] * np.ones(3) + np.maximum(t - 0.4, 0)[:, None] * ways[branch]
    x += 0.05 * rng.normal(size=(n, 3))
    near = cKDTree(x).query(x, k=n_neighbors + 1)[1][:, 1:]
    rows = np.repeat(np.arange(n), n_neighbors)
    ahead = np.clip(t[near.ravel()] - t[rows], -0.1, 0.1)
    weights = sparse.csr_matrix((np.exp(20 * ahead), (rows, near.ravel())), shape=(n, n))
    weights = weights + 0.1 * weights.T
    chain = sparse.diags(1 / np.asarray(weights.sum(1)).ravel()) @ weights
    labels = np.array(list("abcd"), dtype=object)[branch]
    labels[t <= 0.97] = None
    return sparse.csr_matrix(chain), labels


def chain(results: Results, *, quick: bool) -> None:
    """Absorption on 100,000 cells with 30 neighbours, beside CellRank's estimator with the same terminal states."""
    for n in (5_000, 20_000) if quick else (5_000, 20_000, 100_000):
        matrix, labels = branching_chain(n)
        row: dict = {"part": "chain", "cells": n, "neighbours": matrix.nnz / n}
        with timed(row):
            found = absorption_probabilities(matrix, labels)
        row |= {"row_sum_error": found.row_sum_error, "method": found.method, "converged": found.converged}
        row["peak_memory_mb"] = peak_memory_mb()
        if importlib.util.find_spec("cellrank"):
            try:
                with timed(row, "cellrank_seconds"):
                    peer = _by_cellrank(matrix, labels)
            except ValueError as error:
                # Its default accuracy can give negative probabilities, which it refuses.
                row["cellrank_failed"] = str(error)[:60]
                with timed(row, "cellrank_seconds"):
                    peer = _by_cellrank(matrix, labels, tol=1e-8)
            row["cellrank_row_sum_error"] = float(np.abs(peer.sum(1) - 1).max())
            row["difference"] = float(np.abs(peer - found.probabilities).max())
            results.figures[f"chain seconds over cellrank {n}"] = row["seconds"] / row["cellrank_seconds"]
        results.add(row)
        results.figures[f"chain seconds {n}"] = row["seconds"]
        results.figures[f"chain row sum error {n}"] = row["row_sum_error"]


def _by_cellrank(matrix: sparse.csr_matrix, labels: np.ndarray, **options: float) -> np.ndarray:
    from cellrank.estimators import GPCCA
    from cellrank.kernels import PrecomputedKernel

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore")
        cells = anndata.AnnData(np.zeros((matrix.shape[0], 1), np.float32))
        estimator = GPCCA(PrecomputedKernel(matrix, adata=cells))
        estimator.set_terminal_states(pd.Series(labels, index=cells.obs_names).astype("category"))
        estimator.compute_fate_probabilities(n_jobs=1, show_progress_bar=False, **options)
        return np.asarray(estimator.fate_probabilities)


PARTS = {"actions": actions, "times": times, "barriers": barriers, "chain": chain}

if __name__ == "__main__":
    main(__doc__, PARTS, ("genomic-landscape", "numpy", "scipy", "torch", "cellrank"))

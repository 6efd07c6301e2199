"""Topography: completeness and cost of fixed points, against scipy's root finder; cycles, folds, energy.

``python -m benchmarks.topography --json FILE [--only PART ...] [--quick]``
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.optimize import root
from torch import Tensor

from benchmarks._harness import Results, main, peak_memory_mb, timed
from landscape import systems
from landscape.dynamics import Drift, RegulatoryDrift, jacobian
from landscape.topography import (
    basin_of,
    continuation,
    fixed_points,
    limit_cycles,
    lyapunov_energy,
    transition_network,
)

SAME = 1e-5


def random_network(seed: int) -> tuple[Drift, np.ndarray, np.ndarray, np.random.Generator]:
    """Network of 10 genes: regulatory for even seeds, W tanh(x) - x for odd ones; with the box of its states."""
    rng = np.random.default_rng(seed)
    if seed % 2:
        weights = torch.as_tensor(rng.normal(size=(10, 10)) * 2 / np.sqrt(10))
        return (lambda x: torch.tanh(x) @ weights.T - x), np.full(10, -3.0), np.full(10, 3.0), rng
    weights = rng.normal(size=(10, 10)) * 12 / np.sqrt(10)
    drift = RegulatoryDrift.from_arrays(weights, bias=-weights.sum(1) / 4, hill=4.0)
    return drift, np.zeros(10), np.ones(10), rng


def memory_network(n_genes: int, n_memories: int, seed: int = 0) -> tuple[RegulatoryDrift, np.ndarray]:
    """Network that stores random patterns, with a tenth of asymmetric noise, and the patterns."""
    rng = np.random.default_rng(seed)
    memories = np.sign(rng.normal(size=(n_memories, n_genes)))
    weights = 12 * memories.T @ memories / n_genes + rng.normal(size=(n_genes, n_genes)) * 0.9 / np.sqrt(n_genes)
    return RegulatoryDrift.from_arrays(weights, bias=-weights.sum(1) / 2, hill=4.0), memories


def module_network(n_genes: int, n_modules: int = 5, seed: int = 0) -> tuple[RegulatoryDrift, np.ndarray]:
    """Network of modules that support themselves and exclude each other: one attractor for each, and its pattern."""
    rng = np.random.default_rng(seed)
    module = np.arange(n_genes) * n_modules // n_genes
    size = n_genes / n_modules
    weights = np.where(module[:, None] == module, 10.0, -10.0) / size * rng.uniform(0.7, 1.3, (n_genes, n_genes))
    memories = np.where(np.arange(n_modules)[:, None] == module, 1.0, -1.0)
    return RegulatoryDrift.from_arrays(weights, bias=-2.0, hill=4.0), memories


def cells_of(memories: np.ndarray, n: int, seed: int = 1) -> np.ndarray:
    """Cells scattered around the patterns."""
    rng = np.random.default_rng(seed)
    centre = 0.5 + 0.3 * memories[rng.integers(len(memories), size=n)]
    return np.clip(centre + rng.normal(0, 0.2, centre.shape), 0, 1)


def by_scipy(drift: Drift, starts: np.ndarray) -> tuple[np.ndarray, int]:
    """Roots from every start by MINPACK's hybrid method with the exact Jacobian, and how many starts failed."""

    def force(x: np.ndarray) -> np.ndarray:
        return drift(torch.as_tensor(x)[None])[0].numpy()

    def slope(x: np.ndarray) -> np.ndarray:
        return jacobian(drift, torch.as_tensor(x)[None])[0].numpy()

    found: list[np.ndarray] = []
    failed = 0
    for start in starts:
        out = root(force, start, jac=slope, method="hybr", options={"xtol": 1e-12})
        if np.abs(out.fun).max() > 1e-9:
            failed += 1
        elif all(np.abs(out.x - x).max() > SAME for x in found):
            found.append(out.x)
    return np.array(found).reshape(-1, starts.shape[1]), failed


def completeness(results: Results, *, quick: bool) -> None:
    """All fixed points of random networks of 10 genes, beside a dense search and beside scipy at equal starts."""
    hit = missed = false = peer_hit = beyond = 0
    seconds = []
    for seed in range(6 if quick else 50):
        drift, low, high, rng = random_network(seed)
        starts = rng.uniform(low, high, (100, 10))
        row: dict = {"part": "completeness", "seed": seed}
        with timed(row):
            found = fixed_points(drift, starts)
        with timed(row, "scipy_seconds"):
            peer, row["scipy_failed"] = by_scipy(drift, starts)
        dense, _ = by_scipy(drift, rng.uniform(low, high, (300 if quick else 1500, 10)))
        ours = np.array([p.x for p in found]).reshape(-1, 10)
        truth = list(ours)
        row["beyond_dense"] = sum(_apart(x, dense) > SAME for x in ours)
        row["missed"] = sum(_apart(x, ours) > SAME for x in dense)
        truth += [x for x in dense if _apart(x, ours) > SAME]
        row["false"] = int((found_speed(drift, ours) > 1e-8).sum())
        row["points"], row["degree"] = len(truth), found.degree
        row["scipy_found"] = sum(_apart(x, peer) <= SAME for x in truth)
        hit, missed, false = hit + len(truth) - row["missed"], missed + row["missed"], false + row["false"]
        peer_hit, beyond = peer_hit + row["scipy_found"], beyond + row["beyond_dense"]
        seconds.append(row["cpu_seconds"])
        results.add(row)
    results.figures |= {
        "fixed points f1": 2 * hit / (2 * hit + missed + false),
        "fixed points recall scipy equal starts": peer_hit / (hit + missed),
        "fixed points missed by the dense search": beyond,
        "fixed points cpu seconds per network": float(np.mean(seconds)),
    }


def _apart(x: np.ndarray, others: np.ndarray) -> float:
    return float(np.abs(others - x).max(1).min(initial=np.inf))


def found_speed(drift: Drift, x: np.ndarray) -> np.ndarray:
    """Largest component of the drift at each state."""
    return np.abs(drift(torch.as_tensor(x)).numpy()).max(1, initial=0.0) if len(x) else np.zeros(0)


def no_points(results: Results, *, quick: bool) -> None:
    """Points reported in fields that have none: (1 + x^2, -y) and random ones."""
    false = 0
    for seed in range(5 if quick else 50):
        rng = np.random.default_rng(seed)
        d = int(rng.integers(1, 5))
        mix, lean = torch.as_tensor(rng.normal(size=(d, d))), torch.as_tensor(rng.normal(size=d))
        gap = 10.0 ** rng.uniform(-4, 0)

        def field(x: Tensor, mix: Tensor = mix, lean: Tensor = lean, gap: float = gap) -> Tensor:
            f = torch.tanh(x @ mix.T) - x
            return f - (f @ lean)[:, None] * lean / (lean @ lean) + lean * ((x @ lean) ** 2 + gap)[:, None]

        false += len(fixed_points(field, rng.normal(size=(20, d))))
    parabola = fixed_points(lambda x: torch.stack([1 + x[:, 0] ** 2, -x[:, 1]], 1), rng.normal(size=(50, 2)))
    results.figures |= {"false points in fields without": false, "false points in the parabola": len(parabola)}
    results.add({"part": "no_points", "false": false, "parabola": len(parabola)})


def growth(results: Results, *, quick: bool) -> None:
    """Cost of attractors and of the whole search with the number of genes."""
    sizes = ((10, 3000), (20, 3000), (50, 3000), (100, 3000), (200, 3000))
    for n_genes, n_cells in sizes[:3] if quick else sizes:
        drift, memories = memory_network(n_genes, 5 if n_genes >= 50 else 2)
        cells = cells_of(memories, n_cells)
        row: dict = {"part": "growth", "genes": n_genes, "cells": n_cells}
        with timed(row, "stable_seconds"):
            stable = fixed_points(drift, cells, deflate=False).stable
        with timed(row):
            found = fixed_points(drift, cells)
        with timed(row, "basin_seconds"):
            basins = basin_of(drift, cells, found.stable)
        row |= {"stable_from_cells": len(stable), "stable": len(found.stable), "saddles": len(found.saddles)}
        row |= {"degree": found.degree, "undecided": basins.n_undecided, "peak_memory_mb": peak_memory_mb()}
        results.add(row)
        results.figures[f"attractors seconds {n_genes} genes"] = row["stable_seconds"]
        results.figures[f"all points seconds {n_genes} genes"] = row["seconds"]


def five_attractors(results: Results, *, quick: bool) -> None:
    """Fixed points, saddles and all pairwise barriers of networks whose attractors are five modules."""
    for n_genes in (50,) if quick else (50, 200):
        drift, memories = module_network(n_genes)
        row: dict = {"part": "five_attractors", "genes": n_genes, "cells": 1000}
        with timed(row):
            found = fixed_points(drift, cells_of(memories, 1000))
        wells = np.array([p.x for p in found.stable])
        with timed(row, "barrier_seconds"):
            joined = transition_network(drift, wells, diffusion=0.01, saddles=found.saddles)
        row |= {"stable": len(wells), "saddles": len(found.saddles), "degree": found.degree}
        row |= {"transitions": len(joined.transitions), "missing": joined.n_missing, "converged": joined.converged}
        row["peak_memory_mb"] = peak_memory_mb()
        results.add(row)
        for name in ("seconds", "cpu_seconds"):
            whole = row[name] + row[name.replace("seconds", "barrier_seconds")]
            results.figures[f"five attractors {name.replace('_', ' ')} {n_genes} genes"] = whole


def exact(results: Results, *, quick: bool) -> None:
    """Errors on systems in closed form: toggle, cycle, pitchfork, folds, energy."""
    del quick
    toggle, rng = systems.HuangToggle(), np.random.default_rng(0)
    found = np.array([p.x for p in fixed_points(toggle, rng.uniform(0, 2.5, (40, 2)))])
    truth = np.array([[1, 1], [1.99608, 0.00392], [0.00392, 1.99608], [1.51158, 0.48842], [0.48842, 1.51158]])
    normal_form = systems.HopfCycle(0.5, 2.0, 0.3)
    cycle = limit_cycles(normal_form, rng.normal(size=(5, 2)), max_steps=300)[0]
    pitchfork = continuation(lambda a: systems.HuangToggle(activation=a), [1.0, 1.0], (0.3, 1.5), at=1.0).bifurcations[
        0
    ]
    folds = continuation(lambda h: lambda x: x - x**3 + h, [-1.3], (-1.0, 1.0))
    results.figures |= {
        "toggle error": max(_apart(x, found) for x in truth),
        "cycle period error": abs(cycle.period / normal_form.period - 1),
        "pitchfork error": abs(pitchfork.parameter - 0.7744750),
        "hysteresis width error": abs(folds.hysteresis_width - 4 / (3 * np.sqrt(3))),
        "energy rises per step, symmetrisable": _rises(symmetrisable=True),
        "energy rises per step, symmetric part of asymmetric": _rises(symmetrisable=False),
    }
    results.add({"part": "exact", **{k: v for k, v in results.figures.items() if "error" in k or "rises" in k}})


def _rises(*, symmetrisable: bool) -> float:
    """Share of flow steps on which the energy rises."""
    rng, rises, steps = np.random.default_rng(0), 0, 0
    for _ in range(10):
        weights = rng.normal(0, 6 / np.sqrt(12), (12, 12))
        even = (weights + weights.T) / 2
        own = even / np.exp(rng.normal(0, 0.5, 12))[:, None] if symmetrisable else weights
        drift = RegulatoryDrift.from_arrays(own, bias=-own.sum(1) / 4, hill=2.0)
        energy = lyapunov_energy(
            drift if symmetrisable else RegulatoryDrift(**{**vars(drift), "weights": torch.as_tensor(even)})
        )
        x = torch.as_tensor(rng.uniform(0.05, 0.95, (10, 12)))
        for _ in range(200):
            ahead = x + 0.01 * drift(x)
            rises += int((energy(ahead) > energy(x) + 1e-12).sum())
            steps, x = steps + len(x), ahead
    return rises / steps


PARTS = {
    "completeness": completeness,
    "no_points": no_points,
    "growth": growth,
    "five_attractors": five_attractors,
    "exact": exact,
}

if __name__ == "__main__":
    main(__doc__, PARTS, ("genomic-landscape", "numpy", "scipy", "torch"))

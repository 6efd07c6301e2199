"""Perturbation screens: cost, and calibration of their intervals and sign-error rates against circuits with known removals.

``python -m benchmarks.laboratory --json FILE``
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from anndata import AnnData

import landscape as ls
from benchmarks._harness import Results, main, timed
from landscape.circuits import Circuit
from landscape.dynamics import Model, RegulatoryDrift
from landscape.perturbation import paired_fates, references
from landscape.perturbation.screen import screen
from landscape.topography import fixed_points

# Regulators, paths and models of the screen whose cost is measured; removals that are simulated one call at a time.
N_REGULATORS, N_PATHS, N_SINGLE, DURATION = 255, 1000, 3, 44.0
# Cells, replicates and paths of the calibration.
N_CELLS, N_REPLICATES, N_TRUTH = 2000, 18, 4000
# Regulators that a control-based call of `tl.perturb` simulates besides, by default.
N_CONTROLS = 10


def _network(n: int) -> Model[RegulatoryDrift]:
    """Two toggles, and dense weak edges among all genes."""
    rng = np.random.default_rng(0)
    weights = rng.normal(0, 1.0 / n**0.5, (n, n))
    for i in (0, 2):
        weights[i, i + 1] = weights[i + 1, i] = -8.0
    bias = np.concatenate([np.full(4, 3.0), rng.normal(0, 1, n - 4)])
    return Model(RegulatoryDrift.from_arrays(weights, bias=bias, hill=4.0, decay=0.5, ceiling=0.5), 0.004)


def cost(results: Results, *, quick: bool) -> None:
    """All knock-outs and over-expressions in one screen, and as many calls with controls, by a few of them."""
    n = 60 if quick else N_REGULATORS
    model, rng = _network(n), np.random.default_rng(0)
    found = fixed_points(model.drift, torch.as_tensor(rng.uniform(0, 1, (100, n))), deflate=False).stable
    states = np.array([point.x for point in found])
    start = np.clip(0.4 + 0.1 * rng.normal(size=(N_PATHS, n)), 0, None)
    known = references(tuple(f"fate {k}" for k in range(len(states))), states, start)
    clamps = [{gene: level} for gene in range(n) for level in (0.0, 1.0)]
    for name, precision in (("", 0.01), ("_all_paths", None)):
        row: dict[str, Any] = {"part": "cost", "what": f"{len(clamps)} perturbations{name}"}
        with timed(row):
            done = screen([model], clamps, start, known, duration=DURATION, precision=precision, rng=1)
        row["mean_paths"] = float(done.n_paths[0, 1:].mean())
        results.add(row)
        results.figures[f"cpu_seconds_screen{name}"] = row["cpu_seconds"]
    row = {"part": "cost", "what": f"{N_SINGLE} calls, each with {N_CONTROLS} controls"}
    with timed(row):
        for gene in range(N_SINGLE):
            paired_fates([model], [{gene: 0.0}], start, known, duration=DURATION, n_times=20, rng=1)
            controls = [{other: 0.0} for other in range(gene + 1, gene + 1 + N_CONTROLS)]
            paired_fates([model], controls, start, known, duration=DURATION, rng=1)
    results.add(row)
    singly = row["cpu_seconds"] / N_SINGLE * len(clamps)
    results.figures["cpu_ratio_single_calls"] = singly / results.figures["cpu_seconds_screen"]


def _fitted(circuit: Circuit, seed: int) -> AnnData:
    """Model with replicates from the counts of a circuit at several times."""
    times = np.linspace(0, circuit.duration, 6)
    adata = ls.circuits.simulate(circuit, n_cells=N_CELLS, times=times, rng=seed)
    ls.run(
        adata,
        direction=ls.dynamics.from_time("time"),
        label_key="fate",
        regulators=list(circuit.genes),
        rng=seed,
        stages_options={"dynamics": {"n_replicates": N_REPLICATES}},
    )
    return adata


def calibration(results: Results, *, quick: bool) -> None:
    """Coverage of 90 % intervals and share of wrong signs, over genes and fates with a true counterpart."""
    seeds = results.seeds or (1 if quick else 3)
    for circuit in (ls.circuits.krumsiek(), ls.circuits.emt()):
        rows = []
        for seed in range(seeds):
            adata = _fitted(circuit, seed)
            ls.tl.screen(adata, levels=(0.0,), n_doses=0)
            truth = _truth(circuit)
            rows += _compared(ls.get.screen(adata), truth)
        covered = np.array([row["low"] <= row["true"] <= row["high"] for row in rows])
        claimed = np.array([row["lfsr"] < 0.06 for row in rows])  # the smallest of 18 replicates is .05
        wrong = np.array([row["true"] * row["change"] < 0 for row in rows])
        name = circuit.name
        results.add({"part": "calibration", "circuit": name, "pairs": len(rows), "coverage": float(covered.mean())})
        results.figures[f"coverage_{name}"] = float(covered.mean())
        results.figures[f"wrong_signs_{name}"] = float(wrong[claimed].mean()) if claimed.any() else math.nan


def _truth(circuit: Circuit) -> dict[tuple[str, str], float]:
    """Change of the share of each fate by each removal, from the circuit itself."""
    wild = ls.circuits.fate_shares(circuit, n=N_TRUTH, rng=1)
    found = {}
    for gene in circuit.genes:
        without = ls.circuits.fate_shares(circuit, knockouts=[gene], n=N_TRUTH, rng=1)
        found.update({(gene, fate): float(without[fate] - wild[fate]) for fate in circuit.fates})
    return found


def _compared(table: Any, truth: dict[tuple[str, str], float]) -> list[dict[str, float]]:
    """Rows of a screen whose fate is one of the circuit."""
    rows = []
    for row in table.itertuples():
        if (str(row.gene_1), str(row.fate)) in truth:
            true = truth[str(row.gene_1), str(row.fate)]
            rows.append({"true": true, "change": row.change, "low": row.low, "high": row.high, "lfsr": row.lfsr})
    return rows


if __name__ == "__main__":
    main(__doc__, {"screen_cost": cost, "screen": calibration}, ["torch", "numpy", "scipy", "anndata"])

"""Cost with size: barriers of models with hundreds of regulators, and their errors.

``python -m benchmarks.scale --json FILE [--only PART ...] [--quick]``
"""

from __future__ import annotations

import os
from pathlib import Path

import anndata
import numpy as np
import torch

import landscape as ls
from benchmarks._harness import Results, main, timed
from landscape.dynamics import Drift
from landscape.topography import barrier, transition_network

# Variable with the path of an AnnData file that `landscape run` wrote, whose model is measured.
RUN = "LANDSCAPE_SCALE_RUN"
DIMENSIONS, NOISE = 100, 0.1


def planted(seed: int, d: int = DIMENSIONS) -> tuple[Drift, np.ndarray, np.ndarray]:
    r"""Drift in mixed coordinates with four attractors, and the barriers between neighbours at the noise, NaN between others.

    In the coordinates u = Q x two double wells of unequal height stand beside d - 2 stable directions of unequal rates, and
    :math:`f = -(1 + A) \nabla V` with an antisymmetric A: the curl is orthogonal to the gradient, so that the
    quasi-potential within a basin is V. Attractors that differ in both wells are no neighbours: with a curl, a path between
    them may cost less than the sum of two barriers.
    """
    rng = np.random.default_rng(seed)
    turn = np.linalg.qr(rng.normal(size=(d, d)))[0]
    curl = rng.normal(size=(d, d)) / d**0.5
    mix = np.eye(d) + 0.5 * (curl - curl.T)
    height = torch.as_tensor(rng.uniform(0.5, 2.0, 2))
    rate = torch.as_tensor(rng.uniform(0.5, 2.0, d - 2))
    q, m = torch.as_tensor(turn), torch.as_tensor(mix)

    def drift(x: torch.Tensor) -> torch.Tensor:
        u = x @ q.T
        slope = torch.cat([4 * height * u[:, :2] * (u[:, :2] ** 2 - 1), rate * u[:, 2:]], dim=1)
        return -(slope @ m.T) @ q

    u = np.zeros((4, d))
    u[:, :2] = [[a, b] for a in (-1, 1) for b in (-1, 1)]
    flips = u[:, None, :2] != u[None, :, :2]
    return drift, u @ turn, np.where(flips.sum(2) == 1, flips @ height.numpy() / NOISE, np.nan)


def barriers(results: Results, *, quick: bool) -> None:
    """Barriers of planted networks, and of the model of a run where one is named by ``LANDSCAPE_SCALE_RUN``."""
    errors = []
    for seed in range(1 if quick else 10):
        drift, attractors, truth = planted(seed, 20 if quick else DIMENSIONS)
        row: dict = {"part": "barriers", "case": f"planted {seed}", "regulators": attractors.shape[1]}
        with timed(row):
            found = transition_network(drift, attractors, diffusion=NOISE)
        row["error"] = float(np.nanmax(np.abs(found.action / truth - 1)))
        row["converged"] = found.converged
        errors.append(row["error"])
        results.add(row)
    results.figures["planted_largest_relative_error"] = max(errors)
    if path := os.environ.get(RUN):
        _of_run(results, Path(path), quick=quick)


def _of_run(results: Results, path: Path, *, quick: bool) -> None:
    """Cost of barriers, paths and rates of a run, and barriers over saddles beside ten times the points."""
    adata = anndata.read_h5ad(path)
    model = ls.get.model(adata)
    n = len(model.regulators)
    for name, call in (("barriers", ls.tl.barriers), ("paths", ls.tl.paths), ("rates", ls.tl.rates)):
        row: dict = {"part": "barriers", "case": name, "regulators": n}
        with timed(row):
            call(adata)
        results.figures[f"run_{name}_cpu_seconds"] = row["cpu_seconds"]
        results.add(row)
    states = adata.uns["landscape"]["attractors"]["states"].to_numpy(dtype=float)
    found = transition_network(model.drift, states, diffusion=model.diffusion)
    worst = 0.0
    for transition in found.transitions[: 1 if quick else None]:
        for side, k in enumerate(transition.attractors):
            if transition.saddle is None:
                continue
            with timed(row := {"part": "barriers", "case": f"{transition.attractors} from {k}", "regulators": n}):
                fine = barrier(
                    model.drift, states[k], transition.saddle, diffusion=model.diffusion, n_points=1000, tolerance=1e-3,
                    initial_path=transition.up[side].path,
                )  # fmt: skip
            row["action"], row["reference"] = transition.up[side].action, fine.action
            worst = max(worst, abs(row["action"] / fine.action - 1))
            results.add(row)
    results.figures["run_largest_difference_to_ten_times_the_points"] = worst


PARTS = {"barriers": barriers}

if __name__ == "__main__":
    main(__doc__, PARTS, ("landscape", "numpy", "scipy", "torch"))

"""Reprogramming of blood: the exact table of the circuit, what a model fitted to simulated counts proposes, and the cost.

``python -m benchmarks.reprogramming --json FILE``
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from anndata import AnnData

import landscape as ls
from benchmarks._harness import Results, main, timed
from landscape.dynamics import Model, RegulatoryDrift
from landscape.perturbation import references
from landscape.reprogramming import boolean_sets, gene_sets, goal_of, reprogram, search

CIRCUIT = ls.circuits.krumsiek()
# Pairs of fates with single-gene answers, of which a fit must propose one among its first sets.
PAIRS = (
    ("erythrocyte", "megakaryocyte"),
    ("megakaryocyte", "erythrocyte"),
    ("monocyte", "granulocyte"),
    ("granulocyte", "monocyte"),
)
N_FIRST = 3
SEEDS = 3
# Regulators and sets of the comparison of cost.
N_REGULATORS = 40


def table(results: Results, *, quick: bool) -> None:
    """Least sets of all pairs of fates: the continuous circuit against the enumeration of the Boolean one."""
    states, row = CIRCUIT.fate_states.to_numpy(), dict[str, Any]()
    model = Model(CIRCUIT.drift(), CIRCUIT.diffusion, CIRCUIT.genes)
    known = references(tuple(CIRCUIT.fates), states, CIRCUIT.initial_state().numpy()[None])
    same = 0
    fates = list(CIRCUIT.fates)
    with timed(row):
        for a, b in itertools.permutations(range(len(fates)), 2):
            found = reprogram([model], known, states[[a]], [b])
            named = [{CIRCUIT.genes[gene]: int(level) for gene, level in one} for one in found.sets]
            exact = boolean_sets(CIRCUIT, fates[a], fates[b])
            equal = sorted(map(repr, map(sorted, (one.items() for one in named)))) == sorted(
                map(repr, map(sorted, (one.items() for one in exact)))
            )
            same += equal
            results.add(
                {
                    "from": fates[a],
                    "to": fates[b],
                    "least": found.least,
                    "sets": len(named),
                    "exact": len(exact),
                    "same": equal,
                }
            )
    # All but the two pairs to the monocyte, whose tie the flow breaks.
    results.figures["pairs_with_the_exact_sets"] = same
    results.figures["table_seconds"] = row["cpu_seconds"]


def fitted(results: Results, *, quick: bool) -> None:
    """Models fitted to counts with time points: is a least set of the circuit among the first proposals?"""
    for seed in range(1 if quick else results.seeds or SEEDS):
        adata = fit(seed, quick=quick)
        ends = named_ends(adata)
        right = 0
        for source, target in PAIRS:
            row: dict[str, Any] = {"seed": seed, "from": source, "to": target, "proposed": "", "found": False}
            if {source, target} <= ends.keys():
                with timed(row):
                    ls.tl.reprogram(adata, ends[source], ends[target])
                record = adata.uns["landscape"]["reprogramming"][f"{ends[source]} to {ends[target]}"]
                first = list(map(str, record["sets"].index[:N_FIRST]))
                exact = {
                    ", ".join(f"{gene}={level}" for gene, level in one.items())
                    for one in boolean_sets(CIRCUIT, source, target)
                }
                row |= {
                    "proposed": "; ".join(first),
                    "found": bool(exact & set(first)),
                    "exact_in_all": bool(exact <= set(map(str, record["sets"].index))),
                }
            right += row["found"]
            results.add(row)
        results.figures[f"found_{seed}"] = right / len(PAIRS)


def fit(seed: int, *, quick: bool) -> AnnData:
    """Counts of a seed, and the model fitted to them."""
    adata = ls.datasets.hematopoiesis(n_cells=1200 if quick else 2400, rng=seed)
    latent = ls.latent.LatentModel(adata, rng=seed)
    latent.train(max_epochs=20 if quick else None)
    adata.obsm["X_latent"] = latent.get_latent_representation()
    ls.tl.network(adata, model=latent, regulators=list(CIRCUIT.genes), rng=seed)
    direction = ls.dynamics.from_time("day")
    ls.tl.dynamics(adata, model=latent, direction=direction, n_replicates=0 if quick else 3, rng=seed)
    ls.tl.attractors(adata)
    ls.tl.basins(adata)
    return adata


def named_ends(adata: AnnData) -> dict[str, str]:
    """Attractor of each fate: the basin with most of its cells."""
    late = adata.obs["day"].to_numpy() == adata.obs["day"].to_numpy().max()
    basins = adata.obs["basin"].astype(str)[late]
    fates = adata.obs["fate"].astype(str)[late]
    known = set(map(str, adata.uns["landscape"]["attractors"]["states"].index))
    found = {}
    for fate in CIRCUIT.fates:
        own = basins[(fates == fate).to_numpy()]
        if len(own) and own.mode()[0] in known:
            found[fate] = str(own.mode()[0])
    return found if len(set(found.values())) == len(found) else {}


def cost(results: Results, *, quick: bool) -> None:
    """All pairs of a random model with 40 regulators, without noise."""
    rng = np.random.default_rng(0)
    weights = np.where(
        rng.random((N_REGULATORS, N_REGULATORS)) < 0.1, rng.normal(0, 4, (N_REGULATORS, N_REGULATORS)), 0
    )
    model = Model(RegulatoryDrift.from_arrays(weights, bias=rng.normal(0, 1, N_REGULATORS)), 0.01)
    found = ls.topography.fixed_points(model, rng.random((50, N_REGULATORS)), deflate=False).stable
    states = np.array([point.x for point in found])
    if len(states) == 1:  # a model with one state has nowhere to go, at the same cost
        states = np.vstack([states, states + 1.0])
    known = references(tuple(f"fate {k}" for k in range(len(states))), states, states.mean(0, keepdims=True))
    sets, row = gene_sets(range(N_REGULATORS), (0.0, 1.0), 2), dict[str, Any]()
    with timed(row):
        hits = search(model, states[:1], goal_of(known, np.array([1])), sets, reach=known.reach, hold=20.0)
    results.add({"sets": len(sets), "hits": len(hits.sets), **row})
    results.figures["pairs_of_40_cpu_seconds"] = row["cpu_seconds"]


if __name__ == "__main__":
    main(__doc__, {"table": table, "fitted": fitted, "cost": cost}, ["landscape", "numpy", "torch"])

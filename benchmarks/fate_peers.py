"""Fate probabilities and their cost, beside CellRank, Palantir and dynamo on the same cells.

``python -m benchmarks.fate_peers --json FILE``

The peers pin other versions and run in an interpreter of their own: make a virtual environment with ``pip install cellrank
palantir scvelo moscot`` and set ``LANDSCAPE_PEERS_PYTHON`` to its Python. dynamo pins an older AnnData: make another one with
``pip install dynamo-release`` and set ``LANDSCAPE_DYNAMO_PYTHON``. Without them, errors of the peers on simulated blood are read
from ``fate_peers.json``, which stores every run by its cells, and the part ``cost`` measures only ours.

* ``blood``: simulated blood, truth by simulating each of 400 cells 50 times; mean absolute error over four fates.
* ``cost``: paul15, from a directed chain to terminal states and fate probabilities; CellRank gets our chain.
* ``stages``: paul15, processor seconds of everything after the latent model, with and without the ensemble.
* ``scale``: graph, chain, ends, fates and terminal states of up to 100,000 cells, of paul15 and of a tree that forks three times.
* ``hubs``: hubs at rest whose targets have no edges among them; false edges with and without a direction.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scanpy as sc
from anndata import AnnData
from scipy import sparse
from scipy.spatial import cKDTree
from sklearn.decomposition import PCA

import landscape as ls
from benchmarks._harness import Results, main
from benchmarks._tree import branching
from benchmarks.dynamics import latent
from landscape.markov import (
    absorption_probabilities,
    find_ends,
    find_terminal_states,
    flow_potential,
    neighbor_graph,
    potential_kernel,
)

STORE = Path(__file__).parent / "fate_peers.json"
RUNNER = Path(__file__).parent / "_fate_peers.py"
VARIABLE = "LANDSCAPE_PEERS_PYTHON"
DYNAMO = "dynamo, given"
DYNAMO_RUNNER = Path(__file__).parent / "_fate_dynamo.py"
DYNAMO_VARIABLE = "LANDSCAPE_DYNAMO_PYTHON"
FATES = ("granulocyte", "monocyte", "erythrocyte", "megakaryocyte")
GIVEN = (
    "CellRank pseudotime, given",
    "CellRank velocity, given",
    "CellRank real time, given",
    "Palantir, given",
    DYNAMO,
)
FOUND = ("CellRank pseudotime, found", "CellRank velocity, found", "CellRank real time, found", "Palantir, found")
N_CELLS, N_TERMINAL, N_REPEATS = 400, 30, 3


@functools.cache
def truth(seed: int) -> pd.DataFrame:
    """Simulated fate probabilities of some cells of a seed."""
    adata, _ = latent(seed)
    cells = np.sort(np.random.default_rng(seed).choice(adata.n_obs, N_CELLS, replace=False))
    return ls.circuits.fate_probabilities(adata[cells].copy(), ls.circuits.krumsiek(), n_replicates=50, rng=seed)


def error(found: pd.DataFrame, expected: pd.DataFrame) -> float:
    """Mean absolute error over cells and the four fates; a fate that was not found has probability 0."""
    merged = found.T.groupby([str(name).split(" ")[0] for name in found]).sum().T
    known = merged.reindex(index=expected.index, columns=list(FATES)).fillna(0.0)
    return float((known - expected[list(FATES)]).abs().to_numpy().mean())


def with_ends(adata: AnnData) -> AnnData:
    """Cells with the input of the peers: a root cell, and cells of each fate on the last day, the nearest to their mean first."""
    z, day = np.asarray(adata.obsm["X_latent"]), adata.obs["day"].to_numpy()
    layers = {name: adata.layers[name] for name in ("counts", "unspliced")}
    given = AnnData(obs=adata.obs[["day", "fate"]].copy(), var=adata.var[[]].copy(), layers=layers)
    given.obsm["X_latent"] = z

    def nearest(cells: np.ndarray, n: int) -> list[str]:
        order = np.argsort(np.linalg.norm(z[cells] - z[cells].mean(0), axis=1))
        return list(adata.obs_names[cells[order[:n]]])

    given.uns["root"] = nearest(np.flatnonzero(day == day.min()), 1)[0]
    fate = adata.obs["fate"].astype(str).to_numpy()
    last = {name: np.flatnonzero((fate == name) & (day == day.max())) for name in FATES}
    given.uns["terminal"] = {name: np.array(nearest(cells, N_TERMINAL), dtype=object) for name, cells in last.items()}
    return given


def of_peers(given: AnnData, names: tuple[str, ...]) -> dict[str, Any]:
    """Results of the peers by method; raises if their interpreter does not start."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.h5ad", Path(folder) / "out.json"
        given.write_h5ad(source)
        variable, runner = (DYNAMO_VARIABLE, DYNAMO_RUNNER) if names == (DYNAMO,) else (VARIABLE, RUNNER)
        subprocess.run([os.environ[variable], str(runner), str(source), str(target), *names], check=True)
        return dict(json.loads(target.read_text()))


def remembered(seed: int, names: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """Errors and seconds of the peers, from the store, or computed where they are installed."""
    store = json.loads(STORE.read_text()) if STORE.exists() else {}
    adata, _ = latent(seed)
    digest = hashlib.sha256(np.ascontiguousarray(adata.layers["counts"].toarray())).hexdigest()[:12]
    keys = {name: f"{name} | seed {seed} | {digest}" for name in names}
    missing = tuple(name for name, key in keys.items() if key not in store)
    given = with_ends(adata)
    given.uns["cells"] = np.array(truth(seed).index, dtype=object)
    for part, variable in (
        (tuple(name for name in missing if name != DYNAMO), VARIABLE),
        (tuple(name for name in missing if name == DYNAMO), DYNAMO_VARIABLE),
    ):
        if not part or variable not in os.environ:
            continue
        found = of_peers(given, part)
        for name, result in found["methods"].items():
            row = {"cpu_seconds": round(result["cpu_seconds"], 1), "versions": found["versions"]}
            if "error" in result:
                row["failed"] = result["error"]
            else:
                cells = result.get("cells", adata.obs_names)
                table = pd.DataFrame(result["probabilities"], index=cells, columns=result["fates"])
                row |= {"error": round(error(table, truth(seed)), 5), "fates": result["fates"]}
            store[keys[name]] = row
        lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in sorted(store.items())]
        STORE.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    return {name: store[key] for name, key in keys.items() if key in store}


def blood(results: Results, *, quick: bool) -> None:
    """Errors of all methods on the same cells; means over the seeds in which a method ran."""
    rows = []
    for seed in range(1 if quick else 5):
        expected = truth(seed)
        constant = pd.DataFrame([expected.mean()] * len(expected), index=expected.index)
        rows.append({"method": "constant guess", "seed": seed, "error": error(constant, expected)})
        for name, row in remembered(seed, GIVEN + (() if quick else FOUND)).items():
            rows.append(
                {"method": name, "seed": seed} | {k: v for k, v in row.items() if k not in ("versions", "fates")}
            )
        rows += ours(seed, expected)
        for row in rows:
            if row["seed"] == seed:
                results.add(row)
    table = pd.DataFrame(rows)
    for name, mean in table.groupby("method")["error"].mean().items():
        if np.isfinite(mean):
            results.figures[f"error_{name}"] = float(mean)


def ours(seed: int, expected: pd.DataFrame) -> list[dict[str, Any]]:
    """Fates of the chain and of the model by source of direction, with ends that are found."""
    from benchmarks.dynamics import fitted

    rows = []
    for source in ("time", "unspliced", "root"):
        start = time.process_time()
        adata = fitted(seed, source)
        spent = time.process_time() - start
        ls.tl.fates(adata, n_cells=adata.n_obs, n_replicates=20, rng=seed)
        for kind, key in (("chain", "fates"), ("model", "fates_model")):
            value = error(adata.obsm[key].loc[expected.index], expected)
            rows.append({"method": f"ours {kind}, {source}", "seed": seed, "error": value, "cpu_seconds": spent})
    return rows


def shared_part(z: np.ndarray, root: np.ndarray, row: dict[str, Any]) -> tuple[Any, Sequence[np.ndarray]]:
    """Graph, directed chain with its ends, and fates; adds the processor seconds of each to the row."""
    clock = time.process_time()
    graph = neighbor_graph(z, n_neighbors=30)
    row["graph"], clock = time.process_time() - clock, time.process_time()
    ends = find_ends(graph, root)
    chain = potential_kernel(graph, flow_potential(graph, root, ends.terminal))
    row["chain_and_ends"], clock = time.process_time() - clock, time.process_time()
    found = absorption_probabilities(chain, {str(k): cells for k, cells in enumerate(ends.terminal)})
    row["fates"] = time.process_time() - clock
    row["n_fates"], row["converged"] = len(ends.terminal), bool(found.converged)
    return chain, ends.terminal


@functools.cache
def paul15() -> tuple[AnnData, Any]:
    """Myeloid progenitors on selected genes with a trained latent model."""
    adata = ls.datasets.paul15()
    ls.pp.select_genes(adata, n_top=2000, key_added="selected")
    cells = adata[:, adata.var["selected"]].copy()
    model = ls.latent.LatentModel(cells, layer="counts", rng=0)
    model.train(progress=False)
    cells.obsm["X_latent"] = model.get_latent_representation()
    return cells, model


def _root(adata: AnnData) -> np.ndarray:
    """Cells with the highest expression of markers of the start: a tenth of a percent, and ten at least."""
    counts = adata.layers["counts"]
    depth = np.asarray(counts.sum(1)).ravel()
    genes = adata.var_names.get_indexer(["Cd34", "Meis1", "Sox4"])
    score = np.log1p(counts[:, genes].toarray() / depth[:, None] * np.median(depth)).mean(1)
    return np.argsort(-score, kind="stable")[: max(10, adata.n_obs // 1000)]


def cost(results: Results, *, quick: bool) -> None:
    """Terminal states and fates of paul15 from one chain: ours and CellRank's GPCCA in turn.

    CellRank uses a dense Schur decomposition where PETSc and SLEPc, which have no wheels, are not installed. It needs none if the
    ends are given, so that this part is compared separately.
    """
    adata, _ = paul15()
    z, root = np.asarray(adata.obsm["X_latent"]), _root(adata)
    rows = []
    for repeat in range(1 if quick else N_REPEATS):
        row: dict[str, Any] = {"cost": "ours", "repeat": repeat}
        chain, ends = shared_part(z, root, row)
        results.add(row)
        rows.append({"all": row["chain_and_ends"] + row["fates"], "fates": row["fates"]})
        if VARIABLE not in os.environ:
            continue
        given = AnnData(obs=adata.obs[[]].copy(), var=adata.var[[]].copy(), layers={"counts": adata.layers["counts"]})
        given.obsm["X_latent"], given.obsp["transitions"] = z, chain
        given.uns["terminal"] = {str(k): np.array(adata.obs_names[cells], dtype=object) for k, cells in enumerate(ends)}
        found = of_peers(given, ("CellRank, chain given", "CellRank, chain and ends given"))["methods"]
        for part, name in (("all", "CellRank, chain given"), ("fates", "CellRank, chain and ends given")):
            seconds = found[name]["cpu_seconds"] if "error" not in found[name] else np.nan
            results.add({"cost": name, "repeat": repeat, "seconds": seconds, "failed": found[name].get("error", "")})
            rows[-1][f"cellrank_{part}"] = seconds
    for name, seconds in pd.DataFrame(rows).median().items():
        results.figures[f"cost_{name}"] = float(seconds)
    for part in ("all", "fates"):
        if f"cost_cellrank_{part}" in results.figures:
            results.figures[f"cost_ratio_{part}"] = (
                results.figures[f"cost_cellrank_{part}"] / results.figures[f"cost_{part}"]
            )


def stages(results: Results, *, quick: bool) -> None:
    """Processor seconds of everything after the latent model of paul15, without and with the ensemble."""
    source, model = paul15()
    root = ls.dynamics.from_root(genes=["Cd34", "Meis1", "Sox4"])
    for n_replicates in (0,) if quick else (0, 10):
        adata, row = source.copy(), {"n_replicates": n_replicates}
        calls = {
            "network": lambda a: ls.tl.network(a, model=model, rng=0),
            "dynamics": lambda a, n=n_replicates: ls.tl.dynamics(a, model=model, direction=root, n_replicates=n, rng=0),
            "attractors": lambda a: ls.tl.attractors(a, rng=0),
            "basins": ls.tl.basins,
            "fates": lambda a: ls.tl.fates(a, rng=0),
            "drivers": ls.tl.drivers,
            "occupancy": lambda a: ls.tl.occupancy(a, rng=0),
        }
        for name, call in calls.items():
            start = time.process_time()
            call(adata)
            row[name] = time.process_time() - start
        row["seconds"] = sum(row[name] for name in calls)
        results.add(row)
        results.figures[f"stages_seconds_{n_replicates}"] = row["seconds"]


def between_cells(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Latent variables along the manifold of paul15, each between a cell and one of its neighbours, and cells of the root."""
    adata, _ = paul15()
    z, gen = np.asarray(adata.obsm["X_latent"], dtype=float), np.random.default_rng(0)
    _, near = cKDTree(z).query(z, 31)
    one = gen.integers(0, len(z), n)
    other = near[one, gen.integers(1, 31, n)]
    points = z[one] + gen.random((n, 1)) * (z[other] - z[one])
    return points, np.argsort(np.linalg.norm(points - z[_root(adata)[0]], axis=1))[: max(10, n // 1000)]


def scale(results: Results, *, quick: bool) -> None:
    """Processor seconds of the shared part, and of terminal states of the chain, against the number of cells."""
    for kind, make in (("paul15", between_cells), ("tree", branching)):
        rows = []
        for n in (3_000, 10_000) if quick else (3_000, 10_000, 30_000, 100_000):
            points, root = make(n)
            row: dict[str, Any] = {"cells_of": kind, "n_cells": n}
            chain, _ = shared_part(points, root, row)
            clock = time.process_time()
            row["n_sinks"] = len(find_terminal_states(neighbor_graph(points, n_neighbors=30), chain).cells)
            row["sinks"] = time.process_time() - clock - row["graph"]
            row["seconds"] = row["graph"] + row["chain_and_ends"] + row["fates"]
            results.add(row)
            rows.append(row)
        logs = np.log(pd.DataFrame(rows)[["n_cells", "graph", "chain_and_ends", "fates", "sinks", "seconds"]])
        for name in logs.columns[1:]:
            results.figures[f"scale_{kind}_exponent_{name}"] = float(np.polyfit(logs["n_cells"], logs[name], 1)[0])
        results.figures[f"scale_{kind}_seconds_most"] = rows[-1]["seconds"]


def hub() -> ls.circuits.Circuit:
    """A gene that holds two states, switches three targets on and two off; no edges among targets."""
    return ls.circuits.Circuit(
        name="hub",
        rules={"Hub": "Hub", "A": "Hub", "B": "Hub", "C": "Hub", "D": "not Hub", "E": "not Hub"},
        edges=(("Hub", "Hub", 1), *(("Hub", g, 1) for g in "ABC"), *(("Hub", g, -1) for g in "DE")),
        initial=dict.fromkeys(("Hub", *"ABCDE"), 0.5),
        fates={"on": frozenset({"Hub", "A", "B", "C"}), "off": frozenset({"D", "E"})},
        time_scale={"Hub": 2.0},
    )


def hubs(results: Results, *, quick: bool) -> None:
    """Edges that are none, from counts of cells at rest and on their way: in the network's support, and in the model."""
    genes = ["Hub", *"ABCDE"]
    true = np.zeros((6, 6), dtype=bool)
    true[0, 1:] = True
    false = ~true & ~np.eye(6, dtype=bool)
    for seed in range(1 if quick else 3):
        for cells, times in (("rest", [40, 41, 42]), ("moving", [0, 0.5, 1, 2, 4, 8])):
            adata = ls.circuits.simulate(
                hub(), n_cells=1200, n_targets=60, n_housekeeping=40, times=times, unspliced=True, rng=seed
            )
            sc.pp.normalize_total(adata)
            adata.obsm["X_pca"] = PCA(5, random_state=0).fit_transform(np.log1p(adata.X.toarray()))
            ls.tl.network(adata, regulators=genes, response_layer="unspliced", rng=seed)
            index = adata.var_names.get_indexer(genes)
            support = adata.varp["network_support"][index][:, index].toarray() != 0
            row = {"hub": cells, "seed": seed, "support_true": int(support[true].sum())}
            row["support_false"] = int(support[false].sum())
            adata.obsp["aimless"] = sparse.identity(adata.n_obs, format="csr")
            directions = {
                "none": ls.dynamics.from_transitions("aimless", grade="D"),
                "unspliced": ls.dynamics.from_unspliced(),
                "time": ls.dynamics.from_time("time"),
            }
            for name, direction in directions.items():
                ls.tl.dynamics(adata, direction=direction, self_edges=True, rng=seed)
                record = adata.uns["landscape"]["dynamics"]
                order = [list(record["regulators"]).index(gene) for gene in genes]
                size = np.abs(np.asarray(record["weights"]).T[order][:, order])
                results.add(
                    {
                        **row,
                        "direction": name,
                        "grade": record["grade"],
                        "false_over_true": size[false].mean() / size[true].mean(),
                    }
                )
    table = pd.DataFrame([row for row in results.table if "hub" in row])
    for (cells, name), part in table.groupby(["hub", "direction"]):
        results.figures[f"hub_{cells}_{name}_false_over_true"] = float(part["false_over_true"].mean())
    results.figures["hub_moving_support_false"] = float(table[table["hub"] == "moving"]["support_false"].mean())


PARTS = {"blood": blood, "cost": cost, "stages": stages, "scale": scale, "hubs": hubs}

if __name__ == "__main__":
    main(__doc__, PARTS, ["torch", "numpy", "scipy", "scanpy", "anndata", "scvi-tools"])

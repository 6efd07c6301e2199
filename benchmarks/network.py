"""Accuracy and cost of network inference beside GRNBoost2, on simulated and real expression with known edges.

    python -m benchmarks.network --json FILE [--quick] [--cost] [--skip-peers] [--recompute-peers]

Data are read from the folder LANDSCAPE_DATA_DIR (see landscape.datasets). Our methods run with the defaults of the package on
every data set. BEELINE figures are medians over replicates, dyngen figures means over data sets. Scores of GRNBoost2 are
stored in ``benchmarks/network_peers.json``; where they are missing, arboreto is needed (``pip install --no-deps arboreto``, and
pyarrow, which dask imports).
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks._grnboost2 import PEERS, original, peer_scores
from benchmarks._network_cases import CURATED, SYNTHETIC, Case, beeline, dyngen, mdc, plain, prepared, scored
from landscape import network as nw


def ours(method: str, **options: object) -> Callable[[Case, int], np.ndarray]:
    def run(case: Case, seed: int) -> np.ndarray:
        return nw.infer(prepared(case), method=method, n_bootstraps=0, n_decoys=0, rng=seed, **options).weights

    return run


def plain_ridge(case: Case, seed: int) -> np.ndarray:
    del seed
    return nw.ridge(nw.moments(plain(case)), case.regulators, penalty=0.1, reverse_share=0.0, deconfounding=0.0)


def pearson(case: Case, seed: int) -> np.ndarray:
    del seed
    return nw.correlation(nw.moments(plain(case)), case.regulators)


def spearman(case: Case, seed: int) -> np.ndarray:
    del seed
    return nw.spearman(plain(case))


def residual_pearson(case: Case, seed: int) -> np.ndarray:
    del seed
    data = nw.expression(case.counts, case.regulators, response=case.response, regress_depth=True)
    return nw.correlation(nw.moments(data), case.regulators)


def random_scores(case: Case, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random((len(case.regulators), case.counts.shape[1]))


def degree(case: Case, seed: int) -> np.ndarray:
    """Outer product of mean expressions: scores that use no pair of genes."""
    del seed
    x, y, _ = prepared(case).dense()
    return np.outer(np.abs(x.mean(axis=0)), np.abs(y.mean(axis=0)))


METHODS: dict[str, Callable[[Case, int], np.ndarray]] = {
    "random": random_scores,
    "degree only": degree,
    "|Pearson|": pearson,
    "|Spearman|": spearman,
    "Pearson, depth out": residual_pearson,
    "plain ridge .1": plain_ridge,
    "ridge (default)": ours("ridge"),
    "boost": ours("boost"),
    "consensus": ours("consensus"),
    "correlation rank 20": lambda case, seed: ours("correlation", rank=min(20, len(case.regulators)))(case, seed),
}
STOCHASTIC = {"random", "ridge (default)"}  # the penalty of the ridge depends on random halves of the cells


def accuracy(cases: Iterator[Case], peers: tuple[str, ...], arguments: argparse.Namespace) -> list[dict]:
    """One row per case, method, seed and gold standard."""
    rows: list[dict] = []
    for case in cases:
        first = len(rows)
        for name, function in METHODS.items():
            for seed in range(arguments.seeds if name in STOCHASTIC else 1):
                start = time.process_time()
                weights = function(case, seed)
                seconds = time.process_time() - start
                found = {gold: {"cpu_seconds": seconds, **values} for gold, values in scored(case, weights).items()}
                rows += _rows(case, name, seed, found)
        for name in peers:
            for seed in range(arguments.peer_seeds):
                found = peer_scores(name, case, seed, n_jobs=arguments.jobs, recompute=arguments.recompute_peers)
                rows += _rows(case, name, seed, found)
        print(case.name, {row["method"]: round(row["auprc_ratio"], 2) for row in rows[first:]}, flush=True)
    return rows


def _rows(case: Case, method: str, seed: int, found: dict[str, dict[str, float]]) -> list[dict]:
    return [
        {"case": case.name, "family": f"{case.family} {gold}".strip(), "method": method, "seed": seed, **values}
        for gold, values in found.items()
    ]


def summary(rows: list[dict]) -> pd.DataFrame:
    """Figures by family and method: means over seeds, then medians over replicates or means over data sets of dyngen."""
    table = pd.DataFrame(rows)
    per_case = table.groupby(["family", "method", "case"], sort=False).mean(numeric_only=True).reset_index()
    grouped = per_case.groupby(["family", "method"], sort=False)
    columns = ["auprc_ratio", "epr", "sign", "direction", "cpu_seconds"]
    middle, mean = grouped[columns].median(), grouped[columns].mean()
    dyngen_rows = middle.index.get_level_values("family").str.startswith("dyngen")
    middle.loc[dyngen_rows] = mean.loc[dyngen_rows]
    return middle.reset_index()


def simulated(n_cells: int, n_genes: int, density: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(n_cells, 20))
    rate = np.exp(0.5 * hidden @ rng.normal(size=(20, n_genes)) / np.sqrt(20)) * -np.log1p(-density)
    return rng.poisson(rate).astype(np.float64)


def cost(*, peer: bool, n_cells: int = 2000, n_regulators: int = 500, n_genes: int = 2000) -> dict[str, float]:
    """Processor seconds per target on one thread, and the exponents of their growth with cells and targets."""
    counts = simulated(n_cells, n_genes, 0.3)
    figures = {}
    bare = {"n_bootstraps": 0, "n_decoys": 0}
    for name, options in {"ridge": bare, "ridge with confidence": {}, "boost": bare}.items():
        figures[f"cost {name} ms per target"] = _milliseconds(counts, n_regulators, name.split()[0], options)
    twice = simulated(4 * n_cells, n_genes // 2, 0.3)
    for name in ("ridge", "boost"):
        small = _milliseconds(twice[:n_cells], 100, name, bare) * n_genes / 2
        more_cells = _milliseconds(twice, 100, name, bare) * n_genes / 2
        more_targets = _milliseconds(counts, 100, name, bare) * n_genes
        figures[f"cost exponent in cells {name}"] = float(np.log(more_cells / small) / np.log(4))
        figures[f"cost exponent in targets {name}"] = float(np.log2(more_targets / small))
    if not peer:
        return figures
    x, y, _ = plain(Case("cost", "cost", counts, None, np.arange(n_regulators), {})).dense()
    targets = range(n_regulators, n_regulators + 16)
    start = time.process_time()
    for j in targets:
        original(x, y[:, j], -1, 0)
    figures["cost GRNBoost2 ms per target"] = 1e3 * (time.process_time() - start) / len(targets)
    for name in ("ridge", "ridge with confidence", "boost"):
        ratio = figures["cost GRNBoost2 ms per target"] / figures[f"cost {name} ms per target"]
        figures[f"cost GRNBoost2 / {name}"] = ratio
    return figures


def _milliseconds(counts: np.ndarray, n_regulators: int, method: str, options: dict[str, int]) -> float:
    """Processor time per target, the minimum of three runs, because other programs on the machine can only increase it."""
    seconds = []
    for _ in range(3 if not options or options["n_bootstraps"] == 0 else 1):
        start = time.process_time()
        nw.infer(nw.expression(counts, np.arange(n_regulators)), method=method, **options)
        seconds.append(time.process_time() - start)
    return 1e3 * min(seconds) / counts.shape[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--quick", action="store_true", help="only dyngen and curated circuits without drop-out")
    parser.add_argument("--cost", action="store_true", help="only the cost")
    parser.add_argument("--skip-peers", action="store_true", help="do not run GRNBoost2")
    parser.add_argument("--recompute-peers", action="store_true", help="run GRNBoost2 even if its scores are stored")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--peer-seeds", type=int, help="number of seeds for GRNBoost2 (default: that of --seeds)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes for GRNBoost2")
    parser.add_argument(
        "--only", choices=("dyngen", "curated", "synthetic", "mdc"), help="only one family of data sets"
    )
    arguments = parser.parse_args()
    arguments.peer_seeds = arguments.peer_seeds or arguments.seeds
    figures: dict[str, float] = {}
    rows: list[dict] = []
    if not arguments.cost:
        families = {
            "dyngen": dyngen,
            "curated": lambda: beeline(CURATED, (0,) if arguments.quick else (0, 50)),
            "synthetic": lambda: beeline(SYNTHETIC),
            "mdc": mdc,
        }
        wanted = (arguments.only,) if arguments.only else ("dyngen", "curated") if arguments.quick else tuple(families)
        peers = () if arguments.skip_peers else tuple(PEERS)
        rows = accuracy((case for name in wanted for case in families[name]()), peers, arguments)
        table = summary(rows)
        print(table.to_string(float_format="%.2f"))
        for family, method, ratio, epr, sign, direction, _ in table.itertuples(index=False):
            figures[f"auprc_ratio {family} | {method}"] = ratio
            if family.startswith("dyngen"):
                figures[f"epr {family} | {method}"] = epr
                figures[f"sign {family} | {method}"] = sign
                figures[f"direction {family} | {method}"] = direction
    figures |= cost(peer=not arguments.skip_peers)
    versions = {name: importlib.metadata.version(name) for name in ("numpy", "scipy", "scikit-learn", "anndata")}
    figures = {name: float(value) for name, value in figures.items() if np.isfinite(value)}
    print({name: round(value, 3) for name, value in figures.items() if name.startswith("cost")})
    rows = [{k: v if not isinstance(v, float) or np.isfinite(v) else None for k, v in row.items()} for row in rows]
    machine = {
        "cpus": os.cpu_count(),
        "processor": platform.processor() or platform.machine(),
        "python": platform.python_version(),
    }
    arguments.json.write_text(json.dumps({"figures": figures, "table": rows, "machine": machine, "versions": versions}))


if __name__ == "__main__":
    main()

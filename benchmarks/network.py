"""Accuracy and cost of network inference beside GRNBoost2, on simulated and real expression with known edges.

    python -m benchmarks.network --json FILE [--quick] [--cost] [--skip-peers]

Data come from the folder that LANDSCAPE_DATA_DIR names (see landscape.datasets). Settings of all our methods are the
package's defaults for every data set. BEELINE figures are medians over replicates, dyngen figures means over data sets.
"""

from __future__ import annotations

import argparse
import gzip
import importlib.metadata
import json
import os
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.tree import DecisionTreeRegressor

from landscape import network as nw

CURATED = ("HSC", "VSC", "GSD")
SYNTHETIC = ("dyn-LI", "dyn-LL", "dyn-CY", "dyn-BF", "dyn-BFC", "dyn-TF")
BACKBONES = ("linear", "cycle", "bifurcating")


@dataclass(frozen=True)
class Case:
    """One data set and its known edges; ``truth`` may hold several gold standards."""

    name: str
    family: str
    counts: np.ndarray
    response: np.ndarray | None
    regulators: np.ndarray
    truth: dict[str, np.ndarray]


def folder() -> Path:
    return Path(os.environ["LANDSCAPE_DATA_DIR"]) / "benchmark"


def dense(matrix: object) -> np.ndarray:
    return np.asarray(matrix.toarray() if hasattr(matrix, "toarray") else matrix, dtype=np.float64)


def known(adata: ad.AnnData, regulators: np.ndarray) -> np.ndarray:
    row = {name: k for k, name in enumerate(adata.var_names[regulators])}
    column = {name: k for k, name in enumerate(adata.var_names)}
    truth = np.zeros((len(row), len(column)))
    for source, target, sign in adata.uns["ground_truth_grn"][["regulator", "target", "sign"]].itertuples(index=False):
        if source not in row:  # dyngen's housekeeping genes regulate one another; they are no candidates
            continue
        truth[row[source], column[target]] = float(sign) if str(sign) not in "+-" else 1.0 - 2.0 * (str(sign) == "-")
    return truth


def dyngen() -> Iterator[Case]:
    for name in BACKBONES:
        adata = ad.read_h5ad(folder() / f"dyngen_{name}.h5ad")
        regulators = np.flatnonzero(adata.var["is_tf"])
        truth = {"": known(adata, regulators)}
        spliced, unspliced = dense(adata.X), dense(adata.layers["unspliced"])
        yield Case(f"dyngen {name} spliced", "dyngen spliced", spliced, None, regulators, truth)
        yield Case(f"dyngen {name} unspliced", "dyngen unspliced", spliced, unspliced, regulators, truth)


def beeline(circuits: tuple[str, ...], dropouts: tuple[int, ...] = (0, 50)) -> Iterator[Case]:
    for circuit in circuits:
        adata = ad.read_h5ad(folder() / f"beeline_{circuit}.h5ad")
        obs = adata.obs[["replicate", "n_cells", "dropout_percent"]].astype(int)
        for dropout in sorted(set(obs["dropout_percent"]) & set(dropouts)):
            for replicate in sorted(obs["replicate"].unique()):
                rows = (obs["dropout_percent"] == dropout) & (obs["replicate"] == replicate)
                rows &= obs["n_cells"] == obs.loc[rows, "n_cells"].max()
                part = adata[rows.to_numpy()]
                regulators = np.arange(part.n_vars)
                family = circuit if dropout == 0 else f"{circuit} dropout {dropout}"
                name = f"{family} {replicate}"
                yield Case(name, family, dense(part.X), None, regulators, {"": known(part, regulators)})


def mdc() -> Iterator[Case]:
    adata = ad.read_h5ad(folder() / "beeline_mdc_tfs500_lognorm.h5ad")
    gold = pd.read_csv(folder() / "beeline_mdc_gold_edges.tsv.gz", sep="\t")
    gold = gold[gold["size"] == "TFs+500"]
    with gzip.open(folder().parent / "priors" / "tf_human_hs_hgnc_tfs.txt.gz", "rt") as stream:
        factors = {line.strip() for line in stream} | set(gold["regulator"])
    regulators = np.flatnonzero(adata.var_names.isin(factors))
    row = {name: k for k, name in enumerate(adata.var_names[regulators])}
    column = {name: k for k, name in enumerate(adata.var_names)}
    truth = {}
    for name, edges in gold.groupby("network", observed=True):
        matrix = np.zeros((len(row), len(column)))
        for source, target in edges[["regulator", "target"]].itertuples(index=False):
            if source in row and target in column:
                matrix[row[source], column[target]] = 1.0
        truth[str(name)] = matrix
    yield Case("mDC", "mDC", dense(adata.X), None, regulators, truth)


def prepared(case: Case) -> nw.Expression:
    return nw.expression(case.counts, case.regulators, response=case.response)


def residuals(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """Regulators and targets as our methods see them, for peers that want plain matrices."""
    x, y, _ = prepared(case).dense()
    return x, y


def ours(method: str, **options: object) -> Callable[[Case, int], np.ndarray]:
    def run(case: Case, seed: int) -> np.ndarray:
        return nw.infer(prepared(case), method=method, n_bootstraps=0, n_decoys=0, rng=seed, **options).weights

    return run


def plain_ridge(case: Case, seed: int) -> np.ndarray:
    del seed
    data = nw.expression(case.counts, case.regulators, response=case.response, regress_depth=False)
    return nw.ridge(nw.moments(data), case.regulators, penalty=0.1, arrow=0.0)


def pearson(case: Case, seed: int) -> np.ndarray:
    del seed
    data = nw.expression(case.counts, case.regulators, response=case.response, regress_depth=False)
    return nw.correlation(nw.moments(data), case.regulators)


def spearman(case: Case, seed: int) -> np.ndarray:
    del seed
    return nw.spearman(nw.expression(case.counts, case.regulators, response=case.response, regress_depth=False))


def residual_pearson(case: Case, seed: int) -> np.ndarray:
    del seed
    data = nw.expression(case.counts, case.regulators, response=case.response, regress_depth=True)
    return nw.correlation(nw.moments(data), case.regulators)


def random_scores(case: Case, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random((len(case.regulators), case.counts.shape[1]))


def degree(case: Case, seed: int) -> np.ndarray:
    """Outer product of mean expressions: what is known without looking at any pair."""
    del seed
    x, y = residuals(case)
    return np.outer(np.abs(x.mean(axis=0)), np.abs(y.mean(axis=0)))


def grnboost2(case: Case, seed: int, *, n_jobs: int = 2) -> np.ndarray:
    """arboreto's algorithm as it is, one target after another under joblib (its own entry points fail on current dask)."""
    x, y = residuals(case)
    names = [str(k) for k in range(y.shape[1])]
    factors = [names[k] for k in case.regulators]
    found = Parallel(n_jobs=n_jobs)(delayed(_arboreto)(x, factors, names[j], y[:, j], seed) for j in range(len(names)))
    weights = np.zeros((len(factors), len(names)))
    row = {name: k for k, name in enumerate(factors)}
    for table in found:
        for source, target, value in table:
            weights[row[source], int(target)] = value
    return weights


def _arboreto(x: np.ndarray, factors: list[str], target: str, values: np.ndarray, seed: int) -> list[tuple]:
    from arboreto.core import SGBM_KWARGS, infer_partial_network

    table = infer_partial_network(
        "GBM", SGBM_KWARGS, x, factors, target, values, include_meta=False, early_stop_window_length=25, seed=seed
    )
    return list(table[["TF", "target", "importance"]].itertuples(index=False, name=None))


def grnboost2_corrected(case: Case, seed: int, *, n_jobs: int = 2) -> np.ndarray:
    """The same algorithm with the out-of-bag improvement of a tree computed on the same cells before and after it."""
    x, y = residuals(case)
    columns = Parallel(n_jobs=n_jobs)(
        delayed(_boosted)(x, y[:, j], np.flatnonzero(case.regulators == j), seed) for j in range(y.shape[1])
    )
    return np.stack(columns, axis=1)


def _boosted(x: np.ndarray, y: np.ndarray, itself: np.ndarray, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    columns = np.setdiff1d(np.arange(x.shape[1]), itself)
    inputs = np.ascontiguousarray(x[:, columns], dtype=np.float32)
    left = y - y.mean()
    importance, improvements = np.zeros(len(columns)), []
    n_features = max(1, int(0.1 * len(columns)))
    for _ in range(5000):
        inside = rng.random(len(y)) < 0.9
        tree = DecisionTreeRegressor(max_depth=3, max_features=n_features, random_state=int(rng.integers(2**31))).fit(
            inputs[inside], left[inside]
        )
        after = left - 0.01 * tree.predict(inputs)
        out = ~inside
        improvements.append((left[out] ** 2).mean() - (after[out] ** 2).mean())
        left = after
        importance += tree.tree_.compute_feature_importances(normalize=False)
        if len(improvements) >= 25 and np.mean(improvements[-25:]) < 0:
            break
    result = np.zeros(x.shape[1])
    total = importance.sum()
    result[columns] = importance / total * len(improvements) if total > 0 else 0.0
    return result


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
PEERS = {"GRNBoost2": grnboost2, "GRNBoost2 corrected": grnboost2_corrected}
STOCHASTIC = {"random", *PEERS}


def accuracy(cases: list[Case], methods: dict[str, Callable], seeds: int) -> list[dict]:
    rows = []
    for case in cases:
        for name, function in methods.items():
            for seed in range(seeds if name in STOCHASTIC else 1):
                start = time.process_time()
                weights = function(case, seed)
                seconds = time.process_time() - start
                for gold, truth in case.truth.items():
                    kept = np.flatnonzero(truth.any(axis=1))  # rows without a known edge say nothing
                    found = nw.score(weights[kept], truth[kept], case.regulators[kept])
                    if not gold:
                        found = nw.score(weights, truth, case.regulators)
                    family = f"{case.family} {gold}".strip()
                    rows.append(
                        {
                            "case": case.name, "family": family, "method": name, "seed": seed, "cpu_seconds": seconds,
                            "auprc_ratio": found.auprc_ratio, "epr": found.epr, "sign": found.sign_accuracy,
                            "direction": found.direction_accuracy, "self_loops": found.self_loop_auroc,
                        }
                    )  # fmt: skip
        print(case.name, {row["method"]: round(row["auprc_ratio"], 2) for row in rows if row["case"] == case.name})
    return rows


def summary(rows: list[dict]) -> pd.DataFrame:
    table = pd.DataFrame(rows)
    per_case = table.groupby(["family", "method", "case"], sort=False).mean(numeric_only=True).reset_index()
    grouped = per_case.groupby(["family", "method"], sort=False)
    columns = ["auprc_ratio", "epr", "sign", "direction"]
    middle = grouped[columns].median()
    mean = grouped[columns].mean()
    dyngen_rows = middle.index.get_level_values("family").str.startswith("dyngen")
    middle.loc[dyngen_rows] = mean.loc[dyngen_rows]
    return middle.reset_index()


def simulated(n_cells: int, n_genes: int, n_regulators: int, density: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(n_cells, 20))
    rate = np.exp(0.5 * hidden @ rng.normal(size=(20, n_genes)) / np.sqrt(20)) * -np.log1p(-density)
    return rng.poisson(rate).astype(np.float64)


def cost(n_cells: int = 2000, n_regulators: int = 500, n_genes: int = 2000, n_peer: int = 16) -> dict[str, float]:
    """CPU seconds per target, single thread, same data, same run."""
    counts = simulated(n_cells, n_genes, n_regulators, 0.3)
    case = Case("cost", "cost", counts, None, np.arange(n_regulators), {})
    figures = {}
    for name, options in {
        "ridge": {"n_bootstraps": 0, "n_decoys": 0},
        "ridge with confidence": {},
        "boost": {"n_bootstraps": 0, "n_decoys": 0},
    }.items():
        start = time.process_time()
        nw.infer(prepared(case), method=name.split()[0], **options)
        figures[f"cost {name} ms per target"] = 1e3 * (time.process_time() - start) / n_genes
    x, y = residuals(case)
    names = [str(k) for k in range(n_regulators)]
    start = time.process_time()
    for j in range(n_regulators, n_regulators + n_peer):
        _arboreto(x, names, str(j), y[:, j], 0)
    figures["cost GRNBoost2 ms per target"] = 1e3 * (time.process_time() - start) / n_peer
    for name in ("ridge", "ridge with confidence", "boost"):
        figures[f"cost GRNBoost2 / {name}"] = (
            figures["cost GRNBoost2 ms per target"] / figures[f"cost {name} ms per target"]
        )
    return figures


def machine() -> dict[str, object]:
    return {
        "cpus": os.cpu_count(),
        "processor": platform.processor() or platform.machine(),
        "python": platform.python_version(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--quick", action="store_true", help="dyngen and curated circuits without drop-out only")
    parser.add_argument("--cost", action="store_true", help="cost only")
    parser.add_argument("--skip-peers", action="store_true", help="leave GRNBoost2 out")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", choices=("dyngen", "curated", "synthetic", "mdc"), help="one family of data sets")
    arguments = parser.parse_args()
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
        cases = [case for name in wanted for case in families[name]()]
        methods = METHODS if arguments.skip_peers else METHODS | PEERS
        rows = accuracy(cases, methods, arguments.seeds)
        table = summary(rows)
        print(table.to_string(float_format="%.2f"))
        for family, method, ratio, epr, sign, direction in table.itertuples(index=False):
            figures[f"auprc_ratio {family} | {method}"] = ratio
            if family.startswith("dyngen"):
                figures[f"epr {family} | {method}"] = epr
                figures[f"sign {family} | {method}"] = sign
                figures[f"direction {family} | {method}"] = direction
    figures |= cost()
    versions = {name: importlib.metadata.version(name) for name in ("numpy", "scipy", "scikit-learn", "anndata")}
    figures = {name: float(value) for name, value in figures.items() if np.isfinite(value)}
    rows = [{k: v if not isinstance(v, float) or np.isfinite(v) else None for k, v in row.items()} for row in rows]
    result = {"figures": figures, "table": rows, "machine": machine(), "versions": versions}
    arguments.json.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()

"""Data sets with known edges on which networks are scored, read from the folder LANDSCAPE_DATA_DIR."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd

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


def prepared(case: Case) -> nw.Expression:
    """Input of our methods, with the defaults of the package."""
    return nw.expression(case.counts, case.regulators, response=case.response)


def plain(case: Case) -> nw.Expression:
    """Input of other tools: counts are scaled and log-transformed, nothing is regressed out."""
    return nw.expression(case.counts, case.regulators, response=case.response, regress_depth=False)


def scored(case: Case, weights: np.ndarray) -> dict[str, dict[str, float]]:
    """Scores against every gold standard of a case."""
    result = {}
    for gold, truth in case.truth.items():
        # In a gold standard from experiments, regulators without a known edge were not studied.
        kept = np.flatnonzero(truth.any(axis=1)) if gold else np.arange(len(truth))
        found = nw.score(weights[kept], truth[kept], case.regulators[kept])
        result[gold] = {
            "auprc_ratio": found.auprc_ratio, "epr": found.epr, "sign": found.sign_accuracy,
            "direction": found.direction_accuracy, "self_loops": found.self_loop_auroc,
        }  # fmt: skip
    return result


def dyngen() -> Iterator[Case]:
    """Simulations of dyngen with spliced and unspliced counts; regulators are its transcription factors."""
    for name in BACKBONES:
        adata = ad.read_h5ad(_folder() / f"dyngen_{name}.h5ad")
        regulators = np.flatnonzero(adata.var["is_tf"])
        truth = {"": _known(adata, regulators)}
        spliced, unspliced = _dense(adata.X), _dense(adata.layers["unspliced"])
        yield Case(f"dyngen {name} spliced", "dyngen spliced", spliced, None, regulators, truth)
        yield Case(f"dyngen {name} unspliced", "dyngen unspliced", spliced, unspliced, regulators, truth)


def beeline(circuits: tuple[str, ...], dropouts: tuple[int, ...] = (0, 50)) -> Iterator[Case]:
    """Simulations of BEELINE, of curated circuits and of topologies: the largest data set of every replicate."""
    for circuit in circuits:
        adata = ad.read_h5ad(_folder() / f"beeline_{circuit}.h5ad")
        obs = adata.obs[["replicate", "n_cells", "dropout_percent"]].astype(int)
        for dropout in sorted(set(obs["dropout_percent"]) & set(dropouts)):
            for replicate in sorted(obs["replicate"].unique()):
                rows = (obs["dropout_percent"] == dropout) & (obs["replicate"] == replicate)
                rows &= obs["n_cells"] == obs.loc[rows, "n_cells"].max()
                part = adata[rows.to_numpy()]
                regulators = np.arange(part.n_vars)
                family = circuit if dropout == 0 else f"{circuit} dropout {dropout}"
                name = f"{family} {replicate}"
                yield Case(name, family, _dense(part.X), None, regulators, {"": _known(part, regulators)})


def mdc() -> Iterator[Case]:
    """Mouse dendritic cells of BEELINE (human symbols), with three gold standards."""
    adata = ad.read_h5ad(_folder() / "beeline_mdc_tfs500_lognorm.h5ad")
    gold = pd.read_csv(_folder() / "beeline_mdc_gold_edges.tsv.gz", sep="\t")
    gold = gold[gold["size"] == "TFs+500"]
    with gzip.open(_folder().parent / "priors" / "tf_human_hs_hgnc_tfs.txt.gz", "rt") as stream:
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
    yield Case("mDC", "mDC", _dense(adata.X), None, regulators, truth)


def _folder() -> Path:
    return Path(os.environ["LANDSCAPE_DATA_DIR"]) / "benchmark"


def _dense(matrix: object) -> np.ndarray:
    return np.asarray(matrix.toarray() if hasattr(matrix, "toarray") else matrix, dtype=np.float64)


def _known(adata: ad.AnnData, regulators: np.ndarray) -> np.ndarray:
    row = {name: k for k, name in enumerate(adata.var_names[regulators])}
    column = {name: k for k, name in enumerate(adata.var_names)}
    truth = np.zeros((len(row), len(column)))
    for source, target, sign in adata.uns["ground_truth_grn"][["regulator", "target", "sign"]].itertuples(index=False):
        if source not in row:  # housekeeping genes of dyngen regulate one another; they are not candidates
            continue
        truth[row[source], column[target]] = float(sign) if str(sign) not in "+-" else 1.0 - 2.0 * (str(sign) == "-")
    return truth

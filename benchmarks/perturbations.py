"""Published knock-outs of mouse blood and pancreas against those of models fitted to unperturbed cells; cost of many clamps.

``LANDSCAPE_DATA_DIR=... python -m benchmarks.perturbations --json FILE``
"""

from __future__ import annotations

import re
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData

import landscape as ls
from benchmarks._harness import Results, main, timed
from landscape.dynamics import Model, RegulatoryDrift
from landscape.perturbation import outcome, paired_fates, references
from landscape.topography import fixed_points

# Words of the table, and patterns of the names of attractors for them. A defect of maturation is no change of a share; rows
# without any of these words are not scored.
WORDS = {
    "haematopoiesis": {
        "erythrocyte": "Erythroid",
        "megakaryocyte": "Megakaryocyte",
        "basophil": "Basophil",
        "neutrophil": "Neutrophil",
        "monocyte": "Monocyte",
    },
    "pancreas": {
        "alpha": "Alpha",
        "beta": "Beta",
        "delta": "Delta",
        "epsilon": "Epsilon",
        "islet": "Alpha|Beta|Delta|Epsilon",
    },
}
# Changes of a share below two standard errors of a thousand trajectories, .03, are noise.
CHANGE = 0.03
# Regulators, models, paths and duration of the comparison of cost; clamps that are simulated one by one, and repeats.
N_REGULATORS, N_MODELS, N_PATHS, DURATION, N_SINGLE, N_REPEATS = 40, 4, 1000, 32.0, 7, 3


def expected(text: str, words: dict[str, str]) -> str:
    """Pattern of the attractors that an entry of the table names; empty if there is none."""
    named = [label for word, label in words.items() if re.search(rf"\b{word}", text)]
    return "|".join(named)


def score(adata: AnnData, row: pd.Series, words: dict[str, str]) -> dict[str, Any]:
    """Change of the share of the fates that the knock-out of a gene reduces according to the table."""
    result: dict[str, Any] = {"system": row["system"], "gene": row["gene"]}
    pattern = expected(
        ";".join(p for p in str(row["fates_lost_or_reduced"]).split(";") if "maturation" not in p), words
    )
    if row["gene"] not in adata.uns["landscape"]["dynamics"]["regulators"]:
        return result | {"said": "no regulator of the model"}
    if not pattern:
        return result | {"said": "no change of a share"}
    ls.tl.perturb(adata, {row["gene"]: 0.0})
    record = adata.uns["landscape"]["perturbations"][f"{row['gene']}=0"]
    fates = record.get("labels", record["fates"])
    chosen = fates[fates.index.str.contains(pattern, regex=True)]
    if chosen.empty or chosen["before"].sum() < CHANGE:
        return result | {"said": f"no attractor for {pattern}"}
    change = float(chosen["change"].sum())
    said = "right" if change < -CHANGE else ("wrong" if change > CHANGE else "unchanged")
    result |= {"lost": pattern, "before": float(chosen["before"].sum()), "change": change, "said": said}
    result |= {"start_tv": record["start_tv"], "lfsr": float(chosen["lfsr"].min()), "rank": float(chosen["rank"].min())}
    # The first of several fates whose interval is off zero decides.
    off = chosen[(chosen["log_odds_low"] > 0) | (chosen["log_odds_high"] < 0)]
    return result | {"off_zero": "no" if off.empty else ("right" if (off["change"] < 0).any() else "wrong")}


def known(results: Results, *, quick: bool) -> None:
    """Score every row of the table."""
    table = pd.read_csv(ls.datasets.data_dir() / "known_perturbations.tsv", sep="\t")
    systems = {
        "haematopoiesis": (ls.datasets.paul15, ls.dynamics.from_root(genes=["Cd34", "Meis1", "Sox4"])),
        "pancreas": (ls.datasets.pancreas, ls.dynamics.from_unspliced()),
    }
    for system, (loader, direction) in systems.items():
        adata = loader()
        ls.run(adata, direction=direction)
        for _, row in table[table["system"] == system].iterrows():
            results.add(score(adata, row, WORDS[system]))
    said = [row["said"] for row in results.table]
    for word in ("right", "wrong", "unchanged"):
        results.figures[word] = said.count(word)
    for word in ("right", "wrong"):
        results.figures[f"{word}_off_zero"] = [row.get("off_zero") for row in results.table].count(word)


def _circuit(seed: int) -> Model[RegulatoryDrift]:
    """Two toggles and the genes that they regulate; replicates differ by 3 % in every weight."""
    rng, weights = np.random.default_rng(0), np.zeros((N_REGULATORS, N_REGULATORS))
    for i in (0, 2):
        weights[i, i + 1] = weights[i + 1, i] = -8.0
    for i in range(4, N_REGULATORS):
        weights[i, rng.choice(i, 4, replace=False)] += rng.normal(0, 3, 4)
    bias = np.concatenate([np.full(4, 3.0), rng.normal(0, 1, N_REGULATORS - 4)])
    if seed:
        weights *= 1 + 0.03 * np.random.default_rng(seed).normal(size=weights.shape)
    return Model(RegulatoryDrift.from_arrays(weights, bias=bias, hill=4.0, decay=0.5, ceiling=0.5), 0.004)


def cost(results: Results, *, quick: bool) -> None:
    """All removals in all models of an ensemble: in one batch, and each model and removal by itself."""
    models, rng = [_circuit(seed) for seed in range(N_MODELS)], np.random.default_rng(0)
    states = np.array(
        [p.x for p in fixed_points(models[0].drift, rng.uniform(0, 1, (400, N_REGULATORS)), deflate=False).stable]
    )
    start = np.clip(0.4 + 0.1 * rng.normal(size=(N_PATHS // (5 if quick else 1), N_REGULATORS)), 0, None)
    known = references(tuple(f"fate {k}" for k in range(len(states))), states, start)
    alone: list[float] = []
    for gene in range(N_SINGLE):
        row: dict[str, Any] = {"part": "cost", "what": f"gene {gene} by itself"}
        with timed(row):
            for model in models:
                for each in (model, model.held_at({gene: 0.0})):
                    outcome(each, start, known, duration=DURATION, rng=1)
        alone.append(row["cpu_seconds"])
        results.add(row)
    together: list[float] = []
    for _ in range(N_REPEATS):
        row = {"part": "cost", "what": f"{N_REGULATORS} genes in one batch"}
        with timed(row):
            paired_fates(models, [{gene: 0.0} for gene in range(N_REGULATORS)], start, known, duration=DURATION, rng=1)
        together.append(row["cpu_seconds"])
        results.add(row)
    results.figures["cpu_seconds_screen"] = median(together)
    results.figures["cpu_ratio_one_by_one"] = N_REGULATORS * median(alone) / median(together)


if __name__ == "__main__":
    main(__doc__, {"known": known, "cost": cost}, ["torch", "numpy", "scanpy", "anndata", "scvi-tools"])

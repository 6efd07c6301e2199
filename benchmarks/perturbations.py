"""Published knock-outs of mouse blood and pancreas against knock-outs in models that are fitted to unperturbed cells.

``LANDSCAPE_DATA_DIR=... python -m benchmarks.perturbations --json FILE``
"""

from __future__ import annotations

import re
from typing import Any

import pandas as pd
from anndata import AnnData

import landscape as ls
from benchmarks._harness import Results, main

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
N_CONTROLS = 10


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
    ls.tl.perturb(adata, {row["gene"]: 0.0}, n_controls=N_CONTROLS)
    fates = adata.uns["landscape"]["perturbations"][f"{row['gene']}=0"]["fates"]
    chosen = fates[fates.index.str.contains(pattern, regex=True)]
    if chosen.empty or chosen["before"].sum() < CHANGE:
        return result | {"said": f"no attractor for {pattern}"}
    change = float(chosen["change"].sum())
    said = "right" if change < -CHANGE else ("wrong" if change > CHANGE else "unchanged")
    return result | {"lost": pattern, "before": float(chosen["before"].sum()), "change": change, "said": said}


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


if __name__ == "__main__":
    main(__doc__, {"known": known}, ["torch", "numpy", "scanpy", "anndata", "scvi-tools"])

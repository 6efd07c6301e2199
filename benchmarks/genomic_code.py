"""Assays of the genomic code: a circuit with its truth, its rewires, and a finished run.

    python -m benchmarks.genomic_code --json out.json
    LANDSCAPE_RUNS="results/demo results/blood" python -m benchmarks.genomic_code --json out.json --only runs

The part `runs` needs folders of finished runs, named in LANDSCAPE_RUNS. Two runs of the same cells with disjoint latent models, named one after the other in
LANDSCAPE_PAIR, give the share of rows with the same verdict in both (part `pair`).
"""

from __future__ import annotations

import os
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import anndata as ad
import numpy as np

import landscape as ls
from benchmarks._harness import Results, main
from landscape.assays.card import card
from landscape.assays.rewires import rewired

UNTESTABLE = "not testable here"
# Rows that the circuit with its truth must support.
MUST = ("recall", "canalisation", "plasticity", "latent attractors")


def circuit(results: Results, *, quick: bool) -> None:
    """The circuit of Krumsiek et al. with its truth, over seeds of its cells."""
    supported: Counter[str] = Counter()
    seeds = 1 if quick else (results.seeds or 5)
    for seed in range(seeds):
        subject = ls.assays.Subject.of_circuit(ls.circuits.krumsiek(), rng=seed)
        for one in card(subject, rng=seed):
            if one.verdict != UNTESTABLE:
                results.add({"part": "circuit", "seed": seed, "assay": one.name, "value": one.value, "null_low": one.null_low,
                             "null_high": one.null_high, "verdict": one.verdict})  # fmt: skip
            supported[one.name] += one.verdict == "supported"
            if one.name == "Hebbian weights":
                results.figures["circuit.hebbian_untestable"] = float(one.verdict == UNTESTABLE)
    for name in MUST:
        results.figures[f"circuit.supported.{name.replace(' ', '_')}"] = supported[name] / seeds


def rewires(results: Results, *, quick: bool) -> None:
    """Share of rows with a verdict that a rewired circuit has supported, beside the cells of the true one."""
    subject = ls.assays.Subject.of_circuit(ls.circuits.krumsiek(), rng=0)
    verdicts: Counter[str] = Counter()
    n = 3 if quick else 20
    for k in range(n):
        model = rewired(subject.model, subject.cells, np.random.default_rng((1, k)))
        found = Counter(one.verdict for one in card(replace(subject, model=model), rng=k))
        results.add({"part": "rewires", "rewire": k, **found})
        verdicts.update(found)
    asked = verdicts.total() - verdicts[UNTESTABLE]
    results.figures["rewires.supported"] = verdicts["supported"] / asked
    results.figures["rewires.contradicted"] = verdicts["contradicted"] / asked


def runs(results: Results, *, quick: bool) -> None:
    """The card of finished runs, with its time."""
    for folder in os.environ.get("LANDSCAPE_RUNS", "").split():
        adata = ad.read_h5ad(Path(folder) / "landscape.h5ad")
        start = time.process_time()
        ls.tl.genomic_code(adata, assays=["recall", "canalisation"] if quick else None)
        name = Path(folder).name
        results.figures[f"runs.{name}.cpu_seconds"] = time.process_time() - start
        results.figures[f"runs.{name}.n_regulators"] = float(len(ls.get.model(adata).regulators))
        for verdict, number in ls.get.genomic_code(adata)["verdict"].value_counts().items():
            results.figures[f"runs.{name}.{str(verdict).replace(' ', '_')}"] = float(number)
        for assay, row in ls.get.genomic_code(adata).iterrows():
            results.add({"part": "runs", "run": name, "assay": str(assay), "value": float(row["value"]), "low": float(row["low"]),
                         "high": float(row["high"]), "null_low": float(row["null_low"]), "null_high": float(row["null_high"]), "verdict": str(row["verdict"])})  # fmt: skip


def pair(results: Results, *, quick: bool) -> None:
    """Share of rows with the same verdict in two disjoint sets of latent models of the same cells."""
    del quick
    folders = os.environ.get("LANDSCAPE_PAIR", "").split()
    cards = []
    for folder in folders[:2]:
        adata = ad.read_h5ad(Path(folder) / "landscape.h5ad")
        ls.tl.genomic_code(adata)
        cards.append(ls.get.genomic_code(adata)["verdict"])
    if len(cards) == 2:
        results.figures["pair.same_verdict"] = float((cards[0] == cards[1]).mean())


def mutants(results: Results, *, quick: bool) -> None:
    """A switch of one gene: share of mutants that keep both states against its closed form."""
    from scipy.stats import norm

    from landscape.assays.mutational_robustness import states_kept
    from landscape.assays.mutations import mutate

    n = 500 if quick else 5000
    for w, sd in ((6.0, 0.5), (5.0, 0.5), (6.0, 1.0)):
        drift = ls.dynamics.RegulatoryDrift.from_arrays([[w]], bias=-3.0, hill=4.0)
        model = ls.dynamics.Model(drift, 0.01, ("A",))
        subject = ls.assays.Subject(model, np.linspace(0, 1, 50)[:, None], np.array([[0.05], [0.9]]))
        kept = states_kept(subject.view, mutate(np.array([[w]]), sd / w, n, np.random.default_rng(0))).all(1).mean()
        results.figures[f"mutants.w{w:g}_sd{sd:g}.error"] = float(kept - norm.cdf((w - 4.847772) / sd))


PARTS = {"circuit": circuit, "rewires": rewires, "mutants": mutants, "runs": runs, "pair": pair}

if __name__ == "__main__":
    main(__doc__, PARTS, ("genomic-landscape", "numpy", "scipy", "torch"))

"""Where the model takes real cells: blood, the pancreas, time courses; and what it makes of known knock-outs of blood.

``LANDSCAPE_DATA_DIR=... python -m benchmarks.descendants --json FILE [--seeds N] [--only paul15]``

``paul15`` and ``pancreas`` compare the fit to descendants with the one to velocities; ``sets`` has other data sets at their
defaults; ``knockouts`` removes genes from blood whose effect is known, beside other regulators of like level and out-strength.

A seed is that of the whole pipeline, including the latent model. Figures of a model: lineages with an attractor, the
share of each lineage's cells in the basin of its own attractors, the share of cells on which model and chain differ, and the
total variation between the shares of the fates from the start under the model and under the chain.
"""

from __future__ import annotations

import functools
import logging
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData

import landscape as ls
from benchmarks._harness import Results, main, timed
from benchmarks.real_cells import LINEAGES, SETTINGS, bare
from landscape._run.plan import settle
from landscape._run.settings import Settings
from landscape._run.stages import Work, narrow, stages
from landscape.directions import Direction

LABEL = "cell_type"
N_PATHS = 1000
# Long enough for paths from the start to settle, in mean lifetimes of an mRNA.
DURATION = 100.0


def with_network(name: str, seed: int, given: dict[str, Any] | None = None) -> tuple[AnnData, Any, Direction]:
    """Cells on the selected genes with their latent model, network and direction."""
    plan = settle(
        adata := getattr(ls.datasets, name)(), Settings(seed=seed, direction=given or SETTINGS[name], n_latent_models=1)
    )
    work = Work(adata, plan, progress=False)
    for stage in stages():
        if stage.name in ("genes", "latent"):
            stage.call(work)
        if stage.name == "genes":
            narrow(work)
    ls.tl.network(work.current, layer=work.layer, model=work.model, rng=seed)
    return work.current, work.model, plan.directions[0]


def start_distance(adata: AnnData) -> float:
    """Total variation between the shares of the fates from the start: of the model's paths, and of the chain's absorption.

    NaN where the direction names no start.
    """
    if not adata.obs["landscape_start"].any():
        return float("nan")
    states = adata.uns["landscape"]["attractors"]["states"]
    x = adata.obsm["X_state"].to_numpy()
    start = x[adata.obs["landscape_start"].to_numpy(dtype=bool)]
    known = ls.perturbation.references(tuple(states.index), states.to_numpy(), start)
    drawn = start[np.random.default_rng(0).integers(0, len(start), N_PATHS)]
    found = ls.perturbation.outcome(ls.get.model(adata), drawn, known, duration=DURATION, rng=0)
    chain = adata.obsm["terminal_fates"][adata.obs["landscape_start"].to_numpy(dtype=bool)].mean()
    shares = pd.Series(found.shares, index=list(known.fates))
    return ls.perturbation.total_variation(ls.perturbation.start_agreement(shares, chain))


def figures(adata: AnnData, name: str) -> dict[str, Any]:
    """What the model makes of the lineages, beside the chain."""
    ls.tl.attractors(adata, label_key=LABEL)
    ls.tl.basins(adata)
    ls.tl.terminal_states(adata, label_key=LABEL)
    ls.tl.fates(adata)
    record = adata.uns["landscape"]["dynamics"]
    basin, kind = adata.obs["basin"].astype(str).map(bare), adata.obs[LABEL].astype(str)
    own = {lineage: float((basin[kind == lineage] == lineage).mean()) for lineage in LINEAGES[name]}
    attractors = {bare(title) for title in adata.uns["landscape"]["attractors"]["table"].index}
    return {
        "found": sum(lineage in attractors for lineage in LINEAGES[name]),
        "other": len(attractors - set(LINEAGES[name])),
        **{f"own_{lineage}": share for lineage, share in own.items()},
        "own_mean": float(np.mean(list(own.values()))),
        "start_distance": start_distance(adata),
        "differs": float(adata.uns["landscape"]["fates"]["share_differs"]),
        "velocity_r2_held_out": float(record["velocity_r2_held_out"]),
        **{key: float(record[key]) for key in ("flow_score", "flow_floor", "flow_unchanged") if key in record},
    }


def data_set(name: str, results: Results, *, quick: bool) -> None:
    """Both fits of one data set over seeds."""
    rows = []
    for seed in range(results.seeds or (1 if quick else 3)):
        adata, model, direction = with_network(name, seed)
        for refine in ("descendants",) if quick else (False, "descendants"):
            row: dict[str, Any] = {"data": name, "seed": seed, "fit": refine or "velocities"}
            with timed(row, "seconds_dynamics"):
                ls.tl.dynamics(adata, model=model, direction=direction, refine=refine, rng=seed)
            row |= figures(adata, name)
            results.add(row)
            rows.append(row)
    table = pd.DataFrame(rows)
    for fit, part in table.groupby("fit"):
        for key in ("found", "own_mean", "start_distance", "differs", "cpu_seconds_dynamics"):
            results.figures[f"{name}_{fit}_{key}"] = float(part[key].mean())


# Data sets, their labels and directions; times are in days.
SETS: dict[str, tuple[str, dict[str, Any]]] = {
    "tusi2018": ("cell_type", {"root_genes": ("Cd34", "Meis1")}),
    "cardio": ("cluster", {"time": "day"}),
    "schiebinger2019": ("cell_type", {"time": "day"}),
    "dentate_gyrus": ("cell_type", {"time": "day"}),
}


def sets(results: Results, *, quick: bool) -> None:
    """Agreement of model and chain, place of the score, and attractors without cells, on data sets at their defaults."""
    for name, (label, given) in SETS.items():
        for seed in range(1 if quick else results.seeds or 3):
            adata, model, direction = with_network(name, seed, given)
            row: dict[str, Any] = {
                "data": name,
                "seed": seed,
                "regulators": int(adata.var["regulator_in_network"].sum()),
            }
            with timed(row, "seconds_dynamics"):
                ls.tl.dynamics(adata, model=model, direction=direction, rng=seed)
            key = label if label in adata.obs else None
            record = adata.uns["landscape"]["dynamics"]
            row |= {"excess": float(record["flow_excess"]), "grade": record["grade"], "D": float(record["diffusion"])}
            ls.tl.attractors(adata, label_key=key)
            ls.tl.basins(adata)
            ls.tl.terminal_states(adata, label_key=key)
            ls.tl.fates(adata)
            table = adata.uns["landscape"]["attractors"]["table"]
            row |= {
                "attractors": ", ".join(map(str, table.index)),
                "unobserved": int((~table["observed"].astype(bool)).sum()),
                "terminal": ", ".join(map(str, adata.uns["landscape"]["terminal_states"]["table"].index)),
                "differs": float(adata.uns["landscape"]["fates"]["share_differs"]),
            }
            results.add(row)
            for figure in ("excess", "differs"):
                results.figures[f"{name}_{seed}_{figure}"] = row[figure]


# Knock-outs of blood as published (data/known_perturbations.tsv and the reviews quoted there): fates that fall or rise.
KNOCKOUTS: dict[str, dict[str, int]] = {
    "Gata1": {"Erythroid": -1, "Megakaryocyte": -1},
    "Sfpi1": {"Monocyte": -1, "Neutrophil": -1},
    "Cebpa": {"Neutrophil": -1},
    "Irf8": {"Monocyte": -1},
    "Gfi1": {"Neutrophil": -1, "Monocyte": 1},
    "Fli1": {"Megakaryocyte": -1},
    "Klf1": {"Erythroid": -1},
    "Gfi1b": {"Erythroid": -1, "Megakaryocyte": -1},
}


def knockouts(results: Results, *, quick: bool) -> None:
    """Known knock-outs of blood, with intervals over replicates, and how many matched regulators do as much."""
    for seed in range(results.seeds or (1 if quick else 3)):
        adata, model, direction = with_network("paul15", seed)
        ls.tl.dynamics(adata, model=model, direction=direction, n_replicates=3 if quick else 6, rng=seed)
        ls.tl.attractors(adata, label_key=LABEL)
        ls.tl.basins(adata)
        ls.tl.terminal_states(adata, label_key=LABEL)
        ls.tl.fates(adata)
        rows = [_knockout(adata, gene, expected, seed) for gene, expected in KNOCKOUTS.items()]
        for row in rows:
            results.add({"data": "paul15", "seed": seed, **row})
        results.figures[f"knockouts_right_{seed}"] = float(sum(row["right"] for row in rows))
        results.figures[f"knockouts_off_zero_{seed}"] = float(sum(row["off_zero"] for row in rows))


def _knockout(adata: AnnData, gene: str, expected: dict[str, int], seed: int) -> dict[str, Any]:
    """Effect of one removal on the fates that are known to change, and the number of controls that move one as much."""
    ls.tl.perturb(adata, {gene: 0.0}, n_controls=20, key_added=gene, rng=seed)
    record = adata.uns["landscape"]["perturbations"][gene]
    effects = record.get("labels", record["fates"])
    controls = record["controls"].T.groupby(lambda name: bare(str(name))).sum().T
    row: dict[str, Any] = {"gene": gene, "start_tv": float(record["start_tv"])}
    signs, sure, as_much = [], [], np.zeros(len(controls), dtype=bool)
    for fate, sign in expected.items():
        if fate not in effects.index:
            row[fate] = "no such fate"
            signs.append(False)
            continue
        change, low, high = (float(effects.loc[fate, key]) for key in ("change", "low", "high"))
        row[fate] = f"{change:+.2f} [{low:+.2f}, {high:+.2f}]"
        signs.append(sign * change > 0)
        sure.append(sign * (low if sign > 0 else high) > 0)
        if fate in controls:
            as_much |= (sign * controls[fate] >= sign * change).to_numpy()
    return {**row, "right": all(signs), "off_zero": all(signs) and all(sure), "controls_as_much": int(as_much.sum())}


PARTS = {name: functools.partial(data_set, name) for name in LINEAGES} | {"sets": sets, "knockouts": knockouts}

if __name__ == "__main__":
    logging.getLogger("landscape").setLevel(logging.ERROR)
    main(__doc__, PARTS, ["torch", "numpy", "scanpy", "anndata", "scvi-tools"])

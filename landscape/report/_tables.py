"""Tables of results by name, and their form in files that a spreadsheet opens without running formulas."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from typing import Any

import pandas as pd
from anndata import AnnData

from landscape import _keys, get
from landscape._anndata import results_of
from landscape._labels import label_key_of

# A spreadsheet interprets text that starts with one of these as a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

# Title and caption of each table, in the order of the page.
TABLES: dict[str, tuple[str, str]] = {
    "structure": (
        "Tests of structure",
        "Whether the data support a landscape: the figure of each test, its mean by chance, and the p-value. All tests that can be "
        "made have to pass at the level of 1 %.",
    ),
    "attractors": (
        "Attractors",
        "Stable states of the fitted drift: cells in the basin, spectrum, residual of the solver, support in the ensemble.",
    ),
    "consensus": (
        "Consensus over models",
        "Attractors over models on latent models of other seeds, matched by the cells that go there. Persistence is the share of the "
        "models that have one; from the threshold on it is kept, others are uncertain. Decided cells are those that most models have in "
        "the basin.",
    ),
    "terminal_states": (
        "Terminal states of the chain of cells",
        "Ends of the directed chain of cells, without the model; a rare fate may have a terminal state and no attractor. "
        "Gathering is the logarithm of how much more often the directed chain visits it than the undirected one, arrival the "
        "confidence that cells stay there.",
    ),
    "label_basins": (
        "Labels against basins",
        "Number of cells of each label, the share of them in the basin of an attractor named after the label (own), and in that of "
        "each attractor.",
    ),
    "label_fates": (
        "Labels against fates",
        "Mean probability of each fate on the chain over the cells of each label, and of the fates named after it (own).",
    ),
    "drivers": (
        "Driver genes of each fate",
        "What sets a fate apart from its neighbour: first the highest contrast of each fate, then the second of each. The "
        "correlation is that with the fate among all cells.",
    ),
    "barriers": ("Barriers", "Minimum action from one attractor to another, dimensionless, at the noise of the model."),
    "guy_ropes": (
        "Guy ropes",
        "Tension of each gene at each barrier, in units of the barrier for ropes (or production) stronger by a factor e, with its "
        "interval over the replicates; strongest first.",
    ),
    "perturbation": (
        "Perturbations",
        "Shares of the fates before and after, the change of their log odds with its interval and rate of sign errors (lfsr) "
        "over the replicates of the model, and its rank among control regulators, 1 for the largest.",
    ),
    "reprogramming": (
        "Reprogramming",
        "Sets of genes that, held for a time and then released, lead from source to target in the noise-free flow: share of the cells with "
        "noise, its interval and rate of sign errors (lfsr) over the replicates, and the shortest pulse. Sets that work come first.",
    ),
    "screen": (
        "Screen: perturbations",
        "Share of the cells that each perturbation moves to another fate, the largest change of a fate and its rate of sign errors "
        "(lfsr), attractors that are lost and new ones, strongest first.",
    ),
    "screen_effects": (
        "Screen: effects on fates",
        "Change of the share and of the log odds of each fate under each perturbation, with intervals, the rate of sign errors (lfsr), and "
        "the share of wrong signs expected among all effects at least as certain (s_value); most certain first.",
    ),
    "screen_critical": (
        "Screen: critical levels",
        "Level of a held gene at which each valley vanishes, by continuation; empty where it persists.",
    ),
    "genomic_code": (
        "The genomic code",
        "Claims of Mitchell and Cheney, asked of the fitted model: the statistic with its interval over replicates, the band of the null, and "
        "the verdict. Claims on evolution are simulated, not inferred.",
    ),
    "path_genes": (
        "Genes along paths",
        "Genes in the order in which they move, with shares of the length and of the action of the path.",
    ),
    "saddles": ("Saddles", "Transition states between two attractors."),
    "rates": ("Rates", "Transitions per unit of the model's time."),
    "network": ("Strongest edges", "Signed weights of the supported edges, strongest first."),
    "attractor_states": ("States of the attractors", "Level of each regulator: 0 is off and about 1 high."),
    "paths": ("Paths", "States along the minimum-action paths."),
    "cells": ("Cells", "Basin, entropy of the fates in bits, height, and probability of each fate."),
}


def file_stem(name: str, used: Container[str] = ()) -> str:
    """Name of a file for a table or figure: letters, digits and ``_=+-.`` only, and not among those ``used``."""
    stem = re.sub(r"[^A-Za-z0-9_=+.-]+", "_", name).strip("._") or "table"
    found, number = stem, 1
    while found in used:
        number += 1
        found = f"{stem}_{number}"
    return found


# Further tables of a perturbation: title, which its name follows, and text.
PARTS = {
    "labels": ("Fates by label after", "The same with attractors of one label as one fate."),
    "contrasts": (
        "Contrasts between fates after",
        "Change of the log odds of one fate against another one, with its interval and rate of sign errors (lfsr).",
    ),
    "release": (
        "Whether cells stay after",
        "Shares of the fates while genes are held and after their release, the share of the cells of each fate while held that stay in it, "
        "and of those that the hold moved the share that goes back.",
    ),
    "agreement": (
        "Without any clamp, beside",
        "Shares of the unperturbed model and of the chain of cells. Where they differ much, changes may be errors of the fit.",
    ),
}


def perturbation_title(name: str) -> tuple[str, str]:
    """Title and text of a table of a perturbation, by the name that :func:`tables` gives it."""
    key = name.removeprefix("perturbation_")
    for part, (title, text) in PARTS.items():
        if key.endswith(f"_{part}"):
            return f"{title} {key.removesuffix(f'_{part}')}", text
    return f"Fates after {key}", TABLES["perturbation"][1]


def tables(adata: AnnData) -> dict[str, pd.DataFrame]:
    """Tables of a landscape by name; those of perturbations are called ``perturbation_NAME``, with the endings of ``PARTS``."""
    results = results_of(adata)
    found: dict[str, pd.DataFrame] = {}
    if _keys.STRUCTURE in results:
        found["structure"] = results[_keys.STRUCTURE]["table"].rename_axis("test")
    if _keys.NETWORK in adata.varp:
        found["network"] = get.edges(adata).set_index("source")
    if _keys.ATTRACTORS in results:
        found["attractors"] = results[_keys.ATTRACTORS]["table"].rename_axis("attractor")
        found["attractor_states"] = results[_keys.ATTRACTORS]["states"].rename_axis("attractor")
    if _keys.TERMINAL_STATES in results:
        found["terminal_states"] = results[_keys.TERMINAL_STATES]["table"].rename_axis("terminal")
    if _keys.CONSENSUS in results:
        found["consensus"] = get.consensus(adata).set_index("attractor")
    if label_key_of(adata) is not None:
        if _keys.BASIN in adata.obs:
            found["label_basins"] = _by_label(get.labels(adata), "share")
        if _keys.FATES in adata.obsm:
            found["label_fates"] = _by_label(get.labels(adata, by="fate"), "chain")
    if _keys.DRIVERS in results:
        found["drivers"] = _by_rank(get.drivers(adata))
    for name in (_keys.SADDLES, _keys.BARRIERS, _keys.RATES, _keys.PATHS):
        if name in results and "table" in results[name]:
            found[name] = results[name]["table"]
    if "genes" in results.get(_keys.PATHS, {}):
        found["path_genes"] = results[_keys.PATHS]["genes"]
    if _keys.GUY_ROPES in results:
        found["guy_ropes"] = get.guy_ropes(adata).set_index("barrier")
    if any(name != "params" for name in results.get(_keys.REPROGRAMMING, {})):
        found["reprogramming"] = get.reprogram(adata).set_index("source")
    if _keys.SCREEN in results:
        found["screen"] = results[_keys.SCREEN]["perturbations"].sort_values("moved", ascending=False, kind="stable")
        found["screen_effects"] = get.screen(adata).set_index("perturbation")
        if "critical" in results[_keys.SCREEN]:
            found["screen_critical"] = get.screen(adata, table="critical").set_index("gene")
    if _keys.GENOMIC_CODE in results:
        found["genomic_code"] = get.genomic_code(adata)
    for name, record in perturbations(adata).items():
        found[f"perturbation_{name}"] = record["fates"].rename_axis("fate")
        for part in PARTS:
            if part in record:
                table = record[part]
                found[f"perturbation_{name}_{part}"] = table.set_index("fate") if "fate" in table else table
    columns = [key for key in (_keys.BASIN, _keys.FATE_ENTROPY, _keys.HEIGHT) if key in adata.obs]
    cells = adata.obs[columns]
    if _keys.FATES in adata.obsm:
        cells = cells.join(adata.obsm[_keys.FATES].add_prefix("fate_"))
    if cells.shape[1]:
        found["cells"] = cells.rename_axis("cell")
    return found


def _by_label(table: pd.DataFrame, value: str) -> pd.DataFrame:
    """One row per label with its number of cells, the sum over its own states, and a column for each state."""
    state = str(table.columns[2])
    wide = table.pivot(index="label", columns=state, values=value)[list(dict.fromkeys(table[state]))]
    own = table[table["own"]].groupby("label")[value].sum(min_count=1).reindex(wide.index)
    first = pd.DataFrame({"n_cells": table.groupby("label")["n_cells"].first(), "own": own})
    return first.join(wide.add_prefix(f"{state}_"))


def _by_rank(drivers: pd.DataFrame) -> pd.DataFrame:
    """Genes in the order of their rank within a fate, so that the first rows have the first genes of every fate."""
    rank = drivers.groupby("fate", sort=False).cumcount()
    return drivers.iloc[rank.argsort(kind="stable")].set_index("gene")


def perturbations(adata: AnnData) -> dict[str, Mapping[str, Any]]:
    """Records of perturbations that hold fates, by name."""
    records = results_of(adata).get(_keys.PERTURBATIONS, {})
    return {str(k): r for k, r in records.items() if isinstance(r, Mapping) and "fates" in r}


def harmless(table: pd.DataFrame) -> pd.DataFrame:
    """Copy of a table in which text that a spreadsheet would run as a formula is quoted; numbers stay numbers."""
    safe = table.copy()
    for name in safe.columns:
        if not pd.api.types.is_numeric_dtype(safe[name]) and not pd.api.types.is_bool_dtype(safe[name]):
            safe[name] = [_harmless(value) for value in safe[name]]
    safe.columns = [_harmless(name) for name in safe.columns]
    if not pd.api.types.is_numeric_dtype(safe.index):
        safe.index = pd.Index([_harmless(value) for value in safe.index], name=_harmless(safe.index.name))
    return safe


def _harmless(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value

"""What a data set offers to a run, and what is wrong with it."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData

from landscape import _keys
from landscape._anndata import require_adata
from landscape.network.data.symbols import is_ensembl, species_of
from landscape.pp._counts import CountReport, check_counts
from landscape.pp._regulators import find_regulators

# Role of a column of `obs`, and the words of its name that give it that role.
_ROLES = {
    "pseudotime": ("pseudotime", "dpt", "palantir"),
    "time": ("time", "day", "days", "hour", "hours", "hpf", "age", "timepoint", "week"),
    "batch": ("batch", "donor", "library", "sample", "replicate", "plate", "lane", "chemistry", "experiment", "orig"),
    "labels": (
        "type",
        "celltype",
        "cluster",
        "clusters",
        "leiden",
        "louvain",
        "label",
        "labels",
        "annotation",
        "state",
    ),
}
# Below this number of cells results are hardly determined.
_MIN_CELLS = 50


@dataclass(frozen=True, slots=True, repr=False)
class Findings:
    """What a data set offers.

    Attributes
    ----------
    n_cells, n_genes
        Its size.
    counts_layer
        Where the raw counts are: a layer, ``"X"`` for ``adata.X``, or ``"none"``.
    unspliced_layer
        Layer with unspliced counts, ``"none"`` without.
    species
        ``"mouse"``, ``"human"`` or ``"unknown"``, from the gene names.
    n_regulators
        Number of regulators among the genes; -1 where no list is available.
    matrices
        Row per matrix: ``is_counts``, ``median_total``, ``largest``, ``n_empty_cells``, ``n_empty_genes``, ``n_bad``.
    columns
        Row per column of ``obs`` that may be used: ``role`` (time, pseudotime, batch, labels), ``n_values``,
        ``n_missing``, ``examples``.
    embeddings
        Keys of ``obsm``.
    problems
        Row per problem: ``problem`` and ``fix``, the call that fixes it. Empty: the data are ready.
    """

    n_cells: int
    n_genes: int
    counts_layer: str
    unspliced_layer: str
    species: str
    n_regulators: int
    matrices: pd.DataFrame
    columns: pd.DataFrame
    embeddings: tuple[str, ...]
    problems: pd.DataFrame

    @property
    def is_ready(self) -> bool:
        """Whether there are no problems."""
        return self.problems.empty

    def __repr__(self) -> str:
        """Findings, one line for each kind."""
        known = f"{self.n_regulators} regulators" if self.n_regulators >= 0 else "no list of regulators available"
        lines = [
            f"{self.n_cells:,} cells x {self.n_genes:,} genes, {self.species}, {known}",
            f"counts: {self.counts_layer}; unspliced counts: {self.unspliced_layer}",
        ]
        for role, part in self.columns.groupby("role", sort=False):
            lines.append(f"columns for {role}: {', '.join(map(str, part.index))}")
        lines.append(f"embeddings: {', '.join(self.embeddings) or 'none'}")
        for row in self.problems.itertuples(index=False):
            lines.append(f"problem: {row.problem}; {row.fix}")
        if self.is_ready:
            lines.append("ready for a run; tables: .matrices, .columns")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        tables = {
            "matrices": self.matrices.reset_index().to_dict("records"),
            "columns": self.columns.reset_index().to_dict("records"),
            "problems": self.problems.to_dict("records"),
        }
        return {**{k: v for k, v in asdict(self).items() if k not in tables}, **tables, "is_ready": self.is_ready}


def check(adata: AnnData) -> Findings:
    """List what a data set offers to :func:`landscape.run`, its problems, and the call that fixes each.

    Every stored value of every layer is checked. Nothing is changed, and bad data raise no error.

    Parameters
    ----------
    adata
        Annotated data.

    Returns
    -------
    The findings.
    """
    require_adata(adata)
    problems: list[tuple[str, str]] = []
    reports = _scan(adata, problems)
    counts_layer = _counts_layer(reports)
    _judge_counts(adata, reports, counts_layer, problems)
    _judge_names(adata, problems)
    columns = _columns(adata)
    for name, row in columns.iterrows():
        if row["n_missing"]:
            fix = f"adata = adata[adata.obs[{name!r}].notna()].copy()"
            problems.append((f"{row['n_missing']} cells have no value in obs[{name!r}]", fix))
    matrices = [
        {
            "matrix": name,
            "is_counts": r.is_counts,
            "median_total": r.median_total,
            "largest": r.largest,
            "n_empty_cells": r.n_empty_cells,
            "n_empty_genes": r.n_empty_genes,
            "n_bad": r.n_not_finite + r.n_negative + r.n_fractional,
        }
        for name, r in reports.items()
    ]
    unspliced = [name for name in reports if name.lower() == _keys.UNSPLICED]
    return Findings(
        n_cells=adata.n_obs,
        n_genes=adata.n_vars,
        counts_layer=counts_layer,
        unspliced_layer=unspliced[0] if unspliced else "none",
        species=species_of(adata.var_names) or "unknown",
        n_regulators=_count_regulators(adata, problems),
        matrices=pd.DataFrame(matrices, columns=["matrix", *_MATRIX_COLUMNS]).set_index("matrix"),
        columns=columns,
        embeddings=tuple(map(str, adata.obsm)),
        problems=pd.DataFrame(problems, columns=["problem", "fix"]),
    )


_MATRIX_COLUMNS = ["is_counts", "median_total", "largest", "n_empty_cells", "n_empty_genes", "n_bad"]


def _scan(adata: AnnData, problems: list[tuple[str, str]]) -> dict[str, CountReport]:
    reports = {}
    for layer in [None, *adata.layers]:
        if layer is None and adata.X is None:
            continue
        try:
            reports["X" if layer is None else str(layer)] = check_counts(adata, layer=layer)
        except TypeError as error:
            problems.append((str(error), "adata = adata.to_memory(), with numbers in every layer"))
    return reports


def _counts_layer(reports: dict[str, CountReport]) -> str:
    usual = [_keys.COUNTS, "raw_counts", "spliced", "X"]
    others = [name for name in reports if name not in usual and name.lower() not in (_keys.UNSPLICED, "ambiguous")]
    for name in [*usual, *others]:
        if name in reports and reports[name].is_counts and reports[name].largest > 1:
            return name
    return "none"


def _judge_counts(adata: AnnData, reports: dict[str, CountReport], layer: str, problems: list[tuple[str, str]]) -> None:
    if layer == "none":
        at = next((f" (first: {r.first_bad})" for r in reports.values() if r.first_bad), "")
        raw = "adata = adata.raw.to_adata()" if adata.raw is not None else "read the file with the raw counts"
        problems.append((f"no matrix holds raw counts{at}", f"{raw}, and put them in adata.layers['counts']"))
        return
    if layer != _keys.COUNTS:
        source = "adata.X" if layer == "X" else f"adata.layers[{layer!r}]"
        problems.append((f"the raw counts are in {source}", f"adata.layers['counts'] = {source}.copy()"))
    if n := reports[layer].n_empty_cells:
        problems.append((f"{n} cells have no counts", "ls.pp.select_genes(adata, drop_empty=True)"))
    if adata.n_obs < _MIN_CELLS:
        problems.append((f"{adata.n_obs} cells are too few to infer from", f"at least {_MIN_CELLS} cells"))


def _judge_names(adata: AnnData, problems: list[tuple[str, str]]) -> None:
    for slot in ("var_names", "obs_names"):
        names = getattr(adata, slot)
        if not names.is_unique:
            problems.append((f"{names.duplicated().sum()} {slot} are repeated", f"adata.{slot}_make_unique()"))
    if is_ensembl(adata.var_names):
        names = [name for name in adata.var if re.search("symbol|gene_name|feature_name", str(name), re.IGNORECASE)]
        source = f"adata.var[{names[0]!r}].astype(str)" if names else "their symbols"
        problems.append(("genes are named by Ensembl identifiers", f"adata.var_names = {source}"))
    elif species_of(adata.obs_names) and not species_of(adata.var_names):
        problems.append(("cells are named like genes: the matrix looks transposed", "adata = adata.T.copy()"))


def _columns(adata: AnnData) -> pd.DataFrame:
    rows = []
    for name in adata.obs:
        column = adata.obs[name]
        words = set(re.split(r"[^a-z]+", str(name).lower()))
        role = next((role for role, known in _ROLES.items() if words & set(known)), None)
        n_values = int(column.nunique())
        if role in ("time", "pseudotime") and pd.to_numeric(column.astype(str), errors="coerce").notna().sum() == 0:
            role = None
        if role is None or n_values < 2 or (role in ("batch", "labels") and n_values > adata.n_obs / 2):
            continue
        values = column.dropna().unique()[:4]
        rows.append(
            {
                "column": str(name),
                "role": role,
                "n_values": n_values,
                "n_missing": int(column.isna().sum()),
                "examples": ", ".join(f"{v:g}" if isinstance(v, float | np.floating) else str(v) for v in values),
            }
        )
    return pd.DataFrame(rows, columns=["column", "role", "n_values", "n_missing", "examples"]).set_index("column")


def _count_regulators(adata: AnnData, problems: list[tuple[str, str]]) -> int:
    try:
        return len(find_regulators(adata))
    except (FileNotFoundError, ConnectionError) as error:
        problems.append((f"no list of regulators: {error}", "pass regulators=[...] or set adata.var['regulator']"))
    except ValueError as error:
        problems.append((str(error), "pass regulators=[...] or set adata.var['regulator']"))
    return -1

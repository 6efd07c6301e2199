"""Columns of cells: batches, labels and clocks, and what they have to do with each other."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
from anndata import AnnData

from landscape._anndata import read
from landscape._directions import StoredData, root_of
from landscape.directions import SOURCES, Direction
from landscape.directions.clock import SAMPLES, as_numbers, goes_with, individuals_of, is_time_series
from landscape.directions.time_words import times_in_words
from landscape.pp.finding import Finding, refusal

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
_TABLE = ["column", "role", "n_values", "n_missing", "examples"]


def columns_of(adata: AnnData) -> pd.DataFrame:
    """Table of the columns of ``obs`` that may be used, by role."""
    rows = []
    for name in adata.obs.columns[~adata.obs.columns.duplicated(keep=False)]:
        column = adata.obs[name]
        words = set(re.split(r"[^a-z]+", str(name).lower()))
        role = next((role for role, known in _ROLES.items() if words & set(known)), None)
        numbers = as_numbers(column) if role in ("time", "pseudotime") else None
        if role in ("time", "pseudotime") and (numbers is None or not np.isfinite(numbers).any()):
            role = None
        if role is None:
            continue
        n_values = int(column.astype(str)[column.notna()].nunique())
        if n_values < 2 or (role in ("batch", "labels") and n_values > adata.n_obs / 2):
            continue
        values = column.dropna().unique()[:4]
        examples = ", ".join(f"{v:g}" if isinstance(v, float | np.floating) else str(v) for v in values)
        rows.append((str(name), role, n_values, int(column.isna().sum()), examples))
    return pd.DataFrame(rows, columns=_TABLE).set_index("column")


def judge_batch(adata: AnnData, key: str | None) -> list[Finding]:
    """What is wrong with the column of batches."""
    if key is None:
        return []
    try:
        column = read(adata, "obs", key, hint="pass `batch_key=` (`--batch-key`) with a column of batches")
    except (KeyError, TypeError) as error:
        return [refusal(error)]
    if n_missing := int(pd.isna(column).sum()):
        message = f"Expected a batch for every cell, found {n_missing} of {adata.n_obs} cells have no value in `adata.obs[{key!r}]`"
        return [Finding("error", message, f"adata = adata[adata.obs[{key!r}].notna()].copy()")]
    sizes = column.astype(str).value_counts()
    single = sizes.index[sizes == 1]
    if len(single) > len(sizes) / 2 and len(sizes) > 1:
        message = f"Expected batches of several cells in `adata.obs[{key!r}]`, found {len(sizes)} values in {adata.n_obs} cells"
        return [Finding("error", message, "", "--batch-key COLUMN")]
    findings = []
    if len(single):
        message = f"{len(single)} batches of obs[{key!r}] have one cell, for instance {single[0]!r}: their effect cannot be told from the cell's"
        findings.append(Finding("warning", message, f"adata = adata[adata.obs[{key!r}] != {single[0]!r}].copy()"))
    if len(sizes) == 1:
        findings.append(Finding("warning", f"obs[{key!r}] holds one batch ({sizes.index[0]!r}), which changes nothing"))
    return findings


def judge_labels(adata: AnnData, key: str | None) -> list[Finding]:
    """What is wrong with the column of labels."""
    if key is None:
        return []
    try:
        column = read(adata, "obs", key, hint="pass `label_key=` (`--label-key`) with a column of labels")
    except (KeyError, TypeError) as error:
        return [refusal(error)]
    if column.isna().all():
        message = f"Expected labels in `adata.obs[{key!r}]`, found none in {adata.n_obs} cells"
        return [Finding("error", message, "label_key=None", "--label-key COLUMN")]
    if column.nunique() > adata.n_obs / 2:
        message = f"obs[{key!r}] holds {column.nunique()} values in {adata.n_obs} cells, which are names of cells rather than labels"
        return [Finding("warning", message, "", "--label-key COLUMN")]
    return []


def judge_missing(adata: AnnData, named: set[str | None]) -> list[Finding]:
    """Columns of categories in which cells have no value, which matter only where they are used."""
    findings = []
    for name in adata.obs.columns:
        column = adata.obs[name]
        is_words = isinstance(column.dtype, pd.CategoricalDtype) or pd.api.types.is_object_dtype(column)
        if is_words and name not in named and (n := int(column.isna().sum())):
            fix = f"adata = adata[adata.obs[{name!r}].notna()].copy()"
            findings.append(Finding("warning", f"{n} cells have no value in obs[{name!r}]", fix))
    return findings


def judge_clocks(
    adata: AnnData, directions: tuple[Direction, ...], batch_key: str | None
) -> tuple[list[str], list[Finding]]:
    """Times as they were understood, in words, and what makes clocks doubtful."""
    data = StoredData(adata)
    facts: list[str] = []
    findings: list[Finding] = []
    for direction in directions:
        if direction.source == "pseudotime":
            findings += _infinite(adata, direction.key)
        if direction.source != "time":
            continue
        if words := times_in_words(adata.obs[direction.key]):
            facts.append(f"times of obs[{direction.key!r}]: {words}")
        told = _batch_is_time(adata, direction.key, batch_key)
        if told is not None:
            findings.append(told)
        elif (name := goes_with(data, direction.key, SAMPLES)) is not None:
            message = (
                f"obs[{direction.key!r}] goes one to one with obs[{name!r}]: what differs between samples is taken for change in time; times that "
                "two samples share would tell them apart"
            )
            findings.append(Finding("warning", message))
    return facts, findings


def judge_unasked(adata: AnnData, directions: tuple[Direction, ...], offered: tuple[Direction, ...]) -> list[Finding]:
    """What looks like a source of direction and is not ``offered`` as one unasked, with the reason."""
    data = StoredData(adata)
    findings = []
    if (stale := root_of(adata)[1]) and not any(direction.source == "root" for direction in directions):
        findings.append(Finding("warning", f"{stale}; it is not used", "", "--root CELL"))
    for name in data.columns:
        role = set(re.split(r"[^a-z]+", name.lower())) & set(_ROLES["time"])
        if not role or not is_time_series(adata.obs[name]) or any(direction.key == name for direction in directions):
            continue
        if (other := individuals_of(data, name)) is not None:
            message = f"obs[{name!r}] goes one to one with obs[{other!r}], so that it is no clock of development; it is not taken unasked"
            findings.append(Finding("warning", message, f"from_time({name!r})", f"--time-key {name}"))
    for source, layer in (("unspliced", "unspliced"), ("velocity", "velocity")):
        if layer in data.layers and not any(direction.source == source for direction in offered):
            try:
                SOURCES[source].require(data, Direction(source, layer, "C"))
            except (ValueError, TypeError) as error:
                findings.append(Finding("warning", f"layers[{layer!r}] gives no direction: {error}"))
    return findings


def _infinite(adata: AnnData, key: str) -> list[Finding]:
    values = as_numbers(adata.obs[key])
    if values is None or not (n := int(np.isinf(values).sum())):
        return []
    message = (
        f"{n} of {adata.n_obs} cells have an infinite pseudotime in obs[{key!r}]: no path of the graph joins them to the root; they are taken as "
        "unknown"
    )
    return [Finding("warning", message, f"adata = adata[np.isfinite(adata.obs[{key!r}])].copy()")]


def _batch_is_time(adata: AnnData, key: str, batch_key: str | None) -> Finding | None:
    """A warning where each batch has one time, so that the latent model takes out what the direction needs."""
    if batch_key is None or batch_key not in adata.obs:
        return None
    if batch_key != key:
        batches, times = adata.obs[batch_key].astype(str), adata.obs[key].astype(str)
        if batches.nunique() < 2 or int(pd.crosstab(batches, times).gt(0).to_numpy().sum()) > batches.nunique():
            return None
    message = (
        f"batch and time are one: each batch in obs[{batch_key!r}] has one time in obs[{key!r}], so that what differs between times is taken out "
        "as a batch effect; leave `batch_key` (`--batch-key`) out, or name a column whose batches hold several times"
    )
    return Finding("warning", message)

"""What a data set offers to a run, what is wrong with it, and the call that fixes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from anndata import AnnData

from landscape import _keys, pp
from landscape._anndata import require_adata
from landscape._run.direction import describe, offers, option, options_in_words
from landscape._run.plan import LABEL

# Below these numbers of cells, and of counts in the median cell, results are hardly determined.
MIN_CELLS = 50
MIN_MEDIAN_TOTAL = 500


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem: ``"error"`` stops a run, ``"warning"`` weakens its results; ``fix`` is a call or an option."""

    level: Literal["error", "warning"]
    message: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Inspection:
    """Size of a data set, facts about it in words, and findings."""

    n_cells: int
    n_genes: int
    facts: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def has_errors(self) -> bool:
        """Whether a run would be refused."""
        return any(finding.level == "error" for finding in self.findings)


def inspect_cells(adata: AnnData, *, layer: str | None = None) -> Inspection:
    """Check everything that a run will read; nothing is changed, and bad data raise no error."""
    require_adata(adata)
    facts: list[str] = []
    findings = _names(adata)
    if min(adata.shape) == 0:
        findings.append(Finding("error", f"there are {adata.n_obs} cells and {adata.n_vars} genes", "check the file"))
        return Inspection(adata.n_obs, adata.n_vars, tuple(facts), tuple(findings))
    if adata.n_obs < MIN_CELLS:
        findings.append(Finding("warning", f"only {adata.n_obs} cells: few results will be certain"))
    findings += _counts(adata, layer, facts)
    findings += _regulators(adata, facts)
    findings += _directions(adata, facts)
    columns = [str(name) for name in adata.obs.columns]
    label = f"obs[{LABEL!r}]" if LABEL in columns else "none (--label-key names one)"
    facts.append(f"labels: {label}")
    facts.append(f"obs columns: {', '.join(columns) or 'none'}")
    facts.append(
        f"layers: {', '.join(map(str, adata.layers)) or 'none'}; embeddings: {', '.join(adata.obsm) or 'none'}"
    )
    return Inspection(adata.n_obs, adata.n_vars, tuple(facts), tuple(findings))


def _names(adata: AnnData) -> list[Finding]:
    findings = []
    for slot, names in (("obs_names", adata.obs_names), ("var_names", adata.var_names)):
        if not names.is_unique:
            example = list(names[names.duplicated()].unique()[:3])
            findings.append(
                Finding(
                    "error",
                    f"{slot}: {int(names.duplicated().sum())} repeated, for instance {example}",
                    f"adata.{slot}_make_unique()",
                )
            )
    return findings


def _counts(adata: AnnData, layer: str | None, facts: list[str]) -> list[Finding]:
    if layer is not None and layer != "X" and layer not in adata.layers:
        return [
            Finding("error", f"layer {layer!r} is missing; there are {sorted(map(str, adata.layers))}", "--layer NAME")
        ]
    named = None if layer == "X" else layer
    if layer is None and _keys.COUNTS in adata.layers:
        named = _keys.COUNTS
    if named is None and adata.X is None:
        return [Finding("error", "there is no matrix of counts", "--layer NAME")]
    try:
        report = pp.check_counts(adata, layer=named)
    except (TypeError, ValueError) as error:
        return [Finding("error", str(error), "--layer NAME")]
    if not report.is_counts:
        others = [str(n) for n in adata.layers if _holds_counts(adata, str(n))]
        cell, gene, value = report.first_bad or ("", "", float("nan"))
        return [
            Finding(
                "error",
                f"{report.where} holds no counts: {report.n_fractional:,} fractional, {report.n_negative:,} negative, "
                f"{report.n_not_finite:,} non-finite values, first {value:g} of {gene!r} in {cell!r}",
                f"--layer {others[0]}" if others else "use a file with raw counts",
            )
        ]
    facts.append(f"counts: {report.where}, median total {report.median_total:,.0f} a cell")
    findings = []
    if report.n_empty_cells:
        fix = "--drop-empty, or scanpy.pp.filter_cells(adata, min_counts=1)"
        findings.append(Finding("error", f"{report.n_empty_cells:,} cells have no counts", fix))
    if report.n_empty_genes:
        facts.append(f"{report.n_empty_genes:,} genes have no counts and will not be selected")
    if report.median_total < MIN_MEDIAN_TOTAL:
        findings.append(Finding("warning", f"the median cell has {report.median_total:,.0f} counts, which are few"))
    return findings


def _holds_counts(adata: AnnData, layer: str) -> bool:
    try:
        return pp.check_counts(adata, layer=layer).is_counts
    except (TypeError, ValueError):
        return False


def _regulators(adata: AnnData, facts: list[str]) -> list[Finding]:
    if not adata.var_names.is_unique:
        return []
    try:
        found = pp.find_regulators(adata)
    except (ValueError, OSError) as error:
        return [Finding("error", f"no regulators: {error}", "--regulators FILE")]
    facts.append(f"regulators: {len(found):,}, for instance {', '.join(found[:5])}")
    return []


def _directions(adata: AnnData, facts: list[str]) -> list[Finding]:
    found = offers(adata)
    for direction in found:
        details = "; ".join(filter(None, (f"grade {direction.grade}", option(direction))))
        facts.append(f"direction: {describe(direction)} ({details})")
    missing = [
        f"obs[{name!r}]: {int(np.count_nonzero(pd.isna(adata.obs[name])))} cells without a value"
        for name in adata.obs.columns
        if isinstance(adata.obs[name].dtype, pd.CategoricalDtype) and adata.obs[name].isna().any()
    ]
    findings = [Finding("warning", text, "fill it in, or do not name that column") for text in missing]
    if not found:
        message = "nothing gives the direction of development; a run needs one of the options"
        findings.append(Finding("warning", message, options_in_words()))
    return findings

"""Which matrix of a data set holds raw counts, and what the others hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from anndata import AnnData

from landscape import _counts, _keys
from landscape._anndata import count_matrix
from landscape.pp._counts import CountReport, check_counts
from landscape.pp.features import is_gene
from landscape.pp.finding import Finding, caught, refusal

#: Layers whose integers are a part of the counts, or no counts of RNA, which nobody should be advised to take for all of them.
PARTS = (_keys.UNSPLICED, "ambiguous", "spanning", "nascent", "intronic", "introns", "new", "labeled", "mask")
#: Below, in the median cell, results are hardly determined.
MIN_MEDIAN_TOTAL = 500


class Counts(NamedTuple):
    """Where the counts are: ``layer``, ``None`` for the main matrix; ``report`` is ``None`` where there are none that can be used."""

    layer: str | None
    report: CountReport | None
    findings: list[Finding]


def find_counts(adata: AnnData, layer: str | None, *, drop_empty: bool = False) -> Counts:
    """Matrix of counts of a run: the named one, else ``layers["counts"]``, else the main one; with what is wrong with it."""
    layer = usual_layer(adata) if layer is None else layer
    named = None if layer == _keys.MAIN else layer
    if named is None and adata.X is None:
        return Counts(
            named, None, [_elsewhere(adata, named, "Expected a matrix of counts, found that `adata.X` is empty")]
        )
    try:
        report = check_counts(adata, layer=named)
    except (KeyError, TypeError, ValueError) as error:
        return Counts(named, None, [refusal(error, option="--layer NAME")])
    counts = count_matrix(adata, named, check=False)
    names = {"where": report.where, "cells": adata.obs_names, "genes": adata.var_names}
    if found := caught(_counts.require_counts, counts, **names):
        return Counts(named, None, [_elsewhere(adata, named, found[0].message, error=found[0].error)])
    findings = []
    genes = is_gene(adata)
    empty = report.n_empty_cells if genes.all() else int((np.asarray(counts[:, genes].sum(1)).ravel() == 0).sum())
    if empty and not drop_empty:
        message = f"Expected counts in every cell, found {empty:,} of {adata.n_obs:,} cells that have no counts in `{report.where}`"
        findings.append(Finding("error", message, "scanpy.pp.filter_cells(adata, min_counts=1)", "--drop-empty"))
    if empty < adata.n_obs and report.median_total < MIN_MEDIAN_TOTAL:
        findings.append(Finding("warning", f"the median cell has {report.median_total:,.0f} counts, which are few"))
    if named is not None and named.lower() in PARTS:
        findings.append(
            Finding("warning", f"`{report.where}` holds a part of the counts by its name; results describe that part")
        )
    if report.largest <= 1:
        findings.append(
            Finding("warning", f"`{report.where}` holds zeros and ones only: counts that were made binary tell less")
        )
    return Counts(named, report, findings)


def usual_layer(adata: AnnData) -> str:
    """Where counts are unless another layer is named: ``layers["counts"]`` where it exists, else ``"X"``."""
    return _keys.COUNTS if _keys.COUNTS in adata.layers else _keys.MAIN


def constant_genes(adata: AnnData, layer: str | None, genes: Sequence[str]) -> list[str]:
    """Those of the genes that have the same count in all cells."""
    counts = count_matrix(adata, layer, check=False)[:, adata.var_names.get_indexer(list(genes))]
    spread = (counts.max(0).toarray() - counts.min(0).toarray()).ravel()
    return [gene for gene, range_ in zip(genes, spread, strict=True) if range_ == 0]


def raw_counts(adata: AnnData) -> bool:
    """Whether ``adata.raw`` holds counts."""
    if adata.raw is None:
        return False
    try:
        counts = _counts.canonical(adata.raw.X, where="adata.raw.X")
    except (TypeError, ValueError):
        return False
    return counts.dtype != bool and not _counts.bad_values(counts.data).any() and bool(counts.nnz)


def holds_counts(adata: AnnData, layer: str | None) -> bool:
    """Whether a matrix holds counts that a run may take for all counts."""
    try:
        report = check_counts(adata, layer=layer)
    except (TypeError, ValueError):
        return False
    return report.is_counts and report.largest > 1


def _elsewhere(adata: AnnData, named: str | None, message: str, *, error: type[Exception] = ValueError) -> Finding:
    """The refusal of a matrix, with the call and option that take the counts from elsewhere, if they are anywhere."""
    message = message.removesuffix(" Pass `layer=` with the raw counts.").removesuffix(".")
    for other in (None, *map(str, adata.layers)):
        if other != named and (other or "").lower() not in PARTS and holds_counts(adata, other):
            name = _keys.MAIN if other is None else other
            return Finding("error", message, f"layer={name!r}", f"--layer {name}", error)
    if raw_counts(adata):
        return Finding("error", message, "adata = adata.raw.to_adata()", error=error)
    return Finding("error", f"{message}. No other matrix of the data holds counts", error=error)

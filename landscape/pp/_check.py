"""What a data set offers to a run, and what is wrong with it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd
from anndata import AnnData

from landscape import _keys
from landscape._anndata import require_adata
from landscape._directions import parts_of
from landscape.directions import Combination, Direction
from landscape.pp._columns import columns_of
from landscape.pp._counts import CountReport, check_counts
from landscape.pp._names import species_in
from landscape.pp.finding import Finding
from landscape.pp.inspection import Inspection, Request, inspect

_MATRIX_COLUMNS = ["is_counts", "median_total", "largest", "n_empty_cells", "n_empty_genes", "n_bad"]
_PROBLEM_COLUMNS = ["level", "problem", "fix"]


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
        Layer with unspliced counts that give a direction, ``"none"`` without.
    species
        ``"mouse"``, ``"human"`` or ``"unknown"``, from the gene names.
    n_regulators
        Number of regulators among the genes; -1 where a run would refuse them.
    facts
        What is there, in words: counts, regulators, times as they are understood, features that are left out.
    directions
        Directions that the data offer by themselves, the most informative first, each with its call.
    matrices
        Row per matrix: ``is_counts``, ``median_total``, ``largest``, ``n_empty_cells``, ``n_empty_genes``, ``n_bad``.
    columns
        Row per column of ``obs`` that may be used: ``role`` (time, pseudotime, batch, labels), ``n_values``,
        ``n_missing``, ``examples``.
    embeddings
        Keys of ``obsm``.
    problems
        Row per problem: ``level`` (``"error"`` stops a run, ``"warning"`` weakens its results), ``problem``, and ``fix``, the call that fixes
        it, where the problem does not say it.
    """

    n_cells: int
    n_genes: int
    counts_layer: str
    unspliced_layer: str
    species: str
    n_regulators: int
    facts: tuple[str, ...]
    directions: tuple[str, ...]
    matrices: pd.DataFrame
    columns: pd.DataFrame
    embeddings: tuple[str, ...]
    problems: pd.DataFrame

    @property
    def is_ready(self) -> bool:
        """Whether a run would start: there are no errors."""
        return not (self.problems["level"] == "error").any()

    def __repr__(self) -> str:
        """Findings, one line for each kind."""
        known = f"{self.n_regulators} regulators" if self.n_regulators >= 0 else "no regulators"
        lines = [
            f"{self.n_cells:,} cells x {self.n_genes:,} genes, {self.species}, {known}",
            f"counts: {self.counts_layer}; unspliced counts: {self.unspliced_layer}",
        ]
        for role, part in self.columns.groupby("role", sort=False):
            lines.append(f"columns for {role}: {', '.join(map(str, part.index))}")
        lines.append(f"directions: {', '.join(self.directions) or 'none found'}")
        lines.append(f"embeddings: {', '.join(self.embeddings) or 'none'}")
        for row in self.problems.itertuples(index=False):
            mark = "problem" if row.level == "error" else "warning"
            lines.append(f"{mark}: {'; '.join(filter(None, (row.problem, row.fix)))}")
        if self.is_ready:
            lines.append("ready for a run; tables: .matrices, .columns")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; numbers that are not finite are ``None``."""
        rows = self.matrices.reset_index().to_dict("records")
        tables = {
            "matrices": [{key: _finite_or_none(value) for key, value in row.items()} for row in rows],
            "columns": self.columns.reset_index().to_dict("records"),
            "problems": self.problems.to_dict("records"),
        }
        return {**{k: v for k, v in asdict(self).items() if k not in tables}, **tables, "is_ready": self.is_ready}


def _finite_or_none(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def check(
    adata: AnnData,
    *,
    direction: Direction | Combination | None = None,
    layer: str | None = None,
    batch_key: str | None = None,
    regulators: Sequence[str] | str | None = None,
    label_key: str | None = None,
) -> Findings:
    """List what a data set offers to :func:`landscape.run`, its problems, and the call that fixes each.

    It is the inspection that a run begins with: what is ready here runs with the same arguments, and what is not is refused before anything
    is computed. Every stored value of every layer is checked. Nothing is changed, and bad data raise no error.

    Parameters
    ----------
    adata
        Annotated data.
    direction, layer, batch_key, regulators, label_key
        As for :func:`landscape.run`.

    Returns
    -------
    The findings.

    Raises
    ------
    TypeError
        If ``adata`` is no AnnData object, or ``direction`` no direction.
    ValueError
        If it is backed by a file.
    """
    require_adata(adata)
    found = inspect(adata, Request(layer, batch_key, label_key, regulators, parts_of(direction)))
    findings = list(found.findings)
    reports = _scan(adata, found, findings)
    return Findings(
        n_cells=adata.n_obs,
        n_genes=adata.n_vars,
        counts_layer=(_keys.MAIN if found.layer is None else found.layer) if found.report else "none",
        unspliced_layer=next((d.key for d in found.offered if d.source == "unspliced"), "none"),
        species=species_in(adata),
        n_regulators=len(found.regulators) or -1,
        facts=found.facts,
        directions=tuple(f"from_{d.source}({d.key!r})" for d in found.offered),
        matrices=_table(reports),
        columns=columns_of(adata),
        embeddings=tuple(map(str, adata.obsm)),
        problems=pd.DataFrame([(f.level, f.message, f.fix) for f in findings], columns=_PROBLEM_COLUMNS),
    )


def _scan(adata: AnnData, found: Inspection, findings: list[Finding]) -> dict[str, CountReport]:
    """Report on every matrix; what cannot be read is a warning, unless the inspection refused it already."""
    reports = {}
    for layer in [None, *adata.layers]:
        if layer is None and adata.X is None:
            continue
        name = _keys.MAIN if layer is None else str(layer)
        if found.report is not None and layer == found.layer:
            reports[name] = found.report
            continue
        try:
            reports[name] = check_counts(adata, layer=layer)
        except TypeError as error:
            if not any(finding.message == str(error) for finding in findings):
                findings.append(
                    Finding("warning", str(error), "adata = adata.to_memory(), with numbers in every layer")
                )
    return reports


def _table(reports: dict[str, CountReport]) -> pd.DataFrame:
    rows = [
        (
            name,
            r.is_counts,
            r.median_total,
            r.largest,
            r.n_empty_cells,
            r.n_empty_genes,
            r.n_not_finite + r.n_negative + r.n_fractional,
        )
        for name, r in reports.items()
    ]
    return pd.DataFrame(rows, columns=["matrix", *_MATRIX_COLUMNS]).set_index("matrix")

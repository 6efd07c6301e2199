"""One inspection of a data set, before anything is computed: by ``ls.pp.check``, ``ls.run`` and both commands of the command line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from anndata import AnnData

from landscape import _keys
from landscape._anndata import require_adata
from landscape._directions import offers, require_direction
from landscape.directions import SOURCES, Direction
from landscape.network.data.expression import MIN_CELLS
from landscape.pp._columns import judge_batch, judge_clocks, judge_labels, judge_missing, judge_unasked
from landscape.pp._counts import CountReport
from landscape.pp._names import judge_names, judge_regulators
from landscape.pp.features import other_features
from landscape.pp.finding import Finding, caught
from landscape.pp.matrices import Counts, constant_genes, find_counts

# A column with more values is no group of cells to start from.
_MAX_GROUPS = 50


@dataclass(frozen=True, slots=True)
class Request:
    """What a run is asked for; ``None`` and an empty ``directions`` leave the choice to the data."""

    layer: str | None = None
    batch_key: str | None = None
    label_key: str | None = None
    regulators: Sequence[str] | str | None = None
    directions: tuple[Direction, ...] = ()
    drop_empty: bool = False


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found.

    Attributes
    ----------
    layer
        Layer with the counts, ``None`` for the main matrix.
    report
        Report on these counts, ``None`` where there are none that can be used.
    label_key
        Column of labels, ``None`` without any.
    directions
        Directions of a run: those asked for, or the best that the data offer; empty if there is none.
    offered
        All directions that the data offer.
    regulators
        Names of the regulators.
    facts
        What is there, in words.
    findings
        What stops a run or weakens it; errors in the order in which they are best mended.
    """

    layer: str | None
    report: CountReport | None
    label_key: str | None
    directions: tuple[Direction, ...]
    offered: tuple[Direction, ...]
    regulators: tuple[str, ...]
    facts: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        """Findings that stop a run."""
        return tuple(finding for finding in self.findings if finding.level == "error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """Findings that weaken its results."""
        return tuple(finding for finding in self.findings if finding.level == "warning")


def inspect(adata: AnnData, request: Request) -> Inspection:
    """Check everything that a run will read; nothing is changed, and bad data raise no error.

    Raises
    ------
    TypeError, ValueError
        If ``adata`` is no AnnData object in memory.
    """
    require_adata(adata)
    if min(adata.shape) == 0:
        empty = Finding(
            "error",
            f"Expected cells and genes, found {adata.n_obs} cells and {adata.n_vars} genes; check the file and earlier filters",
        )
        return Inspection(request.layer, None, request.label_key, request.directions, (), (), (), (empty,))
    if not adata.obs.columns.is_unique:
        twice = list(map(str, adata.obs.columns[adata.obs.columns.duplicated()].unique()[:3]))
        message = f"Expected distinct columns in `adata.obs`, found {twice} more than once"
        mend = Finding("error", message, "adata.obs = adata.obs.loc[:, ~adata.obs.columns.duplicated()]")
        return Inspection(request.layer, None, request.label_key, request.directions, (), (), (), (mend,))
    facts: list[str] = []
    findings = judge_names(adata)
    if adata.n_obs < MIN_CELLS:
        findings.append(
            Finding("error", f"Expected at least {MIN_CELLS} cells, found {adata.n_obs}; too few to infer from")
        )
    counts = find_counts(adata, request.layer, drop_empty=request.drop_empty)
    facts += _facts_of_counts(adata, counts)
    findings += counts.findings
    found: list[str] = []
    if adata.var_names.is_unique:
        found, of_regulators = judge_regulators(
            adata, request.regulators, counts.layer, counted=counts.report is not None
        )
        findings += of_regulators
        if found:
            facts.append(f"regulators: {len(found):,}, for instance {', '.join(found[:5])}")
    label_key = request.label_key
    if label_key is None and _keys.LABEL in adata.obs and adata.obs[_keys.LABEL].notna().any():
        label_key = _keys.LABEL
    findings += [*judge_batch(adata, request.batch_key), *judge_labels(adata, label_key)]
    offered = tuple(offers(adata))
    directions = request.directions or offered[:1]
    unasked = judge_unasked(adata, directions, offered)
    refused = _refused(adata, request, counts) if directions else [_nothing_found(adata, unasked)]
    findings += [*refused, *unasked]
    if not any(finding.level == "error" for finding in refused):
        clocks, doubts = judge_clocks(adata, directions, request.batch_key)
        facts += clocks
        findings += doubts
    findings += judge_missing(adata, {request.batch_key, *(direction.key for direction in directions)})
    return Inspection(
        counts.layer, counts.report, label_key, directions, offered, tuple(found), tuple(facts), tuple(findings)
    )


def _nothing_found(adata: AnnData, unasked: list[Finding]) -> Finding:
    """The refusal of data in which nothing gives a direction, with what there is and why it does not."""
    doubts = "".join(f" {finding.message}." for finding in unasked)
    groups = [str(c) for c in adata.obs.columns if 2 <= adata.obs[c].astype(str).nunique() <= _MAX_GROUPS]
    example = f"for instance `--root {groups[0]}={adata.obs[groups[0]].dropna().iloc[0]}`, " if groups else ""
    sought = ", ".join(source.sought for source in SOURCES.values() if source.sought)
    options = ", ".join(
        " ".join(filter(None, (o.flag, o.metavar))) for source in SOURCES.values() for o in source.options
    )
    message = (
        f"Nothing in the data gives the direction of development, and counts alone cannot. Looked for {sought}. The data "
        f"offer: obs {sorted(map(str, adata.obs.columns))}, layers {sorted(map(str, adata.layers.keys()))}.{doubts} Name one with "
        f"{options} ({example}in Python `direction=ls.dynamics.from_root(...)`)"
    )
    return Finding("error", message)


def _facts_of_counts(adata: AnnData, counts: Counts) -> list[str]:
    facts = []
    if (report := counts.report) is not None:
        facts.append(f"counts: {report.where}, median total {report.median_total:,.0f} a cell")
        if report.n_empty_genes:
            facts.append(f"{report.n_empty_genes:,} genes have no counts and will not be selected")
    if kinds := other_features(adata):
        facts.append(f"left out: {', '.join(f'{n:,} {kind}' for kind, n in kinds.items())}, which are no genes")
    return facts


def _refused(adata: AnnData, request: Request, counts: Counts) -> list[Finding]:
    """What is wrong with the directions that are asked for."""
    refused = [finding for direction in request.directions for finding in caught(require_direction, adata, direction)]
    if not refused and counts.report is not None:
        refused = [
            f for direction in request.directions for f in caught(_require_markers, adata, direction, counts.layer)
        ]
    return refused


def _require_markers(adata: AnnData, direction: Direction, layer: str | None) -> None:
    """Refuse genes of the root whose counts are the same in all cells."""
    if direction.genes and (constant := constant_genes(adata, layer, direction.genes)):
        msg = f"Expected root genes that vary, found {constant} with the same count in all cells; name genes that are high at the start."
        raise ValueError(msg)

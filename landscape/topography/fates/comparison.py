"""Comparison of two estimates of the fates of cells, by cell and by fate."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from landscape.topography.fates.agreement import FALSE_ALARMS, Agreement, agreement, wilson
from landscape.topography.fates.estimate import FateEstimate

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class FateComparison:
    """Estimate of fates with its agreement with the reference.

    Attributes
    ----------
    estimate
        The estimate that was compared.
    agreement
        Agreement with the reference in ``estimate.cells``.
    record
        Entries of the stored result: mean ``disagreement``, ``share_differs`` with its interval, ``n_compared``, the record
        of the estimate, and ``by_fate``.
    """

    estimate: FateEstimate
    agreement: Agreement
    record: dict[str, Any]


def compare_fates(estimate: FateEstimate, reference: FateEstimate, *, tolerance: float) -> FateComparison:
    """Compare an estimate with the reference in the cells of the estimate, and log the share that differs.

    Parameters
    ----------
    estimate
        Probabilities with their error.
    reference
        Reference probabilities, without error.
    tolerance
        Total variation that counts as agreement, from 0 to below 1.

    Returns
    -------
    The estimate, its agreement and the entries of the stored result.

    Raises
    ------
    ValueError
        If the tolerance is out of its range.
    """
    wanted = reference.table.iloc[estimate.cells].reindex(columns=estimate.share.columns, fill_value=0.0)
    verdict = agreement(estimate.share, wanted, estimate.error, tolerance=tolerance)
    by_fate = agreement_by_fate(wanted.idxmax(axis=1), verdict, estimate.kept)
    record = {
        "disagreement": float(np.nanmean(verdict.distance)),
        "share_differs": verdict.share,
        "share_low": verdict.low,
        "share_high": verdict.high,
        "n_compared": len(estimate.cells),
        **estimate.record,
        "by_fate": by_fate,
    }
    log_agreement(verdict, by_fate)
    return FateComparison(estimate, verdict, record)


def agreement_by_fate(fate: pd.Series, verdict: Agreement, kept: pd.Series) -> pd.DataFrame:
    """Share of cells that differ and share of paths that stay, by the most probable fate in the reference.

    Parameters
    ----------
    fate
        Most probable fate of each cell in the reference, shape ``(m,)``.
    verdict
        Agreement of the cells, shape ``(m,)``.
    kept
        Share of the paths from each fate that stay there, by fate.

    Returns
    -------
    Table with one row per fate: ``n_cells``, ``disagreement``, ``share_differs``, ``share_low``, ``share_high``, ``kept``.
    """
    rows = {}
    for name, place in pd.Series(np.arange(len(fate)), index=fate.to_numpy()).groupby(level=0, sort=False):
        differs = verdict.differs[place.to_numpy()]
        low, high = wilson(int(differs.sum()), len(differs))
        rows[str(name)] = {
            "n_cells": len(differs),
            "disagreement": float(np.mean(verdict.distance[place.to_numpy()])),
            "share_differs": float(differs.mean()),
            "share_low": low,
            "share_high": high,
            "kept": float(kept.get(name, np.nan)),
        }
    table = pd.DataFrame.from_dict(rows, orient="index").sort_values("n_cells", ascending=False, kind="stable")
    return table.rename_axis("fate")


def log_agreement(verdict: Agreement, by_fate: pd.DataFrame) -> None:
    """Log the share of cells on which two estimates differ, and the fates; a warning if it exceeds what chance allows."""
    worst = by_fate[by_fate["share_differs"] > 0].sort_values("share_differs", ascending=False)
    where = ", ".join(f"{name} {row.share_differs:.2f} of {row.n_cells:.0f}" for name, row in worst.head(3).iterrows())
    text = "model and chain differ on the fate of %.2f of cells (%.2f to %.2f)%s"
    ratio = (verdict.share, verdict.low, verdict.high, f", by the chain's fate: {where}" if where else "")
    log = logger.warning if verdict.low > FALSE_ALARMS else logger.info
    log(text, *ratio)

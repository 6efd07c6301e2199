"""Tables of guy ropes: genes x barriers with intervals, participation, edges, and critical strengths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from landscape._keys import storable
from landscape.dynamics import GeneModel
from landscape.dynamics.ensemble import interval
from landscape.topography.large_deviations.barrier_intervals import MIN_REPLICATES
from landscape.topography.large_deviations.critical_strength import critical_strengths
from landscape.topography.large_deviations.guy_ropes import GuyRopes
from landscape.topography.large_deviations.named_paths import NamedPath

# A valley that vanishes where a gene's ropes change by less than this share is about to vanish.
CLOSE = 0.2
_EDGES = ["barrier", "source", "target", "weight", "tension", "low", "high"]
_CRITICAL = ["attractor", "gene", "way", "strength", "kind"]


def barrier_name(path: NamedPath) -> str:
    """Name of a barrier; file formats take a slash for a folder."""
    return storable(f"{path.start} to {path.end}")


def participation(tensions: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    r"""Participation ratio :math:`(\sum t^2)^2 / \sum t^4` along an axis: how many entries carry the sum of squares.

    It is 1 where one entry does, and the number of entries where all are equal in size; 0 where all are zero.
    """
    largest = np.abs(tensions).max(axis=axis, keepdims=True, initial=0.0)
    square = (tensions / np.where(largest > 0, largest, 1.0)) ** 2
    fourth = (square**2).sum(axis)
    return np.divide(square.sum(axis) ** 2, fourth, out=np.zeros_like(fourth), where=fourth > 0)


def rope_tables(found: GuyRopes, model: GeneModel, kinds: Sequence[str]) -> dict[str, Any]:
    """Tables of the tensions of a model, as :func:`landscape.tl.guy_ropes` writes and describes them.

    Parameters
    ----------
    found
        Tensions of the paths and of their replicates.
    model
        The model.
    kinds
        What is made stronger, out of ``"strength"``, ``"production"``, ``"turnover"``.
    """
    genes, names = list(model.regulators), [barrier_name(path) for path in found.paths]
    tables: dict[str, Any] = {}
    for kind in kinds:
        values = np.array([getattr(each, kind) for each in found.tensions]).T
        ends = [
            _ends([each.by_kind[kind] for each in ones if each is not None], len(genes)) for ones in found.replicates
        ]
        low, high = (np.array([pair[side] for pair in ends]).T for side in (0, 1))
        for suffix, part in (("", values), ("_low", low), ("_high", high)):
            tables[f"{kind}{suffix}"] = pd.DataFrame(part, index=genes, columns=names)
    tables["place"] = pd.DataFrame(_places(found), index=genes, columns=names)
    tables["barriers"] = _barriers(found, names)
    tables["genes"] = _genes(found, genes)
    tables["edges"] = _edges(found, model, names)
    return tables


def critical_table(found: GuyRopes, model: GeneModel, states: pd.DataFrame, n_genes: int) -> pd.DataFrame:
    """Critical strengths of the genes that hold each valley most firmly, over all barriers that lead out of it.

    Parameters
    ----------
    found
        Tensions.
    model
        The model.
    states
        Attractors x regulators.
    n_genes
        Number of genes for each valley.
    """
    rows = []
    starts = list(dict.fromkeys(path.start for path in found.paths)) if n_genes else []
    for start in starts:
        ours = [each for path, each in zip(found.paths, found.tensions, strict=True) if path.start == start]
        total = np.abs([each.strength for each in ours]).max(0)
        for gene in np.argsort(-total, kind="stable")[:n_genes]:
            if total[gene] == 0:
                continue
            for way in critical_strengths(model.drift, states.loc[start].to_numpy(dtype=float), int(gene)):
                rows.append([start, model.regulators[gene], way.way, way.strength, way.kind])
    table = pd.DataFrame(rows, columns=_CRITICAL).astype({"strength": float})
    return table.set_index(table.index.astype(str))


def about_to_vanish(critical: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of :func:`critical_table` whose valley vanishes close to the present strength of a gene's ropes."""
    return critical[np.abs(critical["strength"] - 1) < CLOSE].to_dict("records")


def _ends(values: Sequence[NDArray[np.float64]], size: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if len(values) < MIN_REPLICATES:
        return np.full(size, np.nan), np.full(size, np.nan)
    return interval(values)


def _places(found: GuyRopes) -> NDArray[np.float64]:
    """Share of the length of the way up at which each gene pulls hardest in the direction of its whole tension."""
    columns = []
    for path, each in zip(found.paths, found.tensions, strict=True):
        length = np.linalg.norm(np.diff(path.climb, axis=0), axis=1)
        middle = (np.cumsum(length) - length / 2) / length.sum()
        per_length = each.strength_along / np.maximum(length, np.finfo(float).tiny)[:, None]
        hardest = (per_length * np.sign(each.strength)).argmax(0)
        columns.append(np.where(each.strength != 0, middle[hardest], np.nan))
    return np.array(columns).T


def _barriers(found: GuyRopes, names: list[str]) -> pd.DataFrame:
    rows = []
    for path, each, error, ones in zip(found.paths, found.tensions, found.spacing_error, found.replicates, strict=True):
        kept = [one.by_kind["strength"] for one in ones if one is not None]
        spread = [participation(one, 0)[None] for one in kept]
        low, high = _ends(spread, 1)
        rows.append(
            {
                "from": path.start,
                "to": path.end,
                "saddle": path.saddle,
                "action": each.action,
                "polygenicity": float(participation(each.strength, 0)),
                "polygenicity_low": float(low[0]),
                "polygenicity_high": float(high[0]),
                "n_replicates": len(kept),
                "n_asked": len(ones),
                "spacing_error": error,
                "converged": path.converged,
            }
        )
    return pd.DataFrame(rows, index=names)


def _genes(found: GuyRopes, genes: list[str]) -> pd.DataFrame:
    """Pleiotropy of each gene; its interval is over the replicates that have every barrier."""
    values = np.array([each.strength for each in found.tensions])
    n_replicates = len(found.replicates[0])
    known = [
        [one.by_kind["strength"] for ones in found.replicates if (one := ones[k]) is not None]
        for k in range(n_replicates)
    ]
    complete = [np.array(each) for each in known if len(each) == len(values)]
    low, high = _ends([participation(each, 0) for each in complete], len(genes))
    return pd.DataFrame(
        {
            "pleiotropy": participation(values, 0),
            "pleiotropy_low": low,
            "pleiotropy_high": high,
            "largest": np.abs(values).max(0),
        },
        index=genes,
    )


def _edges(found: GuyRopes, model: GeneModel, names: list[str]) -> pd.DataFrame:
    genes, weights = np.array(model.regulators, dtype=object), model.drift.weights.numpy()
    parts = []
    for name, each, kept, ones in zip(names, found.tensions, found.edges, found.replicates, strict=True):
        target, source = kept.T
        low, high = _ends([one.edges for one in ones if one is not None], len(kept))
        parts.append(
            pd.DataFrame(
                {
                    "barrier": name,
                    "source": genes[source],
                    "target": genes[target],
                    "weight": weights[target, source],
                    "tension": each.edges[target, source],
                    "low": low,
                    "high": high,
                },
                columns=_EDGES,
            )
        )
    table = pd.concat(parts, ignore_index=True)
    return table.set_index(table.index.astype(str))

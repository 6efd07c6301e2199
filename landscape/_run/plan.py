"""From the settings to a plan: every choice is made before the first long computation."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData

from landscape import _keys, pp
from landscape._anndata import require_adata
from landscape._run.direction import choose
from landscape._run.settings import Settings
from landscape.directions import Combination, Direction

logger = logging.getLogger(__name__)

LABEL = _keys.LABEL
_DEFAULT: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Plan:
    """Choices of a run; ``layer=None`` is the main matrix.

    ``directions`` are the sources that are used together.
    """

    layer: str | None
    batch_key: str | None
    label_key: str | None
    directions: tuple[Direction, ...]
    regulators: tuple[str, ...] | str | None
    n_top_genes: int
    max_epochs: int | None
    seed: int
    stages: Mapping[str, Mapping[str, Any]]
    n_regulators: int | None = None

    def options(self, stage: str) -> dict[str, Any]:
        """Further keywords of a stage's function."""
        return dict(self.stages.get(stage, _DEFAULT))


def settle(adata: AnnData, settings: Settings, *, direction: Direction | Combination | None = None) -> Plan:
    """Check a data set against the settings, and make the choices that they leave open.

    Raises
    ------
    KeyError
        If a named column or layer is missing.
    ValueError
        If the data cannot be used: no counts, repeated names, empty cells, no direction.
    """
    require_adata(adata)
    if direction is not None and not isinstance(direction, Direction | Combination):
        msg = f"Expected `direction` such as `landscape.dynamics.from_time('day')`, found {type(direction).__name__}."
        raise TypeError(msg)
    for slot, names in (("obs_names", adata.obs_names), ("var_names", adata.var_names)):
        if not names.is_unique:
            repeated = list(names[names.duplicated()].unique()[:3])
            msg = f"Expected unique `adata.{slot}`, found repeated ones, for instance {repeated}; run `adata.{slot}_make_unique()`."
            raise ValueError(msg)
    layer = _layer(adata, settings.layer)
    report = pp.check_counts(adata, layer=layer)
    if not report.is_counts:
        cell, gene, value = report.first_bad or ("", "", float("nan"))
        msg = (
            f"Expected raw counts in {report.where}, found {report.n_fractional} fractional, {report.n_negative} negative "
            f"and {report.n_not_finite} non-finite values, first {value:g} of gene {gene!r} in cell {cell!r}; name the "
            f"layer with raw counts (`layer=`, `--layer`). Present: {sorted(map(str, adata.layers.keys()))}."
        )
        raise ValueError(msg)
    if report.n_empty_cells:
        msg = (
            f"{report.n_empty_cells} of {report.n_cells} cells have no counts; drop them (`--drop-empty`, or in Python "
            "`scanpy.pp.filter_cells(adata, min_counts=1)`)."
        )
        raise ValueError(msg)
    _require_complete(adata, settings.batch_key, "batch_key")
    label_key = settings.label_key
    if label_key is None and LABEL in adata.obs:
        label_key = LABEL
        logger.info("labels: obs[%r], found in the data", LABEL)
    elif label_key is not None and label_key not in adata.obs:
        msg = f"`adata.obs[{label_key!r}]` is missing (`label_key`). Present: {sorted(map(str, adata.obs.columns))}."
        raise KeyError(msg)
    return Plan(
        layer=layer,
        batch_key=settings.batch_key,
        label_key=label_key,
        directions=choose(adata, settings) if direction is None else direction.parts,
        regulators=settings.regulators,
        n_top_genes=settings.n_top_genes,
        max_epochs=settings.max_epochs,
        seed=settings.seed,
        stages=settings.stages,
        n_regulators=settings.n_regulators,
    )


def without_empty_cells(adata: AnnData, layer: str | None) -> AnnData:
    """Cells that have counts; the same object if all have."""
    layer = _layer(adata, layer)
    if not pp.check_counts(adata, layer=layer).n_empty_cells:
        return adata
    matrix = adata.X if layer is None else adata.layers[layer]
    filled = np.asarray(matrix.sum(1)).ravel() > 0
    logger.warning("dropped %d of %d cells, which have no counts", np.count_nonzero(~filled), adata.n_obs)
    return adata[filled].copy()


def _layer(adata: AnnData, layer: str | None) -> str | None:
    if layer == "X":
        return None
    if layer is not None:
        if layer not in adata.layers:
            present = sorted(map(str, adata.layers.keys()))
            msg = f"`adata.layers[{layer!r}]` is missing; pass the layer with the raw counts, or X. Present: {present}."
            raise KeyError(msg)
        return layer
    if _keys.COUNTS in adata.layers:
        return _keys.COUNTS
    if adata.X is not None and pp.check_counts(adata, layer=None).is_counts:
        logger.info("counts: adata.X, found in the data")
        return None
    msg = (
        f"No raw counts found: there is no layer {_keys.COUNTS!r} and `adata.X` does not hold counts; name the layer "
        f"(`--layer`). Present: {sorted(map(str, adata.layers.keys()))}."
    )
    raise ValueError(msg)


def _require_complete(adata: AnnData, key: str | None, name: str) -> None:
    if key is None:
        return
    if key not in adata.obs:
        msg = f"`adata.obs[{key!r}]` is missing (`{name}`). Present: {sorted(map(str, adata.obs.columns))}."
        raise KeyError(msg)
    if n_missing := int(pd.isna(adata.obs[key]).sum()):
        msg = f"{n_missing} of {adata.n_obs} cells have no value in `adata.obs[{key!r}]`; fill it in or drop them."
        raise ValueError(msg)

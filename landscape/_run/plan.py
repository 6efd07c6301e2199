"""From the settings to a plan: every choice is made before the first long computation."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from anndata import AnnData
from scipy import sparse

from landscape import _keys
from landscape._anndata import count_matrix
from landscape._counts import bad_values, rounded, what_they_look_like
from landscape._run.direction import describe
from landscape._run.inspection import inspect_cells
from landscape._run.settings import Settings
from landscape.directions import Combination, Direction
from landscape.pp.features import is_gene
from landscape.pp.inspection import Inspection
from landscape.pp.matrices import holds_counts, raw_counts, usual_layer

logger = logging.getLogger(__name__)

_DEFAULT: Mapping[str, Any] = {}
# Latent models by default, up to a number of cells. Two disjoint sets of ten seeds have the same ends of blood and their fates
# differ by a total variation of .05, sets of five of .10 and single models of .17; the time of training is that of so many models.
LATENT_MODELS = ((20_000, 10), (100_000, 5))
FEWEST_LATENT_MODELS = 3


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
    n_latent_models: int = 1
    n_models: int = 1

    @property
    def root_genes(self) -> tuple[str, ...]:
        """Genes that the directions name, which are kept."""
        return tuple(dict.fromkeys(gene for direction in self.directions for gene in direction.genes))

    def options(self, stage: str) -> dict[str, Any]:
        """Further keywords of a stage's function."""
        return dict(self.stages.get(stage, _DEFAULT))


def settle(adata: AnnData, settings: Settings, *, direction: Direction | Combination | None = None) -> Plan:
    """Inspect a data set under the settings, refuse what cannot run, and make the choices that the settings leave open.

    What weakens results is logged as a warning, and so are the choices.

    Raises
    ------
    KeyError, TypeError, ValueError
        For the first error of the inspection (:func:`landscape._run.inspection.inspect_cells`).
    """
    found = inspect_cells(adata, settings, direction=direction)
    if found.errors:
        raise found.errors[0].exception()
    for finding in found.warnings:
        logger.warning("%s", str(finding).removesuffix("."))
    if settings.layer is None and found.layer is None:
        logger.info("counts: adata.X, found in the data")
    if settings.label_key is None and found.label_key is not None:
        logger.info("labels: obs[%r], found in the data", found.label_key)
    _say_directions(found, asked=direction is not None or bool(settings.direction))
    for fact in found.facts:
        if fact.startswith(("times of", "left out")):
            logger.info("%s", fact)
    return Plan(
        layer=found.layer,
        batch_key=settings.batch_key,
        label_key=found.label_key,
        directions=found.directions,
        regulators=settings.regulators,
        n_top_genes=settings.n_top_genes,
        max_epochs=settings.max_epochs,
        seed=settings.seed,
        stages=settings.stages,
        n_regulators=settings.n_regulators,
        n_latent_models=default_latent_models(adata.n_obs)
        if settings.n_latent_models is None
        else settings.n_latent_models,
        n_models=settings.n_models,
    )


def default_latent_models(n_cells: int) -> int:
    """Number of latent models of a run by default: fewer where each takes long."""
    return next((n for most, n in LATENT_MODELS if n_cells <= most), FEWEST_LATENT_MODELS)


def prepare(adata: AnnData, settings: Settings) -> AnnData:
    """Data of a file as a run takes them: counts of ``raw`` where nothing else holds any, rounded and without empty cells if asked for.

    The same object if nothing is to be done.
    """
    if (
        settings.layer is None
        and raw_counts(adata)
        and not any(holds_counts(adata, layer) for layer in {usual_layer(adata), _keys.MAIN})
    ):
        logger.info("counts: adata.raw, found in the data; its %d genes are used", adata.raw.n_vars)
        adata = adata.raw.to_adata()
    layer = usual_layer(adata) if settings.layer is None else settings.layer
    if settings.round and _is_fractional(counts := count_matrix(adata, layer, check=False)):
        whole = rounded(counts)
        logger.warning(
            "values of %s are rounded to whole counts",
            "adata.X" if layer == _keys.MAIN else f"adata.layers[{layer!r}]",
        )
        if layer == _keys.MAIN:
            adata.X = whole
        else:
            adata.layers[layer] = whole
    if settings.drop_empty:
        filled = count_matrix(adata, layer, check=False) @ is_gene(adata) > 0
        if not filled.all():
            logger.warning("dropped %d of %d cells, which have no counts", np.count_nonzero(~filled), adata.n_obs)
            adata = adata[filled].copy()
    return adata


def _is_fractional(counts: sparse.csr_matrix) -> bool:
    """Whether values are fractions of molecules; rounded logarithms would be no counts either, and are left for the inspection to refuse."""
    return bool(bad_values(counts.data).any()) and what_they_look_like(counts) == "fractions"


def _say_directions(found: Inspection, *, asked: bool) -> None:
    for direction in found.directions:
        if asked:
            logger.info("direction: %s, as asked", describe(direction))
        else:
            others = f" (not used: {'; '.join(map(describe, found.offered[1:]))})" if found.offered[1:] else ""
            logger.info("direction: %s, found in the data%s", describe(direction), others)

"""All stages on an AnnData object in memory."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from anndata import AnnData

from landscape._anndata import require_adata
from landscape._random import RandomLike, seed_of
from landscape._run import delta, provenance
from landscape._run.models import Works, said, steps
from landscape._run.options import check_names, check_options
from landscape._run.plan import settle
from landscape._run.settings import from_mapping
from landscape._run.stages import Work, narrow, stages
from landscape._run.watch import Event, collected_warnings, log, peak_memory_mb
from landscape.datasets.regulator_lists import is_tier

logger = logging.getLogger(__name__)


def run(
    adata: AnnData,
    *,
    direction: Any = None,
    layer: str | None = None,
    batch_key: str | None = None,
    regulators: Sequence[str] | str | None = None,
    label_key: str | None = None,
    n_regulators: int | None = None,
    n_top_genes: int = 2000,
    max_epochs: int | None = None,
    n_latent_models: int | None = None,
    n_models: int = 1,
    stages_options: Mapping[str, Mapping[str, Any]] | None = None,
    rng: RandomLike = 0,
) -> None:
    """Infer a landscape from counts: all stages with their defaults.

    Genes are selected, with all regulators among them, and the latent model is trained. Then follow network, dynamics,
    attractors, terminal states, basins, fates, occupancy, drivers, barriers, paths and rates, each by the function of
    :mod:`landscape.tl` of that name. Stages after the selection work on the selected genes only; ``adata`` keeps all of
    its genes.

    Parameters
    ----------
    adata
        Cells with raw counts.
    direction
        Direction of development: a record of :mod:`landscape.dynamics`, such as ``ls.dynamics.from_time("day")``.
        ``None``: the first of real time points, unspliced counts, a velocity, a pseudotime and ``uns["iroot"]`` that the
        data hold; the choice is logged.
    layer
        Layer with the counts, ``"X"`` for the main matrix; ``None``: ``layers["counts"]`` where it exists, else ``adata.X``.
    batch_key
        Column of ``adata.obs`` with the batch.
    regulators
        Names of regulators, ``"tf"`` or ``"tf+cofactors"`` (see :func:`landscape.pp.find_regulators`); ``None``:
        ``adata.var["regulator"]``, else ``"tf"``.
    label_key
        Column of ``adata.obs`` that names attractors; ``None``: ``"cell_type"`` where it exists.
    n_regulators
        Largest number of regulators in the model; those that vary most are kept. ``None``: the default of
        :func:`landscape.tl.dynamics`. With more than 60, barriers, paths and rates take long and are left out.
    n_top_genes
        Number of variable genes that are kept beside the regulators.
    max_epochs
        Largest number of epochs of the latent model.
    n_latent_models
        Number of latent models, which differ in their seeds and are used as one (:class:`landscape.latent.LatentEnsemble`), so
        that the landscape does not depend on the seed of one. By default 10 with up to 20,000 cells, 5 with up to 100,000 and 3
        with more.
    n_models
        Number of models. Each rests on latent models with the next seeds, and has a network, dynamics, attractors, basins and fates
        of its own; genes and regulators are chosen once, on counts. From two on the consensus of all is taken
        (:func:`landscape.tl.consensus`), and the other results are those of the first model. The time of a run grows with their number.
    stages_options
        Further keywords by stage, as ``{"network": {"n_bootstraps": 20}}``.
    rng
        Seed or generator. Every stage gets the same seed, so that ``run`` gives what the single calls give.

    Returns
    -------
    ``None``. Sets what the stages set (see their documentation), and

    ``adata.var["selected"]`` : bool
        Genes that the stages saw.
    ``adata.uns["landscape"]["consensus"]``, ``adata.obs["agreement"]`` and the other results of :func:`landscape.tl.consensus`
        If ``n_models`` is at least two.
    ``adata.uns["landscape"]["run"]`` : dict
        Settings, sources of direction, warnings, versions.

    Raises
    ------
    KeyError
        If a named column or layer is missing.
    TypeError
        If an argument has another type.
    ValueError
        If the data cannot be used, or nothing gives the direction of development.

    Notes
    -----
    What can be known beforehand is refused before anything is computed, by the inspection of :func:`landscape.pp.check`. Results are
    written at the end: after an error, ``adata`` is as it was. A run into a folder (``landscape run``) keeps the stages that ended.
    """
    require_adata(adata)
    settings = from_mapping(
        {
            "layer": layer,
            "batch_key": batch_key,
            "regulators": regulators
            if is_tier(regulators) or not isinstance(regulators, Iterable)
            else list(map(str, regulators)),
            "label_key": label_key,
            "n_regulators": n_regulators,
            "n_top_genes": n_top_genes,
            "max_epochs": max_epochs,
            "n_latent_models": n_latent_models,
            "n_models": n_models,
            "seed": int(rng) if isinstance(rng, int | np.integer) and not isinstance(rng, bool) else seed_of(rng),
            "stages": stages_options or {},
        }
    )
    with collected_warnings() as warnings:
        plan = settle(adata, settings, direction=direction)
        check_options(plan)
        check_names(plan, adata)
        whole = _shallow(adata)
        before = delta.snapshot(whole)
        work = Work(whole, plan)
        listed, works = steps(stages(), plan.n_models), Works(work)
        messages = list(warnings)
        of_cells: dict[tuple[str, str], Any] = {}
        for number, step in enumerate(listed, start=1):
            start, known = time.perf_counter(), len(warnings)
            log(Event(step.name, number, len(listed), "started"))
            step.stage.call(works.of(step.model))
            if step.name == "genes":
                narrow(work)
                of_cells = delta.snapshot(work.current)
            messages += said(messages, warnings[known:], step.model)
            log(Event(step.name, number, len(listed), "done", time.perf_counter() - start, peak_memory_mb()))
        if work.cells is not None:
            delta.apply(delta.difference(of_cells, work.cells), whole)
        provenance.write(whole, plan, warnings=messages)
        delta.apply(delta.difference(before, whole), adata)


def _shallow(adata: AnnData) -> AnnData:
    """An object with the same arrays, to which stages add theirs: an error leaves the one of the user as it was."""
    slots = {slot: dict(getattr(adata, slot)) for slot in ("layers", "obsm", "varm", "obsp", "varp")}
    return AnnData(adata.X, obs=adata.obs.copy(), var=adata.var.copy(), uns=dict(adata.uns), **slots)

"""What if a gene is gone, or held at a level: the perturbed model beside the unperturbed one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from anndata import AnnData
from numpy.typing import NDArray
from tqdm.auto import tqdm

from landscape import _keys
from landscape._anndata import read, read_result, require_adata, results_of, write_result
from landscape._model import read_ensemble, read_model
from landscape._random import RandomLike, seed_of
from landscape._threads import on_one_thread
from landscape.dynamics.ensemble import INTERVAL
from landscape.perturbation import (
    Comparison,
    Experiment,
    control_levels,
    level_table,
    references,
    tables,
)
from landscape.tl._cells import cells_of
from landscape.tl._start import duration_of, start_of


@on_one_thread
def perturb(
    adata: AnnData,
    levels: Mapping[str, float],
    *,
    cells: Sequence[str] | NDArray[np.bool_] | str | None = None,
    duration: float | None = None,
    n_particles: int = 1000,
    n_controls: int = 0,
    key_added: str | None = None,
    rng: RandomLike = 0,
    copy: bool = False,
) -> AnnData | None:
    r"""Hold genes at levels for good, and compare where the model then leads.

    A held gene keeps its level :math:`\ell` from the start on, whatever regulates it; all others follow the same model,

    .. math:: dx_i = \big[a_i\, s(W \phi(x) + b)_i - \gamma_i x_i\big] dt + \sqrt{2D}\,dB_i \quad (i \ne g), \qquad
              x_g = \ell.

    Both ensembles start at the same cells and meet the same noise. Each trajectory follows the model for
    ``duration`` and then comes to rest without noise; its fate is that of the unperturbed attractor nearest to the
    place of rest; ``undifferentiated`` if the start is nearer than all attractors, and ``other`` if none is near. The
    held genes count like all others, at the nearest level that an attractor or the start shows: with few regulators a
    fate that is marked by a gene is not reached without it, and its cells are ``other``.

    Parameters
    ----------
    adata
        Annotated data with attractors (:func:`landscape.tl.attractors`).
    levels
        Level of each held gene in units of the state: 0 is off, 1 is its 99th percentile. A gene that is no regulator
        of the model is a read-out and cannot act, which is logged.
    cells
        Cells to start from: names, a mask, or ``"column=value"``. By default the start of the direction; without one
        the cells farthest from all attractors.
    duration
        Time with noise; by default the span of real time, and without a clock what the noise-free flow needs from the
        start until it is within 2 % of an attractor (the 90th percentile over start cells).
    n_particles
        Trajectories of each model; the standard error of a share :math:`p` is :math:`\sqrt{p(1-p)/n}`. Replicates
        of the model and controls get at most 300 each.
    n_controls
        Regulators (or sets of them) of nearest mean level that are held at the same levels instead, for the p-value:
        the share of controls that change a fate at least as much, with one added to both counts [1]_. 0 leaves it out.
    key_added
        Name of the result; by default such as ``"Gata1=0"``.
    rng
        Seed or generator.
    copy
        Work on a copy of ``adata`` and return it.

    Returns
    -------
    ``None``, or the copy if ``copy=True``. Sets ``adata.uns["landscape"]["perturbations"][key]`` with

    ``levels`` : DataFrame, held genes
        ``level``; ``low`` and ``high``, the range among cells; ``inside`` that range, with 5 % of abundance to spare; ``acts`` (is a
        regulator).
    ``fates`` : DataFrame, fates
        Shares ``before`` and ``after``, their ``change``, its interval ``low`` to ``high`` (5 % to 95 % of the
        ensemble of :func:`landscape.tl.dynamics`, not-a-number without one), ``p_value``.
    ``attractors`` : DataFrame
        ``status`` of each attractor: ``kept``, ``lost`` (the flow takes it elsewhere: ``becomes``) or ``new``;
        ``distance`` moved, root mean square over the genes that are not held; ``eigenvalue_before``,
        ``eigenvalue_after``.
    ``states`` : DataFrame, attractors of the perturbed model x regulators
        Levels at rest, each row named after the fate that it is nearest to.
    ``expression`` : DataFrame, regulators
        Mean level at the end ``before`` and ``after``, ``change``, ``low``, ``high``.
    ``occupancy``
        Heights of the perturbed model in the drawing of :func:`landscape.tl.occupancy` and, in ``before``, of the
        unperturbed one, if that was run.

    Raises
    ------
    KeyError
        If the model, its attractors, a gene or a cell is missing.
    ValueError
        If no gene is given, a level is negative or not finite, or a number is out of its range.

    References
    ----------
    .. [1] Phipson & Smyth (2010), *Stat. Appl. Genet. Mol. Biol.* 9, 39. https://doi.org/10.2202/1544-6115.1585
    """
    adata = require_adata(adata)
    model = read_model(adata)
    names = list(model.regulators)
    states = read_result(adata, _keys.ATTRACTORS, hint="run `landscape.tl.attractors` first")["states"]
    x = read(adata, "obsm", _keys.STATE, hint="run `landscape.tl.dynamics` first").to_numpy(dtype=float)
    held = level_table(levels, genes=adata.var_names, regulators=names, states=x)
    _require_numbers(n_particles=n_particles, n_controls=n_controls, duration=duration)
    origin = start_of(adata)
    chosen = origin if cells is None else cells_of(adata, cells)
    # References describe the whole system, so that a subset of cells has the same fates.
    known = references(tuple(map(str, states.index)), states.to_numpy(dtype=float), x[origin])
    if duration is None:
        duration = duration_of(adata, model.drift, x[origin], known.states)
    seed = seed_of(rng)
    draw = np.random.default_rng(seed)
    start = x[chosen[draw.integers(0, len(chosen), n_particles)]]
    acting = {names.index(gene): float(level) for gene, level in levels.items() if gene in names}
    controls = control_levels(x, acting, n_controls)
    found = Experiment(start, known, float(duration), seed).compare(
        model,
        acting,
        ensemble=tqdm(read_ensemble(adata), desc="replicates", leave=False, disable=None),
        controls=tqdm(controls, desc="controls", leave=False, disable=None) if controls else (),
    )
    record: dict[str, Any] = {
        "levels": held,
        "fates": tables.fate_table(known, found),
        "attractors": tables.attractor_table(known, found.before, found.after, acting),
        "states": tables.rest_table(known, found.after, names),
        "expression": tables.expression_table(found, names),
    }
    if drawing := _drawing(adata, found, x, list(acting)):
        record["occupancy"] = drawing
    params = {
        "levels": {gene.replace("/", "|"): float(level) for gene, level in levels.items()},
        "cells": "start" if cells is None else (cells if isinstance(cells, str) else f"{len(chosen)} cells"),
        "duration": float(duration),
        "diffusion": model.diffusion_constant,
        "n_particles": n_particles,
        "n_replicates": len(found.replicates),
        "n_controls": len(found.controls),
        "interval": INTERVAL,
    }
    adata = adata.copy() if copy else adata
    _write(adata, key_added or _keys.perturbation_name(levels), {**record, "params": params})
    return adata if copy else None


def _require_numbers(*, n_particles: int, n_controls: int, duration: float | None) -> None:
    if n_particles < 1 or n_controls < 0:
        msg = f"Expected `n_particles` >= 1 and `n_controls` >= 0, found {n_particles} and {n_controls}."
        raise ValueError(msg)
    if duration is not None and not (np.isfinite(duration) and duration > 0):
        msg = f"Expected a positive `duration`, found {duration}."
        raise ValueError(msg)


def _drawing(adata: AnnData, found: Comparison, x: NDArray[np.float64], held: list[int]) -> dict[str, Any]:
    """Heights of both ensembles in the drawing of the unperturbed model, if there is one."""
    known = results_of(adata).get(_keys.OCCUPANCY)
    if known is None or str(known["basis"]) not in adata.obsm:
        return {}
    basis = str(known["basis"])
    drawn = np.asarray(adata.obsm[basis], dtype=float)[:, :2]
    n_grid = max(len(known["x"]), len(known["y"]))
    after, before = (
        tables.outcome_heights(each, x, drawn, held=held, n_grid=n_grid, basis=basis)
        for each in (found.after, found.before)
    )
    return {**after, "before": before}


def _write(adata: AnnData, key: str, record: Mapping[str, Any]) -> None:
    """Add one perturbation to those that are there."""
    earlier = results_of(adata).get(_keys.PERTURBATIONS, {})
    kept = {name: value for name, value in earlier.items() if name not in ("params", key)}
    fates = record["fates"]
    what = ", ".join(f"{fate} {change:+.2f}" for fate, change in fates["change"].items() if abs(change) >= 0.01)
    write_result(adata, _keys.PERTURBATIONS, {**kept, key: record}, params={}, what=f"{key}: {what or 'no change'}")

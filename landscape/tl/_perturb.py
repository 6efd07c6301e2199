"""Knock-out, over-expression and other clamps of genes, and their effect in the model."""

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
    r"""Clamp genes at levels (knock-out, over-expression) and compare the fates with those of the unperturbed model.

    A clamped gene has the level :math:`\ell` from the start on; all others follow the same model,

    .. math:: dx_i = \big[a_i\, s(W \phi(x) + b)_i - \gamma_i x_i\big] dt + \sqrt{2D}\,dB_i \quad (i \ne g), \qquad
              x_g = \ell.

    Both ensembles have the same start and the same noise. Each trajectory follows the model for ``duration`` and then
    the noise-free flow to a fixed point. Its fate is the attractor of the unperturbed model nearest to that point;
    ``undifferentiated`` if the mean start is nearer than all attractors, and ``other`` if none is near or no fixed point is
    reached. Clamped genes count in the distance, at the nearest level that an attractor or the start has. With few
    regulators, a fate that a gene marks is therefore not reached without it, and its cells are ``other``.

    Parameters
    ----------
    adata
        Annotated data with attractors (:func:`landscape.tl.attractors`).
    levels
        Level of each clamped gene, in units of the state: 0 is a knock-out, 1 is its 99th percentile over cells. A gene
        that is not a regulator of the model has no effect, which is logged.
    cells
        Cells to start from: names, a mask, or ``"column=value"``. By default the start cells of the direction; without
        them the cells farthest from all attractors.
    duration
        Time with noise, in units of the model. By default the span of real time; without a clock, the time that the
        noise-free flow takes from the start to within 2 % of an attractor (90th percentile over start cells).
    n_particles
        Number of trajectories of each model; the standard error of a share :math:`p` is :math:`\sqrt{p(1-p)/n}`.
        Replicates of the model and controls have at most 300 each.
    n_controls
        Number of controls for the p-value; 0 leaves it out. In a control, regulators of nearest mean level are clamped at
        the same levels instead. The p-value is the share of controls that change a fate at least as much, with one added
        to both counts [1]_.
    key_added
        Name of the result; by default the levels, such as ``"Gata1=0"``.
    rng
        Seed or generator.
    copy
        Work on a copy of ``adata`` and return it.

    Returns
    -------
    ``None``, or the copy if ``copy=True``. Sets ``adata.uns["landscape"]["perturbations"][key]`` with

    ``levels`` : DataFrame, clamped genes
        ``level``; ``low`` and ``high``, the range over cells; ``inside``, whether the level is within that range, with a
        margin of 5 % of abundance; ``acts``, whether the gene is a regulator of the model.
    ``fates`` : DataFrame, fates
        Shares ``before`` and ``after``, their ``change``, its interval ``low`` to ``high`` (quantiles of 5 % and 95 %
        over the replicates of :func:`landscape.tl.dynamics`, NaN without them), ``p_value``.
    ``attractors`` : DataFrame
        ``status`` of each attractor: ``kept``, ``lost`` (the flow takes it to the fate ``becomes``) or ``new``;
        ``distance`` moved, root mean square over the genes that are not clamped; ``eigenvalue_before``,
        ``eigenvalue_after``.
    ``states`` : DataFrame, attractors of the perturbed model x regulators
        Levels of the regulators, each row named after the nearest fate.
    ``expression`` : DataFrame, regulators
        Mean level at the end of the trajectories ``before`` and ``after``, ``change``, ``low``, ``high``.
    ``occupancy``
        Heights of the perturbed model in the drawing of :func:`landscape.tl.occupancy` and, in ``before``, of the
        unperturbed one; only if that was run.

    Raises
    ------
    KeyError
        If the model, its attractors, a gene or a cell is missing.
    ValueError
        If no gene is given, a level is negative or not finite, or a number is out of its range.

    References
    ----------
    .. [1] Phipson & Smyth (2010), *Stat. Appl. Genet. Mol. Biol.* 9, 39. https://doi.org/10.2202/1544-6115.1585

    Examples
    --------
    >>> import landscape as ls
    >>> adata = ls.datasets.hematopoiesis()  # doctest: +SKIP
    >>> ls.tl.perturb(adata, {"Gata1": 0.0}, n_controls=19)  # doctest: +SKIP
    >>> ls.pl.perturbation(adata)  # doctest: +SKIP
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
    # References come from the start of the whole data, so that every subset of cells has the same fates.
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
        "attractors": tables.attractor_change_table(known, found.before, found.after, acting),
        "states": tables.state_table(known, found.after, names),
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
    """Add a perturbation to those of earlier calls."""
    earlier = results_of(adata).get(_keys.PERTURBATIONS, {})
    kept = {name: value for name, value in earlier.items() if name not in ("params", key)}
    fates = record["fates"]
    what = ", ".join(f"{fate} {change:+.2f}" for fate, change in fates["change"].items() if abs(change) >= 0.01)
    write_result(adata, _keys.PERTURBATIONS, {**kept, key: record}, params={}, what=f"{key}: {what or 'no change'}")

"""What if a gene is gone, or held at a level: the perturbed model beside the unperturbed one."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray
from tqdm.auto import tqdm

from landscape import _keys
from landscape._anndata import read, read_result, require_adata, results_of, write_result
from landscape._model import read_ensemble, read_model
from landscape._random import RandomLike, seed_of
from landscape._threads import on_one_thread
from landscape.dynamics import GeneModel
from landscape.dynamics.ensemble import INTERVAL
from landscape.perturbation import Outcome, References, outcome, references
from landscape.tl import _perturb_tables as tables
from landscape.tl._cells import cells_of
from landscape.tl._start import duration_of, start_of

logger = logging.getLogger(__name__)

# Times at which the ensembles are drawn.
N_TIMES = 20
# Share of the range of abundance among cells by which a level may lie outside of it and still be called inside: posterior
# means of a gene that is off are small, not zero.
MARGIN = 0.05
# Trajectories of each replicate and control: a standard error of .03 is less than what models differ by.
FEW = 300


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
        of the model is a read-out and cannot act, which is said.
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
    table = read_result(adata, _keys.ATTRACTORS, hint="run `landscape.tl.attractors` first")
    x = read(adata, "obsm", _keys.STATE, hint="run `landscape.tl.dynamics` first").to_numpy(dtype=float)
    held = _held(adata, levels, names, x)
    _require_numbers(n_particles=n_particles, n_controls=n_controls, duration=duration)
    origin = start_of(adata)
    chosen = origin if cells is None else cells_of(adata, cells)
    # References describe the whole system, so that a subset of cells is told by the same fates.
    known = references(tuple(map(str, table["states"].index)), table["states"].to_numpy(dtype=float), x[origin])
    if duration is None:
        duration = duration_of(adata, model.drift, x[origin], known.states)
    seed = seed_of(rng)
    draw = np.random.default_rng(seed)
    start = x[chosen[draw.integers(0, len(chosen), n_particles)]]
    run = _Ensemble(start, known, float(duration), seed)
    acting = {names.index(gene): float(level) for gene, level in levels.items() if gene in names}
    before, after = (run(each, n_times=N_TIMES, few=False) for each in (model, model.held_at(acting)))
    ensemble = [
        (run(other), run(other.held_at(acting)))
        for other in tqdm(read_ensemble(adata), desc="replicates", leave=False, disable=None)
    ]
    controls = _controls(run, model, acting, x, n_controls)
    record: dict[str, Any] = {
        "levels": held,
        "fates": tables.fates(known, before, after, ensemble, controls),
        "attractors": tables.attractors(known, before, after, acting),
        "states": tables.states(known, after, names),
        "expression": tables.expression(names, before, after, ensemble),
    }
    drawing = tables.drawing(adata, before, after, x, list(acting))
    if drawing:
        record["occupancy"] = drawing
    params = {
        "levels": {gene.replace("/", "|"): float(level) for gene, level in levels.items()},
        "cells": "start" if cells is None else (cells if isinstance(cells, str) else f"{len(chosen)} cells"),
        "duration": float(duration),
        "diffusion": model.diffusion_constant,
        "n_particles": n_particles,
        "n_replicates": len(ensemble),
        "n_controls": len(controls),
        "interval": INTERVAL,
    }
    adata = adata.copy() if copy else adata
    _write(adata, key_added or _keys.perturbation_name(levels), {**record, "params": params})
    return adata if copy else None


class _Ensemble:
    """The same start, references, duration and noise for the model, its replicates and the controls."""

    def __init__(self, start: NDArray[np.float64], known: References, duration: float, seed: int) -> None:
        self.start, self.known, self.duration, self.seed = start, known, duration, seed

    def __call__(self, model: GeneModel, *, n_times: int = 1, few: bool = True) -> Outcome:
        return outcome(
            model,
            self.start[:FEW] if few else self.start,
            self.known,
            duration=self.duration,
            n_times=n_times,
            rng=self.seed,
        )


def _held(adata: AnnData, levels: Mapping[str, float], names: list[str], x: NDArray[np.float64]) -> pd.DataFrame:
    if not isinstance(levels, Mapping) or not levels:
        msg = f"Expected levels by gene such as {{'Gata1': 0.0}}, found {levels!r}."
        raise ValueError(msg)
    rows = []
    for gene, level in levels.items():
        if gene not in adata.var_names:
            msg = f"Expected genes of `adata.var_names`, found {gene!r}; regulators in the model: {names[:10]}, ..."
            raise KeyError(msg)
        if not isinstance(level, int | float | np.number) or not np.isfinite(level) or level < 0:
            msg = f"Expected a finite level from 0 on for {gene!r}, found {level!r}; 0 is off and 1 is high."
            raise ValueError(msg)
        acts = gene in names
        low, high = (x[:, names.index(gene)].min(), x[:, names.index(gene)].max()) if acts else (np.nan, np.nan)
        spare = MARGIN * (high**2 - low**2)  # levels are square roots of abundance
        inside = bool(acts and low**2 - spare <= level**2 <= high**2 + spare)
        if not acts:
            logger.warning("%s is a read-out: it is no regulator of the model, so holding it changes nothing", gene)
        elif not inside:
            logger.warning(
                "%s=%g is outside of what cells show, %.2f to %.2f: an extrapolation", gene, level, low, high
            )
        rows.append({"level": float(level), "low": low, "high": high, "inside": inside, "acts": acts})
    return pd.DataFrame(rows, index=pd.Index(list(levels), name="gene"))


def _require_numbers(*, n_particles: int, n_controls: int, duration: float | None) -> None:
    if n_particles < 1 or n_controls < 0:
        msg = f"Expected `n_particles` >= 1 and `n_controls` >= 0, found {n_particles} and {n_controls}."
        raise ValueError(msg)
    if duration is not None and not (np.isfinite(duration) and duration > 0):
        msg = f"Expected a positive `duration`, found {duration}."
        raise ValueError(msg)


def _controls(
    run: _Ensemble,
    model: GeneModel,
    acting: Mapping[int, float],
    x: NDArray[np.float64],
    n_controls: int,
) -> list[tuple[Outcome, Outcome]]:
    """Outcomes with the regulators of nearest mean level held instead: the c-th nearest of each gene in the c-th set."""
    mean = x.mean(0)
    candidates = np.setdiff1d(np.arange(len(mean)), list(acting))
    n = min(n_controls, len(candidates) // max(len(acting), 1)) if acting else 0
    if n < n_controls:
        logger.warning("%d of %d controls: there are %d other regulators", n, n_controls, len(candidates))
    free, sets = list(candidates), [dict[int, float]() for _ in range(n)]
    for gene, level in acting.items():
        near = sorted(free, key=lambda other: abs(mean[other] - mean[gene]))[:n]
        for chosen, other in zip(sets, near, strict=True):
            chosen[int(other)] = level
        free = [other for other in free if other not in near]
    if not sets:
        return []
    # Controls differ in what is held, and share the model that they are set beside.
    before = run(model)
    return [(before, run(model.held_at(chosen))) for chosen in tqdm(sets, desc="controls", leave=False, disable=None)]


def _write(adata: AnnData, key: str, record: Mapping[str, Any]) -> None:
    """Add one perturbation to those that are there."""
    earlier = results_of(adata).get(_keys.PERTURBATIONS, {})
    kept = {name: value for name, value in earlier.items() if name not in ("params", key)}
    fates = record["fates"]
    what = ", ".join(f"{fate} {change:+.2f}" for fate, change in fates["change"].items() if abs(change) >= 0.01)
    write_result(adata, _keys.PERTURBATIONS, {**kept, key: record}, params={}, what=f"{key}: {what or 'no change'}")

"""Knock-out, over-expression, pulses and other clamps of genes and edges, and their effect in the model."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray

from landscape import _keys
from landscape._anndata import require_adata, results_of, write_result
from landscape._random import RandomLike
from landscape._threads import on_one_thread
from landscape.dynamics.ensemble import INTERVAL
from landscape.perturbation import (
    MAX_DISAGREEMENT,
    PairedFates,
    level_table,
    matched_controls,
    out_strength,
    paired_fates,
    release_table,
    tables,
    warn_of_missing_edges,
)
from landscape.perturbation.agreement import warn_of_disagreement
from landscape.perturbation.clamps import Clamp, Level, edges_of, genes_of, held_throughout, last_release, level_of
from landscape.tl._paired_setting import (
    agreement_of,
    cells_in_words,
    log_replicates,
    read_fitted,
    require_paths,
    setting_of,
)

logger = logging.getLogger(__name__)

# Number of times at which states are kept for the drawing.
N_TIMES = 20


@on_one_thread
def perturb(
    adata: AnnData,
    levels: Mapping[str | tuple[str, str], Level],
    *,
    cells: Sequence[str] | NDArray[np.bool_] | str | None = None,
    duration: float | None = None,
    n_particles: int = 1000,
    n_controls: int = 10,
    max_disagreement: float = MAX_DISAGREEMENT,
    key_added: str | None = None,
    rng: RandomLike = 0,
    copy: bool = False,
) -> AnnData | None:
    r"""Clamp genes at levels (knock-out, over-expression) and compare the fates with those of the unperturbed model.

    A clamped gene has the level :math:`\ell` from the start on; all others follow the same model,

    .. math:: dx_i = \big[a_i\, s(W \phi(x) + b)_i - \gamma_i x_i\big] dt + \sqrt{2D}\,dB_i \quad (i \ne g), \qquad
              x_g = \ell.

    With ``(level, time)`` in place of a level the gene is held for that time and then released: a pulse. Whether the cells stay
    in the fate that the pulse gave them is in ``release``.

    With a pair of names in place of a gene, that edge alone is held: the target sees the regulator at the level,
    :math:`W_{ij}\phi_j(x_j) \to W_{ij}\phi_j(\ell)`, and all other targets see it as it is. At zero the edge is removed.

    All models, perturbed or not, have the same start and the same noise
    (:func:`landscape.perturbation.paired_fates`). Each trajectory follows the model for ``duration`` and then
    the noise-free flow to a fixed point. Its fate is the attractor of the unperturbed model nearest to that point;
    ``undifferentiated`` if the mean start is nearer than all attractors, and ``other`` if none is near or no fixed point is
    reached. Clamped genes count in the distance, at the nearest level that an attractor or the start has. With few
    regulators, a fate that a gene marks is therefore not reached without it, and its cells are ``other``.

    Shares sum to one, so that a fate that nothing touches gains where another one is lost. Effects are therefore stated as
    changes of log odds, of each fate against all others and against each other one (``contrasts``), and their certainty is
    the model's own: the scatter of the replicates of :func:`landscape.tl.dynamics` about the fit, with the error of the
    simulation (:func:`landscape.perturbation.certainty`). Without replicates there is neither an interval nor a rate of
    sign errors.

    A model whose unperturbed shares are wrong cannot say what a perturbation does to them. They are compared with the fates of
    the same cells on the chain (``agreement``), and a warning comes first where the two are more than ``max_disagreement``
    apart.

    Parameters
    ----------
    adata
        Annotated data with attractors (:func:`landscape.tl.attractors`).
    levels
        Level of each clamped gene, in units of the state: 0 is a knock-out, 1 is its 99th percentile over cells. Or a tuple of
        its level and the time for which it is held, in units of the model. A gene that is not a regulator of the model has no
        effect, which is logged. ``("Gata1", "Spi1")`` in place of a gene is the edge from Gata1 to Spi1.
    cells
        Cells to start from: names, a mask, or ``"column=value"``. By default the start cells of the direction; without
        them the cells farthest from all attractors.
    duration
        Time with noise, in units of the model, counted from the last release where genes are released. By default the span of real time; without a clock, the time that the
        noise-free flow takes from the start to within 2 % of an attractor (90th percentile over start cells).
    n_particles
        Number of trajectories of each model; the standard error of a share :math:`p` is :math:`\sqrt{p(1-p)/n}`.
    n_controls
        Number of controls. In a control other regulators are clamped at the same levels instead, those nearest in the ranks
        of their mean level and of the strength of their edges (:func:`landscape.perturbation.matched_controls`). Controls
        have effects of their own and are no null distribution: they describe.
    max_disagreement
        Total variation between the unperturbed shares of model and chain above which a warning says so.
    key_added
        Name of the result; by default the levels, such as ``"Gata1=0"`` or ``"Gata1=0 for 2"``.
    rng
        Seed or generator.
    copy
        Work on a copy of ``adata`` and return it.

    Returns
    -------
    ``None``, or the copy if ``copy=True``. Sets ``adata.uns["landscape"]["perturbations"][key]`` with

    ``levels`` : DataFrame, clamped genes
        ``level``; ``time`` for which it is held, infinite if throughout; ``low`` and ``high``, the range over cells; ``inside``, whether the level is within that range, with a
        margin of 5 % of abundance; ``acts``, whether the gene is a regulator of the model.
    ``fates`` : DataFrame, fates
        Shares ``before`` and ``after`` and their ``change`` in the fit; change of the ``log_odds`` against all other fates, with
        its interval of 90 % (``log_odds_low``, ``log_odds_high``), and the same as a change of the share, ``low`` to
        ``high``; ``lfsr``, the local false sign rate: the probability that the effect is zero or has the other sign;
        ``n_models``, the number of models (the fit and its replicates) in which a trajectory ends in the fate; ``rank`` of
        the change of the log odds among those of the controls, 1 for the largest. NaN where there are no replicates or no
        controls.
    ``labels`` : DataFrame, labels
        The same with attractors of one label (``"Monocyte"``, ``"Monocyte 2"``) as one fate; only if there are some.
    ``contrasts`` : DataFrame, pairs of labels
        Change of the log odds of ``fate`` ``against`` another one, with ``low``, ``high`` and ``lfsr``. Attractors of one label
        are one fate.
    ``release`` : DataFrame, fates or labels
        Shares of the fates while genes are ``held``, to which the cells would relax without a release, and ``after``; share of the
        cells of each fate while held that ``stay`` in it, with the quantiles of 5 % and 95 % over the replicates
        (``stay_low``, ``stay_high``); and share of those that the hold moved that go ``back`` to the fate that they have
        without it. Only with pulses.
    ``controls`` : DataFrame, controls x fates
        Change of each share under each control; only with controls.
    ``agreement`` : DataFrame, fates
        Unperturbed share in the ``model`` and on the ``chain``, and their ``difference``; only if the chain has fates. It has
        terminal states (:func:`landscape.tl.terminal_states`) if these have labels in common with the attractors, and
        else attractors (:func:`landscape.tl.fates`).
    ``start_tv``
        Total variation between the two, NaN if the chain has no fates.
    ``attractors`` : DataFrame
        ``status`` of each attractor: ``kept``, ``lost`` (the flow takes it to the fate ``becomes``) or ``new``;
        ``distance`` moved, root mean square over the genes that are not clamped; ``eigenvalue_before``,
        ``eigenvalue_after``. Of the model after the last release.
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
        If no gene is given, a level is negative or not finite, a time is not positive, or a number is out of its range.

    Examples
    --------
    >>> import landscape as ls
    >>> adata = ls.datasets.hematopoiesis()  # doctest: +SKIP
    >>> ls.tl.perturb(adata, {"Gata1": 0.0})  # doctest: +SKIP
    >>> ls.pl.perturbation(adata)  # doctest: +SKIP

    Held at zero for two units of time and then released:

    >>> ls.tl.perturb(adata, {"Gata1": (0.0, 2.0)})  # doctest: +SKIP

    Only the edge from Gata1 to Pu1 removed:

    >>> ls.tl.perturb(adata, {("Gata1", "Pu1"): 0.0})  # doctest: +SKIP
    """
    adata = require_adata(adata)
    fitted = read_fitted(adata)
    model, models, x = fitted.fit, fitted.models, fitted.x
    names = list(model.regulators)
    held = level_table(levels, genes=adata.var_names, regulators=names, states=x)
    require_paths(n_particles=n_particles, duration=duration, max_disagreement=max_disagreement)
    if n_controls < 0:
        msg = f"Expected `n_controls` >= 0, found {n_controls}."
        raise ValueError(msg)
    setting = setting_of(adata, fitted, cells=cells, duration=duration, n_particles=n_particles, rng=rng)
    known, start, seed = setting.known, setting.start, setting.seed
    acting = _by_position(levels, names)
    warn_of_missing_edges(model, edges_of(acting))
    total = setting.duration + last_release([acting])
    found = paired_fates(models, [acting], start, known, duration=total, n_times=N_TIMES, rng=seed)
    log_replicates(len(models) - 1)
    unperturbed = pd.Series(found.shares[0, 0], list(known.fates))
    agreement = agreement_of(adata, unperturbed, setting.cells)
    start_tv = warn_of_disagreement(agreement, max_disagreement)
    # Other regulators stand in for genes; nothing does for an edge.
    sets: Sequence[Clamp] = []
    if not edges_of(acting):
        sets = matched_controls(genes_of(acting), x.mean(0), out_strength(model, x), n_controls)
    controls = paired_fates([model], sets, start, known, duration=total, rng=seed) if sets else None
    kept = held_throughout(acting)
    before, after = (
        tables.attractors_reached(each, rest, known)
        for each, rest in zip((model, model.edges_at(edges_of(acting)).held_at(kept)), found.rest, strict=True)
    )
    labels, merged = tables.merged_by_label(known.fates, found)
    record: dict[str, Any] = {
        "levels": held,
        "fates": tables.fate_table(known.fates, found, controls),
        "contrasts": tables.contrast_table(labels, merged),
        "attractors": tables.attractor_change_table(known, before, after, kept),
        "states": tables.state_table(known, after, names),
        "expression": tables.expression_table(found, names),
        "start_tv": start_tv,
    }
    if controls is not None:
        titles = [
            _keys.perturbation_name({names[gene]: level for gene, level in genes_of(one).items()}) for one in sets
        ]
        record["controls"] = tables.control_table(known.fates, titles, controls)
    if last_release([acting]):
        record["release"] = release_table(labels, merged)
    if len(labels) < len(known.fates):
        of_label = None if controls is None else tables.merged_by_label(known.fates, controls)[1]
        record["labels"] = tables.fate_table(labels, merged, of_label)
    if agreement is not None:
        record["agreement"] = agreement
    if drawing := _drawing(adata, found, (before.attractors, after.attractors), x, list(genes_of(acting))):
        record["occupancy"] = drawing
    params = {
        "levels": {_keys.storable(_keys.clamp_name(key)): level_of(level) for key, level in levels.items()},
        "cells": cells_in_words(cells, setting),
        "duration": setting.duration,
        "diffusion": model.diffusion_constant,
        "n_particles": n_particles,
        "n_replicates": len(models) - 1,
        "n_controls": len(sets),
        "interval": INTERVAL,
        "max_disagreement": max_disagreement,
    }
    adata = adata.copy() if copy else adata
    _write(adata, key_added or _keys.perturbation_name(levels), {**record, "params": params})
    return adata if copy else None


def _by_position(levels: Mapping[str | tuple[str, str], Level], names: list[str]) -> Clamp:
    """Levels of the genes and edges of the model by position."""
    found: dict[int | tuple[int, int], Level] = {}
    for key, level in levels.items():
        named = (key,) if isinstance(key, str) else key
        if all(name in names for name in named):
            found[names.index(named[0]) if len(named) == 1 else (names.index(named[0]), names.index(named[1]))] = level
    return found


def _drawing(
    adata: AnnData,
    found: PairedFates,
    attractors: tuple[NDArray[np.float64], NDArray[np.float64]],
    x: NDArray[np.float64],
    held: list[int],
) -> dict[str, Any]:
    """Heights of both ensembles in the drawing of the unperturbed model, if there is one."""
    known = results_of(adata).get(_keys.OCCUPANCY)
    if known is None or str(known["basis"]) not in adata.obsm:
        return {}
    basis = str(known["basis"])
    drawn = np.asarray(adata.obsm[basis], dtype=float)[:, :2]
    n_grid = max(len(known["x"]), len(known["y"]))
    before, after = (
        tables.ensemble_heights(found.path[:, k], attractors[k], x, drawn, held=held, n_grid=n_grid, basis=basis)
        for k in (0, 1)
    )
    return {**after, "before": before}


def _write(adata: AnnData, key: str, record: Mapping[str, Any]) -> None:
    """Add a perturbation to those of earlier calls."""
    earlier = results_of(adata).get(_keys.PERTURBATIONS, {})
    kept = {name: value for name, value in earlier.items() if name not in ("params", key)}
    fates = record["fates"]
    what = ", ".join(f"{fate} {change:+.2f}" for fate, change in fates["change"].items() if abs(change) >= 0.01)
    if "release" in record:
        stay = (record["release"]["held"] * record["release"]["stay"].fillna(0.0)).sum()
        what = f"{what or 'no change'}; {stay:.2f} of the cells stay after the release"
    write_result(adata, _keys.PERTURBATIONS, {**kept, key: record}, params={}, what=f"{key}: {what or 'no change'}")

"""Screen: every regulator removed and over-expressed, pairs of them, single edges, and doses of the strongest."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray

from landscape import _keys
from landscape._anndata import require_adata, write_result
from landscape._random import RandomLike
from landscape._threads import on_one_thread
from landscape.dynamics.ensemble import INTERVAL
from landscape.perturbation import MAX_DISAGREEMENT
from landscape.perturbation.agreement import warn_of_disagreement
from landscape.perturbation.certainty import require_replicates
from landscape.perturbation.screen_plan import HIGH, edge_knockouts, singles
from landscape.perturbation.screen_record import dose_record, in_words, run_with_progress, single_record, with_pairs
from landscape.tl._paired_setting import (
    agreement_of,
    cells_in_words,
    log_replicates,
    read_fitted,
    require_paths,
    setting_of,
)


@on_one_thread
def screen(
    adata: AnnData,
    *,
    genes: Sequence[str] | None = None,
    levels: Sequence[float | str] = (0.0, HIGH),
    edges: int | Sequence[tuple[str, str]] = 0,
    order: int = 1,
    top: int = 10,
    n_doses: int = 1,
    cells: Sequence[str] | NDArray[np.bool_] | str | None = None,
    duration: float | None = None,
    n_particles: int = 1000,
    precision: float | None = 0.01,
    lfsr: float | None = None,
    max_disagreement: float = MAX_DISAGREEMENT,
    engine: Any = None,
    checkpoint: str | Path | None = None,
    key_added: str = _keys.SCREEN,
    rng: RandomLike = 0,
    copy: bool = False,
) -> AnnData | None:
    r"""Remove and over-express every regulator, one after the other or in pairs, and compare the fates of cells.

    Each perturbation is that of :func:`landscape.tl.perturb`: same start, same noise, same fates, in the fit and in each replicate
    of :func:`landscape.tl.dynamics`. What a screen adds is that all are simulated in batches, and statements that hold when there
    are many: no p-value over a few controls carries a correction for hundreds of tests. Each effect has its interval and its rate of
    sign errors over the models, and the ``s_value`` says what share of the signs is expected to be wrong among all effects at least
    as certain.

    Paths come in rounds. All models have a quarter of ``n_particles``. The fit then has a half and all of them, for those
    perturbations of which the standard error of a change may exceed ``precision``.

    With ``order=2``, each of the ``top`` perturbations that move most cells is combined with all others. Epistasis is what a pair
    does beyond the sum of both, on the log odds of a fate,

    .. math:: e_{ij} = \theta_{ij} - \theta_i - \theta_j,

    on which effects that add up in the input of a decision add up; on shares they do not. Pairs that were not simulated are
    predicted as sums by ``landscape.get.screen(adata, predicted=True)``.

    Doses: each of the ``n_doses`` genes that move most cells is held at six levels, and every attractor is followed by continuation
    in the level of the gene, to the level at which its valley vanishes (``critical_level``). That is exact, where a line through
    effects at other doses is not.

    Parameters
    ----------
    adata
        Annotated data with attractors (:func:`landscape.tl.attractors`).
    genes
        Regulators to perturb; by default all of the model.
    levels
        Levels at which each is held, in units of the state: 0 is a knock-out; ``"high"`` is the 99th percentile of the gene over cells.
    edges
        Single edges to remove, besides: pairs of regulator and target, or the number of the strongest ones.
    order
        1 for single perturbations, 2 for pairs of the ``top`` ones with all others too.
    top
        Number of perturbations that are combined with all others.
    n_doses
        Number of genes with doses. The time of a continuation grows with the cube of the number of regulators.
    cells, duration, max_disagreement
        As in :func:`landscape.tl.perturb`.
    n_particles
        Largest number of trajectories of the fit; replicates have a quarter of it.
    precision
        Standard error of a change of a share from which a perturbation needs no more trajectories; ``None``: all have all.
    lfsr
        Rate of sign errors that is asked for. If there are too few replicates to give it, the screen does not start and says how many
        it takes.
    engine
        ``None`` for this process, a number of processes, or a ``distributed.Client``. The result is the same.
    checkpoint
        Folder for what is finished. A second call with the same model and arguments reads it and goes on; it may be deleted when
        the screen is done.
    key_added
        Key of the result in ``adata.uns["landscape"]``.
    rng
        Seed or generator.
    copy
        Work on a copy of ``adata`` and return it.

    Returns
    -------
    ``None``, or the copy if ``copy=True``. Sets ``adata.uns["landscape"]["screen"]`` with

    ``table`` : DataFrame
        A row for each perturbation and fate; attractors of one label are one fate. ``perturbation`` (name), ``kind``
        (``"knock-out"``, ``"over-expression"``, ``"edge"``, ``"double"``), ``gene_1``, ``level_1``, ``gene_2``, ``level_2``, ``fate``;
        shares ``before`` and ``after`` over the ``n_paths`` of the fit, their ``change`` with its interval ``low`` to ``high``; change of
        the ``log_odds`` against all other fates, with ``log_odds_low`` and ``log_odds_high``; ``lfsr``, the probability that it is zero
        or has the other sign; ``s_value``; ``epistasis`` with ``epistasis_low``, ``epistasis_high`` and ``epistasis_lfsr``; ``acts``, whether
        the gene regulates another one (if not, the change is zero); ``inside``, whether the level is within the range over cells;
        ``becomes``, to which fates the attractors of this one flow. NaN where there are no replicates, or no pair.
    ``perturbations`` : DataFrame, perturbations
        ``kind``; share of the trajectories that are ``moved`` to another fate; the ``fate`` with the largest change, its ``change`` and
        ``lfsr``; number of attractors that are ``lost`` (the flow takes them to another fate) and of ``new`` ones that trajectories
        reach; ``n_paths``, ``inside``, ``acts``.
    ``attractors`` : DataFrame, perturbations x attractors
        Fate to which the noise-free flow takes each attractor.
    ``doses`` : DataFrame
        As ``table``, for genes at several levels; only with ``n_doses``.
    ``critical`` : DataFrame
        ``gene``, ``attractor``, ``own`` (level of the gene in it), ``way`` (held ``"lower"`` or ``"higher"``), ``critical_level`` at which the
        valley vanishes, ``kind`` of the bifurcation; NaN and ``"none"`` where it persists; ``becomes``, the fate to which its flow leads
        at zero or at the highest level, which may be another one without a bifurcation on the way. Only with ``n_doses``.
    ``start_tv``
        Total variation between the unperturbed shares of model and chain, NaN if the chain has no fates.

    Raises
    ------
    KeyError
        If the model, its attractors or a cell is missing.
    ValueError
        If a gene is no regulator of the model, an edge does not exist, a number is out of its range, or the replicates are too few
        for the rate asked for.

    References
    ----------
    Stephens (2017), *Biostatistics* 18, 275. https://doi.org/10.1093/biostatistics/kxw041

    Examples
    --------
    >>> import landscape as ls
    >>> adata = ls.datasets.hematopoiesis()  # doctest: +SKIP
    >>> ls.tl.screen(adata)  # doctest: +SKIP
    >>> ls.get.screen(adata, fate="Monocyte").head()  # doctest: +SKIP
    >>> ls.pl.screen(adata)  # doctest: +SKIP
    """
    adata = require_adata(adata)
    fitted = read_fitted(adata)
    _require(order, top, n_doses, precision)
    require_paths(n_particles=n_particles, duration=duration, max_disagreement=max_disagreement)
    n_replicates = len(fitted.models) - 1
    if lfsr is not None:
        require_replicates(lfsr, n_replicates)
    names = list(fitted.fit.regulators)
    chosen = names if genes is None else list(genes)
    single = [
        *singles(chosen, levels, regulators=names, states=fitted.x),
        *edge_knockouts(edges, fitted.fit, fitted.x),
    ]
    log_replicates(n_replicates)
    setting = setting_of(adata, fitted, cells=cells, duration=duration, n_particles=n_particles, rng=rng)
    store = None if checkpoint is None else Path(checkpoint)
    run = partial(
        run_with_progress,
        fitted.models,
        setting.start,
        setting.known,
        duration=setting.duration,
        rng=setting.seed,
        precision=precision,
        engine=engine,
        store=store,
    )
    record, found = single_record(run, single, setting.known)
    unperturbed = pd.Series(found.shares[0], list(setting.known.fates))
    record["start_tv"] = warn_of_disagreement(agreement_of(adata, unperturbed, setting.cells), max_disagreement)
    if order == 2:
        record = with_pairs(run, record, single, found, setting.known, top)
    if n_doses:
        record |= dose_record(run, record["perturbations"], single, fitted.fit, fitted.x, setting.known, n_doses)
    params = {
        "levels": [str(level) for level in levels],
        "order": order,
        "top": top,
        "n_doses": n_doses,
        "cells": cells_in_words(cells, setting),
        "duration": setting.duration,
        "diffusion": fitted.fit.diffusion_constant,
        "n_particles": n_particles,
        "n_replicates": n_replicates,
        "interval": INTERVAL,
        "max_disagreement": max_disagreement,
    }
    adata = adata.copy() if copy else adata
    write_result(adata, key_added, record, params=params, what=in_words(record["perturbations"]))
    return adata if copy else None


def _require(order: int, top: int, n_doses: int, precision: float | None) -> None:
    if order not in (1, 2):
        msg = f"Expected `order` 1 (single perturbations) or 2 (pairs too), found {order!r}."
        raise ValueError(msg)
    for name, value, least in (("top", top, 1), ("n_doses", n_doses, 0)):
        if isinstance(value, bool) or value != int(value) or value < least:
            msg = f"Expected `{name}` to be a whole number of at least {least}, found {value!r}."
            raise ValueError(msg)
    if precision is not None and not 0 < precision < 1:
        msg = f"Expected `precision` between 0 and 1, or None, found {precision}."
        raise ValueError(msg)

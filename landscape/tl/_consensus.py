"""Consensus of several models of the same cells, which rest on different latent models."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray

from landscape import _keys
from landscape._anndata import read, read_result, require_adata, results_of, write, write_result
from landscape._model import read_ensemble
from landscape.consensus import Consensus, Member, effects_over_models, level_sources, pairs_over_models
from landscape.consensus import consensus as consensus_of
from landscape.topography.fixed_points.matching import match_attractors

logger = logging.getLogger(__name__)

UNDECIDED = "undecided"
# Column with the number of each table between attractors, and whether it scatters by factors.
_BETWEEN = {_keys.BARRIERS: ("height", False), _keys.RATES: ("rate", True)}


def consensus(
    adata: AnnData,
    *,
    models: Sequence[AnnData],
    by: Literal["fate", "basin"] = "fate",
    latent: Sequence[Any] | None = None,
    least: float = 0.5,
    kept: float = 0.5,
    key_added: str = _keys.CONSENSUS,
    copy: bool = False,
) -> AnnData | None:
    r"""Consensus of several models of the same cells, so that a result does not depend on the seed of one latent model.

    Attractors of two models are the same if the same cells go there: average linkage of the Jaccard index of these cells, each
    counted by how decided its fate is, at most one attractor of each model in a group, down to a mean index of ``least``;
    attractors to which no cell goes are matched by their states. The *persistence* of an attractor is the share of the models that have it. From ``kept`` on it
    is kept, others are uncertain. Nothing is fitted again.

    Parameters
    ----------
    adata
        Annotated data for the result: the same cells in the same order; it may be one of the models.
    models
        At least two objects, each after :func:`landscape.tl.dynamics`, :func:`~landscape.tl.attractors`,
        :func:`~landscape.tl.basins` and :func:`~landscape.tl.fates`, on the same cells and genes. Let each rest on a latent
        model of its own seed and choose regulators once for all of them.
    by
        Which cells go to an attractor: those whose most probable ``"fate"`` on the chain it is, or those in its ``"basin"``
        without noise.
    latent
        Latent model of each of the models, such as ``[0, 0, 1, 1]`` for two seeds of the fit on each of two latent models. By
        default models with the same ``obsm["X_latent"]`` share theirs.
    least
        Smallest mean Jaccard index of attractors that are one.
    kept
        Share of the models from which on an attractor is kept.
    key_added
        Name of the result.
    copy
        Work on a copy of ``adata`` and return it.

    Returns
    -------
    ``None``, or the copy if ``copy=True``. Sets

    ``adata.obs["basin_consensus"]`` : categorical
        Attractor in whose basin more than half of the models have the cell; ``"undecided"`` where there is none.
    ``adata.obs["agreement"]``
        Probability that two models send the cell to the same attractor.
    ``adata.obsm["consensus_fates"]`` : DataFrame, cells x kept attractors
        Fate probabilities, the mean over models, and ``unresolved``, the rest. Rows sum to one.
    ``adata.obsm["consensus_terminal_fates"]`` : DataFrame, cells x terminal states
        The same of the terminal states of the chains, if all models have them (:func:`landscape.tl.terminal_states`).
    ``adata.uns["landscape"]["consensus"]``
        ``table`` of attractors: ``persistence``, ``kept``, ``n_models``, ``n_cells``, ``n_decided``, ``matched_by``. ``members``:
        their names in each model. ``levels`` of the regulators, mean and interval. ``variance``: shares of the latent model, the
        seed behind it, and the sample of cells, where the models have replicates or share latent models. ``terminal``: the
        table of terminal states. ``barriers``, ``rates`` and ``perturbations``, where at least two models have them. An interval
        holds the mean over as many other models with a probability of 90 %
        (:func:`landscape.consensus.spread_over_models`). :func:`landscape.get.consensus` returns them.

    Raises
    ------
    KeyError
        If a model lacks a result; the message says which one and how to compute it.
    TypeError
        If a model is no AnnData object.
    ValueError
        If there are fewer than two models, their cells or genes differ, results of a model do not belong together, or an
        option is out of its range.

    Examples
    --------
    >>> import landscape as ls
    >>> runs = [adata.copy() for _ in range(3)]  # doctest: +SKIP
    >>> for seed, each in enumerate(runs):  # doctest: +SKIP
    ...     ls.run(each, direction=..., rng=seed)
    >>> ls.tl.consensus(adata, models=runs)  # doctest: +SKIP
    >>> ls.get.consensus(adata)  # doctest: +SKIP
    """
    adata = require_adata(adata)
    models = _require_models(adata, models)
    if by not in ("fate", "basin"):
        msg = f"Expected `by` to be 'fate' or 'basin', found {by!r}."
        raise ValueError(msg)
    groups = _latent_models(models) if latent is None else pd.factorize(np.asarray(latent))[0].tolist()
    if len(groups) != len(models):
        msg = f"Expected the latent model of each of {len(models)} models in `latent`, found {len(groups)}."
        raise ValueError(msg)
    found = consensus_of([_member(model, m, by) for m, model in enumerate(models)], least=least, kept=kept)
    chains = _terminal_members(models)
    terminal = consensus_of(chains, least=least, kept=kept) if chains else None
    record = _record(models, found, groups) | ({"terminal": terminal.table} if terminal else {})
    adata = adata.copy() if copy else adata
    # Attractors that are kept come first.
    codes = np.where(found.basin >= 0, found.basin, len(found.kept))
    basin = pd.Categorical.from_codes(codes, [*found.kept, UNDECIDED])
    n = len(models)
    write(adata, "obs", f"{_keys.BASIN}_{key_added}", basin, what=f"basins on which most of {n} models agree")
    write(adata, "obs", _keys.AGREEMENT, found.agreement, what=f"agreement of {n} models on where a cell goes")
    tables = {_keys.FATES: found, f"{_keys.TERMINAL}_fates": terminal}
    for name, one in tables.items():
        if one is not None:
            table = one.fates.set_axis(adata.obs_names)
            write(adata, "obsm", f"{key_added}_{name}", table, what=f"mean probabilities over {n} models")
    params = {"n_models": n, "by": by, "least": least, "kept": kept, "latent": groups}
    uncertain = [str(name) for name in found.table.index if name not in found.kept]
    what = f"{len(found.kept)} attractors of {n} models: {found.kept}; uncertain: {uncertain}"
    write_result(adata, key_added, record, params=params, what=what)
    return adata if copy else None


def _require_models(adata: AnnData, models: Sequence[AnnData]) -> list[AnnData]:
    """The models, if they are at least two and of the same cells and genes."""
    if isinstance(models, AnnData) or len(models) < 2:
        found = "one AnnData object" if isinstance(models, AnnData) else f"{len(models)}"
        msg = f"Expected at least two AnnData objects in `models`, found {found}; fit one for each of several seeds with `landscape.tl.dynamics` and what follows it."
        raise ValueError(msg)
    known = [require_adata(model) for model in models]
    for m, model in enumerate(known):
        if not model.obs_names.equals(adata.obs_names):
            what = "the same in another order" if set(model.obs_names) == set(adata.obs_names) else "other cells"
            msg = (
                f"Expected the {adata.n_obs} cells of `adata` in `models[{m}]`, found {model.n_obs} cells, {what}; select and "
                "order cells before the models are fitted."
            )
            raise ValueError(msg)
        if set(model.var_names) != set(known[0].var_names):
            other = len(set(model.var_names) ^ set(known[0].var_names))
            msg = f"Expected the genes of `models[0]` in `models[{m}]`, found {other} that only one has; select genes once."
            raise ValueError(msg)
    return known


def _latent_models(models: Sequence[AnnData]) -> list[int]:
    """Number of the latent model of each model: the same where the latent variables are."""
    groups: list[int] = []
    for m, model in enumerate(models):
        z = model.obsm.get(_keys.LATENT)
        same = (k for k in range(m) if z is not None and np.array_equal(z, models[k].obsm.get(_keys.LATENT)))
        first = next(same, None)
        groups.append(max(groups, default=-1) + 1 if first is None else groups[first])
    if len(set(groups)) == 1:
        logger.warning(
            "all models rest on the same latent variables: the consensus says nothing of how a result depends on the latent "
            "model. Train one with another seed for each model"
        )
    return groups


def _member(adata: AnnData, m: int, by: str) -> Member:
    """Attractors of a model as the consensus takes them."""
    states = read_result(adata, _keys.ATTRACTORS, hint=f"run `landscape.tl.attractors(models[{m}])` first")["states"]
    names = tuple(str(name) for name in states.index)
    basin = read(adata, "obs", _keys.BASIN, hint=f"run `landscape.tl.basins(models[{m}])` first").astype(str)
    fates = read(adata, "obsm", _keys.FATES, hint=f"run `landscape.tl.fates(models[{m}])` first")
    # `tl.basins` names what reaches none "unresolved".
    unknown = (set(basin) - {*names, "unresolved"}) | (set(map(str, fates.columns)) - set(names))
    if unknown:
        msg = (
            f"Expected basins and fates of the attractors {list(names)} in `models[{m}]`, found {sorted(unknown)}; run "
            "`landscape.tl.basins` and `landscape.tl.fates` again after `landscape.tl.attractors`."
        )
        raise ValueError(msg)
    # An attractor at which no cell is absorbed has no column.
    probability = fates.reindex(columns=list(names)).to_numpy(dtype=float)
    probability[:, ~np.isin(names, fates.columns)] = np.where(fates.isna().all(axis=1), np.nan, 0.0)[:, None]
    basins = np.asarray(pd.Categorical(basin, categories=list(names)).codes, dtype=np.int64)
    labels = basins if by == "basin" else _most_probable(probability)
    return Member(names, labels, probability, states.rename(columns=str), basins)


def _most_probable(probability: NDArray[np.float64]) -> NDArray[np.int64]:
    """Fate with the highest probability, -1 without one."""
    known = np.nan_to_num(probability, nan=-1.0)
    return np.where(known.max(axis=1) > 0, known.argmax(axis=1), -1)


def _terminal_members(models: Sequence[AnnData]) -> list[Member]:
    """Terminal states of the chains; none if no model has them.

    Raises
    ------
    KeyError
        If some have them and others not.
    """
    key = f"{_keys.TERMINAL}_fates"
    if not any(key in adata.obsm for adata in models):
        logger.info("no model has terminal states: run `landscape.tl.terminal_states` on each for their mean fates")
        return []
    members = []
    for m, adata in enumerate(models):
        fates = read(adata, "obsm", key, hint=f"run `landscape.tl.terminal_states(models[{m}])` as on the others")
        values = fates.to_numpy(dtype=float)
        members.append(Member(tuple(map(str, fates.columns)), _most_probable(values), values))
    return members


def _record(models: Sequence[AnnData], found: Consensus, groups: Sequence[int]) -> dict[str, Any]:
    """Tables of the consensus."""
    states = [_replicates(model, found.regulators) for model in models]
    variance = level_sources(states, found.positions, groups, list(found.table.index))
    names = [found.names_in(m) for m in range(len(models))]
    record = {"table": found.table, "members": found.members, **found.level_tables, "variance": variance}
    return record | _between(models, names) | _effects(models, names)


def _between(models: Sequence[AnnData], names: Sequence[dict[str, str]]) -> dict[str, pd.DataFrame]:
    """Barriers and rates, if at least two models have them."""
    record = {}
    for key, (column, logarithmic) in _BETWEEN.items():
        has = [m for m, adata in enumerate(models) if key in results_of(adata)]
        if len(has) > 1:
            tables = [results_of(models[m])[key]["table"] for m in has]
            record[key] = pairs_over_models(tables, [names[m] for m in has], column, logarithmic=logarithmic)
    return record


def _replicates(adata: AnnData, regulators: Sequence[str]) -> NDArray[np.float64]:
    """Attractors of the replicates that match those of the model, or of the model alone; ``(n, attractors, regulators)``."""
    states = read_result(adata, _keys.ATTRACTORS, hint="run `landscape.tl.attractors` first")["states"]
    x = states.to_numpy(dtype=float)
    stack = [match_attractors(replicate.drift, x) for replicate in read_ensemble(adata)] or [x]
    return np.array(stack)[:, :, states.columns.astype(str).get_indexer(list(regulators))]


def _effects(models: Sequence[AnnData], names: Sequence[dict[str, str]]) -> dict[str, dict[str, pd.DataFrame]]:
    """Effects of the perturbations that at least two models have."""
    changes: dict[str, dict[int, pd.Series]] = {}
    for m, adata in enumerate(models):
        for key, record in results_of(adata).get(_keys.PERTURBATIONS, {}).items():
            if key != "params" and "fates" in record:
                changes.setdefault(str(key), {})[m] = record["fates"]["change"]
    effects = {
        key: effects_over_models(list(by_model.values()), [names[m] for m in by_model])
        for key, by_model in changes.items()
        if len(by_model) > 1
    }
    return {_keys.PERTURBATIONS: effects} if effects else {}

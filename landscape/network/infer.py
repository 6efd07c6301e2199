"""Inference of a network from expression, with any method: weights, confidence and support."""

from __future__ import annotations

import difflib
import inspect
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from landscape._random import RandomLike, generator, seed_of
from landscape.network.data.arrays import FloatArray
from landscape.network.data.engine import Engine
from landscape.network.data.expression import Expression
from landscape.network.data.groups import MAX_GROUPS, Groups, groups_of, stump_thresholds
from landscape.network.data.moments import Moments
from landscape.network.data.prior import Prior
from landscape.network.evidence.confidence import (
    EXPECTED_FALSE,
    MAX_FDR,
    MIN_STABILITY,
    Confidence,
    bootstrap,
    selected_edges,
)
from landscape.network.evidence.decoys import MAX_DECOYS, stratified_false_discovery, with_decoys
from landscape.network.methods.method import METHODS, Method, method_of
from landscape.network.methods.penalty import gcv_penalty, reproducible_deconfounding, reproducible_penalty
from landscape.network.methods.ridge import REVERSE_SHARE

logger = logging.getLogger(__name__)

#: With more regulators there are too few cells per coefficient to learn the shapes of responses.
MAX_SHAPE_REGULATORS = 100


@dataclass(frozen=True)
class Network:
    """Weights of all edges from regulators (rows) to targets (columns).

    Attributes
    ----------
    weights
        Weights, shape ``(p, q)``; those of unsigned methods are not negative.
    support
        Mask of the selected edges (:func:`landscape.network.evidence.confidence.selected_edges`), same shape.
    stability, sd
        Stability and standard deviation of every edge over bootstraps
        (:class:`landscape.network.evidence.confidence.Confidence`). ``None`` without bootstraps; there is no stability with
        twenty regulators or fewer (:func:`landscape.network.evidence.confidence.selects`).
    fdr
        Empirical false-discovery rate of every edge from decoys. ``None`` without decoys.
    regulators
        Column of every regulator among the targets, shape ``(p,)``.
    constant_regulators, constant_targets
        Columns that do not vary once covariates are regressed out; their weights are zero.
    method
        Name of the method.
    params
        All settings.
    """

    weights: FloatArray
    support: NDArray[np.bool_]
    stability: FloatArray | None
    sd: FloatArray | None
    fdr: FloatArray | None
    regulators: NDArray[np.int64]
    constant_regulators: NDArray[np.int64]
    constant_targets: NDArray[np.int64]
    method: str
    params: Mapping[str, Any]


def infer(
    data: Expression,
    *,
    method: str | Callable[..., FloatArray] = "ridge",
    penalty: float | Literal["auto", "gcv"] = "auto",
    deconfounding: float | Literal["auto"] = "auto",
    prior: Prior | None = None,
    shape: bool | Literal["auto"] = "auto",
    n_bootstraps: int = 50,
    n_decoys: int = MAX_DECOYS,
    stable: float = MIN_STABILITY,
    max_fdr: float = MAX_FDR,
    expected_false: float = EXPECTED_FALSE,
    engine: Engine = None,
    checkpoint: str | Path | None = None,
    rng: RandomLike = 0,
    **options: Any,
) -> Network:
    r"""Infer a network of regulators and targets.

    Parameters
    ----------
    data
        Expression, from :func:`landscape.network.expression`.
    method
        Name of one of :data:`METHODS`, or a function ``function(moments, regulators, **options)`` that returns weights.
    penalty
        Penalty of the ridge. ``"auto"``: :func:`landscape.network.methods.penalty.reproducible_penalty`. ``"gcv"``: one per
        block of targets, :func:`landscape.network.methods.penalty.gcv_penalty`.
    deconfounding
        Exponent :math:`\kappa` of the spectral deconfounding of a ridge
        (:func:`landscape.network.methods.spectrum.deconfounded`). ``"auto"``:
        :func:`landscape.network.methods.penalty.reproducible_deconfounding`.
    prior
        Prior edges, from :func:`landscape.network.prior_of`.
    shape
        Learn the shapes of responses too (see :func:`landscape.network.ridge`). ``"auto"``: for values that are not counts,
        with at most 100 regulators. The logarithm makes responses to counts nearly linear; the scale of other values is
        unknown.
    n_bootstraps
        Number of Poisson bootstraps for stability and standard deviations, 0 for none.
    n_decoys
        Number of decoys for the false-discovery rate, at most one per regulator, 0 for none.
    stable, max_fdr
        Smallest stability, over 1/2, and largest false-discovery rate of the selected edges (the support).
    expected_false
        Bound on the expected number of falsely selected edges per target
        (:func:`landscape.network.evidence.confidence.n_selected`).
    engine
        ``None`` for this process, a number of processes, ``"cuda"`` or another device of torch, or a
        ``distributed.Client``.
    checkpoint
        File for the sums over cells, written while cells are read. An interrupted run is resumed from it, with the same
        result to the last digit; another method or penalty on the same cells sums nothing again. Cells that have changed
        are noticed, wherever they are.
    rng
        Seed or generator.
    options
        Passed to the method.

    Returns
    -------
    Weights, confidence and support of all edges.

    Raises
    ------
    ValueError
        If the method is unknown or lacks an input, no regulator or target varies, or there are not more cells than regulators.
    """
    record = method_of(method)
    _check_fit(data, record, prior, n_bootstraps)
    _check_rules(stable=stable, max_fdr=max_fdr, expected_false=expected_false)
    random = generator(rng)
    settings = {
        "method": record.name, "transform": data.transform, "target_sum": data.target_sum,
        "regress_depth": data.regress_depth, "n_cells": data.n_cells, "stable": stable, "max_fdr": max_fdr,
        "expected_false": expected_false, **options,
    }  # fmt: skip
    if record.takes_prior and prior is not None:
        options["prior"] = prior
        settings["prior_coverage"] = prior.coverage
    if record.needs_cells:
        return _from_cells(data, record, options, settings)
    data = with_decoys(data, n_decoys, seed=seed_of(random) >> 1)
    shaped = _uses_stumps(data, record, shape=shape)
    thresholds = stump_thresholds(data) if shaped else None
    n_groups = MAX_GROUPS if n_bootstraps else 2  # two halves choose the penalty
    groups = groups_of(
        data, thresholds=thresholds, max_groups=n_groups, seed=seed_of(random), engine=engine, checkpoint=checkpoint
    )
    _require_variation(groups.moments(), len(data.regulators))
    if record.takes_penalty:
        reverse = options.get("reverse_share", REVERSE_SHARE) != 0
        chosen = _tuned(groups, data, record, penalty, deconfounding, reverse=reverse)
        options |= chosen
        settings |= chosen
    settings["shape"] = shaped
    return _with_confidence(
        data, groups, record, options, settings, n_bootstraps=n_bootstraps, rng=random,
        rules={"stable": stable, "max_fdr": max_fdr, "expected_false": expected_false},
    )  # fmt: skip


def require_keywords(options: Iterable[str], method: str | Callable[..., FloatArray] | Method = "ridge") -> None:
    """Refuse keywords that neither :func:`infer` nor the method takes, before anything is computed.

    Raises
    ------
    TypeError
        The message has the keywords that there are.
    """
    parameters = inspect.signature(method_of(method).function).parameters.values()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return
    own = {parameter.name for parameter in parameters if parameter.default is not parameter.empty}
    fixed = {"data", "method", "prior", "n_bootstraps", "rng", "options"}
    known = sorted(own | set(inspect.signature(infer).parameters) - fixed)
    if unknown := [name for name in options if name not in known]:
        near = difflib.get_close_matches(unknown[0], known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}."
        msg = f"Expected keywords of a network by the method {method_of(method).name!r}, found {', '.join(map(repr, unknown))}; {hint}"
        raise TypeError(msg)


def _with_confidence(
    data: Expression,
    groups: Groups,
    record: Method,
    options: dict[str, Any],
    settings: dict[str, Any],
    *,
    n_bootstraps: int,
    rng: np.random.Generator,
    rules: dict[str, float],
) -> Network:
    p = len(data.regulators)
    everything = groups.moments()
    whole = everything.regulators_only(np.arange(p)) if data.decoy_of is not None else everything

    def fit(moments: Moments) -> FloatArray:
        part = moments.regulators_only(np.arange(p)) if data.decoy_of is not None else moments
        return _checked(record.function(part, data.regulators, **options), (p, data.n_genes), record.name)

    weights = fit(whole)
    fdr = None
    if data.decoy_of is not None:
        spread = everything.linear().x_sd
        null = _decoy_weights(everything, data, record, options)
        fdr = stratified_false_discovery(weights, null, rows=spread[:p], decoy_rows=spread[p:], columns=whole.y_sd)
    confidence: Confidence | None = None
    if n_bootstraps:
        confidence = bootstrap(
            groups,
            fit,
            weights,
            n_bootstraps=n_bootstraps,
            expected_false=rules["expected_false"],
            stable=rules["stable"],
            rng=rng,
        )
    stability = None if confidence is None else confidence.stability
    support = selected_edges(weights, stability, fdr, stable=rules["stable"], max_fdr=rules["max_fdr"])
    settings |= {
        "n_bootstraps": n_bootstraps,
        "n_decoys": 0 if data.decoy_of is None else len(data.decoy_of),
        "n_selected": p if confidence is None else confidence.n_selected,
    }
    constant = data.regulators[whole.linear().x_sd == 0]
    return Network(
        weights, support, stability, None if confidence is None else confidence.sd, fdr, data.regulators, constant,
        np.flatnonzero(whole.y_sd == 0), record.name, settings,
    )  # fmt: skip


def _decoy_weights(moments: Moments, data: Expression, record: Method, options: dict[str, Any]) -> FloatArray:
    """Weights of decoys in a fit together with all regulators; a decoy does not explain the gene that it was made from."""
    if data.decoy_of is None:
        return np.zeros((0, data.n_genes))
    names = np.concatenate([data.regulators, data.decoy_of])
    without_prior = {name: value for name, value in options.items() if name != "prior"}
    return record.function(moments, names, **without_prior)[len(data.regulators) :]


def _from_cells(data: Expression, record: Method, options: dict[str, Any], settings: dict[str, Any]) -> Network:
    weights = _checked(record.function(data, **options), (len(data.regulators), data.n_genes), record.name)
    constant = data.regulators[~weights.any(axis=1)]
    return Network(
        weights, weights != 0, None, None, None, data.regulators, constant, np.flatnonzero(~weights.any(axis=0)),
        record.name, settings | {"n_bootstraps": 0, "n_decoys": 0},
    )  # fmt: skip


def _tuned(
    groups: Groups, data: Expression, record: Method, penalty: float | str, deconfounding: float | str, *, reverse: bool
) -> dict[str, float | FloatArray]:
    """Penalty and deconfounding: the values given, or those at which two halves of the cells agree."""
    rows = np.arange(len(data.regulators))
    result: dict[str, float | FloatArray] = {}
    if penalty == "gcv":
        result["penalty"] = gcv_penalty(groups.moments().linear().regulators_only(rows), data.regulators)
    elif penalty != "auto":
        result["penalty"] = float(penalty)
    if "penalty" in result and (deconfounding != "auto" or not record.takes_deconfounding):
        return result | ({"deconfounding": float(deconfounding)} if record.takes_deconfounding else {})
    first, second = (half.linear().regulators_only(rows) for half in groups.halves())
    if penalty == "auto":
        found = reproducible_penalty((first, second), data.regulators)
        result["penalty"] = found.value
        logger.info(
            "penalty %.3g: two halves of the cells agree to %.2f, the maximum over penalties is %.2f",
            found.value, found.reproducibility[found.grid == found.value][0], found.reproducibility.max(),
        )  # fmt: skip
    if record.takes_deconfounding:
        middle = float(np.median(result["penalty"]))
        automatic = deconfounding == "auto"
        pair = first, second
        if reverse and first.contemporaneous is not None and second.contemporaneous is not None:
            pair = first.contemporaneous, second.contemporaneous
        result["deconfounding"] = (
            reproducible_deconfounding(pair, data.regulators, penalty=middle) if automatic else float(deconfounding)
        )
    return result


def _uses_stumps(data: Expression, record: Method, *, shape: bool | Literal["auto"]) -> bool:
    if record.needs_stumps:
        return True
    if not record.takes_stumps:
        return False
    if shape == "auto":
        return data.transform == "none" and len(data.regulators) <= MAX_SHAPE_REGULATORS
    return bool(shape)


def _check_fit(data: Expression, record: Method, prior: Prior | None, n_bootstraps: int) -> None:
    if n_bootstraps < 0:
        msg = f"Expected `n_bootstraps` of at least 0, found {n_bootstraps}."
        raise ValueError(msg)
    if len(data.regulators) >= data.n_cells:
        msg = (
            f"Expected fewer regulators than cells, found {len(data.regulators)} regulators and {data.n_cells} cells; "
            "pass fewer with `regulators=`, for instance those detected in at least 1 % of the cells."
        )
        raise ValueError(msg)
    if record.needs_prior and prior is None:
        msg = f"Expected `prior` for the method {record.name!r}, found None; pass edges as a DataFrame."
        raise ValueError(msg)
    if prior is not None and not record.takes_prior:
        able = [method.name for method in METHODS if method.takes_prior]
        msg = f"Expected no `prior` for the method {record.name!r}, which cannot use one; methods that can: {able}."
        raise ValueError(msg)


def _check_rules(*, stable: float, max_fdr: float, expected_false: float) -> None:
    if not 0.5 < stable <= 1:
        msg = f"Expected `stable` above 0.5, below which stability selection bounds nothing, and at most 1; found {stable}."
        raise ValueError(msg)
    if not 0 <= max_fdr <= 1:
        msg = f"Expected `max_fdr` from 0 to 1, found {max_fdr}."
        raise ValueError(msg)
    if not expected_false > 0:
        msg = f"Expected `expected_false` above 0, found {expected_false}."
        raise ValueError(msg)


def _require_variation(moments: Moments, n_regulators: int) -> None:
    if not (moments.x_sd[:n_regulators] > 0).any():
        msg = f"Expected regulators that vary, found {n_regulators} constant ones; pass other regulators."
        raise ValueError(msg)
    if not (moments.y_sd > 0).any():
        msg = f"Expected targets that vary, found {len(moments.y_sd)} constant ones."
        raise ValueError(msg)


def _checked(weights: FloatArray, shape: tuple[int, int], name: str) -> FloatArray:
    weights = np.asarray(weights, dtype=np.float64)
    if weights.shape != shape:
        msg = f"Expected weights of shape {shape} from the method {name!r}, found {weights.shape}."
        raise ValueError(msg)
    if not np.isfinite(weights).all():
        msg = f"Expected finite weights from the method {name!r}, found {int((~np.isfinite(weights)).sum())} others."
        raise ValueError(msg)
    return weights

"""From expression to a network: weights, confidence and support, whatever the method."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from landscape._random import RandomLike, generator, seed_of
from landscape.network.data.engine import Engine
from landscape.network.data.expression import Expression, FloatArray
from landscape.network.data.groups import N_GROUPS, Groups, groups_of, step_thresholds
from landscape.network.data.moments import Moments
from landscape.network.data.prior import Prior
from landscape.network.evidence.confidence import EXPECTED_FALSE, MAX_FDR, STABLE, Confidence, bootstrap, support_of
from landscape.network.evidence.decoys import MAX_DECOYS, stratified_false_discovery, with_decoys
from landscape.network.methods.method import METHODS, Method
from landscape.network.methods.penalty import gcv_penalty, reproducible_deconfounding, reproducible_penalty
from landscape.network.methods.ridge import REVERSE_SHARE

logger = logging.getLogger(__name__)

#: Above this many regulators there are too few cells per coefficient to learn the shape of each response.
SHAPE_MAX_REGULATORS = 100


@dataclass(frozen=True)
class Network:
    """Scores of all edges from regulators (rows) to targets (columns).

    Attributes
    ----------
    weights
        Signed weights, shape ``(p, q)``; unsigned methods have no negative ones.
    support
        Edges that count, see :func:`landscape.network.evidence.confidence.support_of`.
    stability, sd
        Selection frequency and standard deviation over bootstraps, ``None`` without bootstraps.
    fdr
        Empirical false-discovery rate from decoys, ``None`` without decoys.
    regulators
        Column of every row among the targets.
    constant_regulators, constant_targets
        Columns left out because they do not vary once covariates are regressed out; their weights are zero.
    method
        Name of the method.
    params
        Everything that decided the result.
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
    stable: float = STABLE,
    max_fdr: float = MAX_FDR,
    expected_false: float = EXPECTED_FALSE,
    engine: Engine = None,
    checkpoint: str | Path | None = None,
    rng: RandomLike = 0,
    **options: Any,
) -> Network:
    """Infer a network.

    Parameters
    ----------
    data
        Made by :func:`landscape.network.expression`.
    method
        Name of one of :data:`METHODS`, or ``function(moments, regulators, **options)`` that returns weights.
    penalty
        Ridge penalty of methods that take one. ``"auto"``: :func:`landscape.network.methods.penalty.reproducible_penalty`; ``"gcv"``:
        one per block of targets, :func:`landscape.network.methods.penalty.gcv_penalty`.
    deconfounding
        How far large singular values of a ridge of one kind of counts are compressed; ``"auto"``:
        :func:`landscape.network.methods.penalty.reproducible_deconfounding`.
    prior
        Edges known beforehand, made by :func:`landscape.network.prior_of`.
    shape
        Let ``ridge`` learn the shape of responses too, see there. ``"auto"``: for values that are no counts, of at most 100
        regulators. The logarithm makes counts nearly linear; the scale of other values is not known.
    n_bootstraps
        Poisson bootstraps behind stability and standard deviations; 0 for none.
    n_decoys
        Decoys behind the false-discovery rate, at most one per regulator; 0 for none.
    stable, max_fdr, expected_false
        The support: edges with at least this stability and at most this false-discovery rate, of which about
        ``expected_false`` per target may be chance (:func:`landscape.network.evidence.confidence.n_selected`).
    engine
        ``None`` for this process, a number of processes, ``"cuda"`` or another device of torch, or a
        ``distributed.Client``.
    checkpoint
        File for the sums over cells, written while they are read. A run that was stopped goes on from there, to the same
        digits, and another method or penalty on the same cells reads none.
    rng
        Seed or generator.
    options
        Passed to the method.

    Raises
    ------
    ValueError
        If the method is unknown or misses what it needs, no regulator varies, or regulators outnumber cells.
    """
    record = _resolve(method)
    _check_fit(data, record, prior, n_bootstraps)
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
    shaped = _wants_steps(data, record, shape=shape)
    thresholds = step_thresholds(data) if shaped else None
    n_groups = N_GROUPS if n_bootstraps else 2  # halves for the penalty
    groups = groups_of(
        data, thresholds=thresholds, max_groups=n_groups, seed=seed_of(random), engine=engine, checkpoint=checkpoint
    )
    _require_variation(groups.moments(), len(data.regulators))
    if record.takes_penalty:
        chosen = _tuned(
            groups, data, record, penalty, deconfounding, timed=options.get("reverse_share", REVERSE_SHARE) != 0
        )
        options |= chosen
        settings |= chosen
    settings["shape"] = shaped
    return _with_confidence(
        data, groups, record, options, settings, n_bootstraps=n_bootstraps, rng=random,
        rules={"stable": stable, "max_fdr": max_fdr, "expected_false": expected_false},
    )  # fmt: skip


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
    every = groups.moments()
    whole = every.regulators_only(np.arange(p)) if data.decoy_of is not None else every

    def fit(found: Moments) -> FloatArray:
        part = found.regulators_only(np.arange(p)) if data.decoy_of is not None else found
        return _checked(record.function(part, data.regulators, **options), (p, data.n_genes), record.name)

    weights = fit(whole)
    fdr = None
    if data.decoy_of is not None:
        spread = every.linear().x_sd
        fdr = stratified_false_discovery(
            weights, _null(every, data, record, options), rows=spread[:p], decoy_rows=spread[p:], columns=whole.y_sd
        )
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
    support = support_of(weights, stability, fdr, stable=rules["stable"], max_fdr=rules["max_fdr"])
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


def _null(every: Moments, data: Expression, record: Method, options: dict[str, Any]) -> FloatArray:
    """Weights of decoys beside all real regulators; a decoy stands for its gene and does not explain it."""
    if data.decoy_of is None:
        return np.zeros((0, data.n_genes))
    names = np.concatenate([data.regulators, data.decoy_of])
    plain = {name: value for name, value in options.items() if name != "prior"}
    return record.function(every, names, **plain)[len(data.regulators) :]


def _from_cells(data: Expression, record: Method, options: dict[str, Any], settings: dict[str, Any]) -> Network:
    weights = _checked(record.function(data, **options), (len(data.regulators), data.n_genes), record.name)
    idle = data.regulators[~weights.any(axis=1)]
    return Network(
        weights, weights != 0, None, None, None, data.regulators, idle, np.flatnonzero(~weights.any(axis=0)),
        record.name, settings | {"n_bootstraps": 0, "n_decoys": 0},
    )  # fmt: skip


def _tuned(
    groups: Groups, data: Expression, record: Method, penalty: float | str, deconfounding: float | str, *, timed: bool
) -> dict[str, float | FloatArray]:
    """Penalty and flattening, each as asked for or as far as two halves of the cells agree."""
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
            "penalty %.3g: two halves of the cells agree to %.2f there, at most to %.2f",
            found.value, found.reproducibility[found.grid == found.value][0], found.reproducibility.max(),
        )  # fmt: skip
    if record.takes_deconfounding:
        middle = float(np.median(result["penalty"]))
        automatic = deconfounding == "auto"
        pair = first, second
        if timed and first.steady is not None and second.steady is not None:
            pair = first.steady, second.steady
        result["deconfounding"] = (
            reproducible_deconfounding(pair, data.regulators, penalty=middle) if automatic else float(deconfounding)
        )
    return result


def _wants_steps(data: Expression, record: Method, *, shape: bool | Literal["auto"]) -> bool:
    if record.needs_steps:
        return True
    if record.name != "ridge":
        return False
    if shape == "auto":
        return data.transform == "none" and len(data.regulators) <= SHAPE_MAX_REGULATORS
    return bool(shape)


def _check_fit(data: Expression, record: Method, prior: Prior | None, n_bootstraps: int) -> None:
    if n_bootstraps < 0:
        msg = f"Expected `n_bootstraps` of at least 0, found {n_bootstraps}."
        raise ValueError(msg)
    if len(data.regulators) >= data.n_cells:
        msg = (
            f"Expected fewer regulators than cells, found {len(data.regulators)} regulators and {data.n_cells} cells; "
            "pass fewer with `regulators=`, such as those detected in at least 1 % of the cells."
        )
        raise ValueError(msg)
    if record.needs_prior and prior is None:
        msg = f"Expected `prior` for the method {record.name!r}, found None; pass edges as a DataFrame."
        raise ValueError(msg)
    if prior is not None and not record.takes_prior:
        able = [method.name for method in METHODS if method.takes_prior]
        msg = (
            f"Expected no `prior` for the method {record.name!r}, which has no use for one; methods that have: {able}."
        )
        raise ValueError(msg)


def _require_variation(moments: Moments, n_regulators: int) -> None:
    if not (moments.x_sd[:n_regulators] > 0).any():
        msg = f"Expected regulators that vary, found {n_regulators} constant ones; pass others."
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


def _resolve(method: str | Callable[..., FloatArray] | Method) -> Method:
    if isinstance(method, Method):
        return method
    if callable(method):
        name = getattr(method, "__name__", "custom")
        return Method(name, method, signed=True, directed=True, needs_prior=False, reference="given by the user")
    known = {record.name: record for record in METHODS}
    if method not in known:
        msg = f"Expected `method` to be one of {sorted(known)}, a function or a table of edges, found {method!r}."
        raise ValueError(msg)
    return known[method]

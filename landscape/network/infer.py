"""From expression to a network: weights, confidence and support, whatever the method."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape._random import RandomLike, generator
from landscape.network.confidence import STABLE, bootstrap, group_sums
from landscape.network.expression import Expression, FloatArray
from landscape.network.method import Method
from landscape.network.moments import Moments, moments_of, total_sums
from landscape.network.ridge import ridge

METHODS: tuple[Method, ...] = (
    Method(
        "ridge",
        ridge,
        signed=True,
        directed=True,
        needs_prior=False,
        reference="https://doi.org/10.1080/00401706.1970.10488634",
    ),
)


@dataclass(frozen=True)
class Network:
    """Scores of all edges from regulators (rows) to targets (columns).

    Attributes
    ----------
    weights
        Signed weights, shape ``(p, q)``.
    support
        Edges that count: those with a stability of at least ``stable``.
    stability, sd
        Confidence of every edge, ``None`` without bootstraps.
    regulators
        Column of every row among the targets.
    constant_regulators, constant_targets
        Columns left out because they do not vary; their weights are zero.
    method
        Name of the method.
    params
        Everything that decided the result.
    """

    weights: FloatArray
    support: NDArray[np.bool_]
    stability: FloatArray | None
    sd: FloatArray | None
    regulators: NDArray[np.int64]
    constant_regulators: NDArray[np.int64]
    constant_targets: NDArray[np.int64]
    method: str
    params: Mapping[str, Any]


def infer(
    data: Expression,
    *,
    method: str | Callable[..., FloatArray] = "ridge",
    n_bootstraps: int = 50,
    n_groups: int = 50,
    stable: float = STABLE,
    expected_false: float = 1.0,
    rng: RandomLike = 0,
    **options: Any,
) -> Network:
    """Infer a network.

    Parameters
    ----------
    data
        Made by :func:`landscape.network.expression`.
    method
        Name of one of :data:`METHODS`, or ``function(moments, regulators, **options)``.
    n_bootstraps
        Poisson bootstraps behind stability and standard deviations; 0 for none, then every edge is supported.
    n_groups
        Groups of cells that a bootstrap draws.
    stable, expected_false
        Rule of the support, see :func:`landscape.network.confidence.n_selected`.
    rng
        Seed or generator.
    options
        Passed to the method.
    """
    name, function = _resolve(method)
    random = generator(rng)
    groups = group_sums(data, min(n_groups, data.n_cells), random)
    whole = moments_of(total_sums(groups))
    if not (whole.x_sd > 0).any():
        msg = f"Expected regulators that vary, found {len(whole.x_sd)} constant ones."
        raise ValueError(msg)

    def fit(found: Moments) -> FloatArray:
        return function(found, data.regulators, **options)

    weights = fit(whole)
    stability = sd = None
    support = weights != 0
    selected = len(weights)
    if n_bootstraps:
        confidence = bootstrap(
            groups, fit, weights, n_bootstraps=n_bootstraps, expected_false=expected_false, rng=random
        )
        stability, sd, selected = confidence.stability, confidence.sd, confidence.n_selected
        support &= stability >= stable
    params = {
        "method": name,
        "transform": data.transform,
        "target_sum": data.target_sum,
        "regress_depth": data.regress_depth,
        "n_cells": data.n_cells,
        "n_bootstraps": n_bootstraps,
        "stable": stable,
        "n_selected": selected,
        **options,
    }
    return Network(
        weights,
        support,
        stability,
        sd,
        data.regulators,
        data.regulators[whole.x_sd == 0],
        np.flatnonzero(whole.y_sd == 0),
        name,
        params,
    )


def _resolve(method: str | Callable[..., FloatArray]) -> tuple[str, Callable[..., FloatArray]]:
    if callable(method):
        return getattr(method, "__name__", "custom"), method
    known = {record.name: record for record in METHODS}
    if method not in known:
        msg = f"Expected `method` to be one of {sorted(known)} or a function, found {method!r}."
        raise ValueError(msg)
    return method, known[method].function

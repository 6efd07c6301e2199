"""Networks whose regulators have several drawn values: one network per draw, put together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from landscape._random import RandomLike, generator, seed_of
from landscape.network.data.expression import TARGET_SUM, expression
from landscape.network.data.prior import Prior
from landscape.network.evidence.confidence import MAX_FDR, MIN_STABILITY, selected_edges
from landscape.network.infer import Network, infer
from landscape.network.methods.method import method_of

FloatArray = NDArray[np.float64]
# Depth of a cell without counts, of which the logarithm is taken.
LEAST_DEPTH = 0.5


def infer_from_draws(
    draws: Iterable[FloatArray],
    regulators: NDArray[np.int64],
    *,
    counts: sparse.csr_matrix,
    response: sparse.csr_matrix | None = None,
    covariates: FloatArray | None = None,
    n_draws: int,
    n_bootstraps: int,
    method: str | Callable[..., FloatArray],
    prior: Prior | None = None,
    rng: RandomLike = 0,
    options: dict[str, Any],
) -> Network:
    """Explain raw counts of targets by drawn values of regulators, once per draw, and put the networks together.

    Weights are means over draws. The variance of a weight is that over bootstraps plus that over draws; bootstraps are
    shared out among the draws.

    Parameters
    ----------
    draws
        Values of all genes in all cells per 10,000, shape ``(n, genes)``, one array for each draw.
    regulators
        Column of each regulator among the genes.
    counts, response
        Counts, and those that are explained instead of them, cells x genes.
    covariates
        Covariates of the cells, shape ``(n, m)``.
    n_draws
        Number of draws.
    n_bootstraps
        Number of bootstraps in all.
    method, prior
        As in :func:`landscape.network.infer`.
    rng
        Seed or generator; a generator that the draws share is used in turns.
    options
        Options of :func:`landscape.network.infer`.
    """
    random = generator(rng)
    raw = expression(counts, regulators, response=response)
    extra = [part for part in (covariates, _depth(counts, response) if raw.regress_depth else None) if part is not None]
    if method_of(method).takes_reverse_share:
        options = {"reverse_share": 0.0} | options  # a model's value and a count of one gene are of the same age
    found = []
    each = int(np.ceil(n_bootstraps / n_draws)) if n_bootstraps else 0
    for drawn in draws:
        data = expression(
            drawn, regulators, response=counts if response is None else response, transform="log",
            target_sum=TARGET_SUM, covariates=np.concatenate(extra, axis=1) if extra else None, regress_depth=False,
        )  # fmt: skip
        seed = seed_of(random)
        found.append(infer(data, method=method, prior=prior, n_bootstraps=each, rng=seed, **options))
    if len(found) == 1:
        return found[0]
    return combine_draws(found, stable=options.get("stable", MIN_STABILITY), max_fdr=options.get("max_fdr", MAX_FDR))


def combine_draws(found: list[Network], *, stable: float = MIN_STABILITY, max_fdr: float = MAX_FDR) -> Network:
    """One network from those of several draws: mean weights, and the variance within and between draws.

    Parameters
    ----------
    found
        Networks of the same regulators and targets, two at least.
    stable, max_fdr
        As in :func:`landscape.network.infer`, for the support.
    """
    weights = np.mean([one.weights for one in found], axis=0)
    variance = np.var([one.weights for one in found], axis=0, ddof=1)
    variance = variance + _mean([None if one.sd is None else one.sd**2 for one in found], 0.0)
    stability, fdr = _mean([one.stability for one in found]), _mean([one.fdr for one in found])
    support = selected_edges(weights, stability, fdr, stable=stable, max_fdr=max_fdr)
    return replace(found[0], weights=weights, sd=np.sqrt(variance), stability=stability, fdr=fdr, support=support)


def _mean(parts: list[FloatArray | None], otherwise: Any = None) -> Any:
    known = [part for part in parts if part is not None]
    return np.mean(known, axis=0) if known else otherwise


def _depth(counts: sparse.csr_matrix, response: sparse.csr_matrix | None) -> FloatArray:
    """Logarithm of the depth and number of genes seen, of both matrices."""
    columns = []
    for matrix in (counts, response):
        if matrix is not None:
            columns += [np.log(np.maximum(np.asarray(matrix.sum(axis=1)).ravel(), LEAST_DEPTH)), np.diff(matrix.indptr)]
    return np.column_stack(columns).astype(np.float64)

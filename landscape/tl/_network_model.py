"""Networks whose regulators come from a latent model: posterior draws, or decoded means with a warning."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from anndata import AnnData
from numpy.typing import NDArray
from scipy import sparse

from landscape._random import RandomLike, generator, seed_of
from landscape.network import Network, Prior, expression, infer
from landscape.network.data.expression import TARGET_SUM
from landscape.network.evidence.confidence import MAX_FDR, MIN_STABILITY, selected_edges
from landscape.network.methods.method import method_of

FloatArray = NDArray[np.float64]
Values = Literal["counts", "draws", "decoded"]
VALUES: tuple[Values, ...] = ("counts", "draws", "decoded")


def require_values(values: str, model: Any | None, *, metacells: object) -> None:
    """Refuse an unknown source of values, one that needs a model where there is none, and one that metacells exclude."""
    if values not in VALUES:
        msg = f"Expected `values` to be one of {VALUES}, found {values!r}."
        raise ValueError(msg)
    if values == "counts":
        return
    if model is None:
        msg = f"Expected `model`, a trained `landscape.latent.LatentModel`, for values={values!r}, found None."
        raise ValueError(msg)
    if metacells is not None:
        msg = f"Expected either `metacells` or values={values!r}, found both; metacells are sums of counts."
        raise ValueError(msg)


def infer_from_model(
    adata: AnnData,
    model: Any,
    index: NDArray[np.int64],
    *,
    counts: sparse.csr_matrix,
    response: sparse.csr_matrix | None,
    covariates: FloatArray | None,
    values: Values,
    n_draws: int,
    n_bootstraps: int,
    method: str | Callable[..., FloatArray],
    prior: Prior | None,
    rng: RandomLike,
    options: dict[str, Any],
) -> Network:
    """Explain raw counts of targets by the model's values of regulators, once per draw, and put the draws together.

    Weights are means over draws. The variance of a weight is that over bootstraps plus that over draws; bootstraps are
    shared out among the draws.
    """
    if values == "decoded":
        warnings.warn(
            "decoded means are smooth: all genes follow the few latent dimensions, regulators become collinear, and a network "
            "regressed on them loses about half of its accuracy; values='draws' keeps the uncertainty, values='counts' the data",
            UserWarning,
            stacklevel=3,
        )
        n_draws = 1
    if n_draws < 1:
        msg = f"Expected `n_draws` of at least 1, found {n_draws}."
        raise ValueError(msg)
    random = generator(rng)
    raw = expression(counts, index, response=response)
    extra = [part for part in (covariates, _depth(counts, response) if raw.regress_depth else None) if part is not None]
    if method_of(method).takes_reverse_share:
        options = {"reverse_share": 0.0} | options  # a model's value and a count of one gene are of the same age
    found = []
    each = int(np.ceil(n_bootstraps / n_draws)) if n_bootstraps else 0
    for drawn in _values(adata, model, values, n_draws, random):
        data = expression(
            drawn, index, response=counts if response is None else response, transform="log", target_sum=TARGET_SUM,
            covariates=np.concatenate(extra, axis=1) if extra else None, regress_depth=False,
        )  # fmt: skip
        seed = seed_of(random)
        found.append(infer(data, method=method, prior=prior, n_bootstraps=each, rng=seed, **options))
    return _together(found, options) if len(found) > 1 else _named(found[0], values, 1)


def _values(adata: AnnData, model: Any, values: Values, n_draws: int, rng: np.random.Generator) -> Iterator[FloatArray]:
    genes = list(adata.var_names)
    settings = {"genes": genes, "library_size": TARGET_SUM}
    if values == "decoded":
        yield np.asarray(model.get_normalized_expression(adata, return_numpy=True, **settings), dtype=np.float64)
        return
    for _ in range(n_draws):
        drawn = model.sample_expression(adata, n_samples=1, rng=seed_of(rng), **settings)
        yield np.asarray(drawn, dtype=np.float64)[0]


def _together(found: list[Network], options: dict[str, Any]) -> Network:
    weights = np.mean([one.weights for one in found], axis=0)
    variance = np.var([one.weights for one in found], axis=0, ddof=1)
    variance = variance + _mean([None if one.sd is None else one.sd**2 for one in found], 0.0)
    stability, fdr = _mean([one.stability for one in found]), _mean([one.fdr for one in found])
    stable, max_fdr = options.get("stable", MIN_STABILITY), options.get("max_fdr", MAX_FDR)
    support = selected_edges(weights, stability, fdr, stable=stable, max_fdr=max_fdr)
    result = replace(
        found[0], weights=weights, sd=np.sqrt(variance), stability=stability, fdr=fdr, support=support
    )  # fmt: skip
    return _named(result, "draws", len(found))


def _named(network: Network, values: Values, n_draws: int) -> Network:
    return replace(network, params={**network.params, "values": values, "n_draws": n_draws})


def _mean(parts: list[FloatArray | None], otherwise: Any = None) -> Any:
    known = [part for part in parts if part is not None]
    return np.mean(known, axis=0) if known else otherwise


def _depth(counts: sparse.csr_matrix, response: sparse.csr_matrix | None) -> FloatArray:
    columns = []
    for matrix in (counts, response):
        if matrix is not None:
            columns += [np.log(np.maximum(np.asarray(matrix.sum(axis=1)).ravel(), 0.5)), np.diff(matrix.indptr)]
    return np.column_stack(columns).astype(np.float64)

"""Networks on the regulators of a latent model: posterior draws, or decoded means."""

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
from landscape.network import Network, Prior
from landscape.network.data.expression import TARGET_SUM
from landscape.network.evidence.draws import infer_from_draws

FloatArray = NDArray[np.float64]
Values = Literal["counts", "draws", "decoded"]
VALUES: tuple[Values, ...] = ("counts", "draws", "decoded")


def require_values(values: str, model: Any | None, *, metacells: object) -> None:
    """Check that the values of the regulators are known, and that they fit ``model`` and ``metacells``."""
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
    """Explain raw counts of targets by each draw of the regulators from the model, and combine the draws."""
    if values == "decoded":
        warnings.warn(
            "decoded means are smooth: all genes depend on a few latent dimensions and regulators become collinear, which "
            "halves the accuracy of a network; values='draws' keeps the uncertainty, values='counts' uses the data",
            UserWarning,
            stacklevel=3,
        )
        n_draws = 1
    if n_draws < 1:
        msg = f"Expected `n_draws` of at least 1, found {n_draws}."
        raise ValueError(msg)
    random = generator(rng)
    found = infer_from_draws(
        _values(adata, model, values, n_draws, random),
        index,
        counts=counts,
        response=response,
        covariates=covariates,
        n_draws=n_draws,
        n_bootstraps=n_bootstraps,
        method=method,
        prior=prior,
        rng=random,
        options=options,
    )
    return replace(found, params={**found.params, "values": values, "n_draws": n_draws})


def _values(adata: AnnData, model: Any, values: Values, n_draws: int, rng: np.random.Generator) -> Iterator[FloatArray]:
    genes = list(adata.var_names)
    settings = {"genes": genes, "library_size": TARGET_SUM}
    if values == "decoded":
        yield np.asarray(model.get_normalized_expression(adata, return_numpy=True, **settings), dtype=np.float64)
        return
    for _ in range(n_draws):
        drawn = model.sample_expression(adata, n_samples=1, rng=seed_of(rng), **settings)
        yield np.asarray(drawn, dtype=np.float64)[0]

"""Number of latent dimensions: the held-out evidence lower bound against the dimension of z."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData

from landscape._random import RandomLike, generator, seed_of
from landscape.latent.model import LatentModel

logger = logging.getLogger(__name__)

# A latent dimension is active if its posterior means vary by more than this share of the prior's variance, as in
# Burda et al. (2016), https://arxiv.org/abs/1509.00519.
ACTIVE_VARIANCE = 0.01


@dataclass(frozen=True, slots=True)
class CompressionCurve:
    """Held-out evidence lower bound for several numbers of latent dimensions.

    Attributes
    ----------
    table
        A row per fit: ``n_latent``, ``repeat``, ``elbo``, ``reconstruction`` and ``kl`` of held-out cells (nats per
        cell), ``n_active`` dimensions, ``epochs``, ``seconds``.
    n_latent
        Smallest number whose mean bound is within one standard error of the best. The error is that of the difference
        between repeats; it is zero if there is one repeat.
    """

    table: pd.DataFrame
    n_latent: int


def compression_curve(
    adata: AnnData,
    *,
    n_latent: Sequence[int] = (2, 5, 10, 20, 40),
    n_repeats: int = 1,
    rng: RandomLike = 0,
    model_options: dict[str, Any] | None = None,
    train_options: dict[str, Any] | None = None,
) -> CompressionCurve:
    r"""Fit models with several numbers of latent dimensions and compare them on the same held-out cells.

    The bound is the reconstruction minus the divergence, :math:`E_q \log p(x \mid z) - \mathrm{KL}`. More dimensions
    reconstruct better and cost more nats. Dimensions beyond the point where the bound stops rising hold noise.

    Parameters
    ----------
    adata
        Cells with counts.
    n_latent
        Numbers of latent dimensions to compare.
    n_repeats
        Number of fits of each, with different initial weights and held-out cells.
    rng
        Seed of the repeats.
    model_options, train_options
        Further arguments of :class:`landscape.latent.LatentModel` and of its ``train``.

    Returns
    -------
    Record with the table of fits and the smallest sufficient number.

    Raises
    ------
    ValueError
        If there is nothing to compare, or no cells are held out.
    """
    if len(n_latent) < 2 or n_repeats < 1:
        msg = f"Expected at least two `n_latent` and one repeat, found {list(n_latent)} and {n_repeats}."
        raise ValueError(msg)
    if (train_options or {}).get("validation_size") == 0:
        msg = "Expected held-out cells to compare on, found `validation_size` of 0; leave it out."
        raise ValueError(msg)
    random = generator(rng)
    seeds = [seed_of(random) for _ in range(n_repeats)]
    rows = []
    for size in n_latent:
        for repeat, seed in enumerate(seeds):
            model = LatentModel(adata, n_latent=size, rng=seed, **(model_options or {}))
            model.train(**(train_options or {}))
            rows.append({"n_latent": size, "repeat": repeat, **_best_epoch(model)})
            logger.info("%d latent dimensions: held-out bound %.1f", size, rows[-1]["elbo"])
    table = pd.DataFrame(rows)
    return CompressionCurve(table=table, n_latent=one_standard_error_rule(table))


def _best_epoch(model: LatentModel) -> dict[str, Any]:
    """Held-out bound and its parts in the epoch whose weights were kept."""
    history = model.history
    best = history.loc[history["elbo_validation"].where(history["kl_weight"] >= 1).idxmax()]
    return {
        "elbo": best["elbo_validation"],
        "reconstruction": best["reconstruction_validation"],
        "kl": best["kl_validation"],
        "n_active": int((model.get_latent_representation().var(0) > ACTIVE_VARIANCE).sum()),
        "epochs": len(history),
        "seconds": history["seconds"].sum(),
    }


def one_standard_error_rule(table: pd.DataFrame) -> int:
    """Smallest number of dimensions whose mean bound is within one standard error of the best.

    Parameters
    ----------
    table
        Table of fits with columns ``n_latent``, ``repeat`` and ``elbo``.

    Returns
    -------
    Number of latent dimensions.
    """
    bounds = table.pivot_table(index="repeat", columns="n_latent", values="elbo")
    best = bounds.mean().idxmax()
    short = bounds.rsub(bounds[best], axis=0)
    n = len(bounds)
    error = short.std(ddof=1) / np.sqrt(n) if n > 1 else 0.0 * short.mean()
    return int(short.columns[(short.mean() <= error)].min())

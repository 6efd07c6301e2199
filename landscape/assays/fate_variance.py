"""Shares of the variance of fates: by the state with which development begins, by the genome, and by noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from landscape._random import RandomLike
from landscape.assays.assess import N_NULL, Assay, Measured, assess
from landscape.assays.finding import Z90, Finding
from landscape.assays.subject import Subject, View
from landscape.dynamics import Model
from landscape.dynamics.sde import noise_factor

FloatArray = NDArray[np.float64]

# Start states and courses of noise, each crossed with all others and with all replicates; draws of the null.
N_STARTS, N_NOISE, N_DRAWS = 24, 24, 99


def first_order_shares(outcome: ArrayLike) -> FloatArray:
    r"""First-order (Sobol) share of each factor in the variance of an outcome, from a full crossing of the factors.

    .. math:: s_k = \frac{\operatorname{Var}_k \mathbb{E}[Y \mid k]}{\operatorname{Var} Y}, \qquad
              \operatorname{Var}_k \mathbb{E}[Y \mid k] = \operatorname{Cov}_k\big(\bar Y_k^{(1)}, \bar Y_k^{(2)}\big)

    The two means are over disjoint halves of the levels of all other factors. Their errors are independent, so that the noise within a level does not
    leak into its share. Shares do not sum to 1: the rest is interaction.

    Parameters
    ----------
    outcome
        Outcome at each combination of levels, an array with one axis for each of two or more factors.

    Returns
    -------
    One share for each factor; they may be slightly below zero.

    References
    ----------
    Sobol (2001), *Mathematics and Computers in Simulation* 55, 271. https://doi.org/10.1016/S0378-4754(00)00270-6
    """
    y = np.asarray(outcome, dtype=float)
    if y.ndim < 2 or min(y.shape) < 2:
        msg = f"Expected two levels or more of two factors or more, found shape {y.shape}."
        raise ValueError(msg)
    total = y.var()
    if total == 0:
        return np.full(y.ndim, np.nan)
    shares = []
    for axis in range(y.ndim):
        first = [slice(None) if k == axis else slice(0, n // 2) for k, n in enumerate(y.shape)]
        second = [slice(None) if k == axis else slice(n // 2, None) for k, n in enumerate(y.shape)]
        others = tuple(k for k in range(y.ndim) if k != axis)
        a, b = y[tuple(first)].mean(others), y[tuple(second)].mean(others)
        shares.append(np.cov(a, b)[0, 1] / total)
    return np.array(shares)


def crossed_fates(
    views: Sequence[View], starts: FloatArray, n_noise: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Fate of every start under every replicate and every course of noise, shape ``(replicates, starts, courses)``."""
    d = starts.shape[1]
    step = min(0.2 / max(float(view.rates.max()) for view in views), views[0].duration)
    n_steps = max(1, round(views[0].duration / step))
    normal = torch.as_tensor(rng.standard_normal((n_steps, n_noise, d)))
    labels = []
    for view in views:
        model: Model[Any] = view.model
        factor = noise_factor(model.diffusion, d)
        x = torch.as_tensor(np.repeat(starts, n_noise, axis=0))
        with torch.no_grad():
            for xi in normal:
                x = x + step * model(x) + step**0.5 * factor(x, xi.repeat(len(starts), 1))
                x = x if model.lower is None else model.lower + (x - model.lower).abs()
        labels.append(view.nearest(view.settle(x.numpy())).reshape(len(starts), n_noise))
    return np.stack(labels)


def _shares(fates: NDArray[np.int64], k: int) -> FloatArray:
    """Shares over all fates together: variances and their parts are summed over the indicators of fates."""
    parts, totals = [], []
    for j in range(k):
        y = (fates == j).astype(float)
        if y.var() > 0:
            parts.append(first_order_shares(y) * y.var())
            totals.append(y.var())
    return np.sum(parts, axis=0) / np.sum(totals) if totals else np.full(fates.ndim, np.nan)


def _measure(view: View, rng: np.random.Generator) -> Measured:
    if view is view.subject.view and view.lacks:
        return Measured(np.nan, reason=view.lacks)
    origin, k = view.subject.start, len(view.memories)
    if origin is None or not view.subject.replicates:
        return Measured(np.nan, reason="start states and replicates are needed")
    starts = origin[rng.choice(len(origin), min(N_STARTS, len(origin)), replace=False)]
    if len(starts) < 4:
        return Measured(np.nan, reason=f"there are {len(starts)} start cells, and it needs 4")
    fates = crossed_fates(view.subject.replicates, starts, N_NOISE, rng)
    shares = _shares(fates, k)
    if not np.isfinite(shares).all():
        return Measured(np.nan, reason="all cells have one fate, so that there is no variance to share")
    order = rng.permuted(np.tile(np.arange(fates.shape[1]), (N_DRAWS, fates.shape[0], fates.shape[2], 1)), axis=-1)
    null = [float(_shares(np.take_along_axis(fates, np.moveaxis(each, -1, 1), axis=1), k)[1]) for each in order]
    # Jackknife over the start states.
    left = np.array([_shares(np.delete(fates, s, axis=1), k) for s in range(fates.shape[1])])
    error = np.sqrt((len(left) - 1) * left.var(0))
    names = ("genome", "start", "noise")
    details: dict[str, Any] = {name: float(share) for name, share in zip(names, shares, strict=True)}
    details["interactions"] = float(1 - shares.sum())
    value = float(shares[1])
    half = Z90 * float(error[1])
    return Measured(value, float(error[1]), details, null=null, interval=(value - half, value + half))


ASSAY = Assay(
    name="fate variance",
    row="26",
    section="Conclusion",
    claim="The genome and the fertilised egg together are the generative model: the state with which development begins has its part in the fate.",
    statistic="first-order share of the start in the variance of fates, beside the genome (replicates) and noise (details)",
    direction="above",
    needs="B",
    measure=_measure,
    null="start states permuted within each genome and course of noise",
    rewires=False,
    requires=frozenset({"start", "ensemble"}),
)


def fate_variance(subject: Subject, *, n_null: int = N_NULL, rng: RandomLike = 0) -> Finding:
    """First-order shares of start, genome and noise in the variance of fates.

    Every start runs under every replicate of the model with every course of noise. The replicates stand for genomes that the data do not tell apart: their
    spread is that of the fit and not one of a population.

    Parameters
    ----------
    subject
        Model beside its cells, with start states and replicates.
    n_null, rng
        As for :func:`landscape.assays.assess`.

    Returns
    -------
    Finding with all shares and the interactions, which are not spread over them, in its details.
    """
    return assess(ASSAY, subject, n_null=n_null, rng=rng)

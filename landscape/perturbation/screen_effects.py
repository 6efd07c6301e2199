"""Effects of the perturbations of a screen on the log odds of fates, in every model: single ones, and epistasis of pairs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landscape.perturbation.certainty import Certainty, certainty
from landscape.perturbation.contrasts import PRIOR_COUNT, contrasts
from landscape.perturbation.screen import Screened

# Clamps whose contrasts are computed at once.
BLOCK = 256


@dataclass(frozen=True, eq=False)
class Effects:
    """Effects of clamps on fates, and how certain they are.

    Attributes
    ----------
    value
        Effect in the fit, shape ``(c, k)``.
    sure
        Its interval and rate of sign errors.
    """

    value: NDArray[np.float64]
    sure: Certainty


def log_odds_changes(found: Screened) -> Effects:
    r"""Change of the log odds of each fate against all others (:func:`landscape.perturbation.contrasts`) by each clamp.

    The replicates have the first paths of the fit. Their deviation from it is that over the paths that they share,

    .. math:: \theta_r = \theta_0 + (\hat\theta_r^{(q)} - \hat\theta_0^{(q)}),

    so that the error of a smaller number of paths does not count as one between models. A clamp that reaches no gene has no
    effect, without error.

    Parameters
    ----------
    found
        Fates under all clamps.
    """
    return _effects([(found.fate[:, :1], found.fate[:, 1:], 1.0)], found.n_fates, found.acts)


def epistasis(found: Screened, parts: Screened, first: Sequence[int], second: Sequence[int]) -> Effects:
    r"""Epistasis of pairs of clamps on the log odds of fates: what the pair does beyond the sum of both.

    .. math:: e_{ij} = \theta_{ij} - \theta_i - \theta_j = \theta_{j \to ij} - \theta_{0 \to i}

    Effects that add up on an input of the decision add up on log odds, not on shares: two changes of a share of .4 cannot add up to
    .8 where it was .3. Where all or no paths of a pair end in a fate, and those of one clamp do too or those of the sum of both would, the
    paths cannot tell how far the log odds go: the epistasis is NaN. The error takes both contrasts as independent; under common noise they mostly go together, which makes it
    larger than it is.

    Parameters
    ----------
    found
        Fates under the pairs.
    parts
        Fates under single clamps, from the same start and noise.
    first, second
        Position of the two clamps of each pair among the single ones.
    """
    i, j = parts.fate[:, 1 + np.asarray(first)], parts.fate[:, 1 + np.asarray(second)]
    acts = parts.acts[np.asarray(first)] & parts.acts[np.asarray(second)]
    result = _effects([(j, found.fate[:, 1:], 1.0), (found.fate[:, :1], i, -1.0)], found.n_fates, acts)
    hidden = _saturated(found.fate[0, :1], i[0], j[0], found.fate[0, 1:], found.n_fates) & acts[:, None]
    value, sure = result.value, result.sure
    masked = (np.where(hidden, np.nan, one) for one in (value, sure.low, sure.high, sure.lfsr, sure.error))
    return Effects(next(masked), Certainty(*masked))


def _saturated(
    before: NDArray[np.int8], i: NDArray[np.int8], j: NDArray[np.int8], both: NDArray[np.int8], n_fates: int
) -> NDArray[np.bool_]:
    """Whether all or no paths of a pair are in a fate and those of a part, or of the sum of both, are too; shape ``(c, k)``."""
    run = np.min([(fate >= 0).sum(-1) for fate in np.broadcast_arrays(before, i, j, both)], axis=0)
    there = np.arange(both.shape[-1]) < run[:, None]
    n = run[:, None]
    count = [
        np.stack([((fate == k) & there).sum(-1) for k in range(n_fates)], -1)
        for fate in np.broadcast_arrays(before, i, j, both)
    ]
    start, one, other, pair = (np.log((c + PRIOR_COUNT) / (n - c + PRIOR_COUNT)) for c in count)
    end, total = np.log((n + PRIOR_COUNT) / PRIOR_COUNT), one + other - start
    return np.any(
        [(pair * side >= end) & (np.maximum.reduce([one, other, total] if side > 0 else [-one, -other, -total]) >= end)
         for side in (-1, 1)],
        axis=0,
    )  # fmt: skip


def _effects(
    terms: Sequence[tuple[NDArray[np.int8], NDArray[np.int8], float]], n_fates: int, acts: NDArray[np.bool_]
) -> Effects:
    """Sums of contrasts, each from fates before ``(m, c or 1, n)`` to fates after, with a sign."""
    n_models = len(terms[0][0])
    value = np.zeros((n_models, len(acts), n_fates))
    error = np.zeros((len(acts), n_fates))
    full = [np.broadcast_arrays(before, after) for before, after, _ in terms]
    for rows, n, n_replicates in _alike(full, acts):
        for (before, after), (_, _, sign) in zip(full, terms, strict=True):
            fit = contrasts(before[0, rows, :n], after[0, rows, :n], n_fates)
            error[rows] += fit.odds_error**2
            value[:, rows] += sign * fit.odds
            if n_models > 1:
                shared = contrasts(before[:, rows, :n_replicates], after[:, rows, :n_replicates], n_fates).odds
                value[1:, rows] += sign * (shared[1:] - shared[0])
    return Effects(value[0], certainty(value, np.sqrt(error)[None]))


def _alike(
    fates: Sequence[Sequence[NDArray[np.int8]]], acts: NDArray[np.bool_]
) -> Iterator[tuple[NDArray[np.int64], int, int]]:
    """Clamps with as many paths that all terms have: their positions, and the paths of the fit and of the replicates."""
    run = np.min([(fate >= 0).sum(-1) for pair in fates for fate in pair], axis=0)
    for n in np.unique(run[0, acts]):
        rows = np.flatnonzero(acts & (run[0] == n))
        for k in range(0, len(rows), BLOCK):
            block = rows[k : k + BLOCK]
            yield block, int(n), int(run[1:, block].min()) if len(run) > 1 else int(n)

"""Networks of single states, pulled towards the one that all states share."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from landscape.network.data.expression import MIN_CELLS, Expression, FloatArray
from landscape.network.data.groups import hashed
from landscape.network.data.moments import Moments, Sums, moments_of, steadied, sums_of, total_sums, turned
from landscape.network.data.reliability import reliability
from landscape.network.evidence.moderation import moderated
from landscape.network.methods.ridge import REVERSE_SHARE, ridge_inverse, without_self

Views: TypeAlias = tuple[Sums, ...]
#: Parts of the cells of a state that are left out, one after another, for the standard deviations.
N_FOLDS = 5


@dataclass(frozen=True)
class StateNetworks:
    """Weights of every state, shape ``(p, q)`` each, in the order of ``names``.

    ``shared`` is the network of all cells; ``sd`` the standard deviation of every weight, from leaving out fifths of the cells
    of a state in turn (delete-a-group jackknife); ``trust`` the weight of a state's own data; ``n_cells`` of every state.
    ``overlap`` is the cosine of the networks of two states, ``overlap_sd`` its standard deviation.
    """

    names: tuple[Hashable, ...]
    weights: tuple[FloatArray, ...]
    shared: FloatArray
    sd: tuple[FloatArray, ...]
    trust: Mapping[Hashable, float]
    n_cells: tuple[int, ...]
    overlap: FloatArray
    overlap_sd: FloatArray


@dataclass(frozen=True)
class Differences:
    """Weights of one state less those of another: moderated standard deviation and t, two-sided p value, and FDR."""

    difference: FloatArray
    sd: FloatArray
    t: FloatArray
    p_value: FloatArray
    fdr: FloatArray


def state_networks(
    data: Expression, states: ArrayLike, *, penalty: float, pull: float = 500.0, reverse_share: float = REVERSE_SHARE
) -> StateNetworks:
    r"""One network per state, shrunk towards the network of all cells.

    A state with :math:`n_s` cells, correlations :math:`R_s, r_s` and the shared network :math:`b` gives

    .. math:: b_s = (R_s + \lambda_s I)^{-1} (r_s + \lambda_s b), \qquad \lambda_s = \lambda (1 + \kappa / n_s),

    without the factor :math:`1 + \lambda` and the flattening of :func:`landscape.network.ridge`:

    the ridge whose prior mean is the shared network: with few cells it is that network, with many its own. Weights are in units
    of standard deviations over all cells, so that a gene which hardly varies inside a state does not look strongly regulated.

    Parameters
    ----------
    data
        Expression of all cells.
    states
        State of each cell, at least 50 cells per state.
    penalty
        :math:`\lambda`, as the network of all cells has it.
    pull
        :math:`\kappa`, cells at which the shared network counts twice.
    reverse_share
        As for :func:`landscape.network.ridge`.

    Raises
    ------
    ValueError
        If labels are not one per cell or a state has fewer than 50 cells.
    """
    label = np.asarray(states)
    if label.shape != (data.n_cells,):
        msg = f"Expected one state per cell ({data.n_cells}), found shape {label.shape}."
        raise ValueError(msg)
    names, code, counts = np.unique(label, return_inverse=True, return_counts=True)
    if (counts < MIN_CELLS).any():
        few = names[counts < MIN_CELLS].tolist()
        msg = f"Expected at least {MIN_CELLS} cells in every state, found fewer in {few}; merge or leave out these states."
        raise ValueError(msg)
    sums = _sums(data, code)
    share = reliability(data)
    whole = _moments(sums.values(), share)
    shared = _fit(whole, whole, data.regulators, penalty, 0.0, None, reverse_share)
    found: list[FloatArray] = []
    without: list[list[FloatArray]] = []
    trust = {}
    for s, (name, count) in enumerate(zip(names.tolist(), counts, strict=True)):
        own = penalty * (1.0 + pull / count)

        def fit(left_out: int, s: int = s, own: float = own) -> FloatArray:
            kept = (sums[s, fold] for fold in range(N_FOLDS) if fold != left_out and (s, fold) in sums)
            part = _moments(kept, share)
            return _fit(part, whole, data.regulators, own, own, shared, reverse_share)

        found.append(fit(-1))
        without.append([fit(fold) for fold in range(N_FOLDS)])
        trust[name] = float(1.0 / (1.0 + own))
    sd = tuple(_jackknife(np.stack(folds)) for folds in without)
    pairs, pairs_sd = _overlaps(found, without)
    return StateNetworks(
        tuple(names.tolist()), tuple(found), shared, sd, trust, tuple(int(n) for n in counts), pairs, pairs_sd
    )


def differences(
    first: ArrayLike, second: ArrayLike, first_sd: ArrayLike, second_sd: ArrayLike, *, mask: ArrayLike | None = None
) -> Differences:
    r"""Which edges differ between two states.

    .. math:: t = \frac{w_a - w_b}{\sqrt{\sigma_a^2 + \sigma_b^2}}, \qquad
        \nu = (K - 1) \frac{(\sigma_a^2 + \sigma_b^2)^2}{\sigma_a^4 + \sigma_b^4}

    with the standard deviations of a jackknife of :math:`K = 5` groups, moderated over edges
    (:func:`landscape.network.evidence.moderation.moderated`). FDR is that of Benjamini and Hochberg over the edges of ``mask`` (all by
    default); elsewhere p value and FDR are 1. Both states are pulled towards the network that they share, so differences
    are understated.
    """
    a, b, va, vb = (np.asarray(part, dtype=np.float64) for part in (first, second, first_sd, second_sd))
    va, vb = va**2, vb**2
    known = va + vb > 0
    if mask is not None:
        known &= np.asarray(mask, dtype=bool)
    sd, t, p_value, fdr = np.sqrt(va + vb), np.zeros_like(a), np.ones_like(a), np.ones_like(a)
    if known.any():
        va, vb = va[known], vb[known]
        variance, freedom = moderated(va + vb, (N_FOLDS - 1) * (va + vb) ** 2 / (va**2 + vb**2))
        sd[known] = np.sqrt(variance)
        t[known] = (a - b)[known] / sd[known]
        p_value[known] = 2.0 * stats.t.sf(np.abs(t[known]), freedom)
        fdr[known] = stats.false_discovery_control(p_value[known])
    return Differences(a - b, sd, t, p_value, fdr)


def _jackknife(folds: FloatArray) -> FloatArray:
    """Standard deviation of an estimate from those without one group each (first axis)."""
    k = len(folds)
    result: FloatArray = np.sqrt((k - 1) / k * ((folds - folds.mean(axis=0)) ** 2).sum(axis=0))
    return result


def _overlaps(found: list[FloatArray], without: list[list[FloatArray]]) -> tuple[FloatArray, FloatArray]:
    n = len(found)
    value, spread = np.eye(n), np.zeros((n, n))
    for a in range(n):
        for b in range(a):
            value[a, b] = value[b, a] = overlap(found[a], found[b])
            left = [overlap(one, found[b]) for one in without[a]]
            right = [overlap(found[a], one) for one in without[b]]
            # The two states have cells of their own, so the variances add.
            spread[a, b] = spread[b, a] = np.hypot(*(_jackknife(np.array(part)) for part in (left, right)))
    return value, spread


def overlap(first: ArrayLike, second: ArrayLike) -> float:
    """Cosine of two networks, 1 for proportional ones; 0 where one is empty."""
    a, b = np.asarray(first, dtype=np.float64).ravel(), np.asarray(second, dtype=np.float64).ravel()
    scale = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / scale) if scale > 0 else 0.0


def active_network(weights: ArrayLike, ceiling_slope: ArrayLike, response_slope: ArrayLike) -> FloatArray:
    r"""Network in force on a state: :math:`\operatorname{diag}(a s') W \operatorname{diag}(\phi')`, ``[target, regulator]``.

    Parameters
    ----------
    weights
        :math:`W` of the drift, ``[target, regulator]``.
    ceiling_slope
        :math:`a s'` of every target at the state.
    response_slope
        :math:`\phi'` of every regulator at the state.
    """
    matrix = np.asarray(weights, dtype=np.float64)
    return np.asarray(ceiling_slope)[:, None] * matrix * np.asarray(response_slope)


def _sums(data: Expression, code: NDArray[np.int64]) -> dict[tuple[int, int], Views]:
    """Sums of every state and fold; the fold of a cell is a hash of what is in it."""
    found: dict[tuple[int, int], Views] = {}
    for block in data.blocks():
        part = code[block.start : block.stop] * N_FOLDS + (hashed(block.fingerprint, 0) % np.uint64(N_FOLDS)).astype(
            int
        )
        for which in np.unique(part):
            some = block.cells(np.flatnonzero(part == which))
            views = [some] if some.reverse is None else [some, turned(some), steadied(some)]
            new = tuple(sums_of(view) for view in views)
            key = divmod(int(which), N_FOLDS)
            if key in found:
                new = tuple(total_sums([old, more]) for old, more in zip(found[key], new, strict=True))
            found[key] = new
    return found


def _moments(parts: Iterable[Views], share: FloatArray) -> Moments:
    forward, *others = (moments_of(total_sums(view)) for view in zip(*parts, strict=True))
    return forward if not others else replace(forward, reverse=others[0], steady=others[1], reliability=share)


def _fit(
    state: Moments,
    whole: Moments,
    regulators: NDArray[np.int64],
    penalty: float,
    strength: float,
    mean: FloatArray | None,
    reverse_share: float,
) -> FloatArray:
    found = _solve(state, whole, regulators, penalty, strength, mean)
    if state.reverse is None or whole.reverse is None or not reverse_share:
        return found
    # The prior mean already holds the difference of both directions; the reverse is shrunk towards none.
    backward = _solve(state.reverse, whole.reverse, regulators, penalty, 0.0, None)
    keep = 1.0 if mean is None else 1.0 / (1.0 + strength)
    share = np.ones(found.shape[1]) if whole.reliability is None else whole.reliability
    found = found - reverse_share * share * keep * backward
    if state.steady is None or whole.steady is None:
        return found
    steady = _solve(state.steady, whole.steady, regulators, penalty, strength, mean)
    result: FloatArray = share * found + (1.0 - share) * steady
    return result


def _solve(
    state: Moments,
    whole: Moments,
    regulators: NDArray[np.int64],
    penalty: float,
    strength: float,
    mean: FloatArray | None,
) -> FloatArray:
    x = np.divide(state.x_sd, whole.x_sd, out=np.zeros_like(state.x_sd), where=whole.x_sd > 0)
    y = np.divide(state.y_sd, whole.y_sd, out=np.zeros_like(state.y_sd), where=whole.y_sd > 0)
    inverse = ridge_inverse(state.xx * x[:, None] * x, penalty)
    right = state.xy * x[:, None] * y
    if mean is not None:
        right = right + strength * mean
    return without_self(inverse @ right, inverse, regulators)

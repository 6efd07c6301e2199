"""Networks of single states, shrunk towards the network of all cells."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscape.network.analysis.comparison import overlap
from landscape.network.data.arrays import FloatArray
from landscape.network.data.expression import MIN_CELLS, Expression
from landscape.network.data.groups import hashed
from landscape.network.data.moments import Moments, Sums, moments_of, sums_of, total_sums
from landscape.network.data.reliability import reliability
from landscape.network.evidence.jackknife import N_FOLDS, jackknife_sd
from landscape.network.methods.ridge import REVERSE_SHARE, ridge_inverse, without_self

#: Sums of every regression (:meth:`landscape.network.data.block.Block.views`).
Views: TypeAlias = tuple[Sums, ...]
#: Number of cells of a state at which its penalty is twice that of the network of all cells.
SHRINKAGE = 500.0


@dataclass(frozen=True)
class StateNetworks:
    """Networks of all states, in the order of ``names``.

    Attributes
    ----------
    names
        Names of the states.
    weights
        Weights of every state, shape ``(p, q)`` each.
    shared
        Weights of the network of all cells, same shape.
    sd
        Standard deviations of the weights, from a delete-a-group jackknife over fifths of the cells of a state.
    trust
        Weight of a state's own data beside the network of all cells, from 0 to 1.
    n_cells
        Number of cells of every state.
    overlap, overlap_sd
        Cosine similarity of the networks of every two states, and its standard deviation; shape ``(states, states)``.
    """

    names: tuple[Hashable, ...]
    weights: tuple[FloatArray, ...]
    shared: FloatArray
    sd: tuple[FloatArray, ...]
    trust: Mapping[Hashable, float]
    n_cells: tuple[int, ...]
    overlap: FloatArray
    overlap_sd: FloatArray


def state_networks(
    data: Expression,
    states: ArrayLike,
    *,
    penalty: float,
    shrinkage: float = SHRINKAGE,
    reverse_share: float = REVERSE_SHARE,
) -> StateNetworks:
    r"""One network per state, shrunk towards the network of all cells.

    With :math:`n_s` cells and correlations :math:`R_s, r_s` in state :math:`s`, and the network :math:`b` of all cells,

    .. math:: b_s = (R_s + \lambda_s I)^{-1} (r_s + \lambda_s b), \qquad \lambda_s = \lambda (1 + \kappa / n_s).

    This is the ridge with prior mean :math:`b`: close to the network of all cells if the state has few cells, close to a
    network of its own if it has many. The factor :math:`1 + \lambda` and the spectral deconfounding of
    :func:`landscape.network.ridge` are left out. Weights are in units of standard deviations over all cells, so that a gene
    that hardly varies within a state does not look strongly regulated.

    Parameters
    ----------
    data
        Expression of all cells.
    states
        State of each cell, at least 50 cells per state.
    penalty
        :math:`\lambda` of the network of all cells.
    shrinkage
        :math:`\kappa`: the number of cells of a state at which :math:`\lambda_s` is twice :math:`\lambda`.
    reverse_share
        As for :func:`landscape.network.ridge`.

    Raises
    ------
    ValueError
        If there is not one label per cell, or a state has fewer than 50 cells.
    """
    label = np.asarray(states)
    if label.shape != (data.n_cells,):
        msg = f"Expected one state per cell ({data.n_cells}), found shape {label.shape}."
        raise ValueError(msg)
    names, code, counts = np.unique(label, return_inverse=True, return_counts=True)
    if (counts < MIN_CELLS).any():
        few = names[counts < MIN_CELLS].tolist()
        msg = f"Expected at least {MIN_CELLS} cells in every state, found fewer in {few}; merge these states or leave them out."
        raise ValueError(msg)
    sums = _sums(data, code)
    share = reliability(data)
    whole = _moments(sums.values(), share)
    shared = _fit(whole, whole, data.regulators, penalty, 0.0, None, reverse_share)
    found: list[FloatArray] = []
    without: list[list[FloatArray]] = []
    trust = {}
    for s, (name, count) in enumerate(zip(names.tolist(), counts, strict=True)):
        state_penalty = penalty * (1.0 + shrinkage / count)

        def fit(left_out: int, s: int = s, state_penalty: float = state_penalty) -> FloatArray:
            kept = (sums[s, fold] for fold in range(N_FOLDS) if fold != left_out and (s, fold) in sums)
            part = _moments(kept, share)
            return _fit(part, whole, data.regulators, state_penalty, state_penalty, shared, reverse_share)

        found.append(fit(-1))
        without.append([fit(fold) for fold in range(N_FOLDS)])
        trust[name] = float(1.0 / (1.0 + state_penalty))
    sd = tuple(jackknife_sd(np.stack(folds)) for folds in without)
    pairs, pairs_sd = _overlaps(found, without)
    return StateNetworks(
        tuple(names.tolist()), tuple(found), shared, sd, trust, tuple(int(n) for n in counts), pairs, pairs_sd
    )


def _overlaps(found: list[FloatArray], without: list[list[FloatArray]]) -> tuple[FloatArray, FloatArray]:
    n = len(found)
    value, spread = np.eye(n), np.zeros((n, n))
    for a in range(n):
        for b in range(a):
            value[a, b] = value[b, a] = overlap(found[a], found[b])
            left = [overlap(one, found[b]) for one in without[a]]
            right = [overlap(found[a], one) for one in without[b]]
            # Two states share no cells, so that variances add.
            spread[a, b] = spread[b, a] = np.hypot(*(jackknife_sd(np.array(part)) for part in (left, right)))
    return value, spread


def _sums(data: Expression, code: NDArray[np.int64]) -> dict[tuple[int, int], Views]:
    """Sums of every state and fold; the fold of a cell is a hash of its values."""
    found: dict[tuple[int, int], Views] = {}
    for block in data.blocks():
        part = code[block.start : block.stop] * N_FOLDS + (hashed(block.fingerprint, 0) % np.uint64(N_FOLDS)).astype(
            int
        )
        for which in np.unique(part):
            cells = block.cells(np.flatnonzero(part == which))
            new = tuple(sums_of(view) for view in cells.views())
            key = divmod(int(which), N_FOLDS)
            if key in found:
                new = tuple(total_sums([old, more]) for old, more in zip(found[key], new, strict=True))
            found[key] = new
    return found


def _moments(parts: Iterable[Views], share: FloatArray) -> Moments:
    forward, *others = (moments_of(total_sums(view)) for view in zip(*parts, strict=True))
    return forward if not others else replace(forward, reverse=others[0], contemporaneous=others[1], reliability=share)


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
    # The prior mean already is a difference of both regressions, so that the reversed one is shrunk towards zero.
    reverse = _solve(state.reverse, whole.reverse, regulators, penalty, 0.0, None)
    own_weight = 1.0 if mean is None else 1.0 / (1.0 + strength)
    share = np.ones(found.shape[1]) if whole.reliability is None else whole.reliability
    found = found - reverse_share * share * own_weight * reverse
    if state.contemporaneous is None or whole.contemporaneous is None:
        return found
    contemporaneous = _solve(state.contemporaneous, whole.contemporaneous, regulators, penalty, strength, mean)
    result: FloatArray = share * found + (1.0 - share) * contemporaneous
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

"""Networks of single states, pulled towards the one that all states share."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscape.network.expression import MIN_CELLS, Expression, FloatArray
from landscape.network.moments import Moments, Sums, moments_of, sums_of, total_sums, turned
from landscape.network.ridge import ARROW, ridge_inverse, without_self


@dataclass(frozen=True)
class StateNetworks:
    """Weights of every state, shape ``(p, q)`` each, in the order of ``names``.

    ``shared`` is the network of all cells; ``shift_sd`` the standard deviation of a weight between random thirds of the
    cells of a state, the yardstick for a difference between states; ``trust`` the weight of a state's own data.
    """

    names: tuple[Hashable, ...]
    weights: tuple[FloatArray, ...]
    shared: FloatArray
    shift_sd: tuple[FloatArray, ...]
    trust: Mapping[Hashable, float]


def state_networks(
    data: Expression, states: ArrayLike, *, penalty: float, pull: float = 500.0, arrow: float = ARROW
) -> StateNetworks:
    r"""One network per state, shrunk towards the network of all cells.

    A state with :math:`n_s` cells, correlations :math:`R_s, r_s` and the shared network :math:`b` gives

    .. math:: b_s = (R_s + \lambda_s I)^{-1} (r_s + \lambda_s b), \qquad \lambda_s = \lambda (1 + \kappa / n_s),

    without the factor :math:`1 + \lambda` of :func:`landscape.network.ridge`:

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
    arrow
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
    sums = _sums(data, code * 3 + np.arange(data.n_cells) % 3, 3 * len(names))
    whole = _merged(sums, range(3 * len(names)))
    shared = _fit(whole, whole, data.regulators, penalty, 0.0, None, arrow)
    weights, spread, trust = [], [], {}
    for s, (name, count) in enumerate(zip(names.tolist(), counts, strict=True)):
        own_penalty = penalty * (1.0 + pull / count)
        thirds = [
            _fit(_merged(sums, [3 * s + k]), whole, data.regulators, own_penalty, own_penalty, shared, arrow)
            for k in range(3)
        ]
        own = _fit(
            _merged(sums, range(3 * s, 3 * s + 3)), whole, data.regulators, own_penalty, own_penalty, shared, arrow
        )
        weights.append(own)
        spread.append(np.std(thirds, axis=0, ddof=1) / np.sqrt(3.0))  # a third has a third of the cells
        trust[name] = float(1.0 / (1.0 + own_penalty))
    return StateNetworks(tuple(names.tolist()), tuple(weights), shared, tuple(spread), trust)


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


def _sums(data: Expression, code: NDArray[np.int64], n_parts: int) -> dict[int, list[tuple[Sums, Sums | None]]]:
    found: dict[int, list[tuple[Sums, Sums | None]]] = {part: [] for part in range(n_parts)}
    for block in data.blocks():
        here = code[block.start : block.stop]
        for part in np.unique(here):
            some = block.cells(np.flatnonzero(here == part))
            found[int(part)].append((sums_of(some), None if some.reverse is None else sums_of(turned(some))))
    return found


def _merged(sums: dict[int, list[tuple[Sums, Sums | None]]], parts: range | list[int]) -> Moments:
    pairs = [pair for part in parts for pair in sums[part]]
    forward = moments_of(total_sums([there for there, _ in pairs]))
    backward = [back for _, back in pairs if back is not None]
    return forward if not backward else replace(forward, reverse=moments_of(total_sums(backward)))


def _fit(
    state: Moments,
    whole: Moments,
    regulators: NDArray[np.int64],
    penalty: float,
    strength: float,
    mean: FloatArray | None,
    arrow: float,
) -> FloatArray:
    forward = _solve(state, whole, regulators, penalty, strength, mean)
    if state.reverse is None or whole.reverse is None or not arrow:
        return forward
    # The prior mean already holds the difference of both directions; the reverse is shrunk towards none.
    backward = _solve(state.reverse, whole.reverse, regulators, penalty, 0.0, None)
    keep = 1.0 if mean is None else 1.0 / (1.0 + strength)
    return forward - arrow * keep * backward


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

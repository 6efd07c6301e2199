"""Rewired networks: the null of an assay, which keeps how many edges of which sign each gene has and gives and takes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from landscape.circuits.kinetics import HillCube
from landscape.circuits.logic import Multilinear
from landscape.dynamics import Model, RegulatoryDrift

FloatArray = NDArray[np.float64]

# Swaps tried for each edge: after ten a network has forgotten where it started (Milo et al. 2003, arXiv:cond-mat/0312028).
SWAPS_PER_EDGE = 10
# Cells over which the mean production of a gene is kept, and halvings of the interval in which its bias lies: 60 exhaust double precision.
MAX_CELLS, HALVINGS = 500, 60
# Inputs at which the logistic function is 0 or 1 within rounding.
SATURATED = 40.0


def rewired_weights(weights: ArrayLike, rng: np.random.Generator, *, n_swaps: int = SWAPS_PER_EDGE) -> FloatArray:
    r"""Weights of a random network in which each gene has as many activators, repressors and targets of either sign.

    Two targets exchange two regulators: where :math:`W_{ab}, W_{cd}` have one sign and :math:`W_{ad}, W_{cb}` have one sign, or are
    absent, each of the two rows swaps its two entries. A row keeps its weights, and so its norm; a column keeps its number of entries
    of each sign. Without absent edges this is the swap of signs and strengths in a dense network, with them the usual swap of edges.
    Self-edges stay.

    Parameters
    ----------
    weights
        :math:`W`, shape ``(d, d)``, ``[target, regulator]``.
    rng
        Generator.
    n_swaps
        Swaps tried for each edge.
    """
    w = np.array(weights, dtype=float)
    if w.ndim != 2 or w.shape[0] != w.shape[1]:
        msg = f"Expected weights of shape (d, d), found {w.shape}."
        raise ValueError(msg)
    targets, regulators = np.nonzero(w - np.diag(np.diag(w)))
    if not len(targets):
        return w
    rows, signs, n = w.tolist(), np.sign(w).astype(int).tolist(), len(w)
    places = list(zip(targets.tolist(), regulators.tolist(), strict=True))
    number = {place: k for k, place in enumerate(places)}
    tried = n_swaps * len(places)
    edges, others = rng.integers(len(places), size=tried).tolist(), rng.integers(n, size=(2, tried)).tolist()
    # The chain is symmetric: a swap and its reverse are drawn with one probability, so that all networks become equally likely.
    for edge, c, d in zip(edges, *others, strict=True):
        a, b = places[edge]
        one, other = signs[a], signs[c]
        if len({a, c} | {b, d}) < 4 or one[b] != other[d] or one[d] != other[b]:
            continue
        for row, sign in ((rows[a], one), (rows[c], other)):
            row[b], row[d] = row[d], row[b]
            sign[b], sign[d] = sign[d], sign[b]
        for place, moved in (((a, b), (a, d)), ((c, d), (c, b))):
            if moved not in number:
                number[moved] = number.pop(place)
                places[number[moved]] = moved
    return np.array(rows)


def rewired(model: Model[Any], cells: ArrayLike, rng: np.random.Generator) -> Model[Any]:
    r"""Model with a rewired network; a fitted one keeps the mean production of every gene over cells by its bias.

    Parameters
    ----------
    model
        Model whose drift is a :class:`~landscape.dynamics.RegulatoryDrift` or that of a circuit, whose rules exchange inputs.
    cells
        States, shape ``(n, d)``.
    rng
        Generator.

    Raises
    ------
    TypeError
        If the drift is another one, which has no network.
    """
    drift = model.drift
    if isinstance(drift, HillCube):
        return replace(model, drift=replace(drift, logic=_rewired_logic(drift, rng)))
    if not isinstance(drift, RegulatoryDrift):
        msg = f"Expected a regulatory drift or the drift of a circuit, which have a network to rewire, found {type(drift).__name__}."
        raise TypeError(msg)
    x = torch.as_tensor(np.asarray(cells, dtype=float)[:: max(1, len(np.asarray(cells)) // MAX_CELLS)])
    new = replace(drift, weights=torch.as_tensor(rewired_weights(drift.weights.numpy(), rng)))
    wanted = torch.sigmoid(drift.input(x)).mean(0)
    return replace(model, drift=replace(new, bias=_bias(new, x, wanted)))


def has_network(model: Model[Any]) -> bool:
    """Whether :func:`rewired` can rewire a model."""
    return isinstance(model.drift, RegulatoryDrift | HillCube)


def _bias(drift: RegulatoryDrift, x: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Bias at which the mean of the logistic function over states is the wanted one, by bisection: it rises with the bias."""
    without = drift.input(x) - drift.bias
    low, high = -SATURATED - without.max(0).values, SATURATED - without.min(0).values
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        above = torch.sigmoid(without + middle).mean(0) > wanted
        low, high = torch.where(above, low, middle), torch.where(above, middle, high)
    return (low + high) / 2


def _rewired_logic(drift: HillCube, rng: np.random.Generator) -> Multilinear:
    """Rules in which each input is replaced by another one of the same sign, such that every gene acts on as many."""
    signs = circuit_signs(drift)
    numbered = signs * (1 + np.arange(len(signs)))  # each edge remembers which input it was
    found = rewired_weights(numbered, rng)
    logic = drift.logic
    terms: list[dict[frozenset[int], float]] = []
    for i in range(len(signs)):
        moved = {int(abs(found[i, j])): int(j) + 1 for j in np.flatnonzero(found[i])}
        terms.append(
            {
                frozenset(moved[int(c)] for c in row if c): float(weight)
                for row, weight in zip(logic.monomials.tolist(), logic.weights[:, i].tolist(), strict=True)
                if weight
            }
        )
    subsets = sorted({s for t in terms for s in t} | {frozenset()}, key=sorted)
    width = max(1, *(len(s) for s in subsets))
    weights = torch.zeros((len(subsets), len(terms)), dtype=torch.float64)
    for m, subset in enumerate(subsets):
        for i, term in enumerate(terms):
            weights[m, i] = term.get(subset, 0.0)
    return Multilinear(torch.tensor([sorted(s) + [0] * (width - len(s)) for s in subsets]), weights)


def circuit_signs(drift: HillCube) -> FloatArray:
    """Sign of every edge of a circuit, shape ``(d, d)``, ``[target, regulator]``: its rules are monotone in each input."""
    d = len(drift.time_scale)
    middle = torch.full((1, d), 0.5, dtype=torch.float64)
    ends = torch.cat([middle + (value - 0.5) * torch.eye(d, dtype=torch.float64) for value in (0.0, 1.0)])
    values = drift.logic(ends)
    return np.sign(np.round((values[d:] - values[:d]).numpy().T, 12))

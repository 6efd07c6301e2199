"""Perturbations of a screen: single knock-outs and over-expressions, single edges, and pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from landscape._keys import clamp_name, perturbation_name
from landscape.dynamics import GeneModel
from landscape.perturbation.clamps import Clamp, Edge
from landscape.perturbation.levels import within_range

# A level by number, or the high level of each gene: this quantile over cells.
HIGH, HIGH_QUANTILE = "high", 0.99


@dataclass(frozen=True)
class Perturbation:
    """One perturbation of a screen.

    Attributes
    ----------
    levels
        Level of each gene by name; of an edge by the names of its regulator and target.
    clamp
        The same by position.
    inside
        Whether all levels are within the range over cells.
    """

    levels: Mapping[str | tuple[str, str], float]
    clamp: Clamp
    inside: bool

    @property
    def name(self) -> str:
        """Name, such as ``"Gata1=0"``, ``"Gata1=0, Spi1=0.95"`` or ``"Gata1->Spi1=0"``."""
        return perturbation_name(self.levels)

    @property
    def kind(self) -> str:
        """``"knock-out"``, ``"over-expression"`` (any level above zero), ``"edge"`` or ``"double"``."""
        if len(self.levels) > 1:
            return "double"
        ((key, level),) = self.levels.items()
        return "edge" if isinstance(key, tuple) else "knock-out" if level == 0 else "over-expression"

    @property
    def parts(self) -> list[tuple[str, float]]:
        """Name and level of each gene or edge."""
        return [(clamp_name(key), level) for key, level in self.levels.items()]


def singles(
    genes: Sequence[str],
    levels: Sequence[float | str],
    *,
    regulators: Sequence[str],
    states: NDArray[np.float64],
) -> list[Perturbation]:
    """Every gene at every level.

    Parameters
    ----------
    genes
        Names of regulators.
    levels
        Levels in units of the state; ``"high"`` is the 99th percentile of the gene over cells, to three digits.
    regulators
        Names of all variables.
    states
        State of each cell, shape ``(n, d)``.

    Raises
    ------
    ValueError
        If there are no genes or levels, a gene is no regulator or is named twice, or a level is wrong.
    """
    if not len(genes) or not len(levels):
        msg = f"Expected at least one gene and one level, found {len(genes)} genes and levels {list(levels)}."
        raise ValueError(msg)
    if unknown := [gene for gene in genes if gene not in regulators]:
        msg = (
            f"Expected regulators of the model, found {unknown[:5]}, which cannot act in it; "
            f"there are {list(regulators[:10])}, ..."
        )
        raise ValueError(msg)
    found = []
    for gene in dict.fromkeys(genes):
        place = regulators.index(gene)
        x = states[:, place]
        chosen = dict.fromkeys(_level(level, x) for level in levels)
        found += [Perturbation({gene: v}, {place: v}, within_range(v, x.min(), x.max())) for v in chosen]
    return found


def edge_knockouts(
    edges: int | Sequence[tuple[str, str]], model: GeneModel, states: NDArray[np.float64]
) -> list[Perturbation]:
    r"""Removal of single edges: those given, or a number of the strongest ones.

    The strength of an edge is the standard deviation over cells of what it adds to the input of its target,
    :math:`|W_{ij}|\,\mathrm{sd}\,\phi_j(x_j)`, times that of how far the input is heard, the mean of :math:`s'(h_i)`.

    Raises
    ------
    ValueError
        If an edge does not exist, or the number is negative.
    """
    names, drift = list(model.regulators), model.drift
    if isinstance(edges, int):
        if edges < 0:
            msg = f"Expected `edges` to be a number of at least 0, or pairs of regulator and target, found {edges}."
            raise ValueError(msg)
        x = torch.as_tensor(states)
        share = torch.sigmoid(drift.input(x))
        heard = (share * (1 - share)).mean(0)
        strength = (drift.weights.abs() * drift.response(x).std(0) * heard[:, None]).numpy().copy()
        np.fill_diagonal(strength, 0.0)
        order = np.argsort(-strength, axis=None, kind="stable")[: min(edges, int((strength > 0).sum()))]
        places: list[Edge] = [(int(k % len(names)), int(k // len(names))) for k in order]
    else:
        places = []
        for pair in edges:
            if len(pair) != 2 or not set(pair) <= set(names):
                msg = f"Expected edges as pairs of regulators such as ('Gata1', 'Spi1'), found {pair!r}."
                raise ValueError(msg)
            places.append((names.index(pair[0]), names.index(pair[1])))
    for source, target in places:
        if drift.weights[target, source] == 0:
            msg = f"Expected edges of the model, found none from {names[source]} to {names[target]}."
            raise ValueError(msg)
    return [Perturbation({(names[s], names[t]): 0.0}, {(s, t): 0.0}, inside=True) for s, t in places]


def doubles(first: Sequence[Perturbation], second: Sequence[Perturbation]) -> list[Perturbation]:
    """Each of the first with each of the second that clamps another gene; every pair once."""
    found: dict[frozenset[tuple[object, float]], Perturbation] = {}
    for one in first:
        for other in second:
            if set(one.clamp) & set(other.clamp):
                continue
            both = Perturbation(
                {**one.levels, **other.levels}, {**one.clamp, **other.clamp}, one.inside and other.inside
            )
            found.setdefault(frozenset(both.levels.items()), both)
    return list(found.values())


def _level(level: float | str, x: NDArray[np.float64]) -> float:
    if level == HIGH:
        return float(f"{np.quantile(x, HIGH_QUANTILE):.3g}")
    if isinstance(level, str | bool) or not np.isfinite(level) or level < 0:
        msg = f"Expected levels of at least 0, or {HIGH!r}, found {level!r}; 0 is a knock-out, 1 is high expression."
        raise ValueError(msg)
    return float(level)

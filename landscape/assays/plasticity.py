"""Plasticity: whether an input turns one phenotype of the genome into another one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray

from landscape._random import RandomLike
from landscape.assays.assess import N_NULL, Assay, Measured, assess
from landscape.assays.finding import Finding
from landscape.assays.subject import Subject, View
from landscape.dynamics import Drift, RegulatoryDrift
from landscape.topography.fixed_points.continuation import Branch, continuation

FloatArray = NDArray[np.float64]

# Inputs that are tried at most, and those of them that are followed by continuation.
MAX_INPUTS, MAX_FOLLOWED = 60, 12


def critical_inputs(
    family: Callable[[float], Drift], state: ArrayLike, input_range: tuple[float, float], *, at: float
) -> pd.DataFrame:
    """Inputs at which a state vanishes or changes its stability, by continuation.

    Parameters
    ----------
    family
        Function from an input to the drift under it.
    state
        Stable state under the input ``at``, shape ``(d,)``.
    input_range
        Lowest and highest input.
    at
        Input under which the state is stable.

    Returns
    -------
    One row for each bifurcation of the branch: ``input``, ``kind``, and ``hysteresis``, the width of the widest range of inputs in which several states
    coexist between folds.
    """
    branch: Branch = continuation(family, np.asarray(state, dtype=float), input_range, at=at)
    rows = [{"input": found.parameter, "kind": found.kind} for found in branch.bifurcations]
    return pd.DataFrame(rows, columns=["input", "kind"]).assign(hysteresis=branch.hysteresis_width)


def with_input(drift: Any, gene: int, strength: float) -> Drift:
    """Drift with a further input to one gene: added to the regulatory input of a regulatory drift, else to the velocity."""
    if isinstance(drift, RegulatoryDrift):
        signal = drift.signal.clone()
        signal[gene] += strength
        return drift.with_signal(signal)

    def driven(x: torch.Tensor) -> torch.Tensor:
        return drift(x) + strength * torch.eye(x.shape[1], dtype=x.dtype)[gene]

    return driven


def input_ranges(view: View) -> FloatArray:
    """Largest input to each gene that the network itself delivers: the range of its regulatory input, or of its production, over cells; ``(d,)``."""
    x = torch.as_tensor(view.subject.cells)
    drift = view.model.drift
    with torch.no_grad():
        delivered = drift.input(x) if isinstance(drift, RegulatoryDrift) else drift(x) + torch.as_tensor(view.rates) * x
    low, high = np.quantile(delivered.numpy(), (0.05, 0.95), axis=0)
    return high - low


class _Driven:
    """Drift under another input in every row of states."""

    def __init__(self, drift: Any, inputs: FloatArray) -> None:
        self.drift, self.inputs = drift, torch.as_tensor(inputs)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        if isinstance(self.drift, RegulatoryDrift):
            production = self.drift.ceiling * torch.sigmoid(self.drift.input(x) + self.inputs)
            for gene, level in self.drift.held.items():
                production[:, gene] = self.drift.decay[gene] * level
            return production - self.drift.decay * x
        return self.drift(x) + self.inputs


def switches(view: View, genes: NDArray[np.int64], strength: FloatArray) -> NDArray[np.int64]:
    """Phenotype to which an input takes each phenotype: the one nearest to where the flow under it ends, if cells with it are there without.

    Parameters
    ----------
    view
        The model.
    genes
        Genes that get an input, shape ``(m,)``.
    strength
        Its strength, shape ``(m,)``.

    Returns
    -------
    Numbers of phenotypes, shape ``(m, k)``; -1 where the phenotype is none of the model, or the input leads to none.
    """
    k, d = view.memories.shape
    inputs = np.zeros((len(genes), d))
    inputs[np.arange(len(genes)), genes] = strength
    starts = np.tile(np.where(view.keeps[:, None], view.own, view.memories), (len(genes), 1))
    ends = view.rest(_Driven(view.model.drift, np.repeat(inputs, k, axis=0)), starts, together=True)
    released = view.settle(ends)
    apart = np.linalg.norm(released[:, None] - view.own[None], axis=2)
    apart[:, ~view.keeps] = np.inf
    gap = np.linalg.norm(view.memories[:, None] - view.memories[None], axis=2)
    np.fill_diagonal(gap, np.inf)
    end = np.where(apart.min(1) < gap.min() / 4, apart.argmin(1), -1).reshape(len(genes), k)
    return np.where(view.keeps, end, -1)


def _measure(view: View, rng: np.random.Generator) -> Measured:
    k, d = view.memories.shape
    genes = np.sort(rng.choice(d, min(d, MAX_INPUTS), replace=False))
    strength = input_ranges(view)[genes]
    both, signed = np.tile(genes, 2), np.concatenate([strength, -strength])
    end = switches(view, both, signed)
    pairs = np.zeros((k, k), bool)
    for start in range(k):
        found = end[:, start]
        pairs[start, found[(found >= 0) & (found != start)]] = True
    value = pairs.sum() / (k * (k - 1))
    details: dict[str, Any] = {"n_inputs": len(genes)}
    if view is view.subject.view:
        details["inputs"] = _table(view, both, signed, end)
    return Measured(float(value), 0.0, details)


def _table(view: View, genes: NDArray[np.int64], strength: FloatArray, end: NDArray[np.int64]) -> pd.DataFrame:
    """Inputs that turn a phenotype into another, the first of them with the critical input, its kind and the hysteresis."""
    names, titles = view.subject.names, view.model.regulators or tuple(map(str, range(view.memories.shape[1])))
    rows: list[dict[str, Any]] = []
    for m, start in np.argwhere((end >= 0) & (end != np.arange(end.shape[1]))):
        row = {
            "gene": titles[genes[m]],
            "from": names[start],
            "to": names[end[m, start]],
            "largest": float(strength[m]),
        }
        row |= {"critical": np.nan, "kind": "not followed", "hysteresis": np.nan}
        if len(rows) < MAX_FOLLOWED:
            size = float(strength[m])
            bounds = (0.0, size) if size > 0 else (size, 0.0)
            family = partial(with_input, view.model.drift, int(genes[m]))
            found = critical_inputs(family, view.own[start], bounds, at=0.0)
            row["kind"] = "none found"
            if len(found):
                first = found.iloc[int(found["input"].abs().argmin())]
                row |= {"critical": first["input"], "kind": first["kind"], "hysteresis": first["hysteresis"]}
        rows.append(row)
    return pd.DataFrame(rows, columns=["gene", "from", "to", "largest", "critical", "kind", "hysteresis"])


ASSAY = Assay(
    name="plasticity",
    row="27",
    section="Alternate attractor states",
    claim="One genome encodes several phenotypes, and an input decides which of them develops.",
    statistic="share of ordered pairs of cell types of which one input to one gene, no stronger than the network's own, turns the first into the second",
    direction="above",
    needs="C",
    measure=_measure,
)


def plasticity(subject: Subject, *, n_null: int = N_NULL, rng: RandomLike = 0) -> Finding:
    """Share of ordered pairs of phenotypes such that an input to one gene turns the first into the second, for good.

    Each gene gets, one at a time, the largest input that the network itself delivers to it in cells, positive and negative. The flow under the input,
    and after it, leads to another phenotype or back. For pairs that are found the critical input, at which the first phenotype vanishes, is found by
    continuation.

    Parameters
    ----------
    subject
        Model beside its cells.
    n_null, rng
        As for :func:`landscape.assays.assess`.

    Returns
    -------
    Finding with the ``inputs`` in its details.
    """
    return assess(ASSAY, subject, n_null=n_null, rng=rng)

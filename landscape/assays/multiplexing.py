"""Multiplexing: whether different cell types use different parts of one network."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray

from landscape._random import RandomLike
from landscape.assays.assess import N_NULL, Assay, Measured, assess
from landscape.assays.finding import Finding
from landscape.assays.subject import Subject, View
from landscape.dynamics import jacobian
from landscape.network.analysis.comparison import overlap

FloatArray = NDArray[np.float64]


def active_networks(view: View, states: ArrayLike) -> FloatArray:
    """Effect of each gene on the production of each other one at states, shape ``(n, d, d)``: the Jacobian without its diagonal."""
    j = jacobian(view.model.drift, torch.as_tensor(np.asarray(states, dtype=float))).detach().numpy().copy()
    j[:, np.arange(j.shape[1]), np.arange(j.shape[1])] = 0.0
    return j


def _measure(view: View, rng: np.random.Generator) -> Measured:
    del rng
    active = np.abs(active_networks(view, view.memories))
    if not (active.sum((1, 2)) > 0).all():
        return Measured(np.nan, reason="no edge is active in one of the phenotypes")
    names = view.subject.names
    pairs = [(a, b, overlap(active[a], active[b])) for a, b in combinations(range(len(active)), 2)]
    table = pd.DataFrame([{"first": names[a], "second": names[b], "overlap": value} for a, b, value in pairs])
    return Measured(float(table["overlap"].mean()), details={"pairs": table})


ASSAY = Assay(
    name="multiplexing",
    row="21, 22",
    section="The decoder: generative models of growth and development",
    claim="The cell types are multiplexed: each reads another part of the same network, so that they do not interfere.",
    statistic="cosine between the strengths of active edges in two cell types, mean over pairs (0: apart, 1: the same)",
    direction="below",
    needs="C",
    measure=_measure,
)


def multiplexing(subject: Subject, *, n_null: int = N_NULL, rng: RandomLike = 0) -> Finding:
    r"""Overlap of the networks that are active in different phenotypes: cosine of :math:`|a_i s'_i W_{ij} \phi'_j|` between them.

    An edge is active by its effect, so that idle edges do not count. Zero for switches that share no gene and of which one is saturated.

    Parameters
    ----------
    subject
        Model beside its cells.
    n_null, rng
        As for :func:`landscape.assays.assess`.

    Returns
    -------
    Finding with the ``pairs`` in its details.
    """
    return assess(ASSAY, subject, n_null=n_null, rng=rng)

"""Cryptic variation: what mutations that changed nothing do when the environment changes."""

from __future__ import annotations

import numpy as np
import torch

from landscape._random import RandomLike
from landscape.assays.assess import N_NULL, Assay, Measured, assess
from landscape.assays.finding import Finding
from landscape.assays.mutations import Mutants, axes_of
from landscape.assays.plasticity import input_ranges
from landscape.assays.subject import Subject, View

# Lineages, mutations of each that are accepted or not, their size, environments, and the strength of an input in the range of the network's own.
N_LINES, N_MUTATIONS, SIZE, N_ENVIRONMENTS, STRENGTH = 24, 6, 0.1, 4, 0.5


def drifted(view: View, rng: np.random.Generator) -> np.ndarray:
    """Weights of lineages that mutate and keep their phenotypes, shape ``(n, d, d)``: a mutation that loses one is taken back."""
    weights = view.model.drift.weights.numpy()
    now = np.repeat(weights[None], N_LINES, axis=0)
    states = np.repeat(view.states[None], N_LINES, axis=0)
    for _ in range(N_MUTATIONS):
        tried = now * (1 + SIZE * rng.standard_normal(now.shape))
        flat = states.reshape(-1, states.shape[2])
        ends = view.rest(Mutants(view.model.drift, torch.as_tensor(tried)), flat, together=True).reshape(states.shape)
        kept = (np.linalg.norm(ends - view.states, axis=2) < view.gap / 2).all(1)
        now[kept], states[kept] = tried[kept], ends[kept]
    return now


def _measure(view: View, rng: np.random.Generator) -> Measured:
    if view.merged:
        return Measured(np.nan, reason=view.merged)
    lines, d = drifted(view, rng), view.states.shape[1]
    ranges, axes = input_ranges(view), axes_of(view.states)

    def variance(signal: np.ndarray) -> float:
        drift = view.model.drift.with_signal(view.model.drift.signal + torch.as_tensor(signal))
        starts = np.repeat(view.states[None], len(lines), axis=0).reshape(-1, d)
        ends = view.rest(Mutants(drift, torch.as_tensor(lines)), starts, together=True).reshape(len(lines), -1, d)
        return float(np.einsum("mkd,kd->mk", ends, axes).var(0).mean())

    before = variance(np.zeros(d))
    after = [variance(STRENGTH * ranges * rng.choice((-1.0, 1.0), size=d)) for _ in range(N_ENVIRONMENTS)]
    if not before > 0 or not min(after) > 0:
        return Measured(np.nan, reason="lineages do not differ in their phenotypes")
    gained = np.log2(np.array(after) / before)
    return Measured(
        float(gained.mean()),
        float(gained.std() / np.sqrt(N_ENVIRONMENTS)),
        {"before": before, "after": np.array(after)},
    )


ASSAY = Assay(
    name="cryptic variation",
    row="17",
    section="Properties of the model",
    claim="Variation that changes nothing accumulates, and a new environment reveals it.",
    statistic="doublings of the variance of cell types between lineages that drifted at constant phenotype, when inputs shift",
    direction="above",
    needs="C",
    measure=_measure,
    requires=frozenset({"weights"}),
)


def cryptic_variation(subject: Subject, *, n_null: int = N_NULL, rng: RandomLike = 0) -> Finding:
    """Variance of phenotypes between lineages after a shift of the environment over that before, in doublings.

    Lineages mutate in all weights and keep their phenotypes. An environment is an input to every gene of half the range that the network itself delivers, up
    or down at random.

    Parameters
    ----------
    subject
        Model beside its cells.
    n_null, rng
        As for :func:`landscape.assays.assess`.
    """
    return assess(ASSAY, subject, n_null=n_null, rng=rng)

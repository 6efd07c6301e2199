"""Denoising: how much of a corruption of counts encoding and decoding removes."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from landscape._random import RandomLike
from landscape.assays.assess import N_NULL, Assay, Measured, assess
from landscape.assays.coder import Coder, log_normalised
from landscape.assays.finding import Finding, normal_interval
from landscape.assays.recall import corrupt
from landscape.assays.subject import Subject, View

# Share of genes whose counts are swapped with another cell, and resamples of cells.
SHARE, N_RESAMPLES = 0.3, 99


def removed(clean: ArrayLike, noisy: ArrayLike, before: ArrayLike) -> np.ndarray:
    r"""Share of the corruption of each cell that reconstruction removes, :math:`1 - |\hat y(\tilde x) - \hat y(x)|^2 / |y(\tilde x) - y(x)|^2`.

    Parameters
    ----------
    clean, noisy
        Reconstructions of the cells as they are, and corrupted, shape ``(n, g)``.
    before
        Difference that the corruption makes before reconstruction, shape ``(n, g)``.
    """
    after = (np.asarray(noisy, dtype=float) - np.asarray(clean, dtype=float)) ** 2
    size = (np.asarray(before, dtype=float) ** 2).sum(1)
    return 1 - np.divide(after.sum(1), size, out=np.zeros_like(size), where=size > 0)


def _measure(view: View, rng: np.random.Generator) -> Measured:
    coder: Coder = view.subject.extras["coder"]
    counts, q = coder.counts, coder.latent.shape[1]
    swapped = corrupt(counts, SHARE, "swap", rng=rng, cells=counts)
    y, y_swapped = log_normalised(counts), log_normalised(swapped)
    by_model = removed(coder.decode(coder.encode(counts)), coder.decode(coder.encode(swapped)), y_swapped - y)
    centre = y.mean(0)
    _, _, axes = np.linalg.svd(y - centre, full_matrices=False)
    project = axes[:q].T @ axes[:q]
    by_components = removed((y - centre) @ project, (y_swapped - centre) @ project, y_swapped - y)
    value, error = float(by_model.mean()), float(by_model.std() / np.sqrt(len(by_model)))
    null = [float(rng.choice(by_components, len(by_components)).mean()) for _ in range(N_RESAMPLES)]
    return Measured(
        value,
        error,
        {"components": float(by_components.mean())},
        null=null,
        interval=normal_interval(value, error),
    )


ASSAY = Assay(
    name="denoising",
    row="14",
    section="Properties of the model",
    claim="Encoding and decoding recover a cell from a corrupted copy of it, as a denoising auto-encoder does.",
    statistic="share of the corruption that encoding and decoding remove when the counts of three of ten genes are swapped between cells",
    direction="above",
    needs="D",
    measure=_measure,
    null="principal components, as many as there are latent variables",
    rewires=False,
    min_memories=0,
    requires=frozenset({"coder"}),
)


def denoising(subject: Subject, *, n_null: int = N_NULL, rng: RandomLike = 0) -> Finding:
    """Share of a corruption of counts that encoding and decoding remove, beside projection on as many principal components.

    Parameters
    ----------
    subject
        Model beside its cells, with ``extras["coder"]``, a :class:`landscape.assays.Coder`.
    n_null, rng
        As for :func:`landscape.assays.assess`.
    """
    return assess(ASSAY, subject, n_null=n_null, rng=rng)

"""Nonlinearity: how far the decoder is from one that is linear in its latent variables."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from landscape._random import RandomLike
from landscape.assays.assess import N_NULL, Assay, Measured, assess
from landscape.assays.coder import Coder
from landscape.assays.finding import Finding
from landscape.assays.subject import Subject, View

# Resamples of cells, and share of expression below which a gene counts as absent.
N_RESAMPLES, LEAST = 99, 1e-6


def unexplained(latent: ArrayLike, expression: ArrayLike) -> float:
    """Share of the variance of expression that no linear function of the latent variables explains, by two-fold cross-validation."""
    z, y = np.asarray(latent, dtype=float), np.asarray(expression, dtype=float)
    design = np.column_stack([np.ones(len(z)), z])
    residual = np.empty_like(y)
    for fold in (0, 1):
        test = np.arange(len(z)) % 2 == fold
        solution = np.linalg.lstsq(design[~test], y[~test], rcond=None)[0]
        residual[test] = y[test] - design[test] @ solution
    return float((residual**2).sum() / ((y - y.mean(0)) ** 2).sum())


def log_ratios(expression: ArrayLike) -> np.ndarray:
    """Logarithm of the shares of genes, less its mean over genes: linear in the latent variables where the decoder is log-linear."""
    share = np.expm1(np.asarray(expression, dtype=float))
    logs = np.log(np.maximum(share / share.sum(1, keepdims=True), LEAST))
    return logs - logs.mean(1, keepdims=True)


def _measure(view: View, rng: np.random.Generator) -> Measured:
    coder: Coder = view.subject.extras["coder"]
    y = log_ratios(coder.decode(coder.latent))
    value = unexplained(coder.latent, y)
    # Halves, not resamples with repeats, whose copies would lie in both folds.
    n = len(y)
    parts = [rng.permutation(n)[: n // 2] for _ in range(N_RESAMPLES)]
    error = float(np.std([unexplained(coder.latent[part], y[part]) for part in parts]) / np.sqrt(2))
    return Measured(value, error, null=(0.0,) * N_NULL, interval=(value - 1.645 * error, value + 1.645 * error))


ASSAY = Assay(
    name="nonlinear code",
    row="4",
    section="The generative model metaphor",
    claim="The relation between latent variables and expression is indirect and not linear.",
    statistic="share of the variance of decoded log-shares of genes that is not linear in the latent variables of cells",
    direction="above",
    needs="D",
    measure=_measure,
    null="a log-linear decoder, 0",
    rewires=False,
    min_memories=0,
    requires=frozenset({"coder"}),
)


def nonlinear_code(subject: Subject, *, n_null: int = N_NULL, rng: RandomLike = 0) -> Finding:
    """Share of the variance of decoded expression that is not linear in the latent variables.

    Expression is taken as log-shares less their mean over genes, in which the output of a linear decoder is linear: what the normalisation to shares bends does not count.
    It is a property of the fitted decoder and of where cells lie, and depends on the regularisation of its fit.

    Parameters
    ----------
    subject
        Model beside its cells, with ``extras["coder"]``, a :class:`landscape.assays.Coder`.
    n_null, rng
        As for :func:`landscape.assays.assess`.
    """
    return assess(ASSAY, subject, n_null=n_null, rng=rng)

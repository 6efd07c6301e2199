"""Description length: whether the network and its attractors describe mature cells in fewer bits than a mixture that is free."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import solve_continuous_lyapunov
from scipy.special import logsumexp

from landscape._random import RandomLike
from landscape.assays.assess import N_NULL, Assay, Measured, assess
from landscape.assays.finding import Finding
from landscape.assays.subject import Subject, View
from landscape.dynamics import jacobian

FloatArray = NDArray[np.float64]

# Share of the number of genes that is added to the count of cells of a group when its covariance is estimated, towards its diagonal.
MIN_CELLS = 30


def normal_bits(states: ArrayLike, means: ArrayLike, covariances: ArrayLike, weights: ArrayLike) -> float:
    r"""Bits :math:`-\sum_n \log_2 \sum_k w_k N(x_n; \mu_k, \Sigma_k)` of states under a mixture of normal laws.

    Parameters
    ----------
    states
        Shape ``(n, d)``.
    means, covariances, weights
        Shapes ``(k, d)``, ``(k, d, d)``, ``(k,)``.
    """
    x, mu, sigma = (np.asarray(part, dtype=float) for part in (states, means, covariances))
    logs = []
    for mean, cov, weight in zip(mu, sigma, np.asarray(weights, dtype=float), strict=True):
        lower = np.linalg.cholesky(cov)
        z = np.linalg.solve(lower, (x - mean).T)
        log_det = 2 * np.log(np.diag(lower)).sum()
        logs.append(np.log(max(weight, 1e-300)) - 0.5 * ((z**2).sum(0) + log_det + x.shape[1] * np.log(2 * np.pi)))
    return float(-logsumexp(logs, axis=0).sum() / np.log(2))


def stationary_covariance(model: Any, state: ArrayLike) -> FloatArray:
    r"""Covariance around a stable state, from :math:`J\Sigma + \Sigma J^\top + 2D = 0`."""
    x = torch.as_tensor(np.atleast_2d(np.asarray(state, dtype=float)))
    j = jacobian(model.drift, x).numpy()[0]
    noise = model.diffusion(x)[0].numpy() if callable(model.diffusion) else np.asarray(model.diffusion, dtype=float)
    d = np.diag(noise) if noise.ndim == 1 else noise * np.eye(len(j)) if noise.ndim == 0 else noise
    sigma = solve_continuous_lyapunov(j, -2 * d)
    return (sigma + sigma.T) / 2


def _measure(view: View, rng: np.random.Generator) -> Measured:
    del rng
    cells, k = view.subject.cells, len(view.memories)
    label = view.nearest(cells)
    away = np.linalg.norm(cells - view.memories[label], axis=1)
    gap = np.linalg.norm(view.memories[:, None] - view.memories[None], axis=2)
    np.fill_diagonal(gap, np.inf)
    mature = away < gap.min(1)[label] / 2
    x, label = cells[mature], label[mature]
    counts = np.bincount(label, minlength=k)
    d = cells.shape[1]
    if counts.min() < MIN_CELLS:
        return Measured(np.nan, reason=f"a cell type has {counts.min()} mature cells, and it needs {MIN_CELLS}")
    if not np.isfinite(view.own).all():
        return Measured(np.nan, reason="the flow from a phenotype comes to no rest")
    weights = counts / counts.sum()
    price = 0.5 * np.log2(len(x))  # bits of a parameter that n cells determine
    sigma = np.array([stationary_covariance(view.model, state) for state in view.own])
    by_network = normal_bits(x, view.own, sigma, weights)
    drift: Any = view.model.drift
    n_edges = int((drift.weights != 0).sum())
    network = price * (n_edges + 3 * d + 1 + k - 1)
    means = np.array([x[label == j].mean(0) for j in range(k)])
    # As many covariances as cells can tell: one, shared, and its diagonal by group.
    residual = x - means[label]
    free = np.array([np.diag(residual[label == j].var(0) + 1e-8) for j in range(k)])
    by_mixture = normal_bits(x, means, free, weights)
    mixture = price * (2 * k * d + k - 1)
    gain = (by_mixture + mixture - by_network - network) / len(x)
    details = {
        "network_bits": network, "cells_given_network": by_network, "mixture_bits": mixture, "cells_given_mixture": by_mixture, "n_cells": len(x)
    }  # fmt: skip
    return Measured(float(gain), details=details, null=(0.0,) * N_NULL)


ASSAY = Assay(
    name="description length",
    row="2",
    section="The generative model metaphor",
    claim="The genome is too small to list the cell types: the network is the shorter description of them.",
    statistic="bits for each mature cell that the network with its attractors saves against a free mixture of as many normal laws",
    direction="above",
    needs="B",
    measure=_measure,
    null="no bits saved",
    rewires=False,
    requires=frozenset({"weights"}),
)


def description_length(subject: Subject, *, n_null: int = N_NULL, rng: RandomLike = 0) -> Finding:
    r"""Bits for each mature cell that network and attractors save against a mixture of normal laws with free means and variances.

    The network pays :math:`\frac12 \log_2 n` bits for each edge, bias, ceiling and decay rate, the precision that :math:`n` cells determine, and describes cells by the normal
    laws around its attractors that its noise makes. The mixture pays for a mean and a variance of every gene in every cell type. A network pays for what it
    says of development and of knock-outs too, which this does not count. Mature cells lie within half the distance from their phenotype to the next.

    Parameters
    ----------
    subject
        Model beside its cells.
    n_null, rng
        As for :func:`landscape.assays.assess`.

    Returns
    -------
    Finding with all four numbers of bits in its details.

    References
    ----------
    Rissanen (1978), *Automatica* 14, 465. https://doi.org/10.1016/0005-1098(78)90005-5
    """
    return assess(ASSAY, subject, n_null=n_null, rng=rng)

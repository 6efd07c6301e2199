"""Posterior predictive checks: observed counts beside counts that the fitted model predicts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy import stats

from landscape._random import RandomLike, generator
from landscape.latent.dataset import CountDataset
from landscape.latent.distributions import CountDistribution, mean_and_variance
from landscape.latent.likelihood import predictive_distribution
from landscape.latent.module import device_of
from landscape.latent.posterior import Posterior
from landscape.latent.sampler import even_batches

# Probabilities of the central intervals whose coverage is reported.
LEVELS = (0.5, 0.8, 0.9, 0.95)
# Groups of counts by expected value whose calibration is reported: tenths, as in a reliability diagram.
N_CALIBRATION_GROUPS = 10
# Cells at a time: some ten arrays of cells x genes in double precision are in memory.
BATCH_SIZE = 64


@dataclass(frozen=True, slots=True)
class PredictiveCheck:
    """Observed counts beside those that the model predicts for the same cells.

    Attributes
    ----------
    genes
        A row per gene: ``mean``, ``variance`` and ``zeros`` (share of cells without a count) as observed, and as
        ``predicted_mean``, ``predicted_variance``, ``predicted_zeros``.
    coverage
        A row per ``level``: ``coverage``, the share of counts inside the central interval of that probability.
    calibration
        A row per tenth of the counts by expected value: ``expected`` (median), ``n_counts``, and ``kolmogorov``, the
        distance of the randomised probability integral transform from the uniform distribution.
    n_cells, n_samples
        Number of cells checked, and of posterior draws for each.
    """

    genes: pd.DataFrame
    coverage: pd.DataFrame
    calibration: pd.DataFrame
    n_cells: int
    n_samples: int

    def to_dict(self) -> dict[str, Any]:
        """Tables and numbers in a form that ``adata.uns`` can hold.

        Returns
        -------
        Dictionary with the tables, and the numbers under ``"params"``.
        """
        return {
            "genes": self.genes,
            "coverage": self.coverage,
            "calibration": self.calibration,
            "params": {"n_cells": self.n_cells, "n_samples": self.n_samples},
        }


def predictive_check(
    posterior: Posterior,
    data: CountDataset,
    genes: NDArray[np.integer],
    *,
    n_cells: int,
    n_samples: int,
    rng: RandomLike,
) -> PredictiveCheck:
    r"""Compare counts with their posterior predictive distribution.

    .. math:: \tilde F(x) = \frac1S \sum_s F(x \mid z_s), \quad z_s \sim q(z \mid x), \qquad
              u = \tilde F(x - 1) + V\,[\tilde F(x) - \tilde F(x - 1)], \quad V \sim U(0, 1)

    If the model is right, u is uniform [1]_, and the central interval of probability p holds a share p of the counts. The
    variance of a gene over cells is that of its expected counts plus the mean of its variance in a cell.

    Parameters
    ----------
    posterior
        Posterior of a fitted network.
    data
        Cells, preferably cells that the model was not fitted to.
    genes
        Indices of the genes to check.
    n_cells
        Maximum number of cells to check, drawn at random.
    n_samples
        Number of posterior draws for each cell.
    rng
        Seed or generator of cells and draws.

    Returns
    -------
    Record of tables.

    Raises
    ------
    ValueError
        If ``n_cells`` or ``n_samples`` is less than 1.

    References
    ----------
    .. [1] Czado, Gneiting, Held (2009), *Biometrics* 65, 1254. https://doi.org/10.1111/j.1541-0420.2009.01191.x
    """
    if n_cells < 1 or n_samples < 1:
        msg = f"Expected `n_cells` and `n_samples` of at least 1, found {n_cells} and {n_samples}."
        raise ValueError(msg)
    random = generator(rng)
    chosen = np.sort(random.permutation(len(data))[:n_cells])
    sums = _GeneSums(np.zeros(len(genes)), np.zeros(len(genes)), len(chosen))
    parts = [
        _check_cells(posterior, data, part, genes, sums, n_samples=n_samples, random=random)
        for part in even_batches(chosen, BATCH_SIZE)
    ]
    counts, means, u = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    table = pd.DataFrame(
        {
            "mean": counts.mean(0),
            "predicted_mean": means.mean(0),
            "variance": counts.var(0),
            "predicted_variance": sums.variance + means.var(0),
            "zeros": (counts == 0).mean(0),
            "predicted_zeros": sums.zeros,
        },
        index=pd.Index([data.vocabulary.genes[i] for i in genes]),
    )
    central = [np.abs(2 * u - 1) <= level for level in LEVELS]
    return PredictiveCheck(
        genes=table,
        coverage=pd.DataFrame({"level": LEVELS, "coverage": [inside.mean() for inside in central]}),
        calibration=_calibration(means.ravel(), u.ravel()),
        n_cells=len(chosen),
        n_samples=n_samples,
    )


@dataclass(frozen=True, slots=True)
class _GeneSums:
    """Running means over ``n_cells`` cells: predicted share of zeros, and variance in a cell; changed in place."""

    zeros: NDArray[np.float64]
    variance: NDArray[np.float64]
    n_cells: int


def _check_cells(
    posterior: Posterior,
    data: CountDataset,
    part: NDArray[np.integer],
    genes: NDArray[np.integer],
    sums: _GeneSums,
    *,
    n_samples: int,
    random: np.random.Generator,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Counts of some cells, their expected values, and the randomised probability integral transform."""
    fetched, positions = data.fetch(part)
    cells = fetched.subset(positions)
    x = np.asarray(fetched.counts[positions][:, genes].todense(), dtype=np.float64)
    mean, deviation = posterior.moments(cells)
    low, high, centre, square = (np.zeros_like(x) for _ in range(4))
    for _ in range(n_samples):
        z = mean + deviation * random.standard_normal(mean.shape, dtype=np.float32)
        predicted = _predicted(posterior, cells, z, genes)
        high += predicted.cdf(x) / n_samples
        low += predicted.cdf(x - 1) / n_samples
        own_mean, own_variance = mean_and_variance(predicted)
        centre += own_mean / n_samples
        square += (own_variance + own_mean**2) / n_samples
        sums.zeros[:] += predicted.cdf(np.zeros_like(x)).sum(0) / n_samples / sums.n_cells
    sums.variance[:] += (square - centre**2).sum(0) / sums.n_cells
    return x, centre, low + random.uniform(size=x.shape) * (high - low)


def _predicted(
    posterior: Posterior, cells: CountDataset, z: NDArray[np.float32], genes: NDArray[np.integer]
) -> CountDistribution:
    device = device_of(posterior.module)
    return predictive_distribution(
        posterior.module,
        torch.from_numpy(z).to(device),
        *cells.covariates(slice(None), device=device),
        torch.from_numpy(cells.totals).to(device),
        torch.from_numpy(np.asarray(genes, dtype=np.int64)).to(device),
    )


def _calibration(expected: NDArray[np.float64], u: NDArray[np.float64]) -> pd.DataFrame:
    rows = [
        {
            "expected": float(np.median(expected[group])),
            "n_counts": len(group),
            "kolmogorov": float(stats.kstest(u[group], "uniform").statistic),
        }
        for group in np.array_split(np.argsort(expected, kind="stable"), N_CALIBRATION_GROUPS)
        if len(group)
    ]
    return pd.DataFrame(rows)

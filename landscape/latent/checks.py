"""Posterior predictive checks: counts that the fitted model predicts, beside the counts that were observed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy import special, stats

from landscape._random import RandomLike, generator
from landscape.latent.cells import Cells
from landscape.latent.module import last_hidden, log_dispersion
from landscape.latent.order import even_batches
from landscape.latent.posterior import device_of, posterior

if TYPE_CHECKING:
    from landscape.latent.module import VAE

LEVELS = (0.5, 0.8, 0.9, 0.95)
_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class PredictiveCheck:
    """Observed counts beside those that the model predicts for the same cells.

    Attributes
    ----------
    genes
        A row per gene: ``mean``, ``variance`` and ``zeros`` (share of cells without a count) as observed, and as
        ``predicted_mean``, ``predicted_variance``, ``predicted_zeros``.
    coverage
        A row per ``level``: the share of counts that lie in the central interval of that probability, ``coverage``.
    calibration
        A row per tenth of the counts by expected value: ``expected`` (median), ``n_counts``, and ``kolmogorov``, the
        distance of the randomised probability integral transform from the uniform law.
    n_cells, n_samples
        Cells checked, and posterior draws for each.
    """

    genes: pd.DataFrame
    coverage: pd.DataFrame
    calibration: pd.DataFrame
    n_cells: int
    n_samples: int

    def to_dict(self) -> dict[str, Any]:
        """Tables and numbers that ``adata.uns`` can hold."""
        return {
            "genes": self.genes,
            "coverage": self.coverage,
            "calibration": self.calibration,
            "params": {"n_cells": self.n_cells, "n_samples": self.n_samples},
        }


@dataclass(frozen=True, slots=True)
class _Law:
    """Law of the counts of some cells at one draw of z: ``mean`` of the negative binomial, theta, share of extra zeros."""

    mean: NDArray[np.float64]
    theta: NDArray[np.float64] | None
    extra: NDArray[np.float64]

    def below(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probability of at most x counts; zero for negative x."""
        at = np.maximum(x, 0)
        if self.theta is None:
            share = stats.poisson.cdf(at, self.mean)
        else:
            share = special.betainc(self.theta, at + 1, self.theta / (self.theta + self.mean))
        return np.where(x < 0, 0.0, self.extra + (1 - self.extra) * share)

    def moments(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean and variance of each count."""
        own = self.mean if self.theta is None else self.mean + self.mean**2 / self.theta
        mean = (1 - self.extra) * self.mean
        return mean, (1 - self.extra) * (own + self.mean**2) - mean**2


def predictive_check(
    module: VAE,
    cells: Cells,
    chosen: NDArray[np.integer],
    genes: NDArray[np.integer],
    *,
    n_samples: int,
    rng: RandomLike,
) -> PredictiveCheck:
    r"""Compare counts with the posterior predictive law.

    .. math:: \tilde F(x) = \frac1S \sum_s F(x \mid z_s), \quad z_s \sim q(z \mid x), \qquad
              u = \tilde F(x - 1) + V\,[\tilde F(x) - \tilde F(x - 1)], \quad V \sim U(0, 1)

    If the model is right, u is uniform [1]_, and the central interval of probability p holds a share p of the counts. The
    variance of a gene over cells is that of its expected counts plus the mean of its variance in a cell.

    Parameters
    ----------
    cells
        Cells; best some that the model has not been fitted to.
    chosen
        Indices of the cells to check.
    genes
        Indices of the genes to check.
    n_samples
        Posterior draws for each cell.

    References
    ----------
    .. [1] Czado, Gneiting, Held (2009), *Biometrics* 65, 1254. https://doi.org/10.1111/j.1541-0420.2009.01191.x
    """
    random = generator(rng)
    observed, expected, transform = [], [], []
    zeros, spread = np.zeros(len(genes)), np.zeros(len(genes))
    for part in even_batches(chosen, _AT_ONCE):
        some, places = cells.fetch(part)
        x = np.asarray(some.counts[places][:, genes].todense(), dtype=np.float64)
        mean, deviation = posterior(module, cells_at(some, places))
        low, high, centre, square = (np.zeros_like(x) for _ in range(4))
        for _ in range(n_samples):
            z = mean + deviation * random.standard_normal(mean.shape, dtype=np.float32)
            law = _law(module, z, some, places, genes)
            high += law.below(x) / n_samples
            low += law.below(x - 1) / n_samples
            own_mean, own_variance = law.moments()
            centre += own_mean / n_samples
            square += (own_variance + own_mean**2) / n_samples
            zeros += law.below(np.zeros_like(x)).sum(0) / n_samples / len(chosen)
        spread += (square - centre**2).sum(0) / len(chosen)
        transform.append(low + random.uniform(size=x.shape) * (high - low))
        observed.append(x)
        expected.append(centre)
    counts, means, u = np.concatenate(observed), np.concatenate(expected), np.concatenate(transform)
    names = pd.Index([cells.vocabulary.genes[i] for i in genes])
    table = pd.DataFrame(
        {
            "mean": counts.mean(0),
            "predicted_mean": means.mean(0),
            "variance": counts.var(0),
            "predicted_variance": spread + means.var(0),
            "zeros": (counts == 0).mean(0),
            "predicted_zeros": zeros,
        },
        index=names,
    )
    central = [np.abs(2 * u - 1) <= level for level in LEVELS]
    return PredictiveCheck(
        genes=table,
        coverage=pd.DataFrame({"level": LEVELS, "coverage": [inside.mean() for inside in central]}),
        calibration=_calibration(means.ravel(), u.ravel()),
        n_cells=len(chosen),
        n_samples=n_samples,
    )


def cells_at(cells: Cells, places: NDArray[np.integer]) -> Cells:
    """Some of the cells in memory, in the order wanted."""
    return Cells(
        counts=cells.counts[places],
        codes=cells.codes[places],
        continuous=cells.continuous[places],
        names=[],
        vocabulary=cells.vocabulary,
    )


def _calibration(expected: NDArray[np.float64], u: NDArray[np.float64]) -> pd.DataFrame:
    rows = [
        {
            "expected": float(np.median(expected[tenth])),
            "n_counts": len(tenth),
            "kolmogorov": float(stats.kstest(u[tenth], "uniform").statistic),
        }
        for tenth in np.array_split(np.argsort(expected, kind="stable"), 10)
        if len(tenth)
    ]
    return pd.DataFrame(rows)


def _law(
    module: VAE, z: NDArray[np.float32], cells: Cells, places: NDArray[np.integer], genes: NDArray[np.integer]
) -> _Law:
    device = device_of(module)
    codes = torch.from_numpy(cells.codes[places]).to(device)
    continuous = torch.from_numpy(cells.continuous[places]).to(device)
    chosen = torch.from_numpy(np.asarray(genes, dtype=np.int64)).to(device)
    library = torch.from_numpy(cells.totals[places]).to(device)
    with torch.no_grad():
        hidden = last_hidden(module, torch.from_numpy(z).to(device), codes, continuous)
        share = torch.softmax(module.decoder.px_scale_decoder[0](hidden), dim=1)[:, chosen].double()
        mean = (share * library[:, None]).cpu().numpy()
        extra = np.zeros_like(mean)
        if module.gene_likelihood == "zinb":
            extra = module.decoder.px_dropout_decoder(hidden)[:, chosen].double().sigmoid().cpu().numpy()
        if module.gene_likelihood == "poisson":
            return _Law(mean, None, extra)
        table = log_dispersion(module).double().exp()[:, chosen]
        theta = table.expand(len(mean), -1) if len(table) == 1 else table[codes[:, 0]]
        return _Law(mean, theta.cpu().numpy(), extra)

"""Distributions of a count given z: what posterior predictive checks need of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats


class CountDistribution(Protocol):
    """Distribution of the counts of some cells and genes at one z; arrays have shape ``(n_cells, n_genes)``."""

    def cdf(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probability of at most x counts; zero for negative x."""
        ...

    def raw_moments(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Expectations of the count and of its square, which mixtures add in proportion."""
        ...


def mean_and_variance(distribution: CountDistribution) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and variance of each count.

    Parameters
    ----------
    distribution
        Distribution of the counts of some cells and genes.

    Returns
    -------
    Mean and variance, each of shape ``(n_cells, n_genes)``.
    """
    first, second = distribution.raw_moments()
    return first, second - first**2


@dataclass(frozen=True, slots=True)
class Poisson:
    """Poisson distribution.

    Attributes
    ----------
    mean
        Mean m.
    """

    mean: NDArray[np.float64]

    def cdf(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probability of at most x counts; zero for negative x."""
        return np.where(x < 0, 0.0, stats.poisson.cdf(np.maximum(x, 0), self.mean))

    def raw_moments(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Expectations of the count and of its square."""
        return self.mean, self.mean + self.mean**2


@dataclass(frozen=True, slots=True)
class NegativeBinomial:
    r"""Negative binomial distribution of variance :math:`m + m^2 / \theta`.

    Attributes
    ----------
    mean
        Mean m.
    theta
        Inverse dispersion.
    """

    mean: NDArray[np.float64]
    theta: NDArray[np.float64]

    def cdf(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probability of at most x counts, a regularised incomplete beta function; zero for negative x."""
        below = special.betainc(self.theta, np.maximum(x, 0) + 1, self.theta / (self.theta + self.mean))
        return np.where(x < 0, 0.0, below)

    def raw_moments(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Expectations of the count and of its square."""
        return self.mean, self.mean + self.mean**2 / self.theta + self.mean**2


@dataclass(frozen=True, slots=True)
class ZeroInflated:
    r"""Mixture of zero, with probability :math:`\pi`, and another distribution.

    Attributes
    ----------
    base
        The other distribution.
    zero_probability
        Probability :math:`\pi` of an additional zero.
    """

    base: CountDistribution
    zero_probability: NDArray[np.float64]

    def cdf(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probability of at most x counts; zero for negative x."""
        return np.where(x < 0, 0.0, self.zero_probability + (1 - self.zero_probability) * self.base.cdf(x))

    def raw_moments(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Expectations of the count and of its square."""
        first, second = self.base.raw_moments()
        return (1 - self.zero_probability) * first, (1 - self.zero_probability) * second

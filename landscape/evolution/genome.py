"""The genome: direct effects and weights, which are the model of a gene network."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from landscape._random import RandomLike, generator
from landscape.dynamics import GeneModel, Model, RegulatoryDrift
from landscape.evolution.development import Development

FloatArray = NDArray[np.float64]

# A response x / (k + x) with this k is x / k without rounding error for all x below 128, since k + x rounds to k; weights times k, a
# power of two, are exact too. So a linear response is a Hill response, and every function of a `RegulatoryDrift` takes it.
LINEAR = 2.0**60
# Variance of a gene without regulation by the default noise, D / gamma, in squared units of its largest level.
REST_VARIANCE = 0.003


@dataclass(frozen=True, eq=False)
class History:
    """Course of an evolution, one entry for each block of generations that was kept.

    Attributes
    ----------
    generation
        Generations up to the end of the block, shape ``(n,)``.
    fitness
        Fitness under the goal of the block, of the resident or the mean of the population, shape ``(n,)``.
    goals
        Goal of the block, shape ``(n, d)``.
    weights
        Weights of the resident, or of the fittest, shape ``(n, d, d)``.
    """

    generation: NDArray[np.int64]
    fitness: FloatArray
    goals: FloatArray
    weights: FloatArray


@dataclass(frozen=True, eq=False)
class Pool:
    """Genomes of a population.

    Attributes
    ----------
    embryos
        Direct effects, shape ``(m, d)``.
    weights
        Weights, shape ``(m, d, d)``, ``[target, regulator]``.
    fitness
        Fitness under the last goal, shape ``(m,)``.
    """

    embryos: FloatArray
    weights: FloatArray
    fitness: FloatArray


@dataclass(frozen=True, eq=False, repr=False)
class Genome:
    """A genome, and with it the model that it encodes.

    Parameters
    ----------
    embryo
        Direct effects :math:`G`, with which development begins, values from -1 to 1, shape ``(d,)``.
    weights
        :math:`B`, shape ``(d, d)``, ``[target, regulator]``.
    development
        How an embryo becomes an adult.
    history
        Course of its evolution, if it evolved.
    pool
        The population from which it was taken, if there was one.

    Raises
    ------
    ValueError
        If shapes do not match or a value is not finite.

    Examples
    --------
    A genome that remembers three of eight phenotypes as a sum of outer products develops to one of them from most embryos. Its landscape
    has attractors of them, of their mixtures, and of the opposites of all, but none of the eighth:

    >>> import landscape as ls
    >>> family = ls.evolution.TargetFamily()
    >>> genome = ls.evolution.hebbian(family.trained, strength=0.75)
    >>> genome
    Genome(16 genes, 256 connections, 10 steps of development)
    >>> adults = genome.develop(1000, rng=0)
    >>> float(family.shares(adults)[[0, 3, 5]].sum()) > 0.7
    True
    >>> model = genome.model()
    >>> len(ls.topography.fixed_points(model, genome.to_states(adults), rng=0).stable)
    14
    """

    embryo: FloatArray
    weights: FloatArray
    development: Development = field(default_factory=Development)
    history: History | None = None
    pool: Pool | None = None

    def __post_init__(self) -> None:
        embryo, weights = np.array(self.embryo, float), np.array(self.weights, float)
        if embryo.ndim != 1 or weights.shape != (len(embryo), len(embryo)):
            msg = f"Expected an embryo of shape (d,) and weights (d, d), found {embryo.shape} and {weights.shape}."
            raise ValueError(msg)
        if not (np.isfinite(embryo).all() and np.isfinite(weights).all()):
            n_bad = int((~np.isfinite(embryo)).sum() + (~np.isfinite(weights)).sum())
            msg = f"Expected direct effects and weights that are finite, found {n_bad} that are not."
            raise ValueError(msg)
        if (np.abs(embryo) > 1).any():
            msg = f"Expected direct effects between -1 and 1, found {embryo[np.abs(embryo) > 1][0]}."
            raise ValueError(msg)
        object.__setattr__(self, "embryo", embryo)
        object.__setattr__(self, "weights", weights)

    def __repr__(self) -> str:
        kind = "direct encoding" if self.development.is_direct else f"{self.development.n_steps} steps of development"
        return f"Genome({self.n_genes} genes, {int((self.weights != 0).sum())} connections, {kind})"

    @property
    def n_genes(self) -> int:
        """Number of genes :math:`d`."""
        return len(self.embryo)

    @property
    def phenotype(self) -> FloatArray:
        """Adult phenotype of the genome's own embryo, shape ``(d,)``."""
        return self.development.phenotypes(self.weights, self.embryo[None])[0]

    def develop(self, embryos: int | ArrayLike, *, rng: RandomLike = 0) -> FloatArray:
        """Adult phenotypes of embryos.

        Parameters
        ----------
        embryos
            Embryos of shape ``(n, d)``, or a number of random ones, uniform between -1 and 1.
        rng
            Seed of random embryos.

        Returns
        -------
        Phenotypes of shape ``(n, d)``.
        """
        if isinstance(embryos, int | np.integer) and not isinstance(embryos, bool):
            if embryos < 1:
                msg = f"Expected one embryo or more, found {embryos}."
                raise ValueError(msg)
            starts = generator(rng).uniform(-1, 1, (int(embryos), self.n_genes))
        else:
            starts = np.asarray(embryos, float)
            if starts.ndim != 2 or starts.shape[1] != self.n_genes:
                msg = f"Expected a number of embryos, or embryos of shape (n, {self.n_genes}), found {starts.shape}."
                raise ValueError(msg)
        return self.development.phenotypes(self.weights, starts)

    def mutants(self, sd: float, *, n: int = 100, rng: RandomLike = 0) -> tuple[Genome, ...]:
        """Genomes all of whose connections mutate by a factor, :math:`B_{ij} (1 + s z_{ij})` with normal :math:`z`.

        Parameters
        ----------
        sd
            :math:`s`. Absent connections stay absent.
        n
            Number of mutants.
        rng
            Seed.

        Returns
        -------
        The mutants, with the embryo and the development of this genome.
        """
        if not 0 < sd < np.inf:
            msg = f"Expected `sd` to be positive and finite, found {sd}."
            raise ValueError(msg)
        if n < 1:
            msg = f"Expected one mutant or more, found {n}."
            raise ValueError(msg)
        factors = 1 + sd * generator(rng).standard_normal((n, *self.weights.shape))
        return tuple(
            dataclasses.replace(self, weights=self.weights * factor, history=None, pool=None) for factor in factors
        )

    def regulation(self) -> tuple[FloatArray, FloatArray]:
        r"""Weights and bias of the model on states between 0 and 1.

        .. math:: W = \frac{4 \alpha \tau_1}{\tau_2} B, \qquad b = -\frac{2 \alpha \tau_1}{\tau_2} B \mathbf{1}

        Returns
        -------
        :math:`W` of shape ``(d, d)`` and :math:`b` of shape ``(d,)``.
        """
        self._require_development()
        factor = 2 * self.development.gain * self.development.rate / self.development.decay
        return 2 * factor * self.weights, -factor * self.weights.sum(1)

    def model(self, *, diffusion: float | None = None) -> GeneModel:
        r"""The model that the genome encodes.

        .. math:: y = \tfrac12 + \frac{\tau_2}{2\tau_1} P: \qquad
                  \dot P = \tau_1 \tanh(\alpha B P) - \tau_2 P \quad\Longleftrightarrow\quad \dot y = \tau_2 \big[ s(W y + b) - y \big]

        This is exact, with :math:`W, b` of :meth:`regulation`. The response of the drift is linear: a Hill response with coefficient 1
        and threshold :math:`2^{60}`, at which it has no rounding error. ``drift.weights`` are therefore :math:`2^{60} W`. One Euler step of length
        1, the default step at :math:`\tau_2 = 0.2`, is one step of development.

        Parameters
        ----------
        diffusion
            :math:`D` of the model; by default :math:`0.003\,\tau_2`, at which a gene without regulation varies by 0.055.

        Returns
        -------
        The model, with names of the genes, bounded below by 0.

        Raises
        ------
        ValueError
            If the genome has the direct encoding, which has no dynamics.
        """
        weights, bias = self.regulation()
        decay = self.development.decay
        drift = RegulatoryDrift.from_arrays(
            LINEAR * weights, bias=bias, ceiling=decay, decay=decay, threshold=LINEAR, hill=1.0
        )
        noise = REST_VARIANCE * decay if diffusion is None else diffusion
        digits = len(str(self.n_genes))
        return Model(drift, noise, tuple(f"G{i + 1:0{digits}d}" for i in range(self.n_genes)))

    def to_states(self, phenotypes: ArrayLike) -> torch.Tensor:
        """States of the model, between 0 and 1, of phenotypes between -1 and 1: :math:`y = (1 + p) / 2`."""
        return torch.as_tensor((1 + np.asarray(phenotypes, float)) / 2)

    def embryo_states(self, embryos: ArrayLike) -> torch.Tensor:
        r"""States of the model with which embryos begin, :math:`y = 1/2 + G \tau_2 / (2\tau_1)`."""
        self._require_development()
        return torch.as_tensor(0.5 + 0.5 * self.development.scale * np.asarray(embryos, float))

    def to_phenotypes(self, states: Any) -> FloatArray:
        """Phenotypes between -1 and 1 of states of the model: :math:`p = 2y - 1`."""
        return 2 * np.asarray(states, float) - 1

    def _require_development(self) -> None:
        if self.development.is_direct:
            msg = "Expected a genome with development; under the direct encoding a phenotype has no dynamics."
            raise ValueError(msg)

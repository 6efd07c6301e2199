"""Response to selection: one trait is selected, and all are watched."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscape._random import RandomLike, generator
from landscape.evolution.genome import REST_VARIANCE, Genome
from landscape.evolution.plan import require_positive_count

FloatArray = NDArray[np.float64]

# Standard deviation of a gene of the adult by noise: that of the model of a genome with its default noise, a phenotype being 2y - 1.
NOISE = 2 * REST_VARIANCE**0.5


@dataclass(frozen=True, eq=False)
class Response:
    """Response of traits to selection on one of them.

    Attributes
    ----------
    mean, sd
        Mean and standard deviation of each trait in each generation, the first before selection, shape ``(t + 1, k)``.
    selected
        Number of the selected trait.
    phenotypes
        Phenotypes of the last generation, shape ``(n, d)``.
    """

    mean: FloatArray
    sd: FloatArray
    selected: int
    phenotypes: FloatArray

    @property
    def change(self) -> FloatArray:
        """Change of the mean of each trait from the first generation to the last, shape ``(k,)``."""
        return self.mean[-1] - self.mean[0]

    @property
    def correlated(self) -> FloatArray:
        """Change of each trait over that of the selected one, shape ``(k,)``; 1 for the selected trait itself."""
        return self.change / self.change[self.selected]


def select(
    genome: Genome,
    trait: int | ArrayLike,
    *,
    traits: ArrayLike | None = None,
    n_generations: int = 3,
    n_individuals: int = 5000,
    share: float = 0.2,
    mutation: float = 0.1,
    noise: float = NOISE,
    rng: RandomLike = 0,
) -> Response:
    r"""Select a trait in a population with one developmental programme.

    The weights of the genome are held. Embryos vary, at first uniformly between -1 and 1: in each generation those with the largest values of the
    trait are parents (truncation selection), each direct effect comes from one of two parents (free recombination), and one of them
    mutates by :math:`U(-a, a)`.

    Parameters
    ----------
    genome
        Genome whose development is asked.
    trait
        Trait as weights of the genes, shape ``(d,)``, or the number of one of ``traits``.
    traits
        All traits, shape ``(k, d)``, such as :attr:`TargetFamily.traits`; by default the selected one alone.
    n_generations
        Number of generations.
    n_individuals
        Size of the population.
    share
        Share of it that become parents.
    mutation
        :math:`a`.
    noise
        Standard deviation of each gene of an adult when parents are chosen, so that selection does not see differences far below it. Means
        are of adults without noise.
    rng
        Seed.

    Returns
    -------
    Means of all traits over generations.

    Raises
    ------
    ValueError
        If shapes do not match or a number is out of its range.

    Examples
    --------
    >>> import landscape as ls
    >>> family = ls.evolution.TargetFamily()
    >>> genome = ls.evolution.hebbian(family.members)
    >>> response = ls.evolution.select(genome, 0, traits=family.traits, rng=0)
    >>> bool((abs(response.correlated[1:]) < 0.2).all())
    True
    """
    axes, number = _axes(genome, trait, traits)
    require_positive_count("n_generations", n_generations)
    require_positive_count("n_individuals", n_individuals)
    n_parents = round(share * n_individuals)
    if not 0 < share <= 1 or n_parents < 2:
        msg = f"Expected a `share` above 0 and at most 1 that makes two parents or more, found {share} of {n_individuals}."
        raise ValueError(msg)
    for name, value in (("mutation", mutation), ("noise", noise)):
        if not 0 <= value < np.inf:
            msg = f"Expected `{name}` to be zero or positive and finite, found {value}."
            raise ValueError(msg)
    gen = generator(rng)
    embryos = gen.uniform(-1, 1, (n_individuals, genome.n_genes))
    kept = []
    for k in range(n_generations + 1):
        adults = genome.develop(embryos)
        values = adults @ axes.T
        kept.append(values)
        if k < n_generations:
            seen = values[:, number] + noise * gen.standard_normal(adults.shape) @ axes[number]
            parents = np.argsort(-seen, kind="stable")[:n_parents]
            embryos = _offspring(embryos[parents], n_individuals, mutation, gen)
    values = np.stack(kept)
    return Response(values.mean(1), values.std(1), number, adults)


def _offspring(parents: FloatArray, n: int, mutation: float, gen: np.random.Generator) -> FloatArray:
    d = parents.shape[1]
    first, second = parents[gen.integers(len(parents), size=(2, n))]
    born = np.where(gen.random((n, d)) < 0.5, first, second)
    born[np.arange(n), gen.integers(d, size=n)] += mutation * gen.uniform(-1, 1, n)
    return np.clip(born, -1, 1)


def _axes(genome: Genome, trait: int | ArrayLike, traits: ArrayLike | None) -> tuple[FloatArray, int]:
    """All traits, and the number of the selected one."""
    known = np.zeros((0, genome.n_genes)) if traits is None else np.atleast_2d(np.asarray(traits, float))
    if isinstance(trait, int | np.integer) and not isinstance(trait, bool):
        axes, number = known, int(trait)
        if not 0 <= number < len(axes):
            msg = f"Expected the number of one of {len(axes)} `traits`, found {number}; pass the trait as weights of genes."
            raise ValueError(msg)
    else:
        chosen = np.asarray(trait, float)
        if chosen.shape != (genome.n_genes,):
            msg = f"Expected a trait of shape ({genome.n_genes},), found {chosen.shape}."
            raise ValueError(msg)
        axes, number = np.vstack([chosen[None], known]), 0
    if axes.shape[1] != genome.n_genes or not np.isfinite(axes).all():
        msg = f"Expected finite `traits` of shape (k, {genome.n_genes}), found {axes.shape}."
        raise ValueError(msg)
    if not axes[number].any():
        msg = "Expected a trait with a weight that is not zero."
        raise ValueError(msg)
    return axes, number

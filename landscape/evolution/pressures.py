"""What acts on a genome: mutation, the cost of connections, and how a population breeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from landscape.evolution.development import Development
from landscape.evolution.rules import L0, L1, Rules

# Size of the mutation of a weight in units of 1 / N^2, as published, and by default ten times larger: the same genomes then evolve in a
# tenth of the generations.
PUBLISHED_SIZE, FASTER = 0.1 / 15, 10.0


@dataclass(frozen=True)
class Mutation:
    r"""Mutation of a genome of :math:`N` genes in one generation.

    One direct effect moves by :math:`U(-a, a)`, clipped to :math:`[-1, 1]`, and all weights by :math:`U(-m, m)`.

    Attributes
    ----------
    embryo
        :math:`a`.
    weights
        :math:`m`; by default :math:`1/(15 N^2)`, ten times the published size, which is :meth:`published`.
    weights_rate
        Probability that the weights mutate in a generation; 0 freezes them.
    loss_rate, gain_rate
        Probability per generation that a weight, drawn at random, is lost (becomes 0), and that an absent one appears. Where one of them is positive,
        a weight of 0 is absent: it moves only when it is gained.
    new_edge
        A weight appears with a value of :math:`U(-c, c)`; this is :math:`c`.

    Raises
    ------
    ValueError
        If a number is out of its range.
    """

    embryo: float = 0.1
    weights: float | None = None
    weights_rate: float = 1.0
    loss_rate: float = 0.0
    gain_rate: float = 0.0
    new_edge: float = 0.1

    def __post_init__(self) -> None:
        for name in ("embryo", "weights", "new_edge"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < np.inf:
                msg = f"Expected the size `{name}` of mutations to be zero or positive and finite, found {value}."
                raise ValueError(msg)
        for name in ("weights_rate", "loss_rate", "gain_rate"):
            if not 0 <= getattr(self, name) <= 1:
                msg = f"Expected the probability `{name}` between 0 and 1, found {getattr(self, name)}."
                raise ValueError(msg)

    @classmethod
    def published(cls, n_genes: int, *, times: float = 1.0) -> Mutation:
        r"""Mutation of Kouvaris et al. (2017), :math:`m = 0.1/(15 N^2)`, with weights that move ``times`` as far."""
        return cls(weights=times * PUBLISHED_SIZE / n_genes**2)

    def weights_size(self, n_genes: int) -> float:
        """:math:`m` for a number of genes."""
        return FASTER * PUBLISHED_SIZE / n_genes**2 if self.weights is None else self.weights


@dataclass(frozen=True)
class ConnectionCost:
    r"""Fitness that connections cost, :math:`\lambda c(B)`.

    .. math:: c_1 = \frac{1}{N^2} \sum_{ij} |B_{ij}|, \qquad c_0 = \frac{1}{N^2} \#\{ij : B_{ij} \ne 0\}

    Attributes
    ----------
    strength
        :math:`\lambda`. The optimum depends on the size of mutations: 0.22 (L1) at that of Kouvaris et al. and at ten times this, while at
        thirty times it removes all weights.
    norm
        ``"l1"`` or ``"l0"``. The number of connections changes only where mutations lose and gain them, see :class:`Mutation`.

    Raises
    ------
    ValueError
        If the strength is negative or the norm unknown.
    """

    strength: float
    norm: Literal["l1", "l0"] = "l1"

    def __post_init__(self) -> None:
        if not 0 <= self.strength < np.inf:
            msg = f"Expected the cost of connections to be zero or positive and finite, found {self.strength}."
            raise ValueError(msg)
        if self.norm not in ("l1", "l0"):
            msg = f"Expected `norm` of the cost to be 'l1' or 'l0', found {self.norm!r}."
            raise ValueError(msg)


@dataclass(frozen=True)
class Population:
    r"""A population of constant size with non-overlapping generations.

    A parent is drawn with probability proportional to :math:`e^{s f}`. With probability ``recombination`` an offspring has two
    parents, and each gene comes from either with its direct effect and its row of the weights.

    Attributes
    ----------
    size
        Number of genomes.
    selection
        :math:`s`; 0 is drift alone. By default a difference of a thousandth in fitness is selected, close to strong selection.
    recombination
        Probability of two parents.

    Raises
    ------
    ValueError
        If a number is out of its range.
    """

    size: int = 100
    selection: float = 1000.0
    recombination: float = 1.0

    def __post_init__(self) -> None:
        if isinstance(self.size, bool) or int(self.size) != self.size or self.size < 2:
            msg = f"Expected a population of 2 genomes or more, found {self.size!r}."
            raise ValueError(msg)
        if not 0 <= self.selection < np.inf:
            msg = f"Expected `selection` to be zero or positive and finite, found {self.selection}."
            raise ValueError(msg)
        if not 0 <= self.recombination <= 1:
            msg = f"Expected the probability `recombination` between 0 and 1, found {self.recombination}."
            raise ValueError(msg)


def kernel_rules(n_genes: int, development: Development, mutation: Mutation, cost: ConnectionCost) -> Rules:
    """Numbers as the kernels take them; under the direct encoding weights do nothing and stay as they are."""
    return Rules(
        n_steps=int(development.n_steps),
        gain=float(development.gain),
        rate=float(development.rate),
        decay=float(development.decay),
        scale=float(development.scale),
        cost=float(cost.strength),
        norm=L1 if cost.norm == "l1" else L0,
        embryo=float(mutation.embryo),
        weights=float(mutation.weights_size(n_genes)),
        weights_rate=0.0 if development.is_direct else float(mutation.weights_rate),
        loss_rate=0.0 if development.is_direct else float(mutation.loss_rate),
        gain_rate=0.0 if development.is_direct else float(mutation.gain_rate),
        new_edge=float(mutation.new_edge),
    )

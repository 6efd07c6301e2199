"""Everything that makes a run of evolution, checked before it begins."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from landscape._files import digest_of
from landscape.evolution.development import Development
from landscape.evolution.genome import Genome
from landscape.evolution.pressures import ConnectionCost, Mutation, Population
from landscape.evolution.targets import Schedule, require_schedule

# A seed is below this: a word of the compiled generator.
MAX_SEED = 2**63


@dataclass(frozen=True, eq=False)
class Plan:
    """A run of evolution; the attributes are the arguments of :func:`landscape.evolution.evolve`.

    Raises
    ------
    ValueError, TypeError
        If they do not fit together.
    """

    targets: NDArray[np.float64]
    schedule: Schedule
    period: int
    modules: NDArray[np.int64] | None
    cost: ConnectionCost
    mutation: Mutation
    population: Population | None
    development: Development
    founder: Genome | None
    n_generations: int
    seed: int

    def __post_init__(self) -> None:
        require_schedule(self.schedule, len(self.targets), self.modules)
        for name in ("n_generations", "period"):
            require_positive_count(name, getattr(self, name))
        require_seed(self.seed)
        if self.founder is not None and self.founder.n_genes != self.n_genes:
            msg = f"Expected a founder with the {self.n_genes} genes of the targets, found {self.founder.n_genes}."
            raise ValueError(msg)
        if self.founder is not None and self.development != self.founder.development:
            msg = (
                f"The founder has its own development, {self.founder.development}; leave out `development`, or give the founder the new "
                "one with `dataclasses.replace`."
            )
            raise ValueError(msg)
        if self.cost.norm == "l0" and self.cost.strength > 0 and self.mutation.loss_rate == 0:
            msg = (
                "Expected mutations that lose connections under an L0 cost, which counts them, found `loss_rate` 0; pass for example "
                "mutation=Mutation(loss_rate=0.1, gain_rate=0.1)."
            )
            raise ValueError(msg)

    @property
    def n_genes(self) -> int:
        """Number of genes."""
        return self.targets.shape[1]

    @property
    def size(self) -> int:
        """Number of genomes: one resident, or a population."""
        return 1 if self.population is None else int(self.population.size)

    @cached_property
    def digest(self) -> str:
        """Digest of the run: two runs with the same one have the same result."""
        founder = None
        if self.founder is not None:
            founder = [self.founder.embryo.tolist(), self.founder.weights.tolist()]
            if self.founder.pool is not None:
                founder += [self.founder.pool.embryos.tolist(), self.founder.pool.weights.tolist()]
        return digest_of(
            {
                "targets": self.targets.tolist(),
                "schedule": self.schedule,
                "period": int(self.period),
                "modules": None if self.modules is None else self.modules.tolist(),
                "cost": asdict(self.cost),
                "mutation": asdict(self.mutation),
                "population": None if self.population is None else asdict(self.population),
                "development": asdict(self.development),
                "founder": founder,
                "n_generations": int(self.n_generations),
                "seed": int(self.seed),
            }
        )


def require_positive_count(name: str, value: int) -> None:
    """Raise ValueError unless a value is a whole number of 1 or more."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        msg = f"Expected `{name}` to be a whole number, 1 or more, found {value!r}."
        raise ValueError(msg)


def require_seed(seed: int) -> None:
    """Raise TypeError or ValueError unless a seed is an integer that fits into a word."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer):
        msg = f"Expected `seed` to be an integer, from which an interrupted run goes on, found {type(seed).__name__}."
        raise TypeError(msg)
    if not 0 <= seed < MAX_SEED:
        msg = f"Expected `seed` between 0 and 2^63 - 1, found {seed}."
        raise ValueError(msg)

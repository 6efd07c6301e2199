"""Evolution of a genome under goals that stay or change."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from tqdm.auto import tqdm

from landscape.evolution.checkpoint import RunState, read_state, write_state
from landscape.evolution.development import Development
from landscape.evolution.genome import Genome, History, Pool
from landscape.evolution.plan import Plan
from landscape.evolution.pressures import ConnectionCost, Mutation, Population, kernel_rules
from landscape.evolution.targets import Schedule, as_modules, as_targets, goals

# Seconds of work between two checkpoints.
CHECKPOINT_SECONDS = 10.0
# Entries of the history, whatever the number of goals.
N_RECORDS = 100
# Genomes that develop in one call of a kernel: a few tenths of a second, between which the bar moves and a run can be interrupted.
BLOCK = 100_000


def evolve(
    targets: ArrayLike,
    *,
    schedule: Schedule = "switching",
    period: int = 20_000,
    modules: ArrayLike | None = None,
    cost: float | ConnectionCost = 0.0,
    mutation: Mutation | None = None,
    population: Population | None = None,
    development: Development | None = None,
    founder: Genome | None = None,
    n_generations: int,
    seed: int = 0,
    checkpoint: str | Path | None = None,
) -> Genome:
    r"""Evolve a genome by mutation and selection.

    .. math:: f = \frac12 \Big(1 + \frac1N \sum_i P_i S_i\Big) - \lambda\, c(B)

    with :math:`P` the adult phenotype (:class:`Development`), :math:`S` the goal and :math:`c` the cost of connections
    (:class:`ConnectionCost`). Under strong selection and weak mutation, the default, one mutant is compared with the
    resident in every generation and replaces it if it is fitter; otherwise a :class:`Population` breeds with recombination.

    The same arguments give the same genome, bit for bit: random numbers are counted, and only operations are used whose
    rounding IEEE 754 fixes.

    Parameters
    ----------
    targets
        Phenotypes that are selected, values from -1 to 1, shape ``(k, d)``.
    schedule
        ``"fixed"``: one target all the time. ``"switching"``: the targets in turn. ``"modular"``: modularly varying
        goals, each put together anew from the parts of the targets (Kashtan & Alon 2005).
    period
        Generations after which the goal changes.
    modules
        Module of each gene from 0, for ``schedule="modular"``: what a part of a target is.
    cost
        Cost of connections; a number is the strength of an L1 cost. The optimum depends on the size of mutations.
    mutation
        Sizes and rates of mutations.
    population
        Population that breeds, instead of one resident.
    development
        How an embryo becomes an adult; ``Development(n_steps=0)`` is the direct encoding.
    founder
        Genome to start from, with its development; by default all direct effects and weights are zero.
    n_generations
        Number of generations.
    seed
        Seed of the run, an integer because an interrupted run goes on from it.
    checkpoint
        File in which the state of the run is kept. If it exists, the run goes on from there, with the same result as one that was not
        interrupted.

    Returns
    -------
    The resident, or the fittest of the population under the last goal, with its history.

    Raises
    ------
    ValueError
        If targets, schedule and modules do not fit together, a number is out of its range, or the checkpoint belongs to another run.
    TypeError
        If the seed is no integer.

    References
    ----------
    Watson et al. (2014), *Evolution* 68, 1124. https://doi.org/10.1111/evo.12337
    Kouvaris et al. (2017), *PLoS Computational Biology* 13, e1005358. https://doi.org/10.1371/journal.pcbi.1005358
    Kashtan & Alon (2005), *PNAS* 102, 13773. https://doi.org/10.1073/pnas.0503610102

    Examples
    --------
    >>> import landscape as ls
    >>> family = ls.evolution.TargetFamily()
    >>> genome = ls.evolution.evolve(family.members[:1], schedule="fixed", n_generations=20_000, seed=1)
    >>> bool((genome.phenotype * family.members[0] > 0).all())
    True
    """
    wanted = as_targets(targets)
    plan = Plan(
        targets=wanted,
        schedule=schedule,
        period=period,
        modules=None if modules is None else as_modules(modules, wanted.shape[1]),
        cost=cost if isinstance(cost, ConnectionCost) else ConnectionCost(cost),
        mutation=mutation or Mutation(),
        population=population,
        development=development or (founder.development if founder is not None else Development()),
        founder=founder,
        n_generations=n_generations,
        seed=seed,
    )
    path = None if checkpoint is None else Path(checkpoint)
    state = read_state(path, plan.digest) if path is not None and path.exists() else _start(plan)
    for since in _blocks(plan, state):
        if path is not None and (state.done == n_generations or since > CHECKPOINT_SECONDS):
            write_state(path, state, plan.digest)
    return _result(plan, state)


def _blocks(plan: Plan, state: RunState) -> Iterator[float]:
    """Evolve a state in place, block by block; yields the seconds of work since the last value above the limit."""
    record_every = -(-plan.n_generations // N_RECORDS)
    rules = kernel_rules(plan.n_genes, plan.development, plan.mutation, plan.cost)
    number, since = state.done // plan.period, time.monotonic()
    sequence = goals(plan.targets, plan.schedule, plan.modules, plan.seed, number)
    goal = next(sequence)
    with tqdm(total=plan.n_generations, initial=state.done, desc="generations", leave=False, disable=None) as bar:
        while state.done < plan.n_generations:
            if state.done // plan.period != number:
                number, goal = state.done // plan.period, next(sequence)
            # Fitness is evaluated anew at the beginning of a block and draws no numbers, so that its length changes no genome.
            left = plan.period - state.done % plan.period
            n = min(left, plan.n_generations - state.done, max(1, BLOCK // plan.size))
            before = state.done // record_every
            step(plan, state, goal, rules, n)
            if state.done // record_every != before or state.done == plan.n_generations:
                fittest = int(np.argmax(state.values))
                state.records.append((state.done, float(state.values.mean()), goal, state.turned[fittest].T.copy()))
            bar.update(n)
            yield (passed := time.monotonic() - since)
            since = time.monotonic() if passed > CHECKPOINT_SECONDS else since


def step(plan: Plan, state: RunState, goal: NDArray[np.float64], rules: Any, n: int) -> None:
    """Evolve a state in place by ``n`` generations under one goal."""
    # numba is imported here, so that who only reads genomes does not wait for it.
    from landscape.evolution import _kernels, _population

    seed, count = np.uint64(plan.seed), np.uint64(state.count)
    if plan.population is None:
        count, state.values[0] = _kernels.replace_by_fitter(
            state.embryos[0], state.turned[0], goal, rules, seed, count, n
        )
    else:
        strength, mixing = float(plan.population.selection), float(plan.population.recombination)
        count = _population.breed(
            state.embryos, state.turned, goal, strength, mixing, rules, seed, count, n, state.values
        )
    state.count, state.done = int(count), state.done + n


def _start(plan: Plan) -> RunState:
    size, n_genes, founder = plan.size, plan.n_genes, plan.founder
    embryos, turned = np.zeros((size, n_genes)), np.zeros((size, n_genes, n_genes))
    if founder is not None and founder.pool is not None and len(founder.pool.embryos) == size:
        embryos[:], turned[:] = founder.pool.embryos, founder.pool.weights.transpose(0, 2, 1)
    elif founder is not None:
        embryos[:], turned[:] = founder.embryo, founder.weights.T
    # The sequence of each seed begins far from those of other seeds.
    first = int(np.random.SeedSequence(plan.seed).generate_state(1, np.uint64)[0])
    return RunState(embryos, turned, np.zeros(size), count=first)


def _result(plan: Plan, state: RunState) -> Genome:
    fittest = int(np.argmax(state.values))
    weights = np.ascontiguousarray(state.turned.transpose(0, 2, 1))
    pool = None if plan.population is None else Pool(state.embryos, weights, state.values)
    return Genome(
        embryo=state.embryos[fittest],
        weights=weights[fittest],
        development=plan.development,
        history=History(**state.history()),
        pool=pool,
    )

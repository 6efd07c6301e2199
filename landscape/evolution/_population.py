"""Compiled kernels of a population with recombination, and of the adaptation of an embryo under fixed weights."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from landscape.evolution._kernels import develop, exponential, fitness, mutate, unit

# Selection stronger than this is truncation: exp(-MAX_LOG) of the fittest leaves no offspring.
MAX_LOG = 600.0


@njit(nogil=True, error_model="numpy")
def share_out(values: Any, strength: float, shares: Any) -> None:
    """Cumulative shares of offspring, in proportion to exp(strength * fitness)."""
    best = values.max()
    total = 0.0
    for k in range(len(values)):
        total += exponential(max(strength * (values[k] - best), -MAX_LOG))
        shares[k] = total
    for k in range(len(values)):
        shares[k] /= total


@njit(nogil=True, error_model="numpy")
def next_generation(
    embryos: Any,
    turned: Any,
    shares: Any,
    recombination: float,
    rules: Any,
    seed: Any,
    count: Any,
    born: Any,
    wired: Any,
) -> Any:
    """Offspring of parents drawn by their shares.

    With probability ``recombination`` an offspring has two parents, and each gene comes from one of them with all that acts on it: its
    direct effect and its row of the weights.
    """
    m, n = embryos.shape
    share = np.empty(n)
    for k in range(m):
        a = min(np.searchsorted(shares, unit(seed, count), side="right"), m - 1)
        b = min(np.searchsorted(shares, unit(seed, count + np.uint64(1)), side="right"), m - 1)
        if unit(seed, count + np.uint64(2)) >= recombination:
            b = a
        first, second, child = turned[a], turned[b], wired[k]
        for i in range(n):
            share[i] = 1.0 if unit(seed, count + np.uint64(3 + i)) < 0.5 else 0.0
            born[k, i] = embryos[a, i] if share[i] > 0.0 else embryos[b, i]
        for j in range(n):
            for i in range(n):
                child[j, i] = first[j, i] if share[i] > 0.0 else second[j, i]
        count = mutate(born[k], child, rules, seed, count + np.uint64(3 + n))
    return count


@njit(nogil=True, error_model="numpy")
def breed(
    embryos: Any,
    turned: Any,
    target: Any,
    strength: float,
    recombination: float,
    rules: Any,
    seed: Any,
    count: Any,
    n_generations: int,
    values: Any,
) -> Any:
    """Non-overlapping generations of constant size, in place; ``values`` becomes the fitness of the last one."""
    m, n = embryos.shape
    state, field, shares = np.empty(n), np.empty(n), np.empty(m)
    # The two stores of genomes change their roles in every generation.
    parents, parent_wires = embryos, turned
    born, wired = np.empty((m, n)), np.empty((m, n, n))
    for k in range(m):
        values[k] = fitness(embryos[k], turned[k], target, rules, state, field)
    for _ in range(n_generations):
        share_out(values, strength, shares)
        count = next_generation(parents, parent_wires, shares, recombination, rules, seed, count, born, wired)
        parents, born = born, parents
        parent_wires, wired = wired, parent_wires
        for k in range(m):
            values[k] = fitness(parents[k], parent_wires[k], target, rules, state, field)
    if n_generations % 2:
        embryos[:] = parents
        turned[:] = parent_wires
    return count


@njit(nogil=True, error_model="numpy")
def adapt(embryos: Any, turned: Any, target: Any, rules: Any, seed: Any, n_generations: int, times: Any) -> None:
    """Evolve each embryo under fixed weights until all signs of the adult are those of the target.

    ``times`` becomes the generation at which they are, or -1.
    """
    m, n = embryos.shape
    state, field, mutant = np.empty(n), np.empty(n), np.empty(n)
    count = np.uint64(0)
    for k in range(m):
        times[k] = -1
        best = fitness(embryos[k], turned, target, rules, state, field)
        for t in range(n_generations + 1):
            if t > 0:
                mutant[:] = embryos[k]
                count = mutate(mutant, turned, rules, seed, count)
                value = fitness(mutant, turned, target, rules, state, field)
                if value <= best:
                    continue
                best = value
                embryos[k] = mutant
            develop(embryos[k], turned, rules, state, field)
            matches = True
            for i in range(n):
                matches = matches and state[i] * target[i] > 0.0
            if matches:
                times[k] = t
                break

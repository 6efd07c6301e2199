"""Compiled kernels: random numbers by counting, development, mutation, and fitness.

Only IEEE additions, multiplications, divisions and shifts are used, none of them reordered: no function of the system's
mathematical library and no fused or reassociated sum. The same seed then gives the same bits on every processor.
Matrices are ``turned``, ``[regulator, target]``, so that the innermost loops run along memory.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from landscape.evolution.rules import L1

# SplitMix64 (Steele, Lea & Flood 2014, https://doi.org/10.1145/2714064.2660195): number k is a hash of seed + k * GOLDEN, so
# that a run is resumed from one integer, and loops over draws are vectorised.
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
MIX_1, MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
S30, S27, S31, S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
UNIT = 1.0 / 9007199254740992.0  # 2^-53
# exp(y) = 2^k exp(r), r = y - k ln 2 with ln 2 in two parts; adding 1.5 * 2^52 rounds y / ln 2 to the integer k.
LOG2E, LN2_HIGH, LN2_LOW = 1.4426950408889634, 6.93147180369123816490e-01, 1.90821492927058770002e-10
ROUNDER, S52 = 6755399441055744.0, np.int64(52)
# exp(-2 SATURATED) is below the rounding of 1: tanh is 1 from here on.
SATURATED = 20.0
# Numbers that one mutation draws besides those of the weights.
N_DRAWS = 8


@njit(inline="always", error_model="numpy")
def unit(seed: Any, count: Any) -> Any:
    """Uniform number in [0, 1) at a position of the sequence of a seed."""
    z = seed + count * GOLDEN
    z = (z ^ (z >> S30)) * MIX_1
    z = (z ^ (z >> S27)) * MIX_2
    return np.float64((z ^ (z >> S31)) >> S11) * UNIT


@njit(inline="always", error_model="numpy")
def exponential(y: Any) -> Any:
    """Exponential of a number between -700 and 0, to 3e-16."""
    shifted = y * LOG2E + ROUNDER
    k = shifted - ROUNDER
    r = (y - k * LN2_HIGH) - k * LN2_LOW
    p = 1.0 / 479001600.0
    p = p * r + 1.0 / 39916800.0
    p = p * r + 1.0 / 3628800.0
    p = p * r + 1.0 / 362880.0
    p = p * r + 1.0 / 40320.0
    p = p * r + 1.0 / 5040.0
    p = p * r + 1.0 / 720.0
    p = p * r + 1.0 / 120.0
    p = p * r + 1.0 / 24.0
    p = p * r + 1.0 / 6.0
    p = p * r + 0.5
    p = p * r + 1.0
    p = p * r + 1.0
    bits = np.float64(p).view(np.int64) + (np.float64(shifted).view(np.int64) << S52)
    return np.int64(bits).view(np.float64)


@njit(inline="always", error_model="numpy")
def tanh(x: Any) -> Any:
    """Hyperbolic tangent, to 3e-16."""
    e = exponential(-2.0 * min(abs(x), SATURATED))
    t = (1.0 - e) / (1.0 + e)
    return t if x >= 0.0 else -t


@njit(nogil=True, error_model="numpy")
def develop(embryo: Any, turned: Any, rules: Any, state: Any, field: Any) -> None:
    """Write the adult phenotype of one embryo to ``state``."""
    n = len(embryo)
    for i in range(n):
        state[i] = embryo[i]
    for _ in range(rules.n_steps):
        for i in range(n):
            field[i] = 0.0
        for j in range(n):
            p, row = state[j], turned[j]
            for i in range(n):
                field[i] += row[i] * p
        for i in range(n):
            state[i] = (1.0 - rules.decay) * state[i] + rules.rate * tanh(rules.gain * field[i])
    for i in range(n):
        state[i] *= rules.scale


@njit(nogil=True, error_model="numpy")
def fitness(embryo: Any, turned: Any, target: Any, rules: Any, state: Any, field: Any) -> Any:
    """Match of the adult with the target, from 0 to 1, less the cost of connections."""
    n = len(embryo)
    develop(embryo, turned, rules, state, field)
    match = 0.0
    for i in range(n):
        match += state[i] * target[i]
    cost = 0.0
    if rules.cost > 0.0:
        for i in range(n):
            field[i] = 0.0
        for j in range(n):
            for i in range(n):
                if rules.norm == L1:
                    field[i] += abs(turned[j, i])
                else:
                    field[i] += 1.0 if turned[j, i] != 0.0 else 0.0
        for i in range(n):
            cost += field[i]
    return 0.5 * (1.0 + match / n) - rules.cost * cost / (n * n)


@njit(nogil=True, error_model="numpy")
def mutate(embryo: Any, turned: Any, rules: Any, seed: Any, count: Any) -> Any:
    """Mutate one genome in place; returns the position in the sequence behind it."""
    n = len(embryo)
    gene = int(unit(seed, count) * n)
    shift = rules.embryo * (2.0 * unit(seed, count + np.uint64(1)) - 1.0)
    embryo[gene] = min(1.0, max(-1.0, embryo[gene] + shift))
    if rules.weights_rate > 0.0 and unit(seed, count + np.uint64(2)) < rules.weights_rate:
        present_only = rules.loss_rate > 0.0 or rules.gain_rate > 0.0
        flat, first = turned.ravel(), count + np.uint64(N_DRAWS)
        for i in range(n * n):
            step = rules.weights * (2.0 * unit(seed, first + np.uint64(i)) - 1.0)
            flat[i] += 0.0 if present_only and flat[i] == 0.0 else step
    if unit(seed, count + np.uint64(3)) < rules.loss_rate:
        at = int(unit(seed, count + np.uint64(4)) * n * n)
        turned[at // n, at % n] = 0.0
    if unit(seed, count + np.uint64(5)) < rules.gain_rate:
        at = int(unit(seed, count + np.uint64(6)) * n * n)
        if turned[at // n, at % n] == 0.0:
            turned[at // n, at % n] = rules.new_edge * (2.0 * unit(seed, count + np.uint64(7)) - 1.0)
    return count + np.uint64(N_DRAWS + n * n)


@njit(nogil=True, error_model="numpy")
def replace_by_fitter(
    embryo: Any, turned: Any, target: Any, rules: Any, seed: Any, count: Any, n_generations: int
) -> Any:
    """One mutant against the resident in every generation, which a strictly fitter one replaces; in place.

    Returns the position in the sequence of random numbers, and the fitness of the resident.
    """
    n = len(embryo)
    state, field = np.empty(n), np.empty(n)
    mutant, changed = np.empty(n), np.empty((n, n))
    best = fitness(embryo, turned, target, rules, state, field)
    for _ in range(n_generations):
        mutant[:] = embryo
        changed[:] = turned
        count = mutate(mutant, changed, rules, seed, count)
        value = fitness(mutant, changed, target, rules, state, field)
        if value > best:
            embryo[:] = mutant
            turned[:] = changed
            best = value
    return count, best

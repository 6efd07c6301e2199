"""How fast an embryo adapts to new targets, under the direct encoding and under weights that evolved before."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from landscape._random import generator
from landscape.evolution.development import Development
from landscape.evolution.genome import Genome
from landscape.evolution.plan import require_positive_count, require_seed
from landscape.evolution.pressures import ConnectionCost, Mutation, kernel_rules
from landscape.evolution.targets import as_targets

# Name in the table of the encoding without development.
DIRECT = "direct"


def compare_encodings(
    genomes: Mapping[str, Genome],
    targets: ArrayLike,
    *,
    n_generations: int = 2500,
    n_runs: int = 1000,
    mutation: Mutation | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Generations that embryos need to adapt to targets while the weights are held.

    From the same random embryos, one mutant of the direct effects is compared with the resident in every generation, until all signs of the adult
    are those of the target. The *direct* encoding, in which the phenotype is the embryo, is run beside the genomes. Weights that have learned what
    targets have in common make large jumps to new ones.

    Parameters
    ----------
    genomes
        Genomes by name, whose weights are held.
    targets
        Targets, which the genomes need not have met, shape ``(k, d)``, signs without zeros.
    n_generations
        Generations after which an embryo has failed.
    n_runs
        Number of embryos.
    mutation
        Size of mutations of the embryo.
    seed
        Seed of embryos and mutations.

    Returns
    -------
    One row for each encoding and target: ``encoding``, ``target`` (its number), ``adapted`` (share of embryos),
    ``generations`` (median over all embryos; missing where fewer than half adapted).

    Raises
    ------
    ValueError
        If a genome has another number of genes than the targets, a target has a zero, or a number is out of its range.
    """
    from landscape.evolution import _population

    wanted = as_targets(targets)
    require_positive_count("n_generations", n_generations)
    require_positive_count("n_runs", n_runs)
    require_seed(seed)
    if (wanted == 0).any():
        msg = f"Expected targets without zeros, whose signs are to be met, found {int((wanted == 0).sum())} zeros."
        raise ValueError(msg)
    if DIRECT in genomes:
        msg = f"The direct encoding is run in any case; name the genome {DIRECT!r} differently."
        raise ValueError(msg)
    n_genes = wanted.shape[1]
    if wrong := [name for name, genome in genomes.items() if genome.n_genes != n_genes]:
        msg = f"Expected genomes with the {n_genes} genes of the targets, found others: {wrong}."
        raise ValueError(msg)
    plain = Genome(np.zeros(n_genes), np.zeros((n_genes, n_genes)), Development(n_steps=0))
    held = dataclasses.replace(mutation or Mutation(), weights_rate=0.0, loss_rate=0.0, gain_rate=0.0)
    embryos, rows = generator(int(seed)).uniform(-1, 1, (n_runs, n_genes)), []
    for name, genome in {DIRECT: plain, **genomes}.items():
        rules = kernel_rules(n_genes, genome.development, held, ConnectionCost(0.0))
        turned = np.ascontiguousarray(genome.weights.T)
        for number, target in enumerate(wanted):
            times = np.empty(n_runs, np.int64)
            _population.adapt(embryos.copy(), turned, target, rules, np.uint64(seed), int(n_generations), times)
            needed = np.where(times < 0, np.inf, times)
            half = float(np.median(needed))
            rows.append((name, number, float((times >= 0).mean()), half if np.isfinite(half) else np.nan))
    return pd.DataFrame(rows, columns=["encoding", "target", "adapted", "generations"])

"""Evolution of genomes: speed beside plain C, the published results, varying goals, other learners and encodings.

``python -m benchmarks.evolution --json FILE [--only PART ...] [--quick] [--seeds N]``
"""

from __future__ import annotations

import resource
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks._harness import Results, main, timed
from landscape.evolution import (
    Genome,
    Mutation,
    Population,
    TargetFamily,
    autonomy,
    compare_encodings,
    compare_learners,
    evolve,
    hebbian_correlation,
    modularity,
    select,
)

FAMILY = TargetFamily()
SEEDS = 3
N_EMBRYOS = 20_000
# Size of mutations at which varying goals show in seconds.
COARSE = Mutation.published(16, times=30)
# Generations over which the speed is measured, its repeats, and the size of the population.
TIMED, REPEATS, SIZE = 240_000, 5, 100


def described(genome: Genome) -> dict[str, float]:
    """What a genome develops into, and the structure of its weights."""
    adults = genome.develop(N_EMBRYOS, rng=0)
    shares = FAMILY.shares(adults)
    return {
        "trained": float(shares[[0, 3, 5]].sum()),
        "smallest": float(shares.min()),
        "members_above_0.08": int((shares >= 0.08).sum()),
        "outside": float(1 - shares.sum()),
        "hebbian": hebbian_correlation(genome.weights, FAMILY.trained),
        "modularity": modularity(genome.weights, FAMILY.modules).value,
        "autonomy": float(autonomy(adults @ FAMILY.traits.T).mean()),
    }


def in_c(generations: int) -> float:
    """Processor seconds of the same evolution in C, compiled with ``cc -O2``; missing without a compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        return float("nan")
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "evolution"
        source = Path(__file__).with_name("_evolution.c")
        subprocess.run([compiler, "-O2", "-o", program, source, "-lm"], check=True)
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        subprocess.run([program, str(generations), "0", "20000", "1"], check=True, capture_output=True)
        return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


def speed(results: Results, *, quick: bool) -> None:
    """Processor time of a generation of one mutant, and of each genome of a population, over that of C."""
    row: dict = {"part": "compilation"}
    with timed(row):
        evolve(FAMILY.trained, n_generations=2, period=1)
    with timed(row, "population_seconds"):
        evolve(FAMILY.trained, n_generations=2, period=1, population=Population(2))
    results.add(row)
    rows = []
    for _ in range(3 if quick else REPEATS):
        row = {"part": "speed", "generations": TIMED}
        with timed(row):
            evolve(FAMILY.trained, n_generations=TIMED)
        with timed(row, "population_seconds"):
            evolve(FAMILY.trained, n_generations=TIMED // SIZE, period=200, population=Population(SIZE))
        row["c_seconds"] = in_c(TIMED)
        results.add(row)
        rows.append(row)
    middle = pd.DataFrame(rows).median(numeric_only=True)
    for name, column in (("generation", "cpu_seconds"), ("genome of a population", "cpu_population_seconds")):
        results.figures[f"microseconds per {name}"] = middle[column] / TIMED * 1e6
        results.figures[f"time per {name} over C"] = middle[column] / middle["c_seconds"]


def published(results: Results, *, quick: bool) -> None:
    """The published model, 3.6 million generations without and with an L1 cost."""
    generations = 600_000 if quick else 3_600_000
    for cost in (0.0, 0.22):
        rows = []
        for seed in range(1, 1 + (1 if quick else results.seeds or SEEDS)):
            row: dict = {"part": "published", "cost": cost, "seed": seed, "generations": generations}
            with timed(row):
                genome = evolve(FAMILY.trained, cost=cost, n_generations=generations, seed=seed)
            row |= described(genome)
            results.add(row)
            rows.append(row)
        middle = pd.DataFrame(rows).median(numeric_only=True)
        for name in ("cpu_seconds", "trained", "smallest", "hebbian", "modularity", "autonomy"):
            results.figures[f"{name} at cost {cost:g}"] = middle[name]


def goals(results: Results, *, quick: bool) -> None:
    """Modularity under a fixed goal, modularly varying goals, and a fixed goal again; ten pairs of runs."""
    options = {"mutation": COARSE, "n_generations": 200_000}
    rows = []
    for seed in range(3 if quick else 10):
        row: dict = {"part": "goals", "seed": seed}
        with timed(row):
            fixed = evolve(FAMILY.trained[:1], schedule="fixed", seed=seed, **options)
            varied = evolve(
                FAMILY.trained, schedule="modular", modules=FAMILY.modules, period=4000, seed=seed, **options
            )
            back = evolve(FAMILY.trained[:1], schedule="fixed", founder=varied, seed=seed + 100, **options)
            at_random = np.where(np.random.default_rng(seed).random((3, 16)) < 0.5, -1.0, 1.0)
            unrelated = evolve(at_random, period=4000, seed=seed, **options)
        for name, genome in (("fixed", fixed), ("varied", varied), ("back", back), ("unrelated", unrelated)):
            row[name] = modularity(genome.weights, FAMILY.modules).value
            row[f"{name}_found"] = modularity(genome.weights).value
        results.add(row)
        rows.append(row)
    table = pd.DataFrame(rows)
    for name in ("fixed", "varied", "back", "unrelated"):
        results.figures[f"modularity, goal {name}"] = table[name].median()
    results.figures["share of pairs with more modularity under varying goals"] = (table.varied > table.fixed).mean()
    results.figures["share of runs whose modularity decays under a fixed goal"] = (table.back < table.varied).mean()


def learners(results: Results, *, quick: bool) -> None:
    """Evolution, gradient ascent and the Hebbian rule; encodings; selection of one module."""
    generations = 600_000 if quick else 3_600_000
    evolved = {}
    for name, cost in (("memories", 0.0), ("modules", 0.22)):
        row: dict = {"part": "learners", "cost": cost}
        with timed(row):
            found = compare_learners(FAMILY, FAMILY.trained, cost=cost, n_generations=generations, seed=1)
        evolved[name] = found.genomes["evolution"]
        for learner, values in found.table.iterrows():
            results.add(row | {"learner": learner} | {str(k): float(v) for k, v in values.items()})
            results.figures[f"distance of {learner} from evolution at cost {cost:g}"] = values["distance"]
        response = select(evolved[name], 1, traits=FAMILY.traits)
        others = np.abs(np.delete(response.correlated, 1))
        results.figures[f"correlated response, {name}"] = float(others.mean())
    row = {"part": "encodings"}
    with timed(row):
        table = compare_encodings(evolved, FAMILY.members, n_runs=100 if quick else 1000)
    for encoding, part in table.groupby("encoding"):
        results.add(row | {"encoding": encoding, **{f"target_{k}": v for k, v in enumerate(part.generations)}})
        results.figures[f"generations to adapt, {encoding}"] = part.generations.median()
        results.figures[f"smallest share adapted, {encoding}"] = part.adapted.min()


PARTS = {"speed": speed, "published": published, "goals": goals, "learners": learners}

if __name__ == "__main__":
    main(__doc__, PARTS, ("genomic-landscape", "numba", "numpy"))

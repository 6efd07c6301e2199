"""One mutant against the resident: against an independent program, resumed, and refused."""

from __future__ import annotations

import dataclasses
import importlib
import math
import subprocess
import sys

import numpy as np
import pytest

from landscape.evolution import ConnectionCost, Development, Genome, Mutation, Population, TargetFamily, evolve

MODULE = importlib.import_module("landscape.evolution.evolve")  # the package has the function of that name
FAMILY = TargetFamily()
WORD = 2**64


class Sequence:
    """SplitMix64 in Python integers."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.count = int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0])

    def at(self, k: int) -> float:
        z = (self.seed + (self.count + k) * 0x9E3779B97F4A7C15) % WORD
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % WORD
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % WORD
        return ((z ^ (z >> 31)) >> 11) * 2.0**-53


def by_hand(targets, period, n_generations, seed, mutation: Mutation, cost: ConnectionCost):
    """The published algorithm in plain Python, with the order of the draws of the kernels."""
    n = len(targets[0])
    size = mutation.weights_size(n)
    sequence, g, b = Sequence(seed), np.zeros(n), np.zeros((n, n))

    def fitness(g, b, goal):
        p = list(g)
        for _ in range(10):
            h = [sum(b[i][j] * p[j] for j in range(n)) for i in range(n)]
            p = [0.8 * p[i] + math.tanh(0.5 * h[i]) for i in range(n)]
        price = np.abs(b).sum() if cost.norm == "l1" else (b != 0).sum()
        return 0.5 * (1 + 0.2 * sum(x * s for x, s in zip(p, goal, strict=True)) / n) - cost.strength * price / n**2

    for k in range(n_generations):
        goal = targets[k // period % len(targets)]
        at, g2, b2 = sequence.at, g.copy(), b.copy()
        gene = int(at(0) * n)
        g2[gene] = min(1.0, max(-1.0, g2[gene] + mutation.embryo * (2 * at(1) - 1)))
        turnover = mutation.loss_rate > 0 or mutation.gain_rate > 0
        if at(2) < mutation.weights_rate:
            for regulator in range(n):
                for target in range(n):
                    if not (turnover and b2[target, regulator] == 0):
                        b2[target, regulator] += size * (2 * at(8 + regulator * n + target) - 1)
        if at(3) < mutation.loss_rate:
            where = int(at(4) * n * n)
            b2[where % n, where // n] = 0.0
        if at(5) < mutation.gain_rate:
            where = int(at(6) * n * n)
            if b2[where % n, where // n] == 0:
                b2[where % n, where // n] = mutation.new_edge * (2 * at(7) - 1)
        sequence.count += 8 + n * n
        if fitness(g2, b2, goal) > fitness(g, b, goal):
            g, b = g2, b2
    return g, b


@pytest.mark.parametrize(
    ("mutation", "cost"),
    [
        (Mutation(), ConnectionCost(0.0)),
        (Mutation(embryo=0.3, weights=0.05, weights_rate=0.6), ConnectionCost(0.1)),
        (Mutation(weights=0.02, loss_rate=0.3, gain_rate=0.4, new_edge=0.8), ConnectionCost(0.02, "l0")),
    ],
)
def test_the_kernel_is_the_algorithm_bit_for_bit(mutation, cost):
    targets = np.array([[1.0, -1, 1, 1, -1], [-1, -1, 1, -0.5, 1]])
    genome = evolve(targets, period=70, n_generations=300, mutation=mutation, cost=cost, seed=5)
    embryo, weights = by_hand(targets, 70, 300, 5, mutation, cost)
    # Only comparisons of fitness pass through tanh, so that the last digit of the library's one does not matter.
    np.testing.assert_array_equal(genome.embryo, embryo)
    np.testing.assert_array_equal(genome.weights, weights)
    assert np.abs(weights).max() > 0


def test_the_same_seed_gives_the_same_genome(monkeypatch):
    options = {"n_generations": 3000, "period": 700, "cost": 0.1}
    first, again = evolve(FAMILY.trained, seed=3, **options), evolve(FAMILY.trained, seed=3, **options)
    np.testing.assert_array_equal(first.weights, again.weights)
    np.testing.assert_array_equal(first.embryo, again.embryo)
    assert (evolve(FAMILY.trained, seed=4, **options).weights != first.weights).all()
    monkeypatch.setattr(MODULE, "BLOCK", 37)
    np.testing.assert_array_equal(evolve(FAMILY.trained, seed=3, **options).weights, first.weights)


def test_history_follows_the_run():
    genome = evolve(FAMILY.trained, n_generations=4000, period=50, seed=1)
    history = genome.history
    assert 50 <= len(history.generation) <= 100
    assert history.generation[-1] == 4000
    assert (np.diff(history.generation) > 0).all()
    np.testing.assert_array_equal(history.weights[-1], genome.weights)
    np.testing.assert_array_equal(history.goals[-1], FAMILY.trained[79 % 3])
    match = 0.5 * (1 + genome.phenotype @ history.goals[-1] / 16)
    assert history.fitness[-1] == pytest.approx(match, abs=1e-12)


@pytest.mark.parametrize("population", [None, Population(12)])
def test_an_interrupted_run_goes_on_with_the_same_result(tmp_path, monkeypatch, population):
    options = {
        "schedule": "modular",
        "modules": FAMILY.modules,
        "n_generations": 900,
        "period": 100,
        "seed": 2,
        "population": population,
    }
    whole = evolve(FAMILY.trained, **options)
    monkeypatch.setattr(MODULE, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(MODULE, "BLOCK", 40 if population is None else 480)
    step, calls = MODULE.step, []

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) == 11:
            raise KeyboardInterrupt
        step(*arguments)

    monkeypatch.setattr(MODULE, "step", interrupted)
    file = tmp_path / "folder" / "run.safetensors"
    with pytest.raises(KeyboardInterrupt):
        evolve(FAMILY.trained, **options, checkpoint=file)
    monkeypatch.setattr(MODULE, "step", step)
    resumed = evolve(FAMILY.trained, **options, checkpoint=file)
    assert len(calls) == 11  # Ten blocks were done; the run went on from there and not from the beginning.
    for a, b in ((resumed.weights, whole.weights), (resumed.embryo, whole.embryo)):
        np.testing.assert_array_equal(a, b)
    if population is not None:
        np.testing.assert_array_equal(resumed.pool.weights, whole.pool.weights)
    monkeypatch.setattr(MODULE, "step", interrupted)
    done = evolve(FAMILY.trained, **options, checkpoint=file)
    assert len(calls) == 11  # What is finished is read.
    np.testing.assert_array_equal(done.weights, whole.weights)
    np.testing.assert_array_equal(done.history.generation, resumed.history.generation)
    with pytest.raises(ValueError, match="another seed, founder or setting"):
        evolve(FAMILY.trained, **{**options, "seed": 3}, checkpoint=file)
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_a_file_that_is_no_checkpoint_is_refused_and_kept(tmp_path):
    file = tmp_path / "notes.txt"
    file.write_text("not a run")
    with pytest.raises(ValueError, match=r"checkpoint of an evolution, but it cannot be read.*Delete it"):
        evolve(FAMILY.trained, n_generations=5, checkpoint=file)
    assert file.read_text() == "not a run"


def test_a_founder_is_where_evolution_begins():
    founder = Genome(0.5 * FAMILY.members[0], np.full((16, 16), 0.01))
    still = Mutation(embryo=0.0, weights=0.0)
    same = evolve(FAMILY.trained, founder=founder, mutation=still, n_generations=10)
    np.testing.assert_array_equal(same.weights, founder.weights)
    np.testing.assert_array_equal(same.embryo, founder.embryo)


def test_weights_stay_under_the_direct_encoding_and_the_goal_is_reached():
    # One gene in sixteen moves by up to 0.1 per generation, half of the time in vain: 16 * 20 * 2 generations at least.
    genome = evolve(FAMILY.members[:1], schedule="fixed", development=Development(n_steps=0), n_generations=3000)
    assert (genome.weights == 0).all()
    np.testing.assert_allclose(genome.phenotype, FAMILY.members[0], atol=0.02)


def test_only_a_strictly_fitter_mutant_replaces_the_resident():
    """A gene on which the goal says nothing is neutral, and stays as it was."""
    direct = Development(n_steps=0)
    genome = evolve([[1.0, 0.0, -1.0]], schedule="fixed", development=direct, n_generations=500)
    assert genome.embryo[1] == 0
    assert np.abs(genome.embryo[[0, 2]]).min() > 0.9


def test_importing_the_package_does_not_import_numba():
    code = "import sys, landscape; sys.exit('numba' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_costs_remove_connections():
    """A cost that outweighs any match leaves the founder's connections to be lost."""
    founder = Genome(FAMILY.members[0], np.full((16, 16), 0.02))
    pruning = Mutation(loss_rate=0.5)
    bare = evolve(
        FAMILY.members[:1],
        schedule="fixed",
        founder=founder,
        mutation=pruning,
        cost=ConnectionCost(50.0, "l0"),
        n_generations=6000,
    )
    # Each of 256 connections survives 6000 losses, drawn with probability 0.5 / 256 each, with probability 8e-6.
    assert (bare.weights == 0).all()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"n_generations": 0}, ValueError, "`n_generations` to be a whole number, 1 or more, found 0"),
        ({"n_generations": 1.5}, ValueError, "`n_generations` to be a whole number"),
        ({"period": -3}, ValueError, "`period` to be a whole number"),
        ({"seed": -1}, ValueError, "`seed` between 0"),
        ({"seed": None}, TypeError, "`seed` to be an integer.*found NoneType"),
        ({"cost": -0.1}, ValueError, "cost of connections to be zero or positive"),
        ({"cost": float("nan")}, ValueError, "cost of connections to be zero or positive"),
        ({"cost": ConnectionCost(0.1, "l0")}, ValueError, "mutations that lose connections under an L0 cost"),
        ({"founder": Genome(np.zeros(3), np.zeros((3, 3)))}, ValueError, "16 genes of the targets, found 3"),
        (
            {"founder": Genome(np.zeros(16), np.zeros((16, 16))), "development": Development(3)},
            ValueError,
            "founder has its own development",
        ),
    ],
)
def test_wrong_arguments_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        evolve(FAMILY.trained, **{"n_generations": 10, **options})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Mutation(embryo=-1), "size `embryo` of mutations"),
        (lambda: Mutation(weights=float("inf")), "size `weights` of mutations"),
        (lambda: Mutation(weights_rate=2), "probability `weights_rate` between 0 and 1, found 2"),
        (lambda: ConnectionCost(1, "l2"), "'l1' or 'l0', found 'l2'"),
        (lambda: Population(1), "2 genomes or more, found 1"),
        (lambda: Population(selection=-1), "`selection` to be zero or positive"),
        (lambda: Population(recombination=1.5), "`recombination` between 0 and 1"),
    ],
)
def test_wrong_pressures_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_the_published_size_of_mutations():
    assert Mutation.published(16).weights == pytest.approx(0.1 / 15 / 256)
    assert Mutation().weights_size(16) == pytest.approx(Mutation.published(16, times=10).weights)
    assert dataclasses.replace(Mutation(), weights=0.3).weights_size(16) == 0.3

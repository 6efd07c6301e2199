"""Adaptation to new targets under the direct and the developmental encoding."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.evolution import Genome, Mutation, TargetFamily, compare_encodings, hebbian

FAMILY = TargetFamily()


def test_the_direct_encoding_meets_a_target_gene_by_gene():
    """Without mutations exactly those embryos match that have all signs of the target: a quarter with two genes."""
    still = Mutation(embryo=0.0)
    table = compare_encodings({}, [[1.0, -1.0]], n_generations=3, n_runs=4000, mutation=still)
    assert table.adapted.item() == pytest.approx(1 / 4, abs=4 * np.sqrt(3 / 16 / 4000))
    assert np.isnan(table.generations.item())


def test_weights_that_know_the_modules_adapt_faster_and_memories_only_to_what_they_know():
    genomes = {"modules": hebbian(FAMILY.members, strength=0.5), "memories": hebbian(FAMILY.trained, strength=4.0)}
    table = compare_encodings(genomes, FAMILY.members[[0, 6, 7]], n_runs=200)
    wide = table.pivot(index="target", columns="encoding", values="generations")
    assert (wide["modules"] < 0.5 * wide["direct"]).all()
    share = table.pivot(index="target", columns="encoding", values="adapted")
    assert (share[["modules", "direct"]] == 1).all(axis=None)
    # Member 6 differs from the trained ones such that no embryo develops to it.
    assert share["memories"].tolist()[1] == 0
    assert share["memories"].tolist()[0] == 1


def test_the_same_seed_gives_the_same_table():
    options = {"n_runs": 30, "n_generations": 400}
    first, again = (
        compare_encodings({"a": hebbian(FAMILY.members)}, FAMILY.trained, seed=4, **options) for _ in range(2)
    )
    assert first.equals(again)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: compare_encodings({}, [[1.0, 0.0]]), "without zeros.*found 1 zeros"),
        (lambda: compare_encodings({"direct": hebbian(FAMILY.members)}, FAMILY.trained), "differently"),
        (lambda: compare_encodings({"a": Genome(np.zeros(3), np.eye(3))}, FAMILY.trained), r"others: \['a'\]"),
        (lambda: compare_encodings({}, FAMILY.trained, n_runs=0), "`n_runs` to be a whole number"),
    ],
)
def test_wrong_arguments_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()

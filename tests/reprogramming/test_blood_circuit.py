"""Reprogramming of the blood circuit: the exact table of its Boolean form, the same in its continuous form, and one exception."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import landscape as ls
from landscape.dynamics import Model
from landscape.perturbation import references
from landscape.reprogramming import boolean_sets, gene_sets, goal_of, reprogram, search, trial

CIRCUIT = ls.circuits.krumsiek()
GENES = CIRCUIT.genes
FATES = list(CIRCUIT.fates)
ERY, MEGA, MONO, GRAN = range(4)
# Least sets of every pair of fates: every asynchronous run, held and then released, ends in the target. Enumerated on their own,
# state by state, with the rules of Krumsiek et al. (2011).
TO_ERY = {"Gata2+ Eklf+", "Gata2+ Fli1-", "Gata1+ Eklf+", "Gata1+ Fli1-"}
TO_MEGA = {"Gata2+ Eklf-", "Gata2+ Fli1+", "Gata1+ Eklf-", "Gata1+ Fli1+", "Fli1+ Pu1-"}
TO_MONO = {"Gata1- Cebpa+ EgrNab+", "Gata1- Cebpa+ Gfi1-", "Cebpa+ Pu1+ EgrNab+", "Cebpa+ Pu1+ Gfi1-"}
TO_GRAN = {f"Gata1- Cebpa+ {last}" for last in ("Pu1-", "cJun-", "EgrNab-", "Gfi1+")} | {
    f"Cebpa+ Pu1+ {last}" for last in ("cJun-", "EgrNab-", "Gfi1+")
}
TABLE = {
    (ERY, MEGA): {"Eklf-", "Fli1+"},
    (MEGA, ERY): {"Eklf+", "Fli1-"},
    (MONO, GRAN): {"Pu1-", "cJun-", "EgrNab-", "Gfi1+"},
    (GRAN, MONO): {"EgrNab+", "Gfi1-"},
    (MONO, ERY): TO_ERY,
    (GRAN, ERY): TO_ERY,
    (MONO, MEGA): TO_MEGA,
    (GRAN, MEGA): TO_MEGA,
    (ERY, MONO): TO_MONO,
    (MEGA, MONO): TO_MONO,
    (ERY, GRAN): TO_GRAN,
    (MEGA, GRAN): TO_GRAN,
}
# The noise-free flow breaks the tie between monocyte and granulocyte that asynchronous updates leave open.
TIES = {"Gata1- Cebpa+", "Cebpa+ Pu1+"}


def written(one):
    return " ".join(GENES[gene] + ("+" if level else "-") for gene, level in one)


def position(text):
    return tuple((GENES.index(part[:-1]), float(part[-1] == "+")) for part in text.split())


@pytest.fixture(scope="module")
def blood():
    """The continuous circuit with weak noise, its fates as references, and their states."""
    states = CIRCUIT.fate_states.to_numpy()
    known = references(tuple(FATES), states, CIRCUIT.initial_state().numpy()[None])
    return Model(CIRCUIT.drift(), 1e-3, GENES), known, states


@pytest.mark.parametrize("pair", TABLE)
def test_boolean_table(pair):
    a, b = (FATES[k] for k in pair)
    found = boolean_sets(CIRCUIT, a, b)
    assert {" ".join(g + ("+" if on else "-") for g, on in one.items()) for one in found} == TABLE[pair]
    least = len(next(iter(TABLE[pair])).split())
    if least > 1:
        assert boolean_sets(CIRCUIT, a, b, max_genes=least - 1) == []


@pytest.mark.parametrize("pair", TABLE)
def test_continuous_table(blood, pair):
    model, known, states = blood
    found = reprogram([model], known, states[[pair[0]]], [pair[1]])
    tied = pair in ((ERY, MONO), (MEGA, MONO))
    assert {written(one) for one in found.sets} == (TIES if tied else TABLE[pair])
    assert found.sizes["exhaustive"].all()
    assert found.sizes["n_tried"].tolist() == [22, 220, 1320][: found.least]
    assert (found.sizes["n_hits"].to_numpy()[:-1] == 0).all()


def test_a_hit_of_the_noise_free_flow_is_not_a_certain_one(blood):
    """Both pairs lose cells to the granulocyte; the four triples of the Boolean table that settle the tie do not."""
    model, known, states = blood
    noisy = model.with_diffusion(5e-3)
    for start in (ERY, MEGA):
        cells = np.tile(states[[start]], (600, 1))
        options = {"hold": 28.0, "free": 20.0, "rng": 1}
        pairs = trial([noisy], cells, known, np.array([MONO]), [position(one) for one in sorted(TIES)], **options)
        triples = trial([noisy], cells, known, np.array([MONO]), [position(one) for one in sorted(TO_MONO)], **options)
        # The standard error of a share of .9 over 600 paths is .012, and smaller for differences under one noise.
        assert (pairs.table["share"] < 1 - 5 * 0.012).all()
        assert pairs.table["share"].max() < triples.table["share"].min() - 3 * 0.012
        assert (pairs.table["without"] == 0).all()


def test_where_no_hit_works_larger_sets_are_tried(blood):
    """More is asked for than the pairs reach at this noise: the triples of the Boolean table come."""
    model, known, states = blood
    options = {"cells": np.tile(states[[ERY]], (200, 1)), "n_simulated": 60}
    noisy = model.with_diffusion(4e-3)
    half = reprogram([noisy], known, states[[ERY]], [MONO], **options)
    assert half.least == 2
    most = reprogram([noisy], known, states[[ERY]], [MONO], min_share=0.94, **options)
    assert most.sizes["n_hits"].iloc[:2].tolist() == [0, 2]
    assert most.least == 3
    works = {written(one) for one, works in zip(most.sets, most.table["works"], strict=True) if works}
    assert works & TO_MONO
    assert not works & TIES
    # What works is listed first, by its share over the models.
    assert most.table["works"].is_monotonic_decreasing


def test_sets_hold_in_every_order_and_batch(blood, monkeypatch):
    from landscape.reprogramming import flow, noise_free

    model, known, states = blood
    goal, every = goal_of(known, np.array([MEGA])), gene_sets(range(11), (0.0, 1.0), 2)
    whole = search(model, states[[MONO, GRAN]], goal, every, reach=known.reach)
    # Both sources at once: the sets that do for either.
    assert {written(one) for one in whole.sets} == TO_MEGA
    monkeypatch.setattr(flow, "CHUNK_NUMBERS", 100)
    monkeypatch.setattr(noise_free, "BLOCK_NUMBERS", 600)
    parts = search(model, states[[GRAN, MONO]], goal, every[::-1], reach=known.reach)
    assert set(parts.sets) == set(whole.sets)
    assert parts.n_tried == whole.n_tried == 220


def test_candidates_find_some_of_the_triples_and_say_that_they_are_candidates(blood):
    model, known, states = blood
    found = reprogram([model], known, states[[ERY]], [GRAN], n_candidates=6)
    assert {written(one) for one in found.sets} <= TO_GRAN
    assert found.sets
    assert found.sizes["exhaustive"].tolist() == [True, True, False]
    assert found.sizes.loc[3, "n_tried"] == 20 * 8
    assert len(found.candidates) == 6


def test_no_pair_shares_its_least_sets_by_chance():
    """The table has the twelve pairs of four fates, with 1, 2 or 3 genes."""
    assert set(TABLE) == set(itertools.permutations(range(4), 2))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": "platelet"}, "Expected fates"),
        ({"target": "erythrocyte"}, "other than the source"),
        ({"max_genes": 0}, "max_genes"),
    ],
)
def test_wrong_fates_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        boolean_sets(CIRCUIT, "erythrocyte", **{"target": "monocyte", **options})

"""Edges that are held at a level, against models with other weights, alone and in one batch with clamped genes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from landscape.dynamics import Model, RegulatoryDrift
from landscape.perturbation import level_table, outcome, paired_fates, references
from landscape.topography import fixed_points

N_GENES, N_PATHS, DURATION = 6, 300, 12.0


def circuit() -> Model:
    """A toggle that a third gene tilts; the third gene also drives a fourth one. The last gene regulates nothing."""
    weights = np.zeros((N_GENES, N_GENES))
    weights[0, 1] = weights[1, 0] = -8.0
    weights[0, 2], weights[3, 2], weights[4, 3] = 2.0, 4.0, -3.0
    drift = RegulatoryDrift.from_arrays(weights, bias=[2.0, 3.0, 2.0, -2.0, 1.0, 0.0], hill=4.0, decay=0.5, ceiling=0.5)
    return Model(drift, 0.004, tuple("ABCDEF"))


@pytest.fixture(scope="module")
def setting():
    model, rng = circuit(), np.random.default_rng(0)
    found = fixed_points(model.drift, rng.uniform(0, 1, (200, N_GENES)), deflate=False).stable
    start = np.clip(0.4 + 0.1 * rng.normal(size=(N_PATHS, N_GENES)), 0, None)
    known = references(tuple(f"fate {k}" for k in range(len(found))), np.array([p.x for p in found]), start)
    return model, known, start


def test_an_edge_at_zero_is_the_model_without_its_weight():
    model, x = circuit(), torch.rand(50, N_GENES, dtype=torch.float64)
    weights = model.drift.weights.clone()
    weights[0, 2] = 0.0
    without = replace(model.drift, weights=weights)
    torch.testing.assert_close(model.edges_at({("C", "A"): 0.0}).drift(x), without(x))
    # The other target of the regulator sees it as it is.
    torch.testing.assert_close(model.edges_at({("C", "A"): 0.0}).drift(x)[:, 3], model.drift(x)[:, 3])


def test_all_edges_of_a_gene_at_a_level_are_the_clamped_gene():
    model, x = circuit(), torch.rand(50, N_GENES, dtype=torch.float64)
    edges = model.edges_at({("C", "A"): 0.7, ("C", "D"): 0.7}).drift(x)
    others = [0, 1, 3, 4, 5]
    torch.testing.assert_close(edges[:, others], model.held_at({"C": 0.7}).drift(x)[:, others])


def test_edges_and_genes_in_one_batch_are_each_model_alone(setting):
    model, known, start = setting
    clamps = [{(2, 0): 0.0}, {2: 0.0}, {(2, 0): 1.0, 3: 0.0}, {(2, 3): 0.0}]
    found = paired_fates([model], clamps, start, known, duration=DURATION, rng=1)
    alone = [
        model.edges_at({(2, 0): 0.0}),
        model.held_at({2: 0.0}),
        model.edges_at({(2, 0): 1.0}).held_at({3: 0.0}),
        model.edges_at({(2, 3): 0.0}),
    ]
    for c, one in enumerate(alone, 1):
        fates = outcome(one, start, known, duration=DURATION, rng=1).fate
        # A path that stops on the border of two basins may fall to either side: one in a hundred at most.
        assert (found.fate[0, c] != fates).mean() <= 0.01
    # The edge is what the removal of the gene does to the toggle: the fourth gene and its target decide nothing.
    assert (found.fate[0, [1, 2]] != found.fate[0, 0]).mean(-1).min() > 0.05
    assert found.acts.all()


def test_an_edge_that_is_not_there_changes_nothing(setting):
    model, known, start = setting
    found = paired_fates([model], [{(5, 0): 0.0}, {(2, 0): 0.0, 0: 0.3}], start, known, duration=DURATION, rng=1)
    assert found.acts.tolist() == [False, True]
    np.testing.assert_array_equal(found.fate[0, 1], found.fate[0, 0])
    assert (found.shift[0, 0] == 0).all()


@pytest.mark.parametrize(
    ("levels", "error", "text"),
    [
        ({("A", "B", "C"): 0.0}, ValueError, "an edge such as"),
        ({("A", "nobody"): 0.0}, KeyError, "nobody"),
        ({("A", "B"): (0.0, 2.0)}, ValueError, "pulses are for genes"),
        ({("A", "B"): -1.0}, ValueError, "at least 0 for 'A->B'"),
    ],
)
def test_wrong_edges_are_refused(levels, error, text):
    with pytest.raises(error, match=text):
        level_table(levels, genes=list("ABCDEF"), regulators=list("ABCDEF"), states=np.ones((3, 6)))

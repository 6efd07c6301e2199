"""Values among neighbours: Moran's I with an exact p-value, and what velocities and splicing leave to it."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.stats import binom

from landscape.structure import coded, smoothness
from landscape.structure.smoothness import _neighbors
from landscape.structure.velocities import abundance, splicing, velocity_directions
from tests.structure.drawn import gradient, homogeneous, one_batch


def test_neighbours_are_the_nearest_and_weigh_one():
    points = np.random.default_rng(0).normal(size=(60, 2))
    graph = _neighbors(points)
    np.testing.assert_allclose(np.ravel(graph.sum(1)), 1)
    distance = np.linalg.norm(points[:, None] - points, axis=2)
    for cell in range(60):
        assert set(graph[cell].nonzero()[1]) == set(np.argsort(distance[cell])[1:16])


def test_the_place_on_a_line_is_smooth_and_its_permutation_is_not():
    counts, place = gradient(300)
    rng = np.random.default_rng(0)
    found = smoothness(counts, place[:, None], one_batch(counts), rng)
    assert found.moran > 0.7 > 0.1 > abs(found.by_chance)
    assert found.p_value == 0.001
    assert smoothness(counts, rng.permutation(place)[:, None], one_batch(counts), rng).p_value > 0.01


def test_the_level_is_exact():
    """P-values of values that have nothing to do with the cells are uniform; the number below a tenth is binomial."""
    counts, _ = gradient(100, 40)
    rng = np.random.default_rng(0)
    p = [smoothness(counts, rng.normal(size=(100, 1)), one_batch(counts), rng).p_value for _ in range(60)]
    assert binom.ppf(0.001, 60, 0.1) <= (np.array(p) <= 0.1).sum() <= binom.ppf(0.999, 60, 0.1)


def test_values_that_depend_on_the_library_size_alone_are_not_smooth():
    for seed in range(5):
        counts, _, _ = homogeneous(600, 60, seed=seed)
        size = np.cbrt(np.ravel(counts.sum(1)))[:, None]
        assert smoothness(counts, size, one_batch(counts), np.random.default_rng(0)).p_value > 0.01
    assert np.isnan(smoothness(counts, np.log(size), one_batch(counts), np.random.default_rng(0)).p_value)


def test_what_does_not_vary_within_batches_cannot_be_tested():
    counts, place = gradient(200)
    batch = (place > 0).astype(np.int64)
    assert np.isnan(smoothness(counts, batch[:, None].astype(float), batch, np.random.default_rng(0)).p_value)


def test_numbers_are_levels_if_few_and_ranks_if_many():
    np.testing.assert_array_equal(coded(np.array([2.0, 1.0, 2.0])), [[0, 1], [1, 0], [0, 1]])
    many = np.append(np.arange(20.0) ** 3, np.nan)
    np.testing.assert_array_equal(coded(many)[:, 0], [*range(20), 10])


def test_directions_of_velocities_keep_their_angles():
    velocity = np.random.default_rng(0).normal(size=(50, 8))
    found = velocity_directions(velocity)
    unit = velocity / np.linalg.norm(velocity, axis=1, keepdims=True)
    np.testing.assert_allclose(found @ found.T, unit @ unit.T, atol=1e-10)


def test_unspliced_counts_by_chance_say_nothing_and_those_that_lead_do():
    """Molecules unspliced with one probability in all cells, and with one that changes along the line."""
    rng = np.random.default_rng(0)
    total, place = gradient(400, 60, seed=1)
    dense = total.toarray().astype(int)

    def p_of(probability):
        unspliced = sparse.csr_matrix(rng.binomial(dense, probability).astype(float))
        spliced = sparse.csr_matrix(total - unspliced)
        left_over = splicing(spliced, unspliced, rng)
        return [
            smoothness(by, values, one_batch(by), rng).p_value
            for by, values in ((spliced, abundance(unspliced, rng)), (total, left_over))
        ]

    assert p_of(0.3)[0] == 0.001  # unspliced counts follow the state ...
    assert p_of(rng.uniform(0.1, 0.5, 60))[1] > 0.01  # ... and do not lead it
    slopes = rng.choice([-1.0, 1.0], 60)
    assert p_of(1 / (1 + np.exp(1 - place[:, None] * slopes))) == [0.001, 0.001]

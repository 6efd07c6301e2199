from __future__ import annotations

import numpy as np
import pytest

from landscape import network
from landscape.network.data.groups import groups_of
from landscape.network.data.moments import moments_of, sums_of, total_sums
from tests.network import toy


def residual_correlation(x, y, z):
    """Correlations after least squares on the covariates, cell by cell: the slow way."""
    rx, ry = (v - z @ np.linalg.lstsq(z, v, rcond=None)[0] for v in (x, y))
    return (rx / np.linalg.norm(rx, axis=0)).T @ (ry / np.linalg.norm(ry, axis=0))


@pytest.mark.parametrize("dense", [True, False])
@pytest.mark.parametrize("n_genes", [40, 150])
def test_moments_are_correlations_of_residuals(n_genes, dense):
    counts = toy.counts(n_genes=n_genes)
    extra = np.random.default_rng(3).normal(size=(300, 2))
    data = network.expression(counts.toarray() if dense else counts, [4, 9, 2], covariates=extra, block_size=64)

    found = network.moments(data)

    x, y, z = data.dense()
    # Differences of sums of order n E[x^2] leave about n_cells * eps * (raw / residual moment) ~ 1e-12.
    np.testing.assert_allclose(found.xy, residual_correlation(x, y, z), atol=1e-11)
    np.testing.assert_allclose(found.xx, residual_correlation(x, x, z), atol=1e-11)


def test_weights_count_cells_several_times():
    data = network.expression(toy.counts(), [0, 1, 2], block_size=50)
    times = np.random.default_rng(0).poisson(1.0, 300)
    copied = network.expression(toy.counts()[np.repeat(np.arange(300), times)], [0, 1, 2])
    weighted, expected = network.moments(data, weights=times), network.moments(copied)
    np.testing.assert_allclose(weighted.xy, expected.xy, atol=1e-12)
    np.testing.assert_allclose(weighted.y_sd, expected.y_sd, rtol=1e-10)
    assert weighted.n_cells == expected.n_cells == times.sum()


def test_sums_of_sparse_and_dense_targets_agree_below_the_density_that_switches():
    counts = toy.counts(n_genes=150, seed=2)
    counts.data[np.random.default_rng(0).random(counts.nnz) < 0.95] = 0
    counts.eliminate_zeros()
    thin = network.expression(counts, [0, 1]).block(0)
    thick = network.expression(counts.toarray(), [0, 1]).block(0)
    assert thin.targets.nnz < 0.1 * thin.targets.shape[0] * thin.targets.shape[1]
    for name in ("aa", "ay", "yy"):
        np.testing.assert_allclose(getattr(sums_of(thin), name), getattr(sums_of(thick), name), rtol=1e-12)


def test_constant_columns_have_no_spread_and_no_correlation():
    counts = toy.counts().toarray()
    counts[:, 0], counts[:, 7] = 3.0, 0.0
    found = network.moments(network.expression(counts, [0, 1]))
    assert found.x_sd[0] == found.y_sd[7] == 0
    assert not found.xx[0].any()
    assert not found.xy[0].any()
    assert not found.xy[:, 7].any()


def test_batch_effects_vanish_when_batch_is_a_covariate():
    """Two batches that differ in both genes correlate; within a batch nothing is there."""
    rng = np.random.default_rng(0)
    batch = np.repeat([0.0, 1.0], 2000)
    values = rng.normal(size=(4000, 3)) + 3 * batch[:, None]
    raw = network.moments(network.expression(values, [0]))
    clean = network.moments(network.expression(values, [0], covariates=batch[:, None]))
    assert raw.xy[0, 1] > 0.6
    assert abs(clean.xy[0, 1]) < 4 / np.sqrt(4000)


def test_the_reversed_regression_exchanges_the_layers():
    spliced, unspliced = toy.counts(seed=0), toy.counts(seed=1)
    both = network.moments(network.expression(spliced, [0, 1], response=unspliced))
    other = network.moments(network.expression(unspliced, [0, 1], response=spliced))
    np.testing.assert_allclose(both.reverse.xy, other.xy, atol=1e-12)
    np.testing.assert_allclose(both.reverse.xx, other.xx, atol=1e-12)


def test_no_blocks_is_an_error():
    with pytest.raises(ValueError, match="at least one block of cells"):
        total_sums([])


def test_sums_add_up_to_the_whole():
    data = network.expression(toy.counts(), [0, 1], block_size=100)
    whole = moments_of(sums_of(network.expression(toy.counts(), [0, 1]).block(0)))
    parts = moments_of(total_sums(sums_of(block) for block in data.blocks()))
    np.testing.assert_allclose(parts.xy, whole.xy, atol=1e-12)


def test_parts_of_moments_with_stumps_are_those_of_their_columns():
    """Three regulators, then three stumps of the first threshold, then three of the second."""
    data = network.expression(np.random.default_rng(0).normal(size=(120, 8)), [1, 4, 6])
    thresholds = np.array([[-0.5, 0.0, 0.2], [0.5, 0.4, 0.9]])
    found = groups_of(data, thresholds=thresholds).moments()
    x, y, z = data.dense()
    features = np.concatenate([x, *((x > cut).astype(float) for cut in thresholds)], axis=1)
    np.testing.assert_allclose(found.xy, residual_correlation(features, y, z), atol=1e-11)
    assert found.has_stumps
    np.testing.assert_array_equal(found.linear().xy, found.xy[:3])
    np.testing.assert_array_equal(found.stumps().xy, found.xy[3:])
    some = found.regulators_only(np.array([2, 0]))
    assert some.n_regulators == 2
    np.testing.assert_array_equal(some.xy, found.xy[[2, 0, 5, 3, 8, 6]])
    np.testing.assert_array_equal(some.xx, found.xx[np.ix_([2, 0, 5, 3, 8, 6], [2, 0, 5, 3, 8, 6])])
    plain = found.linear().regulators_only(np.array([1]))
    np.testing.assert_array_equal(plain.xy, found.xy[[1]])
    assert not plain.has_stumps

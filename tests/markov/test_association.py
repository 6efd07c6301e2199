"""Partial correlations over blocks of cells, against least squares by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse, stats

from landscape.markov.association import (
    BlockMeans,
    association_blocks,
    association_table,
    gene_correlations,
)


@pytest.fixture(scope="module")
def cells():
    rng = np.random.default_rng(0)
    block = np.repeat(np.arange(30), rng.integers(5, 20, 30))
    n = len(block)
    design = np.column_stack([np.ones(n), rng.normal(size=n)])
    return block, design, rng.normal(size=(n, 3))


def test_residuals_are_those_of_weighted_least_squares(cells):
    block, design, values = cells
    blocked = BlockMeans(block, design)
    size = np.bincount(block)
    mean = lambda x: np.array([x[block == b].mean(0) for b in range(30)])  # noqa: E731
    root = np.sqrt(size)[:, None]
    x, y = root * mean(design), root * mean(values)
    left = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
    found = blocked.residual(blocked.mean(sparse.csr_matrix(values)))
    np.testing.assert_allclose(found, left / np.linalg.norm(left, axis=0), atol=1e-10)
    assert blocked.degrees_of_freedom == 30 - 3
    assert not blocked.constant.any()
    explained = blocked.residual(blocked.mean(sparse.csr_matrix(design)))
    assert np.isnan(explained).all()
    assert blocked.constant.all()


def test_a_gene_that_is_the_quantity_has_correlation_one(cells):
    block, design, _ = cells
    rng = np.random.default_rng(1)
    counts = sparse.csr_matrix(rng.poisson(3.0, (len(block), 5)))
    totals = np.full(len(block), 1e4)
    blocked = BlockMeans(block, design)
    quantity = sparse.csr_matrix(np.log1p(counts[:, [2]].toarray()))
    found = gene_correlations([(blocked, blocked.residual(blocked.mean(quantity)))], counts, totals)
    assert found[2, 0] == pytest.approx(1.0)
    assert (np.abs(np.delete(found[:, 0], 2)) < 0.9).all()


def test_the_table_has_students_p_values_and_fishers_intervals():
    r = np.array([[0.5], [np.nan], [-0.2]])
    table = association_table(r, np.array(["a", "b", "c"], dtype=object), ["x"], 20, {"a"}).set_index("gene")
    t = 0.5 * np.sqrt(20 / 0.75)
    assert table.loc["a", "p_value"] == pytest.approx(2 * stats.t.sf(t, 20))
    assert table.loc["a", "upper"] == pytest.approx(np.tanh(np.arctanh(0.5) + stats.norm.ppf(0.975) / np.sqrt(19)))
    assert table.loc["b", ["p_value", "q_value"]].isna().all()
    assert table["regulator"].tolist() == [True, False, False]


def test_too_few_blocks_and_bad_coordinates_are_refused(cells):
    block, design, _ = cells
    with pytest.raises(ValueError, match="at least 6 blocks"):
        BlockMeans(np.minimum(block, 4), design)
    with pytest.raises(ValueError, match="`n_blocks` of at least 1"):
        association_blocks(np.zeros((20, 2)), 0, 0)
    with pytest.raises(ValueError, match="finite coordinates"):
        association_blocks(np.full((20, 2), np.nan), None, 0)

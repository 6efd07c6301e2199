"""Residuals of counts: the operator is the dense formula, and their mean is zero whatever the size of a cell."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from landscape.structure.residuals import cell_variances, components, residuals
from landscape.structure.strata import CELLS_PER_STRATUM, strata
from tests.structure.drawn import homogeneous, one_batch


@pytest.fixture
def case():
    counts, _, _ = homogeneous(120, 30)
    groups = np.arange(120) % 3
    scale = np.random.default_rng(1).uniform(0.5, 2, 120)
    return counts, groups, scale


def dense(counts, groups, scale):
    n = counts.toarray()
    share = np.stack([n[groups == b].sum(0) / n[groups == b].sum() for b in range(groups.max() + 1)])
    r = (n - n.sum(1, keepdims=True) * share[groups]) / np.sqrt(scale)[:, None]
    return r / np.sqrt((r**2).mean(0))


def test_the_operator_is_the_dense_formula(case):
    expected, found = dense(*case), residuals(*case[:2], scale=case[2])
    np.testing.assert_allclose(found.times(np.eye(30)), expected, atol=1e-10)
    np.testing.assert_allclose(found.transposed_times(np.eye(120)), expected.T, atol=1e-10)
    np.testing.assert_allclose(found.squared_norms(), (expected**2).sum(1), rtol=1e-8)


def test_a_gene_that_no_cell_expresses_has_no_weight(case):
    counts = sparse.hstack([case[0], sparse.csr_matrix((120, 1))]).tocsr()
    assert residuals(counts, case[1], scale=case[2]).gene_weight[-1] == 0


def test_components_are_those_of_the_dense_matrix(case):
    counts, groups, scale = case
    nuisance = strata(np.ravel(counts.sum(1)), groups).nuisance
    left, size = components(residuals(counts, groups, scale=scale), nuisance, np.random.default_rng(0), number=3)
    matrix = dense(*case)
    u, s, _ = np.linalg.svd(matrix - nuisance @ (nuisance.T @ matrix), full_matrices=False)
    np.testing.assert_allclose(size, s[:3], rtol=1e-6)
    np.testing.assert_allclose(np.abs((left * u[:, :3]).sum(0)), 1, atol=1e-6)
    np.testing.assert_allclose(nuisance.T @ left, 0, atol=1e-10)


def test_residuals_relative_to_other_genes_have_mean_zero_at_every_size():
    """Sizes differ a hundredfold and genes are over-dispersed; the mean in a tenth of the cells is within 4 standard errors."""
    counts, size, _ = homogeneous(6000, 40, spread=1.2, dispersion=1.0)
    first, second = counts[:, :20].tocsr(), counts[:, 20:].tocsr()
    found = residuals(second, one_batch(counts), scale=cell_variances(first, one_batch(counts)))
    values = found.times(np.eye(20))
    tenth = np.argsort(np.argsort(size)) // 600
    for t in range(10):
        inside = values[tenth == t]
        z = inside.mean(0) / (inside.std(0) / np.sqrt(len(inside)))
        assert np.abs(z).max() < 4.5  # 200 values in all: exceeded with a probability of .0014


def test_strata_hold_cells_of_like_size_and_one_batch():
    rng = np.random.default_rng(0)
    library, batch = rng.lognormal(8, 1, 700), rng.integers(2, size=700)
    found = strata(library, batch)
    for s in np.unique(found.stratum):
        cells = np.flatnonzero(found.stratum == s)
        assert len(np.unique(batch[cells])) == 1
        own = batch == batch[cells[0]]
        between = own & (library >= library[cells].min()) & (library <= library[cells].max())
        assert between.sum() == len(cells) >= CELLS_PER_STRATUM - 1
    for order in found.permutations(3, rng):
        assert (found.stratum[order] == found.stratum).all()
        assert sorted(order) == list(range(700))
        assert (order != np.arange(700)).mean() > 0.9
    assert found.varies_within(library[:, None])
    assert not found.varies_within(batch[:, None].astype(float))

"""Populations that a chain carries forward, against binomial steps along a line."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from landscape.markov.populations import SETTLED, populations_ahead, populations_along


def forward_line(n: int, p: float = 0.5) -> sparse.csr_matrix:
    """Stay, or go one to the right; the last state keeps what arrives."""
    chain = sparse.diags([np.full(n, 1 - p), np.full(n - 1, p)], [0, 1], format="lil")
    chain[n - 1, n - 1] = 1.0
    return chain.tocsr()


def test_populations_are_binomial():
    n = 60
    found = populations_along(forward_line(n), np.array([0]), np.arange(n) // 5, n_cells=4000, rng=0)
    steps = sorted(found)
    assert steps[0] == 0
    assert (found[0] == 0).all()
    for m in steps[1:]:
        if m > n:
            break
        # After m steps the mean is m / 2 with variance m / 4; the standard error of 4,000 draws is that over 63.
        assert found[m].mean() == pytest.approx(m / 2, abs=4 * np.sqrt(m / 4 / 4000))
    # As many steps again would bring no more than this share to the last patch.
    assert (found[steps[-1]] >= n - 5).mean() > 1 - SETTLED


def test_a_chain_has_not_settled_before_it_leaves_its_start():
    # The first steps lead from one cell of the start's patch to the next, which must not be taken for the end.
    n = 200
    patch = np.r_[np.zeros(20, dtype=int), np.arange(1, 10).repeat(20)]
    found = populations_along(forward_line(n), np.array([0]), patch, n_cells=500)
    assert np.median(found[max(found)]) > 150


def test_weights_choose_among_destinations():
    # From the start to either of two ends; one of them counts three times as much.
    chain = sparse.csr_matrix(np.array([[0.0, 0.5, 0.5], [0, 1.0, 0], [0, 0, 1.0]]))
    found = populations_along(chain, np.array([0]), np.arange(3), weights=np.array([1.0, 3.0, 1.0]), n_cells=4000)
    share = (found[max(found)] == 1).mean()
    assert share == pytest.approx(0.75, abs=4 * np.sqrt(0.75 * 0.25 / 4000))


def test_populations_ahead_of_all_cells_are_binomial():
    n, share = 60, np.r_[0.5, 0.0, 0.5, np.zeros(57)]
    found = populations_ahead(forward_line(n), share, steps=(3, 9), n_cells=4000, rng=0)
    assert sorted(found) == [0, 3, 9]
    for m, cells in found.items():
        # From state 0 or 2: the mean moves by m / 2, the variance of 1 grows by m / 4.
        assert cells.mean() == pytest.approx(1 + m / 2, abs=4 * np.sqrt((1 + m / 4) / 4000))

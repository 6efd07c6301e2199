"""The record of a direction evaluated on cells."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from landscape.markov.directed import Directed


@pytest.mark.parametrize("start", [[], [3, 0]])
def test_the_mask_of_the_start_holds_its_cells(start):
    directed = Directed(sparse.eye(5, format="csr"), np.zeros((5, 2)), np.array(start, dtype=int))
    np.testing.assert_array_equal(np.flatnonzero(directed.at_start), sorted(start))
    assert directed.at_start.shape == (5,)

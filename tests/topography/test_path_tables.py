"""Tables of paths whose order of genes is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from landscape.topography.large_deviations.named_paths import NamedPath
from landscape.topography.large_deviations.path_tables import path_tables, paths_from_tables


def stages(pieces=100):
    """Path of three genes: the second moves in the first quarter, the first in the last, the third there and back."""
    s = np.linspace(0, 1, pieces + 1)
    first = np.clip(4 * (s - 0.75), 0, 1)
    second = 1 - np.clip(4 * s, 0, 1)
    third = 0.02 * np.sin(np.pi * s)
    return np.stack([first, second, third, 0 * s], 1)


def test_genes_are_in_the_order_in_which_they_move():
    states = stages()
    cost = np.linspace(0, 3.0, len(states)) ** 2
    found = path_tables([NamedPath("a", "b", "saddle 1", states, cost, 100, True)], list("wxyz"), least=0.05)["genes"]
    assert found["gene"].tolist() == ["x", "w", "y", "z"]
    assert found["rank"].tolist() == [1, 2, 3, 4]
    assert found["moves"].tolist() == [True, True, False, False]
    np.testing.assert_allclose(found["change"], [-1, 1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(found["travel"], [1, 1, 0.04, 0], atol=1e-3)
    # The moves take half of the path's length each (the third gene adds a permille): halfway through them at 1/4, 3/4.
    np.testing.assert_allclose(found["half_step"][:2], [0.25, 0.75], atol=0.01)
    # Half of x's change is made at an eighth of the points, where (1/8)^2 of the action is spent; of w's at 7/8.
    np.testing.assert_allclose(found["half_action"][:2], [(1 / 8) ** 2, (7 / 8) ** 2], atol=0.01)
    assert np.isnan(found["half_step"].iloc[3])


def test_a_gene_that_comes_back_has_its_moment_where_half_of_its_travel_is_made():
    s = np.linspace(0, 1, 201)
    bump = np.stack([s, 0.5 * np.sin(np.pi * s) ** 2], 1)
    found = path_tables([NamedPath("a", "b", "no saddle", bump, s, 200, True)], ["main", "bump"], least=0.05)["genes"]
    back = found.set_index("gene").loc["bump"]
    assert back["change"] == pytest.approx(0, abs=1e-12)
    assert back["travel"] == pytest.approx(1, abs=1e-3)
    assert back["half_step"] == pytest.approx(0.5, abs=0.01)
    assert back["moves"]


def test_paths_come_back_from_their_tables_where_the_attractors_are_the_same():
    points = stages()
    cost = np.linspace(0, 3.0, len(points)) ** 2
    record = path_tables([NamedPath("a", "b", "saddle 1", points, cost, 40, True)], list("wxyz"))
    states = pd.DataFrame(points[[0, -1]], index=["a", "b"], columns=list("wxyz"))
    (back,) = paths_from_tables(record, states)
    np.testing.assert_array_equal(back.states, points)
    np.testing.assert_array_equal(back.cost, cost)
    assert (back.start, back.end, back.saddle, back.top, back.converged) == ("a", "b", "saddle 1", 40, True)
    # Attractors that were found again differ by the tolerance of the search, and are the same.
    assert paths_from_tables(record, states + 1e-9) is not None
    # Paths that end elsewhere belong to attractors that are no longer there.
    assert paths_from_tables(record, states + 0.01) is None
    assert paths_from_tables(record, states.set_axis(["a", "c"])) is None


def test_no_paths_give_empty_tables():
    assert all(len(table) == 0 for table in path_tables([], ["a", "b"]).values())

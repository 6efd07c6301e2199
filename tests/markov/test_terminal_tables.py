"""Names of groups of cells and of terminal states."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from landscape.markov.absorption import Absorption
from landscape.markov.fates import fates_given_any, most_probable, require_solved
from landscape.markov.naming import numbered
from landscape.markov.terminal_tables import cells_of_groups, group_by_label, nearest_state, terminal_table


def test_the_second_of_a_name_has_a_number():
    assert numbered(["x", "y", "x"]) == ["x", "y", "x 2"]


def test_ends_of_one_label_are_one_terminal_state():
    rng = np.random.default_rng(0)
    labels = pd.Series(["a/b"] * 40 + ["b"] * 40 + ["a/b"] * 40 + ["a/b", "b"] * 20)
    points = np.repeat([0.0, 1.0, 2.0, 3.0], 40)[:, None] + rng.normal(0, 0.1, (160, 1))
    cells = (np.arange(10), np.arange(40, 60), np.arange(80, 100), np.arange(120, 140))
    gathering, arrival = np.array([1.0, 3.0, 2.0, 0.5]), np.array([0.5, 0.1, 0.2, 0.0])
    found = SimpleNamespace(cells=cells, gathering=gathering, arrival=arrival)
    groups = group_by_label(found, labels, points)
    assert groups == {"a|b": [0, 2], "b": [1], "end 4": [3]}
    assert list(group_by_label(found, None, points)) == ["end 1", "end 2", "end 3", "end 4"]
    table = terminal_table(found, groups, np.array([0, 0, 1, 1, -1]))
    assert table["n_cells"].tolist() == [30, 20, 20]
    assert table["n_basin"].tolist() == [2, 2, 0]
    assert table["gathering"].tolist() == [2.0, 3.0, 0.5]
    assert table["arrival"].tolist() == [0.5, 0.1, 0.0]
    states = points / 3
    attractors = pd.DataFrame([[0.9], [0.2]], index=["high", "low"])
    assert list(nearest_state(cells_of_groups(found, groups), states, attractors)) == ["low", "low", "high"]


def made(**changes) -> Absorption:
    values = {
        "probabilities": np.array([[0.5, 0.25], [0.0, 0.0], [np.nan, np.nan]]),
        "unabsorbed": np.array([0.25, 1.0, np.nan]),
        "names": ("a", "b"), "n_unreachable": 1, "residual": 1e-9, "row_sum_error": 1e-3,
        "n_iterations": 1, "method": "direct", "converged": False,
    } | changes  # fmt: skip
    return Absorption(**values)


def test_fates_are_those_given_that_there_is_one():
    np.testing.assert_allclose(fates_given_any(made())[0], [2 / 3, 1 / 3])
    assert np.isnan(fates_given_any(made())[1:]).all()
    assert most_probable(made()).tolist() == [0, 0, -1]


def test_what_is_not_solved_is_refused():
    require_solved(made())
    require_solved(made(converged=True, residual=1.0))
    for change in ({"residual": 1e-3}, {"row_sum_error": 0.2}):
        with pytest.raises(ValueError, match="did not converge"):
            require_solved(made(**change))

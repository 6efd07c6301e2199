"""Names of groups of cells: labels that say something name them, labels that say nothing do not."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest
from scipy.spatial import cKDTree
from scipy.stats import binom

from landscape.markov.cell_cycle import GENES, in_cell_cycle
from landscape.markov.naming import LEVEL, label_names, label_of, numbered, unnumbered

N_DRAWS = 200
# Largest number of draws, of 200, in which the labels name a group although they say nothing: three standard errors above 5 %.
MOST_NAMED = N_DRAWS * LEVEL + 3 * np.sqrt(N_DRAWS * LEVEL * (1 - LEVEL))


def cells(n: int = 1200, seed: int = 0) -> tuple[np.ndarray, list[np.ndarray]]:
    """Points of a plane, and the 20 nearest to each of four corners."""
    points = np.random.default_rng(seed).uniform(0, 1, (n, 2))
    corners = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    return points, list(cKDTree(points).query(corners, 20)[1])


@pytest.mark.parametrize("shares", [[0.5, 0.5], [0.6, 0.3, 0.1], [0.1] * 10, [0.91] + [0.03] * 3])
def test_random_labels_name_a_state_in_one_of_twenty_draws_at_most(shares):
    points, groups = cells()
    rng = np.random.default_rng(0)
    letters = np.array(list("abcdefghij"))[: len(shares)]
    named = sum(
        any(label_names(pd.Series(rng.choice(letters, len(points), p=shares)), groups, points)) for _ in range(N_DRAWS)
    )
    assert named <= MOST_NAMED


def test_random_labels_of_clones_that_lie_together_name_no_more():
    rng = np.random.default_rng(1)
    points = np.repeat(rng.uniform(0, 1, (240, 2)), 5, axis=0) + rng.normal(0, 1e-4, (1200, 2))
    groups = list(cKDTree(points).query([[0, 0], [0, 1], [1, 0], [1, 1]], 20)[1])
    drawn = [pd.Series(np.repeat(rng.choice(list("abcde"), 240), 5)) for _ in range(N_DRAWS)]
    assert sum(any(label_names(labels, groups, points)) for labels in drawn) <= MOST_NAMED
    # Taking cells for independent, the labels of four clones name a state far more often.
    tails = [
        min(
            binom.sf(labels.iloc[own].value_counts().iloc[0] - 1, 20, (labels == labels.iloc[own].mode()[0]).mean())
            for own in groups
        )
        for labels in drawn
    ]
    assert np.mean(np.array(tails) * len(groups) * 5 <= LEVEL) > 0.5


def test_types_name_their_corners_with_like_below_the_majority_and_none_where_they_are_mixed():
    points, groups = cells()
    labels = np.array(["B", "NK", "T", "M"])[(points > 0.5) @ [1, 2]].astype(object)
    assert label_names(pd.Series(labels), groups, points) == ["B", "T", "NK", "M"]
    labels[labels == "T"] = "B"
    labels[groups[1]] = ["T"] * 9 + ["B"] * 8 + [None] * 3
    labels[groups[3]] = ["B", "B", "NK", "M"] * 5
    assert label_names(pd.Series(labels), groups, points) == ["B", "T-like", "NK", None]


def test_a_rare_type_names_its_state_where_a_common_one_is_no_more_frequent_than_elsewhere():
    points, groups = cells()
    labels = np.array(["common", "common", "other"] * (len(points) // 3), dtype=object)
    for group in groups:
        labels[group] = ["common"] * 10 + ["other"] * 10
    labels[groups[0]] = ["common"] * 10 + ["rare"] * 10
    assert label_names(pd.Series(labels), groups, points) == ["rare-like", None, None, None]


def test_a_type_that_most_cells_are_of_names_its_state_where_the_others_are_of_other_types():
    points, groups = cells()
    labels = np.full(len(points), "most", dtype=object)
    labels[points.sum(1) > 1.7] = "few"
    assert (labels == "most").mean() > 0.9
    assert label_names(pd.Series(labels), groups, points) == ["most", "most", "most", "few"]
    assert label_names(pd.Series(labels), groups[:3], points) == [None] * 3  # the labels do not differ between them


def test_that_labels_name_nothing_is_said(caplog):
    points, groups = cells()
    with caplog.at_level(logging.WARNING, logger="landscape"):
        assert label_names(pd.Series("a", index=range(len(points)), name="kind"), groups, points) == [None] * 4
    assert "the labels 'kind' name none of 4 states: they do not differ" in caplog.text


def test_a_name_leads_back_to_its_label():
    labels = ["B", "T 2", "T", "M/D"]
    titles = ["B", "B 2", "B-like", "B-like 2", "T 2", "M|D 3", "Gata1+Klf1", "B x"]
    assert [label_of(title, labels) for title in titles] == ["B", "B", "B", "B", "T 2", "M/D", None, None]
    assert unnumbered(numbered(["x", "y", "x"])) == ["x", "y", "x"]
    assert unnumbered(["day 2", "day 3", "stem"]) == ["day 2", "day 3", "stem"]


def test_genes_of_the_cell_cycle_are_known_by_symbols_of_both_species():
    assert all(map(in_cell_cycle, ["Mki67", "TOP2A", "E2f8", "Foxm1"]))
    assert not any(map(in_cell_cycle, ["Gata1", "SPI1"]))
    assert all(gene == gene.upper() for gene in GENES)

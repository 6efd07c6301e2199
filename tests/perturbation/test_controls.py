"""Controls that are matched by construction, on level and on strength."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from landscape.dynamics import Model, RegulatoryDrift
from landscape.perturbation import matched_controls, out_strength


def test_controls_are_near_in_level_and_in_strength():
    # Ranks of the level 1 to 6, ranks of the strength chosen: of the neighbours in level, gene 1 is far in strength.
    mean = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    strength = np.array([5.0, 1.0, 6.0, 4.0, 2.0, 3.0])
    # Gene 2 (3, 6): gene 0 (1, 5) at sqrt 5, gene 3 (4, 4) at sqrt 5, gene 1 (2, 1) at sqrt 26, gene 5 (6, 3) at sqrt 18.
    assert matched_controls({2: 0.0}, mean, strength, 3) == [{0: 0.0}, {3: 0.0}, {5: 0.0}]


def test_no_gene_stands_in_for_two(caplog):
    mean, strength = np.arange(5.0), np.arange(5.0)
    with caplog.at_level(logging.INFO):
        found = matched_controls({1: 0.0, 2: 1.0}, mean, strength, 5)
    assert found == [{0: 0.0, 3: 1.0}]
    assert "1 of 5 controls" in caplog.text
    assert matched_controls({}, mean, strength, 3) == []
    assert matched_controls({1: 0.0}, mean, strength, 0) == []


def test_strength_is_the_spread_of_what_a_gene_adds_to_the_inputs_of_others():
    weights = np.array([[9.0, 3.0, 0.0], [0.0, 5.0, 0.0], [0.0, -4.0, 0.0]])
    model = Model(RegulatoryDrift.from_arrays(weights, hill=1.0, threshold=1.0), 0.01)
    states = np.random.default_rng(0).uniform(0, 1, (100, 3))
    states[:, 0] = 0.5
    found = out_strength(model, states)
    response = states[:, 1] / (1 + states[:, 1])
    # A gene's own edge does not count, nor does one whose level is the same in all cells, nor one without edges.
    assert found == pytest.approx([0.0, 5 * response.std(), 0.0], abs=1e-12)
    inputs = np.outer(response, weights[[0, 2], 1])
    assert found[1] == pytest.approx(np.sqrt(inputs.var(0).sum()))

"""Regulators and covariates of a network, tables of states, and networks put together from draws."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from landscape.network import expression, infer
from landscape.network.analysis.state_tables import overlap_table, state_edge_table
from landscape.network.data.covariates import covariate_matrix
from landscape.network.data.regulators import regulator_columns
from landscape.network.evidence.draws import combine_draws, infer_from_draws


def test_regulators_are_found_whatever_their_case_and_repeats_are_refused():
    genes = ["GATA1", "SPI1", "TAL1"]
    assert regulator_columns(["tal1", "GATA1"], genes).tolist() == [0, 2]
    with pytest.raises(ValueError, match="more than once"):
        regulator_columns(["TAL1", "TAL1"], genes)
    with pytest.raises(ValueError, match="1 of 1 that are not"):
        regulator_columns(["MYB"], genes)


def test_categories_become_indicators_and_missing_values_are_refused():
    table = pd.DataFrame({"age": [1.0, 2.0, 3.0], "lib": ["a", "b", "c"], "open": [True, None, False]})
    found = covariate_matrix(table, ["age", "lib"])
    np.testing.assert_array_equal(found, [[1, 0, 0], [2, 1, 0], [3, 0, 1]])
    with pytest.raises(KeyError, match="'sex'"):
        covariate_matrix(table, ["sex"])
    with pytest.raises(ValueError, match="without missing values, found 1"):
        covariate_matrix(table, ["open"])


def test_tables_of_states_list_the_support_and_all_pairs():
    weights = np.arange(6.0).reshape(2, 3)
    found = SimpleNamespace(
        names=("x", "y"), weights=[weights, -weights], sd=[weights / 10] * 2, shared=weights + 1,
        overlap=np.array([[1, 0.4], [0.4, 1]]), overlap_sd=np.full((2, 2), 0.1),
    )  # fmt: skip
    support = np.array([[False, True, False], [True, False, False]])
    edges = state_edge_table(found, support, np.array(["a", "b", "c"], dtype=object), np.array([0, 2]))
    assert edges[["source", "target"]].to_numpy().tolist() == [["a", "b"], ["c", "a"]] * 2
    assert edges["weight"].tolist() == [1.0, 3.0, -1.0, -3.0]
    assert overlap_table(found).to_numpy().tolist() == [["x", "y", 0.4, 0.1]]


def test_draws_add_their_variance_to_that_of_bootstraps():
    rng = np.random.default_rng(0)
    counts = sparse.csr_matrix(rng.poisson(3.0, (200, 6)))
    draws = [rng.gamma(3.0, 500.0, (200, 6)) for _ in range(3)]
    options = {"n_bootstraps": 6, "method": "ridge", "rng": 1, "options": {"penalty": 50.0, "n_decoys": 0}}
    found = infer_from_draws(draws, np.array([0, 1]), counts=counts, n_draws=3, **options)
    one = infer_from_draws(draws[:1], np.array([0, 1]), counts=counts, n_draws=1, **options)
    assert one.weights.shape == found.weights.shape == (2, 6)
    single = [infer(expression(d, np.array([0, 1]), response=counts, transform="log", target_sum=1e4),
                    penalty=50.0, n_bootstraps=2, n_decoys=0, rng=k) for k, d in enumerate(draws)]  # fmt: skip
    both = combine_draws(single)
    np.testing.assert_allclose(both.weights, np.mean([s.weights for s in single], axis=0))
    between = np.var([s.weights for s in single], axis=0, ddof=1)
    np.testing.assert_allclose(both.sd**2, between + np.mean([s.sd**2 for s in single], axis=0))

"""The table of fate estimators: chain and model on a toggle whose committor is known by symmetry."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse

from landscape.dynamics import Model, RegulatoryDrift
from landscape.topography import agreement, fixed_points
from landscape.topography.fates.chain_fates import chain_fates, terminal_cells
from landscape.topography.fates.comparison import agreement_by_fate, compare_fates, log_agreement
from landscape.topography.fates.estimate import FateProblem
from landscape.topography.fates.estimators import CHAIN, ESTIMATORS, MODEL
from landscape.topography.fates.model_fates import (
    _duration,
    fate_of_attractors,
    model_fates,
    start_shares,
    warn_of_left_attractors,
)

GENES = ["A", "B"]


@pytest.fixture(scope="module")
def problem() -> FateProblem:
    """Cells on the line between the attractors of a symmetric toggle, on a chain that steps to either side."""
    drift = RegulatoryDrift.from_arrays(np.array([[0, -8.0], [-8.0, 0]]), bias=3.0, hill=4.0)
    ends = np.array([p.x for p in fixed_points(drift, np.array([[1.0, 0.0], [0.0, 1.0]]), deflate=False).stable])
    n = 41
    states = np.linspace(ends[0], ends[1], n)
    steps = np.diag(np.full(n - 1, 0.5), 1) + np.diag(np.full(n - 1, 0.5), -1)
    steps[0, 0] = steps[-1, -1] = 0.5
    return FateProblem(
        pd.Index([f"cell {k}" for k in range(n)]),
        {"first": np.array([0]), "second": np.array([n - 1])},
        sparse.csr_matrix(steps),
        model=Model(drift, 0.01, ("A", "B")),
        states=states,
        attractors=pd.DataFrame(ends, index=["first", "second"], columns=GENES),
        basin=np.where(np.arange(n) < n // 2, "first", "second"),
        basin_sizes=np.array([20.0, 21.0]),
        n_replicates=50,
        n_cells=n,
    )


def test_the_chain_is_the_gamblers_ruin_and_has_no_error(problem):
    found = chain_fates(problem)
    np.testing.assert_allclose(found.table["second"], np.linspace(0, 1, len(problem.cells)), atol=1e-6)
    assert not found.error.any()
    assert list(found.table.index) == list(problem.cells)


def test_the_model_decides_by_the_side_of_the_separatrix(problem):
    found = model_fates(replace(problem, reference=chain_fates(problem)))
    assert list(found.table.columns) == ["first", "second"]
    middle = len(problem.cells) // 2
    # Far from the separatrix the flow decides; on it, chance.
    assert found.table["second"].iloc[:5].max() < 0.1
    assert found.table["second"].iloc[-5:].min() > 0.9
    assert abs(found.table["second"].iloc[middle] - 0.5) < 3.5 * 0.5 / np.sqrt(50)
    assert (found.error > 0).all()
    assert (found.kept > 0.95).all()


def test_shares_from_the_start_are_side_by_side(problem, caplog):
    middle = len(problem.cells) // 2
    given = replace(problem, reference=chain_fates(problem), start=np.array([middle]))
    with caplog.at_level(logging.INFO):
        record = model_fates(given).record
    table = record["start"]
    # By symmetry both take half of the cells from the separatrix to either end; 500 paths have a standard error of .022.
    np.testing.assert_allclose(table["chain"], 0.5, atol=1e-6)
    np.testing.assert_allclose(table["model"], 0.5, atol=4 * 0.5 / np.sqrt(500))
    assert record["start_distance"] == pytest.approx(0.5 * (table["chain"] - table["model"]).abs().sum(), abs=1e-12)
    assert "total variation" in caplog.text
    # Near the first attractor the flow takes all paths there; the chain takes a share in proportion to the distance.
    near = model_fates(replace(given, start=np.array([4]))).record
    assert near["start"].loc["second", "chain"] == pytest.approx(0.1, abs=1e-6)
    assert near["start_distance"] == pytest.approx(0.1, abs=0.05)
    # Without a start there is nothing to say, and other figures do not change.
    without = model_fates(replace(problem, reference=chain_fates(problem)))
    assert "start" not in without.record


def test_paths_that_reach_no_attractor_count_as_a_fate_of_their_own():
    chain = pd.DataFrame({"a": [1.0, 0.5], "b": [0.0, 0.5]})
    model = pd.DataFrame({"a": [0.5, 0.5], "b": [0.0, 0.0]})
    # 3/4 and 1/4 against 1/2, 0 and 1/2 unresolved.
    assert start_shares(chain, model)["start_distance"] == pytest.approx(0.5)


def test_an_estimator_runs_where_its_needs_are_known(problem):
    assert ESTIMATORS == (CHAIN, MODEL)
    bare = FateProblem(problem.cells, problem.terminal, problem.transitions)
    assert bare.has(CHAIN.needs)
    assert not bare.has(MODEL.needs)
    assert not problem.has(MODEL.needs)  # the reference is not known yet
    assert replace(problem, reference=chain_fates(problem)).has(MODEL.needs)
    with pytest.raises(ValueError, match="fate problem with `model`"):
        model_fates(bare)
    with pytest.raises(ValueError, match="`transitions`, found None"):
        chain_fates(replace(problem, transitions=None))


def test_an_estimate_agrees_with_itself_and_differs_from_its_mirror(problem):
    chain = chain_fates(problem)
    assert compare_fates(chain, chain, tolerance=0.1).record["share_differs"] == 0
    mirror = replace(chain, table=chain.table.iloc[::-1].set_axis(chain.table.index))
    found = compare_fates(chain, mirror, tolerance=0.1)
    # |x - (1 - x)| > 0.1 in all but the five middle cells of 41 (0.45 to 0.55).
    assert found.record["share_differs"] == pytest.approx(36 / 41)
    assert found.record["by_fate"]["n_cells"].sum() == found.record["n_compared"] == 41


def test_attractors_stand_for_the_fates_of_their_name_or_of_the_cells_that_flow_to_them():
    basin = np.array(["a", "a", "b", "c", "c"])
    owner = fate_of_attractors(basin, ["a", "b", "c", "d"], {"b": np.array([0, 2]), "end": np.array([3, 4])})
    assert owner.to_dict() == {"a": "b", "b": "b", "c": "end", "d": "d"}


def test_terminal_cells_are_the_nearest_of_the_basin(caplog):
    states = np.arange(40.0)[:, None]
    attractors = pd.DataFrame([[0.0], [39.0], [100.0]], index=["low", "high", "empty"])
    found = terminal_cells(attractors, np.where(np.arange(40) < 20, "low", "high"), states, 30)
    # A tenth of a basin of twenty.
    assert {name: sorted(cells) for name, cells in found.items()} == {"low": [0, 1], "high": [38, 39]}
    assert "'empty' has no cells" in caplog.text
    with pytest.raises(ValueError, match="at least one attractor"):
        terminal_cells(attractors, np.full(40, "none"), states, 30)


def test_attractors_that_the_noise_empties_are_named(caplog):
    with caplog.at_level(logging.WARNING):
        warn_of_left_attractors(pd.Series({"deep": 0.95, "shallow": 0.2}), 8.0)
    assert "shallow (kept 0.20)" in caplog.text
    assert "deep (" not in caplog.text


def test_a_difference_beyond_chance_is_a_warning(caplog):
    verdict = agreement(np.eye(2)[[0] * 50], np.eye(2)[[1] * 50], np.full((50, 2), 0.01))
    by_fate = agreement_by_fate(pd.Series(["late"] * 50), verdict, pd.Series({"late": 0.9}))
    assert by_fate.loc["late", ["share_differs", "kept"]].tolist() == [1.0, 0.9]
    with caplog.at_level(logging.WARNING):
        log_agreement(verdict, by_fate)
    assert "by the chain's fate: late 1.00 of 50" in caplog.text


def test_a_fate_that_the_reference_does_not_have_has_no_probability_there(problem):
    """Whatever the estimate gives to it is the total variation: half of the sum of the differences."""
    chain = chain_fates(problem)
    third = 0.2
    share = chain.share * (1 - third)
    share["third"] = third
    more = replace(chain, share=share, error=np.zeros(share.shape))
    found = compare_fates(more, chain, tolerance=0.1)
    np.testing.assert_allclose(found.agreement.distance, third, atol=1e-12)
    assert found.record["disagreement"] == pytest.approx(third)


def test_attractors_without_cells_count_equally_for_the_time_in_which_paths_relax(problem):
    points = torch.as_tensor(problem.attractors.to_numpy())
    none, equal, first = (_duration(None, problem.model, points, np.array(n, float)) for n in ([0, 0], [1, 1], [1, 0]))
    assert none == equal > 0
    assert first == pytest.approx(equal, rel=1e-6)  # of a symmetric toggle both relax alike
    assert _duration(3.5, problem.model, points, np.zeros(2)) == 3.5

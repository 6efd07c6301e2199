"""Setting up a fit: the defaults, the unit of time, and the populations of a chain and of a clock."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from scipy import sparse

from landscape.dynamics.horizons import lengthening
from landscape.dynamics.problem import GRADED, PER_ROOT, ROOT_DECAY, STEEP, _n_steps
from landscape.dynamics.refinement import MAX_MATCHED, refinement
from tests.dynamics.cells import along_a_line, problem_of


def test_populations_of_a_clock_are_the_cells_of_each_time():
    cells = along_a_line(clock=True)
    problem = problem_of(cells)
    assert problem.matched
    assert problem.speed == 1.0
    found = problem.populations(np.random.default_rng(0))
    assert sorted(found) == [0.0, 1.0, 2.0]
    for time, states in found.items():
        assert torch.equal(states, problem.states[torch.as_tensor(cells.times == time)])
    # Of a resample only cells with weight are drawn, as many as before.
    weight = (np.arange(len(cells.times)) % 3 == 0).astype(float)
    drawn = problem.populations(np.random.default_rng(0), weight)[2.0]
    assert len(drawn) == (cells.times == 2.0).sum()
    assert set(drawn[:, 0].tolist()) <= set(cells.states[weight > 0, 0])


def test_populations_without_a_clock_run_from_the_start_to_the_end_in_lifetimes():
    cells = along_a_line(clock=False)
    problem = problem_of(cells)
    found = problem.populations(np.random.default_rng(0))
    times = sorted(found)
    assert times[0] == 0.0
    along = [float(found[t][:, 0].mean()) for t in times]
    assert along[0] < 0.2
    assert along[-1] > 0.7
    # Steps of the chain and units of time are in the ratio of the speed, and so are displacements and velocities.
    np.testing.assert_allclose(np.array(times) * problem.speed, np.round(np.array(times) * problem.speed), atol=1e-9)
    np.testing.assert_allclose(problem.velocity.numpy(), cells.directed.velocity * problem.speed)
    # From all over the manifold the chain begins everywhere.
    ahead = problem.populations_ahead(np.random.default_rng(0))
    assert ahead[0.0][:, 0].std() > 0.2


def test_a_start_that_no_source_names_is_found_where_populations_need_one():
    cells = along_a_line(clock=False, named_start=False)
    problem = problem_of(cells)
    assert problem.states[torch.as_tensor(problem.start), 0].median() < 0.2
    assert len(problem_of(cells, refine=False).start) == 0


def test_every_patch_has_the_same_weight():
    problem = problem_of(along_a_line(clock=True))
    total = np.bincount(problem.patch, problem.weights.numpy())
    np.testing.assert_allclose(total, 1.0)


def test_what_is_not_given_follows_from_the_data():
    cells = along_a_line(clock=True)
    matched, rates = problem_of(cells), problem_of(cells, refine=False)
    assert (matched.hill, rates.hill) == (PER_ROOT * STEEP, PER_ROOT * GRADED)
    assert not matched.decay_known
    np.testing.assert_allclose(matched.decay, 1.0)  # one interval of the time points
    known = problem_of(cells, decay=np.array([0.3, 0.7]))
    assert known.decay_known
    np.testing.assert_array_equal(known.decay, [0.3, 0.7])
    np.testing.assert_array_equal(problem_of(along_a_line(clock=False)).decay, [ROOT_DECAY] * 2)
    assert problem_of(cells, response=3.0).hill == PER_ROOT * 3.0


def test_many_regulators_are_fitted_to_descendants_unless_populations_are_asked_for():
    cells = along_a_line(clock=True, n_genes=MAX_MATCHED + 1)
    assert (problem_of(cells).matched, problem_of(cells).to_descendants) == (False, True)
    assert (problem_of(cells, refine=True).matched, problem_of(cells, refine=True).to_descendants) == (True, False)
    few = problem_of(along_a_line(clock=True, n_genes=MAX_MATCHED))
    assert (few.matched, few.to_descendants) == (True, False)
    assert refinement(False, 5) is None
    with pytest.raises(ValueError, match="found 'cells'"):
        refinement("cells", 5)


def test_what_a_model_is_scored_against_does_not_change_its_fit():
    cells = along_a_line(clock=True)
    gen, same = np.random.default_rng(3), np.random.default_rng(3)
    problem_of(cells, rng=gen)
    problem_of(cells, refine=False, rng=same)
    assert gen.random() == same.random()


@pytest.mark.parametrize("clock", [True, False])
def test_cells_go_on_to_the_ends_after_the_last_time(clock):
    cells = along_a_line(clock=clock)
    problem = problem_of(cells)
    last = np.flatnonzero(cells.times == cells.times.max()) if clock else np.arange(len(cells.states))
    group = problem.descendants[-1]
    np.testing.assert_array_equal(group.cells, last)
    if clock:
        assert len(problem.descendants) == 3
        assert problem.descendants[0].durations[:2] == (1.0, 2.0)
        assert problem.descendants[0].durations[-1] > 2.0
    found = group.draw(group.cells, np.random.default_rng(0))
    assert found.shape == (len(group.durations), len(group.cells))
    # Level of the first gene grows along the line, and the line ends where it is highest.
    level = problem.states[:, 0].numpy()
    assert level[found[-1]].mean() > level[group.cells].mean()


def test_a_problem_cannot_be_changed():
    problem = problem_of(along_a_line(clock=True))
    with pytest.raises(dataclasses.FrozenInstanceError):
        problem.matched = False


def test_horizons_reach_the_ends_of_a_chain():
    problem = problem_of(along_a_line(clock=False))
    (group,) = problem.descendants
    np.testing.assert_allclose(group.durations[-1] * problem.speed, 16, rtol=0.05)
    level = problem.states[:, 0].numpy()
    early = np.argsort(level)[:50]
    assert level[group.draw(early, np.random.default_rng(0))[-1]].mean() > 0.8


@pytest.mark.parametrize(("n", "factor"), [(10, 1.0), (101, 95 / 16), (2000, 32.0)])
def test_horizons_are_as_long_as_the_chain_within_bounds(n, factor):
    # One step at a time to the last cell: cell i takes n - 1 - i steps.
    row = np.arange(n)
    chain = sparse.csr_matrix((np.ones(n), (row, np.minimum(row + 1, n - 1))), shape=(n, n))
    assert lengthening(chain, (np.array([n - 1]),)) == pytest.approx(factor)
    assert lengthening(chain, ()) == 1.0


@pytest.mark.parametrize(("clock", "steps"), [(True, 480), (False, 240)])
def test_a_clock_gives_a_refinement_to_descendants_twice_the_steps(clock, steps):
    assert _n_steps(to_descendants=True, clock=clock) == steps
    assert _n_steps(to_descendants=False, clock=clock) == 300

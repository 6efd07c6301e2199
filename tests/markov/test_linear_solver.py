"""The solver of sparse systems: what it does where iterations stall, and what it reports."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from landscape.markov import linear_solver, multilevel
from tests.markov.chains import birth_death


def test_without_unknowns_or_right_hand_sides_nothing_is_solved():
    empty = linear_solver.solve(sparse.csr_array((0, 0)), np.zeros((0, 2)))
    assert empty.x.shape == (0, 2)
    assert empty.converged
    zero = linear_solver.solve(sparse.eye_array(3, format="csr"), np.zeros((3, 1)))
    np.testing.assert_array_equal(zero.x, 0.0)


def test_a_stalled_iteration_is_finished_or_reported(monkeypatch, caplog):
    chain, hard = birth_death(np.full(400, 0.5), np.full(400, 0.5))
    monkeypatch.setattr(linear_solver, "SMALL", 0)
    monkeypatch.setattr(linear_solver, "PLANAR", 0)
    monkeypatch.setattr(multilevel, "COARSEST", 10)
    monkeypatch.setattr(linear_solver, "RESTART", 2)
    system = sparse.csr_array(sparse.eye_array(399) - hard[1:][:, 1:])
    factorised = linear_solver.solve(system, np.ones((399, 1)), max_iterations=1)
    assert factorised.method == "lu"
    assert factorised.converged
    monkeypatch.setattr(linear_solver, "DIRECT", 0)
    unfinished = linear_solver.solve(system, np.ones((399, 1)), max_iterations=1)
    assert unfinished.method == "gmres"
    assert not unfinished.converged
    assert unfinished.residual > 1e-3
    assert "a linear system of 399 unknowns is solved to residual" in caplog.text
    found = linear_solver.solve(system, np.ones((399, 1)))
    assert found.converged
    assert found.method == "bicgstab"
    exact = [chain.mean_passage_time(i, 0) for i in range(1, 400)]
    # An error is at most the longest of these times, 1.6e5, times the residual: 1e-10, known to 5 roundings of 1.6e5 each.
    np.testing.assert_allclose(found.x[:, 0], exact, rtol=0, atol=1e-9 * max(exact))


def test_a_residual_of_rounding_is_accepted_whatever_was_asked_for():
    """Solutions a billion times larger than the right-hand side: rounding alone leaves more than the tolerance."""
    n = 120
    _, chain = birth_death(np.full(n, 0.45), np.full(n, 0.55))  # away from the far end, which it reaches rarely
    system = sparse.csr_array(sparse.eye_array(n - 1) - chain[:-1][:, :-1])
    found = linear_solver.solve(system, np.ones((n - 1, 1)), tolerance=1e-15)
    assert found.x.max() > 1e9
    assert found.residual > 1e-15
    assert found.method == "lu"
    assert found.converged

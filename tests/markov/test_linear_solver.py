"""The solver of sparse systems: what it does where iterations stall, and what it reports."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from landscape.markov import linear_solver, multilevel
from tests.markov.chains import line


def test_without_unknowns_or_right_hand_sides_nothing_is_solved():
    empty = linear_solver.solve(sparse.csr_array((0, 0)), np.zeros((0, 2)))
    assert empty.x.shape == (0, 2)
    assert empty.converged
    zero = linear_solver.solve(sparse.eye_array(3, format="csr"), np.zeros((3, 1)))
    np.testing.assert_array_equal(zero.x, 0.0)


def test_a_stalled_iteration_is_finished_or_reported(monkeypatch, caplog):
    up, down = np.full(400, 0.5), np.full(400, 0.5)
    up[-1] = down[0] = 0.0
    hard = line(up, down)
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
    # Mean times of a random walk with a reflecting end: t_i = i (2 n + 1 - i) with n states, here to rounding times the longest of them.
    i = np.arange(1, 400)
    np.testing.assert_allclose(found.x[:, 0], i * (2 * 399 + 1 - i) / 1.0, rtol=1e-5)

"""Absorption probabilities and times and stationary distributions, against closed forms and dense solutions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from landscape.markov import linear_solver
from landscape.markov.absorption import (
    absorption_probabilities,
    committor_chain,
    communicating_classes,
    mean_absorption_time,
    stationary_distribution,
)
from tests.markov.chains import birth_death, random_chain


def test_gamblers_ruin():
    n, p = 41, 0.53
    chain, steps = birth_death(np.full(n, p), np.full(n, 1 - p))

    won = absorption_probabilities(steps, {"ruin": [0], "win": [n - 1]})
    time = mean_absorption_time(steps, [0, n - 1])

    exact = chain.committor(0, n - 1)
    np.testing.assert_allclose(won.probabilities[:, 1], exact, atol=1e-12)
    # A game wins 2 p - 1 on average, and n - 1 or nothing in the end (Wald).
    np.testing.assert_allclose(time.time, ((n - 1) * exact - np.arange(n)) / (2 * p - 1), rtol=1e-10, atol=1e-12)
    assert won.converged
    assert time.converged
    assert won.names == ("ruin", "win")


@pytest.mark.parametrize("seed", range(3))
def test_sparse_solution_is_the_dense_one_and_the_iteration_is_the_factorisation(seed, monkeypatch):
    chain = random_chain(300, seed=seed)
    sets = {"a": [0, 1], "b": np.arange(300) == 77, "c": [200]}
    exact = absorption_probabilities(chain, sets)
    inside = np.setdiff1d(np.arange(300), [0, 1, 77, 200])
    dense = chain.toarray()
    system = np.eye(len(inside)) - dense[np.ix_(inside, inside)]
    right = np.stack([dense[np.ix_(inside, m)].sum(1) for m in ([0, 1], [77], [200])], 1)
    np.testing.assert_allclose(exact.probabilities[inside], np.linalg.solve(system, right), atol=1e-12)
    assert exact.method == "lu"

    monkeypatch.setattr(linear_solver, "SMALL", 0)
    iterated = absorption_probabilities(chain, sets)
    assert iterated.method == "bicgstab"
    assert iterated.converged
    # An error is at most the residual times the longest mean absorption time.
    bound = iterated.residual * np.nanmax(mean_absorption_time(chain, [0, 1, 77, 200]).time)
    np.testing.assert_allclose(iterated.probabilities, exact.probabilities, atol=max(bound, 1e-13))


def test_states_that_reach_no_set_are_nan_and_what_is_not_absorbed_is_kept():
    # 0 and 1 absorb; 2 reaches both and the closed class {4, 5}; 3 only that class.
    dense = np.array(
        [[1, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0], [0.2, 0.3, 0.1, 0, 0.4, 0],
         [0, 0, 0, 0.5, 0.5, 0], [0, 0, 0, 0, 0.2, 0.8], [0, 0, 0, 0, 0.7, 0.3]]
    )  # fmt: skip
    chain = sparse.csr_array(dense)
    found = absorption_probabilities(chain, {"x": [0], "y": [1]})
    np.testing.assert_allclose(found.probabilities[2], [2 / 9, 3 / 9], rtol=1e-12)
    np.testing.assert_allclose(found.unabsorbed, [0, 0, 4 / 9, 1, 1, 1], rtol=1e-12)
    assert found.n_unreachable == 3
    assert np.isnan(found.probabilities[3:]).all()
    assert found.row_sum_error < 1e-12
    time = mean_absorption_time(chain, [0, 1])
    np.testing.assert_array_equal(np.isnan(time.time), [False, False, True, True, True, True])
    assert time.n_undefined == 4
    np.testing.assert_allclose(mean_absorption_time(chain, [4]).time[[3, 4, 5]], [2, 0, 1 / 0.7])


def test_communicating_classes_and_the_distribution_on_the_only_closed_one():
    dense = np.array([[0.5, 0.5, 0, 0], [0, 0.4, 0.6, 0], [0, 0, 0.2, 0.8], [0, 0, 0.4, 0.6]])
    classes = communicating_classes(sparse.csr_array(dense))
    assert len(classes.closed) == 3
    assert classes.n_closed == 1
    assert classes.closed[classes.labels[2]]
    assert classes.labels[2] == classes.labels[3]
    np.testing.assert_allclose(
        stationary_distribution(sparse.csr_array(dense)).distribution, [0, 0, 1 / 3, 2 / 3], atol=1e-14
    )
    with pytest.raises(ValueError, match="one closed class, found 2.*communicating_classes"):
        stationary_distribution(sparse.eye_array(2, format="csr"))


@given(st.integers(0, 10_000), st.integers(5, 40))
@settings(max_examples=30)
def test_probabilities_are_harmonic_and_sum_to_one(seed, n):
    chain = random_chain(n, seed=seed)
    found = absorption_probabilities(chain, {"a": [0], "b": [n // 2], "c": [n - 1]})
    np.testing.assert_allclose(found.probabilities.sum(1), 1, atol=1e-10)
    inside = np.setdiff1d(np.arange(n), [0, n // 2, n - 1])
    np.testing.assert_allclose((chain @ found.probabilities)[inside], found.probabilities[inside], atol=1e-10)
    steady = stationary_distribution(chain).distribution
    np.testing.assert_allclose(steady @ chain, steady, atol=1e-12)
    order = np.random.default_rng(seed).permutation(n)
    back = np.argsort(order)
    sets = {"a": [back[0]], "b": [back[n // 2]], "c": [back[n - 1]]}
    shuffled = absorption_probabilities(chain[order][:, order], sets)
    np.testing.assert_allclose(shuffled.probabilities, found.probabilities[order], atol=1e-9)


def test_float32_kernels_and_stored_zeros_are_taken_as_they_are():
    chain = random_chain(200, seed=5)
    rough = sparse.csr_matrix(chain.astype(np.float32))
    exact = committor_chain(chain, [0], [100]).probabilities
    found = committor_chain(rough, [0], [100])
    assert found.row_sum_error < 1e-12
    np.testing.assert_allclose(found.probabilities, exact, atol=1e-5)  # 2^-24 per entry, some 1e2 steps
    dense = np.array([[1.0, 0.0], [0.0, 1.0]])
    stored = sparse.csr_array((dense.ravel(), ([0, 0, 1, 1], [0, 1, 0, 1])), shape=(2, 2))
    assert absorption_probabilities(stored, {"a": [0]}).n_unreachable == 1


def test_inputs_are_left_alone():
    chain = random_chain(20, seed=2)
    before = chain.copy()
    absorption_probabilities(chain, {"a": [0]})
    stationary_distribution(chain)
    np.testing.assert_array_equal(chain.toarray(), before.toarray())


@pytest.mark.parametrize("half", [6, 10, 12])
def test_ends_that_are_reached_rarely_keep_their_ratio(half):
    # Gambler's ruin against a drift to the middle: an end is reached after some 9^half steps.
    n = 2 * half
    up = np.where(np.arange(n + 1) < half, 0.9, 0.1)
    up[half] = 0.6
    chain, steps = birth_death(up, 1 - up)
    exact = chain.committor(0, n)
    found = absorption_probabilities(steps, {"low": [0], "high": [n]})
    # Mean time to either end: the time to 0, less that from n to 0 where n comes first.
    to_low = np.array([chain.mean_passage_time(i, 0) for i in range(n + 1)])
    longest = (to_low - exact * to_low[n]).max()
    # (I - Q)^-1 has no negative entry and its rows sum to the mean times to an end: an answer errs by at most the longest of
    # them times the residual. In whatever order a kernel adds, refinement leaves 2 (3 + 1) roundings of 2^-53, of |I - Q| x
    # <= 2 with 3 entries in a row (Higham 2002, chapter 12), which is 8 eps; the entries themselves are rounded too.
    bound = 10 * np.finfo(float).eps * longest
    np.testing.assert_allclose(found.probabilities[:, 1], exact, rtol=0, atol=bound)
    # Each column may err by as much in either direction; the sum is exact afterwards, however far off it was.
    assert found.row_sum_error <= 2 * bound
    np.testing.assert_allclose(found.probabilities.sum(1), 1.0, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("n", "converged"), [(20, True), (100, True), (160, False), (200, False), (300, False)])
def test_times_beyond_the_digits_of_a_number_are_not_called_converged(n, converged):
    up, down = 0.45, 0.55
    chain = sparse.diags_array(
        [np.r_[np.full(n - 1, down), 0.0], np.r_[1.0, np.full(n - 1, up)]], offsets=[-1, 1], shape=(n + 1, n + 1)
    )
    chain = sparse.csr_array(chain + sparse.diags_array(1 - np.asarray(chain.sum(1)).ravel()))
    found = mean_absorption_time(chain, [n])
    assert found.converged is converged
    if converged:
        # First steps: h_k = 1 + (down / up) (1 + h_{k-1} ...) in closed form for a walk that is reflected at 0.
        step, total = 1.0, 0.0
        for _ in range(n):
            total += step
            step = 1 / up + down / up * step
        assert found.time[0] == pytest.approx(total, rel=1e-3)

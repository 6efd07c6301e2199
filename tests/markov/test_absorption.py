import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from landscape.markov import linear_solver, multilevel
from landscape.markov.absorption import (
    absorption_probabilities,
    committor_chain,
    communicating_classes,
    mean_absorption_time,
    stationary_distribution,
)
from landscape.markov.reactive_flux import transition_path_flux
from landscape.markov.transitions import row_stochastic
from landscape.systems import BirthDeathChain


def random_chain(n, *, seed, degree=6):
    """Irreducible chain: random links, and a ring so that every state reaches every other."""
    rng = np.random.default_rng(seed)
    weights = sparse.random_array((n, n), density=min(1, degree / n), rng=rng, format="csr")
    ring = sparse.csr_array((np.full(n, 0.05), (np.arange(n), (np.arange(n) + 1) % n)), shape=(n, n))
    links = sparse.csr_array(weights + ring + 0.1 * sparse.eye_array(n))
    return sparse.csr_array(sparse.diags_array(1 / links.sum(1)) @ links)


def birth_death(birth, death):
    """Birth-death chain from probabilities of a step up and down, and its matrix of transitions of one step."""
    birth, death = birth.copy(), death.copy()
    birth[-1] = death[0] = 0.0
    chain = BirthDeathChain(birth, death)
    return chain, sparse.csr_array(sparse.eye_array(len(birth)) + chain.generator())


def test_gamblers_ruin():
    n, p = 41, 0.53
    chain, walk = birth_death(np.full(n, p), np.full(n, 1 - p))

    won = absorption_probabilities(walk, {"ruin": [0], "win": [n - 1]})
    time = mean_absorption_time(walk, [0, n - 1])

    exact = chain.committor(0, n - 1)
    np.testing.assert_allclose(won.probabilities[:, 1], exact, atol=1e-12)
    # A game wins 2 p - 1 on average, and n - 1 or nothing in the end (Wald).
    np.testing.assert_allclose(time.time, ((n - 1) * exact - np.arange(n)) / (2 * p - 1), rtol=1e-10, atol=1e-12)
    assert won.converged
    assert time.converged
    assert won.names == ("ruin", "win")


def test_birth_death_chain_stationary_distribution_committor_and_flux():
    n, a, b = 30, 4, 22
    chain, walk = birth_death(*np.random.default_rng(0).uniform(0.1, 0.5, (2, n)))
    pi, q, total = chain.stationary(), chain.committor(a, b), chain.transition_rate(a, b)

    flux = transition_path_flux(walk, np.arange(a + 1), np.arange(b, n))

    np.testing.assert_allclose(flux.stationary, pi, rtol=1e-10)
    np.testing.assert_allclose(flux.forward, q, atol=1e-12)
    np.testing.assert_allclose(flux.backward, 1 - q, atol=1e-10)
    assert flux.total == pytest.approx(total, rel=1e-9)
    assert flux.rate == pytest.approx(total / (pi @ (1 - q)), rel=1e-9)
    # The net flux runs from each state to the next, the same everywhere between A and B.
    np.testing.assert_allclose(flux.net.diagonal(1)[a:b], total, rtol=1e-8)
    assert abs(flux.net.diagonal(-1)).max() < 1e-12
    assert flux.converged


def test_rate_is_the_inverse_of_the_passage_time_without_detailed_balance():
    walk = random_chain(60, seed=3)
    start, end = [4], [31]
    flux = transition_path_flux(walk, start, end)
    # For a single start state, 1 / k_AB is the mean first passage time by renewal.
    assert 1 / flux.rate == pytest.approx(mean_absorption_time(walk, end).time[4], rel=1e-8)
    assert np.abs(flux.forward + flux.backward - 1).max() > 0.01  # the chain is not reversible


@pytest.mark.parametrize("seed", range(3))
def test_sparse_solution_is_the_dense_one_and_the_iteration_is_the_factorisation(seed, monkeypatch):
    walk = random_chain(300, seed=seed)
    sets = {"a": [0, 1], "b": np.arange(300) == 77, "c": [200]}
    exact = absorption_probabilities(walk, sets)
    inside = np.setdiff1d(np.arange(300), [0, 1, 77, 200])
    dense = walk.toarray()
    system = np.eye(len(inside)) - dense[np.ix_(inside, inside)]
    right = np.stack([dense[np.ix_(inside, m)].sum(1) for m in ([0, 1], [77], [200])], 1)
    np.testing.assert_allclose(exact.probabilities[inside], np.linalg.solve(system, right), atol=1e-12)
    assert exact.method == "lu"

    monkeypatch.setattr(linear_solver, "SMALL", 0)
    iterated = absorption_probabilities(walk, sets)
    assert iterated.method == "bicgstab"
    assert iterated.converged
    # An error is at most the residual times the longest mean absorption time.
    bound = iterated.residual * np.nanmax(mean_absorption_time(walk, [0, 1, 77, 200]).time)
    np.testing.assert_allclose(iterated.probabilities, exact.probabilities, atol=max(bound, 1e-13))


def test_a_stalled_iteration_is_finished_or_reported(monkeypatch, caplog):
    chain, hard = birth_death(np.full(400, 0.5), np.full(400, 0.5))
    monkeypatch.setattr(linear_solver, "SMALL", 0)
    monkeypatch.setattr(linear_solver, "PLANAR", 0)
    monkeypatch.setattr(multilevel, "COARSEST", 10)
    monkeypatch.setattr(linear_solver, "RESTART", 2)
    system = sparse.csr_array(sparse.eye_array(399) - hard[1:][:, 1:])
    saved = linear_solver.solve(system, np.ones((399, 1)), max_iterations=1)
    assert saved.method == "lu"
    assert saved.converged
    monkeypatch.setattr(linear_solver, "DIRECT", 0)
    lost = linear_solver.solve(system, np.ones((399, 1)), max_iterations=1)
    assert lost.method == "gmres"
    assert not lost.converged
    assert lost.residual > 1e-3
    assert "a linear system of 399 unknowns is solved to residual" in caplog.text
    found = linear_solver.solve(system, np.ones((399, 1)))
    assert found.converged
    assert found.method == "bicgstab"
    exact = [chain.mean_passage_time(i, 0) for i in range(1, 400)]
    # An error is at most the longest of these times, 1.6e5, times the residual: 1e-10, known to 5 roundings of 1.6e5 each.
    np.testing.assert_allclose(found.x[:, 0], exact, rtol=0, atol=1e-9 * max(exact))


def test_states_that_reach_no_set_are_nan_and_leaks_are_not_scaled_up():
    # 0 and 1 absorb; 2 reaches both and the trap {4, 5}; 3 only the trap.
    dense = np.array(
        [[1, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0], [0.2, 0.3, 0.1, 0, 0.4, 0],
         [0, 0, 0, 0.5, 0.5, 0], [0, 0, 0, 0, 0.2, 0.8], [0, 0, 0, 0, 0.7, 0.3]]
    )  # fmt: skip
    walk = sparse.csr_array(dense)
    found = absorption_probabilities(walk, {"x": [0], "y": [1]})
    np.testing.assert_allclose(found.probabilities[2], [2 / 9, 3 / 9], rtol=1e-12)
    np.testing.assert_allclose(found.lost, [0, 0, 4 / 9, 1, 1, 1], rtol=1e-12)
    assert found.n_unreachable == 3
    assert np.isnan(found.probabilities[3:]).all()
    assert found.row_sum_error < 1e-12
    time = mean_absorption_time(walk, [0, 1])
    np.testing.assert_array_equal(np.isnan(time.time), [False, False, True, True, True, True])
    assert time.n_undefined == 4
    np.testing.assert_allclose(mean_absorption_time(walk, [4]).time[[3, 4, 5]], [2, 0, 1 / 0.7])


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
    walk = random_chain(n, seed=seed)
    found = absorption_probabilities(walk, {"a": [0], "b": [n // 2], "c": [n - 1]})
    np.testing.assert_allclose(found.probabilities.sum(1), 1, atol=1e-10)
    inside = np.setdiff1d(np.arange(n), [0, n // 2, n - 1])
    np.testing.assert_allclose((walk @ found.probabilities)[inside], found.probabilities[inside], atol=1e-10)
    steady = stationary_distribution(walk).distribution
    np.testing.assert_allclose(steady @ walk, steady, atol=1e-12)
    order = np.random.default_rng(seed).permutation(n)
    back = np.argsort(order)
    sets = {"a": [back[0]], "b": [back[n // 2]], "c": [back[n - 1]]}
    shuffled = absorption_probabilities(walk[order][:, order], sets)
    np.testing.assert_allclose(shuffled.probabilities, found.probabilities[order], atol=1e-9)


def test_labels_and_masks_name_the_same_sets():
    walk = random_chain(12, seed=1)
    labels = np.full(12, None, dtype=object)
    labels[[2, 3]], labels[7], labels[8], labels[9] = "left", "right", np.nan, ""
    by_label = absorption_probabilities(walk, labels)
    by_index = absorption_probabilities(walk, {"left": [3, 2], "right": np.arange(12) == 7})
    assert by_label.names == by_index.names == ("left", "right")
    np.testing.assert_array_equal(by_label.probabilities, by_index.probabilities)


def test_float32_kernels_and_stored_zeros_are_taken_as_they_are():
    walk = random_chain(200, seed=5)
    rough = sparse.csr_matrix(walk.astype(np.float32))
    exact = committor_chain(walk, [0], [100]).probabilities
    found = committor_chain(rough, [0], [100])
    assert found.row_sum_error < 1e-12
    np.testing.assert_allclose(found.probabilities, exact, atol=1e-5)  # 2^-24 per entry, some 1e2 steps
    dense = np.array([[1.0, 0.0], [0.0, 1.0]])
    stored = sparse.csr_array((dense.ravel(), ([0, 0, 1, 1], [0, 1, 0, 1])), shape=(2, 2))
    assert absorption_probabilities(stored, {"a": [0]}).n_unreachable == 1


@pytest.mark.parametrize(
    ("absorbing", "message"),
    [
        ({}, "at least one absorbing set"),
        ({"a": []}, "'a' is empty"),
        ({"a": [0, 1], "b": [1]}, "'a' and 'b' share 1 states"),
        ({"a": [9]}, "between 0 and 4 in 'a', found 9 to 9"),
        ({"a": [-1]}, "between 0 and 4"),
        ({"a": np.array([True, False])}, "mask of 5 states"),
        (["x", None], "one label for each of the 5 states"),
    ],
)
def test_absorbing_sets_are_checked(absorbing, message):
    with pytest.raises(ValueError, match=message):
        absorption_probabilities(random_chain(5, seed=0), absorbing)


def test_matrices_are_checked():
    walk = random_chain(5, seed=0)
    with pytest.raises(TypeError, match="scipy sparse matrix, found ndarray"):
        absorption_probabilities(walk.toarray(), {"a": [0]})
    with pytest.raises(ValueError, match=r"shape \(n, n\), found \(4, 5\)"):
        absorption_probabilities(walk[:4], {"a": [0]})
    with pytest.raises(ValueError, match="sum to 1, found 5 that do not, such as row .* with 2; divide"):
        absorption_probabilities(2 * walk, {"a": [0]})
    with pytest.raises(ValueError, match="of at least 0, found -1"):
        absorption_probabilities(walk - 2 * sparse.eye_array(5), {"a": [0]})
    with pytest.raises(ValueError, match="finite transition probabilities, found"):
        absorption_probabilities(walk * np.nan, {"a": [0]})
    broken = sparse.csr_array(np.array([[0.5, 0.5, 0], [0, 0.5, 0.5], [0, 0.5, 0.5]]))
    with pytest.raises(ValueError, match="1 states without stationary weight"):
        transition_path_flux(broken, [1], [2])


def test_inputs_are_left_alone():
    walk = random_chain(20, seed=2)
    before = walk.copy()
    absorption_probabilities(walk, {"a": [0]})
    stationary_distribution(walk)
    np.testing.assert_array_equal(walk.toarray(), before.toarray())
    assert row_stochastic(walk) is not walk


@pytest.mark.parametrize("half", [6, 10, 12])
def test_ends_that_are_reached_rarely_keep_their_ratio(half):
    # Gambler's ruin against a drift to the middle: an end is reached after some 9^half steps.
    n = 2 * half
    up = np.where(np.arange(n + 1) < half, 0.9, 0.1)
    up[half] = 0.6
    chain, walk = birth_death(up, 1 - up)
    found = absorption_probabilities(walk, {"low": [0], "high": [n]})
    exact = chain.committor(0, n)
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

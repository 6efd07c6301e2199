"""The regulatory drift against its formula and against finite differences."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from landscape.dynamics import RegulatoryDrift, evaluate, jacobian


def network(seed: int = 0, n: int = 5, held: dict[int, float] | None = None) -> RegulatoryDrift:
    rng = np.random.default_rng(seed)
    return RegulatoryDrift.from_arrays(
        rng.normal(0, 3, (n, n)),
        bias=rng.normal(size=n),
        ceiling=rng.uniform(0.5, 2, n),
        decay=rng.uniform(0.5, 2, n),
        threshold=rng.uniform(0.2, 0.8, n),
        hill=rng.uniform(1, 5, n),
        signal=rng.normal(size=n),
        held=held,
    )


def states(n: int, d: int = 5, seed: int = 1) -> torch.Tensor:
    return torch.as_tensor(np.random.default_rng(seed).uniform(0.05, 1.5, (n, d)))


def test_value_is_the_formula():
    drift, x = network(), states(3)
    for row, velocity in zip(x.numpy(), drift(x).numpy(), strict=True):
        for i in range(5):
            h = float(drift.bias[i] + drift.signal[i])
            for j in range(5):
                k, n = float(drift.threshold[j]), float(drift.hill[j])
                h += float(drift.weights[i, j]) * row[j] ** n / (k**n + row[j] ** n)
            expected = float(drift.ceiling[i]) / (1 + np.exp(-h)) - float(drift.decay[i]) * row[i]
            assert velocity[i] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("held", [{}, {1: 0.4}, {0: 0.0, 3: 1.2}])
def test_jacobian_is_the_slope_of_the_value(held):
    drift, x, step = network(held=held), states(4), 1e-5
    exact = drift.jacobian(x)
    for j in range(5):
        side = step * torch.eye(5, dtype=torch.float64)[j]
        # Central differences: step^2 / 6 times a third derivative below 1e3, and rounding over the step.
        np.testing.assert_allclose(exact[:, :, j], (drift(x + side) - drift(x - side)) / (2 * step), atol=1e-7)
    np.testing.assert_allclose(exact, jacobian(lambda y: drift(y), x), atol=1e-12)
    np.testing.assert_allclose(exact + torch.diag(drift.decay), drift.active_network(x), atol=1e-14)


def test_active_network_is_the_weights_between_two_slopes():
    drift, x = network(), states(2)
    s = torch.sigmoid(drift.input(x))
    expected = (drift.ceiling * s * (1 - s))[:, :, None] * drift.weights * drift.response_slope(x)[:, None, :]
    np.testing.assert_allclose(drift.active_network(x), expected, rtol=1e-14)


def test_a_held_gene_answers_with_its_level_and_relaxes_to_it():
    drift, x = network(), states(3)
    held = drift.held_at({2: 0.7})
    at_level = x.clone()
    at_level[:, 2] = 0.7
    others = [0, 1, 3, 4]
    np.testing.assert_allclose(held(x)[:, others], drift(at_level)[:, others] + drift.decay[others] * 0, atol=1e-14)
    np.testing.assert_allclose(held(x)[:, 2], drift.decay[2] * (0.7 - x[:, 2]), atol=1e-14)
    # What the held gene itself does is nothing to its targets.
    moved = x.clone()
    moved[:, 2] += 0.5
    np.testing.assert_array_equal(held(x)[:, others], held(moved)[:, others])


def test_a_knock_out_equals_the_network_without_the_gene():
    drift, x = network(), states(3)
    kept = [0, 2, 3, 4]
    smaller = RegulatoryDrift(
        drift.weights[kept][:, kept],
        *(getattr(drift, v)[kept] for v in ("bias", "ceiling", "decay", "threshold", "hill", "signal")),
    )
    np.testing.assert_allclose(drift.knocked_out([1])(x)[:, kept], smaller(x[:, kept]), atol=1e-14)


def test_perturbations_add_up_and_leave_the_drift_alone():
    drift = network()
    assert drift.held_at({0: 1.0}).knocked_out([3]).held == {0: 1.0, 3: 0.0}
    assert drift.knocked_out([0]).held_at({0: 0.5}).held == {0: 0.5}
    assert drift.held == {}


def test_a_signal_enters_beside_the_bias():
    drift, x = network(), states(2)
    shifted = drift.with_signal(np.zeros(5))
    moved = RegulatoryDrift(**{**vars(shifted), "bias": drift.bias + drift.signal})
    np.testing.assert_allclose(drift(x), moved(x), atol=1e-14)


@settings(max_examples=30)
@given(st.integers(0, 1000), st.floats(-1, 3))
def test_production_is_bounded_and_negative_states_are_off(seed, level):
    drift = network(seed)
    x = torch.full((1, 5), level, dtype=torch.float64)
    made = drift.production(x)
    assert ((made >= 0) & (made <= drift.ceiling)).all()
    assert torch.isfinite(drift.jacobian(x)).all()
    if level < 0:
        np.testing.assert_array_equal(made, drift.production(torch.zeros(1, 5, dtype=torch.float64)))


def test_below_zero_nothing_responds_and_at_zero_the_slope_is_that_from_above():
    drift = RegulatoryDrift.from_arrays(np.array([[1.0, -2.0], [3.0, 0.5]]), threshold=[0.5, 0.25], hill=[1.0, 1.0])
    below, at = torch.full((1, 2), -0.1, dtype=torch.float64), torch.zeros(1, 2, dtype=torch.float64)
    np.testing.assert_array_equal(drift.response_slope(below), [[0.0, 0.0]])
    np.testing.assert_array_equal(drift.jacobian(below), -torch.diag(drift.decay)[None])
    np.testing.assert_allclose(drift.response_slope(at), [[2.0, 4.0]])  # 1 / k
    mixed = torch.tensor([[-0.1, 0.3]], dtype=torch.float64)
    np.testing.assert_allclose(drift.jacobian(mixed), jacobian(lambda y: drift(y), mixed), atol=1e-14)


@settings(max_examples=50)
@given(st.integers(0, 1000), st.sampled_from([1.0, 2.0, 3.5, 4.0, 8.0]), st.sets(st.integers(0, 4), max_size=2))
def test_the_written_jacobian_is_that_of_autodiff_at_any_state(seed, hill, held):
    rng = np.random.default_rng(seed)
    drift = RegulatoryDrift.from_arrays(
        rng.normal(0, 3, (5, 5)), bias=rng.normal(size=5), threshold=rng.uniform(0.2, 0.8, 5), hill=hill,
        decay=rng.uniform(0.5, 2, 5), held=dict.fromkeys(held, 0.4),
    )  # fmt: skip
    x = torch.as_tensor(rng.uniform(-0.5, 1.5, (3, 5)))
    np.testing.assert_allclose(drift.jacobian(x), jacobian(lambda y: drift(y), x), rtol=1e-9, atol=1e-11)


def test_autodiff_of_a_plain_callable_is_exact():
    def field(x):
        return torch.stack([x[:, 0] * x[:, 1], x[:, 0].sin()], 1)

    x = states(3, 2)
    a, b = x[:, 0], x[:, 1]
    expected = torch.stack([torch.stack([b, a], 1), torch.stack([a.cos(), 0 * a], 1)], 1)
    np.testing.assert_allclose(jacobian(field, x), expected, atol=1e-15)


def test_autodiff_works_inside_no_grad():
    with torch.no_grad():
        np.testing.assert_allclose(jacobian(lambda x: x**2, torch.ones(1, 1, dtype=torch.float64)), [[[2.0]]])


@pytest.mark.parametrize(
    ("field", "message"),
    [
        (lambda x: -x.detach(), "breaks automatic differentiation"),
        (lambda x: torch.as_tensor(-x.detach().numpy()), "breaks automatic differentiation"),
        (lambda x: torch.as_tensor(-x.numpy()), "breaks automatic differentiation"),
        (lambda x: x[:, :1], "map shape"),
        (lambda x: x / 0, "not finite at 2 of 2 states"),
    ],
    ids=["detach", "numpy", "numpy-of-grad", "shape", "infinite"],
)
def test_bad_drifts_are_named(field, message):
    with pytest.raises(ValueError, match=message):
        jacobian(field, torch.ones(2, 2, dtype=torch.float64))


def test_a_drift_that_returns_no_tensor_is_named():
    with pytest.raises(TypeError, match="return a torch.Tensor, found list"):
        evaluate(lambda x: [1.0], torch.ones(1, 1))


@pytest.mark.parametrize(
    ("weights", "options", "message"),
    [
        (np.zeros((2, 3)), {}, r"`weights` of shape \(d, d\), found \(2, 3\)"),
        (np.full((2, 2), np.nan), {}, "`weights` has 4 values that are not finite"),
        (np.zeros((2, 2)), {"bias": [0.0, np.nan]}, "`bias` has 1 values that are not finite"),
        (np.zeros((2, 2)), {"decay": 0.0}, "`decay` to be positive, found 0.0"),
        (np.zeros((2, 2)), {"threshold": -1.0}, "`threshold` to be positive, found -1.0"),
        (np.zeros((2, 2)), {"ceiling": -1.0}, "`ceiling` to be"),
        (np.zeros((2, 2)), {"hill": 0.5}, "`hill` to be at least 1, found 0.5"),
        (np.zeros((2, 2)), {"held": {2: 0.0}}, r"held genes between 0 and 1, found \[2\]"),
        (np.zeros((2, 2)), {"held": {0: np.nan}}, "finite levels of held genes"),
    ],
    ids=["shape", "nan-weights", "nan", "decay", "threshold", "ceiling", "hill", "held", "level"],
)
def test_bad_parameters_are_named(weights, options, message):
    with pytest.raises(ValueError, match=message):
        RegulatoryDrift.from_arrays(weights, **options)


@pytest.mark.parametrize("hill", [2.0, 4.0])
def test_usual_hill_coefficients_take_a_faster_way_to_the_same_numbers(hill):
    x = torch.linspace(-0.5, 1.5, 30, dtype=torch.float64).reshape(-1, 3).requires_grad_(True)
    fast = RegulatoryDrift.from_arrays(np.eye(3), hill=hill).response(x)
    # One coefficient that differs in the last place sends all of them the general way.
    slow = RegulatoryDrift.from_arrays(np.eye(3), hill=np.array([hill, hill, np.nextafter(hill, 9)])).response(x)
    torch.testing.assert_close(fast, slow, rtol=1e-12, atol=1e-14)
    (one,), (other,) = (torch.autograd.grad(part.sum(), x) for part in (fast, slow))
    torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-14)

"""The model record: what it knows of itself, and that it does what its parts do."""

from __future__ import annotations

import doctest

import numpy as np
import pytest
import torch

import landscape as ls
import landscape.dynamics.model
from landscape.dynamics import Model, RegulatoryDrift, simulate


@pytest.fixture
def toggle() -> Model[RegulatoryDrift]:
    weights = np.array([[0.0, -8.0], [-8.0, 0.0]])
    drift = RegulatoryDrift.from_arrays(weights, bias=2.0, decay=[1.0, 1.5], threshold=0.5, hill=4.0)
    return Model(drift, 0.01, ("A", "B"), np.array([2.0, 3.0]))


def test_a_model_is_a_drift_with_its_jacobian(toggle):
    x = torch.rand(7, 2, dtype=torch.float64)
    torch.testing.assert_close(toggle(x), toggle.drift(x), rtol=0, atol=0)
    torch.testing.assert_close(toggle.jacobian(x), toggle.drift.jacobian(x), rtol=0, atol=0)


def test_topography_takes_a_model_as_it_takes_its_drift(toggle):
    starts = torch.rand(30, 2, dtype=torch.float64)
    of_model, of_drift = (ls.topography.fixed_points(f, starts, rng=0) for f in (toggle, toggle.drift))
    np.testing.assert_array_equal([p.x for p in of_model], [p.x for p in of_drift])
    stable = [p.x for p in of_model if p.stability == "stable"]
    assert len(stable) == 2
    paths = [ls.topography.minimum_action(f, *stable, diffusion=0.01, n_points=40) for f in (toggle, toggle.drift)]
    assert paths[0].action == paths[1].action


def test_the_step_is_a_fifth_of_the_shortest_lifetime(toggle):
    assert toggle.step == pytest.approx(0.2 / 1.5)
    assert toggle.step_within(0.03) == 0.03
    assert toggle.step_within(10.0) == toggle.step
    # Ten units of time hold fifteen of the shortest lifetimes, five steps each.
    assert toggle.n_steps(10.0) == 75
    given = Model(toggle.drift, 0.01, max_step=0.25)
    assert (given.step, given.n_steps(1.1)) == (0.25, 5)


def test_a_field_without_lifetimes_needs_a_step():
    def ring(x: torch.Tensor) -> torch.Tensor:
        return torch.stack([x[:, 1], -x[:, 0]], dim=1)

    with pytest.raises(ValueError, match="no decay rates that give a time step; pass `max_step`"):
        _ = Model(ring, 0.1).step
    model = Model(ring, 0.1, lower=None, max_step=0.1)
    path = model.simulate(torch.ones(3, 2, dtype=torch.float64), duration=1.0, rng=2)
    expected = simulate(ring, torch.ones(3, 2, dtype=torch.float64), diffusion=0.1, duration=1.0, step=0.1, rng=2)
    torch.testing.assert_close(path.states, expected.states, rtol=0, atol=0)
    with pytest.raises(TypeError, match="whose genes can be clamped"):
        model.held_at({0: 0.0})


def test_an_ensemble_is_that_of_the_drift_with_the_noise_the_step_and_the_bound(toggle):
    start = torch.rand(50, 2, dtype=torch.float64)
    path = toggle.simulate(start, duration=2.0, save_at=[0.0, 1.0, 2.0], rng=4)
    expected = simulate(
        toggle.drift, start, diffusion=0.01, duration=2.0, step=toggle.step, lower=0.0, save_at=[0.0, 1.0, 2.0], rng=4
    )
    torch.testing.assert_close(path.states, expected.states, rtol=0, atol=0)
    assert (path.states >= 0).all()
    steps = toggle.integrate(start, rng=4)
    for _ in range(round(2.0 / toggle.step)):
        last = next(steps)
    torch.testing.assert_close(last, path.states[-1], rtol=0, atol=0)


def test_genes_are_held_by_name_and_by_position(toggle):
    by_name, by_position = toggle.held_at({"B": 0.5}), toggle.held_at({1: 0.5})
    assert by_name.drift.held == by_position.drift.held == {1: 0.5}
    assert toggle.drift.held == {}
    assert toggle.knocked_out(["A"]).held_at({"B": 1.0}).drift.held == {0: 0.0, 1: 1.0}
    states = torch.full((3, 2), 0.7, dtype=torch.float64)
    clamped = by_name.clamped(states)
    assert clamped[:, 1].tolist() == [0.5] * 3
    assert clamped[:, 0].tolist() == [0.7] * 3
    assert states[0, 1] == 0.7
    with pytest.raises(KeyError, match="one of .*'A', 'B'.*, found 'C'"):
        toggle.held_at({"C": 0.0})
    with pytest.raises(KeyError, match="a position: the model has no names, found 'A'"):
        Model(toggle.drift, 0.01).held_at({"A": 0.0})
    for position in (2, -1):
        with pytest.raises(IndexError, match=f"between 0 and 1, found {position}"):
            toggle.knocked_out([position])


def test_states_may_be_an_array_and_must_have_the_variables_of_the_model(toggle):
    start = np.random.default_rng(0).random((4, 2))
    of_array, of_tensor = (toggle.simulate(s, duration=1.0, rng=1).states for s in (start, torch.as_tensor(start)))
    assert torch.equal(of_array, of_tensor)
    assert torch.equal(next(toggle.integrate(start, rng=1)), next(toggle.integrate(torch.as_tensor(start), rng=1)))
    for wrong in (start[:, :1], start[0]):
        with pytest.raises(ValueError, match=r"states of shape \(n, 2\), found"):
            toggle.simulate(wrong, duration=1.0)


def test_the_representation_has_the_names_the_noise_and_the_step_and_no_arrays(toggle):
    assert repr(toggle) == "Model(2 variables: A, B; diffusion 0.01, lower 0.0, step 0.133)"
    assert repr(toggle.held_at({"B": 0.5})).endswith("held B=0.5)")
    plain = Model(lambda x: -x, np.array([0.1, 0.2]), lower=None)
    assert repr(plain) == "Model(variables; diffusion ndarray, lower None)"


def test_the_examples_of_the_docstring_hold():
    found = doctest.testmod(landscape.dynamics.model)
    assert found.attempted > 5
    assert found.failed == 0


def test_states_are_roots_of_expression_over_the_scale(toggle):
    np.testing.assert_allclose(toggle.expression([[1.0, 0.5]]), [[4.0, 2.25]])
    with pytest.raises(ValueError, match="has none"):
        Model(toggle.drift, 0.01).expression([[1.0, 0.5]])


def test_noise_that_is_one_number_can_be_asked_for(toggle):
    assert toggle.diffusion_constant == 0.01
    assert toggle.with_diffusion(None) is toggle
    with pytest.raises(TypeError, match="that is one number, found ndarray; set one"):
        _ = toggle.with_diffusion(np.array([0.1, 0.2])).diffusion_constant


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"regulators": ("A",)}, "a name for each of 2 variables, found 1"),
        ({"regulators": ("A", "A")}, "distinct names of variables, found ..A.. repeated"),
        ({"regulators": ("A", "B"), "scale": np.ones(3)}, "a scale for each of 2 variables, found shape"),
        ({"scale": np.ones(3)}, r"a scale for each of 2 variables, found shape \(3,\)"),
        ({"scale": np.array([1.0, -1.0])}, "finite and not negative, found -1.0"),
        ({"max_step": 0.0}, "`max_step` to be positive and finite, found 0"),
        ({"diffusion": 0.0}, "`diffusion` to be positive and finite, found 0.0"),
        ({"diffusion": np.inf}, "`diffusion` to be positive and finite, found inf"),
    ],
)
def test_what_does_not_match_is_refused(toggle, options, message):
    with pytest.raises(ValueError, match=message):
        Model(toggle.drift, **{"diffusion": 0.01} | options)

import numpy as np
import pytest
import torch

from landscape.systems import HuangToggle
from landscape.topography import barrier_rates, fixed_points, kramers_time, transition_network

TOGGLE = HuangToggle()
POINTS = TOGGLE.fixed_points()
WELLS = POINTS[[0, 2, 4]]


def test_toggle_chains_through_its_centre():
    found = transition_network(TOGGLE, WELLS, diffusion=0.1)
    np.testing.assert_array_equal(found.adjacency, [[0, 1, 0], [1, 0, 1], [0, 1, 0]])
    side, centre = 0.5619, 0.4418
    expected = [[0, side, side + centre], [centre, 0, centre], [side + centre, side, 0]]
    np.testing.assert_allclose(found.action, expected, rtol=1e-2)
    assert np.isnan(found.direct[0, 2])
    assert found.converged
    assert found.n_missing == 0
    assert sorted(round(p.saddle.x[0], 4) for p in found.transitions) == [0.4884, 1.5116]


def test_saddles_may_be_given_in_any_form_and_trusted():
    points = fixed_points(TOGGLE, WELLS + 0.1)
    states = POINTS[[1, 3]]
    by_point, by_state = (
        transition_network(TOGGLE, WELLS, diffusion=0.1, saddles=s, search=False) for s in (points.saddles, states)
    )
    np.testing.assert_allclose(by_point.action, by_state.action, rtol=1e-3)
    partial = transition_network(TOGGLE, WELLS, diffusion=0.1, saddles=states[:1], search=False)
    assert partial.n_missing == 4
    assert not partial.converged
    assert np.isnan(partial.action[0, 2])


def test_ways_that_did_not_converge_are_said_once(caplog):
    found = transition_network(TOGGLE, WELLS, diffusion=0.1, saddles=POINTS[[1, 3]], search=False, tolerance=1e-8)
    rough = [path for transition in found.transitions for path in transition.up if not path.converged]
    assert rough
    said = [record.getMessage() for record in caplog.records if "did not converge" in record.getMessage()]
    assert len(said) == 1
    assert said[0].startswith(f"{len(rough)} of 4 minimum-action paths did not converge")


def test_several_passes_between_two_attractors_add_rates_and_the_lowest_counts():
    # On a ring two ways lead from one side to the other: V = -cos(2 theta) + tilt, with unequal passes.
    def drift(x):
        u, v = x[:, 0], x[:, 1]
        r2 = u**2 + v**2
        # V = (r^2 - 1)^2 - u^2 / 2 - .02 v: wells near u = +-1, passes near v = +-1.
        return -torch.stack([4 * u * (r2 - 1) - u, 4 * v * (r2 - 1) - 0.02], 1)

    points = fixed_points(drift, [[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]])
    wells = np.array([p.x for p in points.stable])
    found = transition_network(drift, wells, diffusion=0.05, saddles=points.saddles)
    assert len(found.transitions) == 2
    assert sorted(found.transitions.index(p) for p in found.transitions) == [0, 1]  # told apart by identity

    def height(x):
        return (x @ x - 1) ** 2 - x[0] ** 2 / 2 - 0.02 * x[1]

    lowest, way = found.lowest(0, 1)
    assert lowest.saddle.x[1] > 0
    assert way.action == pytest.approx((height(lowest.saddle.x) - height(wells[0])) / 0.05, rel=1e-3)
    rates = barrier_rates(drift, found, diffusion=0.05)
    single = [kramers_time(drift, wells[0], p.saddle, diffusion=0.05).rate for p in found.transitions]
    assert rates.rates[0, 1] == pytest.approx(sum(single))
    assert min(single) > 0.05 * max(single)


def test_the_way_from_one_attractor_to_its_neighbour():
    found = transition_network(TOGGLE, WELLS, diffusion=0.1)
    path = found.path(1, 2, TOGGLE)
    np.testing.assert_allclose(path[[0, -1]], WELLS[[1, 2]], atol=1e-6)
    assert np.linalg.norm(path - POINTS[3], axis=1).min() < 1e-6
    with pytest.raises(ValueError, match="No direct transition joins attractors 0 and 2"):
        found.path(0, 2, TOGGLE)


def test_independent_switches_add_nothing_to_each_other():
    # Two double wells side by side with different heights: 4 attractors, an edge flips one switch at its barrier.
    scale = torch.tensor([1.0, 2.0], dtype=torch.float64)

    def drift(x):
        return scale * (x - x**3)

    wells = np.array([[a, b] for a in (-1, 1) for b in (-1, 1)], dtype=float)
    found = transition_network(drift, wells, diffusion=0.25, n_points=64)
    flips = wells[:, None] != wells[None]
    np.testing.assert_array_equal(found.adjacency, flips.sum(2) == 1)
    np.testing.assert_allclose(found.action, flips @ scale.numpy(), rtol=1e-3, atol=1e-9)


def test_a_path_over_attractors_that_were_not_given_beats_a_detour_over_those_that_were():
    # Five wells in a plane: 0 at the left, 1 at the right, the way between them leads over a middle well that is not
    # given; the chain over the two outer ones, at the top, has three high passes.
    centres = torch.tensor([[-2.0, 0], [2.0, 0], [0.0, 0], [-1.4, 2.4], [1.4, 2.4]], dtype=torch.float64)
    depth = torch.tensor([1.0, 1.0, 0.8, 1.0, 1.0], dtype=torch.float64)

    def drift(x):
        # Minus the gradient of .02 |x|^4 - sum of depth exp(-|x - c|^2 / .9).
        away = x[:, None] - centres
        pull = depth * torch.exp(-away.square().sum(2) / 0.9)
        return -0.08 * x * x.square().sum(1, keepdim=True) - (2 / 0.9) * (pull[:, :, None] * away).sum(1)

    points = fixed_points(drift, centres)
    wells = np.array([min((p.x for p in points.stable), key=lambda x: np.linalg.norm(x - c)) for c in centres.numpy()])
    whole = transition_network(drift, wells, diffusion=0.05, saddles=points.saddles, n_points=48)
    given = transition_network(drift, wells[[0, 1, 3, 4]], diffusion=0.05, n_points=48)
    chain = given.direct[0, 2] + given.direct[2, 3] + given.direct[3, 1]
    assert whole.action[0, 1] < 0.8 * chain
    assert given.action[0, 1] == pytest.approx(whole.action[0, 1], rel=0.02)
    assert given.lowest(0, 1)[0].saddle is None


def test_a_border_without_a_saddle_is_crossed_by_a_whole_path():
    # r' = r (1 - r) (r - 2): a stable point at 0, an unstable cycle at r = 1 around it, and a ring at r = 2 on which
    # theta' = 1 - 4 (r - 1) sin(theta) locks the angle at sin(theta) = 1/4.
    def drift(x):
        r = x.norm(dim=1, keepdim=True).clamp_min(1e-12)
        radial = -(r - 1) * (r - 2) * r
        angular = 1 - 4 * (r - 1).clamp_min(0) * x[:, 1:] / r
        turn = torch.cat([-x[:, 1:], x[:, :1]], 1)
        return radial * x / r + angular * turn

    angle = np.arcsin(0.25)
    wells = np.array([[0.0, 0.0], [2 * np.cos(angle), 2 * np.sin(angle)]])
    found = transition_network(drift, wells, diffusion=0.1)
    assert found.n_missing == 0
    assert found.transitions[0].saddle is None
    # Radial from 0 to the cycle at 1: S = int r (1 - r) (2 - r) dr / D = .25 / D; the rotation carries it round free.
    assert found.action[0, 1] == pytest.approx(2.5, rel=0.02)


@pytest.mark.parametrize("seed", range(2))
def test_barriers_of_a_mixed_network_with_curl(seed):
    # Two double wells u^2 of unequal height and ten stable directions, in rotated coordinates: f = -(1 + A) grad V with an
    # antisymmetric A has the quasi-potential V, whatever the curl.
    d, rng = 12, np.random.default_rng(seed)
    turn = torch.as_tensor(np.linalg.qr(rng.normal(size=(d, d)))[0])
    curl = rng.normal(size=(d, d)) / d**0.5
    mix = torch.as_tensor(np.eye(d) + 0.5 * (curl - curl.T))
    height, rate = torch.as_tensor(rng.uniform(0.5, 2, 2)), torch.as_tensor(rng.uniform(0.5, 2, d - 2))

    def drift(x):
        u = x @ turn.T
        slope = torch.cat([4 * height * u[:, :2] * (u[:, :2] ** 2 - 1), rate * u[:, 2:]], 1)
        return -(slope @ mix.T) @ turn

    u = np.zeros((4, d))
    u[:, :2] = [[a, b] for a in (-1, 1) for b in (-1, 1)]
    found = transition_network(drift, u @ turn.numpy(), diffusion=0.1)
    flips = u[:, None, :2] != u[None, :, :2]
    near = flips.sum(2) == 1
    assert found.adjacency[near].all()
    # The error allowed by the default tolerance.
    np.testing.assert_allclose(found.action[near], (flips @ height.numpy() / 0.1)[near], rtol=1e-2)
    again = transition_network(drift, u @ turn.numpy(), diffusion=0.1, similar=found)
    np.testing.assert_allclose(again.action[near], found.action[near], rtol=1e-2)


def test_processes_do_not_change_a_network():
    one, two = (transition_network(TOGGLE, WELLS, diffusion=0.1, n_jobs=n) for n in (1, 2))
    np.testing.assert_array_equal(one.action, two.action)
    with pytest.raises(ValueError, match="`n_jobs` of at least 1"):
        transition_network(TOGGLE, WELLS, diffusion=0.1, n_jobs=0)


def test_bad_input():
    with pytest.raises(ValueError, match="at least two attractors, found 1"):
        transition_network(TOGGLE, WELLS[:1], diffusion=0.1)
    with pytest.raises(ValueError, match="two that coincide"):
        transition_network(TOGGLE, WELLS[[0, 0]], diffusion=0.1)
    with pytest.raises(ValueError, match="positive"):
        transition_network(TOGGLE, WELLS, diffusion=-0.1)

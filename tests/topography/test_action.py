import numpy as np
import pytest
import torch
from scipy.integrate import quad

from landscape.systems import CurlDoubleWell, DoubleWell, HuangToggle, MaierStein, OrnsteinUhlenbeck
from landscape.topography import barrier, find_saddle, minimum_action

# The midpoint rule on 100 segments errs by a few 1e-5 of the action before extrapolation (discretisation_error);
# 1e-3 leaves room for that and for the optimiser, and rules out every wrong answer named below.
RELATIVE = 1e-3

TOGGLE = HuangToggle()
SIDE, SADDLE, CENTRE = (TOGGLE.fixed_points()[k] for k in (4, 3, 2))


def turned(drift, matrix, shift):
    """The same dynamics in coordinates z = M x + s."""
    m, back = torch.as_tensor(matrix), torch.linalg.inv(torch.as_tensor(matrix))
    s = torch.as_tensor(shift)
    return lambda z: drift((z - s) @ back.T) @ m.T


@pytest.mark.parametrize(("beta", "expected"), [(1.0, 0.5), (4.0, 0.5), (10.0, 0.34)])
def test_maier_stein(beta, expected):
    found = minimum_action(MaierStein(beta), [-1, 0], [0, 0], diffusion=0.5)
    assert found.action == pytest.approx(expected, rel=RELATIVE)
    assert found.converged
    # Heymann and Vanden-Eijnden: the path bows to |v| = .313 at beta = 10 and stays on the axis up to 4.
    bow = np.abs(found.path[:, 1]).max()
    assert bow == pytest.approx(0.313, abs=0.005) if beta == 10 else bow < 0.02


def test_a_symmetric_path_that_is_no_minimum_is_left_without_any_arc():
    found = minimum_action(MaierStein(10.0), [-1, 0], [0, 0], diffusion=0.5, n_arcs=0)
    assert found.action == pytest.approx(0.34, rel=RELATIVE)


@pytest.mark.parametrize(("start", "expected", "wrong"), [(CENTRE, 0.04418, 0.0753), (SIDE, 0.05619, 0.1100)])
def test_huang_toggle(start, expected, wrong):
    found = minimum_action(TOGGLE, start, SADDLE, diffusion=1.0)
    assert found.action == pytest.approx(expected, rel=1e-2)
    assert abs(found.action - wrong) > 0.3 * wrong  # the line integral along x + y = 2


def test_from_attractor_to_attractor_only_the_way_up_to_the_saddle_costs():
    found = minimum_action(TOGGLE, CENTRE, SIDE, diffusion=0.1)
    up = minimum_action(TOGGLE, CENTRE, SADDLE, diffusion=0.1)
    assert found.action == pytest.approx(up.action, rel=RELATIVE)
    np.testing.assert_allclose(found.saddle.x, SADDLE, atol=1e-8)
    assert found.saddle.index == 1
    np.testing.assert_allclose(found.path[[0, -1]], [CENTRE, SIDE])
    passed = np.linalg.norm(found.path - SADDLE, axis=1).argmin()
    assert found.cost[passed] == found.cost[-1] > 0
    assert (np.diff(found.cost) >= -1e-6).all()
    assert len(found.cost) == len(found.path)


@pytest.mark.parametrize("curl", [0.0, 1.0, 3.0])
def test_a_rotation_along_the_level_sets_does_not_change_the_action(curl):
    system = CurlDoubleWell(curl)
    found = minimum_action(system, [-1, 0], [1, 0], diffusion=0.15)
    assert found.action == pytest.approx(system.action(0.15), rel=3 * RELATIVE)  # it spirals: more path per point
    np.testing.assert_allclose(found.saddle.x, 0, atol=1e-8)


def test_ornstein_uhlenbeck_quasi_potential_with_correlated_noise():
    noise = np.array([[0.3, 0.1], [0.1, 0.6]])
    system = OrnsteinUhlenbeck(np.array([[-1, 2], [-0.3, -1.5]]), noise)
    for x in ([1.0, 0.5], [-0.4, 1.2]):
        found = minimum_action(system, [0, 0], x, diffusion=noise)
        assert found.action == pytest.approx(float(system.action(np.array([x]))[0]), rel=RELATIVE)


def test_multiplicative_noise_in_one_dimension():
    def drift(x):
        return x - x**3

    def diffusion(x):
        return 0.1 * (1 + 0.5 * x**2 + 0.3 * x)

    found = minimum_action(drift, [-1], [1], diffusion=diffusion)
    exact = quad(lambda x: -(x - x**3) / (0.1 * (1 + 0.5 * x**2 + 0.3 * x)), -1, 0)[0]
    assert found.action == pytest.approx(exact, rel=RELATIVE)


def test_noise_that_depends_on_several_states():
    # f = -D(x) grad U with any positive D(x): the flow is a gradient in the metric of the noise, so that S is a
    # difference of U, here a double well of height 1 / (4 eps) coupled to a second coordinate.
    def level(x):
        u, v = x[:, 0], x[:, 1]
        return torch.stack([0.1 * (1 + 0.8 * torch.sin(3 * v) + u**2), 0.05 * (1.5 + torch.cos(2 * u))], 1)

    def potential(x):
        u, v = x[:, 0], x[:, 1]
        return 10 * (u**4 / 4 - u**2 / 2) + 4 * (v - 0.5 * u**2) ** 2

    def drift(x):
        u, v = x[:, 0], x[:, 1]
        pull = 8 * (v - 0.5 * u**2)
        return -level(x) * torch.stack([10 * (u**3 - u) - pull * u, pull], 1)

    ends = torch.tensor([[-1.0, 0.5], [0.0, 0.0], [1.0, 0.5]], dtype=torch.float64)
    heights = potential(ends)
    found = minimum_action(drift, ends[0], ends[2], diffusion=level)
    assert found.action == pytest.approx(float(heights[1] - heights[0]), rel=3 * RELATIVE)
    np.testing.assert_allclose(found.saddle.x, 0, atol=1e-8)
    # A constant noise of the same mean size would be told another height.
    flat = minimum_action(drift, ends[0], ends[2], diffusion=level(ends).mean(0).numpy())
    assert abs(flat.action / found.action - 1) > 0.1


def test_a_low_barrier_converges_relative_to_itself():
    # Gardner's toggle u' = a / (1 + v^2) - u, v' likewise, at D = 1: an action far below 1, where an error must be measured
    # against the action itself.
    def drift(x):
        return 3 / (1 + x.flip(1) ** 2) - x

    saddle = find_saddle(drift, [1.2, 1.2])
    low = [2.618034, 0.381966]
    coarse, fine = (barrier(drift, low, saddle, diffusion=1.0, n_points=n) for n in (100, 1000))
    assert coarse.converged
    assert coarse.action == pytest.approx(fine.action, rel=RELATIVE)
    rough = barrier(drift, low, saddle, diffusion=1.0, n_points=16, tolerance=1e-7)
    assert not rough.converged
    assert rough.discretisation_error > 1e-7 * rough.action


def test_downhill_is_free():
    found = minimum_action(CurlDoubleWell(1.0), [0.1, 0.3], [1, 0], diffusion=0.15)
    assert found.action < 1e-3  # the barrier is 1.67


@pytest.mark.parametrize("seed", range(3))
def test_any_linear_change_of_coordinates_leaves_the_action_alone(seed):
    rng = np.random.default_rng(seed)
    matrix, shift = rng.normal(size=(2, 2)) + 2 * np.eye(2), rng.normal(size=2) * 10
    moved = [matrix @ x + shift for x in (SIDE, SADDLE)]
    plain = minimum_action(TOGGLE, SIDE, SADDLE, diffusion=0.1)
    found = minimum_action(turned(TOGGLE, matrix, shift), *moved, diffusion=0.1 * matrix @ matrix.T)
    # Whitening undoes the change but for a rotation, which L-BFGS sees as rounding.
    assert found.action == pytest.approx(plain.action, rel=1e-6)


def test_action_is_inverse_to_the_noise_and_a_diagonal_equals_its_matrix():
    one = minimum_action(TOGGLE, SIDE, SADDLE, diffusion=1.0)
    assert minimum_action(TOGGLE, SIDE, SADDLE, diffusion=0.01).action == pytest.approx(100 * one.action, rel=1e-6)
    diagonal = minimum_action(TOGGLE, SIDE, SADDLE, diffusion=np.array([1.0, 2.0]))
    matrix = minimum_action(TOGGLE, SIDE, SADDLE, diffusion=np.diag([1.0, 2.0]))
    level = torch.tensor([1.0, 2.0], dtype=torch.float64)
    called = minimum_action(TOGGLE, SIDE, SADDLE, diffusion=lambda x: level.expand_as(x))
    assert matrix.action == pytest.approx(diagonal.action, rel=1e-6)
    assert called.action == pytest.approx(diagonal.action, rel=1e-6)
    assert diagonal.action < one.action


def test_error_of_the_midpoint_rule_falls_with_the_square_of_the_spacing():
    errors = [
        minimum_action(DoubleWell(), [-1], [0], diffusion=0.1, n_points=n).discretisation_error for n in (32, 64, 128)
    ]
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    np.testing.assert_allclose(orders, 2, atol=0.2)


def test_barrier_refines_the_saddle_and_agrees():
    found = barrier(TOGGLE, SIDE, SADDLE + 0.02, diffusion=1.0)
    np.testing.assert_allclose(found.saddle.x, SADDLE, atol=1e-8)
    assert found.action == pytest.approx(0.05619, rel=1e-2)
    np.testing.assert_allclose(found.path[-1], found.saddle.x)
    with pytest.raises(ValueError, match="one unstable direction, found index 0.*fixed_points"):
        barrier(TOGGLE, SIDE, CENTRE, diffusion=1.0)


def test_saddle_record():
    saddle = find_saddle(TOGGLE, SADDLE + 0.01)
    assert saddle.eigenvalues[0].real == pytest.approx(1.0738, abs=1e-4)
    np.testing.assert_allclose(np.abs(saddle.unstable), np.sqrt(0.5), atol=2e-2)
    assert saddle.residual < 1e-12
    assert not find_saddle(TOGGLE, CENTRE).converged


def test_the_same_seed_gives_the_same_path_and_the_domain_is_a_wall():
    first, second = (minimum_action(MaierStein(), [-1, 0], [0, 0], diffusion=0.5, rng=3) for _ in range(2))
    np.testing.assert_array_equal(first.path, second.path)

    def half(x):  # not defined for x <= 0
        return torch.log(x) * (1 - x) * (x - 3)

    found = minimum_action(half, [1.0], [2.0], diffusion=1.0)
    assert np.isfinite(found.action)


def test_too_few_steps_are_reported(caplog):
    few = {"diffusion": 0.5, "max_steps": 1, "n_arcs": 0}
    assert not minimum_action(MaierStein(), [-1, 0], [0, 0], **few).converged
    assert "a minimum-action path did not converge" in caplog.text
    caplog.clear()
    assert not minimum_action(MaierStein(), [-1, 0], [0, 0], report=False, **few).converged
    assert not caplog.records


@pytest.mark.parametrize(
    ("drift", "diffusion", "error", "message"),
    [
        (3.0, 1.0, TypeError, "callable from states"),
        (lambda x: x.detach(), 1.0, ValueError, "breaks automatic differentiation"),
        (lambda x: x[:, :1], 1.0, ValueError, "map shape"),
        (lambda x: x * torch.nan, 1.0, ValueError, "not finite at 2 of 2 states"),
        (lambda x: x.float(), 1.0, TypeError, "torch.float64, found torch.float32"),
        (lambda x: -x, -1.0, ValueError, "positive and finite, found -1"),
        (lambda x: -x, 0.0, ValueError, "positive and finite, found 0"),
        (lambda x: -x, np.ones(3), ValueError, r"shape \(2,\) or \(2, 2\), found \(3,\)"),
        (lambda x: -x, np.array([[1.0, 2.0], [2.0, 1.0]]), ValueError, "smallest eigenvalue -1"),
        (lambda x: -x, np.array([[1.0, 2.0], [0.0, 1.0]]), ValueError, "symmetric"),
        (lambda x: -x, lambda x: x[:, :1], ValueError, r"`diffusion\(x\)` to be a tensor of shape"),
        (lambda x: -x, lambda x: -(x**2) - 1, ValueError, "positive and finite, found -2"),
    ],
)
def test_bad_input(drift, diffusion, error, message):
    with pytest.raises(error, match=message):
        minimum_action(drift, [0.0, 0.0], [1.0, 1.0], diffusion=diffusion)


def test_bad_options():
    with pytest.raises(ValueError, match="one state each"):
        minimum_action(TOGGLE, [[0.0, 0.0], [1.0, 1.0]], [1.0, 1.0], diffusion=1.0)
    with pytest.raises(ValueError, match="`n_points` of at least 16"):
        minimum_action(TOGGLE, CENTRE, SIDE, diffusion=1.0, n_points=3)
    with pytest.raises(ValueError, match=r"`initial_path` of shape \(m, 2\)"):
        minimum_action(TOGGLE, CENTRE, SIDE, diffusion=1.0, initial_path=np.ones((5, 3)))
    assert minimum_action(TOGGLE, CENTRE, CENTRE, diffusion=1.0).action == 0

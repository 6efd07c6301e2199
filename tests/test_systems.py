"""Closed forms against published numbers, quadrature, other closed forms and linear algebra."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.integrate import quad, solve_ivp
from scipy.linalg import expm

from landscape import systems as s
from landscape.dynamics import jacobian

# Numbers below are given to about five significant digits; half a unit in the last place.
ROUNDED = 5e-5


def at(*points: list[float]) -> torch.Tensor:
    return torch.tensor(points, dtype=torch.float64)


SYSTEMS = {
    "double_well": (s.DoubleWell(), 1),
    "tilted": (s.DoubleWell(0.2), 1),
    "curl": (s.CurlDoubleWell(2.0), 2),
    "maier_stein": (s.MaierStein(4.0), 2),
    "huang": (s.HuangToggle(), 2),
    "hopf": (s.HopfCycle(0.5, 2.0, 0.3), 2),
    "ou": (s.OrnsteinUhlenbeck(np.array([[-1, 2], [-0.3, -1.5]]), np.diag([0.3, 0.6])), 2),
}


@pytest.mark.parametrize("name", SYSTEMS)
def test_drift_is_a_differentiable_map_of_batches(name):
    system, d = SYSTEMS[name]
    x = torch.as_tensor(np.random.default_rng(0).uniform(0.1, 1.5, (7, d)))
    f = system(x)
    assert f.shape == (7, d)
    assert f.dtype == torch.float64
    torch.testing.assert_close(system.drift(x), f, rtol=0, atol=0)
    # Rows do not interact: one at a time gives the same (up to the order of sums in BLAS).
    torch.testing.assert_close(torch.cat([system(row[None]) for row in x]), f, rtol=1e-13, atol=1e-13)
    # Central differences have an error of order h^2 = 1e-10 here.
    h = 1e-5
    numeric = torch.stack([(system(x + h * e) - system(x - h * e)) / (2 * h) for e in torch.eye(d)], dim=2)
    torch.testing.assert_close(jacobian(system, x), numeric, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", SYSTEMS)
def test_fixed_points_have_no_drift(name):
    system, d = SYSTEMS[name]
    points = torch.as_tensor(system.fixed_points().reshape(-1, d))
    assert system(points).abs().max() < 1e-9


@pytest.mark.parametrize(
    ("diffusion", "z", "passage", "kramers", "gap", "q", "rate"),
    [
        (0.05, 123.7853, 729.671, 659.382, 0.002776, 0.974482, 6.8524e-4),
        (0.1, 15.170196, 66.2686, 54.1254, 0.033545, 0.909895, 7.5450e-3),
        (0.2, 6.245827, 19.0939, 15.5072, 0.134778, 0.841772, 2.6186e-2),
    ],
)
def test_double_well_has_the_known_numbers(diffusion, z, passage, kramers, gap, q, rate):
    well = s.DoubleWell()
    assert well.partition_function(diffusion) == pytest.approx(z, rel=1e-6)
    assert well.mean_passage_time(-1, 1, diffusion) == pytest.approx(passage, rel=1e-5)
    assert well.mean_passage_time(1, -1, diffusion) == pytest.approx(passage, rel=1e-5)
    assert well.kramers_time(diffusion) == pytest.approx(kramers, rel=1e-5)
    # The gap is listed to four digits.
    assert well.spectral_gap(diffusion) == pytest.approx(gap, rel=2e-4)
    assert well.committor(0.5, diffusion) == pytest.approx(q, rel=1e-6)
    assert well.committor(-0.5, diffusion) == pytest.approx(1 - q, rel=1e-5)
    assert well.transition_rate(diffusion) == pytest.approx(rate, rel=ROUNDED)
    assert well.action(diffusion) == pytest.approx(0.25 / diffusion)


def test_double_well_committor_at_a_fifth():
    exact = [s.DoubleWell().committor(0.2, d) for d in (0.05, 0.1, 0.2)]
    assert exact == pytest.approx([0.7994, 0.7147, 0.6583], abs=ROUNDED)
    assert s.DoubleWell().committor(-3.0, 0.1) == 0.0
    assert s.DoubleWell().committor(3.0, 0.1) == 1.0


def test_passage_times_add_up_and_are_asymmetric_in_a_tilted_well():
    well, d = s.DoubleWell(0.15), 0.1
    left, saddle, right = well.fixed_points()
    there = well.mean_passage_time(left, right, d)
    assert there == pytest.approx(
        well.mean_passage_time(left, saddle, d) + well.mean_passage_time(saddle, right, d), rel=1e-8
    )
    # The round trip of a reversible process: the reciprocal of the rate of completed transitions.
    back = well.mean_passage_time(right, left, d)
    assert there + back == pytest.approx(1 / well.transition_rate(d, left=left, right=right), rel=1e-7)
    assert back > 5 * there
    assert well.barrier(1) > well.barrier(0)
    assert quad(lambda x: well.density(x, d), -6, 6)[0] == pytest.approx(1.0)


def test_spectral_gap_of_a_tilted_well_tends_to_the_two_state_rate():
    well, d = s.DoubleWell(0.1), 0.02
    left, _, right = well.fixed_points()
    rates = [1 / well.mean_passage_time(*ends, d) for ends in ((left, right), (right, left))]
    # Intra-well relaxation is slower than the switch by e^{-barrier / D} = e^{-7.7} times a prefactor of order ten.
    assert well.spectral_gap(d) == pytest.approx(sum(rates), rel=10 * np.exp(-well.action(d)))


def test_double_well_needs_two_wells():
    with pytest.raises(ValueError, match=r"0\.3849.*found 0\.4"):
        s.DoubleWell(0.4)


def test_curl_well_produces_entropy_and_keeps_its_density():
    well = s.CurlDoubleWell(1.0)
    assert well.entropy_production(0.15) == pytest.approx(2.520744, rel=1e-6)
    assert s.CurlDoubleWell(3.0).entropy_production(0.15) == pytest.approx(9 * 2.520744, rel=1e-6)
    assert s.CurlDoubleWell(0.0).entropy_production(0.15) == 0.0
    # Fokker-Planck: div(f p) = D laplacian p, by central differences with an error of order h^2.
    x, h, d = at([0.3, -0.4], [1.1, 0.2]), 1e-3, 0.15
    shift = h * torch.eye(2, dtype=torch.float64)
    flux = sum(
        (
            (well(x + e) * well.density(x + e, d)[:, None] - well(x - e) * well.density(x - e, d)[:, None])[:, i]
            for i, e in enumerate(shift)
        )
    ) / (2 * h)
    laplace = sum(well.density(x + e, d) + well.density(x - e, d) - 2 * well.density(x, d) for e in shift) / h**2
    torch.testing.assert_close(flux, d * laplace, rtol=1e-4, atol=1e-5)
    # A uniform grid integrates a smooth decaying function to exponential accuracy.
    grid = torch.linspace(-3, 3, 121, dtype=torch.float64)
    assert float(well.density(torch.cartesian_prod(grid, grid), d).sum()) * 0.05**2 == pytest.approx(1.0, abs=1e-6)
    assert well.action(d) == pytest.approx(s.DoubleWell().action(d))


def test_ornstein_uhlenbeck():
    ou, _ = SYSTEMS["ou"]
    sigma = ou.covariance()
    np.testing.assert_allclose(ou.matrix @ sigma + sigma @ ou.matrix.T, -2 * ou.diffusion, atol=1e-14)
    assert ou.entropy_production() == pytest.approx(3.698, abs=5e-4)
    omega, gamma = 3.0, 0.7
    assert s.OrnsteinUhlenbeck.rotating(omega, decay=gamma).entropy_production() == pytest.approx(2 * omega**2 / gamma)
    assert s.OrnsteinUhlenbeck.rotating(0.0).entropy_production() == pytest.approx(0.0, abs=1e-14)
    # Covariance after a time, from its integral.
    mean, covariance = ou.moments(np.array([1.0, -1.0]), 0.8)
    nodes, weights = np.polynomial.legendre.leggauss(20)
    propagators = [expm(ou.matrix * 0.4 * (u + 1)) for u in nodes]
    integral = sum(0.4 * w * p @ (2 * ou.diffusion) @ p.T for w, p in zip(weights, propagators, strict=True))
    np.testing.assert_allclose(covariance, integral, rtol=1e-10)
    np.testing.assert_allclose(
        mean, solve_ivp(lambda t, x: ou.matrix @ x, (0, 0.8), [1, -1], rtol=1e-9).y[:, -1], rtol=1e-6
    )
    # The action is the density's exponent; Hamilton-Jacobi: f.grad S + grad S.D grad S = 0.
    x = np.array([[0.4, -0.2], [0.1, 0.9]])
    gradient = np.linalg.solve(sigma, x.T).T
    balance = np.einsum("ni,ni->n", x @ ou.matrix.T + gradient @ ou.diffusion, gradient)
    np.testing.assert_allclose(balance, 0, atol=1e-14)
    np.testing.assert_allclose(np.log(ou.density(x)[0] / ou.density(x)[1]), np.diff(ou.action(x))[0], rtol=1e-12)


def test_ornstein_uhlenbeck_refuses_what_has_no_stationary_law():
    with pytest.raises(ValueError, match="negative real parts"):
        s.OrnsteinUhlenbeck(np.eye(2), np.eye(2))
    with pytest.raises(ValueError, match="positive definite"):
        s.OrnsteinUhlenbeck(-np.eye(2), np.diag([1.0, -1.0]))
    with pytest.raises(ValueError, match="square"):
        s.OrnsteinUhlenbeck(-np.eye(2), np.eye(3))


def test_maier_stein():
    assert s.MaierStein(1.0).action(0.5) == pytest.approx(0.5)
    assert s.MaierStein(4.0).action(0.5) == pytest.approx(0.5)
    with pytest.raises(ValueError, match="at most 4"):
        s.MaierStein(10.0).action(0.5)
    eigen = torch.linalg.eigvals(jacobian(s.MaierStein(10.0), at([-1, 0], [0, 0]))).real.sort(1).values
    torch.testing.assert_close(eigen, at([-2, -2], [-1, 1]))
    # Only beta = 1 is a gradient: the Jacobian is symmetric there.
    for beta, symmetric in ((1.0, True), (2.0, False)):
        j = jacobian(s.MaierStein(beta), at([0.5, 0.5]))[0]
        assert bool(torch.isclose(j[0, 1], j[1, 0])) == symmetric


def test_huang_toggle_has_the_known_states():
    toggle = s.HuangToggle()
    points = toggle.fixed_points()
    known = [[0.00392, 1.99608], [0.48842, 1.51158], [1.0, 1.0], [1.51158, 0.48842], [1.99608, 0.00392]]
    np.testing.assert_allclose(points, known, atol=5e-6)
    eigen = torch.linalg.eigvals(jacobian(toggle, torch.as_tensor(points))).real.sort(1).values
    torch.testing.assert_close(eigen[2], torch.tensor([-1, -0.5571], dtype=torch.float64), rtol=0, atol=ROUNDED)
    torch.testing.assert_close(eigen[1], torch.tensor([-1, 1.0738], dtype=torch.float64), rtol=0, atol=ROUNDED)
    assert sorted(toggle.centre_eigenvalues()) == pytest.approx(eigen[2].tolist())
    assert toggle.centre() == pytest.approx(1.0)
    assert toggle.pitchfork() == pytest.approx(0.7744750, abs=5e-8)
    assert len(s.HuangToggle(activation=0.0).fixed_points()) == 3
    np.testing.assert_allclose(s.HuangToggle(activation=0.5).fixed_points()[-1], [1.4938, 0.0124], atol=ROUNDED)
    np.testing.assert_allclose(s.HuangToggle(activation=0.0).fixed_points()[-1], [0.99981, 0.05887], atol=5e-6)


def test_hopf_cycle_turns_on_its_circle_in_its_period():
    cycle = s.HopfCycle(0.5, 2.0, 0.3)
    start = np.array([cycle.radius, 0.0])
    flow = lambda t, x: cycle(at(list(x)))[0].numpy()  # noqa: E731
    path = solve_ivp(flow, (0, cycle.period), start, rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(path.y[:, -1], start, atol=1e-7)
    np.testing.assert_allclose(np.hypot(*path.y), cycle.radius, rtol=1e-7)
    # A small radial distance shrinks by the Floquet multiplier, with an error of the order of the distance.
    near = solve_ivp(flow, (0, cycle.period), start * (1 + 1e-4), rtol=1e-11, atol=1e-13)
    shrunk = (np.hypot(*near.y[:, -1]) - cycle.radius) / (1e-4 * cycle.radius)
    assert shrunk == pytest.approx(cycle.floquet_multiplier, rel=1e-3)
    for d in (0.05, 2.0):
        mass = quad(lambda r: 2 * np.pi * r * float(cycle.density(at([r, 0.0]), d)), 0, 6, points=[cycle.radius])[0]  # noqa: B023
        assert mass == pytest.approx(1.0, rel=1e-6)
    ratio = cycle.density(at([cycle.radius, 0], [0, 0]), 0.05)
    assert float(torch.log(ratio[0] / ratio[1])) == pytest.approx(cycle.action(0.05))


def test_hopf_cycle_refuses_what_does_not_turn():
    with pytest.raises(ValueError, match="no cycle"):
        s.HopfCycle(-1.0)
    with pytest.raises(ValueError, match="turns"):
        s.HopfCycle(2.0, 1.0, 0.5)


def test_birth_death_chain_against_linear_algebra():
    rng = np.random.default_rng(3)
    birth, death = rng.uniform(0.2, 2, 9), rng.uniform(0.2, 2, 9)
    birth[-1] = death[0] = 0
    chain = s.BirthDeathChain(birth, death)
    q, pi = chain.generator().toarray(), chain.stationary()
    np.testing.assert_allclose(q.sum(1), 0, atol=1e-14)
    np.testing.assert_allclose(pi @ q, 0, atol=1e-14)
    p = chain.transition_matrix().toarray()
    assert p.min() >= 0
    np.testing.assert_allclose(p.sum(1), 1)
    np.testing.assert_allclose(pi @ p, pi)
    a, b = 2, 6
    inner = np.array([i for i in range(9) if i not in (a, b)])
    expected = np.zeros(9)
    expected[b] = 1
    expected[inner] = np.linalg.solve(q[np.ix_(inner, inner)], -q[inner, b])
    np.testing.assert_allclose(chain.committor(a, b), expected, atol=1e-12)
    assert chain.transition_rate(a, b) == pytest.approx(pi[a] * birth[a] * expected[a + 1])
    for target in (0, 5, 8):
        rest = np.array([i for i in range(9) if i != target])
        times = np.linalg.solve(q[np.ix_(rest, rest)], -np.ones(8))
        assert [chain.mean_passage_time(int(i), target) for i in rest] == pytest.approx(times.tolist())


@pytest.mark.parametrize(
    ("birth", "death", "message"),
    [
        ([1.0, 0.0], [0.0, 1.0, 1.0], "one length"),
        ([1.0, 1.0], [0.0, 1.0], "to be 0"),
        ([1.0, 0.0, 0.0], [0.0, 1.0, 1.0], "makes the chain reducible"),
    ],
)
def test_birth_death_chain_refuses_broken_rates(birth, death, message):
    with pytest.raises(ValueError, match=message):
        s.BirthDeathChain(np.array(birth), np.array(death))


def test_birth_death_chain_refuses_disordered_sets():
    with pytest.raises(ValueError, match="a = 3, b = 1"):
        s.BirthDeathChain(np.array([1.0, 1, 1, 0]), np.array([0, 1.0, 1, 1])).committor(3, 1)

import numpy as np
import pytest
import torch

from landscape.systems import CurlDoubleWell, MaierStein, OrnsteinUhlenbeck
from landscape.topography import curl_share, entropy_production, linear_entropy_production

A = np.array([[-1.0, 2.0], [-0.3, -1.5]])
D = np.array([0.3, 0.6])


def test_linear_closed_form():
    found = linear_entropy_production(A, D)
    assert found.rate == pytest.approx(3.698, abs=5e-4)
    assert found.converged
    # A symmetric matrix with isotropic noise obeys detailed balance.
    assert linear_entropy_production([[-2.0, 0.5], [0.5, -1.0]], 0.7).rate == pytest.approx(0, abs=1e-12)
    with pytest.raises(ValueError, match="stable `matrix`, found an eigenvalue with real part 1"):
        linear_entropy_production([[1.0, 0.0], [0.0, -1.0]], 1.0)
    with pytest.raises(ValueError, match=r"shape \(d, d\)"):
        linear_entropy_production([1.0, 2.0], 1.0)


def test_simulation_of_the_linear_system_agrees():
    system = OrnsteinUhlenbeck(A, np.diag(D))
    found = entropy_production(system, [0.0, 0.0], diffusion=D, duration=20.0, burn_in=5.0, n_paths=1000)
    assert abs(found.rate - 3.698) < 3.5 * found.standard_error
    assert found.rate == pytest.approx(3.698, rel=0.03)
    assert found.converged


@pytest.mark.parametrize("kappa", [1.0, 3.0])
def test_curl_system(kappa):
    system = CurlDoubleWell(kappa)
    found = entropy_production(
        system, [[-1.0, 0.0], [1.0, 0.0]], diffusion=0.15, duration=40.0, burn_in=5.0, n_paths=1000, rng=1
    )
    assert system.entropy_production(0.15) == pytest.approx(kappa**2 * 2.520744, rel=1e-6)
    assert found.rate == pytest.approx(kappa**2 * 2.520744, rel=0.03)


def test_detailed_balance_produces_nothing():
    found = entropy_production(
        CurlDoubleWell(0.0), [[-1.0, 0.0], [1.0, 0.0]], diffusion=0.15, duration=20.0, burn_in=5.0, n_paths=1000
    )
    assert abs(found.rate) < 3.5 * found.standard_error


def test_state_dependent_noise_with_zero_current():
    # In one dimension there is never a stationary current, whatever D(x): F^2/D + F' averages to zero.
    def diffusion(x):
        return 0.2 * (1 + x**2)

    def drift(x):
        return -2 * x

    found = entropy_production(drift, [0.0], diffusion=diffusion, duration=40.0, burn_in=5.0, n_paths=1000, step=0.01)
    # Without the divergence of D it would be <f^2/D + f'> = some -.3.
    assert abs(found.rate) < 3.5 * found.standard_error + 0.02


def test_an_ensemble_that_has_not_settled_is_reported():
    found = entropy_production(CurlDoubleWell(1.0), [3.0, 3.0], diffusion=0.15, duration=2.0, burn_in=0.0, n_paths=200)
    assert not found.converged
    with pytest.raises(ValueError, match="`n_paths` of at least 20"):
        entropy_production(CurlDoubleWell(1.0), [3.0, 3.0], diffusion=0.15, duration=2.0, burn_in=0.0, n_paths=2)


def test_curl_share():
    states = torch.randn(20, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert curl_share(MaierStein(1.0), states).share == pytest.approx(0, abs=1e-20)
    assert curl_share(MaierStein(10.0), states).share > 0.1
    rotation = torch.tensor([[0.0, 1.0], [-1.0, 0.0]], dtype=torch.float64)
    assert curl_share(lambda x: x @ rotation.T, states).share == pytest.approx(1)
    # -x + kappa R x: the antisymmetric part holds kappa^2 of 1 + kappa^2.
    mixed = curl_share(lambda x: -x + 2 * x @ rotation.T, states)
    np.testing.assert_allclose(mixed.by_state, 0.8)


def test_curl_share_is_one_of_the_dynamics_and_not_of_the_coordinates():
    level = np.array([0.1, 2.0])
    scaled = torch.as_tensor(level)

    def drift(x):  # f = -D grad U with U = x^2 y^2 / 2 + x^2 / 2 + y^2 / 2
        return -scaled * torch.stack([x[:, 0] * (1 + x[:, 1] ** 2), x[:, 1] * (1 + x[:, 0] ** 2)], 1)

    states = np.random.default_rng(0).normal(size=(10, 2))
    assert curl_share(drift, states, diffusion=level).share == pytest.approx(0, abs=1e-20)
    assert curl_share(drift, states, diffusion=np.diag(level)).share == pytest.approx(0, abs=1e-20)
    assert curl_share(drift, states, diffusion=lambda x: scaled.expand_as(x)).share == pytest.approx(0, abs=1e-20)
    assert curl_share(drift, states).share > 0.01

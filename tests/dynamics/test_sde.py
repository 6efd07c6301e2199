"""Integrators of the stochastic equation: orders, laws and seeds."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.linalg import expm, solve_continuous_lyapunov
from scipy.stats import kstest

from landscape.dynamics import RegulatoryDrift, chemical_diffusion, integrate, simulate
from landscape.dynamics.sde import BLOCK

STEPS = 2.0 ** -np.arange(3, 8)


def slope(errors: list[float], steps: np.ndarray = STEPS) -> float:
    """Order of convergence: slope of log error on log step."""
    return float(np.polyfit(np.log(steps), np.log(errors), 1)[0])


def euler_on(noise: torch.Tensor, step: float, drift, amplitude, start: float) -> torch.Tensor:
    """End of Euler-Maruyama over given increments, written out apart from the package."""
    x = torch.full(noise.shape[1:], start, dtype=torch.float64)
    for kick in noise:
        x = x + drift(x) * step + amplitude(x) * kick
    return x


def increments(step: float, n: int, monkeypatch, fine: torch.Tensor, finest: float) -> None:
    """Make the package's noise the fine Brownian path summed to the coarse step."""
    ratio = round(step / finest)
    coarse = fine.view(-1, ratio, n, 1).sum(1) / ratio**0.5
    rows = iter(coarse)
    monkeypatch.setattr("landscape.dynamics.sde.Noise.__call__", lambda _: next(rows))


@pytest.mark.parametrize(
    ("diffusion", "scheme", "order"),
    # Geometric noise: Euler-Maruyama has strong order 1/2. Additive noise: order 1, for Heun's scheme too.
    [(lambda x: 0.5 * x**2, "euler", 0.5), (0.3, "euler", 1.0), (0.3, "heun", 1.0)],
    ids=["geometric", "additive", "heun"],
)
def test_strong_order(diffusion, scheme, order, monkeypatch):
    n, finest = 1000, 2.0**-12
    fine = torch.randn((4096, n, 1), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    path = fine.cumsum(0)[:, :, 0] * finest**0.5
    start = torch.ones(n, 1, dtype=torch.float64)
    if callable(diffusion):
        # dx = -x dt + x dB has the solution exp(-1.5 t + B).
        truth = torch.exp(-1.5 + path[-1])[:, None]
    else:
        truth = euler_on(fine * finest**0.5, finest, lambda x: -x - x**3, lambda _: 0.6**0.5, 1.0)

    def drift(x):
        return -x if callable(diffusion) else -x - x**3

    errors = []
    for step in STEPS:
        increments(step, n, monkeypatch, fine, finest)
        end = simulate(drift, start, diffusion=diffusion, duration=1.0, step=step, scheme=scheme).states[-1]
        errors.append(float((end - truth).abs().mean()))
    # A thousand paths determine each error to about 3 %, and with it the slope over 4 doublings to about .03; higher
    # terms bend it by about .1.
    assert slope(errors) == pytest.approx(order, abs=0.15)


@pytest.mark.parametrize(("scheme", "order"), [("euler", 1), ("heun", 2)])
def test_weak_order(scheme, order):
    # On a linear equation both moments obey exact recursions, which one noise-free and one noisy step reveal:
    # x' = g x + s xi. Their error in the variance at time 1 is the weak error without sampling.
    rate, diffusion = 1.3, 0.7
    errors = []
    for step in 2.0 ** -np.arange(3, 8):
        one = torch.ones(1, 1, dtype=torch.float64)
        growth = _mean(scheme, one, rate, step)
        many = torch.zeros(BLOCK, 1, dtype=torch.float64)
        end = next(integrate(lambda x: -rate * x, many, diffusion=diffusion, step=step, scheme=scheme))
        plain = next(integrate(lambda x: 0 * x, many, diffusion=diffusion, step=step, scheme=scheme))
        gain = float((end / plain).mean())
        m, v = 1.0, 0.0
        for _ in range(round(1 / step)):
            m, v = growth * m, growth**2 * v + gain**2 * 2 * diffusion * step
        exact = np.exp(-2 * rate) + diffusion / rate * (1 - np.exp(-2 * rate))
        errors.append(abs(m**2 + v - exact))
    assert slope(errors) == pytest.approx(order, abs=0.15)


def _mean(scheme: str, x: torch.Tensor, rate: float, step: float) -> float:
    """Growth of the mean over a step: the noise is made negligible and its share of the result is below 1e-7."""
    return float(next(integrate(lambda y: -rate * y, x, diffusion=1e-16, step=step, scheme=scheme))[0, 0])


def test_stationary_covariance_of_a_rotating_linear_process():
    matrix, diffusion = np.array([[-1.0, 2.0], [-0.3, -1.5]]), np.diag([0.3, 0.6])
    n, step = 20000, 0.01
    start = torch.zeros(n, 2, dtype=torch.float64)
    drift = torch.as_tensor(matrix).T
    end = simulate(
        lambda x: x @ drift, start, diffusion=np.diag(diffusion), duration=6.0, step=step, scheme="heun"
    ).states[-1].numpy()  # fmt: skip
    exact = solve_continuous_lyapunov(matrix, -2 * diffusion)
    found = end.T @ end / n
    # Standard error of a covariance of n Gaussian pairs; the start is forgotten to exp(-12), the step costs 1e-5.
    error = np.sqrt((np.outer(np.diag(exact), np.diag(exact)) + exact**2) / n)
    assert (np.abs(found - exact) < 4 * error).all()
    assert expm(6.0 * matrix).max() < 1e-2


def test_weak_order_with_noise_that_depends_on_the_state():
    # dx = -x dt + x dB: a step multiplies the second moment by the mean of (1 - h + sqrt(h) xi)^2, which one noise-free
    # step and the noise of one unit give; exactly it is exp(-2 t + t).
    errors = []
    for step in 2.0 ** -np.arange(3, 8):
        one = torch.ones(BLOCK, 1, dtype=torch.float64)
        drifted = float(next(integrate(torch.neg, 1e-9 * one, diffusion=lambda x: 0 * x, step=step))[0, 0]) / 1e-9
        kicked = next(integrate(lambda x: 0 * x, one, diffusion=lambda x: 0.5 * x**2, step=step)) - 1
        unit = next(integrate(lambda x: 0 * x, one, diffusion=0.5, step=1.0)) - 1
        gain = float((kicked / unit).mean())
        errors.append(abs((drifted**2 + gain**2) ** round(1 / step) - np.exp(-1.0)))
    assert slope(errors) == pytest.approx(1, abs=0.15)


def test_chemical_noise_of_a_gene_made_at_a_constant_rate_is_that_of_poisson_counts():
    # No regulation: births at a s(b), deaths at gamma x, so that the counts Omega x are Poisson: variance m / Omega.
    drift = RegulatoryDrift.from_arrays(np.zeros((2, 2)), bias=[0.0, 1.0], ceiling=[1.0, 2.0], decay=[1.0, 0.5])
    size = np.array([100.0, 400.0])
    mean = (drift.ceiling * torch.sigmoid(drift.bias) / drift.decay).numpy()
    diffusion = chemical_diffusion(drift, system_size=size)
    np.testing.assert_allclose(diffusion(torch.as_tensor(mean[None]))[0], drift.decay.numpy() * mean / size)
    start = torch.as_tensor(mean).expand(20_000, -1)
    end = simulate(drift, start, diffusion=diffusion, duration=10.0, step=0.02, lower=0.0).states[-1].numpy()
    # Euler's variance is too large by gamma h / 2 = 1 %; that of 20,000 samples has a standard error of 1 %.
    np.testing.assert_allclose(end.var(0), mean / size, rtol=0.05)
    with pytest.raises(TypeError, match="Expected a RegulatoryDrift, which has production and decay, found builtin"):
        chemical_diffusion(torch.neg, system_size=10.0)
    with pytest.raises(ValueError, match="`system_size` to be positive and finite, found 0.0"):
        chemical_diffusion(drift, system_size=0.0)
    with pytest.raises(ValueError, match=r"a number or of shape \(2,\), found \(3,\)"):
        chemical_diffusion(drift, system_size=np.ones(3))
    with pytest.raises(ValueError, match=r"found \(2, 2\)"):
        chemical_diffusion(drift, system_size=np.ones((2, 2)))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_an_ensemble_runs_where_its_start_lies():
    start = torch.zeros(5000, 2, dtype=torch.float64, device="cuda")
    for diffusion in (0.5, np.array([[0.5, 0.2], [0.2, 0.4]]), lambda x: 0.5 + 0 * x):
        end = simulate(torch.neg, start, diffusion=diffusion, duration=5.0, step=0.02).states[-1]
        assert end.device.type == "cuda"
        # Variance D / gamma, with a standard error of 2 %, and 1 % of the step.
        assert float(end[:, 0].var()) == pytest.approx(0.5, rel=0.1)


def test_full_and_diagonal_and_dependent_noise_have_their_covariance():
    n, matrix = 20000, np.array([[0.5, 0.3], [0.3, 0.4]])
    start = torch.zeros(n, 2, dtype=torch.float64)
    for diffusion, exact in (
        (matrix, matrix),
        (np.array([0.2, 0.7]), np.diag([0.2, 0.7])),
        (0.3, 0.3 * np.eye(2)),
        (lambda x: torch.tensor([0.2, 0.7], dtype=torch.float64).expand_as(x), np.diag([0.2, 0.7])),
    ):
        end = next(integrate(lambda x: 0 * x, start, diffusion=diffusion, step=0.5)).numpy()
        error = np.sqrt((np.outer(np.diag(exact), np.diag(exact)) + exact**2) / n)
        # 2 D dt = D at a step of 1/2.
        assert (np.abs(end.T @ end / n - exact) < 4 * error).all()


def test_increments_are_normal_and_independent():
    start = torch.zeros(3 * BLOCK, 1, dtype=torch.float64)
    path = integrate(lambda x: 0 * x, start, diffusion=0.5, step=1.0, rng=4)
    first, second = next(path), next(path)
    jumps = torch.cat([first, second - first]).numpy().ravel()
    assert kstest(jumps, "norm").pvalue > 0.01
    rows = (second - first).numpy().ravel()
    lagged = np.corrcoef(first.numpy().ravel(), rows)[0, 1]
    across = np.corrcoef(rows[:BLOCK], rows[BLOCK : 2 * BLOCK])[0, 1]
    assert abs(lagged) < 4 / np.sqrt(3 * BLOCK)
    assert abs(across) < 4 / np.sqrt(BLOCK)


def test_answer_depends_on_the_seed_alone():
    start = torch.zeros(BLOCK + 7, 2, dtype=torch.float64)

    def run(n=BLOCK + 7, rng=0):
        return simulate(torch.neg, start[:n], diffusion=0.1, duration=0.1, step=0.01, rng=rng).states[-1]

    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = run()
        torch.set_num_threads(2)
        torch.testing.assert_close(run(), alone, rtol=0, atol=0)
    finally:
        torch.set_num_threads(threads)
    # Particles of a full block see the same noise whatever else runs.
    torch.testing.assert_close(run(BLOCK), alone[:BLOCK], rtol=0, atol=0)
    assert not torch.equal(run(rng=1), alone)
    # Two workers with a part each do what one does with the whole.
    rest = simulate(torch.neg, start[BLOCK:], diffusion=0.1, duration=0.1, step=0.01, first=BLOCK).states[-1]
    torch.testing.assert_close(rest, alone[BLOCK:], rtol=0, atol=0)
    torch.testing.assert_close(run(rng=np.random.default_rng(3)), run(rng=np.random.default_rng(3)), rtol=0, atol=0)


def test_reflection_keeps_the_law_of_a_reflected_process():
    # Brownian motion reflected at 0 from 0 is |B|: mean sqrt(2 v / pi) with v = 2 D t. Folding each step is exact.
    n = 20000
    start = torch.zeros(n, 1, dtype=torch.float64)
    end = simulate(lambda x: 0 * x, start, diffusion=0.5, duration=1.0, step=0.05, lower=0.0).states[-1].numpy()
    assert (end >= 0).all()
    assert end.mean() == pytest.approx(np.sqrt(2 / np.pi), abs=4 * np.sqrt((1 - 2 / np.pi) / n))


def test_states_are_kept_when_asked_for():
    start = torch.ones(2, 1, dtype=torch.float64)
    found = simulate(torch.neg, start, diffusion=1e-12, duration=1.0, step=0.1, save_at=[0.0, 0.5, 1.0])
    np.testing.assert_allclose(found.times, [0, 0.5, 1])
    np.testing.assert_allclose(found.states[:, :, 0], np.array([[1.0], [0.9**5], [0.9**10]]).repeat(2, 1), atol=1e-5)
    torch.testing.assert_close(start, torch.ones(2, 1, dtype=torch.float64))


BAD = {
    "batch": ({"start": torch.ones(3)}, r"`start` of shape \(n, d\), found \(3,\)"),
    "step": ({"step": 0.0}, "positive `step`, found 0.0"),
    "scheme": ({"scheme": "milstein"}, "'euler' or 'heun', found 'milstein'"),
    "heun": ({"scheme": "heun", "diffusion": lambda x: x**2}, "Heun's scheme needs noise"),
    "zero": ({"diffusion": 0.0}, "`diffusion` to be positive"),
    "length": ({"diffusion": np.ones(3)}, r"a number or of shape \(2,\)"),
    "asymmetric": ({"diffusion": np.array([[1.0, 0.5], [0.0, 1.0]])}, "symmetric `diffusion`"),
    "indefinite": ({"diffusion": np.array([[1.0, 2.0], [2.0, 1.0]])}, "positive definite"),
    "negative": ({"diffusion": lambda x: -(x**2) - 1}, "not negative"),
    "start": ({"start": torch.full((1, 2), torch.nan)}, "finite `start`"),
    "first": ({"first": 5}, "`first` to be a multiple of 1024, found 5"),
    "nan": ({"drift": lambda x: x * torch.nan}, "not finite at 1 of 1"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named(name):
    options, message = BAD[name]
    arguments = {"drift": torch.neg, "start": torch.ones(1, 2), "diffusion": 0.1, "step": 0.1, **options}
    with pytest.raises(ValueError, match=message):
        next(integrate(arguments.pop("drift"), arguments.pop("start"), **arguments))


def test_times_outside_the_duration_are_named():
    with pytest.raises(ValueError, match="times between 0 and 1.0, found 2.0 to 2.0"):
        simulate(torch.neg, torch.ones(1, 1), diffusion=0.1, duration=1.0, step=0.1, save_at=[2.0])

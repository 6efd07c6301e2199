"""Scores of fates: derivatives of shares from one ensemble, against closed forms and differences."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import norm

from landscape.dynamics import Model, RegulatoryDrift
from landscape.topography import fate_scores
from landscape.topography.fates import fate_scores as module

TOGGLE = RegulatoryDrift.from_arrays([[4.0, -6.0], [-6.0, 4.0]], bias=0.5, hill=4.0)


def higher(x):
    return (x[:, 1] > x[:, 0]).long()


@pytest.fixture(scope="module")
def toggle():
    gen = np.random.default_rng(0)
    start = 0.2 + 0.05 * gen.standard_normal((20_000, 2))
    start[:, 0] += 0.02
    model = Model(TOGGLE, 0.01, ("A", "B"), lower=None, max_step=0.05)
    return fate_scores(model, start, higher, 2, duration=12.0, rng=gen)


def test_the_toggle_has_the_scores_of_an_independent_simulation(toggle):
    """Errors of both are those of 20,000 paths: .0035 of the share, .004 of biases, .001 of edges. Four of them together."""
    assert toggle.share[0] == pytest.approx(0.5620, abs=4 * 0.005)
    np.testing.assert_allclose(toggle.bias[0], [0.349, -0.349], atol=4 * 0.0057)
    np.testing.assert_allclose(toggle.weights[0], [[0.051, 0.048], [-0.050, -0.048]], atol=4 * 0.0015)
    np.testing.assert_allclose(toggle.errors["bias"][0], 0.004, rtol=0.2)
    np.testing.assert_allclose(toggle.errors["weights"][0], 0.001, rtol=0.5)


def test_differences_of_ensembles_agree(toggle):
    """Central differences under common random numbers, with their standard errors."""
    np.testing.assert_allclose(toggle.bias[0], [0.347, -0.344], atol=4 * np.hypot(0.013, 0.004))
    np.testing.assert_allclose(toggle.weights[0], [[0.055, 0.050], [-0.051, -0.049]], atol=4 * np.hypot(0.005, 0.001))


def test_scores_hold_together(toggle):
    """Every path takes one of the two fates, and the ropes of a gene are its outgoing edges."""
    for kind in ("weights", "bias", "production", "turnover", "strength"):
        np.testing.assert_allclose(getattr(toggle, kind).sum(0), 0, atol=1e-12)
    np.testing.assert_allclose(toggle.strength, (TOGGLE.weights.numpy() * toggle.weights).sum(1), rtol=1e-9)


@pytest.mark.parametrize("kind", ["number", "matrix", "held"])
def test_one_step_has_a_closed_form(kind, monkeypatch):
    """After one step the share is a normal probability, and its derivative the density times that of the drift."""
    monkeypatch.setattr(module, "CHUNK_NUMBERS", 40_000)
    held = {1: 0.8} if kind == "held" else None
    drift = RegulatoryDrift.from_arrays(
        [[1.0, -2.0], [0.5, 1.5]], bias=[0.2, -0.1], ceiling=[1.0, 1.4], decay=[1.0, 0.7], hill=2.0, held=held
    )
    diffusion = np.array([[0.05, 0.02], [0.02, 0.04]]) if kind == "matrix" else 0.05
    x, dt, level = np.array([0.4, 0.6]), 0.1, 0.42
    model = Model(drift, diffusion, ("A", "B"), lower=None, max_step=dt)
    n = 100_000
    found = fate_scores(model, np.tile(x, (n, 1)), lambda end: (end[:, 0] > level).long(), 2, duration=dt, rng=1)
    acting = np.array([x[0], 0.8]) if held else x
    phi = acting**2 / (0.25 + acting**2)
    s = 1 / (1 + np.exp(-(drift.weights.numpy() @ phi + drift.bias.numpy())))
    spread = np.sqrt(2 * 0.05 * dt)
    mean = x[0] + (s[0] - x[0]) * dt
    density = norm.pdf(level, mean, spread) * dt
    assert found.share[1] == pytest.approx(norm.sf(level, mean, spread), abs=4 * found.share_error[1])
    slope = s[0] * (1 - s[0])
    expected = {
        "bias": np.array([slope, 0.0]),
        "production": np.array([s[0], 0.0]),
        "turnover": np.array([-x[0], 0.0]),
        "weights": np.array([slope * phi, [0.0, 0.0]]),
        "strength": slope * drift.weights.numpy()[0] * phi,
    }
    for name, value in expected.items():
        error = found.errors[name][1]
        assert (np.abs(getattr(found, name)[1] - density * value) <= 4 * error + 1e-12).all(), name


def test_committed_paths_add_no_noise_to_the_scores(toggle):
    """A path whose genes differ by .7 stays where it is, with a barrier of 8 units of the noise before it."""
    gen = np.random.default_rng(5)
    start = 0.2 + 0.05 * gen.standard_normal((20_000, 2))
    start[:, 0] += 0.02
    model = Model(TOGGLE, 0.01, ("A", "B"), lower=None, max_step=0.05)
    found = fate_scores(
        model, start, higher, 2, duration=12.0, committed=lambda x: (x[:, 0] - x[:, 1]).abs() > 0.7, rng=gen
    )
    # Production does not saturate, so that most of its noise comes after the choice; a bias has no effect by then.
    assert (found.errors["production"] < 0.8 * toggle.errors["production"]).all()
    assert (found.errors["bias"] < toggle.errors["bias"]).all()
    for kind in ("bias", "production"):
        spread = np.hypot(found.errors[kind], toggle.errors[kind])
        assert (np.abs(getattr(found, kind) - getattr(toggle, kind)) < 4 * spread).all()


def test_where_all_take_one_fate_there_is_no_slope():
    gen = np.random.default_rng(2)
    start = np.tile([0.9, 0.02], (200, 1))
    model = Model(TOGGLE, 0.001, ("A", "B"), max_step=0.05)
    options = {"label": higher, "n_fates": 2, "duration": 2.0}
    found = fate_scores(model, start, **options, rng=gen)
    assert found.share[0] == 1
    np.testing.assert_allclose(found.bias, 0, atol=1e-12)


def test_wrong_input_is_refused():
    model = Model(TOGGLE, 0.01, ("A", "B"))
    with pytest.raises(ValueError, match="shape"):
        fate_scores(model, np.zeros((3, 3)), higher, 2, duration=1.0)
    with pytest.raises(ValueError, match="Expected `label`"):
        fate_scores(model, np.zeros((3, 2)), lambda x: 5 * torch.ones(len(x), dtype=torch.long), 2, duration=1.0)
    with pytest.raises(ValueError, match="constant noise"):
        fate_scores(model.with_diffusion(lambda x: 0.1 + x), np.zeros((3, 2)), higher, 2, duration=1.0)
    with pytest.raises(TypeError, match="RegulatoryDrift"):
        fate_scores(Model(lambda x: -x, 0.01, max_step=0.1), np.zeros((3, 2)), higher, 2, duration=1.0)

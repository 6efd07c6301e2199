"""Components of variance: against formulas of the balanced design, and against the truth where designs are not."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.consensus import level_sources, nested_components, variance_shares


def test_balanced_components_are_those_of_the_mean_squares():
    rng = np.random.default_rng(0)
    y = rng.standard_normal((4, 3, 5))  # models x seeds x resamples
    model, seed, _ = np.indices(y.shape)
    found = nested_components(y.ravel(), [model.ravel(), seed.ravel()])
    within = y.var(axis=2, ddof=1).mean()
    between_seeds = 5 * y.mean(2).var(axis=1, ddof=1).mean()
    between_models = 15 * y.mean((1, 2)).var(ddof=1)
    expected = [(between_models - between_seeds) / 15, (between_seeds - within) / 5, within]
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_components_are_unbiased_where_numbers_differ():
    truth = np.array([1.0, 0.5, 0.25])
    model = np.repeat([0, 1, 2, 3], [6, 2, 5, 3])
    seed = np.array([0, 0, 0, 1, 1, 2, 0, 1, 0, 0, 1, 1, 1, 0, 0, 1])
    _, unit = np.unique(10 * model + seed, return_inverse=True)
    rng = np.random.default_rng(1)
    n = 20_000
    a = rng.standard_normal((4, n)) * np.sqrt(truth[0])
    b = rng.standard_normal((unit.max() + 1, n)) * np.sqrt(truth[1])
    y = 3 + a[model] + b[unit] + rng.standard_normal((len(model), n)) * np.sqrt(truth[2])
    found = nested_components(y, [model, seed])
    assert np.all(np.abs(found.mean(1) - truth) < 3 * found.std(1) / np.sqrt(n))


def test_shares_count_negative_components_as_none_and_are_missing_without_any():
    np.testing.assert_allclose(variance_shares(np.array([3.0, -1.0, 1.0])), [0.75, 0, 0.25])
    assert np.isnan(variance_shares(np.zeros(2))).all()


def test_a_level_without_repeats_is_refused():
    with pytest.raises(ValueError, match="one group only"):
        nested_components(np.arange(4.0), [[0, 0, 0, 0]])
    with pytest.raises(ValueError, match="one member"):
        nested_components(np.arange(4.0), [[0, 0, 1, 1], [0, 1, 0, 1]])


def test_sources_that_were_not_varied_have_no_share():
    rng = np.random.default_rng(2)
    # Two runs on each of three latent models, ten replicates each; many regulators, so that shares are near the truth.
    latent, d = [0, 0, 1, 1, 2, 2], 4000
    a, b = np.sqrt(0.6) * rng.standard_normal((3, 1, d)), np.sqrt(0.3) * rng.standard_normal((6, 1, d))
    states = [
        (a[latent[run]] + b[run] + np.sqrt(0.1) * rng.standard_normal((10, d)))[:, None].reshape(10, 1, d)
        for run in range(6)
    ]
    found = level_sources(states, np.zeros((1, 6), dtype=int), latent, ["A"]).loc["A"]
    # Mean squares of few groups, over many regulators: the standard error of a component is about sqrt(2 / (2 d)) of it.
    np.testing.assert_allclose(found[["latent_model", "downstream_seed", "resample"]], [0.6, 0.3, 0.1], atol=0.03)
    assert found["n_values"] == 60
    own = level_sources(states, np.zeros((1, 6), dtype=int), range(6), ["A"]).loc["A"]
    np.testing.assert_allclose(own[["latent_model", "resample"]], [0.9, 0.1], atol=0.03)
    assert np.isnan(own["downstream_seed"])
    fits = [each[:1] for each in states]
    alone = level_sources(fits, np.zeros((1, 6), dtype=int), range(6), ["A"]).loc["A"]
    assert alone[["latent_model", "downstream_seed", "resample"]].isna().all()

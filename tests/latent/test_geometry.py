from __future__ import annotations

import time

import numpy as np
import pytest
import torch

from landscape.latent import LatentModel
from landscape.latent.geometry import log_volume_element, pullback_metric, tangent_cosine


@pytest.fixture(scope="module")
def model(make_adata):
    """Two batches and a continuous covariate."""
    adata = make_adata()
    adata.obs["depth"] = np.linspace(0, 1, 120)
    fitted = LatentModel(adata, batch_key="batch", continuous_covariates=["depth"], n_latent=3, n_hidden=16)
    fitted.train(max_epochs=20, batch_size=32)
    return fitted


GENES = ["gene4", "gene20", "gene7", "gene11", "gene29"]


def log_expression(model, latent, genes=GENES, library_size=1e4):
    return model.get_log_expression_jacobian(genes=genes, latent=latent, library_size=library_size)[0].astype(float)


def test_log_expression_is_that_of_the_decoder(model):
    found, _ = model.get_log_expression_jacobian(genes=GENES)
    np.testing.assert_allclose(found, np.log1p(model.get_normalized_expression(genes=GENES)), rtol=1e-5)


def test_jacobian_agrees_with_finite_differences(model):
    z = model.get_latent_representation().astype(np.float64)
    # Central differences of a float32 decoder: rounding 1e-6 / h and curvature h^2 balance at h = 1e-2, at 1e-3 or so;
    # a kink of the rectified units within h of a cell is left out by taking the 90th percentile.
    _, slope = model.get_log_expression_jacobian(genes=GENES)
    h = 1e-2
    for axis in range(3):
        shift = np.eye(3)[axis] * h
        difference = (log_expression(model, z + shift) - log_expression(model, z - shift)) / (2 * h)
        error = np.abs(difference - slope[:, :, axis]).max(1)
        assert np.quantile(error, 0.9) < 3e-3 * np.abs(slope).max()


def test_batch_and_batch_size_are_respected(model, make_adata):
    expected = model.get_log_expression_jacobian(genes=GENES)
    blocks = model.get_log_expression_jacobian(genes=GENES, batch_size=7)
    for a, b in zip(expected, blocks, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    in_a = model.get_log_expression_jacobian(genes=GENES, batch="a")[0]
    is_a = (make_adata().obs["batch"] == "a").to_numpy()
    np.testing.assert_allclose(in_a[is_a], expected[0][is_a], rtol=1e-5)
    assert not np.allclose(in_a, expected[0], rtol=1e-4)


def test_metric_and_volume(model):
    _, slope = model.get_log_expression_jacobian(genes=GENES)
    metric = model.get_metric(genes=GENES)
    np.testing.assert_allclose(metric, np.einsum("ngi,ngj->nij", slope, slope), rtol=1e-4, atol=1e-6)
    singular = np.linalg.svd(slope.astype(float), compute_uv=False)
    np.testing.assert_allclose(model.get_log_volume_element(genes=GENES), np.log(singular).sum(1), rtol=1e-3, atol=1e-3)
    # fewer genes than latent dimensions span no volume
    flat = log_volume_element(pullback_metric(torch.tensor([[[1.0, 2.0], [2.0, 4.0]]])))
    assert flat.item() == -np.inf


def test_volume_follows_the_coordinates():
    """Under z = A w the Jacobian becomes J A and the log volume grows by log |det A|."""
    rng = np.random.default_rng(0)
    slope, change = torch.from_numpy(rng.normal(size=(6, 9, 3))), torch.from_numpy(rng.normal(size=(3, 3)))
    expected = log_volume_element(pullback_metric(slope)) + torch.linalg.slogdet(change)[1]
    torch.testing.assert_close(log_volume_element(pullback_metric(slope @ change)), expected)


def test_tangency_of_vectors_along_and_across():
    rng = np.random.default_rng(0)
    slope = torch.from_numpy(rng.normal(size=(50, 8, 3)))
    along = (slope @ torch.from_numpy(rng.normal(size=(50, 3, 1))))[:, :, 0]
    basis = torch.linalg.qr(slope, mode="complete")[0]
    across = (basis[:, :, 3:] @ torch.from_numpy(rng.normal(size=(50, 5, 1))))[:, :, 0]
    torch.testing.assert_close(tangent_cosine(slope, along), torch.ones(50, dtype=torch.float64))
    # rounding of 1e-16 under a square root
    torch.testing.assert_close(tangent_cosine(slope, across), torch.zeros(50, dtype=torch.float64), rtol=0, atol=1e-7)
    mixed = along / along.norm(dim=1)[:, None] + across / across.norm(dim=1)[:, None]
    torch.testing.assert_close(tangent_cosine(slope, mixed), torch.full((50,), 0.5**0.5, dtype=torch.float64))
    # neither coordinates of z nor an unused latent dimension change it
    change = torch.from_numpy(rng.normal(size=(3, 3)))
    torch.testing.assert_close(tangent_cosine(slope @ change, mixed), tangent_cosine(slope, mixed))
    padded = torch.cat([slope, torch.zeros(50, 8, 2, dtype=torch.float64)], dim=2)
    torch.testing.assert_close(tangent_cosine(padded, mixed), tangent_cosine(slope, mixed))
    assert tangent_cosine(slope, torch.zeros(50, 8)).isnan().all()


def test_random_directions_have_the_share_by_chance(model):
    field = np.random.default_rng(0).normal(size=(120, 30))
    share = model.get_tangency(field, genes=model.genes) ** 2
    # a beta distribution of mean 3 / 30 and standard deviation .053; 120 cells
    assert share.mean() == pytest.approx(0.1, abs=4 * 0.053 / 120**0.5)


def test_field_that_moves_cells_along_the_manifold(model):
    z = model.get_latent_representation()
    _, slope = model.get_log_expression_jacobian(genes=GENES)
    field = np.einsum("ngd,nd->ng", slope, z)
    assert model.get_tangency(field, genes=GENES).min() > 0.999


def test_path_is_shorter_than_the_straight_line_and_even(model):
    z = model.get_latent_representation()
    kind = np.argsort(z[:, np.abs(z).mean(0).argmax()])
    path = model.interpolate(z[kind[0]], z[kind[-1]], n_nodes=20)
    np.testing.assert_allclose(path.latent[[0, -1]], z[kind[[0, -1]]], rtol=1e-6)
    assert path.expression.shape == (20, 30)
    chord = np.linalg.norm(path.expression[-1] - path.expression[0])
    assert chord <= path.length <= path.straight_length
    steps = np.linalg.norm(np.diff(path.expression, axis=0), axis=1)
    straight = path.straight_length / 19
    assert steps.std() < 0.2 * straight
    assert path.n_steps > 1
    assert path.residual < 0.1


def test_samples_have_the_posteriors_moments(model):
    samples = model.sample_latent(n_samples=400, rng=1)
    assert samples.shape == (400, 120, 3)
    deviation = model.get_latent_deviation()
    # 400 draws: 5 % each, of 360 numbers the largest is within five of them
    np.testing.assert_allclose(samples.mean(0), model.get_latent_representation(), atol=0.25 * deviation.max())
    np.testing.assert_allclose(samples.std(0), deviation, rtol=0.25)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda m: m.get_tangency(np.zeros((3, 5)), genes=GENES),
            r"field of shape \(120, 5\), cells x genes, found \(3, 5\)",
        ),
        (lambda m: m.get_tangency(np.full((120, 5), np.nan), genes=GENES), "600 values that are not finite"),
        (lambda m: m.get_metric(library_size=0), "positive `library_size`, found 0"),
        (
            lambda m: m.get_metric(latent=np.zeros((2, 3))),
            r"`latent` of shape \(120, 3\), cells x latent, found \(2, 3\)",
        ),
        (lambda m: m.interpolate(np.zeros(2), np.zeros(3)), r"two points of shape \(3,\), found \(2,\) and \(3,\)"),
        (lambda m: m.interpolate(np.zeros(3), np.zeros(3), n_nodes=2), "`n_nodes` of at least 3, found 2"),
        (lambda m: m.sample_latent(n_samples=0), "`n_samples` of at least 1, found 0"),
    ],
)
def test_bad_arguments(model, call, message):
    with pytest.raises(ValueError, match=message):
        call(model)


def test_untrained_model_has_no_paths(adata):
    with pytest.raises(RuntimeError, match=r"run `model.train\(\)` first"):
        LatentModel(adata).interpolate(np.zeros(10), np.zeros(10))


@pytest.mark.slow
def test_tangency_of_two_thousand_cells_takes_seconds(make_adata):
    adata = make_adata(2000, 300)
    model = LatentModel(adata)
    model.train(max_epochs=1)
    started = time.process_time()
    model.get_tangency(np.ones((2000, 300)), genes=model.genes)
    assert time.process_time() - started < 10

"""Assays of encoder and decoder, and of the responses of targets, on data whose truth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from landscape.assays import (
    Coder,
    Targets,
    denoising,
    deviances,
    disentangled_code,
    graded_regulation,
    information_gap,
    interpolation,
    nonlinear_code,
    realism,
)
from landscape.assays.coder import log_normalised
from landscape.assays.denoising import removed
from landscape.assays.disentanglement import mutual_information
from landscape.assays.nonlinearity import unexplained
from tests.assays.conftest import toggles


def coder(bend: float = 0.0, *, labels: bool = True, n: int = 240, g: int = 60) -> Coder:
    """A decoder whose log-shares are linear in two latent variables, and bend with the square of the first."""
    rng = np.random.default_rng(0)
    z, slopes, curve = rng.standard_normal((n, 2)), 0.5 * rng.standard_normal((2, g)), rng.standard_normal(g)

    def decode(latent):
        logs = latent @ slopes + bend * latent[:, :1] ** 2 * curve
        share = np.exp(logs)
        return np.log1p(1e4 * share / share.sum(1, keepdims=True))

    share = np.expm1(decode(z))
    counts = rng.poisson(2000 * share / share.sum(1, keepdims=True)).astype(float)

    def encode(given):
        y = log_normalised(given)
        return (y - y.mean(0)) @ np.linalg.pinv(slopes - slopes.mean(1, keepdims=True))

    def geodesic(first, second):
        return first + np.linspace(0, 1, 15)[:, None] * (second - first)

    return Coder(z, decode, encode, counts, geodesic, (z[:, 0] > 0).astype(int) if labels else None)


def test_a_log_linear_decoder_has_nothing_to_explain():
    subject = toggles(1, extras={"coder": coder()})
    found = nonlinear_code(subject, rng=0)
    assert found.value == pytest.approx(0.0, abs=1e-9)
    assert found.verdict == "undecided"
    bent = nonlinear_code(replace(subject, extras={"coder": coder(bend=0.6)}), rng=0)
    assert bent.verdict == "supported"
    assert bent.value > 0.2
    rng = np.random.default_rng(1)
    x, noise = rng.standard_normal((4000, 2)), rng.standard_normal((4000, 1))
    # Half of the variance is noise: x has coefficients of length 1, noise of length 1.
    assert unexplained(x, x @ [[0.6], [0.8]] + noise) == pytest.approx(0.5, abs=0.05)


def test_the_gap_of_a_variable_that_is_the_factor():
    rng = np.random.default_rng(0)
    z = rng.standard_normal((2000, 3))
    v = (z[:, 1] > 0).astype(int)
    # One bin of twenty holds both labels, half a bit on average, and the other variables have a bias of 19 / (2 n ln 2).
    assert information_gap(z, v) == pytest.approx(1.0, abs=1 / 20 + 0.01)
    turned = z @ np.linalg.qr(rng.standard_normal((3, 3)))[0]
    assert information_gap(turned, v) < 0.5
    assert mutual_information([0, 0, 1, 1], [0, 1, 0, 1]) == pytest.approx(0)
    assert mutual_information([0, 0, 1, 1], [5, 5, 7, 7]) == pytest.approx(1)
    assert np.isnan(information_gap(z, np.zeros(2000)))


def test_disentanglement_needs_labels():
    found = disentangled_code(toggles(1, extras={"coder": coder()}), rng=0)
    assert found.verdict == "supported"
    without = disentangled_code(toggles(1, extras={"coder": coder(labels=False)}), rng=0)
    assert without.verdict == "not testable here"
    assert "cannot be identified" in without.reason


def test_a_chord_of_a_ring_leaves_it():
    """The middle of a chord of 120 degrees has radius .5, that of the arc 1."""
    angle = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    ring = np.column_stack([np.cos(angle), np.sin(angle)])
    ends = ring[[0, 133]]
    chord = ends[0] + np.linspace(0, 1, 21)[:, None] * (ends[1] - ends[0])
    arc = ring[:134:6]
    assert np.linalg.norm(chord[10]) == pytest.approx(0.5, abs=0.01)
    spacing = 2 * np.pi / 400
    assert realism(np.vstack([chord[[0]], chord[[10]], chord[[20]]]), ring) == pytest.approx(0.5 / spacing, rel=0.02)
    assert realism(arc, ring) == pytest.approx(0, abs=1e-9)


def test_interpolation_has_its_null():
    found = interpolation(toggles(1, extras={"coder": coder(bend=0.6)}), rng=0)
    assert np.isfinite([found.value, found.null_low, found.null_high]).all()
    assert found.details["chord"] > 0


def test_the_share_of_a_corruption_that_is_removed():
    rng = np.random.default_rng(0)
    before = rng.standard_normal((5, 40))
    clean = rng.standard_normal((5, 40))
    np.testing.assert_allclose(removed(clean, clean, before), 1.0)
    np.testing.assert_allclose(removed(clean, clean + before, before), 0.0, atol=1e-12)
    np.testing.assert_allclose(removed(clean, clean + 0.5 * before, before), 0.75)
    found = denoising(toggles(1, extras={"coder": coder()}), rng=0)
    # Two directions of sixty are left of noise that has no direction.
    assert found.value > 0.8
    assert np.isfinite([found.null_low, found.null_high]).all()


def targets(hill: float, n_targets: int, *, n: int = 1200, seed: int = 0) -> Targets:
    """Targets of one response each, with the same means, in counts of a few molecules."""
    rng = np.random.default_rng((seed, int(hill)))
    x = rng.random((n, n_targets))
    response = x**hill / (0.5**hill + x**hill)
    size = rng.gamma(10, 0.1, n)
    mean = 0.3 + 4 * response / response.mean(0) * 0.5
    counts = rng.poisson(mean * size[:, None]).astype(float)
    return Targets(counts, size, x, tuple(f"T{i}" for i in range(n_targets)))


def test_graded_targets_are_told_from_switches():
    """Hill coefficients 1 and 10 with the same means: AUROC over 30 targets of each above .9."""
    gain, truth = [], []
    for hill, label in ((1.0, 1), (10.0, 0)):
        made = targets(hill, 30)
        for t in range(30):
            graded, step = deviances(made.regulator[:, t], made.counts[:, t], made.size)
            gain.append(step - graded)
            truth.append(label)
    assert roc_auc_score(truth, gain) > 0.9


@pytest.mark.parametrize(("hill", "verdicts"), [(1.0, {"supported"}), (100.0, {"undecided", "contradicted"})])
def test_the_verdict_on_graded_regulation(hill, verdicts):
    found = graded_regulation(toggles(1, extras={"targets": targets(hill, 20)}), rng=0)
    assert found.verdict in verdicts, (found.value, found.null_low, found.null_high)


def test_few_targets_give_a_reason():
    found = graded_regulation(toggles(1, extras={"targets": targets(1.0, 4)}), rng=0)
    assert "there are 4 targets" in found.reason
    assert "latent_models" in nonlinear_code(toggles(1), rng=0).reason

"""Counts against the moments of the negative binomial, and what depth, batches and splicing do to them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import nbinom

from landscape.circuits.counts import Measurement, draw_genes, negative_binomial


@pytest.mark.parametrize(("mean", "dispersion"), [(0.3, 0.5), (4.0, 0.15), (60.0, 0.02)])
def test_negative_binomial_has_its_mean_and_variance(mean, dispersion):
    n = 40_000
    x = negative_binomial(np.full((n, 1), mean), np.array([dispersion]), np.random.default_rng(1))
    variance = mean + dispersion * mean**2
    kurtosis = float(nbinom.stats(1 / dispersion, 1 / (1 + dispersion * mean), moments="k"))
    assert abs(x.mean() - mean) < 5 * np.sqrt(variance / n)
    # The variance of a sample variance is (kurtosis + 2) variance^2 / n.
    assert abs(x.var() - variance) < 5 * variance * np.sqrt((kurtosis + 2) / n)


def genes(n=40):
    names = {"regulator": ["R"], "target": [f"T{i}" for i in range(n - 2)], "housekeeping": ["H"]}
    return draw_genes(names, np.linspace(0.5, 2, n), np.random.default_rng(0))


def test_genes_are_labelled_and_regulators_scarce():
    table = genes()
    assert table["regulator"].tolist() == [True] + 39 * [False]
    assert table["kind"].tolist() == ["regulator"] + 38 * ["target"] + ["housekeeping"]
    np.testing.assert_allclose(table["decay_rate"], 1 / np.linspace(0.5, 2, 40))
    many = draw_genes({"regulator": list("abcdefgh"), "housekeeping": [f"H{i}" for i in range(200)]}, np.ones(208),
                      np.random.default_rng(0))  # fmt: skip
    medians = many.groupby("kind", observed=True)["abundance"].median()
    assert medians["regulator"] < medians["housekeeping"]


def test_depth_is_log_normal_and_composition_is_kept():
    n, level = 4000, np.ones((4000, 40))
    counts, unspliced, obs = Measurement(genes(), 3000.0, 0.3, 1, 0.2).counts(level, None, np.random.default_rng(2))
    assert unspliced is None
    assert set(obs["batch"]) == {"batch0"}
    log = np.log(obs["size_factor"])
    assert abs(log.mean()) < 5 * 0.3 / np.sqrt(n)
    assert abs(log.std() - 0.3) < 5 * 0.3 / np.sqrt(2 * n)
    m = genes()["abundance"].to_numpy()
    expected = 3000 * obs["size_factor"].to_numpy()[:, None] * (m / m.sum())
    variance = expected + genes()["dispersion"].to_numpy() * expected**2
    z = (counts - expected).sum(0) / np.sqrt(variance.sum(0))
    assert np.abs(z).max() < 5


def test_batches_multiply_genes():
    level = np.ones((6000, 40))
    counts, _, obs = Measurement(genes(), 20_000.0, 0.0, 2, 0.5).counts(level, None, np.random.default_rng(3))
    first = (obs["batch"] == "batch0").to_numpy()
    ratio = np.log(counts[first].mean(0) / counts[~first].mean(0))
    # A difference of two normal numbers of deviation 0.5, over 40 genes; closure shifts all genes alike.
    assert abs(ratio.std() - 0.5 * np.sqrt(2)) < 5 * 0.5 / np.sqrt(40)
    assert abs(first.mean() - 0.5) < 5 * 0.5 / np.sqrt(6000)


def test_unspliced_counts_share_depth_and_composition():
    level = np.ones((4000, 40))
    counts, unspliced, _ = Measurement(genes(), 3000.0, 0.3, 1, 0.2).counts(
        level, 0.25 * level, np.random.default_rng(4)
    )
    ratio = unspliced.sum(0) / counts.sum(0)
    m, phi = genes()["abundance"].to_numpy(), genes()["dispersion"].to_numpy()
    mean = 3000 * m / m.sum()
    # Relative variance of a mean over n cells is (1 / mean + phi) / n; depth varies but cancels to first order, and
    # dispersion is multiplied by E[l^2] / E[l]^2 = exp(0.09) < 1.1.
    error = 0.25 * np.sqrt((1 / mean + 4 / mean + 2.2 * phi) / 4000)
    assert (np.abs(ratio - 0.25) < 5 * error).all()


@pytest.mark.parametrize("name", ["depth_spread", "batch_spread"])
def test_negative_spreads_are_refused(name):
    with pytest.raises(ValueError, match=f"`{name}` to be finite and not negative, found -1"):
        Measurement(
            **{"genes": genes(), "depth": 1.0, "depth_spread": 0.1, "batches": 1, "batch_spread": 0.1, name: -1.0}
        )

"""Training curves and checks of a latent model: the numbers drawn are those of the model and of the counts."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib import pyplot as plt
from scipy import sparse, stats

from landscape import pl
from landscape.latent import LatentModel
from landscape.pl._latent import expected


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


@pytest.fixture(params=["nb", "poisson", "zinb"])
def fitted(request, finished):
    model = LatentModel(finished, gene_likelihood=request.param, n_hidden=8, n_latent=2)
    model.train(max_epochs=2)
    return finished, model


def test_curves_and_checks(fitted):
    adata, model = fitted
    axes = pl.latent(adata, model=model, show=False)
    line = next(a for a in axes[0].lines if a.get_gid() == "elbo_validation")
    np.testing.assert_array_equal(line.get_ydata(), model.history["elbo_validation"])
    if model.architecture.gene_likelihood == "zinb":
        assert len(axes) == 2
        return
    points = next(a for a in axes[2].get_children() if a.get_gid() == "share of zeros").get_offsets()
    counts = adata.layers["counts"].toarray()
    np.testing.assert_allclose(points[:, 0], (counts == 0).mean(0))
    mean = model.get_normalized_expression(library_size="observed", return_numpy=True).astype(float)
    if model.architecture.gene_likelihood == "poisson":
        law = stats.poisson(mean)
    else:
        theta = np.exp(model.module.px_r.detach().numpy().astype(float))
        law = stats.nbinom(theta, theta / (theta + mean))
    zeros, variance = expected(model, adata)
    np.testing.assert_allclose(zeros, law.pmf(0).mean(0), rtol=1e-5)
    np.testing.assert_allclose(variance, law.var().mean(0) + mean.var(0), rtol=1e-5)


def test_cells_of_the_checks_are_sampled_and_it_is_said(finished):
    model = LatentModel(finished, n_hidden=8, n_latent=2)
    model.train(max_epochs=1)
    assert (
        "checks on 100 of 600 cells"
        in pl.latent(finished, model=model, n_cells=100, show=False, return_fig=True).get_supxlabel()
    )


def test_other_models_and_untrained_ones_are_named(finished):
    with pytest.raises(TypeError, match="Expected `model` to be a `landscape.latent.LatentModel`, found str"):
        pl.latent(finished, model="model", show=False)
    with pytest.raises(ValueError, match=r"run `model\.train\(\)` first"):
        pl.latent(finished, model=LatentModel(finished), show=False)
    assert sparse.issparse(finished.layers["counts"])

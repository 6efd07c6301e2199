"""Training curves and checks of a latent model: the numbers drawn are those of the model."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from landscape import pl
from landscape.latent import CompressionCurve, LatentModel
from tests.pl.drawn import artist


@pytest.fixture(params=["nb", "poisson", "zinb"])
def fitted(request, finished):
    model = LatentModel(finished, gene_likelihood=request.param, n_hidden=8, n_latent=2)
    model.train(max_epochs=2)
    return finished, model


def test_curves_and_checks_are_those_of_the_model(fitted):
    adata, model = fitted
    check = model.posterior_predictive_check(adata, n_cells=50, n_samples=3, rng=0)
    axes = pl.latent(adata, model=model, check=check, show=False)
    line = next(a for a in axes[0].lines if a.get_gid() == "elbo_validation")
    np.testing.assert_array_equal(line.get_ydata(), model.history["elbo_validation"])
    zeros = artist(axes[2], "share of zeros").get_offsets()
    np.testing.assert_allclose(zeros, check.genes[["zeros", "predicted_zeros"]])
    spread = artist(axes[3], "variance").get_offsets()
    np.testing.assert_allclose(spread, check.genes[["variance", "predicted_variance"]])
    assert [bar.get_height() for bar in axes[4].containers[0]] == pytest.approx(check.coverage["coverage"].tolist())
    assert "checks on 50 of 600 cells" in axes[0].get_figure().get_supxlabel()


def test_the_compression_curve_is_drawn_if_given(finished):
    model = LatentModel(finished, n_hidden=8, n_latent=2)
    model.train(max_epochs=1)
    table = pd.DataFrame({"n_latent": [2, 2, 5, 5], "elbo": [-10.0, -12.0, -9.0, -9.5]})
    axes = pl.latent(finished, model=model, compression=CompressionCurve(table, 5), show=False)
    assert len(axes) == 3  # without checks
    (line,) = [a for a in axes[2].lines if a.get_gid() == "compression"]
    np.testing.assert_allclose(line.get_xydata(), [[2, -11.0], [5, -9.25]])
    assert any("enough: 5" in t.get_text() for t in axes[2].texts)


def test_other_models_and_untrained_ones_are_named(finished):
    with pytest.raises(TypeError, match=r"Expected `model` to be a `landscape\.latent\.LatentModel`, found str"):
        pl.latent(finished, model="model", show=False)
    with pytest.raises(ValueError, match=r"run `model\.train\(\)` first"):
        pl.latent(finished, model=LatentModel(finished), show=False)

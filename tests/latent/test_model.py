from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

from landscape.latent import LatentModel
from landscape.latent.likelihood import LIKELIHOODS


def small(adata, **options):
    return LatentModel(adata, **{"n_latent": 2, "n_hidden": 8, **options})


def test_latent_separates_the_two_kinds(trained, adata):
    latent = trained.get_latent_representation()
    assert latent.shape == (120, 3)
    assert latent.dtype == np.float32
    # 15 genes at 10x and 15 at 0.1x with some 200 counts: the kinds do not overlap
    assert cross_val_score(LogisticRegression(), latent, adata.obs["kind"], cv=4).mean() == 1.0


def test_expression_is_recovered(trained, adata):
    """The denoised share of each gene is the true one of the cell's kind, to 25 % at the median and 15 % of them."""
    expression = trained.get_normalized_expression(library_size=1.0, n_samples=50)
    truth = adata.uns["share"][adata.obs["kind"].astype(int)]
    # Poisson noise of a gene's mean over 60 cells of 200 counts at share .06: 4 %, at .006: 12 %
    assert np.median(np.abs(expression.to_numpy() / truth - 1)) < 0.15


def test_history_names_the_parts_of_the_bound(trained):
    history = trained.history
    assert history.index.name == "epoch"
    assert list(history) == [
        "elbo_train",
        "reconstruction_train",
        "kl_train",
        "elbo_validation",
        "reconstruction_validation",
        "kl_validation",
        "kl_weight",
        "seconds",
    ]
    assert len(history) <= 60
    assert history["elbo_validation"].iloc[-1] > history["elbo_validation"].iloc[0]


def test_adata_is_not_changed(adata):
    before = adata.copy()
    model = small(adata, batch_key="batch")
    model.train(max_epochs=2)
    model.get_latent_representation()
    for slot in ("obs", "var", "obsm", "layers", "uns"):
        assert list(getattr(adata, slot)) == list(getattr(before, slot)), slot
    assert adata.obs.equals(before.obs)
    assert (adata.layers["counts"] != before.layers["counts"]).nnz == 0


def test_same_seed_same_model_bit_for_bit(adata):
    first, second, third = (small(adata, rng=seed) for seed in (3, np.random.default_rng(3), 4))
    for model in (first, second, third):
        model.train(max_epochs=3)
    np.testing.assert_array_equal(first.get_latent_representation(), second.get_latent_representation())
    assert not np.allclose(first.get_latent_representation(), third.get_latent_representation())
    first.train(max_epochs=3)  # starts again
    np.testing.assert_array_equal(first.get_latent_representation(), second.get_latent_representation())


def test_global_randomness_is_left_alone(adata):
    torch_before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    small(adata).train(max_epochs=1)
    assert torch.equal(torch.get_rng_state(), torch_before)
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_before)  # noqa: NPY002


@pytest.mark.parametrize("n_cells", [10, 11, 33, 65])
def test_no_batch_of_one_cell(n_cells, make_adata):
    model = small(make_adata(n_cells))
    model.train(max_epochs=1, batch_size=32, validation_size=0)
    assert np.isfinite(model.get_latent_representation()).all()


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
@pytest.mark.parametrize("dispersion", ["gene", "gene-batch"])
def test_every_likelihood_trains(adata, likelihood, dispersion):
    model = small(adata, batch_key="batch", gene_likelihood=likelihood, dispersion=dispersion)
    model.train(max_epochs=8, learning_rate=5e-3, batch_size=32)
    assert model.history["elbo_train"].iloc[-1] > model.history["elbo_train"].iloc[0]


def test_layers_and_types_make_no_difference(adata):
    counts = adata.layers["counts"]
    expected = small(adata)
    expected.train(max_epochs=2)
    for form in (
        counts.toarray(),
        counts.astype(np.int64),
        counts.toarray().astype(np.float16),
        counts.tocsc(),
        sparse.csr_array(counts),
    ):
        adata.layers["other"] = form
        model = small(adata, layer="other")
        model.train(max_epochs=2)
        np.testing.assert_array_equal(model.get_latent_representation(), expected.get_latent_representation())


def test_view_is_enough(adata):
    view = adata[::2]
    model = small(view)
    model.train(max_epochs=1)
    assert view.is_view
    assert len(model.get_latent_representation()) == 60


def test_no_progress_bar_unless_wanted(adata, capsys):
    model = small(adata)
    model.train(max_epochs=1)
    assert capsys.readouterr().err == ""
    model.train(max_epochs=1, progress=True)
    assert "latent model" in capsys.readouterr().err


def test_interrupted_fit_can_be_used(adata, monkeypatch):
    from landscape.latent import trainer as module

    def interrupted(*args, **kwargs):
        epochs = fit(*args, **kwargs)
        yield next(epochs)
        raise KeyboardInterrupt

    fit = module.fit
    monkeypatch.setattr(module, "fit", interrupted)
    model = small(adata)
    with pytest.raises(KeyboardInterrupt):
        model.train(max_epochs=9)
    assert model.get_latent_representation().shape == (120, 2)
    assert len(model.history) == 1


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((9, 30), "Expected at least 10 cells and 2 genes, found 9 cells and 30 genes"),
        ((120, 1), "found 120 cells and 1 genes"),
        ((120, 0), "found 120 cells and 0 genes"),
    ],
)
def test_too_few(shape, message, adata):
    with pytest.raises(ValueError, match=message):
        LatentModel(adata[: shape[0], : shape[1]].copy())


def test_bad_validation_size(adata):
    with pytest.raises(ValueError, match=r"`validation_size` in \[0, 0.5\], found 0.9"):
        small(adata).train(validation_size=0.9)


def test_untrained_model_says_so(adata):
    model = small(adata)
    assert "not trained" in repr(model)
    with pytest.raises(RuntimeError, match=r"run `model.train\(\)` first"):
        model.get_latent_representation()
    with pytest.raises(RuntimeError, match=r"run `model.train\(\)` first"):
        model.get_normalized_expression()

"""Several latent models used as one."""

from __future__ import annotations

import numpy as np
import pytest

import landscape as ls
from landscape.latent import LatentEnsemble, LatentModel
from landscape.latent.ensemble import load_model
from landscape.markov.graph import consensus_graph, graph_of_parts, neighbor_graph
from tests.latent.conftest import two_kinds


def trained(adata, seed: int, **options) -> LatentModel:
    model = LatentModel(adata, rng=seed, n_latent=3, n_hidden=8, **options)
    model.train(max_epochs=2, progress=False)
    return model


@pytest.fixture(scope="module")
def cells():
    return two_kinds()


@pytest.fixture(scope="module")
def ensemble(cells) -> LatentEnsemble:
    return LatentEnsemble([trained(cells, seed) for seed in range(3)])


def test_latent_variables_stand_side_by_side_and_expression_is_the_mean(ensemble, cells):
    z = ensemble.get_latent_representation()
    assert ensemble.widths == (3, 3, 3)
    np.testing.assert_array_equal(z[:, 3:6], ensemble.models[1].get_latent_representation())
    genes = list(cells.var_names[:4])
    found = ensemble.get_normalized_expression(genes=genes, batch=ensemble.get_reference())
    each = [m.get_normalized_expression(genes=genes, batch=m.get_reference()).to_numpy() for m in ensemble]
    np.testing.assert_allclose(found.to_numpy(), np.mean(each, axis=0), rtol=1e-5)
    assert list(found.columns) == genes
    # Shares still sum to the size of the library.
    np.testing.assert_allclose(
        ensemble.get_normalized_expression(library_size=100.0, return_numpy=True).sum(1), 100, rtol=1e-4
    )


def test_models_of_one_seed_are_the_model_itself(cells):
    model = trained(cells, 0)
    same = LatentEnsemble([model, model])
    np.testing.assert_allclose(
        same.get_normalized_expression(return_numpy=True), model.get_normalized_expression(return_numpy=True), rtol=1e-6
    )
    z = same.get_latent_representation().astype(float)
    graph, single = graph_of_parts(z, same.widths, n_neighbors=10), neighbor_graph(z[:, :3], n_neighbors=10)
    assert abs(graph.weights - single.weights).max() < 1e-15


def test_cells_are_neighbours_in_most_models(ensemble):
    z = ensemble.get_latent_representation().astype(float)
    graph = graph_of_parts(z, ensemble.widths, n_neighbors=10)
    parts = [neighbor_graph(z[:, k : k + 3], n_neighbors=10) for k in (0, 3, 6)]
    assert abs(graph.weights - consensus_graph(parts).weights).max() == 0


def test_an_ensemble_is_saved_and_loaded(ensemble, cells, tmp_path):
    ensemble.save(tmp_path / "model")
    loaded = load_model(tmp_path / "model", cells)
    assert isinstance(loaded, LatentEnsemble)
    np.testing.assert_array_equal(loaded.get_latent_representation(), ensemble.get_latent_representation())
    first = LatentModel.load(tmp_path / "model", cells)
    np.testing.assert_array_equal(first.get_latent_representation(), ensemble.models[0].get_latent_representation())
    (tmp_path / "model" / "ensemble.json").write_text("{}")
    with pytest.raises(ValueError, match="damaged"):
        LatentEnsemble.load(tmp_path / "model", cells)
    (tmp_path / "model" / "ensemble.json").unlink()
    assert isinstance(load_model(tmp_path / "model", cells), LatentModel)
    with pytest.raises(FileNotFoundError, match="single model"):
        LatentEnsemble.load(tmp_path / "model", cells)


def test_models_that_do_not_belong_together_are_refused(ensemble, cells):
    with pytest.raises(ValueError, match="at least one"):
        LatentEnsemble([])
    with pytest.raises(TypeError, match="found str"):
        LatentEnsemble([ensemble.models[0], "model"])
    with pytest.raises(ValueError, match="trained"):
        LatentEnsemble([ensemble.models[0], LatentModel(cells, n_latent=3)])
    with pytest.raises(ValueError, match="same genes"):
        LatentEnsemble([ensemble.models[0], trained(cells[:, ::-1].copy(), 0)])


def test_dynamics_take_a_list_of_models(ensemble, cells):
    adata = cells.copy()
    adata.layers["counts"] = adata.X
    ls.tl.network(adata, regulators=list(adata.var_names[:6]), layer="counts", model=ensemble)
    direction = ls.dynamics.from_root(str(adata.obs_names[0]))
    ls.tl.dynamics(adata, model=list(ensemble), direction=direction, refine=False, n_neighbors=10)
    other = cells.copy()
    other.layers["counts"] = other.X
    other.varp, other.var = adata.varp, adata.var
    other.uns = {
        "landscape": {key: value for key, value in adata.uns["landscape"].items() if key in ("network", "schema")}
    }
    ls.tl.dynamics(other, model=ensemble, direction=direction, refine=False, n_neighbors=10)
    np.testing.assert_array_equal(adata.obsm["X_state"].to_numpy(), other.obsm["X_state"].to_numpy())
    assert list(adata.uns["landscape"]["dynamics"]["params"]["widths"]) == [3, 3, 3]
    assert adata.obsm["X_latent"].shape == (adata.n_obs, 9)


def test_replicates_rest_on_bootstrap_samples_of_the_models(ensemble, cells):
    def ensemble_of(model) -> np.ndarray:
        adata = cells.copy()
        adata.layers["counts"] = adata.X
        ls.tl.network(adata, regulators=list(adata.var_names[:6]), layer="counts", model=model)
        direction = ls.dynamics.from_root(str(adata.obs_names[0]))
        options = {"direction": direction, "refine": False, "n_neighbors": 10, "n_replicates": 6}
        ls.tl.dynamics(adata, model=model, **options)
        return np.asarray(adata.uns["landscape"]["ensemble"]["weights"])

    # Models of one seed differ in nothing that could be resampled: what is left is the sample of cells.
    alike = ensemble_of(LatentEnsemble([ensemble.models[0]] * 3)).std(0).mean()
    assert ensemble_of(ensemble).std(0).mean() > alike

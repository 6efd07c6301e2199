from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import landscape as ls
from landscape import network
from tests.network import toy

QUICK = {"n_bootstraps": 4, "rng": 0}


class Model:
    """A stand-in for a latent model: a smooth mean of each cell, and draws around it."""

    batch_key = None

    def __init__(self, counts):
        total = counts.sum(axis=1, keepdims=True)
        self.mean = 1e4 * (counts + 1) / (total + counts.shape[1])

    def get_normalized_expression(self, adata, *, genes, library_size, return_numpy):
        assert (len(genes), library_size, return_numpy) == (adata.n_vars, 1e4, True)
        return self.mean

    def sample_expression(self, adata, *, genes, library_size, n_samples, rng):
        assert (len(genes), library_size) == (adata.n_vars, 1e4)
        noise = np.random.default_rng(rng).normal(size=(n_samples, *self.mean.shape))
        return self.mean * np.exp(0.2 * noise)


def planted(**settings):
    return toy.planted_adata(**{"n_cells": 300, "n_targets": 120} | settings)


def auprc(adata, truth):
    return network.score(adata.varp["network"].toarray()[:8], truth, np.arange(8)).auprc


def test_priors_and_regulators_by_symbol_reach_genes_named_by_ensembl_ids():
    adata, truth = planted(n_cells=150, n_targets=24)
    symbols = ["Gata1", "Spi1", "Klf1", "Tal1", "Cebpa", "Fli1", "Gfi1", "Myc", *(f"Actb{k}" for k in range(24))]
    rows, columns = np.nonzero(truth)
    prior = pd.DataFrame({"source": np.array(symbols)[rows], "target": np.array(symbols)[columns]})
    adata.var_names = symbols
    ls.tl.network(adata, prior=prior, **QUICK)
    expected = adata.varp["network"].toarray()
    del adata.varp["network"]
    adata.var["gene_symbol"] = symbols
    adata.var_names = [f"ENSMUSG{k:011d}" for k in range(adata.n_vars)]
    ls.tl.network(adata, prior=prior, **QUICK)
    np.testing.assert_array_equal(adata.varp["network"].toarray(), expected)
    assert adata.uns["landscape"]["network"]["params"]["prior_coverage"] == 1.0
    ls.tl.network(adata, regulators=["Klf1", "Sfpi1"], **QUICK)
    assert adata.var["gene_symbol"][adata.var["regulator_in_network"]].tolist() == ["Spi1", "Klf1"]
    ls.tl.network(adata, regulators=list(adata.var_names[:3]), **QUICK)
    assert adata.var["regulator_in_network"].sum() == 3


def test_nodes_of_the_graph_say_what_they_do():
    adata, _ = planted()
    ls.tl.network(adata, **QUICK)
    graph = ls.get.network(adata)
    table = network.degrees(ls.get.edges(adata))
    name = table.index[0]
    assert graph.nodes[name]["out_strength"] == table["out_strength"].iloc[0] > 0
    assert graph.nodes[name]["n_activated"] + graph.nodes[name]["n_repressed"] == graph.out_degree(name)
    assert all(graph.nodes[node]["n_regulators"] == graph.in_degree(node) for node in graph)


def test_metacells_are_summed_and_their_covariates_averaged():
    adata, truth = planted()
    adata.obs["metacell"] = pd.Categorical([f"m{k // 4}" for k in range(300)])
    adata.obs["cycle"] = np.random.default_rng(0).normal(size=300)
    ls.tl.network(adata, metacells="metacell", covariates="cycle", **QUICK)
    order = np.argsort(np.argsort([f"m{k}" for k in range(75)]))  # labels are sorted as text
    counts = adata.X.toarray().reshape(75, 4, -1).sum(axis=1)
    cycle = adata.obs["cycle"].to_numpy().reshape(75, 4).mean(axis=1)
    place = np.argsort(order)
    expected = network.infer(network.expression(counts[place], np.arange(8), covariates=cycle[place][:, None]), **QUICK)
    np.testing.assert_allclose(adata.varp["network"].toarray()[:8], expected.weights, rtol=1e-5, atol=1e-7)
    assert adata.uns["landscape"]["network"]["params"]["metacells"] == "metacell"
    assert adata.uns["landscape"]["network"]["params"]["n_cells"] == 75
    assert auprc(adata, truth) > 0.8


def test_cells_without_a_metacell_are_left_out():
    adata, _ = planted()
    labels = np.array([f"m{k // 4}" for k in range(300)], dtype=object)
    labels[:8] = None
    adata.obs["metacell"] = labels
    ls.tl.network(adata, metacells="metacell", **QUICK)
    assert adata.uns["landscape"]["network"]["params"]["n_cells"] == 73


def test_draws_are_put_together_with_their_spread():
    adata, truth = planted()
    model = Model(adata.X.toarray())
    ls.tl.network(adata, model=model, values="draws", n_draws=4, n_bootstraps=8, rng=0)
    params = adata.uns["landscape"]["network"]["params"]
    assert (params["values"], params["n_draws"], params["n_bootstraps"]) == ("draws", 4, 2)
    assert auprc(adata, truth) > 0.9
    assert {"network_sd", "network_fdr", "network_support"} <= set(adata.varp)
    assert "network_stability" not in adata.varp  # of eight regulators there is none
    ls.tl.network(adata, model=model, values="draws", n_draws=4, n_bootstraps=0, rng=0, key_added="bare")
    edges = truth != 0
    wide, narrow = (adata.varp[f"{key}_sd"].toarray()[:8][edges] for key in ("network", "bare"))
    assert (wide > narrow).mean() > 0.9  # bootstraps add to the spread over draws
    assert (narrow > 0).all()


def test_decoded_means_come_with_a_warning():
    adata, truth = planted()
    with pytest.warns(UserWarning, match="decoded means are smooth"):
        ls.tl.network(adata, model=Model(adata.X.toarray()), values="decoded", **QUICK)
    assert adata.uns["landscape"]["network"]["params"]["values"] == "decoded"
    assert auprc(adata, truth) > 0.9


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"values": "magic"}, ValueError, "`values` to be one of"),
        ({"values": "draws"}, ValueError, "Expected `model`, a trained"),
        ({"values": "draws", "model": True, "metacells": "m"}, ValueError, "found both"),
        ({"metacells": "none"}, KeyError, "found no 'none'"),
        ({"metacells": "few"}, ValueError, r"at least 50 metacells in `adata.obs\['few'\]`, found 3"),
    ],
)
def test_bad_requests_are_refused_and_nothing_is_written(arguments, error, message):
    adata, _ = planted(n_cells=150, n_targets=20)
    adata.obs["few"] = [f"m{k % 3}" for k in range(150)]
    with pytest.raises(error, match=message):
        ls.tl.network(adata, **QUICK | arguments)
    assert not list(adata.varp)
    assert "landscape" not in adata.uns


def test_draws_must_be_drawn():
    adata, _ = planted(n_cells=150, n_targets=20)
    with pytest.raises(ValueError, match="`n_draws` of at least 1, found 0"):
        ls.tl.network(adata, model=Model(adata.X.toarray()), values="draws", n_draws=0, **QUICK)


@pytest.mark.slow
def test_a_latent_model_gives_draws():
    adata, truth = planted()
    model = ls.latent.LatentModel(adata, layer="counts")
    model.train(max_epochs=40)
    ls.tl.network(adata, model=model, values="draws", n_draws=3, n_bootstraps=6, rng=0)
    assert auprc(adata, truth) > 3 * (truth != 0).mean()
    adata.obsm["X_latent"] = model.get_latent_representation()
    adata.obs["metacell"] = network.metacells(adata.obsm["X_latent"], size=5)
    ls.tl.network(adata, metacells="metacell", **QUICK)
    assert adata.uns["landscape"]["network"]["params"]["n_cells"] == 60

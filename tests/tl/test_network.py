from __future__ import annotations

import logging
from types import SimpleNamespace

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import landscape as ls
from landscape import network
from landscape.network.data.symbols import coding_genes
from tests.network import toy

QUICK = {"n_bootstraps": 4, "rng": 0}


def planted(**settings):
    return toy.planted_adata(**{"n_cells": 150, "n_targets": 24} | settings)


def snapshot(adata):
    return (
        list(adata.obs), list(adata.var), list(adata.varp), list(adata.obsm), sorted(adata.uns), list(adata.layers),
    )  # fmt: skip


def test_the_result_is_that_of_the_arrays_regulator_by_target():
    adata, truth = planted(n_regulators=24)
    assert ls.tl.network(adata, **QUICK) is None
    expected = network.infer(network.expression(adata.X, np.arange(24)), **QUICK)
    for key, values in {
        "network": expected.weights,
        "network_support": expected.support,
        "network_stability": expected.stability,
        "network_sd": expected.sd,
        "network_fdr": expected.fdr,
    }.items():
        stored = adata.varp[key]
        assert isinstance(stored, sparse.csr_matrix)
        assert stored.has_sorted_indices
        np.testing.assert_allclose(stored.toarray()[:24], values, rtol=1e-6)
        assert not stored.toarray()[24:].any()
    assert network.score(adata.varp["network"].toarray()[:24], truth, np.arange(24)).auprc > 0.9
    assert adata.var["regulator_in_network"].tolist() == [True] * 24 + [False] * 24
    record = adata.uns["landscape"]["network"]
    assert record["n_edges"] == expected.support.sum() == adata.varp["network_support"].sum()
    assert record["n_regulators"] == 24
    assert record["params"]["method"] == "ridge"
    assert record["params"]["response_layer"] == "counts"


@pytest.mark.parametrize("form", ["h5ad", "zarr"])
@pytest.mark.filterwarnings("ignore:Writing zarr v2")
def test_it_survives_files(form, tmp_path):
    adata, _ = planted()
    silent = np.where(np.arange(adata.n_vars) == 3, 0.0, adata.X.toarray())
    adata.layers["counts"] = sparse.csr_matrix(silent)
    ls.tl.network(adata, **QUICK)
    path = tmp_path / f"cells.{form}"
    getattr(adata, f"write_{form}")(path)
    back = getattr(ad, f"read_{form}")(path)
    pd.testing.assert_frame_equal(ls.get.edges(back), ls.get.edges(adata))
    assert back.uns["landscape"]["network"]["constant_regulators"].tolist() == ["Gene3"]
    assert (
        back.uns["landscape"]["network"]["params"]["penalty"] == adata.uns["landscape"]["network"]["params"]["penalty"]
    )


def test_unspliced_counts_are_explained_where_they_exist(caplog):
    adata, _ = planted()
    adata.layers["unspliced"] = sparse.csr_matrix(np.random.default_rng(0).poisson(adata.X.toarray() / 4).astype(float))
    with caplog.at_level(logging.INFO):
        ls.tl.network(adata, **QUICK)
    assert adata.uns["landscape"]["network"]["params"]["response_layer"] == "unspliced"
    assert "explained `unspliced` by 8 regulators" in caplog.text
    expected = network.expression(adata.X, np.arange(8), response=adata.layers["unspliced"])
    found = network.infer(expected, **QUICK)
    np.testing.assert_allclose(adata.varp["network"].toarray()[:8], found.weights, rtol=1e-5, atol=1e-7)
    ls.tl.network(adata, response_layer="counts", key_added="steady", **QUICK)
    assert adata.uns["landscape"]["steady"]["params"]["response_layer"] == "counts"
    assert "regulator_in_steady" in adata.var


def of_mouse(*names):
    """Names of mouse genes for 32 columns: these, and keratin-associated proteins."""
    return [*names, *sorted(n for n in coding_genes("mouse") if n.startswith("Krtap"))[: 32 - len(names)]]


def test_a_tier_is_inferred_from_and_another_string_refused():
    adata, _ = planted()
    adata.var_names = of_mouse("Gata1", "Lmo2", "Klf1", "Rpl6")
    ls.tl.network(adata, regulators="tf+cofactors", **QUICK)
    assert adata.var_names[adata.var["regulator_in_network"]].tolist() == ["Gata1", "Lmo2", "Klf1"]
    ls.tl.network(adata, regulators="tf", **QUICK)
    assert adata.var_names[adata.var["regulator_in_network"]].tolist() == ["Gata1", "Klf1"]
    with pytest.raises(TypeError, match="found the string 'Gata1'"):
        ls.tl.network(adata, regulators="Gata1", **QUICK)


def test_regulators_are_found_by_species_and_old_names():
    adata, _ = planted()
    adata.var_names = of_mouse("Gata1", "Sfpi1", "Klf1", "Tcfe2a")
    del adata.var["regulator"]
    ls.tl.network(adata, **QUICK)
    assert adata.var_names[adata.var["regulator_in_network"]].tolist() == ["Gata1", "Sfpi1", "Klf1", "Tcfe2a"]
    ls.tl.network(adata, regulators=["Klf1", "Spi1"], **QUICK)
    assert adata.var_names[adata.var["regulator_in_network"]].tolist() == ["Sfpi1", "Klf1"]


def test_regulators_of_another_species_are_refused_and_not_renamed():
    adata, _ = planted()
    adata.var_names = of_mouse("Gata1", "Spi1", "Klf1", "Fli1")
    with pytest.raises(ValueError, match="look like mouse .* found human symbols"):
        ls.tl.network(adata, regulators=["GATA1", "KLF1"], **QUICK)
    assert "network" not in adata.varp


def test_covariates_are_regressed_out_as_numbers_or_indicators():
    adata, _ = planted()
    adata.obs["batch"] = pd.Categorical(["a", "b", "c"] * 50)
    adata.obs["cycle"] = np.random.default_rng(0).normal(size=150)
    ls.tl.network(adata, covariates=["batch", "cycle"], **QUICK)
    indicator = np.column_stack([adata.obs["batch"] == "b", adata.obs["batch"] == "c", adata.obs["cycle"]]).astype(
        float
    )
    found = network.infer(network.expression(adata.X, np.arange(8), covariates=indicator), **QUICK)
    np.testing.assert_allclose(adata.varp["network"].toarray()[:8], found.weights, rtol=1e-5, atol=1e-7)
    assert adata.uns["landscape"]["network"]["params"]["covariates"].tolist() == ["batch", "cycle"]


def test_the_batch_of_a_model_is_a_covariate():
    adata, _ = planted()
    adata.obs["donor"] = ["a", "b", "c"] * 50
    model = SimpleNamespace(batch_key="donor")
    ls.tl.network(adata, model=model, key_added="by_model", **QUICK)
    ls.tl.network(adata, covariates="donor", key_added="by_hand", **QUICK)
    np.testing.assert_array_equal(adata.varp["by_model"].toarray(), adata.varp["by_hand"].toarray())
    assert adata.uns["landscape"]["by_model"]["params"]["covariates"].tolist() == ["donor"]


def test_a_table_a_function_and_a_prior_are_taken():
    adata, truth = planted()
    table = pd.DataFrame({"source": ["Gene0", "Gene1"], "target": ["Gene9", "Gene9"], "weight": [1.5, -2.0]})
    ls.tl.network(adata, method=table)
    assert ls.get.edges(adata)["weight"].tolist() == [-2.0, 1.5]
    assert "network_sd" not in adata.varp
    ls.tl.network(adata, method=lambda moments, regulators: moments.xy, **QUICK)
    assert adata.uns["landscape"]["network"]["params"]["method"] == "<lambda>"
    rows, columns = np.nonzero(truth)
    names = adata.var_names
    ls.tl.network(adata, prior=pd.DataFrame({"source": names[rows], "target": names[columns]}), **QUICK)
    assert adata.uns["landscape"]["network"]["params"]["prior_coverage"] == 1.0


def test_a_network_without_bootstraps_drops_those_of_an_earlier_one():
    adata, _ = planted()
    ls.tl.network(adata, **QUICK)
    ls.tl.network(adata, n_bootstraps=0, n_decoys=0)
    assert {"network_sd", "network_stability", "network_fdr"}.isdisjoint(adata.varp)


def test_copy_leaves_the_original_alone():
    adata, _ = planted()
    before = snapshot(adata)
    made = ls.tl.network(adata, copy=True, **QUICK)
    assert "network" in made.varp
    assert snapshot(adata) == before


def unspliced_zero(adata):
    adata.layers["unspliced"] = sparse.csr_matrix(adata.shape)


def not_a_number(adata):
    adata.layers["counts"].data[3] = np.nan


def repeated_names(adata):
    adata.var_names = ["Gene0", *adata.var_names[:-1]]


def no_regulator(adata):
    adata.var["regulator"] = False


def unknown_names(adata):
    del adata.var["regulator"]


def mouse_names(adata):
    adata.var_names = of_mouse("Gata1", "Spi1", "Klf1", "Fli1")


def bad_ids(adata):
    adata.var_names = [f"ENSMUSG{k:011d}" for k in range(adata.n_vars)]
    del adata.var["regulator"]


def gap(adata):
    adata.obs["batch"] = [np.nan, *np.ones(adata.n_obs - 1)]


@pytest.mark.parametrize(
    ("spoil", "arguments", "error", "message"),
    [
        (None, {"regulators": ["Gene0", "Nope"]}, ValueError, r"1 of 2 that are not: \['Nope'\]"),
        (
            None,
            {"regulators": ["Gene0", "Gene0"]},
            ValueError,
            r"distinct regulators, found \['Gene0'\] more than once",
        ),
        (None, {"regulators": ["Gene0", "gene0"]}, ValueError, "names of one gene"),
        (None, {"regulators": []}, ValueError, "at least one regulator"),
        (None, {"layer": "raw"}, KeyError, "raw"),
        (None, {"covariates": "donor"}, KeyError, r"columns of `adata.obs`, found \['donor'\]"),
        (None, {"method": "magic"}, ValueError, "`method` to be one of"),
        (
            mouse_names,
            {"prior": pd.DataFrame({"source": ["GATA1", "SPI1"], "target": ["KLF1", "MPO"]})},
            ValueError,
            "prior of mouse genes, found one of human",
        ),
        (unspliced_zero, {}, ValueError, r"counts in `adata.layers\['unspliced'\]`, found only zeros"),
        (not_a_number, {}, ValueError, "integer counts"),
        (repeated_names, {}, ValueError, r"unique names in `adata.var_names`, found 1 repeated"),
        (no_regulator, {}, ValueError, "found none that is True"),
        (bad_ids, {}, ValueError, "transcription factors among 32 genes, found none"),
        (gap, {"covariates": "batch"}, ValueError, "without missing values, found 1"),
    ],
)
def test_bad_input_is_refused_and_nothing_is_written(spoil, arguments, error, message):
    adata, _ = planted()
    if spoil is not None:
        spoil(adata)
    before = snapshot(adata)
    with pytest.raises(error, match=message):
        ls.tl.network(adata, **QUICK | arguments)
    assert snapshot(adata) == before


def test_too_few_cells_and_too_many_regulators_are_refused():
    adata, _ = planted()
    with pytest.raises(ValueError, match="at least 50 cells, found 40"):
        ls.tl.network(adata[:40].copy(), **QUICK)
    wide, _ = planted(n_cells=60, n_targets=80)
    wide.var["regulator"] = True
    with pytest.raises(ValueError, match="fewer regulators than cells, found 88 regulators and 60 cells"):
        ls.tl.network(wide, **QUICK)


def test_genes_of_no_known_species_ask_for_regulators():
    adata, _ = planted()
    adata.var_names = [f"g{k}" for k in range(adata.n_vars)]
    unknown_names(adata)
    with pytest.raises(ValueError, match=r"of no known species: .* pass `regulators="):
        ls.tl.network(adata, **QUICK)


@pytest.mark.slow
@pytest.mark.parametrize("depth", [3000.0, 20000.0])
def test_shallow_nascent_counts_do_not_spoil_the_network(depth):
    """Against spliced counts alone: on a circuit without lags nascent counts add little, and must not take away."""
    adata = ls.circuits.simulate(
        ls.circuits.krumsiek(), n_cells=1500, unspliced=True, depth=depth, rng=3, network_rng=3
    )
    edges = adata.uns["truth"]["network"]
    rows = np.flatnonzero(adata.var["regulator"])
    truth = pd.DataFrame(0.0, index=adata.var_names[rows], columns=adata.var_names)
    for source, target, sign in edges[["source", "target", "sign"]].itertuples(index=False):
        truth.loc[source, target] = sign

    def ratio(**options):
        ls.tl.network(adata, n_bootstraps=0, n_decoys=0, **options)
        weights = adata.varp["network"].toarray()[rows]
        return network.score(weights, truth.to_numpy(), rows).auprc_ratio

    nascent, spliced = ratio(), ratio(response_layer="counts")
    assert nascent > spliced
    assert spliced > 2

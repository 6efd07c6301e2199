"""Driver genes of fates: the formula against another library, its null distribution, and the truth of a simulator."""

from __future__ import annotations

import logging

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import sparse, stats
from sklearn.decomposition import PCA

import landscape as ls

N_CLONES, PER_CLONE, N_GENES = 300, 5, 2000


def made(seed: int = 0, n_genes: int = N_GENES, n_clones: int = N_CLONES, shared: float = 1.0) -> ad.AnnData:
    """Pairs of neighbours share random expression; the fate rises along the first coordinate, independent of all genes."""
    rng = np.random.default_rng(seed)
    z = np.repeat(rng.uniform(-3, 3, (n_clones, 2)), PER_CLONE, 0) + rng.normal(0, 0.02, (n_clones * PER_CLONE, 2))
    together = np.repeat(rng.normal(0, shared, (n_clones, n_genes)), PER_CLONE, 0)
    rate = rng.lognormal(0, 0.4, (len(z), 1)) * rng.lognormal(-0.5, 1.0, n_genes) * np.exp(together)
    counts = rng.poisson(rate)
    counts[:, 0] += 1  # no empty cell
    adata = ad.AnnData(sparse.csr_matrix(counts.astype(np.float32)))
    adata.var_names = [f"g{i}" for i in range(n_genes)]
    adata.layers["counts"] = adata.X
    adata.obsm["X_latent"] = z
    left = 1 / (1 + np.exp(-2 * z[:, 0]))
    adata.obsm["fates"] = pd.DataFrame({"A": left, "B": 1 - left}, index=adata.obs_names)
    adata.obs["side"] = np.where(z[:, 1] > 0, "up", "down")
    return adata


@pytest.fixture(scope="module")
def null() -> ad.AnnData:
    return made()


@pytest.fixture
def few() -> ad.AnnData:
    return made(n_genes=30, n_clones=120)


def per_cell(adata: ad.AnnData) -> np.ndarray:
    """p-values of the test that treats cells as independent observations."""
    counts = adata.layers["counts"].toarray()
    depth = counts.sum(1, keepdims=True)
    design = np.column_stack([np.ones(len(depth)), np.log(depth)])

    def rest(values: np.ndarray) -> np.ndarray:
        return values - design @ np.linalg.lstsq(design, values, rcond=None)[0]

    y, q = rest(np.log1p(counts / depth * 1e4)), rest(adata.obsm["fates"]["A"].to_numpy())
    r = (y.T @ q) / np.sqrt((y**2).sum(0) * (q @ q))
    degrees = len(depth) - 3
    return 2 * stats.t.sf(np.abs(r) * np.sqrt(degrees / (1 - r**2)), degrees)


def test_p_values_are_uniform_without_association_where_cells_are_not_independent(null):
    found = ls.tl.drivers(null, copy=True).uns["landscape"]["drivers"]["table"]
    p = found.loc[found["fate"] == "A", "p_value"].to_numpy()
    margin = 3 * np.sqrt(0.05 * 0.95 / N_GENES)
    assert abs((p < 0.05).mean() - 0.05) < margin
    assert stats.kstest(p, "uniform").pvalue > 0.001
    assert (found["q_value"] < 0.05).sum() <= 2 * 3  # the two fates are one test; a few are significant by chance
    assert (per_cell(null) < 0.05).mean() > 0.15  # without blocks, false positives abound


def test_intervals_hold_what_they_promise_without_association(null):
    found = ls.tl.drivers(null, copy=True).uns["landscape"]["drivers"]["table"]
    a = found[found["fate"] == "A"]
    covered = ((a["lower"] < 0) & (a["upper"] > 0)).mean()
    assert (
        abs(covered - 0.95) < 3 * np.sqrt(0.05 * 0.95 / N_GENES) + 0.005
    )  # Fisher's approximation has an error of half a percent


def test_the_correlation_is_that_of_a_weighted_regression(few):
    """t of a gene in a least-squares fit of the fate's block means on it, depth and a covariate, by pandas and numpy."""
    few.obs["age"] = np.random.default_rng(1).normal(size=few.n_obs)
    ls.tl.drivers(few, covariates="age", rng=3)
    record = few.uns["landscape"]["drivers"]
    block = ls.markov.bootstrap.blocks(few.obsm["X_latent"], n_blocks=few.n_obs // 30, rng=3)
    counts = few.layers["counts"].toarray().astype(float)
    depth = counts.sum(1)
    cells = pd.DataFrame({
        "gene": np.log1p(counts[:, 7] / depth * 1e4), "depth": np.log(depth), "age": few.obs["age"].to_numpy(),
        "fate": few.obsm["fates"]["B"].to_numpy(),
    })  # fmt: skip
    means, size = cells.groupby(block).mean(), np.bincount(block)
    x = np.column_stack([np.ones(len(means)), means[["gene", "depth", "age"]]])
    normal = np.linalg.inv(x.T @ (x * size[:, None]))
    beta = normal @ x.T @ (size * means["fate"])
    degrees = len(means) - 4
    noise = (size * (means["fate"] - x @ beta) ** 2).sum() / degrees
    t = beta[1] / np.sqrt(noise * normal[1, 1])
    row = record["table"].query("gene == 'g7' and fate == 'B'").iloc[0]
    assert record["degrees_of_freedom"] == degrees
    assert row["p_value"] == pytest.approx(2 * stats.t.sf(abs(t), degrees), rel=1e-9)
    assert row["correlation"] == pytest.approx(t / np.sqrt(degrees + t**2), rel=1e-9)
    half = stats.norm.ppf(0.975) / np.sqrt(degrees - 1)
    assert row["upper"] == pytest.approx(np.tanh(np.arctanh(row["correlation"]) + half))
    p = record["table"].query("fate == 'B'")
    np.testing.assert_allclose(p["q_value"], stats.false_discovery_control(p["p_value"]))


def test_regulators_of_a_fate_lead_in_simulated_blood():
    """Krumsiek's circuit: GATA1, EKLF and Fli1 are of the erythroid-megakaryocytic side, PU.1 and cJun of the other."""
    adata = ls.datasets.hematopoiesis(n_cells=600, n_targets=60, n_housekeeping=40)
    counts = adata.layers["counts"]
    logs = np.log1p(counts.toarray() / np.asarray(counts.sum(1)) * 1e4)
    adata.obsm["X_latent"] = PCA(8, random_state=0).fit_transform(logs)
    fate = pd.get_dummies(adata.obs["fate"].astype(str)).astype(float)
    side = pd.DataFrame({"myeloid": fate.filter(regex="(?i)mono|granul|neutro").sum(axis=1)}, index=adata.obs_names)
    side["erythroid"] = 1 - side["myeloid"]
    adata.obsm["fates"] = side
    ls.tl.drivers(adata)
    for name, high, low in (("erythroid", "Gata1", "Pu1"), ("myeloid", "Pu1", "Gata1")):
        found = ls.get.drivers(adata, fate=name).set_index("gene")
        rank = {gene.lower().replace(".", ""): place for place, gene in enumerate(found.index)}
        high, low = (next(g for g in found.index if g.lower().replace(".", "") == n.lower()) for n in (high, low))
        assert rank[high.lower().replace(".", "")] < 0.2 * len(found)
        assert found.loc[high, "q_value"] < 0.01
        assert found.loc[low, "correlation"] < 0


def test_constant_genes_are_left_out_and_named(few):
    counts = few.layers["counts"].tolil()
    counts[:, 4] = 0
    few.layers["counts"] = counts.tocsr()
    ls.tl.drivers(few)
    record = few.uns["landscape"]["drivers"]
    table = record["table"].set_index("gene")
    assert list(record["constant_genes"]) == ["g4"]
    assert table.loc["g4", ["correlation", "lower", "upper", "p_value", "q_value"]].isna().all(axis=None)
    rest = table.drop("g4").query("fate == 'A'")
    np.testing.assert_allclose(rest["q_value"], stats.false_discovery_control(rest["p_value"]))
    assert ls.get.drivers(few, fate="A")["gene"].iloc[-1] == "g4"


def test_a_fate_of_few_blocks_is_called_so(few, caplog):
    z = few.obsm["X_latent"]
    rare = np.exp(-((z - z[0]) ** 2).sum(1) / 0.1)
    few.obsm["fates"] = few.obsm["fates"].mul(1 - rare, axis=0).assign(rare=rare)
    with caplog.at_level(logging.WARNING, logger="landscape"):
        ls.tl.drivers(few)
    carriers = few.uns["landscape"]["drivers"]["carriers"]["blocks"]
    assert carriers["rare"] < 5 < carriers["A"]
    assert "the fate 'rare' varies in few blocks" in caplog.text
    assert "'A'" not in caplog.text


def test_some_cells_and_cells_without_fates(few, caplog):
    mask = (few.obs["side"] == "up").to_numpy()
    by_mask, by_name, by_value = (
        ls.tl.drivers(few, cells=cells, copy=True).uns["landscape"]["drivers"]
        for cells in (mask, list(few.obs_names[mask]), "side=up")
    )
    assert by_mask["n_cells"] == mask.sum()
    for other in (by_name, by_value):
        pd.testing.assert_frame_equal(by_mask["table"], other["table"])
    few.obsm["fates"] = few.obsm["fates"].copy()
    few.obsm["fates"].iloc[np.flatnonzero(~mask)] = np.nan
    with caplog.at_level(logging.WARNING, logger="landscape"):
        ls.tl.drivers(few)
    assert f"{(~mask).sum()} cells without fates" in caplog.text
    pd.testing.assert_frame_equal(by_mask["table"], few.uns["landscape"]["drivers"]["table"])


@pytest.mark.filterwarnings("ignore:Writing zarr v2 data")  # anndata 0.12 announces its next default
def test_regulators_of_the_model_are_marked_and_files_keep_it(toggle_model, tmp_path):
    adata = ls.tl.drivers(toggle_model, use_rep="X_pca", copy=True)
    assert "drivers" not in toggle_model.uns["landscape"]
    found = ls.get.drivers(adata)
    assert set(found.loc[found["regulator"], "gene"]) == set(adata.obsm["X_state"].columns)
    contrast = ["contrast", "contrast_lower", "contrast_upper", "contrast_p", "contrast_q", "half_fate"]
    among_all = ["correlation", "lower", "upper", "p_value", "q_value"]
    assert list(found.columns) == ["gene", "fate", "neighbour", *contrast, *among_all, "regulator"]
    np.testing.assert_allclose(found["contrast"], found["correlation"])  # there is no third fate
    for fate, part in found.groupby("fate", sort=False):
        assert part["contrast"].dropna().is_monotonic_decreasing
        assert part["gene"].iloc[0] in ls.get.drivers(adata, fate=fate)["gene"].iloc[0]
    for write, read in ((adata.write_h5ad, ad.read_h5ad), (adata.write_zarr, ad.read_zarr)):
        path = tmp_path / f"x.{read.__name__}"
        write(path)
        back = ls.get.drivers(read(path))
        np.testing.assert_array_equal(back["gene"].astype(str), found["gene"])
        np.testing.assert_array_equal(back["p_value"], found["p_value"])


def test_the_same_seed_gives_the_same_and_another_partition_nearly_so(few):
    one, same, other = (
        ls.tl.drivers(few, rng=rng, copy=True).uns["landscape"]["drivers"]["table"] for rng in (0, 0, 1)
    )
    pd.testing.assert_frame_equal(one, same)
    assert np.corrcoef(one["correlation"], other["correlation"])[0, 1] > 0.8


@pytest.mark.parametrize(
    ("change", "options", "error", "message"),
    [
        (lambda a: a.obsm.pop("fates"), {}, KeyError, r"run `landscape.tl.fates` first"),
        (lambda a: a.obsm.update(fates=a.obsm["fates"][["A"]]), {}, ValueError, "at least two fates.*found 1"),
        (lambda a: a.obsm.update(fates=a.obsm["fates"].to_numpy()), {}, TypeError, "Expected a DataFrame"),
        (lambda a: a.obsm.update(fates=a.obsm["fates"].assign(C=0.25)), {}, ValueError, r"found \['C'\] constant"),
        (lambda a: None, {"layer": "raw"}, KeyError, r"layers\['raw'\].*missing"),
        (lambda a: None, {"n_blocks": 5}, ValueError, "at least 6 blocks.*found 5"),
        (lambda a: None, {"n_blocks": 0}, ValueError, "`n_blocks` of at least 1"),
        (lambda a: None, {"cells": "side=left"}, ValueError, r"side.*\['down', 'up'\].*found none"),
        (lambda a: None, {"use_rep": "X_umap"}, KeyError, r"X_umap.*use_rep"),
        (lambda a: None, {"covariates": "age"}, KeyError, r"found \['age'\]"),
    ],
)  # fmt: skip
def test_bad_input_is_named_and_leaves_the_data_alone(few, change, options, error, message):
    change(few)
    with pytest.raises(error, match=message):
        ls.tl.drivers(few, **options)
    assert "landscape" not in few.uns


def test_a_missing_result_or_fate_is_named(few):
    with pytest.raises(KeyError, match=r"run `landscape.tl.drivers\(adata\)` first"):
        ls.get.drivers(few)
    ls.tl.drivers(few)
    with pytest.raises(ValueError, match=r"out of \['A', 'B'\], found 'C'"):
        ls.get.drivers(few, fate="C")

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

import landscape as ls


@pytest.fixture
def adata():
    rng = np.random.default_rng(0)
    counts = rng.poisson(2.0, size=(60, 4)).astype(np.float32)
    adata = AnnData(counts.copy(), layers={"counts": counts})
    adata.var_names = ["Gata1", "Actb", "Spi1", "Gapdh"]
    adata.var["regulator"] = [True, False, True, False]
    adata.obs["day"] = np.repeat([0.0, 2.0, 5.0], 20)
    adata.obs["cell_type"] = pd.Categorical(rng.choice(["a", "b"], 60))
    adata.obs["note"] = "x"
    adata.obs["batch"] = rng.choice(["m", "n"], 60)
    adata.obs["timeless"] = rng.normal(size=60)
    adata.obs["dpt_pseudotime"] = rng.random(60)
    adata.obsm["X_umap"] = np.zeros((60, 2))
    return adata


def test_ready_data(adata):
    found = ls.pp.check(adata)
    assert found.is_ready, found.problems
    assert (found.counts_layer, found.species, found.n_regulators) == ("counts", "mouse", 2)
    assert found.columns["role"].to_dict() == {
        "day": "time",
        "cell_type": "labels",
        "batch": "batch",
        "dpt_pseudotime": "pseudotime",
    }
    assert found.columns.loc["day", "examples"] == "0, 2, 5"
    assert found.embeddings == ("X_umap",)
    assert found.unspliced_layer == "none"
    assert found.matrices.index.tolist() == ["X", "counts"]
    json.dumps(found.to_dict(), allow_nan=False)


@pytest.mark.parametrize(
    ("change", "problem", "fix"),
    [
        (lambda a: a.layers.update(counts=np.log1p(a.layers["counts"])), "look like logarithms", "layer='X'"),
        (lambda a: a.layers["counts"].__setitem__(3, 0), "1 of 60 cells that have no counts", "filter_cells"),
        (lambda a: setattr(a, "var_names", ["A", "A", "B", "C"]), r"1 repeated.*adata.var_names_make_unique\(\)", ""),
        (lambda a: setattr(a, "obs_names", ["c"] * 60), r"1 repeated.*adata.obs_names_make_unique\(\)", ""),
        (
            lambda a: setattr(a, "n", a.obs.drop(columns=["day", "dpt_pseudotime"], inplace=True)),
            "gives the direction",
            "",
        ),
        (lambda a: a.var.__setitem__("regulator", False), "Expected booleans with some true", r"regulators=\[...\]"),
    ],
)
@pytest.mark.filterwarnings("ignore:Observation names are not unique:UserWarning")
@pytest.mark.filterwarnings("ignore:Variable names are not unique:UserWarning")
def test_problems_come_with_the_call_that_fixes_them(adata, change, problem, fix):
    change(adata)
    found = ls.pp.check(adata)
    assert not found.is_ready
    errors = found.problems[found.problems["level"] == "error"]
    hits = errors[errors["problem"].str.contains(problem)]
    assert len(hits) == 1, found.problems.to_string()
    assert hits["fix"].str.contains(fix).all()


@pytest.mark.parametrize(
    ("change", "warning", "fix"),
    [
        (
            lambda a: a.obs.__setitem__("batch", [None] + ["m", "n", "m"] * 19 + ["n"] * 2),
            r"1 cells .* obs\['batch'\]",
            "notna",
        ),
        (
            lambda a: setattr(a, "var_names", [f"ENSMUSG0000000000{i}" for i in range(4)]),
            "named by Ensembl identifiers",
            "adata.var_names = ",
        ),
    ],
)
def test_warnings_do_not_stop_a_run(adata, change, warning, fix):
    change(adata)
    found = ls.pp.check(adata)
    assert found.is_ready
    hits = found.problems[found.problems["problem"].str.contains(warning)]
    assert hits["level"].tolist() == ["warning"]
    assert hits["fix"].str.contains(fix).all()


def test_counts_in_the_main_matrix_are_no_problem(adata):
    del adata.layers["counts"]
    found = ls.pp.check(adata)
    assert found.is_ready
    assert found.counts_layer == "X"


def test_no_counts_anywhere(adata):
    adata.X = np.log1p(adata.X)
    adata.layers["counts"] = adata.X.copy()
    found = ls.pp.check(adata)
    assert found.counts_layer == "none"
    assert found.problems["problem"].str.contains("They look like logarithms").any()


def test_transposed(adata):
    wrong = AnnData(adata.X.T)
    wrong.obs_names = adata.var_names
    wrong.var_names = [f"AAACGGT{i}-1" for i in range(60)]
    assert ls.pp.check(wrong).problems["problem"].str.contains("cells in rows and genes in columns").any()


def test_a_direction_is_none_by_its_name(adata):
    with pytest.raises(TypeError, match=r"Expected `direction` such as .*from_time.*found str"):
        ls.pp.check(adata, direction="day")


def test_few_cells(adata):
    assert ls.pp.check(adata[:20].copy()).problems["problem"].str.contains("at least 50 cells, found 20").any()


def test_strings_in_a_layer(adata):
    adata.layers["words"] = np.full(adata.shape, "x", dtype=object)
    assert ls.pp.check(adata).problems["problem"].str.contains("Expected numbers").any()


def test_published_data_are_ready(data_dir):
    found = ls.pp.check(ls.datasets.pancreas())
    assert found.is_ready, found.problems
    assert (found.unspliced_layer, found.species) == ("unspliced", "mouse")


def test_findings_are_read_line_by_line():
    adata = ls.datasets.hematopoiesis(n_cells=120)
    text = repr(ls.pp.check(adata))
    assert text.startswith(f"120 cells x {adata.n_vars:,} genes")
    assert "counts: counts; unspliced counts: none" in text
    assert "columns for time: day" in text
    assert text.endswith("ready for a run; tables: .matrices, .columns")
    spoilt = adata[:20].copy()
    assert "problem: Expected at least 50 cells, found 20" in repr(ls.pp.check(spoilt))

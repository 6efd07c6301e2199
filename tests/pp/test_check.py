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
        (lambda a: a.layers.pop("counts"), "the raw counts are in adata.X", r"layers\['counts'\] = adata.X.copy"),
        (lambda a: a.layers.update(counts=np.log1p(a.layers["counts"])), "the raw counts are in adata.X", "copy"),
        (lambda a: a.layers["counts"].__setitem__(3, 0), "1 cells have no counts", "drop_empty=True"),
        (lambda a: setattr(a, "var_names", ["A", "A", "B", "C"]), "1 var_names are repeated", "var_names_make_unique"),
        (lambda a: setattr(a, "obs_names", ["c"] * 60), "59 obs_names are repeated", "obs_names_make_unique"),
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
        (lambda a: a.var.__setitem__("regulator", False), "Expected booleans with some true", r"regulators=\[...\]"),
    ],
)
@pytest.mark.filterwarnings("ignore:Observation names are not unique:UserWarning")
@pytest.mark.filterwarnings("ignore:Variable names are not unique:UserWarning")
def test_problems_come_with_the_call_that_fixes_them(adata, change, problem, fix):
    change(adata)
    found = ls.pp.check(adata)
    assert not found.is_ready
    hits = found.problems[found.problems["problem"].str.contains(problem)]
    assert len(hits) == 1, found.problems.to_string()
    assert hits["fix"].str.contains(fix).all()


def test_no_counts_anywhere(adata):
    adata.X = np.log1p(adata.X)
    adata.layers["counts"] = adata.X.copy()
    found = ls.pp.check(adata)
    assert found.counts_layer == "none"
    assert found.problems["problem"].str.contains("no matrix holds raw counts").any()


def test_transposed(adata):
    wrong = AnnData(adata.X.T)
    wrong.obs_names = adata.var_names
    wrong.var_names = [f"AAACGGT{i}-1" for i in range(60)]
    assert ls.pp.check(wrong).problems["problem"].str.contains("transposed").any()


def test_few_cells(adata):
    assert ls.pp.check(adata[:20].copy()).problems["problem"].str.contains("20 cells are too few").any()


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
    assert "problem: 20 cells are too few" in repr(ls.pp.check(spoilt))

"""The card of a fitted toggle: what is written, read back, refused, and said."""

from __future__ import annotations

from dataclasses import replace

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import landscape as ls
from landscape._model import read_model, write_ensemble

QUICK = ["recall", "canalisation", "energy", "multiplexing", "generation", "reachability", "time scales"]


@pytest.fixture(scope="module")
def held(toggle_model):
    """The toggle with six replicates that differ in their bias, and a quick card; read only."""
    adata = toggle_model.copy()
    model = read_model(adata)
    factors = (0.95, 0.97, 0.99, 1.01, 1.03, 1.05)
    write_ensemble(
        adata, [replace(model, drift=replace(model.drift, bias=model.drift.bias * f)) for f in factors], params={}
    )
    ls.tl.genomic_code(adata, assays=QUICK)
    return adata


def test_rows_have_numbers_with_their_null_or_a_reason(held):
    table = ls.get.genomic_code(held)
    assert set(table.index) == set(QUICK)
    known = table["value"].notna()
    assert known[["recall", "canalisation", "energy", "multiplexing", "generation"]].all()
    assert table.loc[known, ["low", "high", "null_low", "null_high"]].notna().all(axis=None)
    assert (table.loc[known, "n_replicates"] == 6).all()
    assert (table.loc[~known, "reason"] != "").all()
    assert (table.loc[~known, "verdict"] == "not testable here").all()
    assert (table["grade"] == "B").all()  # real time
    # Two genes that repress each other have one network with their degrees and signs: the rewired one is the network itself.
    assert table.loc["recall", "verdict"] == "undecided"


def test_details_and_the_file(held, tmp_path):
    curve = ls.get.genomic_code(held, assay="recall")["curve"]
    assert curve["returned"].iloc[0] == 1.0
    with pytest.raises(KeyError, match="assay with details"):
        ls.get.genomic_code(held, assay="nothing")
    held.write_h5ad(tmp_path / "cells.h5ad")
    back = ls.get.genomic_code(ad.read_h5ad(tmp_path / "cells.h5ad"))
    pd.testing.assert_frame_equal(back, ls.get.genomic_code(held), check_dtype=False)


def test_the_same_seed_and_the_checkpoint_give_the_same_card(held, tmp_path):
    file = tmp_path / "card.json"
    again = ls.tl.genomic_code(held, assays=QUICK, checkpoint=file, copy=True)
    assert file.is_file()
    kept = ls.tl.genomic_code(held, assays=QUICK, checkpoint=file, copy=True)
    for other in (again, kept):
        pd.testing.assert_frame_equal(ls.get.genomic_code(other), ls.get.genomic_code(held), check_dtype=False)


def test_without_replicates_it_is_undecided(toggle_model):
    adata = ls.tl.genomic_code(toggle_model, assays=["energy"], copy=True)
    row = ls.get.genomic_code(adata).loc["energy"]
    assert row["verdict"] == "undecided"
    assert "n_replicates" in row["reason"]


def test_one_attractor_gives_reasons(held):
    adata = held.copy()
    record = adata.uns["landscape"]["attractors"]
    adata.uns["landscape"]["attractors"] = {
        **record,
        "states": record["states"].iloc[:1],
        "table": record["table"].iloc[:1],
    }
    ls.tl.genomic_code(adata, assays=QUICK)
    table = ls.get.genomic_code(adata)
    assert table.loc["recall", "reason"] == "it needs 2 stable states, and there is 1"


def test_where_no_landscape_is_supported_nothing_is_said(held):
    adata = held.copy()
    adata.uns["landscape"]["structure"] = {"reasons": np.array(["halves of the genes disagree"], dtype=object)}
    ls.tl.genomic_code(adata, assays=QUICK)
    table = ls.get.genomic_code(adata)
    assert (table["verdict"] == "not testable here").all()
    assert table["reason"].str.startswith("no landscape supported").all()


def test_several_latent_models(held):
    adata = ls.tl.genomic_code(held, models=[held, held], assays=["energy", "recall"], copy=True)
    table, record = ls.get.genomic_code(adata), adata.uns["landscape"]["genomic_code"]
    assert (table["n_models"] == 3).all()
    assert (table["agreement"] == 1).all()
    assert record["verdicts"].shape == (2, 3)
    pd.testing.assert_series_equal(table["value"], ls.get.genomic_code(held).loc[table.index, "value"])


def test_what_is_missing_or_unknown_is_named(held, toggle_cells):
    with pytest.raises(KeyError, match=r"landscape\.tl\.dynamics"):
        ls.tl.genomic_code(toggle_cells)
    with pytest.raises(ValueError, match="names of assays"):
        ls.tl.genomic_code(held, assays=["telepathy"])
    with pytest.raises(KeyError, match=r"landscape\.tl\.genomic_code"):
        ls.get.genomic_code(toggle_cells)
    with pytest.raises(ValueError, match="at least 19"):
        ls.tl.genomic_code(held, assays=["energy"], n_null=5)

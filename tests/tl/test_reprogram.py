"""Reprogramming of a fitted toggle: its two genes are the recipe; what is refused, flagged, stored and read back."""

from __future__ import annotations

import logging
from dataclasses import replace

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import landscape as ls
from landscape._model import read_model, write_ensemble

QUICK = {"n_particles": 100}


@pytest.fixture(scope="module")
def toggle(toggle_model):
    """The toggle with barriers and three replicates that differ in their bias; read only."""
    adata = toggle_model.copy()
    model = read_model(adata)
    models = [replace(model, drift=replace(model.drift, bias=model.drift.bias * f)) for f in (0.98, 1.0, 1.02)]
    write_ensemble(adata, models, params={})
    return adata


@pytest.fixture(scope="module")
def fates(toggle):
    """Gene that is on in each fate, and the fate itself."""
    states = toggle.uns["landscape"]["attractors"]["states"]
    return {gene: str(states[gene].idxmax()) for gene in states.columns}


@pytest.fixture(scope="module")
def turned(toggle, fates):
    (_, source), (_, target) = fates.items()
    return ls.tl.reprogram(toggle, source, target, **QUICK, copy=True)


def record_of(adata):
    (name,) = [key for key in adata.uns["landscape"]["reprogramming"] if key != "params"]
    return adata.uns["landscape"]["reprogramming"][name]


def test_a_toggle_is_turned_by_one_gene_off_or_the_other_on(turned, fates):
    (first, _), (second, _) = fates.items()
    record = record_of(turned)
    assert set(record["sets"].index) == {f"{first}=0", f"{second}=1"}
    assert record["answer"] == "2 sets of 1 gene"
    table = record["sets"]
    assert table["works"].all()
    assert (table["share"] > 0.9).all()
    assert (table["without"] < 0.1).all()
    assert (table["agreement"] == 1).all()
    assert (table["n_models"] == 4).all()
    assert (table["low"] <= table["share"]).all()
    assert (table["pulse"] <= table["hold_time"]).all()
    assert table["inside"].all()
    # Three replicates that agree: 1 / 5 by the rule of succession.
    assert table["lfsr"].to_numpy() == pytest.approx(1 / 5)


def test_the_pulse_of_a_set_is_enough_in_a_perturbation(turned, fates):
    """Another engine, from the attractor itself: without noise twice the shortest pulse turns the cells, and they stay."""
    record = record_of(turned)
    (name, row), source = next(record["sets"].iterrows()), record["states"].loc["source 1"]
    gene, _, level = str(name).partition("=")
    model = ls.get.model(turned)
    genes = list(model.regulators)
    pulse = {genes.index(gene): (float(level), max(2 * float(row["pulse"]), 4 * model.step))}
    names = tuple(fates.values())
    states = turned.uns["landscape"]["attractors"]["states"].loc[list(names)].to_numpy()
    known = ls.perturbation.references(names, states, np.full((1, 2), 5.0))
    quiet = model.with_diffusion(1e-9)
    found = ls.perturbation.paired_fates([quiet], [pulse], source.to_numpy()[None], known, duration=30.0)
    assert found.fate[0, :, 0].tolist() == [0, 1]


def test_ways_lead_from_the_source_to_the_target(turned):
    record = record_of(turned)
    ways, states = record["ways"], record["states"]
    for _, way in ways.groupby("set"):
        levels = way[states.columns].to_numpy()
        np.testing.assert_allclose(levels[0], states.loc["source 1"])
        np.testing.assert_allclose(levels[-1], states.loc["target 1"], atol=0.02)
        held = way[way["held"]]
        gene, _, level = str(way["set"].iloc[0]).partition("=")
        assert (held[gene] == float(level)).all()


def test_the_barrier_back_is_that_of_the_table(turned, toggle, fates):
    (_, source), (_, target) = fates.items()
    found = record_of(turned)["barrier"]
    with_barriers = ls.tl.barriers(toggle, copy=True)
    table = with_barriers.uns["landscape"]["barriers"]["table"]
    row = table.loc[f"{target} to {source}"]
    # Minimised here with the same tolerance, from two attractors.
    assert found["height"] == pytest.approx(row["height"], rel=0.02)
    again = record_of(ls.tl.reprogram(with_barriers, source, target, **QUICK, copy=True))["barrier"]
    assert again["height"] == row["height"]
    assert again["n_replicates"] == row["n_replicates"]


def test_cells_may_be_the_source(toggle, fates):
    (first, source), (second, target) = fates.items()
    found = ls.tl.reprogram(toggle, f"basin={source}", target, **QUICK, copy=True)
    record = record_of(found)
    assert f"{second}=1" in record["sets"].index
    assert np.isnan(record["barrier"]["height"])
    assert first in toggle.var_names


def test_a_state_may_be_given_by_levels(toggle, turned, fates, caplog):
    (first, source), (second, target) = fates.items()
    found = ls.tl.reprogram(toggle, source, to={second: 1.0}, **QUICK, copy=True)
    assert set(record_of(found)["sets"].index) == set(record_of(turned)["sets"].index)
    assert record_of(found)["params"]["target"] == f"{second}=1"
    named = ls.tl.reprogram(toggle, source, to=target, **QUICK, copy=True)
    assert set(record_of(named)["sets"].index) == set(record_of(turned)["sets"].index)
    with pytest.raises(ValueError, match="no attractor with"):
        ls.tl.reprogram(toggle, source, to={first: 3.0, second: 3.0}, **QUICK)
    with pytest.raises(ValueError, match="other than the source"):
        ls.tl.reprogram(toggle, source, to={first: 1.0, second: 0.0}, **QUICK)


def test_no_set_is_an_answer(toggle, fates):
    (first, source), (_, target) = fates.items()
    # Holding the gene of the source on keeps the cells where they are.
    found = ls.tl.reprogram(toggle, source, target, genes=[first], levels=(1.0,), max_genes=1, **QUICK, copy=True)
    record = record_of(found)
    assert record["answer"] == "no set of 1 gene exists in this model"
    assert record["sets"].empty
    assert record["sizes"].loc[1, "exhaustive"]
    answers = ls.get.reprogram(found, table="answers")
    assert answers["least"].tolist() == [0]
    assert ls.get.reprogram(found).empty


def test_tables_and_files(turned, toggle, fates, tmp_path):
    (_, source), (_, target) = fates.items()
    both = turned.copy()
    ls.tl.reprogram(both, target, source, **QUICK)
    table = ls.get.reprogram(both)
    assert list(table.columns[:3]) == ["source", "target", "set"]
    assert len(table) == 4
    assert ls.get.reprogram(both, working=True)["works"].all()
    assert list(ls.get.reprogram(both, table="answers")["least"]) == [1, 1]
    assert {"source_level", "target_level", "gene"} <= set(ls.get.reprogram(both, table="levels"))
    assert ls.get.reprogram(both, table="sizes")["n_tried"].tolist() == [4, 4]
    both.write_h5ad(tmp_path / "both.h5ad")
    back = ad.read_h5ad(tmp_path / "both.h5ad")
    for name in ("sets", "levels", "sizes", "ways", "answers"):
        pd.testing.assert_frame_equal(
            ls.get.reprogram(back, table=name),
            ls.get.reprogram(both, table=name),
            check_dtype=False,
            check_index_type=False,
        )
    with pytest.raises(ValueError, match="Expected `table`"):
        ls.get.reprogram(both, table="all")
    with pytest.raises(KeyError, match=r"landscape\.tl\.reprogram"):
        ls.get.reprogram(toggle)


def test_the_same_seed_gives_the_same_answer(turned, toggle, fates):
    (_, source), (_, target) = fates.items()
    again = ls.tl.reprogram(toggle, source, target, **QUICK, copy=True)
    pd.testing.assert_frame_equal(record_of(again)["sets"], record_of(turned)["sets"])


def test_levels_outside_the_data_are_flagged(toggle, fates, caplog):
    (_, source), (second, target) = fates.items()
    with caplog.at_level(logging.WARNING):
        found = ls.tl.reprogram(toggle, source, target, levels=(4.0,), **QUICK, copy=True)
    assert "outside the range over cells" in caplog.text
    assert not record_of(found)["sets"].loc[f"{second}=4", "inside"]


def test_a_read_out_cannot_be_held_and_a_silent_gene_is_flagged(toggle, fates, caplog):
    (first, source), (second, target) = fates.items()
    silent = toggle.copy()
    weights = silent.uns["landscape"]["dynamics"]["weights"].copy()
    regulators = list(silent.uns["landscape"]["dynamics"]["regulators"])
    weights[:, regulators.index(second)] = 0.0
    readout = next(g for g in toggle.var_names if g not in regulators)
    with pytest.raises(ValueError, match="read-out, which acts on no gene"):
        ls.tl.reprogram(toggle, source, target, genes=[readout])
    silent.uns["landscape"]["dynamics"]["weights"] = weights
    with caplog.at_level(logging.WARNING):
        ls.tl.reprogram(silent, source, target, genes=[first, second], **QUICK)
    assert f"{second} act on no gene of the model" in caplog.text


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"target": "SOURCE"}, ValueError, "other than the source"),
        ({"target": "nowhere"}, KeyError, "one of the attractors"),
        ({"source": "nowhere"}, KeyError, "one of the attractors"),
        ({"source": "basin=nowhere"}, ValueError, "nowhere"),
        ({"target": None}, ValueError, "either `target`"),
        ({"to": {"A": 1.0}}, ValueError, "either `target`"),
        ({"target": None, "to": {}}, ValueError, "finite levels"),
        ({"target": None, "to": {"Nobody": 1.0}}, KeyError, "Nobody"),
        ({"genes": ["Nobody"]}, KeyError, "Nobody"),
        ({"genes": []}, ValueError, "distinct names"),
        ({"max_genes": 0}, ValueError, "max_genes"),
        ({"levels": (-1.0,)}, ValueError, "levels"),
        ({"hold": -1.0}, ValueError, "hold"),
        ({"min_share": 0.0}, ValueError, "min_share"),
        ({"n_particles": 0}, ValueError, "n_particles"),
    ],
)
def test_bad_input_is_refused_and_nothing_is_written(toggle, fates, options, error, message):
    (_, source), (_, target) = fates.items()
    given = {"source": source, "target": target, **options}
    given = {name: source if isinstance(value, str) and value == "SOURCE" else value for name, value in given.items()}
    adata = toggle.copy()
    with pytest.raises(error, match=message):
        ls.tl.reprogram(adata, **given)
    assert "reprogramming" not in adata.uns["landscape"]


def test_a_target_without_cells_is_refused_and_may_be_asked_for(toggle, fates):
    (_, source), (_, target) = fates.items()
    adata = toggle.copy()
    adata.uns["landscape"]["attractors"]["table"].loc[target, "n_cells"] = 0
    with pytest.raises(ValueError, match="Expected a target with cells"):
        ls.tl.reprogram(adata, source, target)
    ls.tl.reprogram(adata, source, to=target, **QUICK)
    assert len(ls.get.reprogram(adata)) == 2

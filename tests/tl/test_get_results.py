"""Results as tidy tables: their rows and columns, and messages that name the call for a missing result."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import landscape as ls


@pytest.fixture(scope="module")
def complete(toggle_model):
    """The toggle with everything between its attractors; read only."""
    adata = ls.tl.barriers(toggle_model, diffusion=0.05, copy=True)
    ls.tl.rates(adata, diffusion=0.05, n_paths=50)
    return adata


def test_attractors_with_and_without_their_states(complete):
    record = complete.uns["landscape"]["attractors"]
    found = ls.get.attractors(complete)
    assert found["attractor"].tolist() == list(record["states"].index)
    assert list(found.columns) == ["attractor", *record["table"].columns]
    levels = ls.get.attractors(complete, states=True)
    np.testing.assert_array_equal(levels[list(record["states"].columns)], record["states"])


def test_terminal_states_are_rows_with_the_nearest_attractor(toggle_model):
    adata = ls.tl.terminal_states(toggle_model, label_key="fate", copy=True)
    found = ls.get.terminal_states(adata)
    record = adata.uns["landscape"]["terminal_states"]["table"]
    assert list(found.columns) == ["terminal", *record.columns]
    assert found["terminal"].tolist() == list(record.index) == list(adata.obs["terminal"].cat.categories)
    assert set(found["attractor"]) <= set(ls.get.attractors(adata)["attractor"])
    found["n_cells"] = 0
    assert (ls.get.terminal_states(adata)["n_cells"] > 0).all()


def test_saddles_and_barriers_state_their_noise(complete):
    saddles, heights = ls.get.saddles(complete, states=True), ls.get.barriers(complete)
    assert saddles["saddle"].tolist() == ["saddle 1"]
    assert {"first", "second", "undecided_width", "A", "B"} <= set(saddles.columns)
    assert (saddles["diffusion"] == 0.05).all()
    assert (heights["diffusion"] == 0.05).all()
    assert list(heights.columns)[:3] == ["from", "to", "height"]
    assert heights.index.tolist() == [0, 1]


def test_rates_state_their_noise(complete):
    found = ls.get.rates(complete)
    assert len(found) == 2
    assert {"time", "low", "high", "rate", "method", "valid", "reason", "diffusion"} <= set(found.columns)
    assert (found["diffusion"] == 0.05).all()


def test_paths_as_movers_or_as_states(complete):
    start, end = ls.get.attractors(complete)["attractor"]
    movers = ls.get.paths(complete, start=start, end=end)
    assert movers["rank"].tolist() == [1, 2]
    assert len(ls.get.paths(complete)) == 4
    points = ls.get.paths(complete, start=start, states=True)
    assert list(points.columns) == ["from", "to", "saddle", "part", "step", "cost", "A", "B"]
    assert (points["from"] == start).all()
    assert points["cost"].iloc[-1] == pytest.approx(
        ls.get.barriers(complete).set_index("from").loc[start, "height"], rel=2e-3
    )
    still = ls.tl.paths(complete, diffusion=0.05, least=2.0, copy=True)
    assert ls.get.paths(still).empty
    assert len(ls.get.paths(still, moving=False)) == 4
    with pytest.raises(ValueError, match=rf"path from nowhere to {end}, found none; there are"):
        ls.get.paths(complete, start="nowhere", end=end)


def test_fates_in_long_form(complete):
    found, wide = ls.get.fates(complete), complete.obsm["fates"]
    assert list(found.columns) == ["cell", "fate", "probability", "model", "error", "disagreement", "flag"]
    again = found.pivot(index="cell", columns="fate", values="probability")
    pd.testing.assert_frame_equal(again.loc[wide.index, wide.columns], wide, check_names=False)


def test_tables_are_copies(complete):
    for get in (ls.get.attractors, ls.get.saddles, ls.get.barriers, ls.get.rates, ls.get.paths):
        first = get(complete)
        first.iloc[:, 0] = "changed"
        assert (get(complete).iloc[:, 0] != "changed").all()


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("attractors", "attractors"),
        ("terminal_states", "terminal_states"),
        ("saddles", "barriers"),
        ("barriers", "barriers"),
        ("rates", "rates"),
        ("paths", "paths"),
        ("fates", "fates"),
    ],
)
def test_a_missing_result_names_the_call_that_makes_it(toggle_cells, name, call):
    with pytest.raises(KeyError, match=rf"run `landscape\.tl\.{call}\(adata\)` first"):
        getattr(ls.get, name)(toggle_cells)


def test_a_record_of_an_older_version_names_the_call(complete):
    adata = complete.copy()
    paths = adata.uns["landscape"]["paths"]
    adata.uns["landscape"]["paths"] = {"table": paths["table"], "params": paths["params"]}
    with pytest.raises(KeyError, match=r"has no 'genes'; run `landscape\.tl\.paths\(adata\)` again"):
        ls.get.paths(adata)

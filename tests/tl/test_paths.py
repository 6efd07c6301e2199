"""Minimum-action paths and the order of genes along them, on the toggle and on paths whose order is known."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import torch

import landscape as ls
from landscape.report import summarise
from landscape.topography import minimum_action
from landscape.topography.large_deviations.named_paths import NamedPath
from landscape.topography.large_deviations.path_tables import path_tables


@pytest.fixture(scope="module")
def crossed(toggle_model):
    """The toggle with its barriers and paths; read only."""
    return ls.tl.barriers(toggle_model, copy=True)


def test_paths_of_the_toggle_lead_over_its_saddle_and_down(crossed):
    record = crossed.uns["landscape"]["paths"]
    states = crossed.uns["landscape"]["attractors"]["states"]
    saddle = crossed.uns["landscape"]["saddles"]["states"].iloc[0].to_numpy()
    genes = list(states.columns)
    drift = ls.get.model(crossed).drift
    for (start, end), part in record["table"].groupby(["from", "to"]):
        points = part[genes].to_numpy()
        np.testing.assert_allclose(points[[0, -1]], states.loc[[start, end]], atol=1e-6)
        assert np.linalg.norm(points - saddle, axis=1).min() < 1e-6
        assert part["part"].tolist() == sorted(part["part"], reverse=True)  # up, then down
        assert (np.diff(part["step"]) > 0).all()
        assert part["step"].iloc[[0, -1]].tolist() == [0, 1]
        # Down from the saddle the path follows the flow: the velocity points along it.
        down = part[part["part"] == "down"][genes].to_numpy()
        middle = 0.5 * (down[1:] + down[:-1])
        flow, along = drift(torch.as_tensor(middle)).numpy(), np.diff(down, axis=0)
        cosine = (flow * along).sum(1) / np.linalg.norm(flow, axis=1) / np.linalg.norm(along, axis=1)
        assert np.median(cosine) > 0.999
    heights = crossed.uns["landscape"]["barriers"]["table"].set_index(["from", "to"])["height"]
    summary = record["summary"].set_index(["from", "to"])
    # The sum along the points is the action before it is extrapolated to infinitely many.
    np.testing.assert_allclose(summary["action"], heights.loc[summary.index], rtol=2e-3)
    assert summary["top"].between(0.2, 0.8).all()


def test_the_gene_that_has_to_rise_moves_first_and_the_one_that_falls_follows(crossed):
    # To leave the fate of B, A has to be activated against the flow; the flow then represses B.
    for (_, end), part in crossed.uns["landscape"]["paths"]["genes"].groupby(["from", "to"]):
        part = part.set_index("rank")
        assert part.loc[1, "gene"] == end
        assert part.loc[1, "change"] > 0.5
        assert part.loc[2, "change"] < -0.5
        assert part.loc[1, "half_action"] < 1
        assert part.loc[2, "half_action"] == pytest.approx(1, abs=0.02)


def test_paths_alone_agree_with_those_of_the_barriers_and_are_taken_over_from_them(toggle_model, crossed, monkeypatch):
    alone = ls.tl.paths(toggle_model, copy=True)
    assert "paths" not in toggle_model.uns["landscape"]
    assert "barriers" not in alone.uns["landscape"]
    for name in ("table", "genes", "summary", "cost"):
        pd.testing.assert_frame_equal(alone.uns["landscape"]["paths"][name], crossed.uns["landscape"]["paths"][name])
    monkeypatch.setattr("landscape.tl._paths.transition_network", None)
    again = ls.tl.paths(crossed, least=1.2, copy=True).uns["landscape"]["paths"]
    pd.testing.assert_frame_equal(again["table"], crossed.uns["landscape"]["paths"]["table"])
    assert not again["genes"]["moves"].any()
    with pytest.raises(TypeError):  # another noise needs another search
        ls.tl.paths(crossed, diffusion=0.02, copy=True)


def test_chosen_pairs_are_joined_by_a_path_of_their_own(toggle_model, crossed):
    first, second = toggle_model.uns["landscape"]["attractors"]["states"].index
    chosen = ls.tl.paths(toggle_model, pairs=[(second, first)], copy=True).uns["landscape"]["paths"]
    assert chosen["summary"][["from", "to"]].to_numpy().tolist() == [[second, first]]
    model = ls.get.model(toggle_model)
    drift, noise = model.drift, model.diffusion
    ends = toggle_model.uns["landscape"]["attractors"]["states"].loc[[second, first]].to_numpy()
    assert chosen["summary"]["action"].iloc[0] == pytest.approx(
        minimum_action(drift, *ends, diffusion=noise).action, rel=2e-3
    )
    assert chosen["params"]["pairs"].tolist() == [f"{second} to {first}"]
    # If barriers are known, the path and the name of its saddle are theirs; one pair needs no list.
    taken = ls.tl.paths(crossed, pairs=(second, first), copy=True).uns["landscape"]["paths"]
    assert taken["summary"]["saddle"].tolist() == ["saddle 1"]
    named = ls.tl.paths(crossed, pairs=[(second, first)], n_points=64, copy=True).uns["landscape"]["paths"]
    assert named["summary"]["saddle"].tolist() == ["saddle 1"]


def test_of_several_known_paths_a_pair_gets_the_cheapest(toggle_model):
    start, end = toggle_model.uns["landscape"]["attractors"]["states"].index
    states = toggle_model.uns["landscape"]["attractors"]["states"].to_numpy()
    ways = [
        NamedPath(start, end, f"saddle {k}", np.linspace(*states, 5), np.linspace(0, action, 5), 4, True)
        for k, action in enumerate([3.0, 1.0, 2.0])
    ]
    adata = toggle_model.copy()
    record = path_tables(ways, list(toggle_model.uns["landscape"]["attractors"]["states"].columns), least=0.05)
    noise = float(adata.uns["landscape"]["dynamics"]["diffusion"])
    params = {"diffusion": noise, "n_points": 100, "pairs": "all"}
    adata.uns["landscape"]["paths"] = {**record, "params": params}
    ls.tl.paths(adata, pairs=[(start, end)])
    assert adata.uns["landscape"]["paths"]["summary"]["saddle"].tolist() == ["saddle 1"]


def test_paths_survive_a_file_and_are_taken_over_from_it(crossed, tmp_path, monkeypatch):
    crossed.write_h5ad(tmp_path / "crossed.h5ad")
    back = ad.read_h5ad(tmp_path / "crossed.h5ad")
    monkeypatch.setattr("landscape.tl._paths.transition_network", None)
    ls.tl.paths(back)
    for name in ("table", "genes", "summary", "cost"):
        pd.testing.assert_frame_equal(
            back.uns["landscape"]["paths"][name], crossed.uns["landscape"]["paths"][name], check_dtype=False
        )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pairs": [("A", "Z")]}, r"`pairs` of attractors, found \['Z'\]; there are"),
        ({"pairs": [("A", "A")]}, "found 'A' twice"),
        ({"pairs": []}, "`pairs` as a list of names"),
        ({"pairs": ["A", "B", "A"]}, "`pairs` as a list of names"),
        ({"diffusion": 0.0}, "`diffusion` to be positive and finite, found 0"),
        ({"diffusion": -1.0, "pairs": [("A", "B")]}, "`diffusion` to be positive and finite, found -1"),
        ({"n_points": 3}, "`n_points` of at least 16"),
        ({"least": -1.0}, "`least` to be a level of at least 0"),
    ],
)
def test_bad_input_is_named_and_nothing_is_written(toggle_model, options, message):
    adata = toggle_model.copy()
    before = set(adata.uns["landscape"])
    with pytest.raises(ValueError, match=message):
        ls.tl.paths(adata, **options)
    assert set(adata.uns["landscape"]) == before


@pytest.mark.parametrize("name", ["paths", "rates", "barriers"])
def test_one_attractor_leads_nowhere(toggle_model, name):
    adata = toggle_model.copy()
    record = adata.uns["landscape"]["attractors"]
    adata.uns["landscape"]["attractors"] = {**record, **{k: record[k].iloc[:1] for k in ("states", "table")}}
    before = set(adata.uns["landscape"])
    with pytest.raises(ValueError, match="at least two attractors, found 1"):
        getattr(ls.tl, name)(adata)
    assert set(adata.uns["landscape"]) == before


def test_barriers_that_are_refused_leave_nothing_behind(toggle_model):
    adata = toggle_model.copy()
    before = set(adata.uns["landscape"])
    with pytest.raises(ValueError, match="`diffusion` to be positive and finite, found -1"):
        ls.tl.barriers(adata, diffusion=-1.0)
    assert set(adata.uns["landscape"]) == before


def test_barriers_state_the_curl_and_the_undecided_zone(crossed):
    record = crossed.uns["landscape"]
    assert 0 < record["barriers"]["curl_share"] < 1
    assert summarise(crossed)["curl_share"] == record["barriers"]["curl_share"]
    model = ls.get.model(crossed)
    drift, noise = model.drift, model.diffusion
    saddle = record["saddles"]["states"].to_numpy()
    assert record["saddles"]["table"]["undecided_width"].iloc[0] == pytest.approx(
        ls.topography.undecided_width(drift, saddle[0], diffusion=noise).width
    )

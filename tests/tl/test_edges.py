"""How far cells determine the edges of the model: a planted circuit, collinear regulators, and a hub."""

from __future__ import annotations

import pandas as pd
import pytest

import landscape as ls


def hub() -> ls.circuits.Circuit:
    """A gene that activates itself drives five that act neither on it nor on one another."""
    up, down = ("T1", "T2", "T3"), ("T4", "T5")
    return ls.circuits.Circuit(
        name="hub",
        rules={"H": "H"} | dict.fromkeys(up, "H") | dict.fromkeys(down, "not H"),
        edges=(("H", "H", 1), *(("H", gene, 1) for gene in up), *(("H", gene, -1) for gene in down)),
        initial={"H": 0.5},
        fates={"on": frozenset({"H", *up}), "off": frozenset(down)},
        time_scale={"T1": 0.6, "T2": 1.0, "T3": 1.6, "T4": 0.8, "T5": 1.3},
        duration=15.0,
    )


@pytest.fixture(scope="module")
def of_hub():
    adata = ls.circuits.simulate(
        hub(), n_cells=1800, n_targets=200, n_housekeeping=100, times=[0, 1, 2, 3, 5, 8], rng=0
    )
    model = ls.latent.LatentModel(adata, layer="counts", rng=0)
    model.train(progress=False)
    ls.tl.network(adata, model=model, rng=0)
    ls.tl.dynamics(adata, model=model, direction=ls.dynamics.from_time("time"), n_replicates=10, rng=0)
    return adata


@pytest.mark.slow
def test_edges_of_a_hub_are_determined_and_most_false_ones_are_not(of_hub):
    table = ls.get.regulation(of_hub)
    table = table[table["source"].isin(hub().genes) & table["target"].isin(hub().genes)].set_index(["source", "target"])
    true = [("H", f"T{k}") for k in range(1, 6)]
    assert table.loc[true, "sign"].tolist() == [1, 1, 1, -1, -1]
    assert (table.loc[true, "support"] == 1).all()
    false = table.drop(index=true)
    assert len(false) == 25
    # Cells at rest suggest all of them, and a single fit gives each a sign. Measured: 6 on two seeds.
    assert (false["support"] == 1).sum() <= 10
    strength = (table["weight"] / table["sd"]).abs()
    # Chance would rank a true edge above a false one in half of the pairs, with a standard error of .14 (5 against 25).
    ranked = (strength[true].to_numpy()[:, None] > strength[false.index].to_numpy()).mean()
    assert ranked > 0.5 + 2 * 0.14


def test_edges_of_the_toggle_are_determined(toggle_cells):
    adata = ls.tl.dynamics(
        toggle_cells, direction=ls.dynamics.from_time("time"), n_steps=60, n_replicates=5, rng=0, copy=True
    )
    table = ls.get.regulation(adata)
    record = adata.uns["landscape"]["dynamics"]
    assert list(table.columns) == ["source", "target", "weight", "sign", "effect", "support", "sd"]
    assert table["effect"].abs().is_monotonic_decreasing
    edge = table.set_index(["source", "target"]).loc[("A", "B")]
    assert edge["sign"] == -1
    assert edge["support"] == 1
    assert (
        edge["weight"]
        == record["weights"][list(record["regulators"]).index("B"), list(record["regulators"]).index("A")]
    )
    phi = (lambda x, k, n: x**n / (k**n + x**n))(
        adata.obsm["X_state"]["A"],
        *(record[name][list(record["regulators"]).index("A")] for name in ("threshold", "hill")),
    )
    assert edge["effect"] == pytest.approx(edge["weight"] * phi.std(ddof=0))
    pd.testing.assert_frame_equal(
        ls.get.regulation(adata, supported=True), table[table["support"] == 1].reset_index(drop=True)
    )


def test_without_replicates_nothing_is_said(toggle_model):
    assert "support" not in ls.get.regulation(toggle_model)
    with pytest.raises(ValueError, match="n_replicates=10"):
        ls.get.regulation(toggle_model, supported=True)


def test_a_missing_model_names_the_call(toggle_cells):
    with pytest.raises(KeyError, match=r"run `landscape.tl.dynamics` first"):
        ls.get.regulation(toggle_cells)

"""Guy ropes of barriers: replicates along their own paths, places, participation, and where a valley vanishes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from landscape.dynamics import Model, RegulatoryDrift
from landscape.topography import barrier, fixed_points, tension, transition_network
from landscape.topography.large_deviations.critical_strength import critical_strengths, with_strength
from landscape.topography.large_deviations.guy_ropes import guy_ropes, lowest_paths
from landscape.topography.large_deviations.named_paths import NamedPath, paths_of_network
from landscape.topography.large_deviations.rope_tables import critical_table, participation, rope_tables

GENES = ("A", "B", "C")
STARTS = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5]])


def toggle(bias=3.0):
    """Two genes that repress each other, and a third one that only listens to the first."""
    weights = np.array([[0.0, -8.0, 0.0], [-8.0, 0.0, 0.0], [2.0, 0.0, 0.0]])
    drift = RegulatoryDrift.from_arrays(weights, bias=np.array([bias, bias, -1.0]), hill=4.0)
    return Model(drift, 0.02, GENES)


def attractors(model):
    found = fixed_points(model.drift, torch.as_tensor(STARTS), deflate=False, n_random=0).stable
    return np.array(sorted([p.x for p in found], key=lambda x: -x[0]))


@pytest.fixture(scope="module")
def found():
    model = toggle()
    states = pd.DataFrame(attractors(model), index=["first", "second"], columns=list(GENES))
    network = transition_network(model.drift, states.to_numpy(), diffusion=0.02)
    paths = paths_of_network(network, model, list(states.index))
    # The last one has one valley: at this bias both genes are off.
    ensemble = [toggle(b) for b in (2.8, 2.9, 3.1, 3.2)] + [toggle(-6.0)]
    return guy_ropes(model, paths, states, ensemble=ensemble), model, states, ensemble


def test_each_replicate_speaks_along_its_own_path(found):
    ropes, _, _, ensemble = found
    for path, ones in zip(ropes.paths, ropes.replicates, strict=True):
        assert ones[-1] is None
        for model, one in zip(ensemble[:-1], ones[:-1], strict=True):
            ends = attractors(model)
            start = ends[0] if path.start == "first" else ends[1]
            middle = fixed_points(model.drift, torch.as_tensor(ends.mean(0)[None]), deflate=False, n_random=0)
            own = barrier(model.drift, start, middle.saddles[0].x, diffusion=0.02)
            expected = tension(model, own.path)
            # 50 points instead of 100: the midpoint rule errs by a few 1e-4.
            np.testing.assert_allclose(
                one.by_kind["strength"], expected.strength, atol=5e-3 * np.abs(expected.strength).max()
            )


def test_tables_have_intervals_counts_and_exact_zeros(found):
    ropes, model, states, _ = found
    tables = rope_tables(ropes, model, ("strength", "production", "turnover"))
    assert list(tables["strength"].columns) == ["first to second", "second to first"]
    # A gene without targets holds nothing, in any replicate.
    for name in ("strength", "strength_low", "strength_high"):
        assert (tables[name].loc["C"] == 0).all()
    assert tables["genes"].loc["C", "pleiotropy"] == 0
    assert tables["place"].loc["C"].isna().all()
    assert (tables["barriers"]["n_replicates"] == 4).all()
    assert (tables["barriers"]["n_asked"] == 5).all()
    total = tables["production"].sum() + tables["turnover"].sum()
    np.testing.assert_allclose(total, tables["barriers"]["action"], rtol=1e-8)
    each = np.array([one.by_kind["strength"] for one in ropes.replicates[0][:4]])
    np.testing.assert_allclose(tables["strength_low"]["first to second"], np.quantile(each, 0.05, axis=0))
    np.testing.assert_allclose(tables["strength_high"]["first to second"], np.quantile(each, 0.95, axis=0))
    # Both genes are alike but for their names.
    np.testing.assert_allclose(
        tables["strength"].loc[["A", "B"], "first to second"],
        tables["strength"].loc[["B", "A"], "second to first"],
        rtol=1e-2,
    )
    edges = tables["edges"]
    assert set(edges["source"]) == {"A", "B"}
    assert edges.groupby("barrier", sort=False)["tension"].apply(lambda t: t.abs().is_monotonic_decreasing).all()
    of_a = edges[(edges["barrier"] == "first to second") & (edges["source"] == "A")]["tension"].sum()
    assert of_a == pytest.approx(tables["strength"].loc["A", "first to second"], rel=0.02)


def test_without_replicates_there_are_no_intervals(found):
    ropes, model, states, _ = found
    alone = guy_ropes(model, ropes.paths, states)
    tables = rope_tables(alone, model, ("strength",))
    assert tables["strength_low"].isna().all(axis=None)
    assert tables["genes"]["pleiotropy_low"].isna().all()
    assert "production" not in tables


def test_paths_of_another_model_are_refused(found):
    ropes, _, states, _ = found
    with pytest.raises(ValueError, match=r"model changed: run `landscape\.tl\.barriers` again"):
        guy_ropes(toggle(2.0), ropes.paths, states)


def test_the_lowest_path_of_a_pair_is_taken():
    def path(start, end, cost):
        return NamedPath(start, end, "saddle", np.zeros((2, 1)), np.array([0.0, cost]), 1, converged=True)

    given = [path("a", "b", 2.0), path("b", "a", 1.0), path("a", "b", 1.5)]
    assert lowest_paths(given) == [given[2], given[1]]


def test_participation_counts_what_carries_the_squares():
    np.testing.assert_allclose(participation(np.array([[1.0, -1, 1, 0], [0, 5, 0, 0], [0, 0, 0, 0]]), 1), [3, 1, 0])
    np.testing.assert_allclose(participation(np.array([3.0, 1.0]), 0), 100 / 82)
    # Far below the square root of the smallest number.
    np.testing.assert_allclose(participation(1e-200 * np.ones(5), 0), 5)


def test_a_rope_holds_where_it_pulls_hardest():
    """One gene: the pull on a segment is the slope of production times the response, in closed form."""
    drift = RegulatoryDrift.from_arrays([[6.0]], bias=-3.0, hill=4.0)
    model = Model(drift, 1.0, ("A",))
    high = fixed_points(drift, torch.tensor([[0.95]], dtype=torch.float64), deflate=False, n_random=0).stable[0].x[0]
    path = np.linspace(high, 0.5, 201)[:, None]
    states = pd.DataFrame([[high], [0.0]], index=["on", "off"], columns=["A"])
    cost = np.linspace(0, 1, 201)
    ropes = guy_ropes(model, [NamedPath("on", "off", "no saddle", path, cost, 200, converged=True)], states)
    x = np.linspace(high, 0.5, 20_001)
    phi = x**4 / (0.5**4 + x**4)
    s = 1 / (1 + np.exp(3 - 6 * phi))
    hardest = x[(s * (1 - s) * phi).argmax()]
    place = rope_tables(ropes, model, ("strength",))["place"].iloc[0, 0]
    assert high + place * (0.5 - high) == pytest.approx(hardest, abs=(high - 0.5) / 200)


def test_a_valley_vanishes_at_its_fold():
    """The fold of one gene is at w = 4.847772, wherever the rope starts; a stronger rope does not end the valley."""
    for w in (6.0, 5.0):
        drift = RegulatoryDrift.from_arrays([[w]], bias=-3.0, hill=4.0)
        high = fixed_points(drift, torch.tensor([[0.95]], dtype=torch.float64), deflate=False, n_random=0).stable[0].x
        weaker, stronger = critical_strengths(drift, high, 0)
        assert weaker.kind == "fold"
        assert weaker.strength * w == pytest.approx(4.847772, abs=2e-6)
        assert stronger.kind == "none"
        assert np.isnan(stronger.strength)


def test_ropes_of_one_gene_are_its_outgoing_edges():
    drift = with_strength(toggle().drift, 0, 0.5)
    np.testing.assert_array_equal(drift.weights, [[0, -8, 0], [-4, 0, 0], [1, 0, 0]])


def test_critical_strengths_are_found_for_the_strongest_gene_of_each_valley(found):
    ropes, model, states, _ = found
    table = critical_table(ropes, model, states, 1)
    # The first gene holds its valley by repressing the second.
    assert table[["attractor", "gene"]].drop_duplicates().to_numpy().tolist() == [["first", "A"], ["second", "B"]]
    fold = table[(table["attractor"] == "first") & (table["way"] == "weaker")].iloc[0]
    assert fold["kind"] == "fold"
    # Just below it the valley is gone, just above it there is one.
    for factor, there in ((0.995, False), (1.005, True)):
        drift = with_strength(model.drift, 0, factor * fold["strength"])
        end = (
            fixed_points(drift, torch.as_tensor(states.loc[["first"]].to_numpy()), deflate=False, n_random=0)
            .stable[0]
            .x
        )
        assert (end[0] > end[1]) == there
    assert critical_table(ropes, model, states, 0).empty

from __future__ import annotations

from itertools import permutations

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgba
from matplotlib.patches import FancyArrowPatch
from scipy import sparse

from landscape import pl
from landscape.get import regulator_weights
from landscape.pl._network import layout
from landscape.pl.scene.cells import attractor_colours
from landscape.pl.style.figure import DOWN, UP
from tests.pl.drawn import artist
from tests.synthetic import NAMES, add_topography


def network_of(weights):
    d = len(weights)
    adata = ad.AnnData(obs=pd.DataFrame(index=["a"]), var=pd.DataFrame(index=[f"G{i}" for i in range(d)]))
    adata.varp["network"] = sparse.csr_matrix(np.asarray(weights, dtype=float))
    adata.varp["network_support"] = sparse.csr_matrix((np.asarray(weights) != 0).astype(np.int8))
    adata.var["regulator_in_network"] = True
    return adata


def random_network(d, seed=0):
    rng = np.random.default_rng(seed)
    return network_of(rng.normal(0, 0.3, (d, d)) * (rng.random((d, d)) < 4 / d))


def arrows(ax):
    return {p.get_gid(): p for p in ax.patches if isinstance(p, FancyArrowPatch)}


# Network


def test_arrows_activate_and_bars_repress_from_regulator_to_target():
    ax = pl.network(network_of([[0, 0.5, 0], [0, 0, -1.0], [0, 0, 0.25]]), show=False)
    drawn = arrows(ax)
    assert set(drawn) == {"G0->G1", "G1->G2", "self"}
    assert drawn["G0->G1"].get_edgecolor()[:3] == to_rgba(UP)[:3]
    assert drawn["G1->G2"].get_edgecolor()[:3] == to_rgba(DOWN)[:3]
    assert type(drawn["G0->G1"].get_arrowstyle()).__name__ == "CurveFilledB"
    assert type(drawn["G1->G2"].get_arrowstyle()).__name__ == "BracketB"
    assert drawn["G1->G2"].get_linewidth() > drawn["G0->G1"].get_linewidth() > drawn["self"].get_linewidth()
    assert {t.get_text() for t in ax.texts} >= {"G0", "G1", "G2"}
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["activates (2)", "represses (1)"]


def test_the_strongest_edges_are_drawn_and_listed():
    adata = random_network(20)
    total = adata.varp["network"].nnz
    figure = pl.network(adata, n_edges=10, show=False, return_fig=True)
    assert len([p for p in figure.axes[0].patches if isinstance(p, FancyArrowPatch)]) == 10
    assert f"the 10 strongest of {total} edges among regulators" in figure.get_supxlabel()
    assert pl.network(adata, n_edges=None, show=False, return_fig=True).get_supxlabel() == ""


def test_edges_outside_the_support_are_not_drawn():
    adata = network_of([[0, 0.5], [0.7, 0]])
    adata.varp["network_support"] = sparse.csr_matrix(np.array([[0, 1], [0, 0]], dtype=np.int8))
    assert set(arrows(pl.network(adata, show=False))) == {"G0->G1"}
    assert regulator_weights(adata).loc["G1", "G0"] == 0


@pytest.mark.parametrize("d", [2, 3, 11, 24, 25, 60])
def test_every_regulator_has_a_place_of_its_own(d):
    places = np.array(list(layout(regulator_weights(random_network(d))).values()))
    assert places.shape == (d, 2)
    gaps = np.linalg.norm(places[:, None] - places[None], axis=-1) + np.eye(d)
    assert gaps.min() > 1.0 / d / np.ptp(places, axis=0).max()


def test_names_on_a_circle_do_not_overlap():
    figure = pl.network(random_network(60), show=False, return_fig=True)
    figure.canvas.draw()
    # Rotated names: their anchors are further apart than a line of text is high.
    ax = figure.axes[0]
    anchors = ax.transData.transform([t.xy for t in ax.texts])
    gaps = np.linalg.norm(anchors[:, None] - anchors[None], axis=-1) + 1e9 * np.eye(60)
    assert gaps.min() > 7.5 * figure.dpi / 72


def test_a_large_network_is_a_clustered_matrix():
    adata = random_network(50)
    grid = pl.network(adata, kind="heatmap", show=False)
    assert sorted(t.get_text() for t in grid.ax_heatmap.get_yticklabels()) == sorted(
        adata.var_names[np.asarray((adata.varp["network"] != 0).sum(1)).ravel() > 0]
    )
    drawn = grid.ax_heatmap.collections[0].get_array()
    assert np.isclose(np.abs(np.asarray(drawn)).sum(), np.abs(adata.varp["network"]).sum())
    adata = random_network(70)
    shown = pl.network(adata, show=False).ax_heatmap
    out = pd.Series(np.abs(adata.varp["network"].toarray()).sum(1), index=adata.var_names)
    assert {t.get_text() for t in shown.get_yticklabels()} <= set(out.nlargest(50).index)
    with pytest.raises(ValueError, match="makes its own figure"):
        pl.network(adata, ax=plt.subplots()[1], show=False)


def test_unstable_edges_are_faint():
    adata = network_of([[0, 1.0, 0], [0, 0, 1.0], [0, 0, 0]])
    stability = np.zeros((3, 3))
    stability[0, 1], stability[1, 2] = 1.0, 0.2
    adata.varp["network_stability"] = sparse.csr_matrix(stability)
    drawn = arrows(pl.network(adata, show=False))
    assert drawn["G0->G1"].get_alpha() > drawn["G1->G2"].get_alpha() + 0.5


def test_what_activates_one_another_is_side_by_side_on_the_circle():
    modules = np.repeat([0, 1, 2], 4)[np.random.default_rng(0).permutation(12)]
    weights = np.where(modules[:, None] == modules[None], 0.5, -0.5)
    places = layout(regulator_weights(network_of(weights)))
    turn = np.array([np.arctan2(y, x) for x, y in places.values()])
    around = modules[np.argsort(turn)]
    assert np.count_nonzero(around != np.roll(around, 1)) == 3


def test_names_of_a_very_large_matrix_do_not_touch():
    grid = pl.network(random_network(250), show=False)
    rows, columns = grid.ax_heatmap.collections[0].get_array().shape
    assert (rows, columns) <= (50, 60)
    assert rows * columns > 40 * 50  # a few of them have no edge left among those drawn
    grid.figure.canvas.draw()
    boxes = [t.get_window_extent() for t in grid.ax_heatmap.get_xticklabels()]
    assert not any(a.overlaps(b) for a, b in zip(boxes, boxes[1:], strict=False))
    assert any(f"{rows} regulators and {columns} targets" in t.get_text() for t in grid.figure.texts)


def test_networks_that_cannot_be_drawn_are_named(finished):
    with pytest.raises(ValueError, match="joins two regulators"):
        pl.network(network_of(np.zeros((3, 3))), show=False)
    with pytest.raises(ValueError, match="'auto', 'graph' or 'heatmap', found 'tree'"):
        pl.network(finished, kind="tree", show=False)
    del finished.varp["network"]
    with pytest.raises(KeyError, match="landscape.tl.network"):
        pl.network(finished, show=False)


# Attractors


def test_levels_and_bars_are_those_of_the_record(finished):
    record = finished.uns["landscape"]["attractors"]
    main, cells, eigenvalues, support = pl.attractors(finished, show=False)
    rows = [t.get_text() for t in main.get_xticklabels()]
    columns = [t.get_text() for t in main.get_yticklabels()]
    drawn = np.asarray(artist(main, "levels").get_array()).reshape(-1, 4)
    np.testing.assert_allclose(drawn, record["states"].loc[rows, columns].T)
    colours = [to_rgba(colour) for colour in attractor_colours(finished, rows).values()]
    for ax, name in ((cells, "n_cells"), (eigenvalues, "leading_eigenvalue"), (support, "support")):
        assert [bar.get_height() for bar in ax.containers[0]] == record["table"].loc[rows, name].tolist()
        assert [bar.get_facecolor() for bar in ax.containers[0]] == colours
    record["table"].loc[rows[0], "n_cells"] = 1
    texts = [t.get_text() for t in pl.attractors(finished, show=False)[1].texts]
    assert texts[0] == "1"


def test_the_regulators_that_differ_most_are_kept(finished):
    figure = pl.attractors(finished, n_regulators=3, show=False, return_fig=True)
    states = finished.uns["landscape"]["attractors"]["states"]
    widest = set((states.max() - states.min()).nlargest(3).index)
    assert {t.get_text() for t in figure.axes[3].get_yticklabels()} == widest
    assert "the 3 of 11 regulators that differ most" in figure.get_supxlabel()


def test_unobserved_attractors_are_listed(finished):
    finished.uns["landscape"]["attractors"]["table"].loc["Monocyte", "observed"] = False
    assert "no cells near the state: Monocyte" in pl.attractors(finished, show=False, return_fig=True).get_supxlabel()


def test_no_attractors_are_named(finished):
    record = finished.uns["landscape"]["attractors"]
    finished.uns["landscape"]["attractors"] = {"states": record["states"].iloc[:0], "table": record["table"].iloc[:0]}
    with pytest.raises(ValueError, match="Expected at least one attractor, found none"):
        pl.attractors(finished, show=False)


# Barriers


def test_the_graph_of_barriers_has_an_arrow_for_each_direct_transition(finished):
    add_topography(finished)
    figure = pl.barriers(finished, kind="graph", show=False, return_fig=True)
    ax = figure.axes[0]
    drawn = arrows(ax)
    assert set(drawn) == {
        f"{a}->{b}" for i, j in ((0, 1), (1, 2), (2, 3)) for a, b in permutations((NAMES[i], NAMES[j]))
    }
    easy, hard = drawn["Erythrocyte->Megakaryocyte"], drawn["Granulocyte->Monocyte"]
    assert easy.get_linewidth() > hard.get_linewidth()
    texts = {t.get_text() for t in ax.texts}
    assert {"2 [1, 3]", "9 [8, 10]"} <= texts
    assert any(t.startswith("Monocyte\n") for t in texts)
    assert "1 transition over other attractors not drawn" in figure.get_supxlabel()
    assert "in brackets: not converged" in figure.get_supxlabel()
    nodes = {tuple(c) for c in artist(ax, "attractors").get_facecolors()}
    assert nodes == {to_rgba(colour) for colour in attractor_colours(finished, NAMES).values()}
    assert "D = 0.1" in figure.get_supxlabel()
    with pytest.raises(ValueError, match="'matrix' or 'graph', found 'tree'"):
        pl.barriers(finished, kind="tree", show=False)


def test_barriers_go_from_row_to_column_with_their_intervals(finished):
    table = pd.DataFrame(
        {
            "from": ["a", "b"],
            "to": ["b", "a"],
            "height": [1.5, 4.0],
            "low": [1.0, np.nan],
            "high": [2.0, np.nan],
            "converged": [True, False],
        }
    )
    finished.uns["landscape"]["barriers"] = {"table": table, "params": {}}
    figure = pl.barriers(finished, show=False, return_fig=True)
    ax = figure.axes[0]
    assert [t.get_text() for t in ax.texts] == ["1.5\n[1, 2]", "(4)"]
    drawn = np.ma.filled(ax.collections[0].get_array().reshape(2, 2), np.nan)
    np.testing.assert_array_equal(drawn, [[np.nan, 1.5], [4.0, np.nan]])
    assert "not converged" in figure.get_supxlabel()
    finished.uns["landscape"]["barriers"]["table"] = table.assign(height=[1.5, np.nan])
    assert [t.get_text() for t in pl.barriers(finished, show=False).texts] == [
        "1.5\n[1, 2]",
        "no path",
    ]
    finished.uns["landscape"]["barriers"] = {"table": table.iloc[:0], "params": {}}
    with pytest.raises(ValueError, match="at least one barrier with a height"):
        pl.barriers(finished, show=False)
    del finished.uns["landscape"]["barriers"]
    with pytest.raises(KeyError, match=r"landscape\.tl\.barriers"):
        pl.barriers(finished, show=False)

"""Fates on the embedding, on the circle and along paths: the artists hold the probabilities of the table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgba

from landscape import pl
from landscape.pl._fates import fate_order
from landscape.pl.scene.cells import attractor_colours
from tests.pl.drawn import artist, offsets
from tests.synthetic import NAMES, add_comparison


def test_a_panel_for_each_fate_and_the_entropy(finished):
    axes = pl.fates(finished, show=False)
    assert [ax.get_title() for ax in axes] == [*finished.obsm["fates"].columns, "entropy of the fate"]
    points = artist(axes[1], "Megakaryocyte")
    values = finished.obsm["fates"]["Megakaryocyte"].to_numpy()
    np.testing.assert_array_equal(np.asarray(points.get_array()), np.sort(values))
    order = np.argsort(values, kind="stable")
    np.testing.assert_array_equal(points.get_offsets(), finished.obsm["X_plane"][order])
    assert (points.norm.vmin, points.norm.vmax) == (0.0, 1.0)
    entropy = artist(axes[-1], "entropy of the fate")
    assert (entropy.norm.vmin, entropy.norm.vmax) == (0.0, 2.0)  # four equal fates: two bits
    labels = {ax.get_ylabel() for ax in axes[0].get_figure().axes}
    assert {"probability", "entropy (bits)"} <= labels


def test_on_the_circle_decided_cells_lie_at_their_fate_and_undecided_in_the_middle(finished):
    finished.obsm["fates"].iloc[0] = [1, 0, 0, 0]
    finished.obsm["fates"].iloc[1] = [0.25] * 4
    ax = pl.fates(finished, kind="circle", show=False)
    cells = artist(ax, "cells").get_offsets()
    np.testing.assert_allclose(cells[:2], [[0, 1], [0, 0]], atol=1e-12)
    assert {t.get_text() for t in ax.texts} == set(finished.obsm["fates"].columns)


def test_fates_between_which_cells_are_undecided_are_side_by_side_on_the_circle():
    rng = np.random.default_rng(0)
    pairs = np.array([(0, 2), (2, 4), (4, 1), (1, 3)])[rng.integers(4, size=400)]
    odds = np.zeros((400, 5))
    odds[np.arange(400), pairs[:, 0]] = share = rng.random(400)
    odds[np.arange(400), pairs[:, 1]] += 1 - share
    order = fate_order(odds)
    assert order[0] == 0
    assert list(order) in ([0, 2, 4, 1, 3], [0, 3, 1, 4, 2])


def path_of_fates(adata, n=60):
    """Cells along one path, whose fates change from the first attractor to the second around 0.3; a saddle at 0.5."""
    genes = list(adata.obsm["X_state"].columns)
    states = adata.uns["landscape"]["attractors"]["states"]
    share = np.linspace(0, 1, adata.n_obs)[:, None]
    ends = states.iloc[[0, 1]].to_numpy()
    adata.obsm["X_state"][genes] = (1 - share) * ends[0] + share * ends[1]
    odds = np.zeros((adata.n_obs, 4))
    odds[:, 1] = np.clip(share[:, 0] / 0.6, 0, 1)
    odds[:, 0] = 1 - odds[:, 1]
    adata.obsm["fates"] = pd.DataFrame(odds, index=adata.obs_names, columns=list(states.index))
    step = np.linspace(0, 1, n)
    levels = (1 - step[:, None]) * ends[0] + step[:, None] * ends[1]
    table = pd.DataFrame(levels, columns=genes)
    part = np.where(step <= 0.5, "up", "down")
    table = table.assign(**{"from": NAMES[0], "to": NAMES[1], "saddle": "saddle 1", "part": part, "step": step})
    adata.uns["landscape"]["paths"] = {"table": table}


def test_fates_along_a_path_are_those_of_the_cells_around_it(finished):
    path_of_fates(finished)
    figure = pl.fates(finished, kind="path", show=False, return_fig=True)
    (ax,) = figure.axes
    line = next(a for a in ax.lines if a.get_gid() == f"far:{NAMES[1]}")
    step, odds = line.get_data()
    # 40 of 600 cells around each state: a window of 0.07 of the path, which rounds the two kinks off.
    np.testing.assert_allclose(odds, np.clip(step / 0.6, 0, 1), atol=0.05)
    inner = (step > 0.08) & (step < 0.5)
    np.testing.assert_allclose(odds[inner], step[inner] / 0.6, atol=0.003)
    ((at, level),) = artist(ax, "equal_odds").get_offsets()
    assert (at, level) == pytest.approx((0.3, 0.5), abs=0.003)
    assert artist(ax, "saddle").get_xdata()[0] == pytest.approx(0.5, abs=0.01)
    names = {t.get_text() for t in ax.texts}
    assert {NAMES[0], NAMES[1], "saddle 1"} <= names
    assert not names & set(NAMES[2:])
    assert "2 fates below 2% left out" in figure.get_supxlabel()
    assert "dashed" not in figure.get_supxlabel()
    near = artist(ax, f"near:{NAMES[1]}")
    assert to_rgba(attractor_colours(finished, NAMES)[NAMES[1]]) == tuple(near.get_color()[0])


def test_fates_along_a_path_are_dashed_where_no_cells_are(finished):
    path_of_fates(finished)
    state = finished.obsm["X_state"]
    far = np.linspace(0, 1, finished.n_obs) > 0.5
    state.loc[far] = 9.0
    figure = pl.fates(finished, kind="path", start=NAMES[0], end=NAMES[1], show=False, return_fig=True)
    assert "dashed: no cells near" in figure.get_supxlabel()
    drawn = np.concatenate(artist(figure.axes[0], f"near:{NAMES[0]}").get_segments())
    assert 0.4 < drawn[:, 0].max() < 0.8
    with pytest.raises(ValueError, match="No path from Monocyte"):
        pl.fates(finished, kind="path", start="Monocyte", show=False)
    with pytest.raises(ValueError, match="pass `kind='path'`"):
        pl.fates(finished, start=NAMES[0], show=False)
    del finished.uns["landscape"]["paths"]
    with pytest.raises(KeyError, match=r"landscape\.tl\.paths"):
        pl.fates(finished, kind="path", show=False)


def test_without_an_embedding_fates_are_on_the_circle(finished):
    del finished.uns["landscape"]["occupancy"]
    assert pl.fates(finished, show=False).get_title() == ""
    with pytest.raises(KeyError, match="No embedding to draw on"):
        pl.fates(finished, kind="embedding", show=False)


def test_wrong_requests_for_fates_are_named(finished):
    with pytest.raises(ValueError, match="'circle', 'path' or 'model'"):
        pl.fates(finished, kind="pie", show=False)
    with pytest.raises(ValueError, match="Expected no `ax`"):
        pl.fates(finished, ax=plt.subplots()[1], show=False)
    del finished.obsm["fates"]
    with pytest.raises(KeyError, match=r"landscape\.tl\.fates"):
        pl.fates(finished, show=False)


@pytest.fixture
def compared(finished):
    add_comparison(finished)
    return finished


def test_fates_of_the_model_stand_against_those_of_the_chain(compared):
    *panels, shares = pl.fates(compared, kind="model", show=False)
    assert [ax.get_title(loc="left") for ax in panels] == list(NAMES)
    chain, model = compared.obsm["fates"].iloc[:100], compared.obsm["fates_model"].iloc[:100]
    differs = (compared.obs["fates_flag"] == "differ").to_numpy()[:100]
    assert differs.sum() == 10
    for ax, name in zip(panels, NAMES, strict=True):
        drawn = np.column_stack([chain[name], model[name]])
        np.testing.assert_allclose(offsets(ax, "agree"), drawn[~differs])
        np.testing.assert_allclose(offsets(ax, "differ"), drawn[differs])
    assert [t.get_text() for t in shares.get_yticklabels()] == list(NAMES[:3])  # no cell has the last one
    np.testing.assert_allclose(offsets(shares, "share_differs")[:, 0], [0.1, 0.2, 0.3])
    said = shares.get_figure().get_supxlabel()
    assert "probabilities of 100 cells" in said
    assert "(10 cells)" in said
    assert f"most cells leave under the noise of the model: {NAMES[2]} (30% stay)" in said


def test_without_the_model_the_call_is_named(compared):
    del compared.obsm["fates_model"]
    with pytest.raises(KeyError, match=r"landscape\.tl\.fates\(adata\)` with `n_replicates` above 0"):
        pl.fates(compared, kind="model", show=False)


def test_another_table_of_fates_has_no_panel_of_the_entropy_of_the_first(finished):
    finished.obsm["terminal_fates"] = finished.obsm["fates"].iloc[:, :2]
    axes = pl.fates(finished, key="terminal_fates", basis="X_plane", show=False)
    assert [ax.get_title() for ax in axes] == list(finished.obsm["terminal_fates"].columns)

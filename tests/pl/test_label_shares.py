"""Labels against basins and fates: colours, numbers and frames are those of the table."""

from __future__ import annotations

import numpy as np
import pytest

from landscape import get, pl
from tests.pl.drawn import artist, artists, texts
from tests.synthetic import NAMES, add_comparison


@pytest.fixture
def whole(finished):
    add_comparison(finished)
    labels = finished.obs["cell_type"].astype(str)
    early = finished.obs["day"] <= 2
    finished.obs["cell_type"] = labels.where(~early, "stem")
    return finished


def names(ax, axis):
    return [label.get_text() for label in getattr(ax, f"get_{axis}ticklabels")()]


def test_squares_are_the_shares_and_means_of_the_tables(whole):
    axes = pl.labels(whole, show=False)
    assert [ax.get_title(loc="left") for ax in axes] == ["cells in the basin", "fate on the chain", "fate by the model"]
    rows = [row.rpartition(" (")[0] for row in names(axes[0], "y")]
    assert rows == [*NAMES, "stem"]  # own states first, in the order of the columns
    counts = whole.obs["cell_type"].value_counts()
    assert names(axes[0], "y") == [f"{row} ({counts[row]:,})" for row in rows]
    tables = {"share": get.labels(whole), "chain": get.labels(whole, by="fate"), "model": get.labels(whole, by="fate")}
    for ax, (value, table) in zip(axes, tables.items(), strict=True):
        wide = table.pivot(index="label", columns=table.columns[2], values=value).loc[rows, names(ax, "x")]
        drawn = artist(ax, "shares").get_array().reshape(wide.shape)
        np.testing.assert_allclose(drawn, wide)
        shown = [text.get_text() for text in ax.texts]
        assert shown == [f"{100 * v:.0f}" for v in wide.to_numpy().ravel() if v > 0.005]
        assert len(artists(ax, "own")) == len(NAMES)


def test_states_of_one_label_are_beside_each_other(whole):
    table = whole.uns["landscape"]["attractors"]
    renamed = {NAMES[0]: "Monocyte", "Monocyte": "Monocyte 2"}
    table["states"] = table["states"].rename(index=renamed)
    whole.obs["basin"] = whole.obs["basin"].cat.rename_categories(renamed)
    ax = pl.labels(whole, show=False)[0]
    assert names(ax, "x")[:2] == ["Monocyte", "Monocyte 2"]
    assert len(artists(ax, "own")) == 4  # two of monocytes, and those of the two other types that are left


def test_narrow_panels_go_below_one_another_and_name_their_columns_once(whole):
    wide, narrow = (pl.labels(whole, width=width, show=False, return_fig=True) for width in (7.1, 3.35))
    assert len({round(ax.get_position().y0, 3) for ax in wide.axes[:3]}) == 1
    assert len({round(ax.get_position().x0, 3) for ax in narrow.axes[:3]}) == 1
    assert [bool(names(ax, "x")) for ax in narrow.axes[:3]] == [False, False, True]


def test_basins_or_fates_alone_are_drawn_and_neither_is_refused(whole):
    fates = whole.obsm.pop("fates")
    assert len(pl.labels(whole, show=False)) == 1
    del whole.obs["basin"]
    with pytest.raises(KeyError, match=r"landscape\.tl\.basins"):
        pl.labels(whole, show=False)
    whole.obsm["fates"] = fates
    assert len(pl.labels(whole, show=False)) == 2


def test_of_very_many_labels_those_with_most_cells_are_drawn(whole):
    whole.obs["clone"] = [f"clone {min(i, i // 3)}" for i in range(whole.n_obs)]
    figure = pl.labels(whole, label_key="clone", show=False, return_fig=True)
    assert len(names(figure.axes[0], "y")) == 40
    assert "the 40 labels with most cells, of 200" in figure.get_supxlabel()
    assert texts(figure)

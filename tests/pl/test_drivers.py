"""Genes that go with each fate: dots, intervals and order are those of the table."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_rgba

from landscape import get, pl
from landscape.pl.scene.cells import attractor_colours
from tests.pl.drawn import artist, offsets
from tests.synthetic import NAMES, add_drivers


@pytest.fixture
def driven(finished):
    add_drivers(finished)
    return finished


def names(ax):
    return [label.get_text() for label in ax.get_yticklabels()]


def test_the_ends_of_each_ranking_are_drawn_with_their_intervals(driven):
    axes = pl.drivers(driven, n_genes=5, n_falling=3, show=False)
    assert [ax.get_title(loc="left") for ax in axes] == list(NAMES)
    for ax, fate in zip(axes, NAMES, strict=True):
        own = get.drivers(driven, fate=fate).dropna(subset="contrast")
        expected = own.iloc[[*range(5), -3, -2, -1]]
        assert names(ax) == expected["gene"].tolist()
        np.testing.assert_allclose(offsets(ax, "contrasts")[:, 0], expected["contrast"])
        ends = np.array([segment[:, 0] for segment in artist(ax, "intervals").get_segments()])
        np.testing.assert_allclose(ends, expected[["contrast_lower", "contrast_upper"]])
        shown = [text.get_text() for text in ax.texts]
        assert shown[-1] == f"against {own['neighbour'].iloc[0]}"
        assert shown[:-1] == [f"{half:.2f}" for half in expected["half_fate"]]
        low, high = ax.get_ylim()
        rows = offsets(ax, "contrasts")[:, 1]
        assert high < rows.min() < rows.max() < low  # the highest first, none cut off
        assert np.diff(rows)[4] > 1.5  # a space between those that rise and those that fall


def test_hollow_is_not_significant_and_bold_is_a_regulator(driven):
    (ax,) = pl.drivers(driven, fates=[NAMES[1]], n_genes=20, n_falling=0, show=False)
    own = get.drivers(driven, fate=NAMES[1]).dropna(subset="contrast")
    faces = artist(ax, "contrasts").get_facecolors()
    colour = attractor_colours(driven, NAMES)[NAMES[1]]
    expected = [to_rgba(colour if sure else "white") for sure in own["contrast_q"] < 0.05]
    assert 0 < (own["contrast_q"] < 0.05).sum() < len(own)
    np.testing.assert_allclose(faces, expected)
    bold = [label.get_fontweight() == "bold" for label in ax.get_yticklabels()]
    assert bold == own["regulator"].tolist()
    assert 0 < sum(bold) < len(bold)


def test_regulators_alone_and_the_caption(driven):
    figure = pl.drivers(driven, regulators=True, show=False, return_fig=True)
    regulators = set(get.drivers(driven).query("regulator")["gene"])
    assert all(set(names(ax)) <= regulators for ax in figure.axes)
    assert f"of {len(regulators)}" in figure.get_supxlabel()
    assert "bold" not in figure.get_supxlabel()
    whole = pl.drivers(driven, show=False, return_fig=True).get_supxlabel()
    for words in ("of 19", "filled: q < 0.05", "with 95 % interval", "bold: regulators", "20 blocks"):
        assert words in whole


def test_one_number_moves_one_dot(driven):
    before = offsets(pl.drivers(driven, show=False)[2], "contrasts")
    table = driven.uns["landscape"]["drivers"]["table"]
    row = get.drivers(driven, fate=NAMES[2]).iloc[0]["gene"]
    table.loc[(table["gene"] == row) & (table["fate"] == NAMES[2]), "contrast"] += 0.01
    moved = offsets(pl.drivers(driven, show=False)[2], "contrasts") - before
    np.testing.assert_allclose(moved[0], [0.01, 0])
    np.testing.assert_allclose(moved[1:], 0)


@pytest.mark.parametrize(("width", "columns"), [(7.1, 4), (3.35, 2)])
def test_panels_go_into_as_many_rows_as_the_width_needs(driven, width, columns):
    figure = pl.drivers(driven, width=width, show=False, return_fig=True)
    assert figure.get_size_inches()[0] == pytest.approx(width)
    assert figure.axes[0].get_gridspec().ncols == columns


def test_what_cannot_be_drawn_is_named(driven):
    with pytest.raises(ValueError, match=r"Expected `fates` out of .* found \['Alpha'\]"):
        pl.drivers(driven, fates=["Alpha"], show=False)
    with pytest.raises(ValueError, match="n_genes=0 and n_falling=0"):
        pl.drivers(driven, n_genes=0, n_falling=0, show=False)
    driven.uns["landscape"]["drivers"]["table"]["regulator"] = False
    with pytest.raises(ValueError, match="at least one regulator with a contrast"):
        pl.drivers(driven, regulators=True, show=False)
    del driven.uns["landscape"]["drivers"]
    with pytest.raises(KeyError, match=r"landscape\.tl\.drivers"):
        pl.drivers(driven, show=False)

"""Way, sets and levels of a reprogramming: the artists hold the numbers of the record."""

from __future__ import annotations

import numpy as np
import pytest

from landscape import pl
from tests.pl.drawn import artist
from tests.synthetic import NAMES, add_reprogramming, finished_run


@pytest.fixture
def found():
    adata = finished_run()
    add_reprogramming(adata)
    return adata


def record_of(adata):
    return adata.uns["landscape"]["reprogramming"][f"{NAMES[0]} to {NAMES[1]}"]


def test_sets_have_their_shares_and_intervals(found):
    _, sets, _ = pl.reprogram(found, show=False)
    table = record_of(found)["sets"]
    np.testing.assert_allclose(artist(sets, "shares").get_offsets()[:, 0], table["share"])
    ends = np.array([segment[:, 0] for segment in artist(sets, "intervals").get_segments()])
    np.testing.assert_allclose(ends, table[["low", "high"]].clip(0, 1))
    assert [t.get_text().replace("\n", ", ") for t in sets.get_yticklabels()] == list(table.index)
    # The set whose way is drawn is bold; one with a level outside the data is red.
    assert [t.get_fontweight() for t in sets.get_yticklabels()] == ["bold", "normal", "normal"]
    assert len({t.get_color() for t in sets.get_yticklabels()}) == 2


def test_levels_are_those_of_the_way_with_held_genes_first(found):
    *_, levels = pl.reprogram(found, set_name="Gata2=1, Scl=0", n_genes=5, show=False)
    names = [t.get_text() for t in levels.get_yticklabels()]
    assert names[:2] == ["Gata2", "Scl"]
    assert len(names) == 5
    ways = record_of(found)["ways"]
    way = ways[ways["set"] == "Gata2=1, Scl=0"]
    np.testing.assert_allclose(artist(levels, "levels").get_array().reshape(5, -1), way[names].to_numpy().T)
    release = artist(levels, "release").get_xdata()[0]
    assert release == way.loc[way["held"], "time"].max()


def test_the_way_goes_from_the_source_to_the_release_and_on(found):
    relief, *_ = pl.reprogram(found, show=False)
    source, release = (artist(relief, gid).get_offsets()[0] for gid in ("source", "release"))
    held = [segment for line in relief.collections if line.get_gid() == "held" for segment in line.get_segments()]
    free = [segment for line in relief.collections if line.get_gid() == "released" for segment in line.get_segments()]
    assert min(np.abs(segment[0] - source).max() for segment in held) < 1e-12
    assert min(np.abs(segment[-1] - release).max() for segment in held) < 1e-12
    assert min(np.abs(segment[0] - release).max() for segment in free) < 1e-12


def test_without_heights_there_is_no_relief(found):
    del found.uns["landscape"]["occupancy"]
    assert len(pl.reprogram(found, show=False)) == 2
    figure = pl.reprogram(found, show=False, return_fig=True)
    assert "2 sets of 1 gene" in figure.get_supxlabel()


def test_what_is_missing_is_said(found):
    with pytest.raises(KeyError, match="Expected a search"):
        pl.reprogram(found, name="here to there")
    with pytest.raises(KeyError, match="Expected a set"):
        pl.reprogram(found, set_name="Gata1=0")
    record = record_of(found)
    record["ways"] = record["ways"].iloc[:0]
    record["answer"] = "no set of 1 gene exists in this model"
    with pytest.raises(ValueError, match="no set of 1 gene exists"):
        pl.reprogram(found)
    del found.uns["landscape"]["reprogramming"]
    with pytest.raises(KeyError, match=r"landscape\.tl\.reprogram"):
        pl.reprogram(found)

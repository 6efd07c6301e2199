"""Before and after a perturbation: the artists hold the numbers of the record."""

from __future__ import annotations

import numpy as np
import pytest

from landscape import pl
from landscape.pl.scene.height_map import HeightMap
from tests.pl.drawn import artist
from tests.synthetic import add_perturbation, finished_run


@pytest.fixture
def perturbed():
    adata = finished_run()
    add_perturbation(adata)
    return adata


def test_fates_go_from_before_to_after_with_their_intervals(perturbed):
    *_, fates, _ = pl.perturbation(perturbed, show=False)
    record = perturbed.uns["landscape"]["perturbations"]["Gata1=0"]["fates"].iloc[:5]  # "other" stays at zero
    assert [t.get_text() for t in fates.get_yticklabels()] == list(record.index)
    np.testing.assert_allclose(artist(fates, "before").get_offsets()[:, 0], record["before"])
    np.testing.assert_allclose(artist(fates, "after").get_offsets()[:, 0], record["after"])
    ends = np.array([segment[:, 0] for segment in artist(fates, "intervals").get_segments()])
    expected = np.stack([record["before"] + record["low"], record["before"] + record["high"]], 1)
    np.testing.assert_allclose(ends, np.clip(expected, 0, 1))  # no share is negative, whatever the replicates' own were
    assert "\N{MINUS SIGN}0.30 [\N{MINUS SIGN}0.34, \N{MINUS SIGN}0.24] lfsr 0.09" in [
        t.get_text() for t in fates.texts
    ]


def test_regulators_that_change_most_come_with_their_change(perturbed):
    figure = pl.perturbation(perturbed, n_regulators=4, show=False, return_fig=True)
    axis = next(ax for ax in figure.axes if ax.get_title(loc="left") == "regulators")
    table = perturbed.uns["landscape"]["perturbations"]["Gata1=0"]["expression"]["change"]
    drawn = {t.get_text(): bar.get_width() for t, bar in zip(axis.get_yticklabels(), axis.containers[0], strict=True)}
    assert drawn == pytest.approx(table[table.abs().nlargest(4).index].to_dict())
    assert "the 4 of 11 regulators that change most" in figure.get_supxlabel()


def test_both_reliefs_share_scale_and_camera(perturbed):
    before, after, *_ = pl.perturbation(perturbed, show=False)
    assert (before.get_title(), after.get_title()) == ("before", "after")
    assert before.get_xlim() == after.get_xlim()
    record = perturbed.uns["landscape"]["perturbations"]["Gata1=0"]["occupancy"]
    deeper = HeightMap.from_record(record)
    shared = HeightMap(deeper.x, deeper.y, deeper.height, deeper.support, 5.0, (-1.0, 5.0))
    assert (shared.lowest, shared.highest) == (-1.0, 5.0)
    assert shared.cropped().scale == (-1.0, 5.0)


def test_lost_attractors_are_crossed_out_and_new_ones_named(perturbed):
    before, after, *_ = pl.perturbation(perturbed, show=False)
    assert len(artist(before, "attractors").get_offsets()) == 4
    assert len(artist(before, "lost").get_offsets()) == 1
    texts = {t.get_text() for t in before.texts}, {t.get_text() for t in after.texts}
    assert "Erythrocyte\n(lost)" in texts[0]
    assert "other\n(new)" in texts[1]
    assert not any(text.startswith("Erythrocyte") for text in texts[1])
    # The lost one is crossed out at its own place, whatever the order in which places are stored.
    ring = artist(before, "lost").get_offsets()[0]
    label = next(t for t in before.texts if t.get_text() == "Erythrocyte\n(lost)")
    np.testing.assert_allclose(label.xy, ring)
    rings = artist(before, "attractors").get_offsets()
    assert ring[0] == rings[:, 0].min()  # its valley is the leftmost one
    assert not [a for a in after.get_children() if a.get_gid() == "lost"]


def test_a_narrow_figure_numbers_many_attractors(perturbed, monkeypatch):
    before, *_ = pl.perturbation(perturbed, width=3.35, show=False)
    assert "Erythrocyte\n(lost)" in {t.get_text() for t in before.texts}
    monkeypatch.setattr("landscape.pl._before_after._NARROW_NAMES", 3)
    figure = pl.perturbation(perturbed, width=3.35, show=False, return_fig=True)
    before = figure.axes[0]
    texts = {t.get_text() for t in before.texts}
    assert {text.split("\n")[0] for text in texts if text[:1].isdigit()} == {"1", "2", "3", "4"}
    assert any(text.endswith("(lost)") and text[0].isdigit() for text in texts)
    words = " ".join(figure.get_supxlabel().split())
    assert all(f" {name}" in words for name in perturbed.uns["landscape"]["attractors"]["states"].index)
    # The reliefs keep most of the width, since numbers are short.
    assert before.get_window_extent().width > 0.4 * figure.bbox.width


def test_without_heights_there_are_fates_and_regulators(perturbed):
    add_perturbation(perturbed, "Pu1=0", drawn=False)
    figure = pl.perturbation(perturbed, show=False, return_fig=True)
    assert figure.get_suptitle() == "Pu1=0"  # the last one
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["fates", "regulators"]


def test_without_an_ensemble_there_is_no_interval(perturbed):
    record = perturbed.uns["landscape"]["perturbations"]["Gata1=0"]
    record["fates"][["low", "high", "lfsr"]] = np.nan
    *_, fates, _ = pl.perturbation(perturbed, show=False)
    assert "\N{MINUS SIGN}0.30" in [t.get_text() for t in fates.texts]
    assert np.isfinite(fates.get_xlim()).all()


def test_controls_are_ticks_at_the_shares_that_they_lead_to(perturbed):
    *_, fates, _ = pl.perturbation(perturbed, show=False)
    record = perturbed.uns["landscape"]["perturbations"]["Gata1=0"]
    shown = record["fates"].index[:5]
    expected = record["fates"]["before"][shown].to_numpy() + record["controls"][shown].to_numpy()
    ticks = np.array(artist(fates, "controls").get_segments())
    np.testing.assert_allclose(ticks[:, 0, 0], expected.ravel())
    np.testing.assert_allclose(ticks[:, :, 1].mean(1), np.tile(np.arange(5), 3))
    assert fates.get_xlim()[1] > expected.max()
    del record["controls"]
    *_, fates, _ = pl.perturbation(perturbed, show=False)
    assert not [a for a in fates.get_children() if a.get_gid() == "controls"]


def test_the_caption_says_what_the_marks_are_and_how_well_model_and_chain_agree(perturbed):
    words = " ".join(pl.perturbation(perturbed, show=False, return_fig=True).get_supxlabel().split())
    assert "bar: 90 % interval, 9 replicates" in words
    assert "ticks: 3 regulators of like level" in words
    assert "before: 0.08 of the cells end elsewhere on the chain" in words
    record = perturbed.uns["landscape"]["perturbations"]["Gata1=0"]
    record["fates"][["low", "high", "lfsr"]] = np.nan
    record["start_tv"] = np.nan
    words = " ".join(pl.perturbation(perturbed, show=False, return_fig=True).get_supxlabel().split())
    assert "no replicates, no interval" in words
    assert "elsewhere" not in words


def test_warnings_are_in_the_caption(perturbed):
    levels = perturbed.uns["landscape"]["perturbations"]["Gata1=0"]["levels"]
    levels[["inside", "acts"]] = False
    words = pl.perturbation(perturbed, show=False, return_fig=True).get_supxlabel()
    assert "outside the range of the data: Gata1" in words
    assert "without any edge in the model: Gata1" in words


def test_unknown_perturbations_are_named(perturbed, finished):
    with pytest.raises(KeyError, match=r"no perturbation 'Pu1=0'.*Present: \['Gata1=0'\]"):
        pl.perturbation(perturbed, key="Pu1=0", show=False)
    with pytest.raises(KeyError, match=r"landscape\.tl\.perturb"):
        pl.perturbation(finished, show=False)

"""The card at a glance: where points, bands and words are."""

from __future__ import annotations

import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from landscape import pl
from landscape.pl._genomic_code import in_bands
from landscape.pl.style.figure import DOWN, QUIET, UP
from tests.synthetic import add_genomic_code


@pytest.fixture
def held(finished):
    add_genomic_code(finished)
    return finished


def test_a_supported_claim_lies_to_the_right_of_its_band(held):
    table = held.uns["landscape"]["genomic_code"]["table"]
    value, low, high = in_bands(table.loc["recall"])
    assert (value, low, high) == pytest.approx(((0.5 - 0.09) / 0.11, (0.4 - 0.09) / 0.11, (0.55 - 0.09) / 0.11))
    assert low > 1
    # A claim that puts the value below is turned: .67 in .65 to .85 lies on the side of the claim, within the band.
    assert in_bands(table.loc["hierarchy"])[0] == pytest.approx(0.8)
    assert in_bands(table.loc["pleiotropy"])[2] < -1
    assert in_bands(table.loc["latent attractors"])[0] == pytest.approx(4)  # a null that is one number


def test_every_claim_is_on_the_figure_in_the_order_of_verdicts(held):
    ax = pl.genomic_code(held, show=False)
    words = {text.get_text(): text for text in ax.texts}
    heights = [
        words[name].get_position()[1]
        for name in ("recall", "latent attractors", "hierarchy", "constraint", "pleiotropy", "connection cost")
    ]
    assert heights == sorted(heights)
    points = [points for points in ax.collections if len(points.get_offsets())]
    colours = {to_hex(point.get_edgecolor()[0]) for point in points}
    assert colours == {UP, QUIET, DOWN}
    assert len(points) == 5
    bands = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
    assert len(bands) == 5
    plt.close(ax.figure)


def test_without_an_interval_the_point_is_hollow(held):
    ax = pl.genomic_code(held, show=False)
    faces = [to_hex(point.get_facecolor()[0]) for point in ax.collections if len(point.get_offsets())]
    assert faces.count("#ffffff") == 1
    plt.close(ax.figure)


def test_a_card_of_what_is_not_testable_has_no_points(held):
    table = held.uns["landscape"]["genomic_code"]["table"]
    held.uns["landscape"]["genomic_code"]["table"] = table.loc[["connection cost"]]
    ax = pl.genomic_code(held, show=False)
    assert not any(len(points.get_offsets()) for points in ax.collections)
    assert any("simulated" in text.get_text() for text in ax.texts)
    plt.close(ax.figure)


def test_without_a_card_the_call_that_makes_it_is_named(finished):
    with pytest.raises(KeyError, match=r"landscape\.tl\.genomic_code"):
        pl.genomic_code(finished)

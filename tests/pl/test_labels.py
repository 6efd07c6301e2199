"""Names beside a drawing: apart, near to what they name, and their lines not through one another."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib import pyplot as plt

from landscape.pl.style.labels import place_labels, without_overlap


@pytest.mark.parametrize("seed", range(10))
def test_spread_keeps_order_and_room_and_moves_no_more_than_needed(seed):
    rng = np.random.default_rng(seed)
    wanted, widths = rng.uniform(0, 10, 6), rng.uniform(0.5, 1.5, 6)
    placed = without_overlap(wanted, widths, 0.0, 10.0)
    order = np.argsort(wanted)
    gaps = np.diff(placed[order]) - (widths[order][1:] + widths[order][:-1]) / 2
    assert (gaps > -1e-9).all()
    assert (placed - widths / 2 > -1e-9).all()
    assert (placed + widths / 2 < 10 + 1e-9).all()
    apart = np.array([0.0, 3.0, 6.0])
    np.testing.assert_allclose(without_overlap(apart + 1, np.ones(3), 0.0, 10.0), apart + 1)


def test_a_line_to_a_point_passes_behind_no_other_name():
    figure, ax = plt.subplots(figsize=(3.35, 2.7))
    ax.set(xlim=(0, 1), ylim=(0, 1))
    points = np.array([[0.08, 0.06], [0.33, 0.05], [0.6, 0.06], [0.92, 0.05]])
    names = [f"Attractor {i}\n500 cells" for i in range(4)]
    # A crowd to the left, which drives the first name across the others.
    crowd = np.random.default_rng(2).uniform([0.0, 0.1], [0.3, 1.0], (400, 2))
    labels = place_labels(ax, points, names, ["k"] * 4, avoid=crowd, size=6.0)
    figure.canvas.draw()
    boxes = [label.get_bbox_patch().get_window_extent() for label in labels]
    for i, label in enumerate(labels):
        ends = (
            ax.transData.transform([points[i]])[0],
            np.array([boxes[i].x0 + boxes[i].x1, boxes[i].y0 + boxes[i].y1]) / 2,
        )
        line = np.linspace(*ends, 50)
        for other in (box for j, box in enumerate(boxes) if j != i):
            assert not ((line > other.min) & (line < other.max)).all(axis=1).any(), label.get_text()
            assert not boxes[i].overlaps(other)

"""Axes, captions and the return value of every figure, without changes to global settings of matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.backends import BackendFilter, backend_registry
from matplotlib.figure import Figure

# Text and lines; text of less weight; paper.
INK = "#22262b"
QUIET = "#6b7178"
PAPER = "#ffffff"
# Rise and fall, activation and repression: blue and red can be distinguished with every common colour-vision deficiency,
# green and red cannot.
UP, DOWN = "#2166ac", "#b2182b"
# Label of a colour bar of levels of regulators.
LEVEL_LABEL = "level (0 off, 1 high)"
# Width of two columns of a journal (180 mm), in inches: the default of figures with several panels.
PAGE = 7.1
# Width of axes at which text has its full size, in inches.
_FULL_WIDTH = 6.5
# Smallest factors for text, in axes and in figures of several panels.
_MIN_AXES_SCALE, _MIN_WIDTH_SCALE = 0.65, 0.7
# Largest and smallest size of a caption, in points; letters per inch at one point; letters of its shortest line.
_CAPTION_SIZES = (7.5, 5.5)
_LETTERS_PER_INCH = 131.0
_MIN_LETTERS = 30.0


def new_axes(ax: Axes | None, *, size: tuple[float, float]) -> tuple[Figure, Axes]:
    """Figure and axes to draw on: those given, or new ones of this size in inches."""
    if ax is not None:
        figure = ax.get_figure(root=True)
        if figure is None:
            msg = "Expected `ax` to belong to a figure; make it with `fig, ax = plt.subplots()`."
            raise ValueError(msg)
        return figure, ax
    figure, made = plt.subplots(figsize=size, layout="constrained")
    return figure, made


def finish(figure: Figure, axes: Any, *, show: bool | None, return_fig: bool) -> Any:
    """Show the figure, or return it or its axes.

    ``show=None`` shows where the backend has a window or a notebook to show it in.
    """
    if return_fig:
        return figure
    if show is None:
        show = mpl.get_backend().lower() in {*backend_registry.list_builtin(BackendFilter.INTERACTIVE)} | {
            "inline",
            "module://matplotlib_inline.backend_inline",
            "widget",
            "module://ipympl.backend_nbagg",
        }
    if show:
        plt.show()
        return None
    return axes


def axes_scale(ax: Axes) -> float:
    """Factor for text and lines: 1 at the width of a page, 0.65 in a column of a journal.

    Areas of points are multiplied by its fourth power: they shrink with the square of the width.
    """
    figure, spec = ax.get_figure(root=True), ax.get_subplotspec()
    if figure is None:
        return 1.0
    # The place in the grid of axes, which is the same before and after the layout.
    place = ax.get_position(original=True) if spec is None else spec.get_position(figure)
    width = place.width * float(figure.get_size_inches()[0])
    return min(max((width / _FULL_WIDTH) ** 0.5, _MIN_AXES_SCALE), 1.0)


def width_scale(width: float) -> float:
    """Factor for text in a figure of several panels: 1 at the width of a page, 0.77 in a column of a journal."""
    return min(max((width / PAGE) ** 0.35, _MIN_WIDTH_SCALE), 1.0)


def hide_spines(ax: Axes, *edges: str) -> None:
    """Hide sides of the frame."""
    for edge in edges:
        ax.spines[edge].set_visible(False)


def label_colorbar(bar: Any, label: str, *, size: float) -> None:
    """Label a colour bar; ticks are one point smaller, and it has no frame."""
    bar.set_label(label, color=INK, fontsize=size)
    bar.ax.tick_params(labelsize=size - 1)
    bar.outline.set_visible(False)


def counted(n: float, noun: str) -> str:
    """A number with its noun: "1 cell", "2,400 cells"."""
    return f"{n:,.0f} {noun}{'' if n == 1 else 's'}"


def caption(figure: Figure, notes: str | Sequence[str]) -> None:
    """Write notes below the drawing, such as what was left out or sampled; long lines are broken between notes."""
    width = float(figure.get_size_inches()[0])
    largest, smallest = _CAPTION_SIZES
    size = min(max(largest * (width / _FULL_WIDTH) ** 0.5, smallest), largest)
    max_letters = max(_MIN_LETTERS, _LETTERS_PER_INCH / size * width)
    lines: list[str] = []
    for note in [notes] if isinstance(notes, str) else notes:
        if not note:
            continue
        if lines and len(lines[-1]) + len(note) + 5 <= max_letters:
            lines[-1] += f"  \N{MIDDLE DOT}  {note}"
        else:
            lines.append(note)
    if lines:
        figure.supxlabel("\n".join(lines), fontsize=size, color=QUIET, x=0.01, ha="left", linespacing=1.4)

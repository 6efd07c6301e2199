"""How every figure begins and ends: axes given or made, shown or returned; nothing global is touched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.backends import BackendFilter, backend_registry
from matplotlib.figure import Figure

INK = "#22262b"
QUIET = "#6b7178"
PAPER = "#ffffff"
# What rises and what falls, what activates and what represses: blue and red are told apart under every common
# colour-vision deficiency, as green and red are not.
UP, DOWN = "#2166ac", "#b2182b"
# What a bar says whose colours are levels of regulators.
LEVEL_LABEL = "level (0 off, 1 high)"
# Width of two columns of a journal (180 mm), in inches: figures of several panels are made for it.
PAGE = 7.1


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


def grain(ax: Axes) -> float:
    """Factor for text and lines: 1 at the width of a page, less in narrower axes, 0.65 in a column of a journal.

    Its fourth power is how much smaller areas are drawn, which shrink with the square of the width.
    """
    figure, spec = ax.get_figure(root=True), ax.get_subplotspec()
    if figure is None:
        return 1.0
    # The place in the grid of axes, not the one after a layout: the same before and after it.
    place = ax.get_position(original=True) if spec is None else spec.get_position(figure)
    width = place.width * float(figure.get_size_inches()[0])
    return min(max((width / 6.5) ** 0.5, 0.65), 1.0)


def shrunk(width: float) -> float:
    """Factor for text in a figure of several panels: 1 at the width of a page, 0.77 in a column of a journal."""
    return min(max((width / PAGE) ** 0.35, 0.7), 1.0)


def bare(ax: Axes, *edges: str) -> None:
    """Leave out edges of the frame."""
    for edge in edges:
        ax.spines[edge].set_visible(False)


def name_bar(bar: Any, label: str, *, size: float) -> None:
    """Label of a colour bar, with its ticks one point smaller and no frame."""
    bar.set_label(label, color=INK, fontsize=size)
    bar.ax.tick_params(labelsize=size - 1)
    bar.outline.set_visible(False)


def counted(n: float, noun: str) -> str:
    """A number with its noun: "1 cell", "2,400 cells"."""
    return f"{n:,.0f} {noun}{'' if n == 1 else 's'}"


def caption(figure: Figure, notes: str | Sequence[str]) -> None:
    """Quiet lines below the drawing that say what was left out or sampled, broken between notes where too long."""
    width = float(figure.get_size_inches()[0])
    size = min(max(7.5 * (width / 6.5) ** 0.5, 5.5), 7.5)
    most = max(30.0, 131.0 / size * width)  # letters of this size on a line
    lines: list[str] = []
    for note in [notes] if isinstance(notes, str) else notes:
        if not note:
            continue
        if lines and len(lines[-1]) + len(note) + 5 <= most:
            lines[-1] += f"  \N{MIDDLE DOT}  {note}"
        else:
            lines.append(note)
    if lines:
        figure.supxlabel("\n".join(lines), fontsize=size, color=QUIET, x=0.01, ha="left", linespacing=1.4)

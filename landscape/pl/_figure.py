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


def caption(figure: Figure, notes: str | Sequence[str]) -> None:
    """Quiet lines below the drawing that say what was left out or sampled, broken between notes where too long."""
    most = max(30.0, 17.5 * figure.get_size_inches()[0])  # letters of this size on a line
    lines: list[str] = []
    for note in [notes] if isinstance(notes, str) else notes:
        if not note:
            continue
        if lines and len(lines[-1]) + len(note) + 5 <= most:
            lines[-1] += f"  \N{MIDDLE DOT}  {note}"
        else:
            lines.append(note)
    if lines:
        figure.supxlabel("\n".join(lines), fontsize=7.5, color=QUIET, x=0.01, ha="left", linespacing=1.4)

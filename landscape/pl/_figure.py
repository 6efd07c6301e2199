"""How every figure begins and ends: axes given or made, shown or returned; nothing global is touched."""

from __future__ import annotations

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


def caption(figure: Figure, text: str) -> None:
    """A quiet line below the drawing that says what was left out or sampled."""
    if text:
        figure.supxlabel(text, fontsize=7.5, color=QUIET, x=0.01, ha="left")

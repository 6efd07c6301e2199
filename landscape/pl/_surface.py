"""The landscape as an interactive surface, in a browser or a notebook, offline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from anndata import AnnData

from landscape import _keys
from landscape._files import write_text
from landscape._random import RandomLike
from landscape.pl._traces import attractors, cells, paths_and_saddles, surface, text
from landscape.pl.scene.cells import plane_names
from landscape.pl.scene.height_map import HeightMap
from landscape.pl.scene.places import development_direction
from landscape.pl.scene.view import View, read_view
from landscape.pl.style.verdict import flagged_title

# Keeps the description of a clicked attractor or path in sight. Names are written as text, never as markup.
_ON_CLICK = """
const figure = document.getElementById("{plot_id}");
const panel = document.createElement("div");
panel.setAttribute("role", "status");
panel.style.cssText = "position:fixed;left:12px;top:12px;max-width:20rem;padding:.6rem .8rem;border-radius:.4rem;" +
  "background:#fffffff2;border:1px solid #cfd5db;font:13px/1.45 system-ui,sans-serif;color:#22262b";
panel.hidden = true;
document.body.append(panel);
figure.on("plotly_click", ({ points: [point] }) => {
  const lines = Array.isArray(point.customdata) ? point.customdata[1] : point.data.meta;
  panel.hidden = !Array.isArray(lines);
  if (panel.hidden) return;
  panel.replaceChildren(...lines.map((line, i) => {
    const row = document.createElement("div");
    row.textContent = line;
    if (i === 0) row.style.fontWeight = "600";
    return row;
  }));
});
"""


def landscape3d(
    adata: AnnData,
    *,
    color: str | Sequence[str] | None = _keys.BASIN,
    basis: str | None = None,
    occupancy_key: str = _keys.OCCUPANCY,
    layer: str | None = None,
    palette: Mapping[str, str] | Sequence[str] | None = None,
    cmap: str = "viridis",
    ceiling: float | None = None,
    n_cells: int | None = 3000,
    size: float = 3.0,
    labels: bool = True,
    paths: bool = True,
    height_label: str | None = None,
    title: str | None = None,
    save: str | Path | None = None,
    show: bool | None = None,
    return_fig: bool = False,
    rng: RandomLike = 0,
) -> Any:
    """Draw the landscape as an interactive surface that turns and zooms (needs the extra ``interactive``).

    Heights, cells, attractors and paths are those of :func:`landscape`. A click on an entry of the legend hides or shows it.
    The pointer on an attractor, a path or a cell shows its description; in a saved file, a click keeps the description of
    an attractor or a path in sight.

    Parameters
    ----------
    adata, basis, occupancy_key, layer, palette, cmap, ceiling, n_cells, labels, paths, height_label, title, rng
        As in :func:`landscape`.
    color
        Column of ``adata.obs`` or a gene; several of them are offered in a menu.
    size
        Diameter of a cell in pixels.
    save
        HTML file to write; it is self-contained and opens offline.
    show
        Show the figure; ``None`` and ``False``: return it, as a notebook displays it.
    return_fig
        Return the figure even if it was shown.

    Returns
    -------
    The :class:`plotly.graph_objects.Figure`, or ``None`` if shown.

    Raises
    ------
    ImportError
        If plotly is not installed.
    KeyError
        If there are no heights, or ``color`` is unknown.
    """
    go = _plotly()
    wanted = [color] if color is None or isinstance(color, str) else list(color)
    if not wanted:
        msg = "Expected at least one name in `color`, found none; pass `color=None` for cells of one colour."
        raise ValueError(msg)
    view = read_view(
        adata,
        color=wanted[0],
        basis=basis,
        occupancy_key=occupancy_key,
        layer=layer,
        palette=palette,
        cmap=cmap,
        n_cells=n_cells,
        labels=labels,
        paths=paths,
        rng=rng,
    )
    heights = view.heights
    heights = (replace(heights, ceiling=ceiling) if ceiling is not None else heights.cut_above(view.where)).cropped()
    label = height_label or view.label
    figure = go.Figure(surface(go, heights, label))
    groups = [cells(go, view, heights, name, palette, cmap, layer, size) for name in wanted]
    fixed = [*paths_and_saddles(go, view, heights), *attractors(go, view, heights)]
    figure.add_traces([trace for group in groups for trace in group] + fixed)
    if len(groups) > 1:
        figure.update_layout(updatemenus=[_menu(wanted, [len(group) for group in groups], len(fixed))])
    _lay_out(figure, view, heights, (flagged_title(adata, title)[0] or "").replace("\n", ": "))
    if save is not None:
        html = figure.to_html(
            include_plotlyjs=True, full_html=True, config={"displaylogo": False}, post_script=_ON_CLICK
        )
        write_text(Path(save), html)
    if show:
        figure.show()
    return figure if return_fig or not show else None


def _plotly() -> Any:
    try:
        import plotly.graph_objects as go
    except ModuleNotFoundError as error:
        msg = 'The interactive surface needs plotly; install it with `pip install "genomic-landscape[interactive]"`.'
        raise ImportError(msg) from error
    return go


def _menu(names: Sequence[str | None], sizes: Sequence[int], fixed: int) -> dict[str, Any]:
    buttons = []
    for chosen, name in enumerate(names):
        shown = [i == chosen for i, size in enumerate(sizes) for _ in range(size)]
        visible = [True, *shown, *([True] * fixed)]
        buttons.append({"label": text(name or "cells"), "method": "restyle", "args": [{"visible": visible}]})
    return {"buttons": buttons, "x": 0.0, "xanchor": "left", "y": 1.0, "yanchor": "top", "showactive": True}


def _lay_out(figure: Any, view: View, heights: HeightMap, title: str) -> None:
    menus = figure.layout.updatemenus
    if menus:  # show the first entry
        for trace, visible in zip(figure.data, menus[0].buttons[0].args[0]["visible"], strict=True):
            trace.visible = visible
    turn, _ = development_direction(view.adata, view.where, view.basis)
    names = plane_names(view.basis)
    extent = np.array([np.ptp(heights.x), np.ptp(heights.y)])
    ratio = extent / extent.max()
    notes = [note for note in view.notes(heights) if not note.startswith(("hatched", "thin"))]
    figure.update_layout(
        template="plotly_white",
        title={"text": text(title)} if title else None,
        scene={
            "xaxis": {"title": {"text": names[0]}, "showticklabels": False},
            "yaxis": {"title": {"text": names[1]}, "showticklabels": False},
            "zaxis": {"visible": False},  # the colour bar has its scale
            "aspectmode": "manual",
            "aspectratio": {"x": 1.5 * float(ratio[0]), "y": 1.5 * float(ratio[1]), "z": 0.5},
            "camera": {"eye": {"x": 1.15 * float(np.cos(turn)), "y": 1.15 * float(np.sin(turn)), "z": 1.45}},
        },
        legend={"itemsizing": "constant", "x": 1.08, "y": 0.95},
        height=720,
        margin={"l": 10, "r": 10, "t": 50 if title else 20, "b": 40},
        annotations=[{"text": text("  \N{MIDDLE DOT}  ".join(notes)), "showarrow": False, "xref": "paper", "yref": "paper",
                      "x": 0, "y": -0.03, "xanchor": "left", "font": {"size": 11, "color": "#6b7178"}}],
    )  # fmt: skip

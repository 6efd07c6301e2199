"""The surface from below with pegs and guy ropes: which genes are drawn, and where their ropes begin and end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from landscape import _keys, get
from landscape._anndata import read_result
from landscape.pl.scene.painting import contour_levels
from landscape.pl.scene.relief import Relief
from landscape.pl.scene.transitions import PlanePath, plane_transitions, rows_of_path
from landscape.pl.scene.underside import (
    BACK_ROW,
    FRONT_ROW,
    WIDE,
    Rope,
    low_relief,
    on_ground,
    paint_ground,
    paint_paths,
    paint_pegs,
    paint_ropes,
    paint_underside,
)
from landscape.pl.scene.view import View, read_view, relief_of
from landscape.pl.style.figure import DOWN, INK, PAGE, QUIET, UP, axes_scale, caption, finish, new_axes
from landscape.pl.style.labels import LabelRow, arrange_rows, without_overlap
from landscape.pl.style.verdict import flagged_title
from landscape.topography.large_deviations.rope_tables import about_to_vanish

# Drawn height of the surface; its valleys hang down.
_RISE = 0.72
# Width of the tightest rope, and of ropes of genes without a name, in points at the width of a page.
_WIDEST, _THIN = 6.0, 0.55
# A rope of a gene is drawn where its tension is this share of the largest one at that barrier.
_LEAST = 0.2
# Genes without a name.
_OTHERS = 24


def surface(
    adata: AnnData,
    record: Mapping[str, Any],
    wrt: str,
    barriers: Sequence[str],
    n_genes: int,
    title: str | None,
    ax: Axes | None,
    *,
    basis: str | None,
    azimuth: float | None,
    resolution: int,
    show: bool | None,
    return_fig: bool,
) -> Any:
    """Draw the surface from below, and ropes from the genes of the largest tension to where they hold it."""
    view = read_view(
        adata, color=_keys.BASIN if _keys.BASIN in adata.obs else None, basis=basis, occupancy_key=_keys.OCCUPANCY, layer=None,
        palette=None, cmap="viridis", n_cells=0, labels=True, paths=False, rng=0,
    )  # fmt: skip
    upper, heights, _ = relief_of(view, azimuth=azimuth, rise=_RISE, resolution=resolution)
    relief = low_relief(upper)
    lines = _lines(adata, view, record["barriers"].loc[barriers])
    ropes = _ropes(adata, record, wrt, lines, view)
    tensions = record[wrt][barriers]
    share = tensions.abs() / tensions.abs().max()
    named = strongest_in_turn(tensions[(share >= _LEAST).any(axis=1)], n_genes)
    figure, ax = new_axes(ax, size=(PAGE, 5.6))
    paint_ground(ax, relief.camera)
    paint_underside(ax, relief, heights, contour_levels(heights))
    tops = np.array([line.line[-1] for line in lines.values() if line.saddle.startswith("saddle")]).reshape(-1, 2)
    paint_paths(ax, relief, list(lines.values()), tops)
    _frame(ax, relief)
    title, title_color = flagged_title(adata, title)
    if title:
        ax.set_title(title, color=title_color, fontsize=12 * axes_scale(ax))
    caption(figure, _notes(record, wrt, barriers, len(named)))
    _name_valleys(ax, relief, view)
    _hang(ax, relief, ropes, named)
    return finish(figure, ax, show=show, return_fig=return_fig)


def strongest_in_turn(tensions: pd.DataFrame, n: int) -> list[str]:
    """Genes of the largest tension at each barrier in turn: first the strongest of each barrier, then the second, ..."""
    order = [tensions[name].abs().sort_values(ascending=False, kind="stable") for name in tensions]
    order = [column[column > 0].index for column in order]
    ranks = range(max((len(column) for column in order), default=0))
    found = dict.fromkeys(str(column[rank]) for rank in ranks for column in order if rank < len(column))
    return list(found)[:n]


def _lines(adata: AnnData, view: View, table: pd.DataFrame) -> dict[str, PlanePath]:
    """Line of each barrier's path in the plane, by the name of the barrier."""
    found = plane_transitions(adata, view.where, view.places, every=True).paths
    by_path = {(path.start, path.end, path.saddle): path for path in found}
    keys = {name: (row["from"], row["to"], row["saddle"]) for name, row in table.iterrows()}
    if lost := [str(name) for name, k in keys.items() if k not in by_path]:
        msg = (
            f"Expected the paths of all barriers on the drawing, found none for {lost}; run `landscape.tl.barriers` and "
            "`landscape.tl.guy_ropes` again, or pass other `barriers`."
        )
        raise ValueError(msg)
    return {str(name): by_path[k] for name, k in keys.items()}


def _places(adata: AnnData, view: View, line: PlanePath, shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points of the plane on a path's line at shares of the length of its way up."""
    table = read_result(adata, _keys.PATHS, hint="run `landscape.tl.barriers` first")["table"]
    path = rows_of_path(table, line.start, line.end, line.saddle).sort_values("step", kind="stable")
    rising = path[path["part"].astype(str) == "up"] if "part" in path else path
    genes = [name for name in adata.obsm[_keys.STATE].columns if name in rising]
    step = rising["step"].to_numpy(dtype=float)
    nearest = np.abs(step[None] - shares[:, None] * step[-1]).argmin(1)
    points, _ = get.values_at_states(adata, states=rising[genes].iloc[nearest], values=view.where)
    apart = np.linalg.norm(points[:, None] - line.line[None], axis=2)
    return line.line[apart.argmin(1)]


def _ropes(
    adata: AnnData, record: Mapping[str, Any], wrt: str, lines: dict[str, PlanePath], view: View
) -> pd.DataFrame:
    """All ropes: gene, barrier, tension, its share of the largest there, whether its sign is uncertain, and its point in the plane."""
    parts = []
    for name, line in lines.items():
        t = record[wrt][name].astype(float)
        strong = t.abs() > 0
        low, high = record[f"{wrt}_low"][name], record[f"{wrt}_high"][name]
        points = _places(adata, view, line, record["place"][name][strong].fillna(0.5).to_numpy(dtype=float))
        parts.append(
            pd.DataFrame(
                {
                    "gene": t.index[strong].astype(str),
                    "barrier": name,
                    "tension": t[strong].to_numpy(),
                    "share": (t.abs() / t.abs().max())[strong].to_numpy(),
                    "uncertain": (low * high <= 0)[strong].to_numpy(),
                    "x": points[:, 0],
                    "y": points[:, 1],
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def _hang(ax: Axes, relief: Relief, ropes: pd.DataFrame, named: Sequence[str]) -> None:
    """Pegs, ropes, names of genes, and the scale of the widths."""
    ours = ropes[ropes["gene"].isin(named) & (ropes["share"] >= _LEAST)]
    rest = ropes[~ropes["gene"].isin(named)].sort_values("share", ascending=False).drop_duplicates("gene")[:_OTHERS]
    largest = float(ours["tension"].abs().max()) if len(ours) else 1.0
    feet, back, t = _feet(ax, relief, ours, named), _back_feet(relief, rest), axes_scale(ax)
    thin = [_rope(row, back[row["gene"]], _THIN * t) for row in rest.to_dict("records")]
    paint_ropes(ax, relief, thin, gid="other ropes", alpha=0.4, zorder=relief.n + 1)
    wide = [
        _rope(row, feet[row["gene"]], (0.5 + _WIDEST * abs(row["tension"]) / largest) * t)
        for row in ours.to_dict("records")
    ]
    paint_ropes(ax, relief, wide, gid="ropes", alpha=0.92, zorder=relief.n + 3)
    paint_pegs(ax, relief.camera, np.array(list(back.values())), small=True)
    paint_pegs(ax, relief.camera, np.array(list(feet.values())), small=False)
    _scale(ax, largest)


def _rope(row: Mapping[str, Any], peg: NDArray[np.float64], width: float) -> Rope:
    colour = UP if row["tension"] > 0 else DOWN
    return Rope(peg, np.array([row["x"], row["y"]]), width, colour, dashed=bool(row["uncertain"]))


def _wanted(relief: Relief, ropes: pd.DataFrame, depth: float) -> pd.Series:
    """Place along a row of pegs below the points that each gene holds, weighted by tension."""
    camera, points = relief.camera, ropes[["x", "y"]].to_numpy(dtype=float)
    seen = camera.project(points, relief.heights.at(points))[:, 0]
    scale = camera.see(np.array([[0.0, depth]]), np.zeros(1))[1][0]
    weight = ropes["tension"].abs().to_numpy(dtype=float)
    total = pd.DataFrame({"gene": ropes["gene"], "w": weight, "m": weight * seen}).groupby("gene", sort=False).sum()
    return total["m"] / total["w"] / (WIDE * scale)


def _feet(ax: Axes, relief: Relief, ropes: pd.DataFrame, named: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """Place of each peg with a name, below which there is room for the name, and the names."""
    figure, camera, t = ax.get_figure(root=True), relief.camera, axes_scale(ax)
    wanted = _wanted(relief, ropes, FRONT_ROW)
    genes = [gene for gene in named if gene in wanted.index]
    y = float(on_ground(camera, np.array([[0.0, FRONT_ROW]]))[0, 1])
    texts = [
        ax.text(
            0.0,
            y - 0.05,
            gene,
            ha="center",
            va="top",
            fontsize=9 * t,
            fontweight="bold",
            fontstyle="italic",
            color=INK,
            zorder=1e6,
        )
        for gene in genes
    ]
    renderer = figure.canvas.get_renderer()  # type: ignore[union-attr]
    inverse = ax.transData.inverted()
    boxes = [inverse.transform(text.get_window_extent(renderer)) for text in texts]
    widths = np.array([box[1, 0] - box[0, 0] for box in boxes]) * 1.12 + 0.02
    scale = camera.see(np.array([[0.0, FRONT_ROW]]), np.zeros(1))[1][0]
    low, high = ax.get_xlim()
    centres = without_overlap(wanted[genes].to_numpy() * WIDE * scale, widths, low, high) if genes else np.zeros(0)
    for text, x in zip(texts, centres, strict=True):
        text.set_x(float(x))
        text.set_in_layout(False)
    return {gene: np.array([x / (WIDE * scale), FRONT_ROW]) for gene, x in zip(genes, centres, strict=True)}


def _back_feet(relief: Relief, ropes: pd.DataFrame) -> dict[str, NDArray[np.float64]]:
    """Places of the pegs without a name, behind the front edge of the surface."""
    if not len(ropes):
        return {}
    wanted = _wanted(relief, ropes, BACK_ROW)
    places = without_overlap(wanted.to_numpy(), np.full(len(wanted), 0.07), -1.15, 1.15)
    return {
        str(g): np.array([u, BACK_ROW + 0.25 * (i % 3 - 1)])
        for i, (g, u) in enumerate(zip(wanted.index, places, strict=True))
    }


def _frame(ax: Axes, relief: Relief) -> None:
    ground = on_ground(relief.camera, np.array([[-1.0, FRONT_ROW], [1.0, FRONT_ROW]]))
    everything = np.concatenate([relief.paper.reshape(-1, 2), ground])
    low, high = everything.min(0), everything.max(0)
    ax.set_xlim(low[0] - 0.08, high[0] + 0.08)
    ax.set_ylim(low[1] - 0.44, high[1] + 0.05)
    ax.set_aspect("equal")
    ax.axis("off")


def _name_valleys(ax: Axes, relief: Relief, view: View) -> None:
    """Rings at the bottoms of the valleys, and their names above the surface."""
    if not view.places:
        return
    points, t = np.array([place.point for place in view.places]), axes_scale(ax)
    at = relief.camera.project(points, relief.heights.at(points))
    ax.scatter(*at.T, s=40 * t**3, facecolors=view.edges, edgecolors="white", linewidths=1.2 * t, zorder=9e5).set_gid(
        "attractors"
    )
    top = float(relief.paper[..., 1].max())
    names = [place.text.split("\n")[0] for place in view.places]
    arrange_rows(ax, [LabelRow(ax, at, names, view.edges, top + 0.06, down=False)])


def _scale(ax: Axes, largest: float) -> None:
    """Widths of ropes, and what their colours mean."""
    half, t = float(f"{largest / 2:.1g}"), axes_scale(ax)
    entries = [
        Line2D([], [], color=UP, lw=3.5 * t, label="holds the barrier up"),
        Line2D([], [], color=DOWN, lw=3.5 * t, label="pulls it down"),
        Line2D([], [], color=QUIET, lw=(0.5 + _WIDEST * half / largest) * t, label=f"tension {half:g} per e-fold"),
    ]
    found = ax.legend(
        handles=entries, loc="lower center", bbox_to_anchor=(0.5, 0.0), ncols=3, frameon=False, fontsize=8 * t,
        handlelength=2.0, columnspacing=2.0, borderaxespad=0.0,
    )  # fmt: skip
    found.set_in_layout(False)
    found.set_zorder(1e6)


def _notes(record: Mapping[str, Any], wrt: str, chosen: Sequence[str], n_named: int) -> list[str]:
    """Notes for the caption: what a rope is, at which noise, and which valleys are about to vanish."""
    table, noise = record["barriers"].loc[chosen], float(record["params"]["diffusion"])
    change = {"strength": "all outgoing edges of a gene", "production": "its production", "turnover": "its turnover"}[
        wrt
    ]
    notes = [
        f"width: d(barrier) / d ln({change}) at D = {noise:.2g}",
        f"{n_named} of {len(record['genes'])} genes named",
        "ropes end where they pull hardest",
    ]
    if (table["n_asked"] > 0).any():
        notes.append("dashed: sign uncertain over replicates")
    if few := int(record[f"{wrt}_low"][list(chosen)].isna().all().sum()):
        notes.append(f"{few} of {len(table)} barriers in too few replicates for a sign")
    if not table["converged"].all():
        notes.append(f"{int((~table['converged'].astype(bool)).sum())} of {len(table)} paths not converged")
    starts = set(table["from"])
    vanishing = [row for row in about_to_vanish(record["critical"]) if row["attractor"] in starts]
    return notes + [
        f"{v['attractor']} vanishes at {v['strength']:.2f} times the ropes of {v['gene']}" for v in vanishing
    ]

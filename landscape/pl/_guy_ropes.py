"""Waddington's pegs and guy ropes: genes that hold the landscape, and where they hold it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from anndata import AnnData
from matplotlib.axes import Axes

from landscape import _keys
from landscape._anndata import read_result, require_adata
from landscape.pl._guy_ropes_heatmap import heatmap
from landscape.pl._guy_ropes_surface import surface
from landscape.pl.scene.view import RESOLUTION

_HINT = "run `landscape.tl.guy_ropes(adata)` first"


def guy_ropes(
    adata: AnnData,
    *,
    kind: str = "surface",
    wrt: str = "strength",
    barriers: Sequence[str] | None = None,
    n_genes: int | None = None,
    key: str = _keys.GUY_ROPES,
    basis: str | None = None,
    azimuth: float | None = None,
    resolution: int = RESOLUTION,
    title: str | None = None,
    ax: Axes | None = None,
    show: bool | None = None,
    return_fig: bool = False,
) -> Any:
    """Draw the genes that hold the landscape as pegs, with guy ropes to the places that they hold.

    The surface of :func:`landscape` is seen from below, and valleys hang down. A rope leads from a gene to the place on a
    barrier's path where it pulls hardest. Its width is the tension of :func:`landscape.tl.guy_ropes`; blue ropes hold the
    barrier up, red ones pull it down; where the interval over the replicates includes zero, a rope is dashed. Thin ropes are
    those of the next genes, without names.

    Parameters
    ----------
    adata
        Annotated data with guy ropes, and for ``"surface"`` with heights (:func:`landscape.tl.occupancy`).
    kind
        ``"surface"``, or ``"heatmap"``: tensions of genes (rows) at barriers (columns).
    wrt
        What is made stronger: ``"strength"``, ``"production"`` or ``"turnover"``, as it was asked for.
    barriers
        Names of barriers, such as ``"Monocyte to Neutrophil"``; ``None``: the lowest way out of each valley on the surface,
        all barriers in the heat map, or the 30 lowest.
    n_genes
        Number of genes with a name, those of the largest tension at each of the barriers in turn; ``None``: 10 on the surface,
        30 in the heat map.
    key
        Name of the result in ``adata.uns["landscape"]``.
    basis, azimuth, resolution
        As in :func:`landscape`.
    title, ax, show, return_fig
        As in :func:`landscape`.

    Returns
    -------
    Axes, figure, or ``None`` if shown.

    Raises
    ------
    KeyError
        If there are no guy ropes or no heights.
    ValueError
        If ``kind``, ``wrt`` or a barrier is unknown, or the path of a barrier is missing.
    """
    require_adata(adata)
    if kind not in ("surface", "heatmap"):
        msg = f"Expected `kind` to be 'surface' or 'heatmap', found {kind!r}."
        raise ValueError(msg)
    record = read_result(adata, key, hint=_HINT)
    if wrt not in record or f"{wrt}_low" not in record:
        msg = f"Expected `wrt` to be one of {list(record['params']['wrt'])}, found {wrt!r}; pass it to `landscape.tl.guy_ropes`."
        raise ValueError(msg)
    chosen = _barriers(record["barriers"], barriers, every=kind == "heatmap")
    if kind == "heatmap":
        return heatmap(adata, record, wrt, chosen, n_genes or 30, title, ax, show=show, return_fig=return_fig)
    return surface(
        adata, record, wrt, chosen, n_genes or 10, title, ax, basis=basis, azimuth=azimuth, resolution=resolution, show=show,
        return_fig=return_fig,
    )  # fmt: skip


def _barriers(table: pd.DataFrame, wanted: Sequence[str] | None, *, every: bool) -> list[str]:
    if wanted is not None:
        given = [wanted] if isinstance(wanted, str) else list(wanted)
        if not given or (unknown := [name for name in given if name not in table.index]):
            msg = f"Expected `barriers` out of {list(map(str, table.index))}, found {unknown if given else given}."
            raise ValueError(msg)
        return given
    if every:
        return list(table.index)
    return [str(rows["action"].idxmin()) for _, rows in table.groupby("from", sort=False, observed=True)]

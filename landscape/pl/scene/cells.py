"""Cells on a drawing: their places, their colours, and the choice of those that are drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from anndata import AnnData
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Normalize, is_color_like, to_hex, to_rgba_array
from numpy.typing import NDArray
from scipy import sparse

from landscape import _keys
from landscape._anndata import read
from landscape._random import RandomLike, generator

# Distinguishable with the common colour-vision deficiencies: Okabe & Ito (2008) without black and with its yellow
# darkened for white paper, then Tol's muted scheme where it adds a hue.
SAFE = (
    "#0072b2",
    "#e69f00",
    "#009e73",
    "#cc79a7",
    "#d55e00",
    "#56b4e9",
    "#c9b400",
    "#882255",
    "#332288",
    "#999933",
)
MISSING = "#b8bcc2"
# Columns of a table of fates that are no attractor.
_NO_ATTRACTOR = {"undifferentiated": "#8b9199", "other": MISSING}


@dataclass(frozen=True)
class Colours:
    """Colour of each cell, and its legend.

    Attributes
    ----------
    rgba
        Shape ``(n_cells, 4)``.
    label
        Name of the quantity.
    palette
        Colour of each category, empty for a continuous quantity.
    norm, cmap
        Scale of a continuous quantity.
    """

    rgba: NDArray[np.float64]
    label: str
    palette: Mapping[str, str]
    norm: Normalize | None = None
    cmap: Any = None


def categorical_palette(
    adata: AnnData, key: str, palette: Mapping[str, str] | Sequence[str] | None = None
) -> dict[str, str]:
    """Colour of each category of a column, by name; ``adata`` is not changed.

    Colours come from ``palette``, else from ``adata.uns[key + "_colors"]`` where it has a valid colour for each category,
    else from a palette that colour-blind readers can distinguish (up to ten colours; beyond, hues of alternating lightness).
    Categories with the name of a basin have the colour of that basin.
    """
    names = [str(name) for name in categories(adata.obs[key])]
    if isinstance(palette, Mapping):
        if missing := [name for name in names if name not in palette]:
            msg = f"`palette` has no colour for {missing}; give one for each of {names}."
            raise ValueError(msg)
        return {name: to_hex(palette[name]) for name in names}
    stored = palette if palette is not None else adata.uns.get(f"{key}_colors", ())
    stored = [str(colour) for colour in stored]
    if palette is not None and len(stored) < len(names):
        msg = f"Expected {len(names)} colours in `palette`, one for each of {names}, found {len(stored)}."
        raise ValueError(msg)
    used = _column(adata.obs[key]).cat.categories
    if palette is None and (len(stored) != len(used) or not all(is_color_like(c) for c in stored)):
        return _like_basins(adata, key, names)
    if palette is None:
        by_name = dict(zip(map(str, used), stored, strict=True))
        return {name: to_hex(by_name[name]) for name in names}
    return {name: to_hex(colour) for name, colour in zip(names, stored, strict=False)}


def _like_basins(adata: AnnData, key: str, names: list[str]) -> dict[str, str]:
    """Default colours; a category with the name of a basin has the colour of that basin, and no other category has."""
    known = categorical_palette(adata, _keys.BASIN) if key != _keys.BASIN and _keys.BASIN in adata.obs else {}
    shared = {name: known[name] for name in names if name in known}
    rest = [name for name in names if name not in shared]
    free = [colour for colour in SAFE if colour not in known.values()]
    free += [colour for colour in SAFE if colour not in free and colour not in shared.values()]
    spare = free[: len(rest)] if len(rest) <= len(free) else _default_colours(len(SAFE) + len(rest))
    others = dict(zip(rest, spare, strict=False))
    return {name: shared.get(name) or others[name] for name in names}


def attractor_colours(
    adata: AnnData, names: Sequence[str], palette: Mapping[str, str] | Sequence[str] | None = None
) -> dict[str, str]:
    """Colour of each attractor, the same in every figure: that of its basin, else one that no basin has."""
    known = categorical_palette(adata, _keys.BASIN, palette) if _keys.BASIN in adata.obs else {}
    spare = [colour for colour in SAFE if colour not in known.values()] or list(SAFE)
    free = iter(spare * (1 + len(names) // len(spare)))
    return {name: known.get(name) or _NO_ATTRACTOR.get(name) or next(free) for name in names}


def categories(column: pd.Series) -> list[Any]:
    """Categories that occur, in their order."""
    column = _column(column)
    present = set(column.dropna().unique())
    return [name for name in column.cat.categories if name in present]


def colours(
    adata: AnnData,
    key: str | None,
    *,
    palette: Mapping[str, str] | Sequence[str] | None = None,
    cmap: str = "viridis",
    layer: str | None = None,
) -> Colours:
    """Colours of the cells by a column of ``adata.obs`` or by a gene; ``None`` gives one colour.

    Raises
    ------
    KeyError
        If there is neither such a column nor such a gene.
    """
    if key is None:
        return Colours(np.tile(to_rgba_array(SAFE[0]), (adata.n_obs, 1)), "", {})
    if key in adata.obs and not _is_continuous(adata.obs[key]):
        chosen = categorical_palette(adata, key, palette)
        table = to_rgba_array([*chosen.values(), MISSING])
        codes = pd.Categorical(adata.obs[key].astype(str), categories=list(chosen)).codes
        return Colours(table[codes], key, chosen)
    values = _values(adata, key, layer)
    norm = Normalize(*np.nanquantile(values, [0.0, 1.0])) if np.isfinite(values).any() else Normalize(0, 1)
    rgba = colormaps[cmap](norm(np.nan_to_num(values)))
    rgba[~np.isfinite(values)] = to_rgba_array(MISSING)
    label = key if key in adata.obs else f"{key} ({layer or 'adata.X'})"
    return Colours(rgba, label, {}, norm, colormaps[cmap])


def sample(adata: AnnData, max_cells: int | None, rng: RandomLike) -> tuple[NDArray[np.int64], str]:
    """Positions of the cells to draw, in order, and a note of how many of how many where it is not all of them."""
    if max_cells is None or adata.n_obs <= max_cells:
        return np.arange(adata.n_obs), ""
    if max_cells == 0:
        return np.arange(0), ""
    chosen = np.sort(generator(rng).choice(adata.n_obs, size=max_cells, replace=False))
    return chosen, f"{max_cells:,} of {adata.n_obs:,} cells shown, drawn at random"


def coordinates(adata: AnnData, basis: str | None) -> tuple[NDArray[np.float64], str]:
    """First two coordinates of an embedding, shape ``(n_cells, 2)``, and its key; ``None`` takes the first known one.

    Raises
    ------
    KeyError
        If there is no embedding to draw on.
    """
    key = basis if basis is not None else default_basis(adata)
    if key is None:
        msg = (
            "No embedding to draw on; make one (`scanpy.pp.neighbors(adata, use_rep='X_latent')`, then "
            f"`scanpy.tl.umap(adata)`) or pass `basis=`. Present: {sorted(adata.obsm)}."
        )
        raise KeyError(msg)
    if key not in adata.obsm and f"X_{key}" in adata.obsm:
        key = f"X_{key}"
    values = read(adata, "obsm", key, hint="pass `basis=` with an embedding")
    array = np.asarray(values, dtype=float)
    if array.ndim != 2 or array.shape[1] < 2:
        msg = (
            f"Expected at least two columns in `adata.obsm[{key!r}]`, found shape {array.shape}; pass another `basis=`."
        )
        raise ValueError(msg)
    return array[:, :2], key


def plane_names(basis: str) -> tuple[str, str]:
    """Axis labels of an embedding."""
    if basis == _keys.DRAWING:
        return "expected fate", "progress"
    name = basis.removeprefix("X_")
    return f"{name} 1", f"{name} 2"


def turn_like_relief(ax: Axes, basis: str) -> None:
    """Turn the axes of the drawing so that development runs down the page, as in the relief; other embeddings stay."""
    if basis == _keys.DRAWING:
        ax.invert_xaxis()
        ax.invert_yaxis()


def default_basis(adata: AnnData) -> str | None:
    """Embedding to draw on where none is named."""
    known = ("X_umap", "X_draw_graph_fa", "X_tsne", "X_phate", "X_spring", _keys.DRAWING)
    return next((key for key in known if key in adata.obsm), None)


def _column(column: pd.Series) -> pd.Series:
    return column if isinstance(column.dtype, pd.CategoricalDtype) else column.astype("category")


def _is_continuous(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _values(adata: AnnData, key: str, layer: str | None) -> NDArray[np.float64]:
    if key in adata.obs:
        return adata.obs[key].to_numpy(dtype=float)
    if key not in adata.var_names:
        msg = f"`color={key!r}` is neither a column of `adata.obs` ({sorted(map(str, adata.obs.columns))}) nor a gene."
        raise KeyError(msg)
    source = adata.X if layer is None else read(adata, "layers", layer, hint="pass `layer=`")
    if source is None:
        msg = f"`adata.X` is empty; pass `layer=` to colour by the gene {key!r}. Present: {sorted(adata.layers)}."
        raise ValueError(msg)
    column = source[:, adata.var_names.get_loc(key)]
    return np.asarray(column.todense() if sparse.issparse(column) else column, dtype=float).ravel()


def _default_colours(n: int) -> list[str]:
    if n <= len(SAFE):
        return list(SAFE[:n])
    hues = sns.husl_palette(n, s=0.85, l=0.6)
    return [to_hex([c * (1.0 if i % 2 == 0 else 0.7) for c in hue]) for i, hue in enumerate(hues)]

"""A screen: changes of fates by perturbation, their certainty, doses, and epistasis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from anndata import AnnData
from matplotlib.axes import Axes

from landscape import _keys
from landscape._anndata import read_result, require_adata
from landscape.pl._screen_doses import doses
from landscape.pl._screen_heatmap import heatmap
from landscape.pl._screen_points import epistasis, volcano

_HINT = "run `landscape.tl.screen(adata)` first"
_KINDS = ("heatmap", "volcano", "dose", "epistasis")


def screen(
    adata: AnnData,
    *,
    kind: str = "heatmap",
    fates: Sequence[str] | None = None,
    genes: Sequence[str] | None = None,
    n_perturbations: int = 30,
    n_labels: int = 12,
    key: str = _keys.SCREEN,
    title: str | None = None,
    ax: Axes | None = None,
    show: bool | None = None,
    return_fig: bool = False,
) -> Any:
    """Draw a screen.

    ``"heatmap"``: change of the share of each fate (column) by the single perturbations that move most cells (rows); dots mark changes whose
    interval includes zero, stars levels outside the range over cells. ``"volcano"``: change of the log odds against the rate of
    sign errors, a point for each perturbation and fate. ``"dose"``: shares at several levels of a gene, with the critical levels at
    which valleys vanish. ``"epistasis"``: change of the log odds by pairs against the sum of both single changes; filled where the
    interval of the epistasis leaves out zero.

    Parameters
    ----------
    adata
        Annotated data after :func:`landscape.tl.screen`.
    kind
        ``"heatmap"``, ``"volcano"``, ``"dose"`` or ``"epistasis"``.
    fates
        Fates to draw; ``None``: all.
    genes
        Genes to draw; ``None``: all, or in the heat map those of the ``n_perturbations`` that move most cells.
    n_perturbations
        Largest number of rows of the heat map.
    n_labels
        Largest number of points with a name.
    key
        Name of the result in ``adata.uns["landscape"]``.
    title, ax, show, return_fig
        As in :func:`landscape`. Doses of several genes have a figure of their own.

    Returns
    -------
    Axes (a list of them for doses), figure, or ``None`` if shown.

    Raises
    ------
    KeyError
        If there is no screen.
    ValueError
        If ``kind``, a fate or a gene is unknown, or the screen lacks what the figure draws: replicates, doses or pairs.
    """
    require_adata(adata)
    if kind not in _KINDS:
        msg = f"Expected `kind` out of {list(_KINDS)}, found {kind!r}."
        raise ValueError(msg)
    record = read_result(adata, key, hint=_HINT)
    options = {"title": title, "ax": ax, "show": show, "return_fig": return_fig}
    if kind == "dose":
        table = _chosen(_need(record, "doses", "n_doses=1"), fates, genes)
        return doses(adata, table, record["critical"], int(record["params"]["n_replicates"]), **options)
    table = _chosen(record["table"], fates, genes)
    single = (table["kind"].astype(str) != "double").to_numpy()
    if kind == "heatmap":
        return heatmap(adata, record, table[single], n_perturbations, **options)
    if kind == "volcano":
        if not table["lfsr"].notna().any():
            msg = "Expected a screen with rates of sign errors, found no replicates; fit with `landscape.tl.dynamics(..., n_replicates=18)`."
            raise ValueError(msg)
        return volcano(adata, table, n_labels, int(record["params"]["n_replicates"]), **options)
    pairs = table[~single]
    if pairs.empty:
        msg = "Expected a screen with pairs, found none; run `landscape.tl.screen(adata, order=2)`."
        raise ValueError(msg)
    return epistasis(adata, pairs, n_labels, int(record["params"]["n_replicates"]), **options)


def _need(record: dict[str, Any], name: str, option: str) -> pd.DataFrame:
    if name not in record:
        msg = f"Expected a screen with {name}, found none; run `landscape.tl.screen(adata, {option})`."
        raise ValueError(msg)
    return record[name]


def _chosen(table: pd.DataFrame, fates: Sequence[str] | None, genes: Sequence[str] | None) -> pd.DataFrame:
    """Rows of these fates and genes."""
    for name, wanted, columns in (("fates", fates, ["fate"]), ("genes", genes, ["gene_1", "gene_2"])):
        if wanted is None:
            continue
        given = [wanted] if isinstance(wanted, str) else list(wanted)
        known = {str(value) for column in columns for value in table[column].unique()} - {""}
        if not given or (unknown := [one for one in given if one not in known]):
            msg = f"Expected `{name}` out of {sorted(known)}, found {unknown if given else given}."
            raise ValueError(msg)
        table = table[table[columns].astype(str).isin(given).any(axis=1).to_numpy()]
    return table

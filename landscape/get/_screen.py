"""Results of a screen as tidy tables."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from anndata import AnnData

from landscape import _keys
from landscape._anndata import read_result, require_adata
from landscape.perturbation.certainty import require_replicates
from landscape.perturbation.screen_tables import additive_pairs

_TABLES = ("effects", "perturbations", "attractors", "doses", "critical")


def screen(
    adata: AnnData,
    *,
    table: Literal["effects", "perturbations", "attractors", "doses", "critical"] = "effects",
    gene: str | None = None,
    fate: str | None = None,
    order: int | None = None,
    lfsr: float | None = None,
    predicted: bool = False,
    key: str = _keys.SCREEN,
) -> pd.DataFrame:
    r"""Effects of all perturbations of a screen.

    Parameters
    ----------
    adata
        Annotated data after :func:`landscape.tl.screen`.
    table
        ``"effects"``: a row for each perturbation and fate. The others: the tables of that name of :func:`landscape.tl.screen`.
    gene, fate
        Rows of this gene (or edge, such as ``"Gata1->Spi1"``), and of this fate or attractor, only.
    order
        1 for single perturbations only, 2 for pairs only.
    lfsr
        Largest rate of sign errors of the rows of ``"effects"`` and ``"perturbations"``.
    predicted
        With ``"effects"``: add the pairs that were not simulated, as sums :math:`\theta_i + \theta_j` of the changes of log odds of single
        perturbations. They have no interval, and ``predicted`` is true.
    key
        Name of the result.

    Returns
    -------
    Table with the columns of :func:`landscape.tl.screen` and, in ``"effects"``, ``predicted``; most certain rows first, and among
    those the largest changes of log odds.

    Raises
    ------
    KeyError
        If there is no screen.
    ValueError
        If a table, gene, fate or order is unknown, or the replicates are too few for the rate asked for.

    Examples
    --------
    >>> import landscape as ls
    >>> adata = ls.datasets.hematopoiesis()  # doctest: +SKIP
    >>> ls.tl.screen(adata)  # doctest: +SKIP
    >>> ls.get.screen(adata, fate="Erythroid", lfsr=0.1)  # doctest: +SKIP
    """
    if table not in _TABLES or order not in (None, 1, 2):
        msg = f"Expected `table` out of {list(_TABLES)} and `order` 1, 2 or None, found {table!r} and {order!r}."
        raise ValueError(msg)
    record = read_result(require_adata(adata), key, hint="run `landscape.tl.screen(adata)` first")
    if lfsr is not None:
        require_replicates(lfsr, int(record["params"]["n_replicates"]))
    effects = record["table"]
    if table not in ("effects", "perturbations", "attractors") and table not in record:
        msg = f"Expected a screen with doses, found one without; run `landscape.tl.screen(adata, n_doses=1)` for {table!r}."
        raise ValueError(msg)
    _require_known(record, gene, fate)
    if table == "effects":
        found = effects.assign(predicted=False)
        if predicted:
            found = pd.concat([found, additive_pairs(effects)], ignore_index=True)
    elif table in ("perturbations", "attractors"):
        found = record[table].rename_axis("perturbation").reset_index()
    else:
        found = record[table].copy()
    found = _chosen(found, effects, gene, order)
    if fate is not None and (column := next((name for name in ("fate", "attractor") if name in found), None)):
        found = found[found[column].astype(str) == fate]
    if lfsr is not None and "lfsr" in found:
        found = found[found["lfsr"] <= lfsr]
    if table == "effects":
        size = found["log_odds"].abs()
        found = found.iloc[np.lexsort((-size, found["lfsr"].fillna(2.0), found["predicted"]))]
    return found.reset_index(drop=True)


def _require_known(record: dict[str, pd.DataFrame], gene: str | None, fate: str | None) -> None:
    effects = record["table"]
    genes = pd.unique(pd.concat([effects["gene_1"], effects["gene_2"]]).astype(str))
    if gene is not None and gene not in genes:
        msg = f"Expected `gene` out of those of the screen, found {gene!r}; there are {[name for name in genes if name][:20]}."
        raise ValueError(msg)
    fates = [*map(str, effects["fate"].unique()), *map(str, record["attractors"].columns)]
    if fate is not None and fate not in fates:
        msg = f"Expected `fate` out of {list(dict.fromkeys(fates))}, found {fate!r}."
        raise ValueError(msg)


def _chosen(found: pd.DataFrame, effects: pd.DataFrame, gene: str | None, order: int | None) -> pd.DataFrame:
    """Rows of a gene and of an order; tables of perturbations have these in those of their effects."""
    if "gene" in found:
        return found if gene is None else found[found["gene"].astype(str) == gene]
    named = found if "gene_1" in found else effects
    keep = np.ones(len(named), dtype=bool)
    if gene is not None:
        keep &= (named[["gene_1", "gene_2"]].astype(str) == gene).any(axis=1).to_numpy()
    if order is not None:
        keep &= ((named["kind"].astype(str) == "double") == (order == 2)).to_numpy()
    return found[keep] if named is found else found[found["perturbation"].isin(set(named["perturbation"][keep]))]

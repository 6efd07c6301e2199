"""The report card of the genomic code as a table."""

from __future__ import annotations

from typing import Any

import pandas as pd
from anndata import AnnData

from landscape import _keys
from landscape._anndata import read_result, require_adata


def genomic_code(adata: AnnData, *, assay: str | None = None, key: str = _keys.GENOMIC_CODE) -> Any:
    """Which claims of the genomic code hold in these data, or what stands behind one of them.

    Parameters
    ----------
    adata
        Annotated data after :func:`landscape.tl.genomic_code`.
    assay
        Name of an assay, such as ``"recall"``: its tables and numbers are returned instead of the card.
    key
        Name of the result.

    Returns
    -------
    The card, one row for each claim (:func:`landscape.tl.genomic_code` describes its columns); or a dictionary of tables and numbers.

    Raises
    ------
    KeyError
        If there is no card, or the assay is none of it or has nothing behind its number.

    Examples
    --------
    >>> import landscape as ls
    >>> adata = ls.datasets.hematopoiesis()  # doctest: +SKIP
    >>> ls.tl.genomic_code(adata)  # doctest: +SKIP
    >>> ls.get.genomic_code(adata, assay="recall")["curve"]  # doctest: +SKIP
    """
    record = read_result(require_adata(adata), key, hint="run `landscape.tl.genomic_code(adata)` first")
    if assay is None:
        table: pd.DataFrame = record["table"].copy()
        return table
    details = record.get("details", {})
    if assay not in details:
        msg = f"Expected an assay with details, found {assay!r}; there are {sorted(map(str, details))}."
        raise KeyError(msg)
    return dict(details[assay])

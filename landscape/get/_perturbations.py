"""Perturbations as one tidy table."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from anndata import AnnData

from landscape import _keys
from landscape._anndata import read_result, require_adata


def perturbations(adata: AnnData, *, contrasts: bool = False) -> pd.DataFrame:
    """Effects of all perturbations on all fates, on the scales of shares and of log odds.

    Parameters
    ----------
    adata
        Annotated data with perturbations.
    contrasts
        Return the contrasts between pairs of fates instead.

    Returns
    -------
    One row per perturbation and fate: ``perturbation``, ``fate`` and the columns of ``labels``, or of ``fates`` where no two
    attractors have one label; with ``contrasts`` those of ``contrasts`` (see :func:`landscape.tl.perturb`).

    Raises
    ------
    KeyError
        If there are no perturbations.

    Examples
    --------
    >>> import landscape as ls
    >>> adata = ls.datasets.hematopoiesis()  # doctest: +SKIP
    >>> for gene in ("Gata1", "Pu1"):  # doctest: +SKIP
    ...     ls.tl.perturb(adata, {gene: 0.0})
    >>> ls.get.perturbations(adata).query("lfsr < 0.1")  # doctest: +SKIP
    """
    records = read_result(
        require_adata(adata), _keys.PERTURBATIONS, hint="run `landscape.tl.perturb(adata, levels)` first"
    )
    found = {}
    for name, record in records.items():
        if isinstance(record, Mapping) and "fates" in record:
            effects = record.get("labels", record["fates"]).rename_axis("fate").reset_index()
            found[str(name)] = record["contrasts"] if contrasts else effects
    return pd.concat(found, names=["perturbation"]).reset_index("perturbation").reset_index(drop=True)

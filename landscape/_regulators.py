"""Which genes of an AnnData object are regulators of a network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from anndata import AnnData
from numpy.typing import NDArray

from landscape import _keys, pp
from landscape.network import detect_species
from landscape.network.data.regulators import regulator_columns
from landscape.pp.features import is_gene
from landscape.pp.gene_names import names_like


def regulators_of(adata: AnnData, regulators: Sequence[str] | str | None) -> tuple[NDArray[np.int64], str]:
    """Columns of the regulators, and where they come from; given ones must all be there."""
    if regulators is not None and not isinstance(regulators, str):
        return regulator_columns(list(regulators), names_like(adata, regulators)), "given"
    if regulators is None and _keys.REGULATOR in adata.var:
        flags = adata.var[_keys.REGULATOR].to_numpy()
        index = np.flatnonzero(np.asarray(flags, dtype=bool))
        if not len(index):
            msg = (
                f"Expected regulators in `adata.var[{_keys.REGULATOR!r}]`, found none that is True; pass `regulators=`."
            )
            raise ValueError(msg)
        return index, f"var[{_keys.REGULATOR!r}]"
    tier = "tf" if regulators is None else regulators
    found = pp.find_regulators(adata, regulators=tier)
    what = "transcription factors" if tier == "tf" else "transcription factors and cofactors"
    return np.flatnonzero(adata.var_names.isin(found)), f"{detect_species(adata.var_names[is_gene(adata)])} {what}"

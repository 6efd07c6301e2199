"""Columns of the regulators among the genes, by their names."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from landscape.network.data.symbols import canonical, match, other_species


def regulator_columns(regulators: Sequence[str], names: Sequence[str]) -> NDArray[np.int64]:
    """Columns of regulators among the genes, in the order of the genes; letter case does not matter.

    Parameters
    ----------
    regulators
        Names of the regulators, distinct.
    names
        Names of all genes, ``adata.var_names`` or their symbols.

    Raises
    ------
    ValueError
        If a name is repeated or unknown, two name one gene, or the names are those of another species.
    """
    repeated = sorted({name for name in regulators if regulators.count(name) > 1})
    if repeated:
        msg = f"Expected distinct regulators, found {repeated[:5]} more than once."
        raise ValueError(msg)
    found = match(regulators, names)
    missing = [name for name in regulators if name not in found]
    if missing:
        msg = f"Expected regulators that are in `adata.var_names`, found {len(missing)} of {len(regulators)} that are not: {missing[:5]}."
        raise ValueError(msg)
    if set(regulators).isdisjoint(names) and (differing := other_species(regulators, names)):
        theirs, ours = differing
        msg = (
            f"Expected regulators of the species of the genes, which look like {ours} ({names[0]}), found {theirs} symbols "
            f"({regulators[0]}); letter case is no orthology: translate them, and write them as in `adata.var_names`."
        )
        raise ValueError(msg)
    if len(set(found.values())) < len(found):
        genes = [canonical(name) for name in regulators]
        twice = [name for name, gene in zip(regulators, genes, strict=True) if genes.count(gene) > 1]
        msg = f"Expected distinct regulators, found names of one gene: {twice[:5]}."
        raise ValueError(msg)
    return np.array(sorted(found.values()), dtype=np.int64)

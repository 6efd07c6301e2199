"""Genes that may be held: regulators of the model that act on a gene of it."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence

import numpy as np

from landscape.dynamics import GeneModel

logger = logging.getLogger(__name__)

# Names that an error lists.
N_NAMES = 10


def acting_genes(model: GeneModel, genes: Sequence[str] | None, *, present: Collection[str]) -> list[int]:
    """Positions of the genes that may be held, in rising order.

    Parameters
    ----------
    model
        The model.
    genes
        Names of regulators; ``None``: all with an edge. A warning is logged for one without.
    present
        Names of all genes of the data.

    Raises
    ------
    KeyError
        If a name is unknown.
    ValueError
        If a gene is no regulator of the model, or there is none, or one twice.
    """
    names = list(model.regulators)
    acts = (model.drift.weights != 0).any(0).numpy()
    if genes is None:
        return [int(k) for k in np.flatnonzero(acts)]
    if isinstance(genes, str) or not len(genes) or len(set(genes)) != len(genes):
        msg = f"Expected `genes` to be distinct names of regulators, found {genes!r}."
        raise ValueError(msg)
    for gene in genes:
        if gene not in names and gene in present:
            msg = f"Expected regulators of the model, found {gene!r}, a read-out, which acts on no gene in it."
            raise ValueError(msg)
        if gene not in names:
            msg = (
                f"Expected regulators of the model, found {gene!r}, which is unknown; there are {names[:N_NAMES]}, ..."
            )
            raise KeyError(msg)
    if silent := [gene for gene in genes if not acts[names.index(gene)]]:
        logger.warning("%s act on no gene of the model: holding them has no effect", ", ".join(silent))
    return sorted(names.index(gene) for gene in genes)

"""The fate estimators: one record each, in one table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from landscape import _keys
from landscape.topography.fates.chain_fates import chain_fates
from landscape.topography.fates.estimate import FateEstimate, FateProblem
from landscape.topography.fates.model_fates import model_fates


@dataclass(frozen=True)
class FateEstimator:
    """A way to estimate the fate probabilities of cells.

    To add a fate estimator, implement these and append the record to :data:`ESTIMATORS`; :func:`landscape.tl.fates` then
    runs it where the data have what it needs, compares it with the first of the table, and writes both.

    Attributes
    ----------
    name
        Short name.
    words
        What it computes, for messages.
    keys
        Endings, after the name of the fates, of what is written to AnnData: ``obsm`` for the table of probabilities and,
        beyond the first of the table, ``obs`` for the total variation to it and the flag ``"agree"`` or ``"differ"``.
    prefix
        What its entries of ``adata.uns["landscape"]["fates"]`` start with.
    needs
        Fields of :class:`FateProblem` without which it is left out.
    estimate
        From the problem to probabilities with their error.
    """

    name: str
    words: str
    keys: tuple[str, ...]
    prefix: str
    needs: tuple[str, ...]
    estimate: Callable[[FateProblem], FateEstimate]


CHAIN = FateEstimator(
    name="chain",
    words="absorption probabilities of the chain",
    keys=("",),
    prefix="",
    needs=("transitions", "terminal"),
    estimate=chain_fates,
)
MODEL = FateEstimator(
    name="model",
    words="committor of the model",
    keys=_keys.FATES_COMPARED,
    prefix="",
    needs=("model", "states", "attractors", "basin", "basin_sizes", "reference"),
    estimate=model_fates,
)
# The first is the reference that the others are compared with.
ESTIMATORS: tuple[FateEstimator, ...] = (CHAIN, MODEL)

"""Table of fate estimators, with one record for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from landscape import _keys
from landscape.topography.fates.chain_fates import chain_fates
from landscape.topography.fates.estimate import FateEstimate, FateProblem
from landscape.topography.fates.model_fates import model_fates


@dataclass(frozen=True)
class FateEstimator:
    """Estimator of the fate probabilities of cells.

    To add a fate estimator, implement these fields and append the record to :data:`ESTIMATORS`.
    :func:`landscape.tl.fates` then runs it if the data have what it needs, compares it with the first estimator in the
    table, and writes both.

    Attributes
    ----------
    name
        Short name.
    words
        Description of the quantity, for messages.
    keys
        Suffixes of the keys in AnnData, after the name of the fates: ``obsm`` for the table of probabilities; for all but
        the first estimator also ``obs`` for the total variation to the first, and for the flag ``"agree"`` or ``"differ"``.
    prefix
        Prefix of its entries in ``adata.uns["landscape"]["fates"]``.
    needs
        Fields of :class:`FateProblem` that it needs; without one of them it does not run.
    estimate
        Function from the problem to probabilities with their errors.
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
    words="fate probabilities of the model",
    keys=_keys.FATES_COMPARED,
    prefix="",
    needs=("model", "states", "attractors", "basin", "basin_sizes", "reference"),
    estimate=model_fates,
)
# The others are compared with the first.
ESTIMATORS: tuple[FateEstimator, ...] = (CHAIN, MODEL)

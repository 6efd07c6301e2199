"""Agreement of the unperturbed shares of the model with those of the chain of cells."""

from __future__ import annotations

import logging
from collections.abc import Iterable

import numpy as np
import pandas as pd

from landscape.markov.naming import unnumbered

logger = logging.getLogger(__name__)

# Total variation between the shares of model and chain above which changes are offered with a warning. It bounds the error
# of every unperturbed share and is itself an effect on cells: above .15, more than one cell in seven ends elsewhere in the
# model before any gene is touched, and a change of this size could be the error of the fit. It is the bar for agreement of
# model and chain on all data sets.
MAX_DISAGREEMENT = 0.15
# Fates that the warning names, those with the largest differences.
N_NAMED = 3


def start_agreement(shares: pd.Series, chain: pd.Series) -> pd.DataFrame:
    """Unperturbed shares of the model beside those of the chain, fate by fate.

    Attractors and terminal states of one label (``"Monocyte"``, ``"Monocyte 2"``) are one fate. A fate of one of the two
    alone has a share of zero in the other.

    Parameters
    ----------
    shares
        Share of the paths of the model in each fate.
    chain
        Mean fate probabilities of the start cells on the chain.

    Returns
    -------
    ``model``, ``chain`` and their ``difference``, one row per fate, the largest difference first.
    """
    both = pd.DataFrame({"model": _by_label(shares), "chain": _by_label(chain)}).fillna(0.0)
    both["difference"] = both["model"] - both["chain"]
    both = both[(both[["model", "chain"]] > 0).any(axis=1)]
    return both.iloc[np.argsort(-both["difference"].abs(), kind="stable")].rename_axis("fate")


def total_variation(table: pd.DataFrame) -> float:
    r"""Total variation :math:`\tfrac12 \sum_k |p_k - q_k|` of a table of :func:`start_agreement`."""
    return float(0.5 * table["difference"].abs().sum())


def warn_of_disagreement(table: pd.DataFrame | None, largest: float) -> float:
    """Log how far the unperturbed shares of model and chain are apart: a warning above ``largest``, or where it is unknown.

    Parameters
    ----------
    table
        Table of :func:`start_agreement`; ``None`` if the chain has no fates.
    largest
        Total variation above which the log is a warning.

    Returns
    -------
    Total variation, NaN where it is unknown.
    """
    if table is None:
        logger.warning(
            "it is unknown how well the unperturbed shares of the model agree with the chain of cells; run "
            "`landscape.tl.terminal_states` or `landscape.tl.fates` first"
        )
        return np.nan
    apart = total_variation(table)
    if apart <= largest:
        logger.info("unperturbed shares of model and chain: total variation %.2f", apart)
        return apart
    worst = ", ".join(f"{fate} {row.model:.2f} for {row.chain:.2f}" for fate, row in table.head(N_NAMED).iterrows())
    logger.warning(
        "before any gene is clamped, %.2f of the cells end elsewhere in the model than on the chain of cells (above %.2f): %s. "
        "Changes of shares below this may be errors of the fit; improve it first "
        "(`landscape.tl.dynamics(..., refine='descendants')`, other regulators), or trust only what replicates agree on",
        apart,
        largest,
        worst,
    )
    return apart


def labels_shared(names: Iterable[str], others: Iterable[str]) -> bool:
    """Whether two sets of names have a label in common."""
    return bool(set(unnumbered(list(names))) & set(unnumbered(list(others))))


def _by_label(shares: pd.Series) -> pd.Series:
    return shares.groupby(unnumbered(list(shares.index)), sort=False).sum()

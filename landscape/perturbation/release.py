"""What becomes of cells after genes are released: whether they stay in the fate that the hold gave them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from landscape.perturbation.certainty import MIN_REPLICATES
from landscape.perturbation.paired import PairedFates

# Quantiles over the replicates between which 90 % of them lie.
ENDS = (0.05, 0.95)


def release_table(names: Sequence[str], found: PairedFates) -> pd.DataFrame:
    r"""Table of the fates while genes are held and after their release.

    Each path has a fate while its genes are held, to which it relaxes if they are never released, and a fate after release. Of
    the paths of one fate while held, the share that has the same one after release *stays*; of those that the hold moved,
    the share that has the fate of the same path without any hold goes *back*.

    Parameters
    ----------
    names
        Names of the fates.
    found
        Paired fates of the model and its replicates, with one clamp that has a pulse.

    Returns
    -------
    ``held`` and ``after``, shares of the paths; ``stay`` with the quantiles of 5 % and 95 % over the replicates that have such
    paths (``stay_low``, ``stay_high``; NaN below two), and ``back``; NaN without such paths. One row per fate.
    """
    n = len(names)
    stay = np.array([_stay(held[1], after[1], n) for held, after in zip(found.fate_held, found.fate, strict=True)])
    without, held, after = found.fate[0, 0], found.fate_held[0, 1], found.fate[0, 1]
    moved, back = held != without, np.full(n, np.nan)
    for k in np.unique(held[moved]):
        back[k] = (after == without)[moved & (held == k)].mean()
    low, high = np.full(n, np.nan), np.full(n, np.nan)
    known = np.isfinite(stay[1:]).sum(0) >= MIN_REPLICATES
    if known.any():
        low[known], high[known] = np.nanquantile(stay[1:, known], ENDS, axis=0)
    columns = {
        "held": np.bincount(held, minlength=n) / len(held),
        "after": np.bincount(after, minlength=n) / len(after),
        "stay": stay[0],
        "stay_low": low,
        "stay_high": high,
        "back": back,
    }
    return pd.DataFrame(columns, index=pd.Index(list(names), name="fate"))


def _stay(held: NDArray[np.int64], after: NDArray[np.int64], n: int) -> NDArray[np.float64]:
    """Share of the paths of each fate while held that keep it; NaN without paths."""
    total, kept = np.bincount(held, minlength=n), np.bincount(held[held == after], minlength=n)
    return np.divide(kept, total, out=np.full(n, np.nan), where=total > 0)

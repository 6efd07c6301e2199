"""Trials with noise and over the models of an ensemble: which share of the cells a set carries into the target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from landscape._random import RandomLike
from landscape.dynamics import Model
from landscape.perturbation.clamps import Clamp
from landscape.perturbation.paired import PairedFates, paired_fates
from landscape.perturbation.tables import fate_table
from landscape.reprogramming.sets import GeneSet
from landscape.topography.fates.outcomes import References

# A model carries a set out where more than this share of its cells end in the target.
MOST = 0.5


@dataclass(frozen=True, eq=False)
class Trial:
    """Shares of the cells that end in the target, of ``m`` sets.

    Attributes
    ----------
    table
        ``share`` in the fit with ``low`` and ``high``, ``without`` (the same cells, no gene held), ``lfsr`` of the change,
        ``held`` (share in the target while held), ``stay`` (share of these that stay), ``share_models`` (mean over the fit and its replicates) and
        ``n_models`` in which most cells end in the target.
    """

    table: pd.DataFrame


def trial(
    models: Sequence[Model[Any]],
    cells: NDArray[np.float64],
    known: References,
    target: NDArray[np.int64],
    sets: Sequence[GeneSet],
    *,
    hold: float,
    free: float,
    rng: RandomLike = 0,
) -> Trial:
    """Hold each set in cells of the source for a time, release it, and count the cells that end in the target.

    All sets and models have the same cells and the same noise (:func:`landscape.perturbation.paired_fates`).

    Parameters
    ----------
    models
        The model and its replicates.
    cells
        States to start from, one a path, shape ``(n, d)``.
    known
        Reference states of the fates.
    target
        Positions of the target among them.
    sets
        Sets of genes.
    hold, free
        Time for which the genes are held, and time with noise from then on.
    rng
        Seed or generator.
    """
    clamps: list[Clamp] = [{gene: (level, hold) for gene, level in one} for one in sets]
    found = paired_fates(models, clamps, cells, known, duration=hold + free, rng=rng)
    group = np.zeros(len(known.fates), dtype=np.int64)
    group[target] = 1
    return Trial(pd.DataFrame([_row(found.merged(group), c) for c in range(len(sets))]))


def _row(found: PairedFates, c: int) -> dict[str, float]:
    pair = [0, 1 + c]
    one = replace(
        found,
        fate=found.fate[:, pair],
        fate_held=found.fate_held[:, pair],
        acts=found.acts[[c]],
    )
    effect = fate_table(["elsewhere", "target"], one).loc["target"]
    shares = found.shares[:, 1 + c, 1]
    held, end = found.fate_held[0, 1 + c] == 1, found.fate[0, 1 + c] == 1
    return {
        "share": float(effect["after"]),
        "low": float(effect["before"] + effect["low"]),
        "high": float(effect["before"] + effect["high"]),
        "without": float(effect["before"]),
        "lfsr": float(effect["lfsr"]),
        "held": float(held.mean()),
        "stay": float((held & end).sum() / held.sum()) if held.any() else np.nan,
        "share_models": float(shares.mean()),
        "n_models": int((shares > MOST).sum()),
    }

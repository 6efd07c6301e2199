"""What an assay returns: a number with its interval, its null and the grade that it needs, and the verdict that follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from landscape.dynamics.ensemble import interval

Direction = Literal["above", "below"]
Verdict = Literal["supported", "contradicted", "undecided", "not testable here"]
VERDICTS = get_args(Verdict)
UNTESTABLE: Verdict = "not testable here"

# Band of the null, and replicates from which on their quantiles are an interval.
BAND = (0.05, 0.95)
MIN_REPLICATES = 5
# Draws from which on the band has ends that one of twenty draws lies beyond.
MIN_NULL = 19
# Half width of a 90 % interval, in standard errors.
Z90 = 1.645


def normal_interval(value: float, error: float) -> tuple[float, float]:
    """Interval of 90 % of a number with a standard error."""
    return value - Z90 * error, value + Z90 * error


@dataclass(frozen=True, eq=False)
class Finding:
    """Result of one assay.

    Attributes
    ----------
    name
        Name of the assay.
    claim, section
        The claim in our words, and the section of the paper that makes it.
    row
        Numbers of the claim in the list of claims; empty for what goes beyond it.
    statistic
        What the number is, with its unit.
    value
        The number; NaN where there is none.
    low, high
        Interval that holds the number with a probability of 90 %: quantiles over replicates of the model; for a model that is known, the error
        of the simulation. NaN where the model was fitted without replicates.
    null, null_low, null_high
        What the number is compared with, and the band between the quantiles of 5 % and 95 % of it.
    direction
        On which side of the null the claim puts the number.
    needs, grade
        Grade that the assay needs, and the one at hand.
    reason
        Why there is no verdict, or only an undecided one; empty otherwise.
    n_replicates, n_null
        Numbers of replicates and of draws of the null that had a value.
    details
        Tables and numbers behind the statistic.
    """

    name: str
    claim: str
    section: str
    row: str
    statistic: str
    value: float
    low: float
    high: float
    null: str
    null_low: float
    null_high: float
    direction: Direction
    needs: str
    grade: str
    reason: str = ""
    n_replicates: int = 0
    n_null: int = 0
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def verdict(self) -> Verdict:
        """*Supported* or *contradicted* where the whole interval lies beyond the band of the null, on the side of the claim or on the other.

        *Not testable here* where there is no number, *undecided* in all other cases.
        """
        if not np.isfinite(self.value):
            return UNTESTABLE
        return judge((self.low, self.high), (self.null_low, self.null_high), self.direction)


def judge(found: tuple[float, float], null: tuple[float, float], direction: Direction) -> Verdict:
    """Verdict on an interval against the band of a null; undecided where either is not known.

    Examples
    --------
    >>> judge((0.8, 0.9), (0.2, 0.4), "above")
    'supported'
    >>> judge((0.8, 0.9), (0.2, 0.4), "below")
    'contradicted'
    >>> judge((0.3, 0.9), (0.2, 0.4), "above")
    'undecided'
    """
    above, under = found[0] > null[1], found[1] < null[0]
    if not (above or under):
        return "undecided"
    return "supported" if above == (direction == "above") else "contradicted"


def null_band(values: ArrayLike) -> tuple[float, float]:
    """Quantiles of 5 % and 95 % of draws, such that another draw lies beyond each with this probability; NaN below 19 draws.

    With :math:`m` draws they are at the places :math:`p (m + 1)` of the order (Weibull 1939), not at :math:`p (m - 1) + 1`, which one of
    ten further draws would exceed at :math:`m = 20`.
    """
    known = np.asarray(values, dtype=float)
    known = known[np.isfinite(known)]
    if len(known) < MIN_NULL:
        return np.nan, np.nan
    low, high = np.quantile(known, BAND, method="weibull")
    return float(low), float(high)


def spread(value: float, error: float, replicates: Sequence[float] | None) -> tuple[float, float]:
    """Interval of 90 %: over replicates, or by the error of the simulation for a known model (``None``); NaN with too few replicates."""
    if replicates is None:
        return normal_interval(value, error)
    known = [r for r in replicates if np.isfinite(r)]
    if len(known) < MIN_REPLICATES:
        return np.nan, np.nan
    low, high = interval([np.array(r) for r in known])
    return float(low), float(high)

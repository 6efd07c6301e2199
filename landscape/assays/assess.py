"""An assay as data, and how it is made: on the model, on its replicates, and on what it is compared with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from landscape._random import RandomLike, seed_of
from landscape.assays.finding import MIN_NULL, MIN_REPLICATES, Direction, Finding, null_band, spread
from landscape.assays.subject import GRADES, Subject, View
from landscape.dynamics import RegulatoryDrift

# Draws of the null.
N_NULL = 19
# Rewired networks that are tried, in multiples of the draws of the null, and those after which the search may be given up.
MOST_REWIRES, GIVE_UP = 20, 3
REWIRES = "networks rewired with the same degrees and signs, beside the same cells"


@dataclass(frozen=True, eq=False)
class Measured:
    """A number of one model.

    Attributes
    ----------
    value
        The number; NaN where this model has none, for the ``reason``.
    error
        Standard error by the finite simulation behind it; 0 without one.
    details
        Tables and numbers behind it.
    reason
        Why there is none.
    null
        Draws of the null, where they belong to the same simulation.
    interval
        Interval of 90 %, where the number is made of all replicates together.
    """

    value: float
    error: float = 0.0
    details: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    null: Sequence[float] | None = None
    interval: tuple[float, float] | None = None


@dataclass(frozen=True, eq=False)
class Assay:
    """An assay: its claim, what it measures, and what it needs.

    Attributes
    ----------
    name, row, section, claim, statistic, direction, needs
        As in :class:`Finding`.
    measure
        The number of one model, from a view of it and a generator.
    null
        What it is compared with, in words. Where ``measure`` returns draws of the null these are taken, else rewired networks are measured.
    rewires
        Whether the null are rewired networks.
    min_memories
        Number of memories below which there is nothing to measure.
    requires
        Parts of the subject that are needed: ``"start"``, ``"times"``, ``"barriers"``, ``"ensemble"``, ``"weights"`` (a drift with weights), and
        entries of ``extras``: ``"coder"``, ``"targets"``.
    fixed_by
        Parts that a fit may set itself and that decide this number.
    """

    name: str
    row: str
    section: str
    claim: str
    statistic: str
    direction: Direction
    needs: str
    measure: Callable[[View, np.random.Generator], Measured]
    null: str = REWIRES
    rewires: bool = True
    min_memories: int = 2
    requires: frozenset[str] = frozenset()
    fixed_by: frozenset[str] = frozenset()


WORDS = {
    "start": "the states with which development begins are not known; name start cells by a direction",
    "times": "the cells have no times; it needs time points",
    "barriers": "there are no barriers between the states; run `landscape.tl.barriers` first",
    "ensemble": "the model has no replicates; fit with `n_replicates`",
    "coder": "it needs the latent model; pass it as `latent_models=`",
    "targets": "it needs counts of targets and a network",
    "weights": "the model has no weights that could mutate",
}


def assess(assay: Assay, subject: Subject, *, n_null: int = N_NULL, rng: RandomLike = 0) -> Finding:
    """Make an assay.

    Parameters
    ----------
    assay
        The assay.
    subject
        The model beside its cells.
    n_null
        Draws of the null, at least 19.
    rng
        Seed. Every model is measured with the same random numbers.

    Raises
    ------
    ValueError
        If there are too few draws of the null.
    """
    if n_null < MIN_NULL:
        msg = f"Expected `n_null` of at least {MIN_NULL}, below which no band has its ends, found {n_null}."
        raise ValueError(msg)
    if reason := why_not(assay, subject):
        return _finding(assay, subject, reason=reason)
    seed = seed_of(rng)

    def measured(view: View) -> Measured:
        return assay.measure(view, np.random.default_rng(seed))

    base = measured(subject.view)
    if not np.isfinite(base.value):
        return _finding(assay, subject, reason=base.reason or "the statistic has no value for this model")
    together = subject.ensemble is None or base.interval is not None
    replicates = None if together else [measured(view).value for view in subject.replicates]
    drawn = f"draws of the null are too few: a band needs {MIN_NULL}"
    if base.null is not None:
        null = list(base.null)
    else:
        null, drawn = _of_rewires(measured, subject, n_null, seed)
    n_drawn = int(np.isfinite(null).sum())
    if n_drawn < MIN_NULL:  # no number without its null
        return _finding(assay, subject, reason=drawn, n_null=n_drawn)
    low, high = base.interval or spread(base.value, base.error, replicates)
    null_low, null_high = null_band(null)
    n_known = len(subject.ensemble or ()) if replicates is None else int(np.isfinite(replicates).sum())
    reason = ""
    if replicates is not None and n_known < MIN_REPLICATES:
        reason = (
            f"{n_known} replicates have a value, and an interval needs {MIN_REPLICATES}; fit with `n_replicates=10`"
        )
    return _finding(
        assay, subject, value=base.value, low=low, high=high, null_low=null_low, null_high=null_high, reason=reason,
        n_replicates=n_known, n_null=n_drawn, details=base.details,
    )  # fmt: skip


def _of_rewires(
    measured: Callable[[View], Measured], subject: Subject, n_null: int, seed: int
) -> tuple[list[float], str]:
    """Values of rewired networks, and how often one has none, in words.

    Those without a value, as where a network comes to no rest, are replaced by others. The search is given up where one in twenty has a value at most.
    """
    found: list[float] = []
    tried, reason = 0, ""
    while len(found) < n_null and tried < MOST_REWIRES * n_null:
        tried += 1
        result = measured(subject.rewires(tried, seed)[-1])
        if np.isfinite(result.value):
            found.append(result.value)
        else:
            reason = result.reason
        if tried >= GIVE_UP * n_null and len(found) * MOST_REWIRES <= tried:
            break
    words = f"{len(found)} of {tried} rewired networks have a value, and a band needs {MIN_NULL}"
    return found, f"{words}: {reason}" if reason else words


def why_not(assay: Assay, subject: Subject) -> str:
    """Why an assay cannot be made on a subject; empty where it can."""
    if subject.refused:
        return subject.refused
    if GRADES.index(subject.grade) > GRADES.index(assay.needs):
        return f"it needs grade {assay.needs}, and these data have {subject.grade}"
    if settled := assay.fixed_by & subject.fixed:
        return f"the fit sets {', '.join(sorted(settled))}, the data do not"
    if len(subject.memories) < assay.min_memories:
        n = len(subject.memories)
        return f"it needs {assay.min_memories} stable states, and there {'is' if n == 1 else 'are'} {n}"
    for part in sorted(assay.requires):
        missing = (
            not isinstance(subject.model.drift, RegulatoryDrift)
            if part == "weights"
            else not subject.ensemble
            if part == "ensemble"
            else getattr(subject, part, subject.extras.get(part)) is None
        )
        if missing:
            return WORDS[part]
    if assay.rewires and not subject.has_network:
        return "the model has no network that could be rewired, and so no null"
    return ""


def _finding(assay: Assay, subject: Subject, **found: Any) -> Finding:
    unknown = dict.fromkeys(("value", "low", "high", "null_low", "null_high"), np.nan)
    return Finding(
        name=assay.name, claim=assay.claim, section=assay.section, row=assay.row, statistic=assay.statistic, null=assay.null,
        direction=assay.direction, needs=assay.needs, grade=subject.grade, **{**unknown, **found},
    )  # fmt: skip

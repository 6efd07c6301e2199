"""What a fit is worth: refused, or graded by how far its paths go where cells go."""

from __future__ import annotations

import logging

from landscape.dynamics.energy_score import FlowMapScore

logger = logging.getLogger(__name__)

# Places of a model between the floor, 0, and staying put, 1, up to which its fit has each grade: a tenth is as near as cells
# seen at another seed come, and beyond a half more of the way is missing than made.
LIMITS = {"A": 0.1, "B": 0.25, "C": 0.5}
LOWEST = "D"


def fit_grade(score: FlowMapScore) -> str:
    """Grade of a fit by its :attr:`~landscape.dynamics.FlowMapScore.excess`: A up to .1, B to .25, C to .5, else D.

    D also where moving every cell by the mean displacement scores as well as the model.

    Examples
    --------
    >>> from landscape.dynamics import FlowMapScore
    >>> fit_grade(FlowMapScore(1.2, 1.0, 2.0, 1.9, (1.2,)))
    'B'
    """
    if score.score >= score.mean_direction:
        return LOWEST
    return next((grade for grade, limit in LIMITS.items() if score.excess <= limit), LOWEST)


def require_better_than_staying(score: FlowMapScore) -> None:
    """Refuse a model that says less about where cells go than that they stay where they are.

    Raises
    ------
    ValueError
        With the scores and what to do.
    """
    if score.score >= score.unchanged:
        msg = (
            f"The model does not say where cells go: its paths from held-out cells score {score.score:.3g} against their "
            f"descendants, staying put {score.unchanged:.3g} (the best possible is {score.floor:.3g}). Check the direction "
            "(time points, root or velocities), pass more regulators, or more cells."
        )
        raise ValueError(msg)


def require_explained(held_out_r2: float, *, clock: bool) -> None:
    """Refuse a fit to velocities alone that predicts those of held-out cells worse than their mean does.

    Without a clock the unit of the velocities is taken and not measured, so that the fit is warned of and has the lowest
    grade.

    Raises
    ------
    ValueError
        With the share and what to do, with a clock.
    """
    if not held_out_r2 < 0:
        return
    msg = (
        f"The rates explain none of the velocities of held-out cells (R2 {held_out_r2:.2f}): their mean predicts them "
        "better. Levels may fall faster than the decay rates allow, or the velocities are noise. Pass "
        "`refine='descendants'`, which fits where cells go and their decay rates, `half_lives=`, or another direction."
    )
    if clock:
        raise ValueError(msg)
    logger.warning(msg)

"""The speed of a directed chain: how many of its steps make one lifetime, and how long a step takes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Levels below this share of a gene's 99th percentile are too noisy to give a rate of decrease.
MIN_LEVEL = 0.05
# Share of the rates of decrease that noise may put above the fastest possible.
EXCEEDING = 0.01


def steps_per_lifetime(states: NDArray[np.float64], velocity: NDArray[np.float64], decay: float = 1.0) -> float:
    r"""Number of steps of a chain that make one lifetime, from the fastest decrease of levels.

    No level decreases faster than it decays, :math:`v \ge -\gamma x`, with equality where production is off. The number
    :math:`\kappa` is such that the first percentile of :math:`\kappa v / x` over all cells and genes is
    :math:`-\gamma`. It is a lower bound: all steps are taken to last equally long, while cells change at different
    speeds.

    Parameters
    ----------
    states, velocity
        States and their mean displacement in one step, shape ``(n, d)``.
    decay
        :math:`\gamma`.

    Raises
    ------
    ValueError
        If no level decreases.
    """
    decrease = -velocity / np.maximum(states, MIN_LEVEL)
    fastest = float(np.quantile(decrease, 1 - EXCEEDING))
    if not fastest > 0:
        msg = (
            f"Expected a direction along which some regulators decrease, found {(decrease > 0).mean():.1%} of the rates "
            "of change to be negative; the start may be where development ends."
        )
        raise ValueError(msg)
    return decay / fastest


def time_per_step(displacement: NDArray[np.float64], velocity: NDArray[np.float64]) -> float:
    r"""Time that a step of a chain takes, where the velocity of cells is known.

    .. math:: \tau = \frac{\sum_i \Delta_i \cdot v_i}{\sum_i |v_i|^2}

    the least-squares fit of :math:`\Delta_i = \tau v_i`.

    Parameters
    ----------
    displacement
        Mean displacement :math:`\Delta` of each cell in a step, shape ``(n, d)``.
    velocity
        Velocity :math:`v` of each cell in units of time, shape ``(n, d)``.

    Returns
    -------
    The time; zero where the chain does not move along the velocity.

    Examples
    --------
    >>> import numpy as np
    >>> time_per_step(np.array([[0.5, 0.0]]), np.array([[2.0, 1.0]]))
    0.2
    """
    along, squared = float((displacement * velocity).sum()), float((velocity**2).sum())
    return along / squared if along > 0 else 0.0

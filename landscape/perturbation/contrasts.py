"""Changes of the fates as contrasts on the log-odds scale, with their errors from paired paths."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Jeffreys' prior of the shares: half a path in each fate, so that the odds of a share of 0 or 1 are finite.
PRIOR_COUNT = 0.5


@dataclass(frozen=True, eq=False)
class Contrasts:
    """Change of the log odds of fates, and its standard error over paths.

    Attributes
    ----------
    odds, odds_error
        Each fate against all others, shape ``(..., k)``.
    ratio, ratio_error
        Each fate (row) against each other one (column), shape ``(..., k, k)``; zero on the diagonal.
    """

    odds: NDArray[np.float64]
    odds_error: NDArray[np.float64]
    ratio: NDArray[np.float64]
    ratio_error: NDArray[np.float64]


def contrasts(before: NDArray[np.int64], after: NDArray[np.int64], n_fates: int) -> Contrasts:
    r"""Change of the log odds between fates, from the fates of the same paths before and after.

    Shares of fates sum to one, so that a fate that nothing touches gains where another one is lost. What a perturbation
    favours is a statement on two groups of fates, :math:`A` and :math:`B`,

    .. math:: \theta = \ln \frac{q_A}{q_B} - \ln \frac{p_A}{p_B}

    with shares :math:`p` before and :math:`q` after. With half a path added to every fate (Jeffreys' prior), :math:`N_{jk}`
    paths from :math:`j` to :math:`k`, of which :math:`P_{jk}` is the share, have by the delta method

    .. math:: \mathrm{Var}\,\theta = \frac{1}{n} \sum_{jk} P_{jk} (u_k - v_j)^2, \qquad
              u_k = \frac{1_{k \in A}}{q_A} - \frac{1_{k \in B}}{q_B}, \quad
              v_j = \frac{1_{j \in A}}{p_A} - \frac{1_{j \in B}}{p_B}.

    The prior counts are spread evenly over the table of pairs, so that its margins have half a path in each fate. The error
    is therefore positive even where no path changes, about that of one path.

    Parameters
    ----------
    before, after
        Fate of each path, shapes ``(..., n)`` that broadcast.
    n_fates
        Number of fates :math:`k`.

    Returns
    -------
    Each fate against all others, and each against each.

    References
    ----------
    Agresti (2013), *Categorical Data Analysis*, 3rd edition, sections 3.1.6 (delta method) and 11.1 (matched pairs).
    """
    before, after = np.broadcast_arrays(before, after)
    n = before.shape[-1]
    pair = (before * n_fates + after).reshape(-1, n)
    counts = np.stack([np.bincount(row, minlength=n_fates**2) for row in pair]).reshape(-1, n_fates, n_fates)
    total = n + PRIOR_COUNT * n_fates
    joint = (counts + PRIOR_COUNT / n_fates) / total
    unit, shape = np.eye(n_fates), before.shape[:-1]
    odds, odds_error = _contrast(joint, unit, 1 - unit, total)
    one, other = np.repeat(unit, n_fates, 0), np.tile(unit, (n_fates, 1))
    ratio, ratio_error = (value.reshape(*shape, n_fates, n_fates) for value in _contrast(joint, one, other, total))
    return Contrasts(odds.reshape(*shape, n_fates), odds_error.reshape(*shape, n_fates), ratio, ratio_error)


def _contrast(
    joint: NDArray[np.float64], one: NDArray[np.float64], other: NDArray[np.float64], total: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Contrasts of groups of fates, given as rows of zeros and ones, in each table; and their standard errors."""
    p, q = joint.sum(2), joint.sum(1)
    change = np.log((q @ one.T) / (q @ other.T)) - np.log((p @ one.T) / (p @ other.T))
    u, v = (one / (s @ one.T)[..., None] - other / (s @ other.T)[..., None] for s in (q, p))
    variance = (u**2 * q[:, None] + v**2 * p[:, None]).sum(2) - 2 * np.einsum("tcj,tjk,tck->tc", v, joint, u)
    return change, np.sqrt(np.clip(variance, 0.0, None) / total)

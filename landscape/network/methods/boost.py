"""Boosting of all targets at once from second moments: no cell is visited again after they are known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from landscape.network.data.expression import FloatArray
from landscape.network.data.moments import Moments

ROUNDS = 200
RATE = 0.1
_CHUNK = 256


def boost(moments: Moments, regulators: NDArray[np.int64], *, rounds: int = ROUNDS, rate: float = RATE) -> FloatArray:
    r"""Componentwise least-squares boosting on steps of the regulators, the same steps for every target.

    With correlations :math:`G` among steps and :math:`c_j` of steps with what is left of target :math:`j`, repeat

    .. math:: b = \arg\max_k |c_{kj}|, \qquad g_{\text{reg}(b)\, j} \mathrel{+}= c_{bj}^2, \qquad
        c_j \mathrel{-}= \nu\, G_{\cdot b}\, c_{bj}.

    This is gradient boosting with trees of depth one on binned inputs. A weight is the square root of the gain
    :math:`g` with the sign of the summed steps. Gains are not normalised per target: a target that is well explained
    has larger ones, which is what ranks edges of different targets rightly in GRNBoost2 [1]_.

    Parameters
    ----------
    moments
        Correlations with steps (see :attr:`Moments.steps`); without, the regulators themselves are the steps.
    regulators
        Column of each regulator among the targets.
    rounds, rate
        Number of rounds, and :math:`\nu`.

    Returns
    -------
    Array of shape ``(regulators, targets)``.

    Raises
    ------
    ValueError
        If ``rounds`` is below 1 or ``rate`` is not between 0 and 1.

    References
    ----------
    .. [1] Moerman et al. (2019), *Bioinformatics* 35, 2159. https://doi.org/10.1093/bioinformatics/bty916
    """
    if rounds < 1 or not 0 < rate <= 1:
        msg = f"Expected `rounds` of at least 1 and `rate` above 0 and at most 1, found {rounds} and {rate}."
        raise ValueError(msg)
    steps = moments.steps() if moments.has_steps else moments
    owner = np.arange(len(steps.xx)) % len(regulators)
    itself = np.full(steps.xy.shape[1], -1)
    itself[regulators] = np.arange(len(regulators))
    parts = [
        _boost_chunk(steps.xx, steps.xy[:, first : first + _CHUNK], itself[first : first + _CHUNK], owner, rounds, rate)
        for first in range(0, steps.xy.shape[1], _CHUNK)
    ]
    return np.concatenate(parts, axis=1)


def _boost_chunk(
    gram: FloatArray, xy: FloatArray, itself: NDArray[np.int64], owner: NDArray[np.int64], rounds: int, rate: float
) -> FloatArray:
    left = np.ascontiguousarray(xy.T)  # targets by steps: a round reads and writes rows
    forbidden = owner == itself[:, None]
    left[forbidden] = 0.0
    n_targets = len(left)
    rows = np.arange(n_targets)
    gain = np.zeros((n_targets, int(owner.max()) + 1))
    total = np.zeros_like(gain)
    masked = bool(forbidden.any())
    for _ in range(rounds):
        best = np.abs(left).argmax(axis=1)
        value = left[rows, best]
        gain[rows, owner[best]] += value**2
        total[rows, owner[best]] += value
        left -= gram[best] * (rate * value)[:, None]
        if masked:
            left[forbidden] = 0.0
    return (np.sqrt(gain) * np.sign(total)).T

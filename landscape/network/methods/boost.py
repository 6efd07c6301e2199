"""Gradient boosting of all targets at once, from second moments alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from landscape.network.data.arrays import FloatArray
from landscape.network.data.moments import Moments

N_ROUNDS = 200
LEARNING_RATE = 0.1
#: Targets boosted at a time, so that their correlations with the stumps stay in the cache of the processor.
_CHUNK = 256


def boost(
    moments: Moments, regulators: NDArray[np.int64], *, n_rounds: int = N_ROUNDS, learning_rate: float = LEARNING_RATE
) -> FloatArray:
    r"""Componentwise least-squares boosting with stumps, indicators ``regulator > threshold``, as base learners.

    With the correlations :math:`G` among stumps and :math:`c_j` of stumps with the residual of target :math:`j`, repeat

    .. math:: b = \arg\max_k |c_{kj}|, \qquad g_{\text{reg}(b)\, j} \mathrel{+}= c_{bj}^2, \qquad
        c_j \mathrel{-}= \nu\, G_{\cdot b}\, c_{bj}.

    This is gradient boosting with trees of depth one on binned inputs; it reads no cell once the moments are known. A weight
    is the square root of the gain :math:`g`, with the sign of the summed coefficients. Gains are not normalised per target:
    well explained targets have larger ones, which ranks edges of different targets as in GRNBoost2 [1]_.

    Parameters
    ----------
    moments
        Correlations of stumps. Without stumps, the regulators themselves are the base learners.
    regulators
        Column of each regulator among the targets.
    n_rounds
        Number of rounds.
    learning_rate
        :math:`\nu`.

    Returns
    -------
    Signed weights, shape ``(regulators, targets)``.

    Raises
    ------
    ValueError
        If ``n_rounds`` is below 1, or ``learning_rate`` is not above 0 and at most 1.

    References
    ----------
    .. [1] Moerman et al. (2019), *Bioinformatics* 35, 2159. https://doi.org/10.1093/bioinformatics/bty916
    """
    if n_rounds < 1 or not 0 < learning_rate <= 1:
        msg = (
            "Expected `n_rounds` of at least 1 and `learning_rate` above 0 and at most 1, found "
            f"{n_rounds} and {learning_rate}."
        )
        raise ValueError(msg)
    learners = moments.stumps() if moments.has_stumps else moments
    regulator = np.arange(len(learners.xx)) % len(regulators)
    itself = np.full(learners.xy.shape[1], -1)
    itself[regulators] = np.arange(len(regulators))
    parts = []
    for first in range(0, learners.xy.shape[1], _CHUNK):
        chunk = slice(first, first + _CHUNK)
        parts.append(
            _boost_chunk(learners.xx, learners.xy[:, chunk], itself[chunk], regulator, n_rounds, learning_rate)
        )
    return np.concatenate(parts, axis=1)


def _boost_chunk(
    gram: FloatArray,
    xy: FloatArray,
    itself: NDArray[np.int64],
    regulator: NDArray[np.int64],
    n_rounds: int,
    learning_rate: float,
) -> FloatArray:
    residual = np.ascontiguousarray(xy.T)  # targets by stumps: a round reads and writes rows
    forbidden = regulator == itself[:, None]
    residual[forbidden] = 0.0
    n_targets = len(residual)
    rows = np.arange(n_targets)
    gain = np.zeros((n_targets, int(regulator.max()) + 1))
    total = np.zeros_like(gain)
    masked = bool(forbidden.any())
    for _ in range(n_rounds):
        best = np.abs(residual).argmax(axis=1)
        value = residual[rows, best]
        gain[rows, regulator[best]] += value**2
        total[rows, regulator[best]] += value
        residual -= gram[best] * (learning_rate * value)[:, None]
        if masked:
            residual[forbidden] = 0.0
    return (np.sqrt(gain) * np.sign(total)).T

"""Effective interactions of a fitted model in one state."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from landscape.network.data.arrays import FloatArray


def active_network(weights: ArrayLike, ceiling_slope: ArrayLike, response_slope: ArrayLike) -> FloatArray:
    r"""Effective interactions in a state, :math:`\operatorname{diag}(a s') W \operatorname{diag}(\phi')`, ``[target, regulator]``.

    They are the Jacobian of the drift without decay.

    Parameters
    ----------
    weights
        :math:`W` of the drift, ``[target, regulator]``.
    ceiling_slope
        :math:`a s'` of every target in the state.
    response_slope
        :math:`\phi'` of every regulator in the state.
    """
    matrix = np.asarray(weights, dtype=np.float64)
    return np.asarray(ceiling_slope)[:, None] * matrix * np.asarray(response_slope)

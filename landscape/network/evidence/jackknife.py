"""Standard deviations from the delete-a-group jackknife."""

from __future__ import annotations

import numpy as np

from landscape.network.data.arrays import FloatArray

#: Groups of cells that are left out, one after another.
N_FOLDS = 5


def jackknife_sd(estimates: FloatArray) -> FloatArray:
    r"""Standard deviation of an estimate from those without one group each.

    .. math:: \sigma^2 = \frac{K - 1}{K} \sum_{k=1}^{K} \left( \hat\theta_{(k)} - \bar\theta \right)^2

    Parameters
    ----------
    estimates
        Estimates :math:`\hat\theta_{(k)}` without group :math:`k`, along the first axis.
    """
    k = len(estimates)
    result: FloatArray = np.sqrt((k - 1) / k * ((estimates - estimates.mean(axis=0)) ** 2).sum(axis=0))
    return result

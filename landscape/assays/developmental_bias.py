"""Developmental bias: whether mutations move cell types along the directions in which cell types differ."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from landscape._random import RandomLike
from landscape.assays.assess import N_NULL, Assay, Measured, assess
from landscape.assays.finding import Finding
from landscape.assays.subject import Subject, View
from landscape.dynamics import jacobian
from landscape.topography.parameter_slopes import parameter_slopes

FloatArray = NDArray[np.float64]


def mutational_spread(view: View) -> FloatArray:
    r"""Covariance of the displacement of each stable state by mutations of all weights, exact to first order.

    .. math:: C_k = J_k^{-1} \operatorname{diag}\Big((a_i s'_i)^2 \textstyle\sum_j W_{ij}^2 \phi_j^2\Big) J_k^{-\top}

    Parameters
    ----------
    view
        Model with weights.

    Returns
    -------
    Array of shape ``(k, d, d)``, in units of the squared relative size of a mutation.
    """
    drift: Any = view.model.drift
    x = torch.as_tensor(view.states)
    with torch.no_grad():
        slopes = parameter_slopes(drift, x)
        push = slopes.bias * torch.sqrt(slopes.response**2 @ (drift.weights**2).T)
        moved = torch.linalg.solve(jacobian(drift, x), torch.diag_embed(push))
    return (moved @ moved.transpose(1, 2)).numpy()


def share_along(spread: FloatArray, directions: FloatArray) -> float:
    """Share of the variance of a covariance ``(d, d)`` along each of some directions ``(m, d)``, mean over these; :math:`1/d` by chance."""
    unit = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    return float(np.einsum("md,de,me->m", unit, spread, unit).mean() / np.trace(spread))


def _measure(view: View, rng: np.random.Generator) -> Measured:
    del rng
    if view.merged:
        return Measured(np.nan, reason=view.merged)
    shares = [
        share_along(spread, (view.states - state)[np.arange(len(view.states)) != k])
        for k, (spread, state) in enumerate(zip(mutational_spread(view), view.states, strict=True))
    ]
    return Measured(float(np.mean(shares)), details={"by_chance": 1 / view.states.shape[1]})


ASSAY = Assay(
    name="developmental bias",
    row="",
    section="Gene regulatory networks, attractor states, and energy landscapes",
    claim="Which phenotypes mutations produce is biased towards those that the genome already encodes.",
    statistic="share of the variance by mutations of a cell type along the direction to another one, mean over pairs (0 to 1)",
    direction="above",
    needs="C",
    measure=_measure,
    requires=frozenset({"weights"}),
)


def developmental_bias(subject: Subject, *, n_null: int = N_NULL, rng: RandomLike = 0) -> Finding:
    """Share of the variance of the displacement of a phenotype by mutations that lies along the direction to another one, mean over pairs.

    Without bias it is one over the number of genes (``by_chance`` in the details).

    Parameters
    ----------
    subject
        Model beside its cells.
    n_null, rng
        As for :func:`landscape.assays.assess`.
    """
    return assess(ASSAY, subject, n_null=n_null, rng=rng)

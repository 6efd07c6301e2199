"""Derivatives of a regulatory drift in its parameters, on which slopes of barriers and of fates rest."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from landscape.dynamics import RegulatoryDrift


@dataclass(frozen=True, eq=False)
class ParameterSlopes:
    r"""Derivatives of the velocity :math:`f_i` of each gene in its own parameters at states, each of shape ``(n, d)``.

    Attributes
    ----------
    response
        Response :math:`\phi_j` to the regulators: :math:`\partial f_i/\partial W_{ij} = \phi_j\, \partial f_i/\partial b_i`.
    bias, ceiling, decay
        :math:`\partial f_i/\partial b_i, \partial f_i/\partial a_i, \partial f_i/\partial \gamma_i`. As :math:`f` is linear in
        the last two, :math:`f_i = a_i\, \partial f_i/\partial a_i + \gamma_i\, \partial f_i/\partial \gamma_i`.
    """

    response: Tensor
    bias: Tensor
    ceiling: Tensor
    decay: Tensor


def parameter_slopes(drift: RegulatoryDrift, x: Tensor) -> ParameterSlopes:
    """Derivatives of a regulatory drift in its parameters; a held gene relaxes to its level, whatever its production.

    Parameters
    ----------
    drift
        The drift.
    x
        States, shape ``(n, d)``.
    """
    s, decay = torch.sigmoid(drift.input(x)), -x
    for gene, level in drift.held.items():
        s[:, gene] = 0.0
        decay[:, gene] += level
    return ParameterSlopes(drift.response(x), drift.ceiling * s * (1 - s), s, decay)

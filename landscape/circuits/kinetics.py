"""HillCube: continuous kinetics of Boolean rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from landscape.circuits.logic import Multilinear


@dataclass(frozen=True)
class HillCube:
    r"""Drift of Boolean rules by multilinear interpolation with Hill functions.

    .. math::
        f_i(x) = \frac{B_i(h(x)) - x_i}{\tau_i}, \qquad
        h_j(x_j) = \frac{x_j^{n_j} (1 + k_j^{n_j})}{x_j^{n_j} + k_j^{n_j}}

    with :math:`B_i` the multilinear extension of gene i's truth table. The gates are normalised (0 to 0, 1 to 1), so
    every Boolean steady state is exactly a fixed point. Above level 1 a gate exceeds 1 by at most :math:`k^n` and
    production is extrapolated linearly; it stays smooth there, as Newton's method and minimum-action paths require.

    Attributes
    ----------
    logic
        The multilinear extensions :math:`B`.
    time_scale, threshold, hill
        :math:`\tau, k, n`, each of shape ``(d,)``.
    held
        Level of each gene whose production is clamped, by its index: :math:`B_i = \ell_i`.

    References
    ----------
    Wittmann et al. (2009), *BMC Systems Biology* 3, 98. https://doi.org/10.1186/1752-0509-3-98
    """

    logic: Multilinear
    time_scale: Tensor
    threshold: Tensor
    hill: Tensor
    held: Mapping[int, float] = field(default_factory=dict)

    @property
    def decay(self) -> Tensor:
        r"""Decay rate :math:`1 / \tau` of each gene, shape ``(d,)``."""
        return 1.0 / self.time_scale

    def gates(self, x: Tensor) -> Tensor:
        """Hill gates :math:`h(x)`, shape ``(n, d)``; 0 below 0."""
        powered = x.clamp_min(0.0) ** self.hill
        half = self.threshold**self.hill
        return powered * (1.0 + half) / (powered + half)

    def target(self, x: Tensor) -> Tensor:
        """Level :math:`B(h(x))` to which each gene relaxes, shape ``(n, d)``."""
        return self._hold(self.logic(self.gates(x)))

    def __call__(self, x: Tensor) -> Tensor:
        """Velocity at states of shape ``(n, d)``."""
        return (self.target(x) - x) / self.time_scale

    def chemical_diffusion(self, x: Tensor, system_size: float) -> Tensor:
        r"""Diagonal of the chemical Langevin diffusion, shape ``(n, d)``.

        .. math:: D_{ii}(x) = \frac{B_i(h(x))^+ + x_i^+}{2 \Omega \tau_i}

        Births and deaths are independent Poisson processes of :math:`1/\Omega` each; see Gillespie (2000),
        *J. Chem. Phys.* 113, 297. https://doi.org/10.1063/1.481811
        """
        return (self.target(x).clamp_min(0.0) + x.clamp_min(0.0)) / (2.0 * system_size * self.time_scale)

    def _hold(self, value: Tensor) -> Tensor:
        if not self.held:
            return value
        index = torch.tensor(list(self.held), device=value.device)
        levels = torch.tensor(list(self.held.values()), dtype=value.dtype, device=value.device)
        return value.index_copy(1, index, levels.expand(len(value), -1).contiguous())

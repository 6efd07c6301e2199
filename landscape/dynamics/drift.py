"""Drifts: any vector field, and the regulatory drift that is fitted to cells."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

Drift = Callable[[Tensor], Tensor]


def evaluate(drift: Drift, x: Tensor) -> Tensor:
    """Value of a drift at a batch of states, with its type, shape and values checked.

    Parameters
    ----------
    drift
        Callable from states of shape ``(n, d)`` to velocities of the same shape.
    x
        States, shape ``(n, d)``.

    Raises
    ------
    TypeError
        If the result is not a tensor.
    ValueError
        If the result has another shape than ``x`` or is not finite where ``x`` is.
    """
    velocity = drift(x)
    if not isinstance(velocity, Tensor):
        msg = f"Expected the drift to return a torch.Tensor, found {type(velocity).__name__}."
        raise TypeError(msg)
    if velocity.shape != x.shape:
        msg = f"Expected the drift to map shape {tuple(x.shape)} to itself, found {tuple(velocity.shape)}."
        raise ValueError(msg)
    bad = ~torch.isfinite(velocity).all(1) & torch.isfinite(x).all(1)
    if bad.any():
        first = int(torch.nonzero(bad)[0])
        msg = f"The drift is not finite at {int(bad.sum())} of {len(x)} states, first at {x[first].tolist()}."
        raise ValueError(msg)
    return velocity


def jacobian(drift: Drift, x: Tensor) -> Tensor:
    r"""Exact Jacobian :math:`J_{ij} = \partial f_i / \partial x_j` at a batch of states.

    The ``jacobian`` method of a drift is used where it has one. Other drifts are differentiated automatically, which
    requires that row ``k`` of the velocities depends only on row ``k`` of the states.

    Parameters
    ----------
    drift
        Callable from states of shape ``(n, d)`` to velocities of the same shape.
    x
        States, shape ``(n, d)``.

    Returns
    -------
    Tensor of shape ``(n, d, d)``.

    Raises
    ------
    ValueError
        If the drift cannot be differentiated automatically.
    """
    if hasattr(drift, "jacobian"):
        return drift.jacobian(x)
    points = x.detach().clone().requires_grad_(True)
    with torch.enable_grad():
        msg = "The drift breaks automatic differentiation; write it with torch operations on its argument."
        try:
            velocity = evaluate(drift, points)
        except RuntimeError as error:
            # torch does not convert a tensor that requires gradients to numpy.
            if "requires grad" in str(error):
                raise ValueError(msg) from error
            raise
        if not velocity.requires_grad:
            raise ValueError(msg)
        rows = [
            torch.autograd.grad(velocity[:, i].sum(), points, retain_graph=i + 1 < x.shape[1])[0]
            for i in range(x.shape[1])
        ]
    return torch.stack(rows, dim=1)


@dataclass(frozen=True)
class RegulatoryDrift:
    r"""Drift of a gene regulatory network with saturating production and linear decay.

    .. math::
        f_i(x) = a_i \, s\Big(\sum_j W_{ij} \phi_j(x_j) + b_i + u_i\Big) - \gamma_i x_i,
        \qquad \phi_j(x) = \frac{x^{n_j}}{k_j^{n_j} + x^{n_j}}, \qquad s(h) = \frac{1}{1 + e^{-h}}

    Production saturates at the ceiling :math:`a_i`, so that all trajectories are bounded. A *held* (clamped) gene acts on
    its targets with its level :math:`\ell_i` from the beginning, and its state relaxes to that level,
    :math:`f_i = \gamma_i (\ell_i - x_i)`.

    Attributes
    ----------
    weights
        :math:`W`, shape ``(d, d)``, ``[target, regulator]``.
    bias, ceiling, decay, signal
        :math:`b, a, \gamma, u`, each of shape ``(d,)``.
    threshold, hill
        :math:`k, n` of the response to each regulator, shape ``(d,)``; ``hill`` is 1 or more.
    held
        Level of each clamped gene by its index.

    Raises
    ------
    ValueError
        If shapes do not match or a value is out of its range.

    References
    ----------
    Herbach et al. (2017), *BMC Systems Biology* 11, 105. https://doi.org/10.1186/s12918-017-0487-0
    """

    weights: Tensor
    bias: Tensor
    ceiling: Tensor
    decay: Tensor
    threshold: Tensor
    hill: Tensor
    signal: Tensor
    held: Mapping[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        d = self.weights.shape[0]
        if self.weights.shape != (d, d):
            msg = f"Expected `weights` of shape (d, d), found {tuple(self.weights.shape)}."
            raise ValueError(msg)
        for name in ("weights", "bias", "ceiling", "decay", "threshold", "hill", "signal"):
            value = getattr(self, name)
            if name != "weights" and value.shape != (d,):
                msg = f"Expected `{name}` of shape ({d},), found {tuple(value.shape)}."
                raise ValueError(msg)
            if not torch.isfinite(value).all():
                msg = f"`{name}` has {int((~torch.isfinite(value)).sum())} values that are not finite."
                raise ValueError(msg)
        for name in ("ceiling", "decay", "threshold"):
            value = getattr(self, name)
            # A gene without production has ceiling zero.
            wrong, allowed = (value < 0, "zero or positive") if name == "ceiling" else (value <= 0, "positive")
            if wrong.any():
                msg = f"Expected `{name}` to be {allowed}, found {float(value.min())}."
                raise ValueError(msg)
        if (self.hill < 1).any():
            msg = f"Expected `hill` to be at least 1, found {float(self.hill.min())}."
            raise ValueError(msg)
        if bad := [i for i in self.held if not 0 <= i < d]:
            msg = f"Expected indices of held genes between 0 and {d - 1}, found {bad}."
            raise ValueError(msg)
        if bad_levels := [v for v in self.held.values() if not math.isfinite(v)]:
            msg = f"Expected finite levels of held genes, found {bad_levels}."
            raise ValueError(msg)

    @classmethod
    def from_arrays(
        cls,
        weights: np.ndarray,
        *,
        bias: np.ndarray | float = 0.0,
        ceiling: np.ndarray | float = 1.0,
        decay: np.ndarray | float = 1.0,
        threshold: np.ndarray | float = 0.5,
        hill: np.ndarray | float = 2.0,
        signal: np.ndarray | float = 0.0,
        held: Mapping[int, float] | None = None,
    ) -> RegulatoryDrift:
        """Drift from arrays; a number stands for the same value of every gene."""
        w = torch.as_tensor(np.array(weights, dtype=float))

        def vector(value: np.ndarray | float) -> Tensor:
            return torch.as_tensor(np.broadcast_to(np.asarray(value, float), (w.shape[0],)).copy())

        return cls(
            weights=w,
            bias=vector(bias),
            ceiling=vector(ceiling),
            decay=vector(decay),
            threshold=vector(threshold),
            hill=vector(hill),
            signal=vector(signal),
            held=dict(held or {}),
        )

    @property
    def n_genes(self) -> int:
        """Number of genes :math:`d`."""
        return self.weights.shape[0]

    def response(self, x: Tensor) -> Tensor:
        r"""Response :math:`\phi(x)` to the regulators, shape of ``x``; zero for negative states."""
        x = self._with_levels(x)
        # At zero the gradient of the clamped power is 0 for n > 1, and the one-sided slope for n = 1.
        return hill_response(x.clamp_min(0.0), self.threshold, self.hill)

    def response_slope(self, x: Tensor) -> Tensor:
        r"""Slope :math:`\phi'(x)`, zero for clamped genes."""
        y = self._with_levels(x).clamp_min(0.0)
        powered, half = y**self.hill, self.threshold**self.hill
        slope = self.hill * half * y ** (self.hill - 1) / (half + powered) ** 2
        slope = torch.where(self._with_levels(x) < 0, torch.zeros_like(slope), slope)
        if self.held:
            slope = slope.index_fill(1, torch.tensor(list(self.held), device=x.device), 0.0)
        return slope

    def input(self, x: Tensor) -> Tensor:
        r"""Regulatory input :math:`h = W\phi(x) + b + u`."""
        return self.response(x) @ self.weights.T + self.bias + self.signal

    def production(self, x: Tensor) -> Tensor:
        r"""Production :math:`a\, s(h)`; :math:`\gamma_i \ell_i` for a clamped gene."""
        production = self.ceiling * torch.sigmoid(self.input(x))
        for i, level in self.held.items():
            production = production.index_fill(1, torch.tensor([i], device=x.device), float(self.decay[i]) * level)
        return production

    def __call__(self, x: Tensor) -> Tensor:
        """Velocity at states of shape ``(n, d)``."""
        return self.production(x) - self.decay * x

    def active_network(self, x: Tensor) -> Tensor:
        r"""Derivative of production, :math:`\mathrm{diag}(a s')\, W\, \mathrm{diag}(\phi')`, shape ``(n, d, d)``."""
        s = torch.sigmoid(self.input(x))
        slope = self.ceiling * s * (1 - s)
        if self.held:
            slope = slope.index_fill(1, torch.tensor(list(self.held), device=x.device), 0.0)
        return slope[:, :, None] * self.weights * self.response_slope(x)[:, None, :]

    def jacobian(self, x: Tensor) -> Tensor:
        """Exact Jacobian: the active network minus the decay rates on its diagonal, shape ``(n, d, d)``."""
        return self.active_network(x) - torch.diag(self.decay)

    def held_at(self, levels: Mapping[int, float]) -> RegulatoryDrift:
        """Drift with further genes clamped at levels, by index."""
        return replace(self, held={**self.held, **{int(i): float(v) for i, v in levels.items()}})

    def knocked_out(self, genes: Iterable[int]) -> RegulatoryDrift:
        """Drift with genes clamped at zero."""
        return self.held_at(dict.fromkeys(genes, 0.0))

    def edges_at(self, levels: Mapping[tuple[int, int], float]) -> RegulatoryDrift:
        r"""Drift in which some targets see a regulator at a level, by (regulator, target): these arrows only are held.

        What the regulator adds to the input of the target, :math:`W_{ij} \phi_j(x_j)`, becomes the constant
        :math:`W_{ij} \phi_j(\ell)`; at zero the arrow is gone. Also where the regulator itself is clamped.
        """
        weights, bias = self.weights.clone(), self.bias.clone()
        for (source, target), level in levels.items():
            seen = torch.full((self.n_genes,), float(level), dtype=weights.dtype)
            bias[target] += weights[target, source] * hill_response(seen, self.threshold, self.hill)[source]
            weights[target, source] = 0.0
        return replace(self, weights=weights, bias=bias)

    def with_signal(self, signal: Tensor | np.ndarray) -> RegulatoryDrift:
        """Drift with another external input :math:`u`, shape ``(d,)``."""
        return replace(self, signal=torch.as_tensor(signal, dtype=self.weights.dtype))

    def _with_levels(self, x: Tensor) -> Tensor:
        """States in which clamped genes have their levels."""
        if not self.held:
            return x
        index = torch.tensor(list(self.held), device=x.device)
        levels = torch.tensor(list(self.held.values()), dtype=x.dtype, device=x.device)
        return x.index_copy(1, index, levels.expand(len(x), -1).contiguous())


def hill_response(x: Tensor, threshold: Tensor, hill: Tensor) -> Tensor:
    r"""Hill response :math:`x^n / (k^n + x^n)` to non-negative states."""
    powered = _power(x, hill)
    return powered / (threshold**hill + powered)


def _power(x: Tensor, exponent: Tensor) -> Tensor:
    """Power of non-negative states; by repeated squaring for the usual Hill coefficients, which is many times faster."""
    first = float(exponent[0])
    if first in (2.0, 4.0, 8.0) and bool((exponent == first).all()):
        for _ in range(int(first).bit_length() - 1):
            x = x * x
        return x
    return x**exponent

"""Development: how an embryo becomes an adult under the weights of a genome."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Development:
    r"""Development of an embryo :math:`P(0) = G` under weights :math:`B`.

    .. math:: P_i(t+1) = (1 - \tau_2) P_i(t) + \tau_1 \tanh\Big(\alpha \sum_j B_{ij} P_j(t)\Big), \qquad t = 0, \dots, T - 1

    The adult phenotype is :math:`P(T)\,\tau_2/\tau_1`, whose values at rest lie between -1 and 1.

    Attributes
    ----------
    n_steps
        :math:`T`. Zero is the *direct* encoding: the phenotype is the embryo itself, and weights do nothing.
    gain, rate, decay
        :math:`\alpha, \tau_1, \tau_2`.

    Raises
    ------
    ValueError
        If a number is out of its range.

    References
    ----------
    Watson et al. (2014), *Evolution* 68, 1124. https://doi.org/10.1111/evo.12337
    """

    n_steps: int = 10
    gain: float = 0.5
    rate: float = 1.0
    decay: float = 0.2

    def __post_init__(self) -> None:
        if isinstance(self.n_steps, bool) or int(self.n_steps) != self.n_steps or self.n_steps < 0:
            msg = f"Expected `n_steps` of development to be a whole number, zero or more, found {self.n_steps!r}."
            raise ValueError(msg)
        for name in ("gain", "rate"):
            if not 0 < getattr(self, name) < np.inf:
                msg = f"Expected `{name}` of development to be positive and finite, found {getattr(self, name)}."
                raise ValueError(msg)
        if not 0 < self.decay <= 1:
            msg = f"Expected `decay` of development above 0 and at most 1, found {self.decay}."
            raise ValueError(msg)

    @property
    def is_direct(self) -> bool:
        """Whether the phenotype is the embryo itself."""
        return self.n_steps == 0

    @property
    def scale(self) -> float:
        r""":math:`\tau_2/\tau_1`, by which the end of development is multiplied; 1 for the direct encoding."""
        return 1.0 if self.is_direct else self.decay / self.rate

    def states(self, weights: ArrayLike, embryos: ArrayLike) -> FloatArray:
        """Course of development, :math:`P(0), ..., P(T)` not scaled, shape ``(T + 1, n, d)``.

        Parameters
        ----------
        weights
            :math:`B`, shape ``(d, d)``, ``[target, regulator]``.
        embryos
            :math:`G`, shape ``(n, d)``.
        """
        b, p = np.asarray(weights, float), np.array(embryos, float)
        course = [p]
        for _ in range(self.n_steps):
            p = self._step(b, p)
            course.append(p)
        return np.stack(course)

    def phenotypes(self, weights: ArrayLike, embryos: ArrayLike) -> FloatArray:
        """Adult phenotypes of embryos of shape ``(n, d)``, the same shape; arguments as for :meth:`states`."""
        b, p = np.asarray(weights, float), np.array(embryos, float)
        for _ in range(self.n_steps):
            p = self._step(b, p)
        return p * self.scale

    def _step(self, b: FloatArray, p: FloatArray) -> FloatArray:
        return (1 - self.decay) * p + self.rate * np.tanh(self.gain * p @ b.T)

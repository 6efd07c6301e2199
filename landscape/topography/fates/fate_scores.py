"""Scores of fates: the derivative of every fate in every rate and every edge, from one simulated ensemble."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from landscape._random import RandomLike, generator
from landscape._threads import on_one_thread
from landscape.dynamics import GeneModel, RegulatoryDrift
from landscape.topography.field import as_states
from landscape.topography.parameter_slopes import parameter_slopes
from landscape.topography.whitening import constant_diffusion

# Numbers of the weights of edges, one matrix for each path, that are held at a time (160 MB in float64).
CHUNK_NUMBERS = 20_000_000
KINDS = ("weights", "bias", "production", "turnover", "strength")

Rows = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FateScores:
    r"""Derivatives of the shares of fates, each with its standard error over paths.

    Attributes
    ----------
    share, share_error
        Share of each fate, shape ``(k,)``.
    weights, bias, production, turnover, strength
        Derivatives in :math:`W` (shape ``(k, d, d)``, ``[fate, target, regulator]``), :math:`b`, :math:`\ln a`,
        :math:`\ln \gamma`, and in the logarithm of all outgoing edges of a gene, shape ``(k, d)``.
    errors
        Standard errors by these names.
    n_paths
        Number of paths.
    """

    share: Rows
    share_error: Rows
    weights: Rows
    bias: Rows
    production: Rows
    turnover: Rows
    strength: Rows
    errors: dict[str, Rows]
    n_paths: int


@dataclass
class _Sums:
    """Sums over paths of a score, of its square, and of both within each fate, for each kind."""

    n_fates: int
    count: Rows = field(init=False)
    by_kind: dict[str, tuple[Rows, Rows, Rows, Rows]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.count = np.zeros(self.n_fates)

    def add(self, labels: NDArray[np.int64], scores: dict[str, Rows]) -> None:
        chosen = labels[:, None] == np.arange(self.n_fates)
        self.count += chosen.sum(0)
        for kind, z in scores.items():
            new = (
                z.sum(0),
                np.square(z).sum(0),
                np.tensordot(chosen.T.astype(float), z, 1),
                np.tensordot(chosen.T.astype(float), z**2, 1),
            )
            old = self.by_kind.get(kind)
            self.by_kind[kind] = new if old is None else tuple(a + b for a, b in zip(old, new, strict=True))  # type: ignore[assignment]

    def derivative(self, kind: str, n: int) -> tuple[Rows, Rows]:
        """Mean of :math:`(1_A - P(A)) Z` and its standard error."""
        z, square, inside, square_inside = self.by_kind[kind]
        p = (self.count / n).reshape(-1, *([1] * z.ndim))
        value = (inside - p * z) / n
        second = ((1 - 2 * p) * square_inside + p**2 * square) / n
        return value, np.sqrt(np.maximum(second - value**2, 0.0) / n)


@on_one_thread
def fate_scores(
    model: GeneModel,
    start: ArrayLike | Tensor,
    label: Callable[[Tensor], Tensor],
    n_fates: int,
    *,
    duration: float,
    committed: Callable[[Tensor], Tensor] | None = None,
    rng: RandomLike = 0,
) -> FateScores:
    r"""Derivative of every fate in every rate and every edge, from one ensemble, by likelihood ratios.

    For the event :math:`A` that a path ends in a fate, and a parameter :math:`\theta` of the drift,

    .. math:: \frac{dP(A)}{d\theta} = E\big[(1_A - P(A))\, Z\big], \qquad
              Z = \sum_t \frac{\partial f}{\partial \theta}(x_t)^\top (2D)^{-1} \sqrt{2D}\, \Delta B_t,

    which is exact for the discretised equation: the noise is not differentiated, and reflection does not enter. The error grows
    with the duration. It is a slope: a gene that is made in excess has none, though its removal may end a fate.

    Parameters
    ----------
    model
        Regulatory drift with a constant noise.
    start
        Start of each path, shape ``(n, d)``.
    label
        Callable from states ``(n, d)`` to the fate of each, integers ``(n,)`` from 0; -1 for none.
    n_fates
        Number of fates.
    duration
        Length of the paths.
    committed
        Callable from states to whether they are committed, after which a path adds only noise to its score: it is not scored
        further. Right only where such paths cannot change their fate.
    rng
        Seed or generator.

    Returns
    -------
    Shares and derivatives of each fate with standard errors.

    Raises
    ------
    TypeError
        If the drift is no regulatory drift.
    ValueError
        If states, noise or labels are invalid.

    References
    ----------
    Glynn (1990), *Communications of the ACM* 33, 75. https://doi.org/10.1145/84537.84552
    """
    if not isinstance(model.drift, RegulatoryDrift):
        msg = f"Expected a model with a RegulatoryDrift, found {type(model.drift).__name__}."
        raise TypeError(msg)
    if callable(model.diffusion):
        msg = "Expected a model with a constant noise; with one that depends on the state, its derivative would enter too."
        raise ValueError(msg)
    states, gen = as_states(start, name="start"), generator(rng)
    if states.shape[1] != model.drift.n_genes:
        msg = f"Expected `start` of shape (n, {model.drift.n_genes}), found {tuple(states.shape)}."
        raise ValueError(msg)
    sums = _Sums(n_fates)
    for part in states.split(max(1, CHUNK_NUMBERS // model.drift.n_genes**2)):
        end, scores = _scored_paths(model, part, duration, committed, gen)
        labels = np.asarray(label(end))
        if labels.shape != (len(part),) or labels.min() < -1 or labels.max() >= n_fates:
            msg = (
                f"Expected `label` to return {len(part)} integers from -1 to {n_fates - 1}, found shape {labels.shape}."
            )
            raise ValueError(msg)
        sums.add(labels, scores)
    n = len(states)
    found = {kind: sums.derivative(kind, n) for kind in KINDS}
    share = sums.count / n
    return FateScores(
        share=share,
        share_error=np.sqrt(share * (1 - share) / n),
        errors={kind: pair[1] for kind, pair in found.items()},
        n_paths=n,
        **{kind: pair[0] for kind, pair in found.items()},
    )


def _scored_paths(
    model: GeneModel,
    x: Tensor,
    duration: float,
    committed: Callable[[Tensor], Tensor] | None,
    gen: np.random.Generator,
) -> tuple[Tensor, dict[str, Rows]]:
    """Ends of paths and the score of each in each parameter."""
    drift, (n, d) = model.drift, x.shape
    noise = constant_diffusion(model.diffusion, d)  # type: ignore[arg-type]
    noise = noise if noise.ndim == 2 else torch.diag(noise)
    factor, inverse = torch.linalg.cholesky(2 * noise), torch.linalg.inv(2 * noise)
    n_steps = model.n_steps(duration)
    dt = duration / n_steps
    weights = torch.zeros((n, d, d), dtype=torch.float64)
    bias, production, turnover, strength = (torch.zeros((n, d), dtype=torch.float64) for _ in range(4))
    open_ = torch.ones(n, dtype=torch.bool)
    for _ in range(n_steps):
        slopes = parameter_slopes(drift, x)
        kick = torch.as_tensor(gen.standard_normal((n, d))) @ factor.T * dt**0.5
        weight = (kick @ inverse) * open_[:, None]
        pull = weight * slopes.bias
        weights.baddbmm_(pull[:, :, None], slopes.response[:, None, :])
        bias += pull
        strength += (pull @ drift.weights) * slopes.response
        made, lost = drift.ceiling * slopes.ceiling, drift.decay * slopes.decay
        production += weight * made
        turnover += weight * lost
        x = x + (made + lost) * dt + kick
        if model.lower is not None:
            x = model.lower + (x - model.lower).abs()
        if committed is not None:
            open_ &= ~committed(x)
    scores = (weights, bias, production, turnover, strength)
    return x, {kind: score.numpy() for kind, score in zip(KINDS, scores, strict=True)}

"""Euler-Maruyama trajectories of a regulatory drift with their exact discrete adjoint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from landscape._numbers import TINY
from landscape.dynamics.drift import hill_response


class Rollout(torch.autograd.Function):
    r"""Euler-Maruyama steps, reflected at zero, differentiated by their own recursion.

    .. math:: x_{k+1} = \big| x_k + \big(a\,s(W\phi(x_k) + b) - \gamma x_k\big) h_k + \sqrt{2 D h_k}\, \xi_k \big|

    Automatic differentiation of hundreds of small steps takes several times as long as the steps. The adjoint is one
    further pass over the stored states.
    """

    @staticmethod
    def forward(
        ctx: Any,
        weights: Tensor,
        bias: Tensor,
        ceiling: Tensor,
        decay: Tensor,
        threshold: Tensor,
        log_diffusion: Tensor,
        hill: Tensor,
        start: Tensor,
        noise: Tensor,
        widths: Sequence[float],
        keep: Sequence[int],
    ) -> Tensor:
        """States after the steps in ``keep``, shape ``(len(keep), n, d)``; ``noise`` has shape ``(steps, n, d)``."""
        amplitude = torch.exp(0.5 * log_diffusion)
        x, states, phis, slopes, signs = start, [], [], [], []
        kept, wanted = [], set(keep)
        for k, width in enumerate(widths):
            phi = hill_response(x, threshold, hill)
            s = torch.sigmoid(torch.addmm(bias, phi, weights.T))
            y = x + (ceiling * s - decay * x) * width + (2 * width) ** 0.5 * amplitude * noise[k]
            states.append(x)
            phis.append(phi)
            slopes.append(s)
            signs.append(torch.sign(y))
            x = y.abs()
            if k + 1 in wanted:
                kept.append(x)
        ctx.save_for_backward(weights, ceiling, decay, threshold, amplitude, hill, noise)
        ctx.tape = (states, phis, slopes, signs)
        ctx.widths, ctx.keep = list(widths), list(keep)
        return torch.stack(kept)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> tuple[Tensor | None, ...]:
        """Gradients of the six parameters; start and noise have none."""
        (grad,) = grad_outputs
        weights, ceiling, decay, threshold, amplitude, hill, noise = ctx.saved_tensors
        states, phis, slopes, signs = ctx.tape
        position = {k: i for i, k in enumerate(ctx.keep)}
        lam = torch.zeros_like(states[0])
        d_weights, d_log_diffusion = torch.zeros_like(weights), torch.zeros_like(amplitude)
        d_bias, d_ceiling, d_decay, d_threshold = (torch.zeros_like(decay) for _ in range(4))
        for k in reversed(range(len(states))):
            if k + 1 in position:
                lam = lam + grad[position[k + 1]]
            x, phi, s, width = states[k], phis[k], slopes[k], ctx.widths[k]
            lam = lam * signs[k]
            rate = lam * width
            into = rate * ceiling * s * (1 - s)
            through = (into @ weights) * hill * phi * (1 - phi)
            d_ceiling += (rate * s).sum(0)
            d_decay -= (rate * x).sum(0)
            d_threshold -= through.sum(0)
            d_log_diffusion += 0.5 * (2 * width) ** 0.5 * amplitude * (lam * noise[k]).sum()
            d_weights.addmm_(into.T, phi)
            d_bias += into.sum(0)
            lam = lam * (1 - decay * width) + torch.where(x > 0, through / x.clamp_min(TINY), 0.0)
        return (
            d_weights, d_bias, d_ceiling, d_decay, d_threshold / threshold, d_log_diffusion,
            None, None, None, None, None,
        )  # fmt: skip

"""Geodesics of the decoder: paths between two points of the latent space that are short in log-expression."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from landscape.latent.dataset import CountDataset
from landscape.latent.module import device_of, last_hidden, output_layer

if TYPE_CHECKING:
    from scvi.module import VAE

# A geodesic has converged if its largest gradient has fallen by this factor; float32 sums allow some 1e-4.
GRADIENT_TOLERANCE = 1e-3
# Pairs of steps and gradients that L-BFGS remembers; between 3 and 20 are recommended (Nocedal & Wright, section 7.2).
LBFGS_MEMORY = 20
# Nodes of a path at least: both ends and one between them.
MIN_NODES = 3


@dataclass(frozen=True, slots=True)
class DecodedPath:
    """A path in the latent space and what it decodes to.

    Attributes
    ----------
    latent
        Nodes, shape ``(n_nodes, n_latent)``, both ends included.
    expression
        Log-expression at the nodes, shape ``(n_nodes, n_genes)``.
    length
        Length of the path in log-expression.
    straight_length
        Length in log-expression of the straight line in z between the ends.
    n_steps
        Number of steps of the minimiser.
    residual
        Largest component of the gradient relative to that at the start.
    converged
        Whether the residual is below the tolerance.
    """

    latent: NDArray[np.float64]
    expression: NDArray[np.float64]
    length: float
    straight_length: float
    n_steps: int
    residual: float
    converged: bool


def geodesic(
    module: VAE,
    start: NDArray[np.floating],
    end: NDArray[np.floating],
    cell: CountDataset,
    genes: NDArray[np.integer],
    *,
    library_size: float,
    n_nodes: int,
    max_steps: int,
) -> DecodedPath:
    r"""Approximate geodesic of the pull-back metric between two points.

    The energy :math:`E = \sum_i |y(z_{i+1}) - y(z_i)|^2` is minimised over the inner nodes by L-BFGS, from the
    straight line. At a minimum the steps have equal length in expression, and the path is a local minimum of length.

    Parameters
    ----------
    module
        Fitted network.
    start, end
        Points z, shape ``(n_latent,)``.
    cell
        One cell, whose batch and covariates the path is decoded with.
    genes
        Indices of the genes.
    library_size
        The s of the log-expression.
    n_nodes
        Number of nodes, both ends included.
    max_steps
        Maximum number of steps of the minimiser.

    Returns
    -------
    The path.
    """
    device = device_of(module)
    decode = _decoder(module, cell, genes, library_size=library_size, n_points=n_nodes)
    ends = [torch.from_numpy(np.asarray(z, dtype=np.float32)).to(device) for z in (start, end)]
    share = torch.linspace(0, 1, n_nodes, device=device)[:, None]
    straight = ends[0] + share * (ends[1] - ends[0])
    inner = straight[1:-1].clone().requires_grad_()
    search = torch.optim.LBFGS([inner], max_iter=max_steps, history_size=LBFGS_MEMORY, line_search_fn="strong_wolfe")
    gradients: list[float] = []

    def energy() -> Tensor:
        steps = decode(torch.cat([ends[0][None], inner, ends[1][None]])).diff(dim=0)
        value = steps.square().sum()
        (slope,) = torch.autograd.grad(value, [inner])
        inner.grad = slope.contiguous()
        gradients.append(float(slope.abs().max()))
        return value

    search.step(energy)
    energy()  # the gradient at the end
    with torch.no_grad():
        nodes = torch.cat([ends[0][None], inner, ends[1][None]])
        expression, direct = decode(nodes), decode(straight)
    residual = gradients[-1] / gradients[0] if gradients[0] else 0.0
    return DecodedPath(
        latent=nodes.cpu().numpy().astype(np.float64),
        expression=expression.cpu().numpy().astype(np.float64),
        length=_length(expression),
        straight_length=_length(direct),
        n_steps=int(search.state[inner].get("n_iter", 0)),
        residual=residual,
        converged=residual < GRADIENT_TOLERANCE,
    )


def _decoder(
    module: VAE, cell: CountDataset, genes: NDArray[np.integer], *, library_size: float, n_points: int
) -> Callable[[Tensor], Tensor]:
    """Decoder of ``n_points`` points to the log-expression of some genes, with the covariates of one cell."""
    device = device_of(module)
    chosen = torch.from_numpy(np.asarray(genes, dtype=np.int64)).to(device)
    codes, continuous = (part.expand(n_points, -1) for part in cell.covariates(slice(1), device=device))
    layer = output_layer(module)

    def decode(points: Tensor) -> Tensor:
        share = torch.softmax(layer(last_hidden(module, points, codes, continuous)), dim=1)
        return (library_size * share[:, chosen]).log1p()

    return decode


def _length(expression: Tensor) -> float:
    return float(expression.diff(dim=0).norm(dim=1).sum())

r"""Geometry of the decoder: the manifold that it spans in expression, and directions along it.

A point z of the latent space is decoded to the log-expression :math:`y_g(z) = \log(1 + s\, g_g(z))` of gene g, s a library
size. The manifold is the image of y, and its Jacobian J spans the tangent space. What is computed here is the same in
every coordinate system of the latent space, or says that it is not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from landscape.latent.cells import Cells
from landscape.latent.module import last_hidden
from landscape.latent.order import even_batches
from landscape.latent.posterior import device_of

if TYPE_CHECKING:
    from landscape.latent.module import VAE

# Singular values of the Jacobian below this share of the largest belong to no direction that the decoder uses.
_RANK = 1e-4


@dataclass(frozen=True, slots=True)
class DecodedPath:
    """A path in the latent space and what it decodes to.

    Attributes
    ----------
    latent
        Nodes, shape ``(n_nodes, n_latent)``, ends included.
    expression
        Log-expression at the nodes, shape ``(n_nodes, n_genes)``.
    length, straight_length
        Length in log-expression of the path, and of the straight line in z between its ends.
    n_steps, residual, converged
        Steps of the minimiser; the largest component of the gradient relative to its start; whether that has fallen below
        the tolerance.
    """

    latent: NDArray[np.float64]
    expression: NDArray[np.float64]
    length: float
    straight_length: float
    n_steps: int
    residual: float
    converged: bool


def jacobians(
    module: VAE,
    latent: NDArray[np.floating],
    cells: Cells,
    genes: NDArray[np.integer],
    *,
    library_size: float,
    batch_size: int = 256,
) -> Iterator[tuple[NDArray[np.integer], Tensor, Tensor]]:
    r"""Log-expression and its Jacobian, for some points at a time.

    .. math:: \frac{\partial y_g}{\partial z} = \frac{s\,g_g}{1 + s\,g_g} \Bigl(W_g - \sum_{g'} g_{g'} W_{g'}\Bigr)
              \frac{\partial h}{\partial z}

    with h the last hidden layer, whose derivative is taken automatically, and W the weights above it.

    Parameters
    ----------
    latent
        Points z, shape ``(n, n_latent)``.
    cells
        Whose batch and covariates belong to the points.
    genes
        Indices of the genes.
    library_size
        The s above.

    Yields
    ------
    Indices of the points, log-expression of shape ``(m, n_genes)`` and Jacobian of shape ``(m, n_genes, n_latent)``.
    """
    device = device_of(module)
    chosen = torch.from_numpy(np.asarray(genes, dtype=np.int64)).to(device)
    layer = module.decoder.px_scale_decoder[0]
    for part in even_batches(np.arange(len(latent)), batch_size):
        z = torch.from_numpy(np.asarray(latent[part], dtype=np.float32)).to(device)
        codes = torch.from_numpy(cells.codes[part]).to(device)
        continuous = torch.from_numpy(cells.continuous[part]).to(device)

        def hidden(z: Tensor, codes: Tensor = codes, continuous: Tensor = continuous) -> Tensor:
            return last_hidden(module, z, codes, continuous)

        axes = torch.eye(z.shape[1], device=device)
        columns = [torch.autograd.functional.jvp(hidden, z, axis.expand_as(z).contiguous())[1] for axis in axes]
        with torch.no_grad():
            slope = torch.stack(columns, dim=2)  # (m, n_hidden, n_latent)
            share = torch.softmax(layer(hidden(z)), dim=1)
            scaled = library_size * share[:, chosen]
            # W J_h for the chosen genes, less its mean over all genes under the shares.
            by_gene = torch.einsum("gh,mhd->mgd", layer.weight[chosen], slope)
            mean = torch.einsum("mh,mhd->md", share @ layer.weight, slope)
            yield part, scaled.log1p(), (scaled / (1 + scaled))[:, :, None] * (by_gene - mean[:, None])


def metric_of(jacobian: Tensor) -> Tensor:
    r"""Pull-back metric :math:`M = J^T J`, shape ``(m, n_latent, n_latent)``, in double precision."""
    return jacobian.double().mT @ jacobian.double()


def log_volume(metric: Tensor) -> Tensor:
    r"""Logarithm of the volume element, :math:`\tfrac12 \log\det M`; minus infinity where the decoder is flat."""
    sign, value = torch.linalg.slogdet(metric)
    return torch.where(sign > 0, 0.5 * value, torch.full_like(value, -torch.inf))


def tangent_part(jacobian: Tensor, field: Tensor) -> Tensor:
    r"""Cosine between vectors and the tangent space, :math:`|P f| / |f|`, P the orthogonal projector on the columns of J.

    Parameters
    ----------
    jacobian
        Shape ``(m, n_genes, n_latent)``.
    field
        Vectors f in log-expression, shape ``(m, n_genes)``.

    Returns
    -------
    Tensor of shape ``(m,)`` in [0, 1]; not-a-number where f vanishes.
    """
    f = field.double()
    values, axes = torch.linalg.eigh(metric_of(jacobian))
    used = values > _RANK**2 * values[:, -1:].clamp(min=torch.finfo(values.dtype).tiny)
    along = (axes.mT @ (jacobian.double().mT @ f[:, :, None]))[:, :, 0]
    inside = torch.where(used, along**2 / values.clamp(min=torch.finfo(values.dtype).tiny), 0).sum(1)
    return (inside / (f**2).sum(1)).clamp(max=1).sqrt()


def shortest_path(
    module: VAE,
    start: NDArray[np.floating],
    end: NDArray[np.floating],
    cells: Cells,
    genes: NDArray[np.integer],
    *,
    library_size: float,
    n_nodes: int,
    max_steps: int,
    tolerance: float = 1e-3,
) -> DecodedPath:
    r"""Approximate geodesic of the pull-back metric between two points.

    Minimises :math:`E = \sum_i |y(z_{i+1}) - y(z_i)|^2` over the inner nodes by L-BFGS, from the straight line; a
    minimum has steps of equal length in expression, and the least length nearby.

    Parameters
    ----------
    start, end
        Points z, shape ``(n_latent,)``.
    cells
        One cell, whose batch and covariates the path is decoded in.
    """
    device = device_of(module)
    chosen = torch.from_numpy(np.asarray(genes, dtype=np.int64)).to(device)
    codes = torch.from_numpy(cells.codes[:1]).to(device).expand(n_nodes, -1)
    continuous = torch.from_numpy(cells.continuous[:1]).to(device).expand(n_nodes, -1)
    layer = module.decoder.px_scale_decoder[0]

    def decode(nodes: Tensor) -> Tensor:
        share = torch.softmax(layer(last_hidden(module, nodes, codes, continuous)), dim=1)
        return (library_size * share[:, chosen]).log1p()

    ends = [torch.from_numpy(np.asarray(z, dtype=np.float32)).to(device) for z in (start, end)]
    share = torch.linspace(0, 1, n_nodes, device=device)[:, None]
    straight = ends[0] + share * (ends[1] - ends[0])
    inner = straight[1:-1].clone().requires_grad_()
    search = torch.optim.LBFGS([inner], max_iter=max_steps, history_size=20, line_search_fn="strong_wolfe")
    sizes: list[float] = []

    def energy() -> Tensor:
        steps = decode(torch.cat([ends[0][None], inner, ends[1][None]])).diff(dim=0)
        value = steps.square().sum()
        (slope,) = torch.autograd.grad(value, [inner])
        inner.grad = slope.contiguous()
        sizes.append(float(slope.abs().max()))
        return value

    search.step(energy)
    energy()  # the gradient where it ended
    with torch.no_grad():
        nodes = torch.cat([ends[0][None], inner, ends[1][None]])
        expression, direct = decode(nodes), decode(straight)
    residual = sizes[-1] / sizes[0] if sizes[0] else 0.0
    return DecodedPath(
        latent=nodes.cpu().numpy().astype(np.float64),
        expression=expression.cpu().numpy().astype(np.float64),
        length=float(expression.diff(dim=0).norm(dim=1).sum()),
        straight_length=float(direct.diff(dim=0).norm(dim=1).sum()),
        n_steps=int(search.state[inner].get("n_iter", 0)),
        residual=residual,
        converged=residual < tolerance,
    )

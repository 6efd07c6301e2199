r"""Geometry of the decoder: the manifold that it spans in expression, its metric and its tangent space.

A point z of the latent space is decoded to the log-expression :math:`y_g(z) = \log(1 + s\, g_g(z))` of gene g, s a library
size. The manifold is the image of y, and the columns of its Jacobian J span the tangent space.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from landscape.latent.module import device_of, last_hidden, output_layer
from landscape.latent.reference import Weighted
from landscape.latent.sampler import even_batches

if TYPE_CHECKING:
    from scvi.module import VAE

# Singular values of the Jacobian below this share of the largest belong to no direction that the decoder uses: it is
# far above the rounding of float32 (1e-7) and far below the share of a latent dimension in use.
RANK_TOLERANCE = 1e-4
# Cells at a time: the Jacobian of a cell has genes x latent dimensions entries.
BATCH_SIZE = 256


@dataclass(frozen=True, slots=True, eq=False)
class DecoderGeometry:
    """Jacobian, metric and tangent space of a decoder.

    Attributes
    ----------
    module
        Fitted network.
    """

    module: VAE

    def jacobians(
        self,
        latent: NDArray[np.floating],
        cells: Sequence[Weighted],
        genes: NDArray[np.integer],
        *,
        library_size: float,
        batch_size: int = BATCH_SIZE,
    ) -> Iterator[tuple[NDArray[np.integer], Tensor, Tensor]]:
        r"""Log-expression and its Jacobian, for some points at a time.

        .. math:: \frac{\partial y_g}{\partial z} = \frac{s\,g_g}{1 + s\,g_g} \Bigl(W_g - \sum_{g'} g_{g'} W_{g'}\Bigr)
                  \frac{\partial h}{\partial z}

        with h the last hidden layer, whose derivative is taken automatically, and W the weights of the output layer.

        Parameters
        ----------
        latent
            Points z, shape ``(n, n_latent)``.
        cells
            Cells whose batch and covariates belong to the points, and weights of the mean over several of such sets
            (:func:`landscape.latent.reference.decoded_in`); g is then that mean.
        genes
            Indices of the genes.
        library_size
            The s above.
        batch_size
            Points at a time.

        Yields
        ------
        Indices of ``m`` points, log-expression of shape ``(m, n_genes)`` and Jacobian of shape ``(m, n_genes,
        n_latent)``.
        """
        device = device_of(self.module)
        chosen = torch.from_numpy(np.asarray(genes, dtype=np.int64)).to(device)
        for part in even_batches(np.arange(len(latent)), batch_size):
            z = torch.from_numpy(np.asarray(latent[part], dtype=np.float32)).to(device)
            values, slopes = [], []
            for weight, data in cells:
                share, slope = self._log_share_jacobian(z, *data.covariates(part, device=device), chosen)
                values.append(weight * (library_size * share))
                slopes.append(slope)
            scaled = torch.stack(values).sum(0)
            parts = [(value / (1 + scaled))[:, :, None] * slope for value, slope in zip(values, slopes, strict=True)]
            yield part, scaled.log1p(), torch.stack(parts).sum(0)

    def _log_share_jacobian(
        self, z: Tensor, codes: Tensor, continuous: Tensor, chosen: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Shares of chosen genes, shape ``(m, n_genes)``, and the Jacobian of their logarithms in z."""
        layer = output_layer(self.module)

        def hidden(z: Tensor) -> Tensor:
            return last_hidden(self.module, z, codes, continuous)

        axes = torch.eye(z.shape[1], device=z.device)
        columns = [torch.autograd.functional.jvp(hidden, z, axis.expand_as(z).contiguous())[1] for axis in axes]
        with torch.no_grad():
            slope = torch.stack(columns, dim=2)  # (m, n_hidden, n_latent)
            share = torch.softmax(layer(hidden(z)), dim=1)
            # W dh/dz of the chosen genes, minus its mean over all genes weighted by the shares.
            by_gene = torch.einsum("gh,mhd->mgd", layer.weight[chosen], slope)
            mean = torch.einsum("mh,mhd->md", share @ layer.weight, slope)
            return share[:, chosen], by_gene - mean[:, None]

    def log_expression_jacobian(
        self,
        latent: NDArray[np.floating],
        cells: Sequence[Weighted],
        genes: NDArray[np.integer],
        *,
        library_size: float,
        batch_size: int = BATCH_SIZE,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Log-expression and its Jacobian at all points.

        Parameters
        ----------
        latent, cells, genes, library_size, batch_size
            As in :meth:`jacobians`.

        Returns
        -------
        Log-expression, shape ``(n, n_genes)``, and Jacobian, shape ``(n, n_genes, n_latent)``.
        """
        values, slopes = [], []
        for _, value, slope in self.jacobians(latent, cells, genes, library_size=library_size, batch_size=batch_size):
            values.append(value.cpu().numpy())
            slopes.append(slope.cpu().numpy())
        return np.concatenate(values), np.concatenate(slopes)

    def metric(
        self,
        latent: NDArray[np.floating],
        cells: Sequence[Weighted],
        genes: NDArray[np.integer],
        *,
        library_size: float,
        batch_size: int = BATCH_SIZE,
    ) -> NDArray[np.float64]:
        """Pull-back metric at all points.

        Parameters
        ----------
        latent, cells, genes, library_size, batch_size
            As in :meth:`jacobians`.

        Returns
        -------
        Array of shape ``(n, n_latent, n_latent)``.
        """
        found = self.jacobians(latent, cells, genes, library_size=library_size, batch_size=batch_size)
        return np.concatenate([pullback_metric(slope).cpu().numpy() for _, _, slope in found])

    def tangency(
        self,
        field: NDArray[np.floating],
        latent: NDArray[np.floating],
        cells: Sequence[Weighted],
        genes: NDArray[np.integer],
        *,
        library_size: float,
        batch_size: int = BATCH_SIZE,
    ) -> NDArray[np.float64]:
        """Cosine between the vectors of a field and the tangent space at their points.

        Parameters
        ----------
        field
            Vectors in log-expression, shape ``(n, n_genes)``.
        latent, cells, genes, library_size, batch_size
            As in :meth:`jacobians`.

        Returns
        -------
        Array of shape ``(n,)`` in [0, 1]; NaN where the field vanishes.

        Raises
        ------
        ValueError
            If the field has another shape, or values that are not finite.
        """
        vectors = np.asarray(field)
        if vectors.shape != (len(latent), len(genes)):
            msg = f"Expected a field of shape {(len(latent), len(genes))}, cells x genes, found {vectors.shape}."
            raise ValueError(msg)
        if not np.isfinite(vectors).all():
            msg = f"The field has {np.count_nonzero(~np.isfinite(vectors))} values that are not finite."
            raise ValueError(msg)
        found = self.jacobians(latent, cells, genes, library_size=library_size, batch_size=batch_size)
        cosines = [
            tangent_cosine(slope, torch.from_numpy(vectors[part]).to(slope.device)).cpu().numpy()
            for part, _, slope in found
        ]
        return np.concatenate(cosines)


def pullback_metric(jacobian: Tensor) -> Tensor:
    r"""Pull-back metric :math:`M = J^T J`, in double precision.

    Parameters
    ----------
    jacobian
        Jacobian J, shape ``(m, n_genes, n_latent)``.

    Returns
    -------
    Tensor of shape ``(m, n_latent, n_latent)``.
    """
    return jacobian.double().mT @ jacobian.double()


def log_volume_element(metric: Tensor) -> Tensor:
    r"""Logarithm of the volume element, :math:`\tfrac12 \log\det M`.

    Parameters
    ----------
    metric
        Metric M, shape ``(m, n_latent, n_latent)``.

    Returns
    -------
    Tensor of shape ``(m,)``; minus infinity where M is singular.
    """
    sign, value = torch.linalg.slogdet(metric)
    return torch.where(sign > 0, 0.5 * value, torch.full_like(value, -torch.inf))


def tangent_cosine(jacobian: Tensor, field: Tensor) -> Tensor:
    r"""Cosine between vectors and the tangent space, :math:`|P f| / |f|`, P the orthogonal projector on the columns of J.

    Parameters
    ----------
    jacobian
        Jacobian J, shape ``(m, n_genes, n_latent)``.
    field
        Vectors f in log-expression, shape ``(m, n_genes)``.

    Returns
    -------
    Tensor of shape ``(m,)`` in [0, 1]; NaN where f vanishes.
    """
    f = field.double()
    values, axes = torch.linalg.eigh(pullback_metric(jacobian))
    tiny = torch.finfo(values.dtype).tiny
    used = values > RANK_TOLERANCE**2 * values[:, -1:].clamp(min=tiny)
    along = (axes.mT @ (jacobian.double().mT @ f[:, :, None]))[:, :, 0]
    inside = torch.where(used, along**2 / values.clamp(min=tiny), 0).sum(1)
    return (inside / (f**2).sum(1)).clamp(max=1).sqrt()

"""The geometry of a fitted decoder, by the names of cells and genes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from anndata import AnnData
from numpy.typing import NDArray

from landscape._random import RandomLike
from landscape.latent.cells import Cells
from landscape.latent.fitting import Fitting
from landscape.latent.geometry import DecodedPath, jacobians, log_volume, metric_of, shortest_path, tangent_part
from landscape.latent.posterior import draws, posterior


class Manifold(Fitting):
    r"""Jacobian, metric and tangent space of the decoder; a part of ``LatentModel``.

    Everything is in the log-expression :math:`y_g = \log(1 + s\, g_g(z))` of chosen genes, s a ``library_size``, at the
    posterior mean of z unless ``latent`` is given.
    """

    def get_log_expression_jacobian(
        self,
        adata: AnnData | None = None,
        *,
        genes: Sequence[str] | None = None,
        latent: NDArray[np.floating] | None = None,
        library_size: float = 1e4,
        batch: str | None = None,
        batch_size: int = 256,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Log-expression, shape ``(n_obs, n_genes)``, and its Jacobian in z, shape ``(n_obs, n_genes, n_latent)``.

        Parameters
        ----------
        adata
            Cells, as for ``get_latent_representation``.
        genes
            Names of the genes; ``None``: all, which takes memory of cells x genes x latent.
        latent
            Points z, one for each cell, whose batch and covariates they are decoded in; ``None``: the posterior means.
        library_size
            The s of the log-expression.
        batch
            Batch to decode all in; ``None``: each cell's own.
        """
        z, cells, columns = self._points(adata, genes, latent, library_size, batch)
        values, slopes = [], []
        for _, value, slope in jacobians(
            self.module, z, cells, columns, library_size=library_size, batch_size=batch_size
        ):
            values.append(value.cpu().numpy())
            slopes.append(slope.cpu().numpy())
        return np.concatenate(values), np.concatenate(slopes)

    def get_metric(
        self,
        adata: AnnData | None = None,
        *,
        genes: Sequence[str] | None = None,
        latent: NDArray[np.floating] | None = None,
        library_size: float = 1e4,
        batch: str | None = None,
        batch_size: int = 256,
    ) -> NDArray[np.float64]:
        r"""Pull-back metric :math:`J^T J` at each cell, shape ``(n_obs, n_latent, n_latent)``.

        The squared length in log-expression of a small step dz is :math:`dz^T J^T J\, dz`. Parameters as in
        :meth:`get_log_expression_jacobian`.
        """
        z, cells, columns = self._points(adata, genes, latent, library_size, batch)
        found = jacobians(self.module, z, cells, columns, library_size=library_size, batch_size=batch_size)
        return np.concatenate([metric_of(slope).cpu().numpy() for _, _, slope in found])

    def get_log_volume_element(
        self,
        adata: AnnData | None = None,
        *,
        genes: Sequence[str] | None = None,
        latent: NDArray[np.floating] | None = None,
        library_size: float = 1e4,
        batch: str | None = None,
        batch_size: int = 256,
    ) -> NDArray[np.float64]:
        r"""Logarithm of the volume element, :math:`\tfrac12 \log\det J^T J`, of each cell, shape ``(n_obs,)``.

        What a density in z must be divided by to be one on the manifold. It depends on the coordinates of z, as that
        density does; only their quotient does not. Parameters as in :meth:`get_log_expression_jacobian`.
        """
        metric = self.get_metric(
            adata, genes=genes, latent=latent, library_size=library_size, batch=batch, batch_size=batch_size
        )
        return log_volume(torch.from_numpy(metric)).numpy()

    def get_tangency(
        self,
        field: NDArray[np.floating],
        adata: AnnData | None = None,
        *,
        genes: Sequence[str],
        latent: NDArray[np.floating] | None = None,
        library_size: float = 1e4,
        batch: str | None = None,
        batch_size: int = 256,
    ) -> NDArray[np.float64]:
        r"""Cosine between a vector field in log-expression and the tangent space of the manifold, in [0, 1].

        .. math:: c = |P f| / |f|

        with P the orthogonal projector on the columns of the Jacobian. 1: the field moves cells along the manifold;
        :math:`c^2` is the share of the field's squared norm in the tangent space, and a direction drawn at random has
        :math:`E\,c^2 = n_\mathrm{latent} / n_\mathrm{genes}`, which must be stated beside it.

        Parameters
        ----------
        field
            Vectors, shape ``(n_obs, len(genes))``, in the units of log-expression per time.
        adata, latent, library_size, batch
            As in :meth:`get_log_expression_jacobian`.
        genes
            Names of the field's columns.

        Returns
        -------
        Array of shape ``(n_obs,)``; not-a-number where the field vanishes.

        Raises
        ------
        ValueError
            If the field has another shape, or values that are not finite.
        """
        z, cells, columns = self._points(adata, genes, latent, library_size, batch)
        vectors = np.asarray(field)
        if vectors.shape != (len(z), len(columns)):
            msg = f"Expected a field of shape {(len(z), len(columns))}, cells x genes, found {vectors.shape}."
            raise ValueError(msg)
        if not np.isfinite(vectors).all():
            msg = f"The field has {np.count_nonzero(~np.isfinite(vectors))} values that are not finite."
            raise ValueError(msg)
        found = jacobians(self.module, z, cells, columns, library_size=library_size, batch_size=batch_size)
        cosines = [
            tangent_part(slope, torch.from_numpy(vectors[part]).to(slope.device)).cpu().numpy()
            for part, _, slope in found
        ]
        return np.concatenate(cosines)

    def interpolate(
        self,
        start: NDArray[np.floating],
        end: NDArray[np.floating],
        *,
        genes: Sequence[str] | None = None,
        library_size: float = 1e4,
        batch: str | None = None,
        n_nodes: int = 30,
        max_steps: int = 200,
    ) -> DecodedPath:
        """Path between two points of the latent space that is short in log-expression, and what it decodes to.

        An approximate geodesic of the pull-back metric. It is an interpolation and no prediction of how cells move; paths of
        the dynamics are computed in :mod:`landscape.topography`.

        Parameters
        ----------
        start, end
            Points z, shape ``(n_latent,)``.
        genes, library_size
            As in :meth:`get_log_expression_jacobian`.
        batch
            Batch to decode in; ``None``: the first, at the mean of continuous covariates and the first level of
            categorical ones.
        n_nodes
            Nodes of the path, ends included, at least 3.
        max_steps
            Steps of the minimiser, at most.
        """
        self._require_trained()
        names = self._cells.vocabulary
        size = self.architecture.n_latent
        if any(np.shape(z) != (size,) for z in (start, end)):
            msg = f"Expected two points of shape {(size,)}, found {np.shape(start)} and {np.shape(end)}."
            raise ValueError(msg)
        if n_nodes < 3:
            msg = f"Expected `n_nodes` of at least 3, found {n_nodes}."
            raise ValueError(msg)
        _require_size(library_size)
        typical = Cells(
            counts=Cells.empty(names).counts,
            codes=np.zeros((1, 1 + len(names.levels)), np.int64),
            continuous=np.zeros((1, len(names.center)), np.float32),
            names=[""],
            vocabulary=names,
        ).in_batch(batch)
        return shortest_path(
            self.module,
            start,
            end,
            typical,
            self._columns(genes)[1],
            library_size=library_size,
            n_nodes=n_nodes,
            max_steps=max_steps,
        )

    def sample_latent(
        self, adata: AnnData | None = None, *, n_samples: int = 25, rng: RandomLike = 0, batch_size: int = 512
    ) -> NDArray[np.float32]:
        """Posterior draws of z, shape ``(n_samples, n_obs, n_latent)``."""
        if n_samples < 1:
            msg = f"Expected `n_samples` of at least 1, found {n_samples}."
            raise ValueError(msg)
        return np.stack([*draws(self.module, self._read(adata), n_samples=n_samples, rng=rng, batch_size=batch_size)])

    def _points(
        self,
        adata: AnnData | None,
        genes: Sequence[str] | None,
        latent: NDArray[np.floating] | None,
        library_size: float,
        batch: str | None,
    ) -> tuple[NDArray[np.floating], Cells, NDArray[np.integer]]:
        cells = self._read(adata)
        columns = self._columns(genes)[1]
        _require_size(library_size)
        size = (len(cells), self.architecture.n_latent)
        if latent is None:
            latent = posterior(self.module, cells)[0]
        elif latent.shape != size:
            msg = f"Expected `latent` of shape {size}, cells x latent, found {latent.shape}."
            raise ValueError(msg)
        return latent, cells.in_batch(batch), columns


def _require_size(library_size: float) -> None:
    if not library_size > 0:
        msg = f"Expected a positive `library_size`, found {library_size}."
        raise ValueError(msg)

"""Forward pass of scvi-tools' VAE, in parts, each evaluated only where its result is used.

The parameters are those of :class:`scvi.module.VAE`, so weights move between the two packages in both directions. This
file is the only place that knows the names of its layers. Its library encoder is left out, and so is the zero-inflation
head for likelihoods without zero inflation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from landscape.latent.factors import indicators
from landscape.latent.minibatch import Log1pLinear, SparseCounts

if TYPE_CHECKING:
    from scvi.module import VAE


def encode(module: VAE, counts: SparseCounts) -> tuple[Tensor, Tensor]:
    """Moments of the approximate posterior q(z | x).

    Parameters
    ----------
    module
        Network.
    counts
        Counts of ``n`` cells.

    Returns
    -------
    Mean and standard deviation, each of shape ``(n, n_latent)``.
    """
    first, *others = (part for block in module.z_encoder.encoder.fc_layers for part in block if part is not None)
    hidden = Log1pLinear.apply(first.weight, first.bias, counts)
    for part in others:
        hidden = part(hidden)
    variance = module.z_encoder.var_activation(module.z_encoder.var_encoder(hidden)) + module.z_encoder.var_eps
    return module.z_encoder.mean_encoder(hidden), variance.sqrt()


def first_layer_weight(module: VAE) -> torch.nn.Parameter:
    """Weight of the encoder's first layer, shape ``(n_hidden, n_genes)``."""
    return module.z_encoder.encoder.fc_layers[0][0].weight


def last_hidden(module: VAE, latent: Tensor, codes: Tensor, continuous: Tensor) -> Tensor:
    """Last hidden layer of the decoder; where covariates act by factors, with the covariates beside it.

    Parameters
    ----------
    module
        Network.
    latent
        Points z, shape ``(n, n_latent)``.
    codes, continuous
        Covariates, as in :class:`landscape.latent.minibatch.Minibatch`.

    Returns
    -------
    Tensor of shape ``(n, k)``, k the number of inputs of the output layer.
    """
    sizes = getattr(module, "covariate_sizes", None)
    if sizes is not None:
        hidden = module.decoder.px_decoder(latent)
        return torch.cat([hidden, indicators(codes, sizes, dtype=hidden.dtype), continuous.to(hidden.dtype)], dim=1)
    return module.decoder.px_decoder(torch.cat([latent, continuous], dim=1), *codes.split(1, dim=1))


def output_layer(module: VAE) -> torch.nn.Linear:
    """Output layer of the decoder, whose softmax is the expected share of each gene."""
    return module.decoder.px_scale_decoder[0]


def log_shares(module: VAE, latent: Tensor, codes: Tensor, continuous: Tensor) -> Tensor:
    r"""Logarithm of the expected share of each gene in the counts of a cell, :math:`\log g(z)`.

    Parameters
    ----------
    module
        Network.
    latent
        Points z, shape ``(n, n_latent)``.
    codes, continuous
        Covariates, as in :class:`landscape.latent.minibatch.Minibatch`.

    Returns
    -------
    Tensor of shape ``(n, n_genes)``; its exponentials sum to one over the genes.
    """
    logits = output_layer(module)(last_hidden(module, latent, codes, continuous))
    return torch.log_softmax(logits, dim=-1)


def log_dispersion(module: VAE) -> Tensor:
    """Logarithm of the inverse dispersion, shape ``(1, g)``, or ``(n_batches, g)`` if it differs between batches."""
    return module.px_r[None] if module.px_r.ndim == 1 else module.px_r.T


def zero_logits(module: VAE, hidden: Tensor) -> Tensor:
    """Logit of the probability of an additional zero, shape ``(n, g)``, from the last hidden layer."""
    return module.decoder.px_dropout_decoder(hidden)


def kl_divergence(mean: Tensor, deviation: Tensor) -> Tensor:
    r"""Kullback-Leibler divergence of N(mean, deviation^2) from the prior N(0, 1), summed over the latent dimensions.

    .. math:: \tfrac12 \sum_k (\mu_k^2 + \sigma_k^2 - 1 - \log\sigma_k^2)

    Parameters
    ----------
    mean, deviation
        Mean and standard deviation, shape ``(n, n_latent)``.

    Returns
    -------
    Tensor of shape ``(n,)``, in nats.
    """
    return 0.5 * (mean**2 + deviation**2 - 1 - 2 * deviation.log()).sum(1)


def device_of(module: VAE) -> torch.device:
    """Device of the weights."""
    return next(module.parameters()).device

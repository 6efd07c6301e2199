"""The network of scvi-tools' VAE, evaluated only where a result is used.

The parameters are those of :class:`scvi.module.VAE`, so weights move between the two in both directions. What is
left out of its forward pass are the library encoder and, without zero inflation, the drop-out head.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from landscape.latent.likelihood import CountBatch, negative_binomial, poisson, zero_inflated

if TYPE_CHECKING:
    from scvi.module import VAE

LIKELIHOODS = ("nb", "zinb", "poisson")
DISPERSIONS = ("gene", "gene-batch")


@dataclass(frozen=True, slots=True)
class Architecture:
    """Sizes and choices that define the network; everything that is needed to build it again.

    Attributes
    ----------
    n_genes, n_batches, n_latent, n_hidden, n_layers
        Sizes. ``n_layers`` hidden layers of ``n_hidden`` units in the encoder and in the decoder.
    dropout_rate
        Share of hidden units dropped in the encoder while training.
    gene_likelihood
        ``"nb"``, ``"zinb"`` or ``"poisson"``.
    dispersion
        ``"gene"``: one inverse dispersion per gene; ``"gene-batch"``: one per gene and batch.
    """

    n_genes: int
    n_batches: int
    n_latent: int = 10
    n_hidden: int = 128
    n_layers: int = 1
    dropout_rate: float = 0.1
    gene_likelihood: str = "nb"
    dispersion: str = "gene"

    def __post_init__(self) -> None:
        for name in ("n_genes", "n_batches", "n_latent", "n_hidden", "n_layers"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int):
                msg = f"Expected `{name}` to be an int, found {type(value).__name__}."
                raise TypeError(msg)
            if value < 1:
                msg = f"Expected `{name}` of at least 1, found {value}."
                raise ValueError(msg)
        if not 0 <= self.dropout_rate < 1:
            msg = f"Expected `dropout_rate` in [0, 1), found {self.dropout_rate}."
            raise ValueError(msg)
        for name, allowed in (("gene_likelihood", LIKELIHOODS), ("dispersion", DISPERSIONS)):
            if getattr(self, name) not in allowed:
                msg = f"Expected `{name}` to be one of {list(allowed)}, found {getattr(self, name)!r}."
                raise ValueError(msg)


def build(architecture: Architecture) -> VAE:
    """Fresh :class:`scvi.module.VAE` of this architecture, without its unused library encoder.

    Initial weights are drawn from torch's global generator.
    """
    from scvi.module import VAE  # takes seconds to import

    options: dict[str, Any] = asdict(architecture)
    module = VAE(n_input=options.pop("n_genes"), n_batch=options.pop("n_batches"), **options)
    module.l_encoder = None
    return module


def encode(module: VAE, counts: CountBatch, batch: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of the approximate posterior q(z | x), each of shape ``(n, n_latent)``."""
    hidden = module.z_encoder.encoder(counts.log1p, batch)
    variance = module.z_encoder.var_activation(module.z_encoder.var_encoder(hidden)) + module.z_encoder.var_eps
    return module.z_encoder.mean_encoder(hidden), variance.sqrt()


def log_expression(module: VAE, latent: Tensor, batch: Tensor) -> tuple[Tensor, Tensor]:
    r"""Log of the expected share of each gene in a cell's counts, :math:`\log g(z)`, and the hidden layer below it.

    Rows of :math:`g` sum to one over the genes.
    """
    hidden = module.decoder.px_decoder(latent, batch)
    return torch.log_softmax(module.decoder.px_scale_decoder[0](hidden), dim=-1), hidden


def log_dispersion(module: VAE, batch: Tensor) -> Tensor:
    """Log of the inverse dispersion, shape ``(g,)``, or ``(n, g)`` where it differs between batches."""
    return module.px_r if module.px_r.ndim == 1 else module.px_r.T[batch[:, 0]]


def reconstruction(module: VAE, counts: CountBatch, latent: Tensor, batch: Tensor) -> Tensor:
    """Log-likelihood log p(x | z) of each cell, given its own total count, shape ``(n,)``."""
    log_share, hidden = log_expression(module, latent, batch)
    log_mean = log_share + counts.library.log()
    if module.gene_likelihood == "poisson":
        return poisson(counts, log_mean)
    if module.gene_likelihood == "nb":
        return negative_binomial(counts, log_mean, log_dispersion(module, batch))
    zero_logit = module.decoder.px_dropout_decoder(hidden)
    return zero_inflated(counts, log_mean, log_dispersion(module, batch), zero_logit)


def divergence(mean: Tensor, deviation: Tensor) -> Tensor:
    r"""Kullback-Leibler divergence of N(mean, deviation^2) from N(0, 1), summed over the latent axes.

    .. math:: \tfrac12 \sum_k (\mu_k^2 + \sigma_k^2 - 1 - \log\sigma_k^2)
    """
    return 0.5 * (mean**2 + deviation**2 - 1 - 2 * deviation.log()).sum(1)

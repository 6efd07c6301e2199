"""The network of scvi-tools' VAE, evaluated only where a result is used.

The parameters are those of :class:`scvi.module.VAE`, so weights move between the two in both directions. What is
left out of its forward pass are the library encoder and, without zero inflation, the drop-out head.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from landscape.latent.batch import CountBatch, LogCountLayer, Minibatch
from landscape.latent.likelihood import decoded, zero_inflated

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
    n_levels
        Number of levels of each categorical covariate besides the batch.
    n_continuous
        Number of continuous covariates.
    """

    n_genes: int
    n_batches: int
    n_latent: int = 10
    n_hidden: int = 128
    n_layers: int = 1
    dropout_rate: float = 0.1
    gene_likelihood: str = "nb"
    dispersion: str = "gene"
    n_levels: tuple[int, ...] = ()
    n_continuous: int = 0

    def __post_init__(self) -> None:
        for name in ("n_genes", "n_batches", "n_latent", "n_hidden", "n_layers", "n_continuous"):
            value, least = getattr(self, name), int(name != "n_continuous")
            if isinstance(value, bool) or not isinstance(value, int):
                msg = f"Expected `{name}` to be an int, found {type(value).__name__}."
                raise TypeError(msg)
            if value < least:
                msg = f"Expected `{name}` of at least {least}, found {value}."
                raise ValueError(msg)
        object.__setattr__(self, "n_levels", tuple(int(n) for n in self.n_levels))  # JSON has lists only
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
    module = VAE(
        n_input=options.pop("n_genes"),
        n_batch=options.pop("n_batches"),
        n_cats_per_cov=list(options.pop("n_levels")) or None,
        n_continuous_cov=options.pop("n_continuous"),
        **options,
    )
    module.l_encoder = None
    return module


def encode(module: VAE, counts: CountBatch) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of the approximate posterior q(z | x), each of shape ``(n, n_latent)``."""
    first, *others = (part for block in module.z_encoder.encoder.fc_layers for part in block if part is not None)
    hidden = LogCountLayer.apply(first.weight, first.bias, counts)
    for part in others:
        hidden = part(hidden)
    variance = module.z_encoder.var_activation(module.z_encoder.var_encoder(hidden)) + module.z_encoder.var_eps
    return module.z_encoder.mean_encoder(hidden), variance.sqrt()


def last_hidden(module: VAE, latent: Tensor, codes: Tensor, continuous: Tensor) -> Tensor:
    """Last hidden layer of the decoder, shape ``(n, n_hidden)``; codes and covariates as in a minibatch."""
    return module.decoder.px_decoder(torch.cat([latent, continuous], dim=1), *codes.split(1, dim=1))


def log_expression(module: VAE, latent: Tensor, codes: Tensor, continuous: Tensor) -> Tensor:
    r"""Log of the expected share of each gene in a cell's counts, :math:`\log g(z)`, shape ``(n, n_genes)``.

    Rows of :math:`g` sum to one over the genes.
    """
    logits = module.decoder.px_scale_decoder[0](last_hidden(module, latent, codes, continuous))
    return torch.log_softmax(logits, dim=-1)


def log_dispersion(module: VAE) -> Tensor:
    """Log of the inverse dispersion, shape ``(1, g)``, or ``(n_batches, g)`` where it differs between batches."""
    return module.px_r[None] if module.px_r.ndim == 1 else module.px_r.T


def reconstruction(module: VAE, cells: Minibatch, latent: Tensor, *, reduced: bool = False) -> tuple[Tensor, Tensor]:
    """Log-likelihood log p(x | z) given each cell's total count: the sum, which carries gradients, and each cell's."""
    hidden = last_hidden(module, latent, cells.codes, cells.continuous)
    layer, batch = module.decoder.px_scale_decoder[0], cells.codes[:, 0]
    if module.gene_likelihood == "poisson":
        return decoded(hidden, layer.weight, layer.bias, cells.counts, None, reduced=reduced)
    dispersion = log_dispersion(module)
    if module.gene_likelihood == "nb":
        return decoded(hidden, layer.weight, layer.bias, cells.counts, dispersion, batch, reduced=reduced)
    log_mean = torch.log_softmax(layer(hidden), dim=-1) + cells.counts.library.log()[:, None]
    zero_logit = module.decoder.px_dropout_decoder(hidden)
    own = dispersion if len(dispersion) == 1 else dispersion[batch]
    each = zero_inflated(cells.counts, log_mean, own, zero_logit)
    return each.sum(), each.detach()


def divergence(mean: Tensor, deviation: Tensor) -> Tensor:
    r"""Kullback-Leibler divergence of N(mean, deviation^2) from N(0, 1), summed over the latent axes.

    .. math:: \tfrac12 \sum_k (\mu_k^2 + \sigma_k^2 - 1 - \log\sigma_k^2)
    """
    return 0.5 * (mean**2 + deviation**2 - 1 - 2 * deviation.log()).sum(1)

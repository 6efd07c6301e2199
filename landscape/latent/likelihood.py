"""Likelihoods of counts given z: one record for each, in one table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from landscape.latent.distributions import CountDistribution, NegativeBinomial, Poisson, ZeroInflated
from landscape.latent.fused_likelihood import decoder_log_likelihood, zero_inflated_log_likelihood
from landscape.latent.minibatch import Minibatch
from landscape.latent.module import last_hidden, log_dispersion, output_layer, zero_logits

if TYPE_CHECKING:
    from scvi.module import VAE


class LogLikelihood(Protocol):
    """Signature of :attr:`Likelihood.log_likelihood`."""

    def __call__(self, module: VAE, hidden: Tensor, cells: Minibatch, *, bfloat16: bool) -> tuple[Tensor, Tensor]:
        """Log-likelihood of a minibatch."""
        ...


@dataclass(frozen=True, slots=True)
class Likelihood:
    """A likelihood of counts given z, with mean :math:`m_g` equal to the total count times the decoded share.

    To add a likelihood, implement the attributes below and add the record to :data:`LIKELIHOODS`. Nothing else in the
    package depends on the name of a likelihood. The network must have its parameters; :class:`scvi.module.VAE` has an
    inverse dispersion, and logits of a zero inflation. Conversion to scvi-tools needs a name that scvi-tools knows.

    Attributes
    ----------
    name
        Value of ``gene_likelihood``, as in :class:`scvi.module.VAE`.
    words
        Name of the distribution, for messages.
    parameters
        Parameters besides the mean, for messages.
    log_likelihood
        ``log_likelihood(module, hidden, cells, bfloat16=...)``: log p(x | z) of a minibatch, from the last hidden layer of
        the decoder. It returns the sum over the cells, which carries gradients, and the value of each cell, which does
        not. ``bfloat16`` allows matrix products in reduced precision.
    distribution
        ``distribution(module, hidden, mean, genes, batch)``: distribution of the counts of some genes, in double
        precision, for posterior predictive checks. ``mean`` has shape ``(n, len(genes))``, ``genes`` are indices, and
        ``batch`` is the code of the batch of each cell.
    """

    name: str
    words: str
    parameters: tuple[str, ...]
    log_likelihood: LogLikelihood
    distribution: Callable[[VAE, Tensor, NDArray[np.float64], Tensor, Tensor], CountDistribution]

    def __str__(self) -> str:
        return f"{self.name!r} ({self.words}; {', '.join(('mean', *self.parameters))})"


def _fused(
    module: VAE, hidden: Tensor, cells: Minibatch, dispersion: Tensor | None, *, bfloat16: bool
) -> tuple[Tensor, Tensor]:
    layer = output_layer(module)
    return decoder_log_likelihood(
        hidden, layer.weight, layer.bias, cells.counts, dispersion, cells.codes[:, 0], bfloat16=bfloat16
    )


def _poisson(module: VAE, hidden: Tensor, cells: Minibatch, *, bfloat16: bool) -> tuple[Tensor, Tensor]:
    return _fused(module, hidden, cells, None, bfloat16=bfloat16)


def _negative_binomial(module: VAE, hidden: Tensor, cells: Minibatch, *, bfloat16: bool) -> tuple[Tensor, Tensor]:
    return _fused(module, hidden, cells, log_dispersion(module), bfloat16=bfloat16)


def _zero_inflated(module: VAE, hidden: Tensor, cells: Minibatch, *, bfloat16: bool) -> tuple[Tensor, Tensor]:
    del bfloat16  # traced by torch, in single precision
    dispersion = log_dispersion(module)
    log_mean = torch.log_softmax(output_layer(module)(hidden), dim=-1) + cells.counts.library.log()[:, None]
    own = dispersion if len(dispersion) == 1 else dispersion[cells.codes[:, 0]]
    each = zero_inflated_log_likelihood(cells.counts, log_mean, own, zero_logits(module, hidden))
    return each.sum(), each.detach()


def _poisson_distribution(
    module: VAE, hidden: Tensor, mean: NDArray[np.float64], genes: Tensor, batch: Tensor
) -> CountDistribution:
    del module, hidden, genes, batch
    return Poisson(mean)


def _negative_binomial_distribution(
    module: VAE, hidden: Tensor, mean: NDArray[np.float64], genes: Tensor, batch: Tensor
) -> CountDistribution:
    del hidden
    table = log_dispersion(module).double().exp()[:, genes]
    theta = table.expand(len(mean), -1) if len(table) == 1 else table[batch]
    return NegativeBinomial(mean, theta.cpu().numpy())


def _zero_inflated_distribution(
    module: VAE, hidden: Tensor, mean: NDArray[np.float64], genes: Tensor, batch: Tensor
) -> CountDistribution:
    probability = zero_logits(module, hidden)[:, genes].double().sigmoid().cpu().numpy()
    return ZeroInflated(_negative_binomial_distribution(module, hidden, mean, genes, batch), probability)


DISPERSION = "inverse dispersion"

LIKELIHOODS: dict[str, Likelihood] = {
    likelihood.name: likelihood
    for likelihood in (
        Likelihood(
            name="nb",
            words="negative binomial",
            parameters=(DISPERSION,),
            log_likelihood=_negative_binomial,
            distribution=_negative_binomial_distribution,
        ),
        Likelihood(
            name="zinb",
            words="zero-inflated negative binomial",
            parameters=(DISPERSION, "zero probability"),
            log_likelihood=_zero_inflated,
            distribution=_zero_inflated_distribution,
        ),
        Likelihood(
            name="poisson",
            words="Poisson",
            parameters=(),
            log_likelihood=_poisson,
            distribution=_poisson_distribution,
        ),
    )
}


def log_likelihood(module: VAE, cells: Minibatch, latent: Tensor, *, bfloat16: bool = False) -> tuple[Tensor, Tensor]:
    """Log-likelihood log p(x | z) of a minibatch given the total count of each cell.

    Parameters
    ----------
    module
        Network.
    cells
        Counts and covariates of ``n`` cells.
    latent
        Points z, shape ``(n, n_latent)``.
    bfloat16
        Allow the products with the decoder's last layer in bfloat16.

    Returns
    -------
    Sum over the cells, which carries gradients, and the value of each cell, shape ``(n,)``, which does not; in nats.
    """
    hidden = last_hidden(module, latent, cells.codes, cells.continuous)
    return LIKELIHOODS[module.gene_likelihood].log_likelihood(module, hidden, cells, bfloat16=bfloat16)


def predictive_distribution(
    module: VAE, latent: Tensor, codes: Tensor, continuous: Tensor, library: Tensor, genes: Tensor
) -> CountDistribution:
    """Distribution of the counts of some genes given z, in double precision.

    Parameters
    ----------
    module
        Network.
    latent
        Points z, shape ``(n, n_latent)``.
    codes, continuous
        Covariates, as in :class:`landscape.latent.minibatch.Minibatch`.
    library
        Total count of each cell, shape ``(n,)``.
    genes
        Indices of the genes.

    Returns
    -------
    Distribution of arrays of shape ``(n, len(genes))``.
    """
    with torch.no_grad():
        hidden = last_hidden(module, latent, codes, continuous)
        share = torch.softmax(output_layer(module)(hidden), dim=1)[:, genes].double()
        mean = (share * library[:, None]).cpu().numpy()
        return LIKELIHOODS[module.gene_likelihood].distribution(module, hidden, mean, genes, codes[:, 0])

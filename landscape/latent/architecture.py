"""Sizes and choices that define the network, and a fresh network of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch

from landscape.latent.dataset import Vocabulary
from landscape.latent.likelihood import LIKELIHOODS
from landscape.latent.randomness import forked_rng

if TYPE_CHECKING:
    from scvi.module import VAE

DISPERSIONS = ("gene", "gene-batch")
COVARIATE_EFFECTS = ("factor", "network")


@dataclass(frozen=True, slots=True)
class Architecture:
    """Sizes and choices that define the network; everything that is needed to build it again.

    Attributes
    ----------
    n_genes, n_batches, n_latent
        Number of genes, batches and latent dimensions.
    n_hidden, n_layers
        Units of a hidden layer, and number of hidden layers in the encoder and in the decoder.
    dropout_rate
        Share of hidden units dropped in the encoder during training.
    gene_likelihood
        Name of the likelihood, one of :data:`landscape.latent.likelihood.LIKELIHOODS`: ``"nb"``, ``"zinb"`` or
        ``"poisson"``.
    dispersion
        ``"gene"``: one inverse dispersion per gene; ``"gene-batch"``: one per gene and batch.
    n_levels
        Number of levels of each categorical covariate besides the batch.
    n_continuous
        Number of continuous covariates.
    covariate_effect
        ``"factor"``: batch and covariates multiply the expression of each gene by a factor, the same in all cells
        (:mod:`landscape.latent.factors`); ``"network"``: they enter the decoder beside z, as in scVI.

    Raises
    ------
    TypeError
        If a size is no integer.
    ValueError
        If a value is out of its range.
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
    covariate_effect: str = "factor"

    def __post_init__(self) -> None:
        for name in ("n_genes", "n_batches", "n_latent", "n_hidden", "n_layers", "n_continuous"):
            value, minimum = getattr(self, name), int(name != "n_continuous")
            if isinstance(value, bool) or not isinstance(value, int):
                msg = f"Expected `{name}` to be an int, found {type(value).__name__}."
                raise TypeError(msg)
            if value < minimum:
                msg = f"Expected `{name}` of at least {minimum}, found {value}."
                raise ValueError(msg)
        object.__setattr__(self, "n_levels", tuple(int(n) for n in self.n_levels))  # JSON has lists only
        if not 0 <= self.dropout_rate < 1:
            msg = f"Expected `dropout_rate` in [0, 1), found {self.dropout_rate}."
            raise ValueError(msg)
        if self.gene_likelihood not in LIKELIHOODS:
            known = ", ".join(str(likelihood) for likelihood in LIKELIHOODS.values())
            msg = f"Expected `gene_likelihood` to be one of {known}; found {self.gene_likelihood!r}."
            raise ValueError(msg)
        if self.dispersion not in DISPERSIONS:
            msg = f"Expected `dispersion` to be one of {list(DISPERSIONS)}, found {self.dispersion!r}."
            raise ValueError(msg)
        if self.covariate_effect not in COVARIATE_EFFECTS:
            msg = (
                f"Expected `covariate_effect` to be one of {list(COVARIATE_EFFECTS)}, found {self.covariate_effect!r}."
            )
            raise ValueError(msg)

    @property
    def n_covariates(self) -> int:
        """Number of levels of batch and categorical covariates that have several, and of continuous covariates."""
        return sum(n for n in (self.n_batches, *self.n_levels) if n > 1) + self.n_continuous

    @property
    def has_factors(self) -> bool:
        """Whether covariates act on each gene by a factor."""
        return self.covariate_effect == "factor" and self.n_covariates > 0

    @classmethod
    def for_vocabulary(cls, vocabulary: Vocabulary, **choices: Any) -> Architecture:
        """Architecture for given genes, batches and covariates.

        Parameters
        ----------
        vocabulary
            Names that determine the sizes of input and output.
        choices
            All other attributes.

        Returns
        -------
        The architecture.
        """
        return cls(
            n_genes=len(vocabulary.genes),
            n_batches=len(vocabulary.batches),
            n_levels=tuple(len(levels) for levels in vocabulary.levels),
            n_continuous=len(vocabulary.center),
            **choices,
        )


def build(architecture: Architecture, *, seed: int) -> VAE:
    """Fresh :class:`scvi.module.VAE`, without its library encoder, which is not used.

    Where covariates act by factors, its decoder's output layers take them beside the hidden units.

    Parameters
    ----------
    architecture
        Sizes and choices.
    seed
        Seed of the initial weights; torch's global generator is left as it was.

    Returns
    -------
    The network, on the CPU.
    """
    from scvi.module import VAE  # takes seconds to import

    options: dict[str, Any] = asdict(architecture)
    del options["covariate_effect"]
    with forked_rng(seed):
        module = VAE(
            n_input=options.pop("n_genes"),
            n_batch=options.pop("n_batches"),
            n_cats_per_cov=list(options.pop("n_levels")) or None,
            n_continuous_cov=options.pop("n_continuous"),
            **options,
        )
        if architecture.has_factors:
            _add_factors(module, architecture)
    module.l_encoder = None
    return module


def _add_factors(module: VAE, architecture: Architecture) -> None:
    """Take the covariates out of the decoder's hidden layers, and add them to its output layers, with factors of one."""
    from scvi.nn import FCLayers

    decoder = module.decoder
    decoder.px_decoder = FCLayers(
        n_in=architecture.n_latent,
        n_out=architecture.n_hidden,
        n_layers=architecture.n_layers,
        n_hidden=architecture.n_hidden,
        dropout_rate=0,
        use_batch_norm=True,
    )
    decoder.px_scale_decoder[0] = _widened(decoder.px_scale_decoder[0], architecture.n_covariates)
    decoder.px_dropout_decoder = _widened(decoder.px_dropout_decoder, architecture.n_covariates)
    module.covariate_sizes = (architecture.n_batches, *architecture.n_levels)


def _widened(layer: torch.nn.Linear, n: int) -> torch.nn.Linear:
    """The layer with ``n`` more inputs, whose weights are zero."""
    result = torch.nn.Linear(layer.in_features + n, layer.out_features, device=layer.weight.device)
    with torch.no_grad():
        result.weight.zero_()
        result.weight[:, : layer.in_features] = layer.weight
        result.bias.copy_(layer.bias)
    return result

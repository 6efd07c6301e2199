r"""Covariates that act on each gene by a factor, the same in all cells.

.. math:: \log g_g(z, b) = f_g(z) + \beta_{bg} + c\, \kappa_g - \log \sum_{g'} e^{f_{g'}(z) + \beta_{bg'} + c\, \kappa_{g'}}

Where batch and z enter the network side by side, as in scVI, a shift of z in one batch is undone by the weights of the batch in
the first layer: :math:`W (z + \delta) + V_b - W \delta` is the same, whatever :math:`\delta`. Cells of one state may then have
another z in each batch, and only the prior holds them together, which takes batches of another composition for shifted. A factor
for each gene cannot undo a shift, because f changes by another amount wherever the manifold bends. z is then determined up
to what it is without batches, also if a batch misses a part of the cells.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scvi.module import VAE

    from landscape.latent.architecture import Architecture

# `eps` of the batch normalisation of scvi-tools' layers.
NORMALISATION_EPSILON = 1e-3
# Outputs of the decoder that are used, by the name of their layer.
OUTPUTS = ("decoder.px_scale_decoder.0", "decoder.px_dropout_decoder")


def indicators(codes: Tensor, sizes: Sequence[int], *, dtype: torch.dtype) -> Tensor:
    """Indicators of the levels of categorical covariates.

    Parameters
    ----------
    codes
        Codes, shape ``(n, len(sizes))``.
    sizes
        Number of levels of each; one level has no indicator.
    dtype
        Of the result.

    Returns
    -------
    Zeros and ones, shape ``(n, n_levels)``.
    """
    several = [torch.nn.functional.one_hot(c, size) for c, size in zip(codes.T, sizes, strict=True) if size > 1]
    return torch.cat([codes.new_empty((len(codes), 0)), *several], dim=1).to(dtype)


def add_factors(module: VAE, architecture: Architecture) -> None:
    """Take the covariates out of the decoder's hidden layers, and add them to its output layers, with factors of one.

    Parameters
    ----------
    module
        Network, which is changed.
    architecture
        Its sizes.
    """
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


def as_network(architecture: Architecture, weights: Mapping[str, Tensor]) -> tuple[Architecture, dict[str, Tensor]]:
    """The same model with its covariates inside the network, which is what :class:`scvi.module.VAE` has.

    Each level becomes a hidden unit that is one for its cells and zero for others, and each continuous covariate two, its
    positive and its negative part. The units pass all layers unchanged. The encoder, which has as many hidden units, gets
    units without weights.

    Parameters
    ----------
    architecture
        With factors.
    weights
        Tensors by name.

    Returns
    -------
    Architecture and weights without factors; the outputs are the same up to rounding.
    """
    from landscape.latent.architecture import build

    n, n_latent, n_cont = architecture.n_hidden, architecture.n_latent, architecture.n_continuous
    n_levels = architecture.n_covariates - n_cont
    result = replace(architecture, covariate_effect="network", n_hidden=n + n_levels + 2 * n_cont)
    target = {name: tensor.clone() for name, tensor in build(result, seed=0).state_dict().items()}
    for name, tensor in target.items():
        if name.startswith(("z_encoder", "decoder")):
            # Units that are added are normalised by a mean of zero and a variance of one.
            tensor.fill_(float("fc_layers" in name and name.endswith(("1.weight", "running_var"))))
        given = weights[name]
        inputs = given.shape[1:] if name not in {f"{output}.weight" for output in OUTPUTS} else (n,)
        block = tuple(slice(0, size) for size in (*given.shape[:1], *inputs))
        tensor[block] = given[block]
    unit = math.sqrt(1.0 + NORMALISATION_EPSILON)
    for layer in range(architecture.n_layers):
        weight = target[f"decoder.px_decoder.fc_layers.Layer {layer}.0.weight"]
        added = weight[n:]
        if layer:
            added[:, n : result.n_hidden] = unit * torch.eye(result.n_hidden - n)
            continue
        added[:n_levels, n_latent + n_cont :] = unit * torch.eye(n_levels)
        for sign, start in ((1.0, n_levels), (-1.0, n_levels + n_cont)):
            added[start : start + n_cont, n_latent : n_latent + n_cont] = sign * unit * torch.eye(n_cont)
    for output in OUTPUTS:
        factors = weights[f"{output}.weight"][:, n:]
        target[f"{output}.weight"][:, n:] = torch.cat([factors, -factors[:, n_levels:]], dim=1)
    return result, target

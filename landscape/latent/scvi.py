"""Conversion to and from :class:`scvi.model.SCVI`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from landscape import _counts
from landscape.latent.architecture import DISPERSIONS, Architecture, build
from landscape.latent.dataset import CountDataset, Keys, Vocabulary
from landscape.latent.likelihood import LIKELIHOODS
from landscape.latent.reading import SINGLE_BATCH

if TYPE_CHECKING:
    from scvi.model import SCVI
    from scvi.module import VAE

# `eps` of the batch normalisation of scvi-tools' layers.
NORMALISATION_EPSILON = 1e-3
# Outputs of the decoder that are used, by the name of their layer.
OUTPUTS = ("decoder.px_scale_decoder.0", "decoder.px_dropout_decoder")
_REMEDY = "train a `landscape.latent.LatentModel` on the same data"


@dataclass(frozen=True, slots=True)
class ConvertedModel:
    """Parts of an scvi-tools model, in the form of this package.

    Attributes
    ----------
    architecture
        Sizes and choices of the network.
    data
        Its cells.
    keys
        Where it reads an AnnData object.
    weights
        Tensors by name.
    """

    architecture: Architecture
    data: CountDataset
    keys: Keys
    weights: dict[str, Tensor]


def from_scvi(model: SCVI) -> ConvertedModel:
    """Architecture, cells and weights of a trained :class:`scvi.model.SCVI`.

    Parameters
    ----------
    model
        Trained model.

    Returns
    -------
    The parts of the model; the weights are copied.

    Raises
    ------
    TypeError
        If it is another kind of model.
    ValueError
        If it is not trained, or uses what :class:`landscape.latent.LatentModel` does not have.
    """
    from scvi.model import SCVI

    if not isinstance(model, SCVI):
        msg = f"Expected a scvi.model.SCVI, found {type(model).__name__}."
        raise TypeError(msg)
    if not model.is_trained:
        msg = "The SCVI model is not trained; run `model.train()` first."
        raise ValueError(msg)
    setup: dict[str, Any] = model.registry["setup_args"]
    module = model.module
    _require_plain(module, setup)
    keys = Keys(
        layer=setup["layer"],
        batch=setup["batch_key"],
        categorical=tuple(setup.get("categorical_covariate_keys") or ()),
        continuous=tuple(setup.get("continuous_covariate_keys") or ()),
    )
    vocabulary, codes, continuous = _covariates(model, keys)
    first = module.z_encoder.encoder.fc_layers
    architecture = Architecture(
        n_genes=int(module.n_input),
        n_batches=len(vocabulary.batches),
        n_latent=int(module.n_latent),
        n_hidden=int(module.n_hidden),
        n_layers=len(first),
        dropout_rate=_dropout(module),
        gene_likelihood=module.gene_likelihood,
        dispersion=module.dispersion,
        n_levels=tuple(len(names) for names in vocabulary.levels),
        n_continuous=len(keys.continuous),
        covariate_effect="network",
    )
    where = f"adata.layers[{setup['layer']!r}]" if setup["layer"] else "adata.X"
    counts = _counts.canonical(model.adata_manager.get_from_registry("X"), where=where)
    data = CountDataset(
        counts=counts, codes=codes, continuous=continuous, names=list(model.adata.obs_names), vocabulary=vocabulary
    )
    weights = {k: v.detach().clone() for k, v in module.state_dict().items() if not k.startswith("l_encoder.")}
    return ConvertedModel(architecture, data, keys, weights)


def _covariates(model: SCVI, keys: Keys) -> tuple[Vocabulary, NDArray[np.int64], NDArray[np.float32]]:
    """Names, codes and values of batch and covariates; scvi-tools does not standardise continuous ones."""
    manager = model.adata_manager
    batches = [str(name) for name in manager.get_state_registry("batch")["categorical_mapping"]]
    codes = [np.asarray(manager.get_from_registry("batch"), dtype=np.int64).reshape(-1, 1)]
    levels: list[list[str]] = []
    if keys.categorical:
        mappings = manager.get_state_registry("extra_categorical_covs")["mappings"]
        levels = [[str(name) for name in mappings[key]] for key in keys.categorical]
        codes.append(manager.get_from_registry("extra_categorical_covs")[list(keys.categorical)].to_numpy(np.int64))
    continuous = np.empty((len(codes[0]), 0), dtype=np.float32)
    if keys.continuous:
        continuous = manager.get_from_registry("extra_continuous_covs")[list(keys.continuous)].to_numpy(np.float32)
    vocabulary = Vocabulary(
        genes=list(model.adata.var_names),
        batches=batches if keys.batch else [SINGLE_BATCH],
        levels=levels,
        center=[0.0] * len(keys.continuous),
        scale=[1.0] * len(keys.continuous),
    )
    return vocabulary, np.column_stack(codes), continuous


def _require_plain(module: VAE, setup: dict[str, Any]) -> None:
    found = {
        "a size factor": bool(setup.get("size_factor_key")),
        "a latent library size": not module.use_observed_lib_size,
        "encoded covariates": bool(module.encode_covariates),
        "a batch embedding": module.batch_representation != "one-hot",
        "counts that are not log-transformed before encoding": not module.log_variational,
        f"the likelihood {module.gene_likelihood!r}": module.gene_likelihood not in LIKELIHOODS,
        f"the dispersion {module.dispersion!r}": module.dispersion not in DISPERSIONS,
        f"the latent distribution {module.latent_distribution!r}": module.latent_distribution != "normal",
        "minified data": module.minified_data_type is not None,
    }
    if unknown := [name for name, present in found.items() if present]:
        msg = f"The SCVI model uses {', '.join(unknown)}, which are not supported here; {_REMEDY}."
        raise ValueError(msg)


def _dropout(module: VAE) -> float:
    rates = [part.p for part in module.z_encoder.modules() if isinstance(part, nn.Dropout)]
    return float(rates[0]) if rates else 0.0


def to_scvi(data: CountDataset, architecture: Architecture, weights: dict[str, Tensor]) -> SCVI:
    """Trained :class:`scvi.model.SCVI` with given weights.

    Parameters
    ----------
    data
        Cells of the model.
    architecture
        Sizes and choices of the network.
    weights
        Tensors by name.

    Returns
    -------
    The model, on an AnnData object of its own: ``X`` are the counts, and ``obs`` has ``batch``, ``categorical0``, ...
    and the standardised ``continuous0``, ...
    """
    import pandas as pd
    from anndata import AnnData
    from scvi.model import SCVI

    if architecture.has_factors:
        architecture, weights = as_network(architecture, weights)
    names = data.vocabulary
    levels = {f"categorical{i}": known for i, known in enumerate(names.levels)}
    columns: dict[str, Any] = {
        key: pd.Categorical.from_codes(codes, categories=known)
        for (key, known), codes in zip({"batch": names.batches, **levels}.items(), data.codes.T, strict=True)
    }
    continuous = {f"continuous{i}": values for i, values in enumerate(data.continuous.T)}
    adata = AnnData(
        X=data.counts[np.arange(len(data))].astype(np.float32),
        obs=pd.DataFrame({**columns, **continuous}, index=pd.Index(data.names)),
        var=pd.DataFrame(index=pd.Index(names.genes)),
    )
    SCVI.setup_anndata(
        adata,
        batch_key="batch",
        categorical_covariate_keys=list(levels) or None,
        continuous_covariate_keys=list(continuous) or None,
    )
    model = SCVI(
        adata,
        n_latent=architecture.n_latent,
        n_hidden=architecture.n_hidden,
        n_layers=architecture.n_layers,
        dropout_rate=architecture.dropout_rate,
        gene_likelihood=architecture.gene_likelihood,
        dispersion=architecture.dispersion,
    )
    library = {k: v for k, v in model.module.state_dict().items() if k.startswith("l_encoder.")}
    model.module.load_state_dict({**weights, **library})
    model.module.eval()
    model.is_trained_ = True
    return model


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

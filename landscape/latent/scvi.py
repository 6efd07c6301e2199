"""To and from :class:`scvi.model.SCVI`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor, nn

from landscape import _counts
from landscape.latent.cells import Cells
from landscape.latent.module import DISPERSIONS, LIKELIHOODS, Architecture

if TYPE_CHECKING:
    from scvi.model import SCVI
    from scvi.module import VAE

_REMEDY = "train a `landscape.latent.LatentModel` on the same data"


@dataclass(frozen=True, slots=True)
class Taken:
    """What is taken over from an scvi-tools model."""

    architecture: Architecture
    cells: Cells
    layer: str | None
    batch_key: str | None
    weights: dict[str, Tensor]


def take_over(model: SCVI) -> Taken:
    """Architecture, cells and weights of a trained :class:`scvi.model.SCVI`.

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
    batches = [str(name) for name in model.adata_manager.get_state_registry("batch")["categorical_mapping"]]
    first = module.z_encoder.encoder.fc_layers
    architecture = Architecture(
        n_genes=int(module.n_input),
        n_batches=len(batches),
        n_latent=int(module.n_latent),
        n_hidden=int(module.n_hidden),
        n_layers=len(first),
        dropout_rate=_dropout(module),
        gene_likelihood=module.gene_likelihood,
        dispersion=module.dispersion,
    )
    where = f"adata.layers[{setup['layer']!r}]" if setup["layer"] else "adata.X"
    counts = _counts.canonical(model.adata_manager.get_from_registry("X"), where=where)
    cells = Cells(
        counts=counts,
        codes=np.asarray(model.adata_manager.get_from_registry("batch"), dtype=np.int64).ravel(),
        names=list(model.adata.obs_names),
        genes=list(model.adata.var_names),
        batches=batches if setup["batch_key"] else ["all"],
    )
    weights = {k: v.detach().clone() for k, v in module.state_dict().items() if not k.startswith("l_encoder.")}
    return Taken(architecture, cells, setup["layer"], setup["batch_key"], weights)


def _require_plain(module: VAE, setup: dict[str, Any]) -> None:
    found = {
        "categorical covariates": bool(setup.get("categorical_covariate_keys")),
        "continuous covariates": bool(setup.get("continuous_covariate_keys")),
        "a size factor": bool(setup.get("size_factor_key")),
        "a latent library size": not module.use_observed_lib_size,
        "encoded covariates": bool(module.encode_covariates),
        "a batch embedding": module.batch_representation != "one-hot",
        "counts that are not log-transformed before encoding": not module.log_variational,
        f"the likelihood {module.gene_likelihood!r}": module.gene_likelihood not in LIKELIHOODS,
        f"the dispersion {module.dispersion!r}": module.dispersion not in DISPERSIONS,
        f"the latent law {module.latent_distribution!r}": module.latent_distribution != "normal",
        "minified data": module.minified_data_type is not None,
    }
    if unknown := [name for name, present in found.items() if present]:
        msg = f"The SCVI model uses {', '.join(unknown)}, which are not supported here; {_REMEDY}."
        raise ValueError(msg)


def _dropout(module: VAE) -> float:
    rates = [part.p for part in module.z_encoder.modules() if isinstance(part, nn.Dropout)]
    return float(rates[0]) if rates else 0.0


def hand_over(cells: Cells, architecture: Architecture, weights: dict[str, Tensor]) -> SCVI:
    """Trained :class:`scvi.model.SCVI` with these weights, on an AnnData of its own (``X`` counts, ``obs["batch"]``)."""
    import pandas as pd
    from anndata import AnnData
    from scvi.model import SCVI

    adata = AnnData(
        X=cells.counts.astype(np.float32),
        obs=pd.DataFrame(
            {"batch": pd.Categorical.from_codes(cells.codes, categories=cells.batches)}, index=pd.Index(cells.names)
        ),
        var=pd.DataFrame(index=pd.Index(cells.genes)),
    )
    SCVI.setup_anndata(adata, batch_key="batch")
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

"""Reading and writing the model and its replicates in an AnnData object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from anndata import AnnData

from landscape import _keys
from landscape._anndata import forget_result, read_result, results_of, write_result
from landscape.dynamics import GeneModel, Model, RegulatoryDrift

# Arrays of the drift, under the same names in the record and in AnnData.
FIELDS = ("weights", "bias", "ceiling", "decay", "threshold", "hill", "signal")


def read_model(adata: AnnData) -> GeneModel:
    """Model that :func:`landscape.tl.dynamics` wrote.

    Raises
    ------
    KeyError
        If there is no model.
    ValueError
        If a version of the package with another schema wrote it.
    """
    record = read_result(adata, _keys.DYNAMICS, hint="run `landscape.tl.dynamics` first")
    arrays = {name: torch.as_tensor(np.array(record[name], dtype=float)) for name in FIELDS}
    return Model(
        RegulatoryDrift(held={}, **arrays),
        float(record["diffusion"]),
        tuple(str(name) for name in record["regulators"]),
        np.array(record["scale"], dtype=float),
    )


def write_model(
    adata: AnnData, model: GeneModel, diagnostics: Mapping[str, Any], *, params: Mapping[str, Any], what: str
) -> None:
    """Write a model to ``adata.uns["landscape"]["dynamics"]``, with diagnostics and parameters.

    Parameters
    ----------
    adata
        Annotated data.
    model
        Model with names, scales and one number as noise.
    diagnostics, params
        Further entries of the record, and the parameters of the fit.
    what
        Description for the log.
    """
    record = {
        "regulators": np.array(model.regulators, dtype=object),
        **{name: getattr(model.drift, name).numpy() for name in FIELDS},
        "scale": model.scale,
        "diffusion": model.diffusion,
        **diagnostics,
    }
    write_result(adata, _keys.DYNAMICS, record, params=params, what=what)


def read_ensemble(adata: AnnData) -> tuple[GeneModel, ...]:
    """Replicates of the model that :func:`landscape.tl.dynamics` wrote; empty without an ensemble."""
    if _keys.ENSEMBLE not in results_of(adata):
        return ()
    model, record = read_model(adata), read_result(adata, _keys.ENSEMBLE, hint="run `landscape.tl.dynamics` first")
    stacks = {name: torch.as_tensor(np.array(record[name], dtype=float)) for name in FIELDS}
    return tuple(
        Model(
            RegulatoryDrift(held={}, **{name: stack[k] for name, stack in stacks.items()}),
            float(noise),
            model.regulators,
            model.scale,
        )
        for k, noise in enumerate(record["diffusion"])
    )


def write_ensemble(adata: AnnData, models: Sequence[GeneModel], *, params: Mapping[str, Any]) -> None:
    """Write replicates of the model to ``adata.uns["landscape"]["ensemble"]``, stacked along the first axis.

    Without replicates those of an earlier model are removed.
    """
    if not models:
        forget_result(adata, _keys.ENSEMBLE)
        return
    record: dict[str, Any] = {
        name: np.stack([getattr(model.drift, name).numpy() for model in models]) for name in FIELDS
    }
    record["diffusion"] = np.array([model.diffusion for model in models])
    write_result(adata, _keys.ENSEMBLE, record, params=params, what=f"{len(models)} replicates of the model")

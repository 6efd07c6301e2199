"""Settings, input and versions of a run: what stays the same when it is repeated."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from anndata import AnnData

import landscape
from landscape._anndata import write_result
from landscape._run.direction import describe
from landscape._run.plan import Plan

RUN = "run"
_PACKAGES = ("anndata", "numpy", "pandas", "scanpy", "scipy", "scvi-tools", "torch")


def versions() -> dict[str, str]:
    """Versions of Python, of this package and of the packages that results depend on."""
    return {
        "landscape": landscape.__version__,
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in _PACKAGES},
    }


def plain(plan: Plan) -> dict[str, Any]:
    """Plan as JSON values."""
    return {
        "layer": "X" if plan.layer is None else plan.layer,
        "batch_key": plan.batch_key,
        "label_key": plan.label_key,
        "directions": [asdict(d) for d in plan.directions],
        "regulators": list(plan.regulators) if isinstance(plan.regulators, tuple) else plan.regulators,
        "n_regulators": plan.n_regulators,
        "n_top_genes": plan.n_top_genes,
        "root_genes": list(plan.root_genes),
        "max_epochs": plan.max_epochs,
        "n_latent_models": plan.n_latent_models,
        "n_models": plan.n_models,
        "seed": plan.seed,
        "stages": {name: dict(options) for name, options in plan.stages.items()},
    }


def write(adata: AnnData, plan: Plan, *, warnings: Sequence[str], source: dict[str, Any] | None = None) -> None:
    """Set ``adata.uns["landscape"]["run"]``."""
    settings = plain(plan)
    settings["directions"] = [describe(d) for d in plan.directions]
    record = {
        "versions": versions(),
        "warnings": np.array(list(dict.fromkeys(warnings)), dtype=object),
        "input": dict(source or {}),
    }
    write_result(adata, RUN, record, params=settings)

"""Stages that take no time and give the same numbers for the same seed, to test what goes on around real ones."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd

from landscape._anndata import write_result
from landscape._run.stages import Stage

CALLS: list[str] = []
PAUSE = 0.0


def _begin(name: str) -> None:
    CALLS.append(name)
    time.sleep(PAUSE)


def genes(work, n_extra=0):
    _begin("genes")
    selected = np.zeros(work.adata.n_vars, dtype=bool)
    selected[: work.plan.n_top_genes] = True
    work.adata.var["selected"] = selected


def embedding(work, scale=1.0):
    _begin("embedding")
    rng = np.random.default_rng(work.plan.seed)
    options = work.plan.options("latent")
    work.current.obsm["X_latent"] = rng.normal(0, options.get("scale", scale), (work.current.n_obs, 3)).astype(
        "float32"
    )
    work.current.varm["loadings"] = rng.normal(size=(work.current.n_vars, 2))


def wells(work):
    _begin("wells")
    cells = work.current
    names = ["left", "right"]
    code = (cells.obsm["X_latent"][:, 0] > 0).astype(int)
    cells.obs["basin"] = pd.Categorical(np.take(names, code), categories=names)
    cells.var["regulator_in_network"] = np.arange(cells.n_vars) < 2
    table = pd.DataFrame(
        {"n_cells": np.bincount(code, minlength=2), "leading_eigenvalue": [-0.5, -0.25], "observed": True},
        index=names,
    )
    states = pd.DataFrame(np.eye(2), index=names, columns=list(cells.var_names[:2]))
    write_result(cells, "attractors", {"table": table, "states": states}, params={"label_key": work.plan.label_key})


def fates(work):
    _begin("fates")
    z = work.current.obsm["X_latent"][:, 0].astype(float)
    p = 1 / (1 + np.exp(-z))
    work.current.obsm["fates"] = pd.DataFrame({"left": 1 - p, "right": p}, index=work.current.obs_names)


def stages():
    return (
        Stage("genes", (), ("layer", "n_top_genes"), genes, genes),
        Stage("latent_like", ("genes",), ("seed",), embedding, embedding),
        Stage("attractors", ("latent_like",), ("label_key",), wells, wells),
        Stage("fates", ("latent_like",), ("seed",), fates, fates),
    )


def install(setattr_, *, pause=0.0):
    """Put these stages in the place of the real ones; ``setattr_(module, name, value)`` does it."""
    import sys

    from landscape._run import directory, memory, outputs

    setattr_(sys.modules[__name__], "PAUSE", pause)
    for module in (directory, memory):
        setattr_(module, "stages", stages)
        setattr_(module, "check_options", lambda plan: None)
    setattr_(outputs, "figures", lambda adata: iter(()))
    CALLS.clear()

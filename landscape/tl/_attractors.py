"""Attractors of the fitted model, and the basins that cells lie in."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import torch
from anndata import AnnData
from numpy.typing import NDArray

from landscape import _keys
from landscape._anndata import read, read_result, require_adata, write, write_result
from landscape._model import read_ensemble, read_model
from landscape._random import RandomLike, generator
from landscape.topography.cell_distance import distance_to_cells
from landscape.topography.fixed_points.attractors import (
    attractor_names,
    attractor_table,
    ensemble_support,
    n_nearest,
)
from landscape.topography.fixed_points.basins import basin_of
from landscape.topography.fixed_points.roots import fixed_points

logger = logging.getLogger(__name__)

UNRESOLVED = "unresolved"


def attractors(
    adata: AnnData,
    *,
    label_key: str | None = None,
    n_starts: int = 1000,
    n_random: int = 100,
    rng: RandomLike = 0,
    copy: bool = False,
) -> AnnData | None:
    r"""Find the attractors of the fitted model.

    States :math:`x^*` with :math:`f(x^*) = 0` and a Jacobian whose eigenvalues all have a negative real part, reached
    by the flow from cells and from random states between the lowest and the highest expression, and sharpened by
    Newton's method with the exact Jacobian. Each is named after the cells nearest to it.

    Parameters
    ----------
    adata
        Annotated data with a model (:func:`landscape.tl.dynamics`).
    label_key
        Labels in :attr:`~anndata.AnnData.obs` that attractors are named after, by the majority of the 20 nearest
        cells. Without it, or where labels do not decide, by the two regulators that set the attractor apart most.
    n_starts
        Cells to start from, drawn without replacement.
    n_random
        Random states to start from.
    rng
        Seed or generator.
    copy
        Work on a copy of ``adata`` and return it.

    Returns
    -------
    ``None``, or the copy if ``copy=True``. Sets ``adata.uns["landscape"]["attractors"]`` with

    ``states`` : DataFrame, attractors x regulators
        Levels of the regulators.
    ``table`` : DataFrame
        ``n_cells`` (nearest to this attractor in state space, until :func:`landscape.tl.basins` counts its basin),
        ``leading_eigenvalue`` (real part, per unit of time), ``index``, ``residual``, ``converged``, ``distance`` to
        the nearest cells over the largest spacing of cells themselves, ``observed`` (whether that is inside the data),
        and ``support``: the share of the ensemble's models that have an attractor there, nearer than half way to the
        next one, where the flow takes this state; not-a-number without an ensemble.

    Raises
    ------
    KeyError
        If the model or the labels are missing.
    ValueError
        If the model has no attractor.
    """
    adata = require_adata(adata)
    adata = adata.copy() if copy else adata
    model = read_model(adata)
    names = list(model.regulators)
    labels = None if label_key is None else read(adata, "obs", label_key, hint="pass a column of labels")
    x = _states(adata)
    gen = generator(rng)
    chosen = np.sort(gen.choice(len(x), min(n_starts, len(x)), replace=False))
    found = fixed_points(
        model.drift, torch.as_tensor(x[chosen]), deflate=False, n_random=n_random, rng=gen, names=names
    )
    stable = [point for point in found if point.stability == "stable"]
    if not stable:
        msg = (
            f"The model has no attractor: {len(found)} fixed points, none stable, {found.n_unsettled} of "
            f"{len(chosen) + n_random} starts did not come to rest. "
            "A cycle may be there, or the fit is poor: see `velocity_r2_held_out` in `adata.uns['landscape']['dynamics']`, train the latent model longer, or pass another direction; "
            "`landscape.tl.terminal_states` finds terminal states of the chain of cells without the model."
        )
        raise ValueError(msg)
    if found.n_unsettled:
        logger.warning("%d of %d starts did not come to rest", found.n_unsettled, len(chosen) + n_random)
    states = np.array([point.x for point in stable])
    support = distance_to_cells(states, x)
    titles = attractor_names(states, names, x, labels)
    share = ensemble_support(read_ensemble(adata), states)
    table = attractor_table(stable, titles, n_cells=n_nearest(x, states), support=support, share=share)
    if away := [name for name, seen in zip(titles, support.observed, strict=True) if not seen]:
        logger.warning(
            "%d of %d attractors lie outside the data, farther from any cell than cells are from each other: %s. No cell shows "
            "that they exist; check `observed` and `distance` before you read on, and fit again with more regulators, "
            "`n_replicates` or another direction if cells were expected there",
            len(away),
            len(stable),
            ", ".join(f"{name} ({table.loc[name, 'distance']:.1f} times)" for name in away),
        )
    order = np.argsort(-table["n_cells"].to_numpy(), kind="stable")
    record = {
        "states": pd.DataFrame(states, index=titles, columns=names).iloc[order],
        "table": table.iloc[order],
        "n_unsettled": int(found.n_unsettled),
        "n_saddles": len(found.saddles),
    }
    params = {"label_key": label_key, "n_starts": len(chosen), "n_random": n_random}
    write_result(adata, _keys.ATTRACTORS, record, params=params, what=f"{len(stable)} attractors: {titles}")
    return adata if copy else None


def basins(adata: AnnData, *, key_added: str = _keys.BASIN, copy: bool = False) -> AnnData | None:
    r"""Find the attractor that the noise-free flow takes every cell to.

    Parameters
    ----------
    adata
        Annotated data with attractors (:func:`landscape.tl.attractors`).
    key_added
        Column for the result.
    copy
        Work on a copy of ``adata`` and return it.

    Returns
    -------
    ``None``, or the copy if ``copy=True``. Sets

    ``adata.obs["basin"]`` : categorical
        Name of the attractor; ``"unresolved"`` for cells that reach none.
    ``n_cells`` in ``adata.uns["landscape"]["attractors"]["table"]``
        Cells in each basin.

    Raises
    ------
    KeyError
        If attractors are missing.
    """
    adata = require_adata(adata)
    adata = adata.copy() if copy else adata
    model = read_model(adata)
    result = read_result(adata, _keys.ATTRACTORS, hint="run `landscape.tl.attractors` first")
    titles = list(result["states"].index)
    points = torch.as_tensor(result["states"].to_numpy(dtype=float))
    label = basin_of(model.drift, torch.as_tensor(_states(adata)), points).labels
    lost = int((label < 0).sum())
    categories = titles + ([UNRESOLVED] if lost else [])
    values = pd.Categorical([titles[k] if k >= 0 else UNRESOLVED for k in label], categories=categories)
    table = result["table"].copy()
    table["n_cells"] = [int((label == k).sum()) for k in range(len(titles))]
    if lost:
        logger.warning("%d of %d cells reach no attractor", lost, len(label))
    write(adata, "obs", key_added, values, what=f"basins of {len(titles)} attractors")
    kept = {key: value for key, value in result.items() if key != "params"}
    write_result(adata, _keys.ATTRACTORS, {**kept, "table": table}, params=result["params"], what="cells per basin")
    return adata if copy else None


def _states(adata: AnnData) -> NDArray[np.float64]:
    return read(adata, "obsm", _keys.STATE, hint="run `landscape.tl.dynamics` first").to_numpy(dtype=np.float64)

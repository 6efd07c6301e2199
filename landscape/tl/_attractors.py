"""Attractors of the fitted model, and the basin of each cell."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import torch
from anndata import AnnData
from numpy.typing import NDArray

from landscape import _keys
from landscape._anndata import read, read_result, require_adata, write, write_result
from landscape._labels import warn_of_basins
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

    Attractors are states :math:`x^*` with :math:`f(x^*) = 0` at which all eigenvalues of the Jacobian have a negative real
    part. The noise-free flow is followed from cells and from random states between the lowest and the highest expression;
    its end is refined by Newton's method with the exact Jacobian. Each attractor is named after the cells nearest to it.

    Parameters
    ----------
    adata
        Annotated data with a model (:func:`landscape.tl.dynamics`).
    label_key
        Column of :attr:`~anndata.AnnData.obs` with labels. An attractor takes the majority label of its 20 nearest cells.
        Without labels, or where no label is more frequent there than chance would have it, it is named after the two
        regulators that distinguish it most, those of the cell cycle aside.
    n_starts
        Number of cells to start from, drawn without replacement.
    n_random
        Number of random states to start from.
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
        ``n_cells``: number of cells nearest to the attractor in state space; :func:`landscape.tl.basins` replaces it by the
        number of cells in the basin. ``leading_eigenvalue``: real part, per unit of time. ``index``, ``residual`` and
        ``converged`` of the fixed point. ``distance``: distance to the 15th nearest cell, over the 99 % quantile of that
        distance among cells. ``observed``: whether that is at most 1, inside the data. ``support``: share of the
        replicates of the ensemble in which the flow takes this state to an attractor nearby (nearer than half the
        distance to the next attractor); NaN without an ensemble.
    ``n_unsettled``, ``n_saddles``
        Number of starts that did not reach a fixed point, and of saddles found.

    Raises
    ------
    KeyError
        If the model or the labels are missing.
    ValueError
        If the model has no attractor.

    Examples
    --------
    >>> import landscape as ls
    >>> adata = ls.datasets.hematopoiesis()  # doctest: +SKIP
    >>> ls.tl.attractors(adata, label_key="fate")  # doctest: +SKIP
    >>> ls.get.attractors(adata)  # doctest: +SKIP
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
            f"The model has no attractor: {len(found)} fixed points, none stable; {found.n_unsettled} of "
            f"{len(chosen) + n_random} starts did not reach a fixed point. The model may have a limit cycle, or the fit is "
            "poor: see `velocity_r2_held_out` in `adata.uns['landscape']['dynamics']`, train the latent model longer, or pass "
            "another direction. `landscape.tl.terminal_states` finds terminal states of the chain of cells without the model."
        )
        raise ValueError(msg)
    if found.n_unsettled:
        logger.warning("%d of %d starts did not reach a fixed point", found.n_unsettled, len(chosen) + n_random)
    states = np.array([point.x for point in stable])
    distance = distance_to_cells(states, x)
    titles = attractor_names(states, names, x, labels)
    support = ensemble_support(read_ensemble(adata), states)
    table = attractor_table(stable, titles, n_cells=n_nearest(x, states), distance=distance, support=support)
    if away := [name for name, seen in zip(titles, distance.observed, strict=True) if not seen]:
        logger.warning(
            "%d of %d attractors lie outside the data, farther from the nearest cells than cells are from each other: %s. No "
            "cell was observed there: check `observed` and `distance`. If cells are expected there, fit the model again "
            "with more regulators, with `n_replicates`, or with another direction",
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
    r"""Assign each cell to the attractor that it reaches under the noise-free flow.

    Where labels named the attractors, a warning is logged for each label that names an attractor or a terminal state and
    most of whose cells lie in the basin of another label. :func:`landscape.get.labels` returns the whole table.

    Parameters
    ----------
    adata
        Annotated data with attractors (:func:`landscape.tl.attractors`).
    key_added
        Column of :attr:`~anndata.AnnData.obs` for the result.
    copy
        Work on a copy of ``adata`` and return it.

    Returns
    -------
    ``None``, or the copy if ``copy=True``. Sets

    ``adata.obs["basin"]`` : categorical
        Name of the attractor; ``"unresolved"`` for cells that reach none.
    ``n_cells`` in ``adata.uns["landscape"]["attractors"]["table"]``
        Number of cells in each basin.

    Raises
    ------
    KeyError
        If the model or its attractors are missing.

    Examples
    --------
    >>> import landscape as ls
    >>> adata = ls.datasets.hematopoiesis()  # doctest: +SKIP
    >>> ls.tl.basins(adata)  # doctest: +SKIP
    >>> adata.obs["basin"].value_counts()  # doctest: +SKIP
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
    warn_of_basins(adata, adata.obs[key_added].astype(str))
    kept = {key: value for key, value in result.items() if key != "params"}
    write_result(adata, _keys.ATTRACTORS, {**kept, "table": table}, params=result["params"], what="cells per basin")
    return adata if copy else None


def _states(adata: AnnData) -> NDArray[np.float64]:
    return read(adata, "obsm", _keys.STATE, hint="run `landscape.tl.dynamics` first").to_numpy(dtype=np.float64)

"""Heights for drawing: where the fitted model spends its time."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import torch
from anndata import AnnData
from numpy.typing import NDArray
from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering
from scipy.interpolate import RegularGridInterpolator
from scipy.spatial.distance import pdist
from scipy.stats import rankdata

from landscape import _keys
from landscape._anndata import read, read_result, require_adata, write, write_result
from landscape._model import read_model
from landscape._random import RandomLike, generator
from landscape._threads import on_one_thread
from landscape.tl._start import duration_of, start_of, waiting_time
from landscape.topography.occupancy import Occupancy, place
from landscape.topography.occupancy import occupancy as occupancy_of

logger = logging.getLogger(__name__)

LABEL = "occupancy, \N{MINUS SIGN}ln p (model ensemble)"


@on_one_thread
def occupancy(
    adata: AnnData,
    *,
    basis: str | None = None,
    duration: float | None = None,
    n_particles: int = 1000,
    n_times: int = 40,
    n_grid: int = 100,
    rng: RandomLike = 0,
    copy: bool = False,
) -> AnnData | None:
    r"""Draw the landscape: where the model's own ensemble spends its time.

    Particles start at the start cells and follow the fitted model, with its noise, for ``duration``. Their states at
    ``n_times`` equal intervals are placed in the drawing and counted; the height is :math:`-\ln p`. It shows valleys
    and the ways between them. It is no potential: barriers are not to be read from it.

    Without a ``basis``, the drawing is made from the fates: across, the expected position among the attractors, which
    are ordered so that similar ones are side by side; along, the progress of a cell, which is one minus the rank of its
    mean time to an attractor on the directed chain.

    Parameters
    ----------
    adata
        Annotated data with fates (:func:`landscape.tl.fates`).
    basis
        Key in :attr:`~anndata.AnnData.obsm` of drawing coordinates; their first two columns are used.
    duration
        Time that is simulated; by default the span of real time, and else what the noise-free flow needs from the
        start until it is within 2 % of an attractor (the 90th percentile over start cells).
    n_particles, n_times, n_grid
        Size of the ensemble and of the grid.
    rng
        Seed or generator.
    copy
        Work on a copy of ``adata`` and return it.

    Returns
    -------
    ``None``, or the copy if ``copy=True``. Sets

    ``adata.obsm["X_landscape"]``
        Drawing coordinates, if no ``basis`` is given.
    ``adata.uns["landscape"]["occupancy"]``
        ``x``, ``y``, ``height`` (rows are y), ``support``, ``basis``, ``label``, ``attractors`` (their places).
    ``adata.obs["height"]``
        Height at each cell's place; not-a-number outside the support.

    Raises
    ------
    KeyError
        If the model, its fates or the basis are missing.
    """
    adata = require_adata(adata)
    model = read_model(adata)
    x = read(adata, "obsm", _keys.STATE, hint="run `landscape.tl.dynamics` first").to_numpy(dtype=float)
    result = read_result(adata, _keys.ATTRACTORS, hint="run `landscape.tl.attractors` first")
    wait = waiting_time(adata)
    drawn = _drawing(adata, wait) if basis is None else _basis(adata, basis)
    key = _keys.DRAWING if basis is None else basis
    gen = generator(rng)
    start = start_of(adata, wait)
    states = result["states"].to_numpy(dtype=float)
    if duration is None:
        duration = duration_of(adata, model.drift, x[start], states)
    chosen = start[gen.integers(0, len(start), n_particles)]
    step = model.step_within(duration / n_times)
    path = model.simulate(
        torch.as_tensor(x[chosen]),
        duration=duration,
        step=step,
        rng=gen,
        save_at=list(np.linspace(0, duration - step, n_times)),
    )
    found = occupancy_of(path.states.reshape(-1, x.shape[1]).numpy(), x, drawn, n_grid=n_grid)
    places, _ = place(states, x, drawn)
    height = RegularGridInterpolator((found.y, found.x), found.height, bounds_error=False)(drawn[:, ::-1])
    record = {**heights_record(found, key, places), "n_outside": found.n_outside}
    adata = adata.copy() if copy else adata
    if basis is None:
        write(adata, "obsm", key, drawn, what="drawing: expected fate and progress")
    write(adata, "obs", _keys.HEIGHT, height, what=LABEL)
    params = {"duration": duration, "n_particles": n_particles, "n_times": n_times, "bandwidth": found.bandwidth}
    write_result(adata, _keys.OCCUPANCY, record, params=params, what=f"heights over {key!r}")
    return adata if copy else None


def heights_record(found: Occupancy, basis: str, places: NDArray[np.float64]) -> dict[str, Any]:
    """Heights over a drawing as they are kept, with the places of attractors."""
    return {
        "x": found.x,
        "y": found.y,
        "height": found.height,
        "support": found.mask,
        "basis": basis,
        "label": LABEL,
        "attractors": places,
    }


def _drawing(adata: AnnData, wait: NDArray[np.float64]) -> NDArray[np.float64]:
    fates = adata.obsm[_keys.FATES]
    states = read_result(adata, _keys.ATTRACTORS, hint="run `landscape.tl.attractors` first")["states"]
    position = np.zeros(fates.shape[1])
    if fates.shape[1] > 2:
        apart = pdist(states.loc[list(fates.columns)].to_numpy(dtype=float))
        order = leaves_list(optimal_leaf_ordering(linkage(apart, "average"), apart))
    else:
        order = np.arange(fates.shape[1])
    position[order] = np.linspace(-1, 1, len(order)) if len(order) > 1 else 0.0
    q = fates.to_numpy(dtype=float)
    known = np.isfinite(q).all(1) & np.isfinite(wait)
    across = np.where(known, np.nan_to_num(q) @ position, 0.0)
    # Ranks: the last steps into an attractor take so long that times themselves would part it from its cells.
    along = np.zeros(len(wait))
    if known.any():
        along[known] = 1 - (rankdata(wait[known], method="min") - 1) / max(int(known.sum()) - 1, 1)
    return np.column_stack([across, along])


def _basis(adata: AnnData, basis: str) -> NDArray[np.float64]:
    drawn = np.asarray(read(adata, "obsm", basis, hint="pass the key of an embedding"), dtype=float)
    if drawn.ndim != 2 or drawn.shape[1] < 2 or not np.isfinite(drawn[:, :2]).all():
        msg = f"Expected two finite columns in `adata.obsm[{basis!r}]`, found shape {drawn.shape}."
        raise ValueError(msg)
    return drawn[:, :2]

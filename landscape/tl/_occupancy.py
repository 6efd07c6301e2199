"""Occupancy of the fitted model as heights for a drawing."""

from __future__ import annotations

import logging

import numpy as np
import torch
from anndata import AnnData
from numpy.typing import NDArray

from landscape import _keys
from landscape._anndata import read, read_result, require_adata, write, write_result
from landscape._model import read_model
from landscape._random import RandomLike, generator
from landscape._threads import on_one_thread
from landscape.tl._start import duration_of, start_of, waiting_time
from landscape.topography.drawing import LABEL, fate_drawing, height_at, heights_record
from landscape.topography.occupancy import occupancy as occupancy_of
from landscape.topography.occupancy import place

logger = logging.getLogger(__name__)


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
    r"""Heights of the landscape: the occupancy of an ensemble of the fitted model.

    Trajectories of the fitted model, noise included, run from the start cells for ``duration``. Their states at
    ``n_times`` equal intervals are placed in the drawing and counted; the height is :math:`-\ln p`. It shows valleys
    and the transitions between them. It is not a potential: barriers cannot be read from it.

    Without a ``basis``, the drawing has two coordinates from the fates. The first is the expected position among the
    attractors, ordered so that similar ones are side by side. The second is the progress of a cell: one minus the rank of
    its mean time to an attractor on the directed chain.

    Parameters
    ----------
    adata
        Annotated data with fates (:func:`landscape.tl.fates`).
    basis
        Key in :attr:`~anndata.AnnData.obsm` of drawing coordinates; their first two columns are used.
    duration
        Time that is simulated, in units of the model. By default the span of real time; without a clock, the time that
        the noise-free flow takes from the start to within 2 % of an attractor (90th percentile over start cells).
    n_particles
        Number of trajectories.
    n_times
        Number of times at which states are counted.
    n_grid
        Number of grid points along each axis.
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
        ``x``, ``y``, ``height`` (rows are y), ``support`` (grid points whose height is known), ``basis``, ``label``,
        ``attractors`` (their places in the drawing), ``n_outside`` (states off the grid).
    ``adata.obs["height"]``
        Height at the place of each cell; NaN where it is unknown.

    Raises
    ------
    KeyError
        If the model, its attractors, the fates or the basis are missing.
    ValueError
        If the basis has fewer than two finite columns, or no start cell flows to an attractor.

    Examples
    --------
    >>> import landscape as ls
    >>> adata = ls.datasets.hematopoiesis()  # doctest: +SKIP
    >>> ls.tl.occupancy(adata)  # doctest: +SKIP
    >>> ls.pl.landscape(adata)  # doctest: +SKIP
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
    height = height_at(found, drawn)
    record = {**heights_record(found, key, places), "n_outside": found.n_outside}
    adata = adata.copy() if copy else adata
    if basis is None:
        write(adata, "obsm", key, drawn, what="drawing: expected fate and progress")
    write(adata, "obs", _keys.HEIGHT, height, what=LABEL)
    params = {"duration": duration, "n_particles": n_particles, "n_times": n_times, "bandwidth": found.bandwidth}
    write_result(adata, _keys.OCCUPANCY, record, params=params, what=f"heights over {key!r}")
    return adata if copy else None


def _drawing(adata: AnnData, wait: NDArray[np.float64]) -> NDArray[np.float64]:
    fates = adata.obsm[_keys.FATES]
    states = read_result(adata, _keys.ATTRACTORS, hint="run `landscape.tl.attractors` first")["states"]
    # Fates given by the user need not be attractors. Two fates need no order.
    ends = states.loc[list(fates.columns)].to_numpy(dtype=float) if fates.shape[1] > 2 else np.empty((0, 0))
    return fate_drawing(fates.to_numpy(dtype=float), ends, wait)


def _basis(adata: AnnData, basis: str) -> NDArray[np.float64]:
    drawn = np.asarray(read(adata, "obsm", basis, hint="pass the key of an embedding"), dtype=float)
    if drawn.ndim != 2 or drawn.shape[1] < 2 or not np.isfinite(drawn[:, :2]).all():
        msg = f"Expected two finite columns in `adata.obsm[{basis!r}]`, found shape {drawn.shape}."
        raise ValueError(msg)
    return drawn[:, :2]

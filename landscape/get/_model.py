"""The fitted model, its ensemble and its trajectories."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from anndata import AnnData
from numpy.typing import NDArray

from landscape import _keys
from landscape._anndata import read, require_adata, results_of
from landscape._model import read_ensemble, read_model
from landscape._random import RandomLike, generator
from landscape.dynamics import GeneModel, Trajectories

_HINT = "run `landscape.tl.dynamics(adata, direction=...)` first"


def model(adata: AnnData) -> GeneModel:
    r"""Fitted model of the regulators, :math:`dx = f(x)\,dt + \sqrt{2D}\,dB`.

    Parameters
    ----------
    adata
        Annotated data with a model (:func:`landscape.tl.dynamics`).

    Returns
    -------
    :class:`landscape.dynamics.Model` with the drift, the noise, and the names and scales of the regulators. Called on states,
    a tensor of shape ``(n, d)``, it returns their velocities. It simulates and clamps genes, and all functions of
    :mod:`landscape.topography` accept it as a drift.

    Raises
    ------
    KeyError
        If there is no model.
    ValueError
        If the results have the schema of another version.

    Examples
    --------
    >>> import torch, landscape as ls
    >>> adata = ls.datasets.hematopoiesis()  # doctest: +SKIP
    >>> model = ls.get.model(adata)  # doctest: +SKIP
    >>> states = torch.as_tensor(adata.obsm["X_state"].to_numpy())  # doctest: +SKIP
    >>> velocity = model(states)  # doctest: +SKIP
    >>> attractors = ls.topography.fixed_points(model, states[:100])  # doctest: +SKIP
    >>> without = model.held_at({"Gata1": 0.0}).simulate(states, duration=5.0)  # doctest: +SKIP
    """
    return read_model(require_adata(adata))


def ensemble(adata: AnnData) -> tuple[GeneModel, ...]:
    """Ensemble of the fitted model: one replicate for each resample of cells and edges.

    Parameters
    ----------
    adata
        Annotated data with a model (:func:`landscape.tl.dynamics`).

    Returns
    -------
    Replicates, each a model as returned by :func:`model`; empty if the model was fitted without ``n_replicates``.

    Raises
    ------
    KeyError
        If there is no model.
    ValueError
        If the results have the schema of another version.

    Examples
    --------
    >>> import landscape as ls
    >>> adata = ls.datasets.hematopoiesis()  # doctest: +SKIP
    >>> noise = [each.diffusion for each in ls.get.ensemble(adata)]  # doctest: +SKIP
    """
    adata = require_adata(adata)
    read_model(adata)
    return read_ensemble(adata)


def trajectories(
    adata: AnnData,
    *,
    n_cells: int = 100,
    n_times: int = 50,
    duration: float | None = None,
    cells: Sequence[int] | NDArray[np.integer] | None = None,
    rng: RandomLike = 0,
) -> Trajectories:
    r"""Trajectories of the fitted model, noise included, from the start cells.

    Initial states are drawn with replacement from the states of the start cells. The model
    :math:`dx = f(x)\,dt + \sqrt{2D}\,dB` is integrated by the Euler-Maruyama scheme. States are kept at
    :math:`t_k = k T / m` for :math:`k = 0, \dots, m - 1`, with duration :math:`T` and :math:`m` = ``n_times``.

    Parameters
    ----------
    adata
        Annotated data with a model (:func:`landscape.tl.dynamics`).
    n_cells
        Number of trajectories.
    n_times
        Number of times at which states are kept.
    duration
        Time that is simulated, in units of the model; ``None``: that of :func:`landscape.tl.occupancy`.
    cells
        Positions of the cells to start from; ``None``: the start cells of the direction.
    rng
        Seed or generator, for the initial states and the noise.

    Returns
    -------
    Record with ``times`` of shape ``(n_times,)`` and ``states`` of shape ``(n_times, n_cells, d)``, both tensors. Variables
    are in the order of ``landscape.get.model(adata).regulators``.

    Raises
    ------
    KeyError
        If there is no model.
    ValueError
        If there are no start cells, ``n_cells`` or ``n_times`` is below 1, or ``duration`` is neither given nor known.

    Examples
    --------
    >>> import landscape as ls
    >>> adata = ls.datasets.hematopoiesis()  # doctest: +SKIP
    >>> found = ls.get.trajectories(adata, n_cells=50)  # doctest: +SKIP
    >>> found.states.shape  # doctest: +SKIP
    """
    fitted = read_model(require_adata(adata))
    if n_cells < 1 or n_times < 1:
        msg = f"Expected `n_cells` and `n_times` of at least 1, found {n_cells} and {n_times}."
        raise ValueError(msg)
    begin = _start_cells(adata) if cells is None else np.asarray(cells, dtype=np.int64)
    if not len(begin):
        msg = "Expected cells to start from, found none; pass their positions as `cells`."
        raise ValueError(msg)
    if duration is None:
        duration = results_of(adata).get(_keys.OCCUPANCY, {}).get("params", {}).get("duration")
    if duration is None or not duration > 0:
        msg = (
            f"Expected a positive `duration`, found {duration}; pass it, or run `landscape.tl.occupancy(adata)` first."
        )
        raise ValueError(msg)
    x = read(adata, "obsm", _keys.STATE, hint=_HINT)[list(fitted.regulators)].to_numpy(dtype=float)
    random = generator(rng)
    chosen = begin[random.integers(0, len(begin), n_cells)]
    return fitted.simulate(
        torch.as_tensor(x[chosen]),
        duration=float(duration),
        step=fitted.step_within(float(duration) / n_times),
        rng=random,
        save_at=list(np.linspace(0, float(duration) * (1 - 1 / n_times), n_times)),
    )


def _start_cells(adata: AnnData) -> NDArray[np.int64]:
    """Positions of the start cells of the direction."""
    named = read(adata, "obs", _keys.START, hint=_HINT).to_numpy(dtype=bool)
    return np.flatnonzero(named)

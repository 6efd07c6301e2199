"""Transition rates between attractors, by simulation of the fitted model."""

from __future__ import annotations

import logging

import numpy as np
import torch
from anndata import AnnData
from scipy.spatial.distance import pdist
from scipy.stats import norm

from landscape import _keys
from landscape._anndata import read_result, require_adata, results_of, write_result
from landscape._model import read_model
from landscape._random import RandomLike
from landscape.topography import simulated_rates
from landscape.topography.passage.first_hits import default_step
from landscape.topography.passage.rate_tables import (
    ARRIVAL_SHARE,
    never_left,
    passage_table,
    reasons_unstated,
    valley_width,
    weight_table,
)

logger = logging.getLogger(__name__)


def rates(
    adata: AnnData,
    *,
    diffusion: float | None = None,
    n_paths: int = 200,
    max_steps: int = 20_000,
    radius: float | None = None,
    confidence: float = 0.95,
    rng: RandomLike = 0,
    copy: bool = False,
) -> AnnData | None:
    r"""Transition rates and mean first passage times between attractors, and their stationary weights.

    Paths of the model start at each attractor and end at the first other attractor:

    .. math:: k_{ij} = p_{ij} / \tau_i, \qquad \sum_m K_{im} t_{mj} = -1, \qquad \pi K = 0

    with the mean time :math:`\tau_i` to any other attractor and the share :math:`p_{ij}` of paths that reach j first. Times
    are in units of time of the model. They depend exponentially on :math:`1/D` and are stated with it. A value that the
    simulation cannot determine is NaN, with a ``reason`` and, if there is one, a bound. Transitions over barriers above
    about ten are never observed; :func:`landscape.tl.barriers` gives their exponent. If those barriers are known for the
    same :math:`D`, attractors that no path would leave are not simulated.

    Parameters
    ----------
    adata
        Annotated data with attractors (:func:`landscape.tl.attractors`).
    diffusion
        :math:`D`; by default that of the model.
    n_paths
        Number of paths from each attractor, at least 20.
    max_steps
        Maximum number of time steps of a path; a step is a twentieth of the shortest relaxation time.
    radius
        Distance within which a path has reached an attractor; by default 0.4 of the shortest distance between two.
    confidence
        Level of the intervals.
    rng
        Seed or generator.
    copy
        Work on a copy of ``adata`` and return it.

    Returns
    -------
    ``None``, or the copy if ``copy=True``. Sets ``adata.uns["landscape"]["rates"]`` with

    ``table`` : DataFrame
        For each ordered pair ``from``, ``to``: mean first passage ``time`` with ``low`` and ``high``, by any route;
        ``rate`` of direct transitions with ``rate_low`` and ``rate_high``; number of ``arrivals``; ``method``; ``valid``
        (whether the time is given) and the ``reason`` if not.
    ``weights`` : DataFrame
        Stationary ``weight`` of each attractor, ``low``, ``high``, and the ``reason`` if there is none. Weights follow from
        the rates, not from the volumes of the basins, and do not include cell growth.

    Raises
    ------
    KeyError
        If the model or its attractors are missing.
    ValueError
        If there are fewer than two attractors, the diffusion is not positive, or an option is out of its range.

    Examples
    --------
    >>> import landscape as ls
    >>> adata = ls.datasets.hematopoiesis()  # doctest: +SKIP
    >>> ls.tl.rates(adata, max_steps=50_000)  # doctest: +SKIP
    >>> ls.get.rates(adata)  # doctest: +SKIP
    """
    adata = require_adata(adata)
    model = read_model(adata).with_diffusion(diffusion)
    noise = model.diffusion_constant
    states = read_result(adata, _keys.ATTRACTORS, hint="run `landscape.tl.attractors` first")["states"]
    if len(states) < 2:
        msg = f"Expected at least two attractors, found {len(states)}; there is no transition."
        raise ValueError(msg)
    if not 0 < confidence < 1 or max_steps < 1:
        msg = f"Expected `confidence` between 0 and 1 and a positive `max_steps`, found {confidence} and {max_steps}."
        raise ValueError(msg)
    if not (np.isfinite(noise) and noise > 0):
        msg = f"Expected `diffusion` to be positive and finite, found {noise}."
        raise ValueError(msg)
    x = states.to_numpy(dtype=float)
    radius = ARRIVAL_SHARE * float(pdist(x).min()) if radius is None else radius
    names = [str(name) for name in states.index]
    step = default_step(model.drift, torch.as_tensor(x))
    unseen = _never_left(adata, names, noise, n_paths * max_steps * step)
    found = simulated_rates(
        model.drift,
        x,
        diffusion=noise,
        radius=radius,
        n_paths=n_paths,
        step=step,
        max_steps=max_steps,
        lower=model.lower,
        rng=rng,
        sources=[i for i, name in enumerate(names) if name not in unseen],
    )
    width = valley_width(model, x)
    blocked = reasons_unstated(found, width, names, radius=radius, n_paths=n_paths, never_left=unseen)
    z = float(norm.ppf(0.5 + confidence / 2))
    table = passage_table(found, names, blocked, z)
    record = {
        "table": table,
        "weights": weight_table(found, names, blocked, z),
        "radius": radius,
        "converged": bool(found.converged and not any(blocked)),
    }
    params = {"diffusion": noise, "n_paths": n_paths, "max_steps": max_steps, "confidence": confidence}
    adata = adata.copy() if copy else adata
    what = f"{int(table['valid'].sum())} of {len(table)} passage times at D = {noise:.3g}"
    write_result(adata, _keys.RATES, record, params=params, what=what)
    return adata if copy else None


def _never_left(adata: AnnData, names: list[str], noise: float, exposure: float) -> dict[str, str]:
    """Attractors that no simulated path would leave, by their barriers; none if barriers at this noise are unknown."""
    results = results_of(adata)
    heights, saddles = results.get(_keys.BARRIERS), results.get(_keys.SADDLES)
    if not isinstance(heights, dict) or not isinstance(saddles, dict) or heights["params"].get("diffusion") != noise:
        return {}
    table = heights["table"]
    if set(table["from"].astype(str)) != set(names) or not len(saddles["table"]):
        return {}
    leading = float(saddles["table"]["leading_eigenvalue"].max())
    return never_left(table, names, leading_eigenvalue=leading, exposure=exposure)

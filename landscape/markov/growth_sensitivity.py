"""Sensitivity of velocities between time points to the assumed growth of cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landscape._numbers import TINY
from landscape._random import RandomLike, generator
from landscape.markov.diffusion_map import diffusion_components
from landscape.markov.directed import Directed
from landscape.markov.graph import CellGraph
from landscape.markov.transport import time_velocity

# Cells of each time point that are coupled. The change is a mean over cells, for which these are enough.
MAX_CELLS = 200


@dataclass(frozen=True)
class GrowthSensitivity:
    """Change of velocities with the assumed growth.

    Attributes
    ----------
    change
        Root mean square difference of the velocities under the two assumptions, over the root mean square velocity.
    rate
        Difference :math:`r` of the net growth rates that is assumed, per unit of time: one doubling over the span.
    span
        Time between the first and the last population.
    """

    change: float
    rate: float
    span: float


def growth_sensitivity(
    coordinates: NDArray[np.float64],
    states: NDArray[np.float64],
    times: NDArray[np.float64],
    profile: NDArray[np.float64],
    *,
    growth: NDArray[np.float64] | None = None,
    rng: RandomLike = 0,
) -> GrowthSensitivity:
    r"""Change of velocities between time points if one side of the manifold grows faster than the other.

    Counts do not distinguish a state whose cells multiply from one that attracts cells, so that velocities from time
    points depend on the assumed growth. Here the net growth rate :math:`R` is tilted along a profile :math:`\psi` with
    mean 0 and standard deviation 1,

    .. math:: R_\pm = R \pm \tfrac12 r \psi, \qquad r = \ln 2 / T,

    so that over the span :math:`T` of the data cells one standard deviation above the mean of the profile double once more
    under :math:`R_+` than under :math:`R_-`. Velocities :math:`v_\pm` are computed under both
    (:func:`landscape.markov.time_velocity`), and

    .. math:: \text{change} = \frac{\mathrm{rms}(v_+ - v_-)}{\mathrm{rms}(v)}

    over all cells but those of the last time point. To first order the change is proportional to :math:`r`: if growth is
    known up to a tenth of a doubling, a tenth of the change applies.

    Parameters
    ----------
    coordinates
        Where distances are measured, shape ``(n, k)``.
    states
        :math:`x`, shape ``(n, d)``.
    times
        Real time of each cell, shape ``(n,)``.
    profile
        Profile :math:`\psi` along which growth may differ, shape ``(n,)``, such as the slowest diffusion component.
    growth
        :math:`R`, shape ``(n,)``; equal by default.
    rng
        Seed or generator of the sample of at most 200 cells of each time point.

    Raises
    ------
    ValueError
        If there is only one time, shapes differ, or the profile is constant or not finite.
    """
    z, x, t, psi = (np.asarray(value, dtype=float) for value in (coordinates, states, times, profile))
    if not len(z) == len(x) == len(t) == len(psi) or psi.ndim != 1:
        msg = f"Expected one row for each cell, found {len(z)} coordinates, {len(x)} states, {len(t)} times, {len(psi)} profile."
        raise ValueError(msg)
    points = np.unique(t)
    if len(points) < 2:
        msg = f"Expected at least two times, found {len(points)}."
        raise ValueError(msg)
    if not np.isfinite(psi).all() or not psi.std() > 0:
        msg = "Expected a finite `profile` that varies, found one that is constant or not finite."
        raise ValueError(msg)
    gen, kept = generator(rng), []
    for point in points:
        cells = np.flatnonzero(t == point)
        kept.append(gen.choice(cells, min(MAX_CELLS, len(cells)), replace=False))
    chosen = np.sort(np.concatenate(kept))
    z, x, t = z[chosen], x[chosen], t[chosen]
    psi = (psi[chosen] - psi.mean()) / psi.std()
    known = np.zeros(len(chosen)) if growth is None else np.asarray(growth, dtype=float)[chosen]
    span = float(points[-1] - points[0])
    rate = float(np.log(2) / span)
    up, down, usual = (
        time_velocity(z, x, t, growth=known + tilt * 0.5 * rate * psi, rng=0)[t < points[-1]] for tilt in (1, -1, 0)
    )
    length = float(np.sqrt((usual**2).mean()))
    return GrowthSensitivity(float(np.sqrt(((up - down) ** 2).mean())) / max(length, TINY), rate, span)


def slowest_growth_sensitivity(
    coordinates: NDArray[np.float64], states: NDArray[np.float64], directed: Directed, graph: CellGraph
) -> GrowthSensitivity | None:
    """Growth sensitivity along the slowest diffusion component of the graph of cells.

    Parameters
    ----------
    coordinates, states
        As in :func:`growth_sensitivity`.
    directed
        Direction of the cells.
    graph
        Graph of the cells.

    Returns
    -------
    The sensitivity. ``None`` without a clock, since other sources of direction do not depend on numbers of cells, and
    where the slowest component is constant.
    """
    if directed.times is None:
        return None
    profile = diffusion_components(graph, 2)[1][:, 1]
    if not np.isfinite(profile).all() or not profile.std() > 0:
        return None
    return growth_sensitivity(coordinates, states, directed.times, profile, growth=directed.growth)

"""How much the direction read from time points would change, were growth another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landscape._random import RandomLike, generator
from landscape.markov.directed import Directed
from landscape.markov.graph import CellGraph, slow_components
from landscape.markov.transport import time_velocity

# Cells of each time point that are coupled: the change is a mean over cells, known well enough from so many.
MAX_CELLS = 200


@dataclass(frozen=True)
class GrowthSensitivity:
    """What an assumption about growth is worth.

    Attributes
    ----------
    change
        Root mean square difference of the velocities under the two assumptions, over the root mean square velocity.
    rate
        Difference of the net growth rates that was tried, per unit of time: one doubling over the span of the data.
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
    r"""Change of the velocities between time points when one side of the manifold grows faster than the other.

    A population that multiplies and one that attracts look the same in counts, so velocities from time points rest on the
    growth that was assumed. Here the net growth rate :math:`R` is tilted along a profile :math:`\psi` of mean 0 and standard deviation 1,

    .. math:: R_\pm = R \pm \tfrac12 r \psi, \qquad r = \ln 2 / T,

    so that cells one standard deviation up the profile double once more over the span :math:`T` of the data, relative to those in
    the middle, under :math:`R_+` than under :math:`R_-`. Populations are coupled under both
    (:func:`landscape.markov.time_velocity`), and

    .. math:: \text{change} = \frac{\mathrm{rms}(v_+ - v_-)}{\mathrm{rms}(v)}

    over the cells that have a later population. To first order it scales with :math:`r`: what is known of growth to within
    a tenth of a doubling counts a tenth.

    Parameters
    ----------
    coordinates
        Where distances are measured, shape ``(n, k)``.
    states
        :math:`x`, shape ``(n, d)``.
    times
        Real time of each cell, shape ``(n,)``.
    profile
        Along what growth may differ, shape ``(n,)``, such as the slowest component of diffusion on the graph of cells.
    growth
        :math:`R`, shape ``(n,)``; equal by default.
    rng
        Seed of the sample of at most 200 cells of each time point.

    Raises
    ------
    ValueError
        If there is one time only, shapes differ, or the profile is constant or not finite.
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
        msg = "Expected a finite `profile` that varies, found one that does not."
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
    return GrowthSensitivity(float(np.sqrt(((up - down) ** 2).mean())) / max(length, 1e-300), rate, span)


def slowest_growth_sensitivity(
    coordinates: NDArray[np.float64], states: NDArray[np.float64], directed: Directed, graph: CellGraph
) -> GrowthSensitivity | None:
    """Growth sensitivity along the slowest component of diffusion on the graph of cells.

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
    The sensitivity; ``None`` where the direction has no clock, since the other sources do not read how many cells there
    are, and where the graph has no slow component.
    """
    if directed.times is None:
        return None
    profile = slow_components(graph, 2)[1][:, 1]
    if not np.isfinite(profile).all() or not profile.std() > 0:
        return None
    return growth_sensitivity(coordinates, states, directed.times, profile, growth=directed.growth)

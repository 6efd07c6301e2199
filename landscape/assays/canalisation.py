"""Canalisation: how fast deviations from the observed course of development vanish."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from landscape._random import RandomLike
from landscape.assays.assess import N_NULL, Assay, Measured, assess
from landscape.assays.finding import Finding
from landscape.assays.recall import corrupt
from landscape.assays.subject import Subject, View
from landscape.dynamics import Model, jacobian

FloatArray = NDArray[np.float64]

# Cells that are deflected, share of their genes that is swapped, and lifetimes until they are looked at.
N_CELLS, SHARE, LIFETIMES = 200, 0.3, 2.0
# Nearest cells whose distance is the distance to the course of development.
NEAREST = 5


def tube_width(
    model: Model, start: ArrayLike, times: Sequence[float], *, direction: ArrayLike, step: float, rng: RandomLike = 0
) -> FloatArray:
    r"""Width of a tube of paths, the standard deviation of their states along a direction, at each time.

    Parameters
    ----------
    model
        Drift and noise.
    start
        Starts, shape ``(n, d)``.
    times
        Times.
    direction
        Vector across the tube, shape ``(d,)``.
    step
        Time step.
    rng
        Seed.
    """
    path = model.simulate(np.asarray(start, dtype=float), duration=max(times), step=step, save_at=times, rng=rng)
    across = np.asarray(direction, dtype=float)
    return (path.states.numpy() @ (across / np.linalg.norm(across))).std(axis=1)


def transverse_exponent(model: Model, path: ArrayLike, duration: float) -> float:
    r"""Lyapunov exponent across a path without noise: mean rate at which small deviations at right angles to it grow.

    .. math:: \lambda_\perp = \frac{1}{T\,(d - 1)} \int_0^T \Big(\operatorname{div} f - \hat v \cdot J \hat v\Big)\, dt

    the mean over the :math:`d - 1` directions across the path; negative where valleys have walls.

    Parameters
    ----------
    model
        Model.
    path
        States at equal intervals of time, shape ``(n, d)``.
    duration
        :math:`T`.
    """
    x = torch.as_tensor(np.asarray(path, dtype=float))
    j = jacobian(model.drift, x).numpy()
    velocity = model(x).detach().numpy()
    unit = velocity / np.maximum(np.linalg.norm(velocity, axis=1, keepdims=True), np.finfo(float).tiny)
    across = np.trace(j, axis1=1, axis2=2) - np.einsum("ni,nij,nj->n", unit, j, unit)
    time = np.linspace(0, duration, len(x))
    return float(np.trapezoid(across, time) / duration / (x.shape[1] - 1))


def _measure(view: View, rng: np.random.Generator) -> Measured:
    tree = cKDTree(view.subject.cells)
    cells = view.cells(N_CELLS, rng)
    moved = corrupt(cells, SHARE, "swap", rng=rng, cells=view.subject.cells)
    duration = LIFETIMES / float(view.rates.mean())
    k = min(NEAREST, len(view.subject.cells))
    before = tree.query(moved, k)[0].reshape(len(moved), -1).mean(1)
    after = tree.query(view.flow(moved, duration), k)[0].reshape(len(moved), -1).mean(1)
    # By how much deviations shrink in the mean, over how much those of a gene alone would.
    rates = np.log(np.maximum(before, 1e-12) / np.maximum(after, 1e-12)) / LIFETIMES
    return Measured(float(rates.mean()), float(rates.std() / np.sqrt(len(rates))))


ASSAY = Assay(
    name="canalisation",
    row="16",
    section="Gene regulatory networks, attractor states, and energy landscapes",
    claim="Development is canalised: cells that are deflected come back to the course that cells take.",
    statistic="rate at which the distance to the course of cells shrinks, over the rate of decay alone (1)",
    direction="above",
    needs="C",
    measure=_measure,
)


def canalisation(subject: Subject, *, n_null: int = N_NULL, rng: RandomLike = 0) -> Finding:
    r"""Rate at which deflected cells come back to where cells are, over the rate of decay.

    Three of ten genes of a cell take the levels of other cells. With :math:`d` the distance to the nearest cells,

    .. math:: \kappa = \frac{1}{\gamma t} \Big\langle \ln \frac{d(0)}{d(t)} \Big\rangle

    after two lifetimes :math:`t` of the flow without noise. Decay alone, towards the production that the cell had, gives 1; a network that drives cells
    elsewhere gives less. Every stable network contracts, so that the null is rewired networks beside the same cells and not zero.

    Parameters
    ----------
    subject
        Model beside its cells.
    n_null, rng
        As for :func:`landscape.assays.assess`.
    """
    return assess(ASSAY, subject, n_null=n_null, rng=rng)

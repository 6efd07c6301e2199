"""Outcomes of ensembles of a model: fates by the attractors of the unperturbed model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from landscape._random import RandomLike
from landscape.dynamics import GeneModel
from landscape.topography.fates.ends import label_ends
from landscape.topography.fixed_points.roots import fixed_points

UNDIFFERENTIATED = "undifferentiated"
OTHER = "other"


@dataclass(frozen=True)
class References:
    """Reference states of the fates.

    Attributes
    ----------
    names
        Names of the attractors.
    states
        Attractors of the unperturbed model, shape ``(k, d)``.
    start
        Mean state of the start, shape ``(d,)``.
    reach
        Root mean square distance over genes up to which a state belongs to its nearest reference: half the mean distance
        between a reference and its nearest other.
    """

    names: tuple[str, ...]
    states: NDArray[np.float64]
    start: NDArray[np.float64]
    reach: float

    @property
    def fates(self) -> tuple[str, ...]:
        """Names of all fates: the attractors, ``undifferentiated`` and ``other``."""
        return (*self.names, UNDIFFERENTIATED, OTHER)

    def label(self, states: ArrayLike, held: Mapping[int, float]) -> NDArray[np.int64]:
        """Fate of each state, as position in :attr:`fates`, shape ``(n,)``.

        All genes count, as in the annotation of cells: a fate that is marked by a gene is not reached without it. The
        level of a clamped gene counts as the nearest level in the references. Hence a gene with the same level in all
        references has no effect, and neither has the distance of a level beyond their range.

        Parameters
        ----------
        states
            States, shape ``(n, d)``.
        held
            Level of each clamped gene, by position.
        """
        known = np.vstack([self.states, self.start])
        x = np.array(states, dtype=float).reshape(-1, len(self.start))
        for gene in held:
            x[:, gene] = x[:, gene].clip(known[:, gene].min(), known[:, gene].max())
        apart = np.sqrt(((x[:, None] - known[None]) ** 2).mean(2))
        nearest = apart.argmin(1)
        return np.where(apart.min(1) <= self.reach, nearest, len(known)).astype(np.int64)


def references(names: tuple[str, ...], states: ArrayLike, start: ArrayLike) -> References:
    """Make the reference states of the fates.

    Parameters
    ----------
    names
        Names of the attractors.
    states
        Attractors, shape ``(k, d)``.
    start
        States of the start, shape ``(n, d)``.

    Raises
    ------
    ValueError
        If shapes do not match, or an attractor has the name of one of the other fates.
    """
    x, first = np.asarray(states, dtype=float), np.asarray(start, dtype=float)
    if x.ndim != 2 or len(x) != len(names) or not len(x) or first.ndim != 2 or first.shape[1] != x.shape[1]:
        msg = f"Expected {len(names)} attractors (k, d) and starts (n, d), found shapes {x.shape} and {first.shape}."
        raise ValueError(msg)
    if clash := {UNDIFFERENTIATED, OTHER} & set(names):
        msg = f"Expected attractors with names of their own, found {sorted(clash)}, which are reserved; rename them."
        raise ValueError(msg)
    known = np.vstack([x, first.mean(0)])
    apart = np.sqrt(((x[:, None] - known[None]) ** 2).mean(2))
    apart[np.arange(len(x)), np.arange(len(x))] = np.inf
    return References(tuple(names), x, first.mean(0), 0.5 * float(apart.min(1).mean()))


@dataclass(frozen=True)
class Outcome:
    """Outcome of an ensemble: shares of the fates, and the attractors reached.

    Attributes
    ----------
    shares
        Share of trajectories in each fate, shape ``(k + 2,)``, in the order of :attr:`References.fates`.
    fate
        Fate of each trajectory, as position in :attr:`References.fates`, shape ``(n,)``.
    path
        States at the times that are kept, shape ``(t, n, d)``.
    mean
        Mean state at the end, shape ``(d,)``.
    attractors
        Stable fixed points that the ensemble and the attractors of the unperturbed model flow to, shape ``(m, d)``.
    labels
        Fate of each of them, shape ``(m,)``.
    eigenvalues
        Real part of the leading eigenvalue of each, shape ``(m,)``.
    matched
        For each attractor of the unperturbed model, the position in ``attractors`` of the one that it flows to, -1 if it
        reaches none; shape ``(k,)``.
    """

    shares: NDArray[np.float64]
    fate: NDArray[np.int64]
    path: NDArray[np.float64]
    mean: NDArray[np.float64]
    attractors: NDArray[np.float64]
    labels: NDArray[np.int64]
    eigenvalues: NDArray[np.float64]
    matched: NDArray[np.int64]


def outcome(
    model: GeneModel,
    start: ArrayLike,
    known: References,
    *,
    duration: float,
    n_times: int = 1,
    step: float | None = None,
    rng: RandomLike = 0,
) -> Outcome:
    r"""Simulate an ensemble of a model and find its fates.

    Trajectories follow :math:`dx = f(x)\,dt + \sqrt{2D}\,dB` for a time and then the noise-free flow to a fixed point, so
    that fluctuations about an attractor do not count as another fate. The fixed point has the fate of the nearest
    reference (:meth:`References.label`). The fate is ``other`` if none is near or no stable fixed point is reached.

    Parameters
    ----------
    model
        The model, perturbed or not. Clamped genes have their levels from the start.
    start
        Start of each trajectory, shape ``(n, d)``.
    known
        Reference states of the fates.
    duration
        Time with noise.
    n_times
        Number of times to keep, equally spaced, with the end.
    step
        Time step; by default that of the model.
    rng
        Seed or generator. With the same seed two models have the same noise, which reduces the variance of their difference.

    Returns
    -------
    Shares of the fates, the states that are kept, and the attractors reached.
    """
    step = model.step_within(duration / n_times) if step is None else step
    n_steps = max(n_times, round(duration / step))
    references_at_rest = model.clamped(known.states)

    def relax(end: Tensor) -> RestStates:
        # The attractors of the unperturbed model relax together with the ensemble, to be matched.
        return rest_states(model, torch.cat([model.clamped(end), references_at_rest]), known)

    ends = label_ends(
        model,
        model.clamped(start),
        relax=relax,
        label=lambda rest: rest.fate[: -len(references_at_rest)],
        n_steps=n_steps,
        step=step,
        save_at=list(np.round(np.linspace(0, n_steps, n_times + 1)[1:]) * step),
        rng=rng,
    )
    (rest,) = ends.rest
    return Outcome(
        shares=np.bincount(ends.labels, minlength=len(known.fates)) / len(ends.labels),
        fate=ends.labels,
        path=ends.path,
        mean=ends.path[-1].mean(0),
        attractors=rest.attractors,
        labels=rest.labels,
        eigenvalues=rest.eigenvalues,
        matched=rest.attractor[-len(references_at_rest) :],
    )


@dataclass(frozen=True)
class RestStates:
    """Attractors that states flow to without noise.

    Attributes
    ----------
    attractors
        Stable fixed points, shape ``(m, d)``.
    labels
        Fate of each of them, shape ``(m,)``.
    eigenvalues
        Real part of the leading eigenvalue of each, shape ``(m,)``.
    attractor
        Position of the attractor of each state, -1 if it reaches none, shape ``(n,)``.
    fate
        Fate of each state; ``other`` if it reaches no stable fixed point, shape ``(n,)``.
    """

    attractors: NDArray[np.float64]
    labels: NDArray[np.int64]
    eigenvalues: NDArray[np.float64]
    attractor: NDArray[np.int64]
    fate: NDArray[np.int64]


def rest_states(model: GeneModel, states: Tensor, known: References) -> RestStates:
    """Attractors of a model that states flow to, and their fates.

    Parameters
    ----------
    model
        The model, perturbed or not.
    states
        States with clamped genes at their levels, shape ``(n, d)``.
    known
        Reference states of the fates.
    """
    found = fixed_points(model.drift, states, deflate=False, n_random=0)
    stable = [k for k, point in enumerate(found.points) if point.stability == "stable"]
    attractors = np.array([found.points[k].x for k in stable]).reshape(len(stable), len(known.start))
    labels = known.label(attractors, model.drift.held)
    position = np.full(len(found.points) + 1, -1)  # the last entry, -1, is for starts without a fixed point
    position[stable] = np.arange(len(stable))
    attractor = position[found.ends]
    other = len(known.fates) - 1
    fate = np.where(attractor >= 0, np.append(labels, other)[attractor], other)
    eigenvalues = np.array([found.points[k].leading_eigenvalue.real for k in stable])
    return RestStates(attractors, labels, eigenvalues, attractor, fate)


def compare(
    model: GeneModel,
    levels: Mapping[int, float],
    start: ArrayLike,
    known: References,
    *,
    duration: float,
    n_times: int = 1,
    rng: int = 0,
) -> tuple[Outcome, Outcome]:
    """Outcomes of a model and of the model with genes clamped, with the same noise.

    Parameters
    ----------
    model
        The unperturbed model.
    levels
        Level of each clamped gene, by position.
    start
        Start of each trajectory, shape ``(n, d)``.
    known
        Reference states of the fates.
    duration
        Time with noise.
    n_times
        Number of times to keep, equally spaced, with the end.
    rng
        Seed of the noise.

    Returns
    -------
    Outcomes before and after.
    """
    wild, held = (
        outcome(each, start, known, duration=duration, n_times=n_times, rng=rng)
        for each in (model, model.held_at(levels))
    )
    return wild, held

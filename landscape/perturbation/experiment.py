"""The same start, references, duration and noise for a model and the model with genes clamped, replicates and controls."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landscape.dynamics import GeneModel
from landscape.topography.fates.outcomes import Outcome, References, outcome

logger = logging.getLogger(__name__)

# Times at which the ensembles are drawn.
N_TIMES = 20
# Trajectories of each replicate and control: a standard error of .03 is less than what models differ by.
FEW = 300


@dataclass(frozen=True, eq=False)
class Comparison:
    """Outcomes of models without and with genes clamped.

    Attributes
    ----------
    before, after
        Outcome of the model and of the perturbed model.
    replicates
        The same of each replicate of the model.
    controls
        The same for controls, in which other genes are clamped.
    """

    before: Outcome
    after: Outcome
    replicates: Sequence[tuple[Outcome, Outcome]] = ()
    controls: Sequence[tuple[Outcome, Outcome]] = ()


@dataclass(frozen=True, eq=False)
class Experiment:
    """What all models of a perturbation share.

    Attributes
    ----------
    start
        Start of each trajectory, shape ``(n, d)``.
    known
        Reference states of the fates.
    duration
        Time with noise.
    seed
        Seed of the noise.
    """

    start: NDArray[np.float64]
    known: References
    duration: float
    seed: int

    def outcome(self, model: GeneModel, *, n_times: int = 1, few: bool = True) -> Outcome:
        """Outcome of a model; with ``few`` of 300 trajectories at most."""
        start = self.start[:FEW] if few else self.start
        return outcome(model, start, self.known, duration=self.duration, n_times=n_times, rng=self.seed)

    def compare(
        self,
        model: GeneModel,
        levels: Mapping[int, float],
        *,
        ensemble: Iterable[GeneModel] = (),
        controls: Iterable[Mapping[int, float]] = (),
    ) -> Comparison:
        """Outcomes of a model, its replicates and controls, without and with genes clamped.

        Parameters
        ----------
        model
            The unperturbed model.
        levels
            Level of each clamped gene, by position.
        ensemble
            Replicates of the model, in which the same genes are clamped.
        controls
            Levels of other genes, by position, that are clamped in the model instead.
        """
        before, after = (self.outcome(each, n_times=N_TIMES, few=False) for each in (model, model.held_at(levels)))
        replicates = [(self.outcome(other), self.outcome(other.held_at(levels))) for other in ensemble]
        unperturbed, others = None, []
        for chosen in controls:
            # Controls differ in what is clamped, and share the model that they are set beside.
            unperturbed = self.outcome(model) if unperturbed is None else unperturbed
            others.append((unperturbed, self.outcome(model.held_at(chosen))))
        return Comparison(before, after, replicates, others)


def control_levels(states: NDArray[np.float64], levels: Mapping[int, float], n_controls: int) -> list[dict[int, float]]:
    """Levels of the regulators of nearest mean level: the c-th nearest of each clamped gene in the c-th control.

    Parameters
    ----------
    states
        State of each cell, shape ``(n, d)``.
    levels
        Level of each clamped gene, by position.
    n_controls
        Number of controls; fewer, with a warning, where there are not enough other regulators.
    """
    mean = states.mean(0)
    candidates = np.setdiff1d(np.arange(len(mean)), list(levels))
    n = min(n_controls, len(candidates) // max(len(levels), 1)) if levels else 0
    if n < n_controls:
        logger.warning("%d of %d controls: there are %d other regulators", n, n_controls, len(candidates))
    free, sets = list(candidates), [dict[int, float]() for _ in range(n)]
    for gene, level in levels.items():
        near = sorted(free, key=lambda other: abs(mean[other] - mean[gene]))[:n]
        for chosen, other in zip(sets, near, strict=True):
            chosen[int(other)] = level
        free = [other for other in free if other not in near]
    return sets

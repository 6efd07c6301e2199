"""A perturbation experiment: a model without and with genes clamped, its replicates and controls, under the same conditions."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landscape.dynamics import GeneModel
from landscape.topography.fates.outcomes import Outcome, References, outcome

logger = logging.getLogger(__name__)

# Number of times at which states are kept for the drawing.
N_TIMES = 20
# Trajectories of each replicate and control: a standard error of 0.03 is smaller than the differences between replicates.
MAX_TRAJECTORIES = 300


@dataclass(frozen=True, eq=False)
class Comparison:
    """Outcomes of models without and with genes clamped.

    Attributes
    ----------
    before, after
        Outcome of the model and of the perturbed model.
    replicates
        The same for each replicate of the model.
    controls
        The same for controls, in which other genes are clamped.
    """

    before: Outcome
    after: Outcome
    replicates: Sequence[tuple[Outcome, Outcome]] = ()
    controls: Sequence[tuple[Outcome, Outcome]] = ()


@dataclass(frozen=True, eq=False)
class Experiment:
    """Conditions that all models of a perturbation share: start, reference states, duration and noise.

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
        """Outcome of a model.

        Parameters
        ----------
        model
            The model, perturbed or not.
        n_times
            Number of times at which states are kept.
        few
            Use at most 300 trajectories, as for replicates and controls.
        """
        start = self.start[:MAX_TRAJECTORIES] if few else self.start
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
            Levels of other genes, by position, that are clamped instead.

        Returns
        -------
        Outcomes before and after, of the model, of each replicate and of each control.
        """
        before, after = (self.outcome(each, n_times=N_TIMES, few=False) for each in (model, model.held_at(levels)))
        replicates = [(self.outcome(other), self.outcome(other.held_at(levels))) for other in ensemble]
        unperturbed, others = None, []
        for chosen in controls:
            # All controls are compared with the same unperturbed model.
            unperturbed = self.outcome(model) if unperturbed is None else unperturbed
            others.append((unperturbed, self.outcome(model.held_at(chosen))))
        return Comparison(before, after, replicates, others)


def control_levels(states: NDArray[np.float64], levels: Mapping[int, float], n_controls: int) -> list[dict[int, float]]:
    """Levels for controls: the c-th control clamps, for each gene, the regulator with the c-th nearest mean level.

    Parameters
    ----------
    states
        State of each cell, shape ``(n, d)``.
    levels
        Level of each clamped gene, by position.
    n_controls
        Number of controls; fewer, with a warning, if there are not enough other regulators.

    Returns
    -------
    Level of each clamped gene, by position, for each control.
    """
    mean = states.mean(0)
    candidates = np.setdiff1d(np.arange(len(mean)), list(levels))
    n = min(n_controls, len(candidates) // max(len(levels), 1)) if levels else 0
    if n < n_controls:
        logger.warning("%d of %d controls: the model has %d other regulators", n, n_controls, len(candidates))
    free, sets = list(candidates), [dict[int, float]() for _ in range(n)]
    for gene, level in levels.items():
        near = sorted(free, key=lambda other: abs(mean[other] - mean[gene]))[:n]
        for chosen, other in zip(sets, near, strict=True):
            chosen[int(other)] = level
        free = [other for other in free if other not in near]
    return sets

"""Minimum-action paths, the barriers along them, and the network of transitions between attractors."""

from landscape.topography.large_deviations.action import MinimumAction, barrier, minimum_action
from landscape.topography.large_deviations.tension import Pull, Tension, path_pull, tension
from landscape.topography.large_deviations.transitions import (
    Transition,
    TransitionNetwork,
    TransitionPath,
    transition_network,
    transition_path,
)

__all__ = [
    "MinimumAction",
    "Pull",
    "Tension",
    "Transition",
    "TransitionNetwork",
    "TransitionPath",
    "barrier",
    "minimum_action",
    "path_pull",
    "tension",
    "transition_network",
    "transition_path",
]

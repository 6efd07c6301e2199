"""Lyapunov energies of the strongly connected components of a network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from landscape.dynamics import GeneModel, RegulatoryDrift
from landscape.dynamics.model import drift_of
from landscape.topography.energy import LyapunovEnergy, asymmetry, lyapunov_energy, symmetriser
from landscape.topography.field import as_states

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


@dataclass(frozen=True)
class ComponentEnergy:
    """Energy of a component at states ``(n, d)`` of the whole network, with genes outside clamped at ``levels``."""

    energy: LyapunovEnergy
    levels: Mapping[int, float]

    def __call__(self, states: ArrayLike | Tensor) -> Tensor:
        """Energy, dimensionless, shape ``(n,)``."""
        x = as_states(states, name="states").clone()
        for gene, level in self.levels.items():
            x[:, gene] = level
        return self.energy(x)


@dataclass(frozen=True)
class Component:
    """A strongly connected component of a network, and whether it has an energy.

    Attributes
    ----------
    genes
        Indices of the genes.
    regulators
        Genes outside that regulate them.
    asymmetry, residual
        Asymmetry index of the weights among the genes, and the residual of the symmetriser.
    exists
        Whether the component has an energy.
    drift
        Drift of the whole network.
    """

    genes: tuple[int, ...]
    regulators: tuple[int, ...]
    asymmetry: float
    residual: float
    exists: bool
    drift: RegulatoryDrift

    def energy(self, state: ArrayLike | Tensor) -> ComponentEnergy:
        """Energy of the component with its regulators at their levels in a state of shape ``(d,)``.

        It is a function of states of the whole network and never rises along the flow while the regulators stay at these
        levels. Genes downstream do not enter it.

        Raises
        ------
        ValueError
            If the component has no energy, or the state has another shape.
        """
        at = as_states(state, name="state")
        if at.shape != (1, self.drift.n_genes):
            msg = f"Expected one state of {self.drift.n_genes} genes, found shape {tuple(at.shape)}."
            raise ValueError(msg)
        outside = [j for j in range(self.drift.n_genes) if j not in set(self.genes) | set(self.drift.held)]
        levels = {j: float(at[0, j]) for j in outside}
        return ComponentEnergy(lyapunov_energy(self.drift.held_at(levels)), levels)


def energy_components(drift: RegulatoryDrift | GeneModel) -> tuple[Component, ...]:
    r"""Split a network into its strongly connected components and test whether each has an energy.

    There is no feedback from downstream of a component, and input from upstream is constant once it has settled. A
    network whose :math:`W` is not symmetrisable as a whole may therefore have an energy for each component. It never
    rises while the regulators outside are constant, which holds in the long run if they have an energy too; it has no
    meaning while they change.

    Parameters
    ----------
    drift
        The drift or a model. Clamped genes belong to no component.

    Returns
    -------
    Components in topological order, upstream first; single genes without self-regulation are components as well.

    Raises
    ------
    TypeError
        If the drift is not a :class:`~landscape.dynamics.RegulatoryDrift`.
    """
    drift = drift_of(drift)
    if not isinstance(drift, RegulatoryDrift):
        msg = f"Expected a RegulatoryDrift, found {type(drift).__name__}; other drifts have no known energy."
        raise TypeError(msg)
    free = np.array([i for i in range(drift.n_genes) if i not in drift.held], dtype=int)
    weights = drift.weights.detach().numpy()
    links = csr_array(weights[np.ix_(free, free)] != 0)
    count, labels = connected_components(links, directed=True, connection="strong")
    found = []
    for part in range(count):
        genes = free[labels == part]
        inner = weights[np.ix_(genes, genes)]
        outside = np.setdiff1d(np.flatnonzero((weights[genes] != 0).any(0)), genes)
        scaled = symmetriser(inner)
        found.append(
            Component(
                genes=tuple(genes.tolist()),
                regulators=tuple(outside.tolist()),
                asymmetry=asymmetry(inner),
                residual=scaled.residual,
                exists=scaled.exists and bool((drift.ceiling[genes.tolist()] > 0).all()),
                drift=drift,
            )
        )
    return _upstream_first(found)


def _upstream_first(found: list[Component]) -> tuple[Component, ...]:
    """Components in topological order: regulators before their targets."""
    home = {gene: k for k, part in enumerate(found) for gene in part.genes}
    ordered: list[int] = []

    def visit(k: int) -> None:
        if k in seen:
            return
        seen.add(k)
        for gene in found[k].regulators:
            if gene in home:
                visit(home[gene])
        ordered.append(k)

    seen: set[int] = set()
    for k in range(len(found)):
        visit(k)
    return tuple(found[k] for k in ordered)

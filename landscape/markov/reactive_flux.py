"""Reactive flux between two sets of states of a Markov chain, by transition path theory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from landscape.markov.absorption import committor_chain, stationary_distribution
from landscape.markov.transition_matrix import absorbing_sets, row_stochastic


@dataclass(frozen=True)
class ReactiveFlux:
    r"""Flux of the trajectories that go from A to B without returning to A.

    Attributes
    ----------
    gross, net
        :math:`f_{ij} = \pi_i q^-_i P_{ij} q^+_j` and :math:`\max(0, f_{ij} - f_{ji})`, csr of shape ``(n, n)``.
    stationary, forward, backward
        :math:`\pi` and the committors :math:`q^+, q^-`, each of shape ``(n,)``.
    total
        Number of transitions from A to B per step.
    rate
        Number of transitions per step among the steps since A: ``total`` divided by :math:`\sum_i \pi_i q^-_i`. Its
        inverse is the mean first passage time from A to B.
    converged
        Whether all three linear systems converged.
    """

    gross: sparse.csr_array
    net: sparse.csr_array
    stationary: NDArray[np.float64]
    forward: NDArray[np.float64]
    backward: NDArray[np.float64]
    total: float
    rate: float
    converged: bool


def transition_path_flux(
    transitions: sparse.csr_array | sparse.csr_matrix,
    start: Sequence[int] | NDArray,
    end: Sequence[int] | NDArray,
    *,
    tolerance: float = 1e-6,
) -> ReactiveFlux:
    r"""Reactive flux from A to B and its rate, from transition path theory.

    .. math:: k_{AB} = \frac{\sum_{i \in A, j} \pi_i P_{ij} q^+_j}{\sum_i \pi_i q^-_i}

    Detailed balance is not assumed: the backward committor is solved on the time-reversed chain.

    Parameters
    ----------
    transitions
        Row-stochastic sparse matrix with one closed class, shape ``(n, n)``.
    start, end
        Indices or mask of A and of B.
    tolerance
        As in :func:`absorption_probabilities`.

    Raises
    ------
    ValueError
        If a state has no stationary weight, so that the reversed chain is not defined.

    References
    ----------
    Metzner, Schuette and Vanden-Eijnden (2009), *Multiscale Model. Simul.* 7, 1192.
    https://doi.org/10.1137/070699500
    """
    matrix = row_stochastic(transitions)
    steady = stationary_distribution(matrix)
    pi = steady.distribution
    if not (pi > 0).all():
        msg = (
            f"Expected an irreducible chain, found {int((pi <= 0).sum())} states without stationary weight; keep only "
            "the closed class of `communicating_classes`."
        )
        raise ValueError(msg)
    reversed_chain = sparse.csr_array(sparse.diags_array(1 / pi) @ matrix.T @ sparse.diags_array(pi))
    # Its rows sum to one up to the residual of pi divided by pi, which is large for states that are rarely visited.
    reversed_chain = sparse.csr_array(sparse.diags_array(1 / reversed_chain.sum(1)) @ reversed_chain)
    forth = committor_chain(matrix, start, end, tolerance=tolerance)
    back = committor_chain(reversed_chain, start, end, tolerance=tolerance)
    forward, backward = forth.probabilities[:, 1], back.probabilities[:, 0]
    gross = sparse.csr_array(sparse.diags_array(pi * backward) @ matrix @ sparse.diags_array(forward))
    gross.setdiag(0.0)
    gross.eliminate_zeros()
    net = sparse.csr_array((gross - gross.T).maximum(0))
    sets = absorbing_sets({"start": start}, matrix.shape[0])
    total = float(gross[sets["start"]].sum())
    return ReactiveFlux(
        gross=gross,
        net=net,
        stationary=pi,
        forward=forward,
        backward=backward,
        total=total,
        rate=total / float(pi @ backward),
        converged=steady.converged and forth.converged and back.converged,
    )

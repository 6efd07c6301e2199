"""Fates of a circuit: their shares among trajectories, and fate probabilities of states."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from landscape._random import RandomLike, generator
from landscape.circuits.circuit import OTHER, Circuit
from landscape.circuits.ensemble import Noise, noise_of, require_positive, require_whole, start_states
from landscape.dynamics.sde import integrate

# States whose replicates are simulated together, which bounds the memory.
CHUNK = 256


def fate_shares(
    circuit: Circuit,
    *,
    knockouts: Iterable[str] = (),
    levels: Mapping[str, float] | None = None,
    n: int = 2000,
    duration: float | None = None,
    noise: Literal["chemical", "constant"] = "chemical",
    system_size: float | None = None,
    diffusion: float | None = None,
    step: float = 0.05,
    rng: RandomLike = 0,
) -> pd.Series:
    r"""Share of trajectories from the initial state that end in each fate.

    Parameters
    ----------
    circuit
        The circuit.
    knockouts, levels
        Knocked-out genes, and levels at which the production of genes is clamped.
    n
        Number of trajectories; the standard error of a share :math:`p` is :math:`\sqrt{p(1-p)/n}`.
    duration
        Time at which fates are classified; by default that of the circuit.
    noise, system_size, diffusion
        ``"chemical"`` noise of a system size, or ``"constant"`` noise of a diffusion; by default those of the circuit.
    step
        Time step of the Euler-Maruyama scheme.
    rng
        Seed or generator.

    Returns
    -------
    Shares, indexed by the fates and ``"other"``; they sum to 1.

    Raises
    ------
    ValueError
        If a gene is unknown or a number out of its range.
    """
    require_whole(1, n=n)
    held = circuit.held(knockouts, levels)
    law = noise_of(circuit, noise, system_size, diffusion)
    random = generator(rng)
    start = start_states(circuit, n, law, random, held)
    final = _final_states(circuit, start, law, held, duration, step, random)
    found = circuit.classify(final)
    names = [*circuit.fates, OTHER]
    return pd.Series([float((found == name).mean()) for name in names], index=names, name="share")


def fate_probabilities(
    states: Any,
    circuit: Circuit,
    *,
    n_replicates: int = 50,
    knockouts: Iterable[str] = (),
    levels: Mapping[str, float] | None = None,
    noise: Literal["chemical", "constant"] = "chemical",
    system_size: float | None = None,
    diffusion: float | None = None,
    duration: float | None = None,
    step: float = 0.05,
    rng: RandomLike = 0,
) -> pd.DataFrame:
    r"""Fate probabilities of states, by simulating each of them many times.

    Parameters
    ----------
    states
        AnnData made by :func:`simulate` (its ``obsm["X_truth"]``), a DataFrame of states x genes, or an array of
        shape ``(n, d)``.
    circuit
        The circuit.
    n_replicates
        Number of simulations of each state; the standard error of a probability :math:`p` is :math:`\sqrt{p(1-p)/n}`.
    knockouts, levels, noise, system_size, diffusion, duration, step, rng
        As in :func:`fate_shares`.

    Returns
    -------
    DataFrame, states x fates and ``"other"``; rows sum to 1.

    Raises
    ------
    KeyError
        If the AnnData has no true states.
    ValueError
        If the states have a wrong shape, are negative or not finite.
    """
    require_whole(1, n_replicates=n_replicates)
    held = circuit.held(knockouts, levels)
    law = noise_of(circuit, noise, system_size, diffusion)
    random = generator(rng)
    x, index = _states(states, circuit)
    names = [*circuit.fates, OTHER]
    shares = np.empty((len(x), len(names)))
    for first in range(0, len(x), CHUNK):
        part = x[first : first + CHUNK]
        final = _final_states(circuit, part.repeat_interleave(n_replicates, 0), law, held, duration, step, random)
        found = circuit.classify(final).reshape(len(part), n_replicates)
        shares[first : first + CHUNK] = np.stack([(found == name).mean(1) for name in names], axis=1)
    return pd.DataFrame(shares, index=index, columns=names)


def _states(states: Any, circuit: Circuit) -> tuple[Tensor, pd.Index | None]:
    if hasattr(states, "obsm"):
        if "X_truth" not in states.obsm:
            msg = "`adata.obsm['X_truth']` is missing; simulate the data with `landscape.circuits.simulate(circuit)`."
            raise KeyError(msg)
        states = states.obsm["X_truth"]
    index = None
    if isinstance(states, pd.DataFrame):
        index = states.index
        if missing := sorted(set(circuit.genes) - set(states.columns)):
            msg = f"Expected a column for each gene of circuit {circuit.name!r}, missing {missing}."
            raise ValueError(msg)
        states = states[list(circuit.genes)].to_numpy()
    x = torch.as_tensor(np.asarray(states, dtype=float))
    if x.ndim != 2 or x.shape[1] != len(circuit.genes):
        msg = f"Expected states of shape (n, {len(circuit.genes)}), found {tuple(x.shape)}."
        raise ValueError(msg)
    if not torch.isfinite(x).all() or (x < 0).any():
        msg = "Expected finite, non-negative states."
        raise ValueError(msg)
    return x, index


def _final_states(
    circuit: Circuit,
    start: Tensor,
    noise: Noise,
    held: Mapping[str, float],
    duration: float | None,
    step: float,
    rng: np.random.Generator,
) -> Tensor:
    duration = circuit.duration if duration is None else duration
    require_positive(duration=duration, step=step)
    drift = circuit.drift(levels=held)
    x = start
    path = integrate(drift, start, diffusion=noise.diffusion(drift), step=step, rng=rng, lower=0.0)
    for _ in range(round(duration / step)):
        x = next(path)
    return x

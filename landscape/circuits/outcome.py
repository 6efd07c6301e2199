"""Fates of a circuit: shares among trajectories, and probabilities from a state on."""

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

# States whose replicates run together: bounds the memory and keeps results independent of how states are split.
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
        Genes without production, and levels at which production is held.
    n
        Number of trajectories; the standard error of a share :math:`p` is :math:`\sqrt{p(1-p)/n}`.
    duration
        Time at which fates are read; by default the circuit's.
    noise, system_size, diffusion
        ``"chemical"`` noise of a system size, or ``"constant"`` noise of a diffusion; by default the circuit's.
    step
        Time step of Euler-Maruyama.
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
    final = _run(circuit, start, law, held, duration, step, random)
    found = circuit.classify(final)
    names = [*circuit.fates, OTHER]
    return pd.Series([float((found == name).mean()) for name in names], index=names, name="share")


def committor(
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
    r"""Fate probabilities of states, by running each of them on many times.

    Parameters
    ----------
    states
        AnnData made by :func:`simulate` (its ``obsm["X_truth"]``), a DataFrame of states x genes, or an array of
        shape ``(n, d)``.
    circuit
        The circuit.
    n_replicates
        Runs of each state; the standard error of a probability :math:`p` is :math:`\sqrt{p(1-p)/n}`.
    knockouts, levels, noise, system_size, diffusion, duration, step, rng
        As in :func:`fate_shares`.

    Returns
    -------
    DataFrame, states x fates and ``"other"``; rows sum to 1.

    Raises
    ------
    KeyError
        If the AnnData holds no true states.
    ValueError
        If the states have another shape than the circuit, are negative or not finite.
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
        final = _run(circuit, part.repeat_interleave(n_replicates, 0), law, held, duration, step, random)
        found = circuit.classify(final).reshape(len(part), n_replicates)
        shares[first : first + CHUNK] = np.stack([(found == name).mean(1) for name in names], axis=1)
    return pd.DataFrame(shares, index=index, columns=names)


def _states(states: Any, circuit: Circuit) -> tuple[Tensor, pd.Index | None]:
    if hasattr(states, "obsm"):
        if "X_truth" not in states.obsm:
            msg = "`adata.obsm['X_truth']` is missing; make the data with `landscape.circuits.simulate(circuit)`."
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
        msg = "Expected states that are finite and not negative."
        raise ValueError(msg)
    return x, index


def _run(
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

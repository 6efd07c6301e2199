"""Counts simulated from a circuit, with the whole truth attached."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from anndata import AnnData
from scipy import sparse
from torch import Tensor

from landscape import _keys
from landscape._random import RandomLike, generator
from landscape.circuits.circuit import OTHER, Circuit
from landscape.circuits.ensemble import (
    Ensemble,
    Growth,
    Noise,
    committor_of_states,
    follow,
    noise_of,
    positive,
    start_states,
)
from landscape.circuits.readout import Measurement, Targets, draw_measurement, draw_targets, negative_binomial

# Cells of a growing population that stand behind each time point.
POPULATION = 500


def simulate(
    circuit: Circuit,
    n_cells: int = 1000,
    *,
    knockouts: Iterable[str] = (),
    levels: Mapping[str, float] | None = None,
    times: Sequence[float] | None = None,
    n_targets: int = 200,
    n_housekeeping: int = 100,
    depth: float = 3000.0,
    depth_spread: float = 0.3,
    noise: Literal["chemical", "constant"] = "chemical",
    system_size: float | None = None,
    diffusion: float | None = None,
    batches: int = 1,
    batch_spread: float = 0.2,
    unspliced: bool = False,
    growth: Mapping[str, float] | Growth | None = None,
    duration: float | None = None,
    step: float = 0.05,
    rng: RandomLike = 0,
    network_rng: RandomLike = 0,
) -> AnnData:
    r"""Simulate cells of a circuit and their counts.

    The state of the circuit follows :math:`dx = f(x)\,dt + \sqrt{2 D(x)}\,dB` (Ito, Euler-Maruyama, reflected at 0)
    with the :class:`HillCube` drift. A measured cell is destroyed: each cell is a trajectory of its own, read at one
    time. Targets follow the circuit without feeding back, housekeeping genes follow nothing. Counts are negative
    binomial around :math:`\mu_{cg} = l_c \, m_g y_{cg} / \sum_{g'} m_{g'} y_{cg'}`, with :math:`l_c` log-normal.

    Parameters
    ----------
    circuit
        The circuit.
    n_cells
        Number of cells, shared out evenly over ``times``.
    knockouts
        Genes without production from the start, at level 0.
    levels
        Level at which the production of a gene is held from the start, as in over-expression (1 is fully on).
    times
        Times at which cells are measured; by default 11 from 0 to ``duration``.
    n_targets, n_housekeeping
        Numbers of target genes and of genes that do not change.
    depth, depth_spread
        Median expected counts of a cell, and standard deviation of its logarithm.
    noise, system_size, diffusion
        ``"chemical"`` noise (chemical Langevin, system size :math:`\Omega`) or ``"constant"`` noise :math:`D`; by default
        the circuit's own size.
    batches, batch_spread
        Number of batches, and the standard deviation of the logarithm of the factor that each puts on each gene.
    unspliced
        Add ``layers["unspliced"]``: :math:`u = P / \beta` with :math:`P` the production of the gene, so that
        :math:`\beta u - y/\tau` is exactly the noise-free velocity (splicing is taken as fast).
    growth
        Net growth rate (births less deaths) of the cells in each fate, or a function of states. Cells divide and
        die until their time; the number of cells per time point stays as asked for.
    duration
        Time at which ``obs["fate"]`` is read; by default the circuit's.
    step
        Time step.
    rng
        Seed of the cells: paths, depth, counts, batches.
    network_rng
        Seed of the genes: rules, half-lives, mean levels. Kept apart from ``rng``, so that a wild type and its
        knock-outs share their genes.

    Returns
    -------
    AnnData, cells in random order.

    ``X``, ``layers["counts"]``
        Counts (``csr_matrix``, float32); ``layers["unspliced"]`` on request.
    ``obs``
        ``time``; ``fate`` that this cell reaches if its own path runs on; ``batch``; ``size_factor``.
    ``obsm``
        ``X_truth``, ``velocity_truth``: true state and noise-free velocity, DataFrames cells x circuit genes.
    ``var``
        ``regulator``; ``kind``; ``abundance``, ``dispersion``, ``decay_rate``, ``splicing_rate``.
    ``uns["truth"]``
        ``network`` (DataFrame ``source``, ``target``, ``sign``), ``regulators``, ``fates``, ``fate_states``
        (DataFrame fates x regulators), ``params``.

    Raises
    ------
    ValueError
        If a gene is unknown, a time negative or a number out of its range.

    References
    ----------
    Gillespie (2000), *J. Chem. Phys.* 113, 297. https://doi.org/10.1063/1.481811
    Wittmann et al. (2009), *BMC Systems Biology* 3, 98. https://doi.org/10.1186/1752-0509-3-98
    """
    held = circuit.held(knockouts, levels)
    law = noise_of(circuit, noise, system_size, diffusion)
    duration = circuit.duration if duration is None else duration
    for name, value in {
        "n_cells": n_cells,
        "depth": depth,
        "batches": batches,
        "duration": duration,
        "step": step,
    }.items():
        positive(name, value)
    for name, value in {
        "n_targets": n_targets,
        "n_housekeeping": n_housekeeping,
        "depth_spread": depth_spread,
        "batch_spread": batch_spread,
    }.items():
        if not 0 <= value < np.inf:
            msg = f"Expected `{name}` not to be negative, found {value}."
            raise ValueError(msg)
    points = _time_points(times, duration)
    cells, genes = generator(rng), generator(network_rng)
    targets = draw_targets(circuit.genes, n_targets, genes)
    time_scale = np.concatenate(
        [circuit.vector("time_scale", 1.0).numpy(), targets.time_scale.numpy(), np.ones(n_housekeeping)]
    )
    measurement = draw_measurement(
        len(circuit.genes), n_targets, n_housekeeping, time_scale, depth=depth, depth_spread=depth_spread, rng=genes
    )
    at = np.sort(points[np.arange(n_cells) % len(points)])
    drift = circuit.drift(levels=held)
    ensemble = _cells(circuit, drift, at, targets, law, held, growth, duration=duration, step=step, rng=cells)
    order = cells.permutation(n_cells)
    adata = _measure(
        circuit, drift, ensemble, targets, measurement, time_scale, batches, batch_spread, unspliced, cells
    )
    adata.obs.insert(0, "time", at)
    adata.obs.insert(1, "fate", pd.Categorical(circuit.classify(ensemble.final), [*circuit.fates, OTHER]))
    adata = adata[order].copy()
    adata.obs_names = [f"cell{i}" for i in range(n_cells)]
    adata.uns[_keys.TRUTH] = _truth(
        circuit,
        targets,
        {
            "knockouts": sorted(g for g in held if g not in (levels or {})),
            "levels": dict(levels or {}),
            "noise": law.kind,
            "noise_size": law.size,
            "times": points,
            "duration": float(duration),
            "step": float(step),
            "depth": float(depth),
            "depth_spread": float(depth_spread),
            "batches": int(batches),
            "growth": "none" if growth is None else "function" if callable(growth) else dict(growth),
        },
    )
    return adata


def committor(
    states: AnnData | pd.DataFrame | np.ndarray,
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
        AnnData made by :func:`simulate` (its ``obsm["X_truth"]``), or states of shape ``(n, d)``.
    circuit
        The circuit.
    n_replicates
        Runs of each state; the standard error of a probability :math:`p` is :math:`\sqrt{p(1-p)/n}`.
    knockouts, levels, noise, system_size, diffusion, duration, step, rng
        As in :func:`simulate`.

    Returns
    -------
    DataFrame, states x fates and ``"other"``; rows sum to 1.

    Raises
    ------
    KeyError
        If the AnnData holds no true states.
    ValueError
        If the states have another shape than the circuit, or are negative.
    """
    if isinstance(states, AnnData):
        if "X_truth" not in states.obsm:
            msg = "`adata.obsm['X_truth']` is missing; make the data with `landscape.circuits.simulate(circuit)`."
            raise KeyError(msg)
        states = states.obsm["X_truth"]
    index = states.index if isinstance(states, pd.DataFrame) else None
    if isinstance(states, pd.DataFrame):
        circuit.require_genes(states.columns, "`states`")
        if missing := sorted(set(circuit.genes) - set(states.columns)):
            msg = f"Expected a column for each gene of the circuit, missing {missing}."
            raise ValueError(msg)
        states = states[list(circuit.genes)]
    shares = committor_of_states(
        np.asarray(states, dtype=float),
        circuit,
        n_replicates=n_replicates,
        noise=noise_of(circuit, noise, system_size, diffusion),
        held=circuit.held(knockouts, levels),
        duration=duration,
        step=step,
        rng=rng,
    )
    return pd.DataFrame(shares, index=index, columns=[*circuit.fates, OTHER])


def _time_points(times: Sequence[float] | None, duration: float) -> np.ndarray:
    points = np.linspace(0.0, duration, 11) if times is None else np.atleast_1d(np.asarray(times, dtype=float))
    if points.ndim != 1 or not len(points) or not np.isfinite(points).all() or (points < 0).any():
        msg = f"Expected `times` to be finite numbers that are not negative, found {points.tolist()}."
        raise ValueError(msg)
    return points


def _growth_rate(circuit: Circuit, growth: Mapping[str, float] | Growth | None) -> Growth | None:
    if growth is None or callable(growth):
        return growth
    if unknown := sorted(set(growth) - {*circuit.fates, OTHER}):
        msg = f"Unknown fates {unknown} in `growth`; circuit {circuit.name!r} has {[*circuit.fates, OTHER]}."
        raise ValueError(msg)
    rates = {name: float(rate) for name, rate in growth.items()}
    if bad := {name: rate for name, rate in rates.items() if not np.isfinite(rate)}:
        msg = f"Expected finite growth rates, found {bad}."
        raise ValueError(msg)

    def rate(x: Tensor) -> Tensor:
        return torch.tensor([rates.get(fate, 0.0) for fate in circuit.classify(x)], dtype=torch.float64)

    return rate


def _cells(
    circuit: Circuit,
    drift: Any,
    at: np.ndarray,
    targets: Targets,
    law: Noise,
    held: Mapping[str, float],
    growth: Mapping[str, float] | Growth | None,
    *,
    duration: float,
    step: float,
    rng: np.random.Generator,
) -> Ensemble:
    rate = _growth_rate(circuit, growth)
    ran, keep = at, np.arange(len(at))
    if rate is not None:
        # A population of a few cells could hardly grow apart; sample from a larger one.
        points, counts = np.unique(at, return_counts=True)
        sizes = np.maximum(counts, POPULATION)
        ran = np.repeat(points, sizes)
        ends = np.cumsum(sizes)
        picks = [
            end - size + np.sort(rng.permutation(size)[:c]) for end, size, c in zip(ends, sizes, counts, strict=True)
        ]
        keep = np.concatenate(picks)
    start = start_states(circuit, len(ran), law, rng, held)
    found = follow(drift, start, ran, targets, noise=law, duration=duration, step=step, rng=rng, growth=rate)
    return Ensemble(found.states[keep], found.targets[keep], found.final[keep])


def _measure(
    circuit: Circuit,
    drift: Any,
    ensemble: Ensemble,
    targets: Targets,
    measurement: Measurement,
    time_scale: np.ndarray,
    batches: int,
    batch_spread: float,
    unspliced: bool,
    rng: np.random.Generator,
) -> AnnData:
    x = ensemble.states
    n, n_housekeeping = len(x), len(time_scale) - len(circuit.genes) - len(targets.names)
    steady = np.ones((n, n_housekeeping))
    level = np.concatenate([x.numpy(), ensemble.targets.numpy(), steady], axis=1)
    batch = rng.integers(batches, size=n)
    effect = np.exp(batch_spread * rng.normal(size=(batches, level.shape[1]))) if batches > 1 else np.ones((1, 1))
    amount = measurement.abundance * effect[batch]
    depth = measurement.depth * np.exp(measurement.depth_spread * rng.normal(size=n))
    scale = (depth / (amount * level).sum(1))[:, None] * amount
    counts = negative_binomial(scale * level, measurement.dispersion, rng)
    names = [*circuit.genes, *targets.names, *(f"Housekeeping{i + 1}" for i in range(n_housekeeping))]
    kind = np.repeat(["regulator", "target", "housekeeping"], [len(circuit.genes), len(targets.names), n_housekeeping])
    var = pd.DataFrame(
        {
            _keys.REGULATOR: kind == "regulator",
            "kind": pd.Categorical(kind),
            "abundance": measurement.abundance,
            "dispersion": measurement.dispersion,
            "decay_rate": 1.0 / time_scale,
            "splicing_rate": measurement.splicing_rate,
        },
        index=names,
    )
    cells = [f"cell{i}" for i in range(n)]
    obs = pd.DataFrame(
        {"batch": pd.Categorical([f"batch{b}" for b in batch]), "size_factor": depth / measurement.depth}, index=cells
    )
    matrix = sparse.csr_matrix(counts, dtype=np.float32)
    adata = AnnData(matrix, obs=obs, var=var, layers={_keys.COUNTS: matrix.copy()})
    if unspliced:
        gates = drift.gates(x)
        aim = [drift.target(x).clamp_min(0.0).numpy(), targets.level(gates).numpy(), steady]
        young = np.concatenate(aim, axis=1) / (time_scale * measurement.splicing_rate)
        adata.layers[_keys.UNSPLICED] = sparse.csr_matrix(
            negative_binomial(scale * young, measurement.dispersion, rng), dtype=np.float32
        )
    for key, value in {"X_truth": x, "velocity_truth": drift(x)}.items():
        adata.obsm[key] = pd.DataFrame(value.numpy(), index=cells, columns=list(circuit.genes))
    return adata


def _truth(circuit: Circuit, targets: Targets, params: Mapping[str, Any]) -> dict[str, Any]:
    network = pd.concat([circuit.network, targets.network], ignore_index=True)
    network.index = network.index.astype(str)
    return {
        "network": network,
        "regulators": np.array(circuit.genes, dtype=object),
        "fates": np.array(list(circuit.fates), dtype=object),
        "fate_states": circuit.fate_states,
        "params": {
            **params,
            "circuit": circuit.name,
            "knockouts": np.array(params["knockouts"], dtype=object),
            **{
                key: circuit.vector(key, default).numpy()
                for key, default in (("time_scale", 1.0), ("threshold", 0.5), ("hill", 4.0))
            },
        },
    }

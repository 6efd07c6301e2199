"""Counts simulated from a circuit, together with the ground truth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse

from landscape import _keys
from landscape._random import RandomLike, generator
from landscape.circuits.circuit import OTHER, Circuit
from landscape.circuits.counts import Measurement, draw_genes
from landscape.circuits.ensemble import (
    Ensemble,
    Growth,
    Noise,
    growth_rate,
    noise_of,
    require_positive,
    require_whole,
    simulate_ensemble,
    start_states,
)
from landscape.circuits.kinetics import HillCube
from landscape.circuits.targets import Targets, draw_targets

# Smallest growing population from which the cells of a time point are drawn.
POPULATION = 500
# Measured times by default.
N_TIMES = 11
# Decimals of times, which remove the rounding of a product: 6 * 0.05 is 0.30000000000000004.
TIME_DIGITS = 9


def simulate(
    circuit: Circuit,
    *,
    n_cells: int = 1000,
    knockouts: Iterable[str] = (),
    levels: Mapping[str, float] | None = None,
    times: Sequence[float] | np.ndarray | None = None,
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
    with the :class:`HillCube` drift. Measurement destroys a cell: each cell is a separate trajectory, measured at one
    time. Targets follow the circuit without feedback; housekeeping genes are constant. Counts are negative
    binomial around :math:`\mu_{cg} = l_c \, m_g y_{cg} / \sum_{g'} m_{g'} y_{cg'}`, with :math:`l_c` log-normal.

    Parameters
    ----------
    circuit
        The circuit.
    n_cells
        Number of cells, divided evenly among ``times``.
    knockouts
        Knocked-out genes: no production, level 0 from the start.
    levels
        Level at which the production of a gene is clamped from the start, as in over-expression (1 is fully on).
    times
        Times at which cells are measured, rounded to whole steps; by default 11 from 0 to ``duration``.
    n_targets, n_housekeeping
        Numbers of target genes and of constant genes.
    depth, depth_spread
        Median expected counts of a cell, and standard deviation of its logarithm.
    noise, system_size, diffusion
        ``"chemical"`` noise (chemical Langevin, system size :math:`\Omega`) or ``"constant"`` noise :math:`D`; by default
        the size of the circuit.
    batches, batch_spread
        Number of batches, and the standard deviation of the logarithm of the batch factors of genes.
    unspliced
        Add ``layers["unspliced"]``: :math:`u = P / \beta` with :math:`P` the production of the gene, so that
        :math:`\beta u - y/\tau` is exactly the noise-free velocity (splicing is taken as fast).
    growth
        Net growth rate (births less deaths) of the cells in each fate, or a function of states. Cells divide and
        die until their measurement; the number of cells per time point is unchanged.
    duration
        Time at which ``obs["fate"]`` is classified; by default that of the circuit.
    step
        Time step.
    rng
        Seed of the cells: paths, depth, counts, batches.
    network_rng
        Seed of the genes: rules, half-lives, mean levels. It is separate from ``rng``, so that a wild type and its
        knock-outs have the same genes.

    Returns
    -------
    AnnData, cells in random order.

    ``X``, ``layers["counts"]``
        Counts (``csr_matrix``, float32); ``layers["unspliced"]`` on request.
    ``obs``
        ``time``; ``fate`` that the trajectory of the cell reaches; ``batch``; ``size_factor``.
    ``obsm``
        ``X_truth``, ``velocity_truth``: true states and noise-free velocities, DataFrames of cells x circuit genes.
    ``var``
        ``regulator``; ``kind``; ``abundance``, ``dispersion``, ``decay_rate``, ``splicing_rate``.
    ``uns["truth"]``
        ``network`` (DataFrame ``source``, ``target``, ``sign``), ``regulators``, ``fates``, ``fate_states``
        (DataFrame fates x regulators), ``params``.

    Raises
    ------
    ValueError
        If a gene is unknown, a time is negative, or a number is out of its range.

    References
    ----------
    Gillespie (2000), *J. Chem. Phys.* 113, 297. https://doi.org/10.1063/1.481811
    Wittmann et al. (2009), *BMC Systems Biology* 3, 98. https://doi.org/10.1186/1752-0509-3-98
    """
    held = circuit.held(knockouts, levels)
    law = noise_of(circuit, noise, system_size, diffusion)
    duration = circuit.duration if duration is None else duration
    require_whole(1, n_cells=n_cells, batches=batches)
    require_whole(0, n_targets=n_targets, n_housekeeping=n_housekeeping)
    require_positive(depth=depth, duration=duration, step=step)
    points = _time_points(times, duration, step)
    genes = generator(network_rng)
    targets = draw_targets(circuit.genes, n_targets, genes)
    names = {
        "regulator": circuit.genes,
        "target": targets.names,
        "housekeeping": [f"Housekeeping{i + 1}" for i in range(n_housekeeping)],
    }
    time_scale = np.r_[circuit.vector("time_scale").numpy(), targets.time_scale.numpy(), np.ones(n_housekeeping)]
    table = draw_genes(names, time_scale, genes)
    measurement = Measurement(table, float(depth), float(depth_spread), batches, float(batch_spread))

    cells = generator(rng)
    drift = circuit.drift(levels=held)
    at, ensemble = _ensemble(
        circuit, drift, n_cells, points, targets, law, held, growth, duration=duration, step=step, rng=cells
    )
    adata = _measure(drift, ensemble, targets, measurement, cells, unspliced=unspliced)
    adata.obs.insert(0, "time", np.round(at * step, TIME_DIGITS))
    adata.obs.insert(1, "fate", pd.Categorical(circuit.classify(ensemble.final), [*circuit.fates, OTHER]))
    for key, value in {"X_truth": ensemble.states, "velocity_truth": drift(ensemble.states)}.items():
        adata.obsm[key] = pd.DataFrame(value.numpy(), index=adata.obs_names, columns=list(circuit.genes))
    adata.uns[_keys.TRUTH] = _truth(circuit, targets) | {
        "params": {
            "circuit": circuit.name,
            "knockouts": np.array(sorted(set(held) - set(levels or {})), dtype=object),
            "levels": {g: float(v) for g, v in (levels or {}).items()},
            "noise": law.kind,
            "noise_size": law.size,
            "times": np.round(points * step, TIME_DIGITS),
            "duration": float(duration),
            "step": float(step),
            "depth": measurement.depth,
            "depth_spread": measurement.depth_spread,
            "batches": int(batches),
            "batch_spread": measurement.batch_spread,
            "growth": _growth_record(growth),
            **{key: circuit.vector(key).numpy() for key in ("time_scale", "threshold", "hill")},
        }
    }
    return adata


def _time_points(times: Sequence[float] | np.ndarray | None, duration: float, step: float) -> np.ndarray:
    """Step number of each distinct time."""
    points = np.linspace(0.0, duration, N_TIMES) if times is None else np.atleast_1d(np.asarray(times, dtype=float))
    if points.ndim != 1 or not len(points) or not np.isfinite(points).all() or (points < 0).any():
        msg = f"Expected `times` to be finite and non-negative, found {points.tolist()}."
        raise ValueError(msg)
    return np.unique(np.round(points / step).astype(int))


def _ensemble(
    circuit: Circuit,
    drift: HillCube,
    n_cells: int,
    points: np.ndarray,
    targets: Targets,
    law: Noise,
    held: Mapping[str, float],
    growth: Mapping[str, float] | Growth | None,
    *,
    duration: float,
    step: float,
    rng: np.random.Generator,
) -> tuple[np.ndarray, Ensemble]:
    """Step numbers and states of the cells, in random order."""
    wanted = np.bincount(np.arange(n_cells) % len(points), minlength=len(points))
    rate = growth_rate(circuit, growth)
    # A population of a few cells shows hardly any growth; such cells are drawn from a larger one.
    sizes = wanted if rate is None else np.maximum(wanted, POPULATION)
    at = np.repeat(points, sizes)
    start = start_states(circuit, len(at), law, rng, held)
    n_steps = round(duration / step)
    found = simulate_ensemble(drift, start, at, targets, noise=law, step=step, n_steps=n_steps, rng=rng, growth=rate)
    ends = np.cumsum(sizes)
    picks = [end - size + rng.permutation(size)[:n] for end, size, n in zip(ends, sizes, wanted, strict=True)]
    order = rng.permutation(np.concatenate(picks))
    return at[order], Ensemble(found.states[order], found.targets[order], found.final[order])


def _measure(
    drift: HillCube,
    ensemble: Ensemble,
    targets: Targets,
    measurement: Measurement,
    rng: np.random.Generator,
    *,
    unspliced: bool,
) -> AnnData:
    x, genes = ensemble.states, measurement.genes
    steady = np.ones((len(x), int((genes["kind"] == "housekeeping").sum())))
    level = np.concatenate([x.numpy(), ensemble.targets.numpy(), steady], axis=1)
    nascent = None
    if unspliced:
        steady_states = [drift.target(x).clamp_min(0.0).numpy(), targets.level(drift.gates(x)).numpy(), steady]
        nascent = np.concatenate(steady_states, axis=1) * (genes["decay_rate"] / genes["splicing_rate"]).to_numpy()
    spliced, unspliced_counts, obs = measurement.counts(level, nascent, rng)
    obs.index = pd.Index([f"cell{i}" for i in range(len(x))])
    counts = sparse.csr_matrix(spliced, dtype=np.float32)
    adata = AnnData(counts, obs=obs, var=genes, layers={_keys.COUNTS: counts.copy()})
    if unspliced_counts is not None:
        adata.layers[_keys.UNSPLICED] = sparse.csr_matrix(unspliced_counts, dtype=np.float32)
    return adata


def _growth_record(growth: Mapping[str, float] | Growth | None) -> str | dict[str, float]:
    if growth is None:
        return "none"
    return "function" if callable(growth) else {name: float(rate) for name, rate in growth.items()}


def _truth(circuit: Circuit, targets: Targets) -> dict[str, Any]:
    network = pd.concat([circuit.network, targets.network], ignore_index=True)
    network.index = network.index.astype(str)
    return {
        "network": network,
        "regulators": np.array(circuit.genes, dtype=object),
        "fates": np.array(list(circuit.fates), dtype=object),
        "fate_states": circuit.fate_states,
    }

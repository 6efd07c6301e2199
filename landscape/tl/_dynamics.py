"""The stochastic model of the regulators, fitted to cells."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from anndata import AnnData
from tqdm.auto import tqdm

from landscape import _keys
from landscape._anndata import require_adata, write
from landscape._model import write_ensemble, write_model
from landscape._random import RandomLike, generator
from landscape.directions import GRADE_NAMES, GRADES, Combination, Direction
from landscape.dynamics.diagnostics import fit_diagnostics, growth_diagnostics
from landscape.dynamics.edge_evidence import edge_evidence
from landscape.dynamics.fit import Fitted, fit_model, fit_replicates
from landscape.dynamics.problem import Problem, set_up_problem
from landscape.dynamics.refinement import refinement
from landscape.markov.growth_sensitivity import slowest_growth_sensitivity
from landscape.tl._decay import decay_rates
from landscape.tl._diagnostics import tangency
from landscape.tl._model_inputs import DirectedCells, read_cells, resampled_cells, write_cells
from landscape.tl._state import latent_model
from landscape.topography import asymmetry

logger = logging.getLogger(__name__)


def dynamics(
    adata: AnnData,
    *,
    network_key: str = _keys.NETWORK,
    direction: Direction | Combination,
    response: float | None = None,
    diffusion: float | None = None,
    half_lives: str | Mapping[str, float] | None = None,
    model: Any | None = None,
    use_rep: str | None = None,
    layer: str = _keys.COUNTS,
    n_neighbors: int = 30,
    n_regulators: int | None = 300,
    support: Literal["auto", "network", "all"] = "auto",
    self_edges: bool = False,
    refine: bool | Literal["populations", "descendants"] | None = None,
    n_steps: int | None = None,
    n_replicates: int = 0,
    rng: RandomLike = 0,
    copy: bool = False,
) -> AnnData | None:
    r"""Fit one stochastic model of the regulators to all cells.

    .. math:: dx = \big[a\, s(W \phi(x) + b) - \gamma x\big]\, dt + \sqrt{2D}\, dB

    The state :math:`x` of a cell is the square root of its posterior mean expression :math:`e` of the network's
    regulators, over the 99th percentile of that root. A Hill response :math:`e^n / (K^n + e^n)` to abundance is then one
    to :math:`x` with :math:`2n`, exponential decay stays exponential at half the rate, and the noise of birth and death,
    which grows as :math:`\sqrt{e}`, becomes the constant :math:`D`. The direction gives every cell a velocity :math:`v`;
    production :math:`v + \gamma x` is regressed on :math:`\phi(x)` over the support of the network. Without a clock the
    unit of time is the mean lifetime of an mRNA.

    With more than 30 regulators, paths of the model from each cell are then fitted to the cell's descendants
    (:func:`landscape.dynamics.fit_flow_map`). With time points and up to 30 regulators, paths of the model are bent so that they end at cells of the next time, and the rates are fitted
    along them (:func:`landscape.dynamics.fit_bridges`), which also gives lifetimes; then the populations that the model
    carries forward are matched to the observed ones (:func:`landscape.dynamics.match_populations`). Without a clock the
    speed is the highest at which nothing falls faster than it decays, and the populations are those that the directed chain
    carries forward from its start (:func:`landscape.markov.populations_along`).

    Parameters
    ----------
    adata
        Annotated data with a network (:func:`landscape.tl.network`).
    network_key
        Name of the network in :attr:`~anndata.AnnData.varp`.
    direction
        Where the direction comes from, see :mod:`landscape.dynamics`: ``from_time``, ``from_root``, ...; ``+``
        combines.
    response
        Hill coefficient :math:`n` of the input response to abundance; 4 by default where populations are matched, as in
        Huang et al. (2007) [1]_, and 2 where velocities alone are fitted.
        Half of the response is at half of the abundance between the 2nd and 98th percentile.
    diffusion
        :math:`D`. By default estimated, with all else where populations are matched, and afterwards where velocities
        alone are fitted (:func:`landscape.dynamics.fit_diffusion`). Without a clock the populations are those of the
        chain, so that the noise is that of the chain: the data do not determine it.
    half_lives
        Half-lives :math:`\ln 2 / (2 \gamma)` of the mRNA of the regulators where they were measured: a column of
        :attr:`~anndata.AnnData.var`, or numbers by gene, in the unit of the time points. Without a clock their ratios
        count. A regulator without a number gets the median. By default decay rates are fitted where populations are
        matched, and equal otherwise.
    model
        Trained :class:`landscape.latent.LatentModel` or ``scvi.model.SCVI``. Without it states are pooled over neighbours.
    use_rep
        Coordinates in which cells are neighbours; by default the model's latent variables.
    layer
        Counts.
    n_neighbors
        Neighbours of each cell.
    n_regulators
        Maximum number of regulators in the model: those whose logarithmic expression varies most. ``None``: all that vary.
    support
        Edges that may be non-zero: ``"network"``, the network's support; ``"all"``; ``"auto"``, all where there are 5
        cells per regulator, and the network's support otherwise.
    self_edges
        Allow regulators to act on themselves. From steady cells such edges are not identified.
    refine
        What the model is fitted to after the velocities. ``"populations"`` (or ``True``), the default with up to 30
        regulators: with more, the distance of populations depends only on their largest differences, and the cost grows
        with the square. ``"descendants"``, the default with more: paths of the model from each cell have the law of the
        cell's descendants at several horizons (:func:`landscape.dynamics.fit_flow_map`), under the chain, or under
        optimal transport to later time points. A chain that names no start is replaced by one along its own order, which
        does not dwell. ``False`` fits velocities alone.
    n_steps
        Steps of that refinement; by default 300 for populations, and 240 for descendants, or 480 with a clock.
    n_replicates
        Size of the ensemble: the model is fitted again to this number of resamples, and later stages give intervals. Blocks of
        about 30 neighbouring cells are weighted at random (Bayesian bootstrap), where the support is the network's, edges are
        drawn with their stability, and where there are several latent models, these are drawn with replacement, so that
        intervals hold what their seeds decide.
    rng
        Seed or generator.
    copy
        Work on a copy of ``adata`` and return it.

    Returns
    -------
    ``None``, or the copy if ``copy=True``. Sets

    ``adata.uns["landscape"]["dynamics"]``
        The model: ``regulators``, ``weights`` (``[target, regulator]``), ``bias``, ``ceiling``, ``decay``,
        ``threshold``, ``hill``, ``signal``, ``diffusion``, the ``scale`` of the states, the ``grade`` of
        identifiability or of the fit, whichever is lower, diagnostics and parameters. With replicates, ``edge_support`` and ``edge_sd`` say how far cells
        determine each weight (:func:`landscape.get.regulation`). Diagnostics are ``velocity_r2``, the share of the velocity's
        variance that the rates explain; ``velocity_r2_held_out``, that in a fifth of the blocks of cells, which a
        second fit did not see; ``flow_score``, the energy score of the model's paths against the descendants of cells, of
        those that the fit did not see where it saw any, beside ``flow_floor``, that of the descendants themselves,
        ``flow_unchanged``, that of staying put, and ``flow_mean_direction``, that of moving all cells alike;
        ``flow_excess``, its place between floor and staying put, and ``fit_grade``
        (:func:`landscape.dynamics.fit_grade`); ``held_out_distance``, where populations of three time points or more are matched, the
        energy distance at the middle one of a fit without it, beside that of ``held_out_unchanged`` and ``held_out_straight`` guesses
        (:func:`landscape.dynamics.held_out_distances`); ``asymmetry`` :math:`|W - W^T| / |W + W^T|`; ``tangency``, the mean cosine between the
        drift and the tangent space of the model's decoder, with what chance would give; ``growth_sensitivity``, with time
        points, the relative change of the velocities if one end of the cells doubled once more than the other over the
        span of the data.
    ``adata.obsm["X_latent"]``
        Latent variables of ``model``, where they are missing.
    ``adata.obsm["X_state"]``, ``adata.obsm["X_state_velocity"]`` : DataFrames, cells x regulators
        States, and the drift at them.
    ``adata.obsp["transitions"]`` : csr matrix
        Directed chain of cells, rows summing to one, from the direction alone.
    ``adata.uns["landscape"]["ensemble"]``
        The same arrays for every replicate, stacked, with ``n_replicates``.
    ``adata.obs["landscape_start"]`` : bool
        Cells of the start, if the direction names them.

    Raises
    ------
    KeyError
        If the network or what the direction names is missing.
    TypeError
        If ``direction`` is no direction record.
    ValueError
        If fewer than two regulators vary, a number is out of its range, or the model says less about where cells go than that
        they stay (with ``refine=False`` and a clock: less about velocities of held-out cells than their mean).

    References
    ----------
    .. [1] Huang et al. (2007), *Dev. Biol.* 305, 695. https://doi.org/10.1016/j.ydbio.2007.02.036
    """
    adata = require_adata(adata)
    _require_options(direction, diffusion, support, refine)
    adata = adata.copy() if copy else adata
    gen = generator(rng)
    model = latent_model(model)
    cells = read_cells(
        adata,
        direction,
        model=model,
        network_key=network_key,
        layer=layer,
        use_rep=use_rep,
        n_neighbors=n_neighbors,
        n_regulators=n_regulators,
        support=support,
        self_edges=self_edges,
        resampled=n_replicates > 0,
        refine=refine,
        rng=gen,
    )
    decay = decay_rates(adata, half_lives, cells.regulators, clock=cells.directed.times is not None)

    def problem_of(cells: DirectedCells) -> Problem:
        return set_up_problem(
            cells.states,
            cells.coordinates,
            cells.directed,
            cells.graph,
            regulators=tuple(cells.regulators),
            scale=cells.scale,
            support=cells.support,
            stability=cells.stability,
            decay=decay,
            response=response,
            diffusion=diffusion,
            refine=refine,
            n_steps=n_steps,
            rng=gen,
        )

    def resampled(rng: np.random.Generator) -> Problem:
        return problem_of(resampled_cells(adata, cells, direction, layer=layer, refine=refine, rng=rng))

    problem = problem_of(cells)
    fitted = fit_model(problem, rng=gen)
    again = None if cells.parts is None else resampled
    replicates = fit_replicates(problem, fitted, n_replicates, resampled=again, rng=gen) if n_replicates else iter(())
    ensemble = list(tqdm(replicates, total=n_replicates, desc="replicates", leave=False, disable=not n_replicates))
    diagnostics = _diagnostics(cells, problem, fitted, n_replicates, gen)
    diagnostics["grade"] = _grade(direction, diagnostics["fit_grade"])
    velocity = fitted.model(problem.states).numpy()
    if model is not None:
        diagnostics |= tangency(model, adata, cells.regulators, cells.states, velocity, cells.scale)
    params = {
        "direction": str(direction),
        "network_key": network_key,
        "layer": layer,
        "support": cells.support_source,
        "self_edges": self_edges,
        "diffusion": "stated" if diffusion is not None else "estimated",
        "time_unit": "real time" if cells.directed.times is not None else "mRNA lifetime",
        "states": "posterior mean" if model is not None else "pooled over neighbours",
        "decay": _origin_of_decay(half_lives, fitted, clock=cells.directed.times is not None),
        "growth": "modelled" if cells.directed.growth is not None else "taken to be equal everywhere",
        "n_neighbors": n_neighbors,
        "widths": list(cells.widths),
        "use_rep": use_rep or "",
        "n_replicates": n_replicates,
    }
    if model is not None and use_rep is None and _keys.LATENT not in adata.obsm:
        write(adata, "obsm", _keys.LATENT, cells.coordinates, what="latent variables")
    write_cells(adata, cells, velocity)
    what = f"model of {len(cells.regulators)} regulators, grade {diagnostics['grade']}"
    write_model(adata, fitted.model, diagnostics, params=params, what=what)
    write_ensemble(adata, ensemble, params=params)
    return adata if copy else None


def _diagnostics(
    cells: DirectedCells, problem: Problem, fitted: Fitted, n_replicates: int, gen: np.random.Generator
) -> dict[str, Any]:
    """What the fit says about itself, cell by cell, edge by edge and against growth."""
    growth = slowest_growth_sensitivity(cells.coordinates, cells.states, cells.directed, cells.graph)
    return {
        **fit_diagnostics(fitted, cells.directed),
        "asymmetry": asymmetry(fitted.model.drift.weights),
        **growth_diagnostics(growth),
        **(edge_evidence(problem, fitted, n_replicates, rng=gen) if n_replicates > 1 else {}),
        "conflict": cells.conflict,
    }


def _require_options(direction: Any, diffusion: float | None, support: str, refine: Any) -> None:
    if not isinstance(direction, Direction | Combination):
        msg = f"Expected a direction such as `landscape.dynamics.from_time('day')`, found {type(direction).__name__}."
        raise TypeError(msg)
    if diffusion is not None and not diffusion > 0:
        msg = f"Expected a positive `diffusion`, found {diffusion}."
        raise ValueError(msg)
    refinement(refine, 0)
    if support not in ("auto", "network", "all"):
        msg = f"Expected `support` to be 'auto', 'network' or 'all', found {support!r}."
        raise ValueError(msg)


def _origin_of_decay(half_lives: str | Mapping[str, float] | None, fitted: Fitted, *, clock: bool) -> str:
    if half_lives is not None:
        return f"half-lives in {half_lives}" if isinstance(half_lives, str) else "half-lives given"
    return "fitted" if fitted.match is not None or (fitted.flow is not None and clock) else "equal"


def _grade(direction: Direction | Combination, of_fit: str) -> str:
    """The lower one of the identifiability grade of a direction and the grade of the fit; both are logged where low."""
    if direction.grade == "D":
        logger.warning(
            "grade D, %s: %s Genes that follow one regulator look as if they regulated each other and it.",
            GRADE_NAMES["D"],
            GRADES["D"],
        )
    if of_fit > direction.grade:
        logger.warning(
            'grade %s, that of the fit (`uns["landscape"]["dynamics"]["flow_excess"]`); the direction is of grade %s',
            of_fit,
            direction.grade,
        )
    return max(str(direction.grade), of_fit)

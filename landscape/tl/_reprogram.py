"""Reprogramming: least sets of genes that carry the cells of one attractor into another."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray

from landscape import _keys
from landscape._anndata import plain, read, read_result, require_adata, results_of, write_result
from landscape._model import read_ensemble, read_model
from landscape._random import RandomLike, seed_of
from landscape._threads import on_one_thread
from landscape.dynamics import GeneModel
from landscape.dynamics.ensemble import INTERVAL
from landscape.markov.naming import unnumbered
from landscape.perturbation import references, replicates_needed, smallest_lfsr
from landscape.reprogramming import Reprogramming, tables
from landscape.reprogramming import reprogram as least_sets
from landscape.reprogramming.acting import acting_genes
from landscape.reprogramming.barrier_back import NONE, BarrierBack, barrier_back, barrier_of_table
from landscape.reprogramming.goal import state_by_levels
from landscape.tl._cells import cells_of
from landscape.tl._start import start_of
from landscape.topography.cell_distance import distance_to_cells
from landscape.topography.fates.outcomes import References

logger = logging.getLogger(__name__)

# Regulators up to which the barrier back is computed here, if `tl.barriers` did not.
MAX_BARRIER_GENES = 60
# Cells of the source below which its attractor itself is the start, and cells from which a state is sought.
MIN_CELLS, N_SOUGHT = 10, 200
# Rate of sign errors for which the log says how many replicates it takes.
USUAL_LFSR = 0.05


@on_one_thread
def reprogram(
    adata: AnnData,
    source: str,
    target: str | None = None,
    *,
    to: Mapping[str, float] | str | None = None,
    max_genes: int = 3,
    genes: Sequence[str] | None = None,
    levels: Sequence[float] = (0.0, 1.0),
    hold: float | None = None,
    n_candidates: int = 14,
    n_simulated: int = 20,
    n_particles: int = 300,
    min_share: float = 0.5,
    key_added: str = _keys.REPROGRAMMING,
    rng: RandomLike = 0,
    copy: bool = False,
) -> AnnData | None:
    r"""Find the least sets of regulators that, held for a time and then released, carry one fate into another.

    The genes :math:`G` of a set are held at levels :math:`\ell` for a time :math:`\tau` and then released,

    .. math:: x_g = \ell_g \;\; (g \in G), \quad \dot x_i = f_i(x) \;\; (i \notin G) \quad \text{for } t < \tau, \qquad
              \dot x = f(x) \quad \text{for } t \ge \tau.

    A set counts if the state then rests in the target. All sets of one and two regulators, and sets of three among
    ``n_candidates``, are tried without noise in one batch each. Hits are then simulated with noise, from cells of the source, in the fit
    and in all its replicates, under the same noise. The search ends at the first size of which a set carries at least
    ``min_share`` of the cells (:func:`landscape.reprogramming.reprogram`).

    Where all sets of a size were tried and none counts, no set of this size exists in the model with these levels: that is an answer.
    It is one about the model. Whether it holds for cells depends on the fit, and a level of 1 or 0 that no cell of the source has is an
    extrapolation from the other cells.

    Parameters
    ----------
    adata
        Annotated data with attractors and basins (:func:`landscape.tl.attractors`, :func:`landscape.tl.basins`).
    source
        Fate to start from: an attractor, a label of several attractors, all of which are carried, or cells as ``"column=value"``.
    target
        Fate to reach: an attractor, or a label of several attractors, any of which counts. It has cells; for a state without cells
        use ``to``.
    to
        Instead of ``target``, a state that no cell has to show: the levels of some regulators, which the model must be able to keep by
        itself after the release, or the name of an attractor.
    max_genes
        Largest number of genes of a set.
    genes
        Regulators that may be held; by default all that act on a gene of the model.
    levels
        Levels at which a gene may be held, in units of the state: 0 is off, 1 is the 99th percentile over cells.
    hold
        Longest time for which genes are held, in units of the model, less where all others rest before; by default 20 median
        lifetimes of a gene. The shortest time that is enough is in ``pulse``.
    n_candidates
        Number of genes of which sets larger than two are made.
    n_simulated
        Largest number of sets of a size that are simulated with noise: those in which most models agree.
    n_particles
        Number of trajectories of each; the standard error of a share :math:`p` is :math:`\sqrt{p(1-p)/n}`.
    min_share
        Share of the cells from which a set works.
    key_added
        Key of the results in ``adata.uns["landscape"]``; each is named after source and target below it.
    rng
        Seed or generator.
    copy
        Work on a copy of ``adata`` and return it.

    Returns
    -------
    ``None``, or the copy if ``copy=True``. Sets ``adata.uns["landscape"]["reprogramming"]["SOURCE to TARGET"]`` with

    ``answer``
        What was found, in a sentence.
    ``sets`` : DataFrame, sets that count without noise, the best first
        ``n_genes``; ``inside``, whether all levels are within the range over cells; ``distance`` of the levels from those of the
        source; ``hold_time`` until the other genes rest or the hold ends; ``pulse``, the shortest time that is enough without noise, to one step;
        ``agreement``, share of the models (fit and replicates) in whose noise-free flow the set counts; ``simulated``;
        ``share`` of the cells that end in the target, with its interval of 90 % over the replicates (``low``, ``high``), and
        ``without`` a hold in the same time; ``lfsr`` of the change; ``held``, share of the cells that are in the target while genes are
        held, and ``stay``, share of these that are there after the release; ``share_models``, mean over the models; ``n_models`` in which most cells end in
        the target; ``works``.
    ``levels`` : DataFrame
        ``set``, ``gene``, ``level``, its level in the ``source`` and the ``target``, range ``low`` to ``high`` over cells, ``inside``.
    ``sizes`` : DataFrame, sizes of sets
        ``n_tried``, ``n_hits`` without noise, ``n_simulated``, ``n_work``, ``exhaustive``, and ``n_genes`` that sets were made of.
    ``ways`` : DataFrame
        States of the first five sets over ``time``, without noise, the source itself first: ``set``, ``held``, and the level of
        each regulator.
    ``states`` : DataFrame
        Levels of the regulators in source and target.
    ``barrier``
        ``height`` of the barrier back from the target to the source, with ``low``, ``high`` and ``n_replicates``: how stable the new
        fate is. From :func:`landscape.tl.barriers` if that was run; NaN for models of more than 60 regulators otherwise, for a
        source that is no attractor, and where no path was found.
    ``distance``
        Distance from the target to the 15th nearest cell over the 99 % quantile of that distance among cells: above 1 no cell was
        observed there.

    Raises
    ------
    KeyError
        If the model, its attractors, a gene or a cell is missing.
    ValueError
        If source and target are the same, the target has no cells or is no state of rest, a gene is no regulator, or a number is out
        of its range.

    References
    ----------
    Rackham et al. (2016), *Nature Genetics* 48, 331. https://doi.org/10.1038/ng.3487. Zañudo and Albert (2015), *PLoS Computational
    Biology* 11, e1004193. https://doi.org/10.1371/journal.pcbi.1004193

    Examples
    --------
    >>> import landscape as ls
    >>> adata = ls.datasets.hematopoiesis()  # doctest: +SKIP
    >>> ls.tl.reprogram(adata, "monocyte", "erythrocyte")  # doctest: +SKIP
    >>> ls.get.reprogram(adata)  # doctest: +SKIP
    >>> ls.pl.reprogram(adata)  # doctest: +SKIP

    A state that no cell shows:

    >>> ls.tl.reprogram(adata, "monocyte", to={"Gata1": 1.0, "Pu1": 1.0})  # doctest: +SKIP
    """
    adata = require_adata(adata)
    model, models = _models(adata)
    case = _case(adata, model, source, target, to, n_particles, np.random.default_rng(seed_of(rng)))
    held = acting_genes(model, genes, present=adata.var_names)
    found = least_sets(
        models,
        case.known,
        case.starts,
        case.target.tolist(),
        max_genes=min(max_genes, len(held)),
        genes=held,
        levels=levels,
        cells=case.cells,
        hold=hold,
        n_candidates=n_candidates,
        n_simulated=n_simulated,
        min_share=min_share,
        rng=seed_of(rng),
    )
    back = _barrier(adata, models, case, seed_of(rng))
    record = _record(model, found, case, back, max_genes)
    _warn(record, len(models) - 1)
    params = {
        "source": source,
        "target": case.title,
        "max_genes": max_genes,
        "levels": [float(level) for level in levels],
        "hold": hold,
        "hold_simulated": found.hold,
        "free_simulated": found.free,
        "candidates": [model.regulators[gene] for gene in found.candidates],
        "n_particles": n_particles,
        "n_replicates": len(models) - 1,
        "min_share": min_share,
        "diffusion": model.diffusion_constant,
        "interval": INTERVAL,
    }
    adata = adata.copy() if copy else adata
    _write(adata, key_added, _keys.storable(f"{source} to {case.title}"), {**record, "params": plain(params)})
    return adata if copy else None


@dataclass(frozen=True, eq=False)
class _Case:
    """What is carried where: starts of the flow, cells of the simulation, references and the positions of the target."""

    known: References
    starts: NDArray[np.float64]
    cells: NDArray[np.float64]
    target: NDArray[np.int64]
    source: tuple[str, ...]
    title: str
    states: NDArray[np.float64]
    distance: float


def _models(adata: AnnData) -> tuple[GeneModel, list[GeneModel]]:
    model = read_model(adata)
    return model, [model, *read_ensemble(adata)]


def _case(
    adata: AnnData,
    model: GeneModel,
    source: str,
    target: str | None,
    to: Mapping[str, float] | str | None,
    n_particles: int,
    draw: np.random.Generator,
) -> _Case:
    record = read_result(adata, _keys.ATTRACTORS, hint="run `landscape.tl.attractors` first")
    states, table = record["states"], record["table"]
    names = [str(name) for name in states.index]
    x = read(adata, "obsm", _keys.STATE, hint="run `landscape.tl.dynamics` first").to_numpy(dtype=float)
    if (target is None) == (to is None):
        msg = "Expected either `target`, a fate with cells, or `to`, a state that no cell has to show; found both or neither."
        raise ValueError(msg)
    if isinstance(n_particles, bool) or n_particles != int(n_particles) or n_particles < 1:
        msg = f"Expected `n_particles` to be a whole number of at least 1, found {n_particles!r}."
        raise ValueError(msg)
    known = references(tuple(names), states.to_numpy(dtype=float), x[start_of(adata)])
    own, chosen = _source(adata, known, source, x)
    starts = known.states[own] if len(own) else x[[_medoid(x, chosen)]]
    if isinstance(to, Mapping):
        sought = np.vstack([starts, known.states, x[draw.integers(0, len(x), min(N_SOUGHT, len(x)))]])
        known, wanted, title = state_by_levels(model, known, to, sought)
    else:
        title = str(to if target is None else target)
        wanted = _positions(names, title, what="`target`" if to is None else "`to`")
        if to is None and not table["n_cells"].to_numpy()[wanted].sum():
            msg = f"Expected a target with cells, found none in the basin of {title!r}; pass `to={title!r}` for a state without cells."
            raise ValueError(msg)
    if shared := sorted({known.names[k] for k in np.intersect1d(own, wanted)}):
        msg = f"Expected a target other than the source, found {shared} in both."
        raise ValueError(msg)
    cells = (
        x[chosen[draw.integers(0, len(chosen), n_particles)]] if len(chosen) else np.repeat(starts, n_particles, axis=0)
    )
    distance = float(_cell_distance(known.states[wanted], x).min())
    return _Case(known, starts, cells, wanted, tuple(names[k] for k in own), title, x, distance)


def _source(
    adata: AnnData, known: References, source: str, x: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions of the attractors of the source, none for cells, and positions of its cells."""
    names = list(known.names)
    if "=" in source and source not in {*names, *unnumbered(names)}:
        return np.empty(0, dtype=np.int64), cells_of(adata, source)
    own = _positions(names, source, what="`source`")
    basins = read(adata, "obs", _keys.BASIN, hint="run `landscape.tl.basins` first").astype(str).to_numpy()
    # Cells near the attractor, as fates are told apart; cells on the way to it are not of this fate yet.
    there = np.flatnonzero(np.isin(basins, [names[k] for k in own]) & np.isin(known.label(x, {}), own))
    if len(there) < MIN_CELLS:
        logger.warning("%d cells are near %s: simulations start from the attractor itself", len(there), source)
        there = there[:0]
    return own, there


def _positions(names: Sequence[str], wanted: str, *, what: str) -> NDArray[np.int64]:
    """Positions of an attractor, or of all attractors of a label."""
    labels = unnumbered(names)
    found = [k for k, label in enumerate(labels) if label == wanted]
    found = found or [k for k, name in enumerate(names) if name == wanted]
    if not found:
        more = [label for label in dict.fromkeys(labels) if label not in names]
        msg = f"Expected {what} to be one of the attractors {list(names) + more}, found {wanted!r}."
        raise KeyError(msg)
    return np.array(found, dtype=np.int64)


def _barrier(adata: AnnData, models: list[GeneModel], case: _Case, seed: int) -> BarrierBack:
    """Barrier back, of the table of barriers where it has the pair."""
    if not case.source:
        return NONE
    names = [case.known.names[k] for k in case.target]
    table = results_of(adata).get(_keys.BARRIERS, {}).get("table")
    if table is not None and {*names, *case.source} <= set(table["from"].astype(str)):
        return barrier_of_table(table, names, case.source)
    if len(case.known.start) > MAX_BARRIER_GENES:
        logger.info("barrier back not computed for %d regulators: run `landscape.tl.barriers`", len(case.known.start))
        return NONE
    return barrier_back(models, case.known.states[case.target], case.starts, rng=seed)


def _record(model: GeneModel, found: Reprogramming, case: _Case, back: BarrierBack, max_genes: int) -> dict[str, Any]:
    names = list(model.regulators)
    source, target = case.starts[0], case.known.states[case.target]
    levels = tables.level_table(found, names, case.states, source, target[0])
    index = [*(f"source {k + 1}" for k in range(len(case.starts))), *(f"target {k + 1}" for k in range(len(target)))]
    return {
        "answer": tables.answer(found, max_genes=max_genes),
        "sets": tables.set_table(found, levels, names),
        "levels": levels,
        "sizes": found.sizes,
        "ways": tables.way_table(model, found, names, source),
        "states": pd.DataFrame(np.vstack([case.starts, target]), index=index, columns=names),
        "barrier": {"height": back.height, "low": back.low, "high": back.high, "n_replicates": back.n_replicates},
        "distance": case.distance,
    }


def _warn(record: Mapping[str, Any], n_replicates: int) -> None:
    """Flag levels outside the data, a target without cells near, and what replicates cannot show."""
    outside = record["levels"][~record["levels"]["inside"].to_numpy(dtype=bool)]
    if len(outside):
        genes = list(dict.fromkeys(outside["gene"].astype(str)))
        logger.warning("levels outside the range over cells, extrapolations: %s", ", ".join(genes[:10]))
    if record["distance"] > 1:
        logger.warning("no cell was observed near the target: %.1f times as far as cells are apart", record["distance"])
    smallest = smallest_lfsr(n_replicates)
    if not smallest <= USUAL_LFSR:
        logger.info(
            "%d replicates: no lfsr is below %s; %d are needed for %.2f",
            n_replicates, f"{smallest:.2f}" if np.isfinite(smallest) else "1", replicates_needed(USUAL_LFSR), USUAL_LFSR,
        )  # fmt: skip


def _write(adata: AnnData, key: str, name: str, record: Mapping[str, Any]) -> None:
    """Add a result to those of earlier calls, as the last one."""
    earlier = results_of(adata).get(key, {})
    kept = {title: value for title, value in earlier.items() if title not in ("params", name)}
    best = ", ".join(f"{title} ({row['share']:.2f})" for title, row in record["sets"].head(3).iterrows())
    what = f"{name}: {record['answer']}" + (f": {best}" if best else "")
    write_result(adata, key, {**kept, name: record}, params={}, what=what)


def _medoid(x: NDArray[np.float64], cells: NDArray[np.int64]) -> int:
    """Cell nearest to the mean of some cells."""
    return int(cells[((x[cells] - x[cells].mean(0)) ** 2).sum(1).argmin()])


def _cell_distance(states: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance of states to the cells, in units of that between cells."""
    found = distance_to_cells(states, x)
    return found.distance / found.threshold

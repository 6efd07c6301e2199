"""Least sets of genes that carry the cells of one attractor into another: without noise, with it, and over an ensemble."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from landscape._random import RandomLike, seed_of
from landscape._threads import on_one_thread
from landscape.dynamics import Model
from landscape.reprogramming.candidate_genes import candidates
from landscape.reprogramming.flow import hold_and_release
from landscape.reprogramming.goal import Goal, goal_of
from landscape.reprogramming.noise_free import Hits, agreement_of_models, search, shortest_pulses
from landscape.reprogramming.sets import GeneSet, gene_sets
from landscape.reprogramming.trials import trial
from landscape.topography.fates.outcomes import References

logger = logging.getLogger(__name__)

# Sizes whose sets are all tried; larger sets are made of candidates.
EXHAUSTIVE = 2
# Hits of a size of which every model of the ensemble is asked; beyond, those nearest to the levels of the source.
MAX_ASKED = 1000
# Time for which genes are held, in median lifetimes of a gene: the time in which a chain of some ten genes comes to rest.
HOLD = 20.0
# Shortest time with noise after the release, in lifetimes of the slowest gene, and longest one, in median lifetimes.
LEAST_FREE, MOST_FREE = 5.0, 30.0


@dataclass(frozen=True, eq=False)
class Reprogramming:
    """Least sets that carry a source into a target.

    Attributes
    ----------
    sets
        The sets that do without noise, the best first.
    table
        One row for each of them: ``n_genes``; ``distance`` of the levels from those of the source (root mean square over the
        genes of the set); ``hold_time``, until all other genes rest or the hold ends; ``pulse``, the shortest time for which the genes must be held
        (NaN where it was not looked for); ``agreement``, share of the models whose noise-free flow does it too; ``simulated``;
        and the columns of :class:`landscape.reprogramming.Trial` (NaN where not simulated); ``works``, whether the share is large
        enough (without a simulation: true).
    sizes
        One row for each size: ``n_tried``, ``n_hits`` without noise, ``n_simulated``, ``n_work``, ``exhaustive`` (all sets of
        the size were tried), ``n_genes`` that the sets are made of.
    candidates
        Genes of which sets larger than two are made; empty where none were tried.
    hold, free
        Time for which genes were held in the simulation, and time with noise after the release; NaN without one.
    """

    sets: tuple[GeneSet, ...]
    table: pd.DataFrame
    sizes: pd.DataFrame
    candidates: tuple[int, ...]
    hold: float
    free: float

    @property
    def least(self) -> int | None:
        """Size of the least sets that do, ``None`` if none was found."""
        found = self.sizes.index[self.sizes["n_work"] > 0]
        return int(found[0]) if len(found) else None


@on_one_thread
def reprogram(
    models: Sequence[Model[Any]],
    known: References,
    source: NDArray[np.float64],
    target: Sequence[int],
    *,
    max_genes: int = 3,
    genes: Sequence[int] | None = None,
    levels: Sequence[float] = (0.0, 1.0),
    cells: NDArray[np.float64] | None = None,
    hold: float | None = None,
    n_candidates: int = 14,
    n_simulated: int = 20,
    min_share: float = 0.5,
    rng: RandomLike = 0,
) -> Reprogramming:
    r"""Find the least sets of genes that, held at levels and then released, carry a source into a target.

    For each size, from one gene on:

    1. All sets of one and two genes, and larger ones of ``n_candidates`` genes (:func:`landscape.reprogramming.candidates`), are tried
       without noise in one batch: the genes are held until the others rest, then released, and the flow is followed to rest
       (:func:`landscape.reprogramming.search`). A hit ends in an attractor of the target, whichever start it had, and
       does not hang on a tie.
    2. Hits are ranked by the share of the models in which the flow does the same, and the first ``n_simulated`` are simulated with
       noise in all models (:func:`landscape.reprogramming.trial`). A hit *works* if at least ``min_share`` of the cells end in the
       target in the fit.
    3. If one works, the search ends: these are the least sets. If none does, the next size is tried.

    An empty result of a size whose sets were all tried is an answer: no set of that size exists in this model with these levels.

    Parameters
    ----------
    models
        The model, and its replicates; all with the same genes.
    known
        Reference states of the fates (:func:`landscape.perturbation.references`).
    source
        States that are carried, all by each set: the attractors of the source, shape ``(s, d)``.
    target
        Positions of the target among the attractors of ``known``.
    max_genes
        Largest size of a set.
    genes
        Positions of the genes that may be held; by default all.
    levels
        Levels at which a gene may be held.
    cells
        States of cells of the source, one a path of the simulation with noise, shape ``(n, d)``; ``None``: no simulation, and
        every hit counts as working.
    hold
        Longest time for which genes are held, less where all others rest before; by default 20 median lifetimes of a gene.
    n_candidates
        Number of genes of which sets larger than two are made.
    n_simulated
        Largest number of hits of a size that are simulated.
    min_share
        Share of the cells from which a set works.
    rng
        Seed or generator of the noise.

    Returns
    -------
    The sets, and how many were tried.

    Raises
    ------
    ValueError
        If the source flows to the target by itself, shapes do not match, or a number is out of its range.

    Examples
    --------
    From an erythrocyte to a megakaryocyte in the circuit of Krumsiek et al.:

    >>> import numpy as np, landscape as ls
    >>> circuit = ls.circuits.krumsiek()
    >>> model = ls.dynamics.Model(circuit.drift(), circuit.diffusion, circuit.genes)
    >>> states = circuit.fate_states.to_numpy()
    >>> fates = ls.perturbation.references(tuple(circuit.fates), states, circuit.initial_state()[None].numpy())
    >>> found = ls.reprogramming.reprogram([model], fates, states[:1], [1])
    >>> [[(circuit.genes[gene], level) for gene, level in one] for one in found.sets]
    [[('Eklf', 0.0)], [('Fli1', 1.0)]]
    """
    model, starts, reach = models[0], np.asarray(source, dtype=float), known.reach
    goal = goal_of(known, np.asarray(target, dtype=np.int64))
    every = list(range(len(known.start))) if genes is None else list(genes)
    _require(known, starts, goal, every, levels, max_genes, n_candidates, n_simulated, min_share, hold)
    _require_apart(model, starts, goal, reach)
    hold = HOLD * lifetime(model) if hold is None else hold
    run = _Run(models, known, starts, np.asarray(target), cells, hold, n_simulated, min_share, seed_of(rng))
    chosen: list[int] = []
    for size in range(1, max_genes + 1):
        pool = every
        if size > EXHAUSTIVE and len(every) > n_candidates:
            singles = gene_sets(every, levels, 1)
            nearly = dict.fromkeys(gene for one in run.sets() for gene, _ in one)
            aim = known.states[np.asarray(target)].mean(0)
            first = list(nearly)[: n_candidates // 2]
            chosen = chosen or candidates(model, starts[0], aim, singles, n=n_candidates, reach=reach, first=first)
            pool = chosen
        sets = gene_sets(pool, levels, size)
        run.add(size, search(model, starts, goal, sets, reach=reach, hold=hold), goal, n_genes=len(pool), of=len(every))
        if run.working():
            break
    return run.result(tuple(chosen))


def lifetime(model: Model[Any]) -> float:
    """Median lifetime of a gene."""
    return 1.0 / float(np.median(model.drift.decay.numpy()))


class _Run:
    """Hits of each size, simulated as far as they are asked for."""

    def __init__(
        self,
        models: Sequence[Model[Any]],
        known: References,
        starts: NDArray[np.float64],
        target: NDArray[np.int64],
        cells: NDArray[np.float64] | None,
        hold: float,
        n_simulated: int,
        min_share: float,
        seed: int,
    ) -> None:
        self.models, self.known, self.starts, self.target = models, known, starts, target
        self.cells, self.hold, self.n_simulated, self.min_share, self.seed = cells, hold, n_simulated, min_share, seed
        self.lifetime = lifetime(models[0])
        self.found, self.tables, self.sizes = list[GeneSet](), list[pd.DataFrame](), list[dict[str, Any]]()
        self.times: list[tuple[float, float]] = []

    def sets(self) -> list[GeneSet]:
        """All hits so far."""
        return self.found

    def working(self) -> list[GeneSet]:
        """Hits that work."""
        marks = [bool(works) for table in self.tables for works in table["works"]]
        return [one for one, works in zip(self.found, marks, strict=True) if works]

    def add(self, size: int, hits: Hits, goal: Goal, *, n_genes: int, of: int) -> None:
        """Rank the hits of a size, and simulate the first of them."""
        sets, table = self._ranked(hits)
        picked = list(range(min(len(sets), self.n_simulated))) if self.cells is not None else []
        if picked:
            table = self._simulated(sets, table, picked)
        if len(sets):
            some = picked or list(range(min(len(sets), self.n_simulated)))
            pulses = shortest_pulses(
                self.models[0],
                self.starts,
                goal,
                [sets[i] for i in some],
                table["hold_time"].to_numpy()[some],
                reach=self.known.reach,
            )
            table["pulse"] = np.append(pulses, np.full(len(sets) - len(some), np.nan))
        # Equal shares are told apart by whether the cells are in the target while held already, then by the way to the levels.
        keys = ["distance", "held", "share_models", "simulated"]
        order = np.lexsort(
            [
                table[key].fillna(0.0).to_numpy(dtype=float).round(2) * sign
                for key, sign in zip(keys, (1, -1, -1, -1), strict=True)
            ]
        )
        order = order if picked else np.arange(len(sets))
        self.found += [sets[i] for i in order]
        self.tables.append(table.iloc[order])
        self.sizes.append(
            {
                "size": size,
                "n_tried": hits.n_tried,
                "n_hits": len(sets),
                "n_simulated": len(picked),
                "n_work": int(table["works"].sum()),
                "exhaustive": n_genes == of,
                "n_genes": n_genes,
            }
        )

    def result(self, chosen: tuple[int, ...]) -> Reprogramming:
        """The record, working sets first."""
        table = pd.concat(self.tables, ignore_index=True)
        order = np.argsort(~table["works"].to_numpy(dtype=bool), kind="stable")
        hold, free = np.array(self.times).max(0) if self.times else (np.nan, np.nan)
        return Reprogramming(
            tuple(self.found[i] for i in order),
            table.iloc[order].reset_index(drop=True),
            pd.DataFrame(self.sizes).set_index("size"),
            chosen,
            float(hold),
            float(free),
        )

    def _ranked(self, hits: Hits) -> tuple[list[GeneSet], pd.DataFrame]:
        """Hits in the order of the models that agree; those that add to a smaller hit last; then by the way to the levels."""
        sets = list(hits.sets)
        adds = [any(set(part) <= set(one) for part in self.found) for one in sets]
        apart = np.array(
            [np.sqrt(np.mean([(level - self.starts[:, gene]) ** 2 for gene, level in one])) for one in sets],
            dtype=float,
        )
        nearest = np.argsort(apart, kind="stable")[:MAX_ASKED]
        agreement = np.zeros(len(sets))
        if len(sets):
            wide = goal_of(self.known, self.target, near=1.0)
            options = {"reach": self.known.reach, "hold": self.hold}
            agreement[nearest] = agreement_of_models(
                self.models, self.starts, wide, [sets[i] for i in nearest], **options
            )
        order = np.lexsort((apart, np.array(adds, dtype=float), -agreement))
        table = pd.DataFrame(
            {
                "n_genes": [len(one) for one in sets],
                "distance": apart,
                "hold_time": hits.hold_time,
                "free_time": hits.free_time,
                "pulse": np.full(len(sets), np.nan),
                "agreement": agreement,
                "simulated": False,
                **dict.fromkeys(TRIED, np.nan),
                "works": self.cells is None,
            }
        )
        return [sets[i] for i in order], table.iloc[order].reset_index(drop=True)

    def _simulated(self, sets: list[GeneSet], table: pd.DataFrame, picked: list[int]) -> pd.DataFrame:
        hold, free = (float(table[name].to_numpy()[picked].max()) for name in ("hold_time", "free_time"))
        free = max(min(free, MOST_FREE * self.lifetime), LEAST_FREE / float(self.models[0].drift.decay.min()))
        tried = trial(
            self.models,
            self.cells,  # type: ignore[arg-type]
            self.known,
            self.target,
            [sets[i] for i in picked],
            hold=hold,
            free=free,
            rng=self.seed,
        ).table
        self.times.append((hold, free))
        table.loc[picked, "simulated"] = True
        table.loc[picked, list(TRIED)] = tried[list(TRIED)].to_numpy()
        table.loc[picked, "works"] = (tried["share"] >= self.min_share).to_numpy()
        return table


# Columns of a trial.
TRIED = ("share", "low", "high", "without", "lfsr", "held", "stay", "share_models", "n_models")


def _require(
    known: References,
    starts: NDArray[np.float64],
    goal: Goal,
    genes: Sequence[int],
    levels: Sequence[float],
    max_genes: int,
    n_candidates: int,
    n_simulated: int,
    min_share: float,
    hold: float | None,
) -> None:
    d = len(known.start)
    if starts.ndim != 2 or starts.shape[1] != d or not len(starts):
        msg = f"Expected `source` of shape (s, {d}), found {starts.shape}."
        raise ValueError(msg)
    if not goal.wanted.any():
        msg = "Expected at least one attractor as the target, found none."
        raise ValueError(msg)
    if not genes or not set(genes) <= set(range(d)) or len(set(genes)) != len(genes):
        msg = f"Expected distinct positions of genes from 0 to {d - 1}, found {list(genes)[:10]}."
        raise ValueError(msg)
    given = np.asarray(levels, dtype=float)
    if (
        given.ndim != 1
        or not len(given)
        or not (np.isfinite(given) & (given >= 0)).all()
        or len(set(given)) != len(given)
    ):
        msg = f"Expected distinct, finite `levels` of at least 0, found {list(levels)}."
        raise ValueError(msg)
    _require_numbers(max_genes, len(genes), n_candidates, n_simulated, min_share, hold)


def _require_numbers(
    max_genes: int, n_genes: int, n_candidates: int, n_simulated: int, min_share: float, hold: float | None
) -> None:
    whole: Mapping[str, int] = {"max_genes": max_genes, "n_candidates": n_candidates, "n_simulated": n_simulated}
    for name, value in whole.items():
        if isinstance(value, bool) or value != int(value) or value < 1:
            msg = f"Expected `{name}` to be a whole number of at least 1, found {value!r}."
            raise ValueError(msg)
    if max_genes > min(n_genes, max(n_candidates, EXHAUSTIVE)):
        msg = f"Expected `max_genes` of at most the {min(n_genes, n_candidates)} genes that sets are made of, found {max_genes}."
        raise ValueError(msg)
    if not 0 < min_share <= 1:
        msg = f"Expected `min_share` above 0 and at most 1, found {min_share}."
        raise ValueError(msg)
    if hold is not None and not (np.isfinite(hold) and hold > 0):
        msg = f"Expected a positive `hold`, found {hold}; leave it out to hold genes until the others rest."
        raise ValueError(msg)


def _require_apart(model: Model[Any], starts: NDArray[np.float64], goal: Goal, reach: float) -> None:
    """Refuse a source that reaches the target with nothing held."""
    nothing = np.zeros((len(starts), 0), dtype=np.int64)
    found = hold_and_release(model, torch.as_tensor(starts), nothing, nothing.astype(float), reach=reach)
    if goal.reached(found.end, found.rests).any():
        msg = "Expected a source other than the target, found one that flows to the target with no gene held."
        raise ValueError(msg)

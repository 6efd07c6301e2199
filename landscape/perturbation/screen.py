"""Many perturbations of many models: fates of paired paths, in blocks, in rounds until changes are known well enough."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from landscape._files import write_atomic
from landscape._random import RandomLike, seed_of
from landscape.dynamics import GeneModel
from landscape.network.data.engine import Engine, over_blocks
from landscape.perturbation.clamps import Clamp, genes_of
from landscape.perturbation.paired import paired_fates
from landscape.topography.fates.outcomes import References
from landscape.topography.field import distinct

# Perturbations of one block, the unit of work and of what is kept for a second start.
BLOCK = 32
# Shares of the paths at the ends of the rounds. All models take part in the first, later ones are of the fit alone.
ROUNDS = (0.25, 0.5, 1.0)
# Noise that moves an attractor off an unstable point of the clamped model, and nowhere else.
NUDGE = 1e-12
# Mark of a path that was not simulated.
NOT_RUN = -1


@dataclass(frozen=True, eq=False)
class Screened:
    """Fates of paired paths under many clamps.

    Attributes
    ----------
    fate
        Position in :attr:`References.fates`, without a clamp (position 0) and with each of them, shape ``(m, 1 + c, n)``; -1 for
        a path that was not simulated. Those of a model and clamp are the first ones.
    acts
        Whether a clamp reaches a gene that is not clamped, shape ``(c,)``.
    becomes
        Fate to which the noise-free flow with each clamp takes each attractor of the fit, shape ``(c, k)``.
    n_new
        Number of attractors of the fit with each clamp that are no attractors without it, among those that the paths of the
        first round reach, shape ``(c,)``.
    n_fates
        Number of fates.
    """

    fate: NDArray[np.int8]
    acts: NDArray[np.bool_]
    becomes: NDArray[np.int64]
    n_new: NDArray[np.int64]
    n_fates: int

    @property
    def n_paths(self) -> NDArray[np.int64]:
        """Number of paths of each model and clamp, shape ``(m, 1 + c)``."""
        return (self.fate != NOT_RUN).sum(-1)

    @property
    def shares(self) -> NDArray[np.float64]:
        """Share of the paths of the fit in each fate, without (position 0) and with each clamp, shape ``(1 + c, k)``."""
        n = self.n_paths[0]
        return np.stack([(self.fate[0] == k).sum(-1) / n for k in range(self.n_fates)], axis=-1)

    @property
    def changes(self) -> NDArray[np.float64]:
        """Change of each share in the fit, over the paths that both have, shape ``(c, k)``."""
        after, before = self.fate[0, 1:], self.fate[0, :1]
        n = self.n_paths[0, 1:]
        run = after != NOT_RUN
        return np.stack([((after == k).sum(-1) - ((before == k) & run).sum(-1)) / n for k in range(self.n_fates)], -1)

    def merged(self, groups: ArrayLike) -> Screened:
        """The same with groups of fates as one fate each; ``becomes`` stays as it is.

        Parameters
        ----------
        groups
            Number of the group of each fate, from 0 without gaps, shape ``(k,)``.
        """
        of_fate = np.append(np.asarray(groups, dtype=np.int8), np.int8(NOT_RUN))
        return replace(self, fate=of_fate[self.fate], n_fates=int(of_fate.max()) + 1)


# Called after each block with the positions of its clamps, the fates of the fit without and with them, and the numbers of clamps and
# of paths of the round.
Watch = Callable[[NDArray[np.int64], NDArray[np.int8], int, int], None]


def screen(
    models: Sequence[GeneModel],
    clamps: Sequence[Clamp],
    start: ArrayLike,
    known: References,
    *,
    duration: float,
    precision: float | None = 0.01,
    rng: RandomLike = 0,
    engine: Engine = None,
    store: Path | None = None,
    watch: Watch | None = None,
) -> Screened:
    r"""Simulate many clamps of a model and its replicates in pairs (:func:`paired_fates`).

    Paths come in rounds. In the first one, a quarter of them, all models take part. Then the fit has twice as many, and twice as
    many again, of the clamps for which the standard error of a change of a share may still exceed ``precision``. With a share
    :math:`c` of paths that change their fate among :math:`n`, that of every change is below :math:`\sqrt{c/n}`, where
    :math:`c` counts one more path than there are.

    Work is done in blocks of 32 clamps, which are the same whatever the engine: the result does not depend on the number of workers,
    nor on an interruption.

    Parameters
    ----------
    models
        The fit and its replicates.
    clamps
        Level of each clamped gene or edge, by position.
    start
        Start of each path, shape ``(n, d)``.
    known
        Reference states of the fates.
    duration
        Time with noise.
    precision
        Standard error of a change from which a clamp needs no more paths; ``None``: all have all paths.
    rng
        Seed or generator of the noise.
    engine
        ``None`` for this process, a number of processes, or a ``distributed.Client``.
    store
        Folder for finished blocks, which a second start reads.
    watch
        Called after each block.

    Returns
    -------
    Fates of all paths, and what becomes of the attractors.
    """
    listed, x, seed = list(models), np.asarray(start, dtype=float), seed_of(rng)
    job = _Job(listed, x, known, float(duration), seed, store)
    ends = sorted({max(1, round(share * len(x))) for share in ROUNDS})
    fate = np.full((len(listed), 1 + len(clamps), len(x)), NOT_RUN, dtype=np.int8)
    acts, n_new = np.zeros(len(clamps), dtype=bool), np.zeros(len(clamps), dtype=np.int64)
    first, open_ = 0, np.arange(len(clamps))
    for number, end in enumerate(ends):
        blocks = [open_[i : i + BLOCK] for i in range(0, max(len(open_), 1), BLOCK)]
        tasks = _Tasks(job, number, first, end, [[clamps[c] for c in block] for block in blocks])
        for block, found in zip(blocks, tasks.done(engine), strict=True):
            rows = np.append(0, 1 + block)
            fate[: len(found.fate), rows, first:end] = found.fate
            acts[block] |= found.acts
            n_new[block] += found.n_new if not number else 0
            if watch is not None:
                watch(block, fate[0, rows, :end], len(open_), end)
        changed = (fate[0, 1:, :end] != fate[0, :1, :end]).sum(-1)
        if precision is not None:
            open_ = open_[np.sqrt(changed[open_] + 1) / end > precision]
        first = end
        if not len(open_):
            break
    return Screened(fate, acts, _becomes(listed[0], clamps, known), n_new, len(known.fates))


@dataclass(frozen=True, eq=False)
class _Found:
    """What is kept of a block."""

    fate: NDArray[np.int8]
    acts: NDArray[np.bool_]
    n_new: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class _Job:
    """What all blocks share."""

    models: Sequence[GeneModel]
    start: NDArray[np.float64]
    known: References
    duration: float
    seed: int
    store: Path | None

    @cached_property
    def key(self) -> str:
        """Digest of what the fates follow from."""
        return digest([list(self.models), self.start, self.known, self.duration, self.seed])


@dataclass(frozen=True, eq=False)
class _Tasks:
    """Blocks of one round, which are read where they are kept, and else computed and kept."""

    job: _Job
    number: int
    first: int
    end: int
    clamps: Sequence[Sequence[Clamp]]
    missing: Sequence[int] = ()

    def starts(self) -> list[int]:
        """Numbers of the blocks to compute."""
        return list(self.missing)

    def done(self, engine: Engine) -> Iterator[_Found]:
        """All blocks, in order."""
        missing = [k for k in range(len(self.clamps)) if not (self.job.store and self._path(k).is_file())]
        computed = over_blocks(_compute, replace(self, missing=missing), engine)
        for k in range(len(self.clamps)):
            if k not in missing:
                with np.load(self._path(k), allow_pickle=False) as kept:
                    yield _Found(**{name: kept[name] for name in ("fate", "acts", "n_new")})
                continue
            found = next(computed)
            if self.job.store:
                write_atomic(self._path(k), partial(_save, found))
            yield found

    def compute(self, k: int) -> _Found:
        """Fates of the paths of a block."""
        job, head = self.job, not self.number
        seed = int(np.random.SeedSequence(job.seed, spawn_key=(self.number,)).generate_state(1, np.uint64)[0] >> 1)
        found = paired_fates(
            job.models if head else job.models[:1],
            self.clamps[k],
            job.start[self.first : self.end],
            job.known,
            duration=job.duration,
            n_times=int(head),
            rng=seed,
            single=True,
        )
        n_new = np.zeros(len(self.clamps[k]), dtype=np.int64)
        if head:
            n_new += [_n_new(found.rest, found.fate[0], c, one, job.known) for c, one in enumerate(self.clamps[k], 1)]
        return _Found(found.fate.astype(np.int8), found.acts, n_new)

    def _path(self, k: int) -> Path:
        if self.job.store is None:
            msg = "Expected a folder for blocks, found none."
            raise ValueError(msg)
        key = digest(
            [self.job.key, self.number, self.first, self.end, [sorted(c.items(), key=str) for c in self.clamps[k]]]
        )
        return self.job.store / f"{key}.npz"


def _compute(tasks: _Tasks, k: int) -> _Found:
    return tasks.compute(k)


def _save(found: _Found, path: Path) -> None:
    with path.open("wb") as stream:
        np.savez(stream, fate=found.fate, acts=found.acts, n_new=found.n_new)


def _n_new(rest: NDArray[np.float64], fate: NDArray[np.int64], c: int, clamp: Clamp, known: References) -> int:
    """Number of groups of rest states of a clamp that are neither near an attractor nor near a rest state without it."""
    free = np.setdiff1d(np.arange(rest.shape[-1]), list(genes_of(clamp)))
    if not len(free):  # a state that is held is not reached
        return 0
    groups = []
    for place in (0, c):
        states = rest[place][(fate[place] >= len(known.names)) & np.isfinite(rest[place]).all(1)][:, free]
        groups.append(states[distinct(torch.as_tensor(states), known.reach)[0].numpy()] if len(states) else states)
    without, with_clamp = groups
    apart = np.sqrt(((with_clamp[:, None] - without[None]) ** 2).mean(2))
    return int((apart > known.reach).all(1).sum())


def _becomes(model: GeneModel, clamps: Sequence[Clamp], known: References) -> NDArray[np.int64]:
    """Fate to which each attractor flows under each clamp, shape ``(c, k)``."""
    nudged = model.with_diffusion(NUDGE)
    found = paired_fates([nudged], clamps, known.states, known, duration=model.step)
    return found.fate[0, 1:]


def digest(value: object) -> str:
    """SHA-256 of a record of numbers, arrays, tensors and other records."""
    whole = hashlib.sha256()
    _feed(whole.update, value)
    return whole.hexdigest()


def _feed(update: Callable[[bytes], object], value: object) -> None:
    if isinstance(value, torch.Tensor | np.ndarray):
        array = np.ascontiguousarray(value)
        update(f"{array.dtype}{array.shape}".encode())
        update(array.tobytes())
    elif is_dataclass(value) and not isinstance(value, type):
        update(type(value).__name__.encode())
        for one in fields(value):
            _feed(update, getattr(value, one.name))
    elif isinstance(value, Mapping):
        for key, one in value.items():
            _feed(update, key)
            _feed(update, one)
    elif isinstance(value, list | tuple):
        update(f"{len(value)}:".encode())
        for one in value:
            _feed(update, one)
    elif value is None or isinstance(value, str | int | float | np.number):
        update(f"{value!r};".encode())
    else:
        msg = f"Expected a model of arrays and numbers, whose blocks can be kept, found a {type(value).__name__}."
        raise TypeError(msg)

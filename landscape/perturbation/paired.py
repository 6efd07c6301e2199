"""Fates of models without and with genes clamped, path by path: the same start and the same noise for all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from landscape._random import RandomLike, seed_of
from landscape._threads import on_one_thread
from landscape.dynamics import GeneModel
from landscape.perturbation.clamped_paths import ClampedPaths, CommonNoise, clamped_paths
from landscape.perturbation.clamps import Clamp, edges_of, genes_of, held_last, held_throughout, last_release
from landscape.topography.fates.outcomes import References


@dataclass(frozen=True, eq=False)
class PairedFates:
    """Fates of each path in each model, without a clamp (position 0) and with each of them.

    Attributes
    ----------
    fate
        Position in :attr:`References.fates`, shape ``(m, 1 + c, n)`` for ``m`` models, ``c`` clamps and ``n`` paths.
    fate_held
        Fate that each path would have if its genes were held on from their last release; the same as ``fate`` where nothing
        is released. Shape ``(m, 1 + c, n)``.
    n_fates
        Number of fates.
    acts
        Whether a clamped gene regulates another gene in any model, shape ``(c,)``. Where none does, nothing changes.
    mean
        Mean state at the end, shape ``(m, 1 + c, d)``.
    shift, shift_error
        Mean change of the state at the end of a path, and its standard error over paths, shape ``(m, c, d)``.
    path
        States of the first model at the times that are kept, shape ``(t, 1 + c, n, d)``; no times by default.
    rest
        States to which the paths of the first model relax, NaN for one that does not come to rest, shape
        ``(1 + c, n, d)``; empty if no times are kept.
    """

    fate: NDArray[np.int64]
    fate_held: NDArray[np.int64]
    n_fates: int
    acts: NDArray[np.bool_]
    mean: NDArray[np.float64]
    shift: NDArray[np.float64]
    shift_error: NDArray[np.float64]
    path: NDArray[np.float64]
    rest: NDArray[np.float64]

    @property
    def shares(self) -> NDArray[np.float64]:
        """Share of the paths in each fate, shape ``(m, 1 + c, k)``."""
        return np.stack([(self.fate == k).mean(-1) for k in range(self.n_fates)], axis=-1)

    def merged(self, groups: ArrayLike) -> PairedFates:
        """The same paths with groups of fates as one fate each.

        Parameters
        ----------
        groups
            Number of the group of each fate, from 0 without gaps, shape ``(k,)``.
        """
        of_fate = np.asarray(groups)
        return replace(self, fate=of_fate[self.fate], fate_held=of_fate[self.fate_held], n_fates=int(of_fate.max()) + 1)


@on_one_thread
def paired_fates(
    models: Iterable[GeneModel],
    clamps: Sequence[Clamp],
    start: ArrayLike,
    known: References,
    *,
    duration: float,
    n_times: int = 0,
    rng: RandomLike = 0,
    single: bool = False,
) -> PairedFates:
    r"""Simulate every model without and with every clamp, from the same start and under the same noise.

    Each path follows :math:`dx = f(x)\,dt + \sqrt{2D}\,dB` for a time and then the noise-free flow to rest. Its fate is that
    of the nearest reference (:meth:`References.label`), and ``other`` if none is near or it does not come to rest. A clamp
    of genes that regulate no other gene in any model leaves all paths as they are, and their fates too. A pulse is released
    while there is noise, and its paths have time to leave again.

    All clamps of a model are simulated in one batch.
    The common noise makes the changes of one model accurate: with shares :math:`p` and :math:`q` of a fate before and
    after, the variance of :math:`q - p` over :math:`n` paths falls from :math:`[p(1-p) + q(1-q)]/n` to the share of paths
    that change over :math:`n`. It makes the simulation errors of different models alike as well, so that the differences
    between models are theirs and not those of their noise.

    Parameters
    ----------
    models
        Models of the same genes, such as a fit and its replicates.
    clamps
        Level of each clamped gene, by position, or its level and the time for which it is held (a pulse). A pair of positions
        is an edge, from a regulator to a target that sees it at the level.
    start
        Start of each path, shape ``(n, d)``.
    known
        Reference states of the fates.
    duration
        Time with noise.
    n_times
        Number of times, equally spaced, at which the states of the first model are kept.
    rng
        Seed or generator of the noise.
    single
        Compute in single precision, in half of the time.

    Returns
    -------
    Fates of all paths, the mean states at the end, and the states that are kept.

    Raises
    ------
    ValueError
        If there is no model, shapes do not match, or the duration is not positive or ends before a pulse.

    Examples
    --------
    A toggle switch, whose second fate wins where the first gene is removed:

    >>> import numpy as np, landscape as ls
    >>> drift = ls.dynamics.RegulatoryDrift.from_arrays([[0.0, -8.0], [-8.0, 0.0]], bias=3.0, hill=4.0)
    >>> model = ls.dynamics.Model(drift, 0.01)
    >>> found = ls.topography.fixed_points(drift, np.array([[1.0, 0.0], [0.0, 1.0]]), deflate=False)
    >>> start = np.full((500, 2), 0.4)
    >>> fates = ls.perturbation.references(("A", "B"), [point.x for point in found.stable[::-1]], start)
    >>> paired = ls.perturbation.paired_fates([model], [{0: 0.0}], start, fates, duration=20.0)
    >>> paired.shares.shape
    (1, 2, 4)
    """
    listed, x = list(models), torch.as_tensor(np.array(start, dtype=float))
    _require(listed, x, known, duration, last_release(clamps))
    n_kept = max(n_times, 1)
    n_steps = n_kept * -(-max(model.n_steps(duration) for model in listed) // n_kept)
    acts = np.array([any(_acts(model, clamp) for model in listed) for clamp in clamps], dtype=bool)
    # What cannot act is the model itself; a pulse moves its own gene at least.
    moves = acts | np.array([last_release([clamp]) > 0 for clamp in clamps], dtype=bool)
    every: list[Clamp] = [{}, *(clamp for clamp, yes in zip(clamps, moves, strict=True) if yes)]
    place = np.concatenate([[0], np.where(moves, np.cumsum(moves), 0)])
    runs, noise = [], CommonNoise(seed_of(rng), len(x), x.shape[1], n_steps)
    for m, model in enumerate(listed):
        run, keep = _Run(known), bool(n_times) and m == 0
        for part in clamped_paths(
            model,
            every,
            x,
            n_steps=n_steps,
            step=duration / n_steps,
            n_times=n_kept if keep else 1,
            reach=known.reach,
            noise=noise,
            single=single,
        ):
            run.add(part, every[part.first : part.first + len(part.rest)], keep=keep)
        runs.append(run)
    mean, shift = (np.array([getattr(run, name) for run in runs])[:, place] for name in ("mean", "shift"))
    for c in np.flatnonzero(~moves).tolist():
        for gene, level in held_throughout(clamps[c]).items():
            mean[:, 1 + c, gene], shift[:, 1 + c, gene] = level, level - mean[:, 0, gene]
    return PairedFates(
        np.array([run.fate for run in runs])[:, place],
        np.array([run.fate_held for run in runs])[:, place],
        len(known.fates),
        acts,
        mean,
        shift[:, 1:],
        np.array([run.error for run in runs])[:, place[1:]],
        np.concatenate(runs[0].path, axis=1)[:, place] if n_times else np.empty((0, len(place), *x.shape)),
        np.concatenate(runs[0].rest)[place] if n_times else np.empty((len(place), 0, x.shape[1])),
    )


class _Run:
    """What is kept of the paths of one model: the fate of each, and means over them."""

    def __init__(self, known: References) -> None:
        self.known, self.first = known, np.empty(0)
        self.fate, self.fate_held, self.mean, self.shift, self.error = (list[NDArray]() for _ in range(5))
        self.path, self.rest = list[NDArray[np.float64]](), list[NDArray[np.float64]]()

    def add(self, part: ClampedPaths, clamps: Sequence[Clamp], *, keep: bool) -> None:
        rest, end = part.rest.numpy(), part.path[-1].numpy()
        if not part.first:
            self.first = end[0]
        for c, clamp in enumerate(clamps):
            self.fate.append(self._fate(rest[c], part.settled[c], held_throughout(clamp)))
            if c in part.pulsed:
                k = part.pulsed.index(c)
                self.fate_held.append(self._fate(part.rest_held[k].numpy(), part.settled_held[k], held_last(clamp)))
            else:
                self.fate_held.append(self.fate[-1])
            moved = end[c] - self.first
            self.mean.append(end[c].mean(0))
            self.shift.append(moved.mean(0))
            self.error.append(
                moved.std(0, ddof=1) / len(moved) ** 0.5 if len(moved) > 1 else np.full(len(rest[c].T), np.nan)
            )
        if keep:
            self.path.append(part.path.numpy())
            self.rest.append(np.where(part.settled[..., None], rest, np.nan))

    def _fate(
        self, rest: NDArray[np.float64], settled: NDArray[np.bool_], held: Mapping[int, float]
    ) -> NDArray[np.int64]:
        return np.where(settled, self.known.label(rest, held), len(self.known.fates) - 1)


def _acts(model: GeneModel, clamp: Clamp) -> bool:
    """Whether a clamped gene regulates a gene that is not clamped throughout, or an edge that is held leads to one."""
    weights = getattr(model.drift, "weights", None)
    if weights is None:
        return bool(clamp)  # a drift without weights may depend on any gene
    held = held_throughout(clamp)
    others = np.setdiff1d(np.arange(len(weights)), list(held))
    edges = any(weights[target, source] != 0 and target not in held for source, target in edges_of(clamp))
    return edges or bool((weights[others][:, list(genes_of(clamp))] != 0).any())


def _require(models: Sequence[GeneModel], start: Tensor, known: References, duration: float, release: float) -> None:
    d = len(known.start)
    if not models or any(model.n_variables != d for model in models):
        msg = f"Expected models of {d} genes, as the reference states, found {[model.n_variables for model in models]}."
        raise ValueError(msg)
    if start.ndim != 2 or start.shape[1] != d or not len(start):
        msg = f"Expected `start` of shape (n, {d}), found {tuple(start.shape)}."
        raise ValueError(msg)
    if not (np.isfinite(duration) and duration > 0):
        msg = f"Expected a positive `duration`, found {duration}."
        raise ValueError(msg)
    if not duration > release:
        msg = f"Expected a `duration` longer than the longest pulse, {release:g}, found {duration:g}."
        raise ValueError(msg)

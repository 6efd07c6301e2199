"""Sums over random groups of cells: halves and bootstraps of the cells follow without another pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.network.data.arrays import FloatArray
from landscape.network.data.block import Block
from landscape.network.data.checkpoint import Checkpoint, problem_of
from landscape.network.data.engine import Engine, over_blocks
from landscape.network.data.expression import Expression
from landscape.network.data.moments import Moments, Sums, moments_of, sums_of, total_sums
from landscape.network.data.reliability import reliability

#: Memory for the sums of all groups, in bytes.
MAX_BYTES = 1.5e9
#: Bootstraps resample groups of cells. More groups resample more finely, but the sums of each take memory.
MAX_GROUPS = 25
#: Smallest number of groups that is worth resampling, even if their sums exceed that memory.
MIN_GROUPS = 10
_BYTES_PER_NUMBER = 8.0


@dataclass(frozen=True)
class Groups:
    """Sums of every group of cells.

    Attributes
    ----------
    forward
        Sums of the regression of the response on expression.
    reverse, contemporaneous
        Sums of the reversed and of the contemporaneous regression (:meth:`landscape.network.data.block.Block.views`);
        ``None`` if the response is the expression itself.
    n_regulators
        Number of features that are regulators or decoys; the others are stumps.
    reliability
        Reliability of the response of every target.
    """

    forward: tuple[Sums, ...]
    reverse: tuple[Sums, ...] | None
    n_regulators: int
    contemporaneous: tuple[Sums, ...] | None = None
    reliability: FloatArray | None = None

    def __len__(self) -> int:
        return len(self.forward)

    def moments(self, counts: Sequence[float] | NDArray[np.floating] | None = None) -> Moments:
        """Correlations of all cells, every group weighted by its count; ``None``: each counts once."""
        forward, reverse, contemporaneous = (
            None if parts is None else replace(moments_of(_weighted(parts, counts)), n_regulators=self.n_regulators)
            for parts in (self.forward, self.reverse, self.contemporaneous)
        )
        if forward is None:
            msg = "Expected sums of at least one group of cells, found none."
            raise ValueError(msg)
        return replace(forward, reverse=reverse, contemporaneous=contemporaneous, reliability=self.reliability)

    def halves(self) -> tuple[Moments, Moments]:
        """Correlations of two halves of the cells.

        Raises
        ------
        ValueError
            If there is only one group.
        """
        if len(self) < 2:
            msg = "Expected cells that differ, found too few distinct cells for two halves."
            raise ValueError(msg)
        even = np.arange(len(self)) % 2 == 0
        return self.moments(even.astype(float)), self.moments((~even).astype(float))


def _weighted(parts: tuple[Sums, ...], counts: Sequence[float] | NDArray[np.floating] | None) -> Sums:
    weights = np.ones(len(parts)) if counts is None else np.asarray(counts, dtype=np.float64)
    used = np.flatnonzero(weights)
    return total_sums([parts[k] for k in used], weights[used].tolist())


def number_of_groups(data: Expression, n_features: int) -> int:
    """Number of groups that fit in memory, at least 10 and at most 25."""
    one = _BYTES_PER_NUMBER * n_features * (data.n_genes + n_features) * (1 + 2 * (data.response is not None))
    return int(np.clip(MAX_BYTES // max(one, 1.0), MIN_GROUPS, MAX_GROUPS))


def groups_of(
    data: Expression,
    *,
    thresholds: FloatArray | None = None,
    max_groups: int = MAX_GROUPS,
    seed: int = 0,
    engine: Engine = None,
    checkpoint: str | Path | None = None,
) -> Groups:
    """Sums of random groups of cells, in one pass.

    The group of a cell is a hash of its values. The order of the cells does not matter, and copies of a cell stay in one
    group, so that duplicated cells do not look like reproducible data.

    Parameters
    ----------
    data
        Expression.
    thresholds
        Thresholds of the stumps, shape ``(n_thresholds, regulators)``: the features are then the regulators and their stumps.
    max_groups
        Number of groups, fewer if memory is short (:func:`number_of_groups`).
    seed
        Seed of the hash.
    engine
        See :func:`landscape.network.data.engine.over_blocks`.
    checkpoint
        File for the sums. Blocks whose sums it already holds are not read again.
    """
    p = len(data.regulators) + (0 if data.decoy_of is None else len(data.decoy_of))
    n_groups = min(max_groups, number_of_groups(data, p if thresholds is None else p * (1 + len(thresholds))))
    n_views = 1 if data.response is None else 3
    sums: tuple[dict[int, Sums], ...] = tuple({} for _ in range(n_views))
    done, saved = 0, None
    if checkpoint is not None:
        problem = problem_of(data, thresholds=thresholds, n_groups=n_groups, seed=seed)
        saved = Checkpoint(Path(checkpoint), problem, n_views)
        done, sums = saved.load()
    parts = over_blocks(_grouped_block, data, engine, skip=done, n_groups=n_groups, seed=seed, thresholds=thresholds)
    for count, found in enumerate(parts, done + 1):
        for group, new in found:
            for store, part in zip(sums, new, strict=True):
                _add(store, group, part)
        if saved is not None:
            saved.save(count, sums, last=count == len(data.starts()))
    forward, *others = (tuple(store[group] for group in sorted(store)) for store in sums)
    if not others:
        return Groups(forward, None, p)
    return Groups(forward, others[0], p, others[1], reliability(data))


def _add(store: dict[int, Sums], group: int, part: Sums) -> None:
    store[group] = total_sums([store[group], part]) if group in store else part


def _grouped_block(
    data: Expression, start: int, *, n_groups: int, seed: int, thresholds: FloatArray | None, device: Any = None
) -> list[tuple[int, tuple[Sums, ...]]]:
    block = data.block(start)
    group = hashed(block.fingerprint, seed) % np.uint64(n_groups)
    result = []
    for which in np.unique(group):
        part = block.cells(np.flatnonzero(group == which))
        sums = tuple(sums_of(view, features=_features(view, thresholds), device=device) for view in part.views())
        result.append((int(which), sums))
    return result


def _features(block: Block, thresholds: FloatArray | None) -> FloatArray | None:
    if thresholds is None:
        return None
    stumps = [(block.regulators > cut).astype(np.float64) for cut in thresholds]
    return np.concatenate([block.regulators, *stumps], axis=1)


def stump_thresholds(data: Expression, *, n_thresholds: int = 3, seed: int = 0, max_cells: int = 10_000) -> FloatArray:
    """Thresholds of the stumps: quantiles of every regulator, shape ``(n_thresholds, regulators)``.

    They divide the cells into ``n_thresholds + 1`` parts of equal size. If the first quantile is the lowest value (the gene
    is not detected), that value is the first threshold and the others divide the cells above it. Of more than ``max_cells``
    cells those with the lowest hash are used.
    """
    values, keys = [], []
    for block in data.blocks():
        values.append(block.regulators)
        keys.append(hashed(block.fingerprint, seed))
        if sum(map(len, keys)) > 2 * max_cells:
            values, keys = _lowest(values, keys, max_cells)
    sample = _lowest(values, keys, max_cells)[0][0]
    share = np.arange(1, n_thresholds + 1) / (n_thresholds + 1)
    cuts = np.quantile(sample, share, axis=0)
    lowest = sample.min(axis=0)
    for k in np.flatnonzero(cuts[0] <= lowest):
        above = sample[sample[:, k] > lowest[k], k]
        if len(above):
            cuts[0, k] = lowest[k]
            cuts[1:, k] = np.quantile(above, np.arange(1, n_thresholds) / n_thresholds)
    return cuts


def _lowest(
    values: list[FloatArray], keys: list[NDArray[np.uint64]], count: int
) -> tuple[list[FloatArray], list[NDArray[np.uint64]]]:
    key, value = np.concatenate(keys), np.concatenate(values)
    kept = np.argsort(key, kind="stable")[:count]
    return [value[kept]], [key[kept]]


def hashed(values: FloatArray, seed: int) -> NDArray[np.uint64]:
    """64-bit hash of every value (the finaliser of splitmix64)."""
    mixed = np.ascontiguousarray(values, dtype=np.float64).view(np.uint64) ^ np.uint64(seed & 0xFFFFFFFFFFFFFFFF)
    mixed = mixed + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))

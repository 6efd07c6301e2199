"""Whether counts, and a direction beside them, support a landscape."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray

from landscape import _keys
from landscape._anndata import count_matrix, read_complete, require_adata, write_result
from landscape._directions import StoredSample, parts_of
from landscape._random import RandomLike, generator
from landscape._verdict import UNSUPPORTED
from landscape.directions import SOURCES, Combination, Direction
from landscape.structure import LEVEL, MAX_CELLS, StructureTest, compare_genes, compare_values, failures, untestable

logger = logging.getLogger(__name__)


def structure(
    adata: AnnData,
    *,
    direction: Direction | Combination | None = None,
    layer: str | None = _keys.COUNTS,
    batch_key: str | None = None,
    max_cells: int = MAX_CELLS,
    key_added: str = _keys.STRUCTURE,
    rng: RandomLike = 0,
    copy: bool = False,
) -> AnnData | None:
    r"""Test whether the data support a landscape: nothing should come from nothing.

    Three questions, each against a null hypothesis that counts without a landscape fulfil:

    * *Shared variation.* Genes vary together beyond library size and batch. Leading components of one half of the genes are
      held against those of the other half, with the sign of each cell's residuals at random
      (:func:`landscape.structure.gene_split`).
    * *Continuum.* They still do so within groups of like cells: cells are not of a few types with nothing between.
    * *Direction.* What the direction rests on is alike among neighbours, against permutations of cells of like library
      size and batch (:func:`landscape.structure.smoothness`). Several sources are tested one by one.

    A landscape is supported if all tests that can be made reject at the level of 1 %, so that structureless data pass
    with a probability of at most that. The tests need counts only and come before the latent model.

    Parameters
    ----------
    adata
        Annotated data with raw counts.
    direction
        Source of direction, as for :func:`dynamics`; ``None`` tests genes alone.
    layer
        Layer of raw counts; ``None`` is ``adata.X``.
    batch_key
        Column of ``adata.obs`` with the batch: differences between batches are no structure.
    max_cells
        Number of cells that are tested, drawn at random where there are more.
    key_added
        Name of the result.
    rng
        Seed or generator.
    copy
        Work on a copy of ``adata`` and return it.

    Returns
    -------
    ``None``, or the copy if ``copy=True``. Sets

    ``adata.uns["landscape"]["structure"]`` : dict
        ``table``, a DataFrame with one row per test (``statistic``, ``by_chance``, ``p_value``, NaN where the test cannot be
        made, ``passed``, ``note``); ``supported``; ``reasons``, the tests that failed, with their figures; and ``n_cells``,
        the number of cells that were tested.

    Raises
    ------
    KeyError
        If a column, a layer or what the direction names is missing.
    ValueError
        If there are no counts or the direction cannot be used.

    Examples
    --------
    >>> import landscape as ls
    >>> adata = ls.datasets.hematopoiesis()  # doctest: +SKIP
    >>> ls.tl.structure(adata, direction=ls.dynamics.from_time("day"))  # doctest: +SKIP
    >>> ls.get.structure(adata)  # doctest: +SKIP
    """
    adata = require_adata(adata)
    if max_cells < 1:
        msg = f"Expected a positive `max_cells`, found {max_cells}."
        raise ValueError(msg)
    parts = parts_of(direction)
    count_matrix(adata, layer, filled=True)
    adata = adata.copy() if copy else adata
    gen = generator(rng)
    n = adata.n_obs
    rows = np.arange(n) if n <= max_cells else np.sort(gen.choice(n, max_cells, replace=False))
    batch = _batches(adata, batch_key)[rows]
    sample = StoredSample(adata, rows, layer, gen)
    tests = [*compare_genes(sample.counts()[rows].astype(float), batch, gen)]
    for part in parts:
        tests += _of_direction(sample, part, batch)
    _write(
        adata,
        tests,
        key_added,
        {"direction": str(direction or "none"), "layer": layer, "batch_key": batch_key, "n_cells": len(rows)},
    )
    return adata if copy else None


def _batches(adata: AnnData, key: str | None) -> NDArray[np.int64]:
    if key is None:
        return np.zeros(adata.n_obs, dtype=np.int64)
    column = read_complete(adata, key, hint="pass `batch_key=`, a column of `adata.obs`")
    return np.unique(column.astype(str).to_numpy(), return_inverse=True)[1]


def _of_direction(sample: StoredSample, direction: Direction, batch: NDArray[np.int64]) -> list[StructureTest]:
    """Tests of all that one source rests on; StoredSample has the AnnData object."""
    source = SOURCES[direction.source]
    source.require(sample, direction)
    signals = source.signals(sample, direction)
    if not signals:
        return [untestable(source.describe(direction), "not testable; the tests of genes decide")]
    return [compare_values(s.name, s.counts.astype(float), s.values, batch, sample.rng) for s in signals]


def _write(adata: AnnData, tests: Sequence[StructureTest], key: str, params: dict[str, object]) -> None:
    names = pd.Index([test.name for test in tests], name="test")
    fields = ("statistic", "by_chance", "p_value", "passed", "note")
    table = pd.DataFrame({field: [getattr(test, field) for test in tests] for field in fields}, index=names)
    reasons = failures(tests)
    record = {
        "table": table,
        "supported": not reasons,
        "reasons": np.array(reasons, dtype=object),
        "n_cells": params["n_cells"],
        "level": LEVEL,
    }
    write_result(adata, key, record, params=params, what="supported" if not reasons else UNSUPPORTED)
    if reasons:
        logger.warning("%s: %s", UNSUPPORTED, "; ".join(reasons))

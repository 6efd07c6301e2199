"""Sums over the cells read so far, on disk, so that an interrupted run can be resumed."""

from __future__ import annotations

import hashlib
import time
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from landscape._files import write_atomic
from landscape.network.data.arrays import FloatArray, Matrix, rows_of
from landscape.network.data.expression import Expression
from landscape.network.data.moments import Sums

#: Seconds between two writes. The last block is always written.
SAVE_INTERVAL = 30.0
_PARTS = ("aa", "ay", "yy")


@dataclass
class Checkpoint:
    """A file with the sums of every group after some of the blocks.

    Attributes
    ----------
    path
        File.
    problem
        Digest of the data and settings, see :func:`problem_of`.
    n_views
        Number of regressions: 1, or 3 with a response (:meth:`landscape.network.data.block.Block.views`).
    """

    path: Path
    problem: str
    n_views: int
    _written: float = field(default_factory=time.monotonic)

    def load(self) -> tuple[int, tuple[dict[int, Sums], ...]]:
        """Number of blocks done, and the sums of every regression by group; none if there is no file.

        Raises
        ------
        ValueError
            If the file belongs to other data or settings, or is no checkpoint.
        """
        if not self.path.exists():
            return 0, tuple({} for _ in range(self.n_views))
        try:
            with np.load(self.path, allow_pickle=False) as file:
                content = {name: file[name] for name in file.files}
            found = str(content["problem"])
            sums = tuple(_unpacked(content, f"view{k}") for k in range(self.n_views if found == self.problem else 0))
            done = int(content["done"])
        except (zipfile.BadZipFile, ValueError, KeyError, EOFError, OSError) as error:
            msg = (
                f"Expected a checkpoint of network sums at {self.path}, found another kind of file; name another path."
            )
            raise ValueError(msg) from error
        if found != self.problem:
            msg = (
                f"Expected a checkpoint of these data and settings at {self.path}, found one of others; remove it or name "
                "another path."
            )
            raise ValueError(msg)
        return done, sums

    def save(self, done: int, sums: tuple[dict[int, Sums], ...], *, last: bool) -> None:
        """Write atomically, after the last block or if the last write is longer ago than ``SAVE_INTERVAL``."""
        if not last and time.monotonic() - self._written < SAVE_INTERVAL:
            return
        content = {"problem": np.array(self.problem), "done": np.array(done)}
        for k, view in enumerate(sums):
            content |= _packed(view, f"view{k}")

        def write(temporary: Path) -> None:
            with temporary.open("wb") as stream:
                np.savez(stream, allow_pickle=False, **content)

        write_atomic(self.path, write)
        self._written = time.monotonic()


def problem_of(data: Expression, *, thresholds: FloatArray | None, n_groups: int, seed: int) -> str:
    """Digest of everything that determines the sums: all counts and responses, covariates, decoys and settings.

    It takes a pass over the cells, which is short beside that of the sums.
    """
    digest = hashlib.sha256()
    settings = (
        data.n_cells, data.n_genes, data.target_sum, data.transform, data.regress_depth, data.is_counts,
        data.block_size, n_groups, seed, data.response is not None,
    )  # fmt: skip
    digest.update(repr(settings).encode())
    arrays = (
        data.regulators,
        data.covariates,
        data.totals,
        data.response_totals,
        data.decoys,
        data.decoys_reverse,
        thresholds,
    )
    for part in arrays:
        digest.update(b"none" if part is None else np.ascontiguousarray(part).tobytes())
    for matrix in (data.counts, data.response):
        if matrix is not None:
            for start in data.starts():
                _update(digest, rows_of(matrix, start, min(start + data.block_size, data.n_cells)))
    return digest.hexdigest()


def _update(digest: Any, rows: Matrix) -> None:
    """Add rows of a matrix, the same for a sparse and for a dense one."""
    found = sparse.csr_matrix(rows, copy=True)
    found.sum_duplicates()
    found.eliminate_zeros()
    for part, kind in ((found.indptr, np.int64), (found.indices, np.int64), (found.data, np.float64)):
        digest.update(part.astype(kind).tobytes())


def _packed(sums: dict[int, Sums], name: str) -> dict[str, np.ndarray]:
    groups = sorted(sums)
    result = {f"{name}_groups": np.array(groups, dtype=np.int64)}
    for group in groups:
        result |= {f"{name}_{group}_{part}": getattr(sums[group], part) for part in _PARTS}
        result[f"{name}_{group}_size"] = np.array([sums[group].n_cells, sums[group].n_covariates])
    return result


def _unpacked(content: dict[str, np.ndarray], name: str) -> dict[int, Sums]:
    result = {}
    for group in content[f"{name}_groups"].tolist():
        n_cells, n_covariates = content[f"{name}_{group}_size"]
        parts = {part: content[f"{name}_{group}_{part}"] for part in _PARTS}
        result[group] = Sums(**parts, n_cells=float(n_cells), n_covariates=int(n_covariates))
    return result

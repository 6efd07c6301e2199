"""The record of a source of direction, and what it may read from the cells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray
    from scipy import sparse

    from landscape.directions.direction import Direction, Grade
    from landscape.markov.directed import Directed
    from landscape.markov.graph import CellGraph


class Data(Protocol):
    """A data set by its names, as far as a source may look at it before anything is computed."""

    @property
    def cell_names(self) -> pd.Index:
        """Names of the cells."""

    @property
    def gene_names(self) -> pd.Index:
        """Names of the genes."""

    @property
    def columns(self) -> list[str]:
        """Names of the columns of cells (``adata.obs``)."""

    @property
    def layers(self) -> list[str]:
        """Names of the layers."""

    @property
    def root(self) -> str | None:
        """Name of the cell that scanpy takes for the root (``adata.uns["iroot"]``), if any."""

    def column(self, key: str, *, hint: str) -> pd.Series:
        """Column of cells; where it is missing, a KeyError with the hint."""

    def layer(self, key: str, *, hint: str) -> Any:
        """Layer, dense or sparse, shape ``(n, n_genes)``; where it is missing, a KeyError with the hint."""

    def pairs(self, key: str, *, hint: str) -> Any:
        """Matrix between cells (``adata.obsp``), shape ``(n, n)``; where it is missing, a KeyError with the hint."""


class Cells(Data, Protocol):
    """A data set with everything that the chain of cells is made from."""

    @property
    def coordinates(self) -> NDArray[np.float64]:
        """Coordinates in which cells are neighbours, shape ``(n, k)``."""

    @property
    def states(self) -> NDArray[np.float64]:
        """States of the cells, shape ``(n, d)``."""

    @property
    def graph(self) -> CellGraph:
        """Graph of neighbours."""

    @property
    def rng(self) -> np.random.Generator:
        """Generator that the whole fit draws from."""

    def counts(self, layer: str | None = None) -> sparse.csr_matrix:
        """Checked counts of a layer, by default of the one that the states come from, shape ``(n, n_genes)``."""


class Sample(Data, Protocol):
    """Cells of a data set on which structure is tested."""

    @property
    def rows(self) -> NDArray[np.int64]:
        """Positions of the cells of the sample, shape ``(n,)``; everything else is that of all cells."""

    @property
    def rng(self) -> np.random.Generator:
        """Generator that the tests draw from."""

    def counts(self, layer: str | None = None) -> sparse.csr_matrix:
        """Checked counts of all cells in a layer, by default of the one that is tested, shape ``(n_cells, n_genes)``."""


@dataclass(frozen=True, slots=True)
class Signal:
    """Values that a direction rests on, which are like those of neighbours if it has to do with the state.

    Attributes
    ----------
    name
        What they are, in words.
    values
        Values of the cells of a sample, shape ``(n, m)``.
    counts
        Counts of the same cells that define neighbours, shape ``(n, g)``, from which the values do not derive.
    """

    name: str
    values: NDArray[np.float64]
    counts: sparse.csr_matrix


@dataclass(frozen=True, slots=True)
class Option:
    """A setting of a run that asks for a source.

    Attributes
    ----------
    field
        Name in a configuration file; on the command line ``--field``, with hyphens.
    help
        What it takes, in a line.
    make
        Factory of the direction: takes a name, or with ``many`` a tuple of names.
    metavar
        Placeholder of its value on the command line.
    many
        Whether it takes a list of names.
    """

    field: str
    help: str
    make: Callable[[Any], Direction]
    metavar: str | None = None
    many: bool = False

    @property
    def flag(self) -> str:
        """Name on the command line."""
        return f"--{self.field.replace('_', '-')}"


@dataclass(frozen=True, slots=True)
class Source:
    """A kind of direction: how it is named, found, checked and read.

    To add a direction source, implement these in a file of its own beside this one, and add its record to the table
    :data:`landscape.directions.SOURCES`. Detection, settings, command line, messages and reports follow from the table.
    The file also holds the factory ``from_...``, which is exported in :mod:`landscape.dynamics`. It imports numpy and
    the numerical packages inside its functions, because the command line reads the table for its options and must not
    load them.

    Attributes
    ----------
    name
        Its name, as in :attr:`Direction.source`.
    grade
        Identifiability grade, see :data:`landscape.dynamics.GRADES`.
    describe
        The direction in words, as in a log or a report.
    require
        Refuses a direction that the data do not hold or that cannot be used: a KeyError for what is missing, a
        ValueError for bad values. Runs before anything is computed.
    read
        Evaluates a direction on cells, by one of the functions of :mod:`landscape.markov.directed`. It may rely on
        ``require``.
    detect
        Directions of this kind that a data set offers by itself, the best first.
    sought
        What ``detect`` looks for, in words; empty where it finds nothing by itself.
    options
        Settings of a run that ask for it.
    signals
        What the direction rests on, for :func:`landscape.tl.structure`; nothing where that cannot be tested. It may rely
        on ``require``.
    """

    name: str
    grade: Grade
    describe: Callable[[Direction], str]
    require: Callable[[Data, Direction], None]
    read: Callable[[Cells, Direction], Directed]
    detect: Callable[[Data], Sequence[Direction]] = lambda _: ()
    sought: str = ""
    options: tuple[Option, ...] = ()
    signals: Callable[[Sample, Direction], Sequence[Signal]] = lambda *_: ()


def usable(data: Data, direction: Direction, require: Callable[[Data, Direction], None]) -> list[Direction]:
    """The direction alone, or nothing where ``require`` refuses it: what a source detects in a place of its own."""
    try:
        require(data, direction)
    except (KeyError, ValueError, TypeError):
        return []
    return [direction]

"""Where the direction of the dynamics comes from, and how far such a source determines them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Source = Literal["root", "pseudotime", "time", "unspliced", "velocity", "transitions"]
Grade = Literal["A", "B", "C", "D"]

GRADES: dict[Grade, str] = {
    "A": "interventional: edges are causal",
    "B": "real time points or lineage: drift and noise of a gradient system, speed in real time",
    "C": "velocity or directed pseudotime: order of states; neither speed nor barriers in real units",
    "D": "steady snapshot: stationary density only; no direction, no rotation, no self-edges",
}


@dataclass(frozen=True)
class Direction:
    """One source of direction, by name; it holds no data.

    Attributes
    ----------
    source
        Kind of source.
    key
        Where it lies in the AnnData object.
    grade
        Identifiability grade, see :data:`GRADES`.
    genes
        Marker genes of the root, for ``source="root"``.
    weight
        Weight in a combination.
    growth
        Column of ``adata.obs`` with the net growth rate of every cell, for ``source="time"``.
    """

    source: Source
    key: str
    grade: Grade
    genes: tuple[str, ...] = ()
    weight: float = 1.0
    growth: str | None = None

    def __post_init__(self) -> None:
        if not self.weight > 0:
            msg = f"Expected a positive `weight`, found {self.weight}."
            raise ValueError(msg)

    @property
    def parts(self) -> tuple[Direction, ...]:
        """The source itself, as a combination of one."""
        return (self,)

    def __add__(self, other: Direction | Combination) -> Combination:
        """Combine with another source."""
        return Combination((*self.parts, *other.parts))

    def __str__(self) -> str:
        """Name that a report prints."""
        growth = "" if self.growth is None else f", growth {self.growth}"
        return f"{self.source} ({', '.join(self.genes) or self.key}{growth})"


@dataclass(frozen=True)
class Combination:
    """Sources that are used together, weighted."""

    parts: tuple[Direction, ...]

    @property
    def grade(self) -> Grade:
        """Best grade of the parts."""
        return min(part.grade for part in self.parts)

    def __add__(self, other: Direction | Combination) -> Combination:
        """Add another source."""
        return Combination((*self.parts, *other.parts))

    def __str__(self) -> str:
        """Name that a report prints."""
        return " + ".join(map(str, self.parts))


def from_time(key: str = "day", *, growth: str | None = None, weight: float = 1.0) -> Direction:
    """Real time points in ``adata.obs[key]``, numbers in one unit. Grade B.

    Parameters
    ----------
    key
        Column of real times.
    growth
        Column of ``adata.obs`` with the net growth rate of every cell, births less deaths per unit of that time.
        Without it growth is taken to be equal everywhere, and a state that multiplies looks like a deeper attractor.
    weight
        Weight in a combination.
    """
    return Direction("time", _name(key), "B", weight=weight, growth=None if growth is None else _name(growth))


def from_root(root: str | None = None, *, genes: Sequence[str] | None = None, weight: float = 1.0) -> Direction:
    """Start of development; order by a steady flow from it to the ends of the manifold. Grade C.

    Parameters
    ----------
    root
        Name of a cell, or ``"column=value"`` for the cells that have a value in ``adata.obs``.
    genes
        Instead: genes that are high at the start.
    weight
        Weight in a combination.

    Raises
    ------
    ValueError
        If not exactly one of ``root`` and ``genes`` is given.
    """
    if (root is None) == (genes is None):
        msg = "Expected either `root` (a cell, or 'column=value') or `genes`, found both or none."
        raise ValueError(msg)
    if genes is not None:
        if isinstance(genes, str):
            msg = f"Expected `genes` as a list of names, found the string {genes!r}; pass [{genes!r}]."
            raise TypeError(msg)
        if not genes:
            msg = "Expected at least one gene in `genes`, found none."
            raise ValueError(msg)
        return Direction("root", "", "C", genes=tuple(map(_name, genes)), weight=weight)
    return Direction("root", _name(root), "C", weight=weight)


def from_pseudotime(key: str = "dpt_pseudotime", *, weight: float = 1.0) -> Direction:
    """Pseudotime in ``adata.obs[key]``, growing from the start. Grade C."""
    return Direction("pseudotime", _name(key), "C", weight=weight)


def from_unspliced(layer: str = "unspliced", *, weight: float = 1.0) -> Direction:
    """Unspliced counts in ``adata.layers[layer]`` beside the spliced ones. Grade C."""
    return Direction("unspliced", _name(layer), "C", weight=weight)


def from_velocity(layer: str = "velocity", *, weight: float = 1.0) -> Direction:
    """Velocities of genes in ``adata.layers[layer]``, not-a-number where unknown. Grade C."""
    return Direction("velocity", _name(layer), "C", weight=weight)


def from_transitions(key: str, *, grade: Grade = "C", weight: float = 1.0) -> Direction:
    """Transition matrix between cells in ``adata.obsp[key]``, rows summing to one.

    CellRank's kernels give grade C. Matrices from lineage barcodes or real time points deserve grade B, which is the
    caller's to say.
    """
    if grade not in GRADES:
        msg = f"Expected `grade` to be one of {list(GRADES)}, found {grade!r}."
        raise ValueError(msg)
    return Direction("transitions", _name(key), grade, weight=weight)


def _name(value: object) -> str:
    if not isinstance(value, str) or not value:
        msg = f"Expected a name, found {value!r}."
        raise TypeError(msg)
    return value

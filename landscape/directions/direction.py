"""Where the direction of the dynamics comes from, and how far such a source determines them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Grade = Literal["A", "B", "C", "D"]

# What gives the grade, and what it permits to conclude.
GRADE_NAMES: dict[Grade, str] = {
    "A": "interventional",
    "B": "time series or lineage",
    "C": "velocity or directed pseudotime",
    "D": "steady snapshot",
}
GRADES: dict[Grade, str] = {
    "A": "Perturbations were measured: signs, self-edges and effects of removals are constrained.",
    "B": (
        "Real time points or lineage constrain the direction and speed of change. Feedbacks that leave the sampled "
        "populations unchanged stay open."
    ),
    "C": (
        "The direction of change comes from an ordering of single cells. Relative speeds, self-edges and rotation of the "
        "drift are weakly constrained; barriers are up to a factor."
    ),
    "D": "Nothing constrains the direction: cycles and asymmetric feedback cannot be distinguished from their mirror images.",
}


@dataclass(frozen=True)
class Direction:
    """One source of direction, by name; it holds no data.

    Attributes
    ----------
    source
        Name of the source, a key of ``landscape.directions.SOURCES``.
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

    source: str
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
        """The direction itself, as a combination of one."""
        return (self,)

    def __add__(self, other: Direction | Combination) -> Combination:
        """Combine with another direction."""
        return Combination((*self.parts, *other.parts))

    def __str__(self) -> str:
        """Name in a report."""
        growth = "" if self.growth is None else f", growth {self.growth}"
        return f"{self.source} ({', '.join(self.genes) or self.key}{growth})"


@dataclass(frozen=True)
class Combination:
    """Directions that are used together, weighted."""

    parts: tuple[Direction, ...]

    @property
    def grade(self) -> Grade:
        """Best grade of the parts."""
        return min(part.grade for part in self.parts)

    def __add__(self, other: Direction | Combination) -> Combination:
        """Add another direction."""
        return Combination((*self.parts, *other.parts))

    def __str__(self) -> str:
        """Name in a report."""
        return " + ".join(map(str, self.parts))


def require_name(value: object) -> str:
    """Refuse anything but a name, such as a column given as a number.

    Raises
    ------
    TypeError
        If the value is no text or is empty.
    """
    if not isinstance(value, str) or not value:
        msg = f"Expected a name, found {value!r}."
        raise TypeError(msg)
    return value

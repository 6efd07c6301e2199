"""Targets of selection: a family of phenotypes with modules, and the goals of a schedule over time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
Schedule = Literal["fixed", "switching", "modular"]
SCHEDULES = get_args(Schedule)

# Modules of the published family and the pattern of their genes, and the three of its eight members that were targets: any two differ in
# two modules (Watson et al. 2014; Kouvaris et al. 2017).
PATTERN = (-1, 1, -1, 1, -1, -1, 1, 1, -1, 1, 1, -1, -1, -1, -1, -1)
MODULES = tuple(i // 4 for i in range(16))
TRAINED = (0, 3, 5)


@dataclass(frozen=True, eq=False)
class TargetFamily:
    """Phenotypes made of the same modules, each with its pattern or the opposite one.

    A phenotype and its opposite count as one, so that ``k`` modules give :math:`2^{k-1}` members. By default the family of Kouvaris et
    al. (2017): four modules of four genes.

    Attributes
    ----------
    pattern
        Sign of each gene, shape ``(d,)``.
    modules
        Module of each gene, numbered from 0, shape ``(d,)``.

    Raises
    ------
    ValueError
        If a value is no sign, or modules are not numbered.

    References
    ----------
    Kouvaris et al. (2017), *PLoS Computational Biology* 13, e1005358. https://doi.org/10.1371/journal.pcbi.1005358
    """

    pattern: FloatArray = field(default_factory=lambda: np.array(PATTERN, float))
    modules: NDArray[np.int64] = field(default_factory=lambda: np.array(MODULES))

    def __post_init__(self) -> None:
        pattern = np.asarray(self.pattern, float)
        if pattern.ndim != 1 or not (np.abs(pattern) == 1).all():
            msg = f"Expected `pattern` to hold a sign, -1 or 1, for each gene, found {self.pattern!r}."
            raise ValueError(msg)
        object.__setattr__(self, "pattern", pattern)
        object.__setattr__(self, "modules", as_modules(self.modules, len(pattern)))

    @property
    def n_modules(self) -> int:
        """Number of modules."""
        return int(self.modules.max()) + 1

    @property
    def members(self) -> FloatArray:
        """All members, shape ``(2^(k-1), d)``; bit ``m`` of the number of a member turns module ``m + 1`` round."""
        flips = [(1, *signs[::-1]) for signs in product((1, -1), repeat=self.n_modules - 1)]
        return np.array(flips, float)[:, self.modules] * self.pattern

    @property
    def trained(self) -> FloatArray:
        """The three members of the published family on which it was trained, shape ``(3, 16)``.

        Raises
        ------
        ValueError
            If there are not four modules.
        """
        if self.n_modules != 4:
            msg = f"Expected the published family of 4 modules, found {self.n_modules}; choose targets from `members`."
            raise ValueError(msg)
        return self.members[list(TRAINED)]

    @property
    def traits(self) -> FloatArray:
        """Mean agreement of each module with its pattern as weights of genes, shape ``(k, d)``."""
        belongs = np.arange(self.n_modules)[:, None] == self.modules
        return belongs * self.pattern / belongs.sum(1, keepdims=True)

    def shares(self, phenotypes: ArrayLike) -> FloatArray:
        """Share of phenotypes ``(n, d)`` with the signs of each member or of its opposite, shape ``(2^(k-1),)``.

        What is left to 1 belongs to no member.
        """
        found = np.asarray(phenotypes, float)
        if found.ndim != 2 or found.shape[1] != len(self.pattern):
            msg = f"Expected phenotypes of shape (n, {len(self.pattern)}), found {found.shape}."
            raise ValueError(msg)
        matches = np.sign(found) @ self.members.T
        return (np.abs(matches) == found.shape[1]).mean(0)


def as_modules(modules: ArrayLike, n_genes: int) -> NDArray[np.int64]:
    """Module of each gene as integers from 0, checked.

    Raises
    ------
    ValueError
        If there is not one for each gene, or a number between 0 and the largest is not used.
    """
    found = np.asarray(modules)
    if found.shape != (n_genes,) or not np.issubdtype(found.dtype, np.integer):
        msg = f"Expected `modules` to hold a whole number for each of {n_genes} genes, found {modules!r}."
        raise ValueError(msg)
    if (used := np.unique(found)).tolist() != list(range(len(used))):
        msg = f"Expected modules to be numbered 0, 1, ... without a gap, found {used.tolist()}."
        raise ValueError(msg)
    return found.astype(np.int64)


def as_targets(targets: ArrayLike) -> FloatArray:
    """Targets of shape ``(k, d)`` with values from -1 to 1, checked.

    Raises
    ------
    ValueError
        If the shape or a value is wrong.
    """
    found = np.array(targets, dtype=float, ndmin=2)
    if found.ndim != 2 or found.shape[0] < 1 or found.shape[1] < 2:
        msg = f"Expected targets of shape (n_targets, n_genes) with 2 genes or more, found {np.shape(targets)}."
        raise ValueError(msg)
    if not (np.abs(found) <= 1).all():
        worst = found[~(np.abs(found) <= 1)][0]
        msg = f"Expected targets between -1 and 1, the range of a phenotype, found {worst}; scale them."
        raise ValueError(msg)
    return found


def require_schedule(schedule: str, n_targets: int, modules: object) -> None:
    """Check that a schedule exists and fits the targets.

    Raises
    ------
    ValueError
        If it does not.
    """
    if schedule not in SCHEDULES:
        msg = f"Expected `schedule` to be one of {SCHEDULES}, found {schedule!r}."
        raise ValueError(msg)
    if schedule == "fixed" and n_targets != 1:
        msg = f"Expected one target for a fixed goal, found {n_targets}; pass one, or use schedule='switching'."
        raise ValueError(msg)
    if schedule != "fixed" and n_targets < 2:
        msg = f"Expected two targets or more for schedule={schedule!r}, found 1; use schedule='fixed'."
        raise ValueError(msg)
    if (schedule == "modular") != (modules is not None):
        has = "none" if modules is None else "some"
        msg = f"Expected `modules` with schedule='modular' and with no other, found {has} with schedule={schedule!r}."
        raise ValueError(msg)


def goals(
    targets: FloatArray, schedule: Schedule, modules: NDArray[np.int64] | None, seed: int, first: int = 0
) -> Iterator[FloatArray]:
    """Goals one after the other, from number ``first`` on, each of shape ``(d,)``.

    ``"fixed"`` repeats the only target, ``"switching"`` goes through them in turn, and ``"modular"`` draws for each module
    the part of one of the targets: goals that are made of the same parts (Kashtan & Alon 2005).
    """
    number = first
    while True:
        if schedule == "modular" and modules is not None:
            # A generator for each goal, so that a run is resumed at any of them.
            drawn = np.random.default_rng((seed, number)).integers(len(targets), size=int(modules.max()) + 1)
            yield targets[drawn[modules], np.arange(targets.shape[1])]
        else:
            yield targets[number % len(targets)].copy()
        number += 1

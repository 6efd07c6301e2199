"""Names of groups of cells: by a label that is more frequent among them than by chance, and apart from one another."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.special import betainc

from landscape._keys import storable

logger = logging.getLogger(__name__)

# Share of the cells of a group above which their label is its name.
MAJORITY = 0.5
LIKE = "-like"
# Chance that labels that say nothing name any of the groups.
LEVEL = 0.05
# Cells, evenly spaced, from whose neighbours the effective number of cells is estimated.
MAX_SAMPLED = 500
# Smallest parameter of a beta function.
LEAST = 1e-12


def label_names(
    labels: pd.Series, groups: Sequence[NDArray[np.int64]], coordinates: NDArray[np.float64]
) -> list[str | None]:
    r"""Name of each group of cells by the labels; ``None`` where they do not tell the group from chance.

    A label with the share :math:`s` of a group of :math:`n` cells, and :math:`p` of all cells, is enriched if

    .. math:: P\big(\mathrm{Bin}(n_\text{eff}, p) \ge s\, n_\text{eff}\big) \le \frac{0.05}{\text{groups} \times \text{labels}},

    so that labels that are independent of the groups are enriched in any of them in at most 5 % of cases. Without an
    enriched label in any group, the labels do not differ between the groups and name none. Otherwise a group is named after
    the label of the majority of its cells, if that is more frequent than among all cells, or else after its most frequent
    enriched label, with ``-like``.

    Near neighbours may share a label for other reasons than the state that they are in (clones, doublets, metacells):
    with :math:`a_k` the share of cells that have the label of their :math:`k`-th neighbour, and
    :math:`a = \sum_\ell p_\ell^2` that by chance,

    .. math:: n_\text{eff} = n \Big/ \Big(1 + \max\Big(0, \sum_{k<n} \frac{a_k - a_n}{1 - a}\Big)\Big).

    What :math:`n`-th neighbours still share is the signal itself and is not taken off.

    Parameters
    ----------
    labels
        Label of each cell; a missing one names nothing.
    groups
        Positions of the cells of each group.
    coordinates
        Coordinates in which cells are neighbours, shape ``(n_cells, k)``.
    """
    codes, known = pd.factorize(labels.astype("object"))
    share = np.bincount(codes[codes >= 0], minlength=len(known)) / max(len(codes), 1)
    effects = {n: _design_effect(codes, share, coordinates, n) for n in {len(cells) for cells in groups}}
    size = np.array([len(cells) / effects[len(cells)] for cells in groups])[:, None]
    inside = np.array([np.bincount(codes[own][codes[own] >= 0], minlength=len(known)) / len(own) for own in groups])
    # The tail of a binomial, for numbers that need not be whole.
    chance = betainc(np.maximum(size * inside, LEAST), size * (1 - inside) + 1, share)
    enriched = (inside > share) & (chance * inside.size <= LEVEL)
    if not enriched.any():
        logger.warning(
            "the labels %r name none of %d states: they do not differ between them by more than chance",
            labels.name,
            len(groups),
        )
        return [None] * len(groups)
    return [_name(known, *row, share) for row in zip(inside, enriched, strict=True)]


def _name(
    known: pd.Index, inside: NDArray[np.float64], enriched: NDArray[np.bool_], share: NDArray[np.float64]
) -> str | None:
    best = int(np.argmax(inside))
    if inside[best] > MAJORITY and inside[best] > share[best]:
        return str(known[best])
    return f"{known[np.argmax(np.where(enriched, inside, -1))]}{LIKE}" if enriched.any() else None


def _design_effect(
    codes: NDArray[np.int64], share: NDArray[np.float64], coordinates: NDArray[np.float64], n: int
) -> float:
    """Cells over their effective number in a group of ``n`` neighbours, at least 1."""
    chance = float((share**2).sum())
    n = min(n, len(codes) - 1)
    if n < 2 or chance >= 1:
        return 1.0
    sampled = np.unique(np.linspace(0, len(codes) - 1, min(MAX_SAMPLED, len(codes))).astype(int))
    _, near = cKDTree(coordinates).query(coordinates[sampled], n + 1)
    same = (codes[near[:, 1:]] == codes[sampled][:, None]).mean(axis=0)
    return float(min(n, 1 + max(0.0, (same[:-1] - same[-1]).sum() / (1 - chance))))


def numbered(titles: Sequence[str]) -> list[str]:
    """Names made distinct: the second of a name gets a 2."""
    seen: dict[str, int] = {}
    result = []
    for title in titles:
        seen[title] = seen.get(title, 0) + 1
        result.append(title if seen[title] == 1 else f"{title} {seen[title]}")
    return result


def unnumbered(titles: Iterable[str]) -> list[str]:
    """Names without the numbers of :func:`numbered`: a number stays where no other name is that without it."""
    listed = [str(title) for title in titles]
    known = set(listed)

    def bare(title: str) -> str:
        head, _, tail = title.rpartition(" ")
        return head if tail.isdigit() and head in known else title

    return [bare(title) for title in listed]


def label_of(title: str, labels: Sequence[str]) -> str | None:
    """Label after which a state is named (``"B 2"`` and ``"B-like"`` after ``"B"``); ``None`` if it is none of them."""
    known = {storable(label): label for label in labels}
    head, _, tail = title.rpartition(" ")
    for candidate in (title, head if tail.isdigit() else title):
        for name in (candidate, candidate.removesuffix(LIKE)):
            if name in known:
                return known[name]
    return None

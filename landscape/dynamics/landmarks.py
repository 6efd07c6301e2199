"""Cells from which paths of a model are compared with descendants: one of each patch of the manifold at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from landscape.markov.descendants import Descendants

# Largest number of landmarks in a step, of all groups of cells together.
MAX_LANDMARKS = 600
# Landmarks for each one that is drawn in addition from the start, and from the terminal states.
ONE_MORE_FOR = 8


class Landmarks:
    """Patches of a group of cells, from each of which one landmark is drawn at a time.

    Attributes
    ----------
    seen, held_out
        Cells of each patch that the fit sees and does not see. Among those that it sees are the start and the terminal
        states once more, an eighth as many of each.
    """

    def __init__(
        self,
        group: Descendants,
        patch: NDArray[np.int64],
        unseen: NDArray[np.int64],
        weight: NDArray[np.float64] | None,
        start: NDArray[np.int64] | None,
        ends: Sequence[NDArray[np.int64]],
    ) -> None:
        self.group, self.weight = group, weight
        own = patch[group.cells]
        members = [group.cells[own == p] for p in np.unique(own)]
        if weight is not None:
            members = [cells for cells in members if weight[cells].sum() > 0]
        hidden = [np.isin(patch[cells[0]], unseen) for cells in members]
        self.seen = [cells for cells, h in zip(members, hidden, strict=True) if not h]
        self.held_out = [cells for cells, h in zip(members, hidden, strict=True) if h]
        n_more = max(1, len(self.seen) // ONE_MORE_FOR)
        for sets in ([] if start is None else [start], ends):
            known = [self._known(cells, patch, unseen) for cells in sets]
            known = [cells for cells in known if len(cells)]
            self.seen += [known[k % len(known)] for k in range(n_more if known else 0)]

    def _known(
        self, cells: NDArray[np.int64], patch: NDArray[np.int64], unseen: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Those of the cells that may be landmarks."""
        found = np.intersect1d(self.group.cells, cells).astype(np.int64)
        found = found[~np.isin(patch[found], unseen)]
        return found if self.weight is None else found[self.weight[found] > 0]

    def draw(self, patches: Sequence[NDArray[np.int64]], gen: np.random.Generator) -> NDArray[np.int64]:
        """One cell of each of the patches."""
        if self.weight is None:
            return np.array([gen.choice(cells) for cells in patches], dtype=np.int64)
        return np.array(
            [gen.choice(cells, p=self.weight[cells] / self.weight[cells].sum()) for cells in patches], dtype=np.int64
        )


def held_out_cells(groups: Sequence[Landmarks], gen: np.random.Generator) -> NDArray[np.int64]:
    """Cells of the patches that are held out; of those that are seen where there are no others."""
    found = [part.draw(part.held_out, gen) for part in groups for _ in range(4) if part.held_out]
    found = found or [part.draw(part.seen, gen) for part in groups if part.seen]
    return np.unique(np.concatenate(found))


def drawn_landmarks(
    groups: Sequence[Landmarks], gen: np.random.Generator
) -> list[tuple[Descendants, NDArray[np.int64]]]:
    """Landmarks of a step by group: one cell from each patch, of a random part of them where there are very many."""
    owner = np.repeat(np.arange(len(groups)), [len(part.seen) for part in groups])
    if len(owner) > MAX_LANDMARKS:
        owner = np.sort(gen.choice(owner, MAX_LANDMARKS, replace=False))
    found = []
    for k, n in zip(*np.unique(owner, return_counts=True), strict=True):
        part = groups[k]
        patches = part.seen if n == len(part.seen) else [part.seen[i] for i in gen.permutation(len(part.seen))[:n]]
        found.append((part.group, part.draw(patches, gen)))
    return found

"""What the data must hold before a direction is read from them, and what an error owes to a graph in pieces."""

from __future__ import annotations

import numpy as np
from anndata import AnnData
from numpy.typing import NDArray
from scipy import sparse

from landscape.markov.absorption import Absorption
from landscape.markov.directed import Directed
from landscape.markov.directions import Combination, Direction
from landscape.tl._direction import Cells, resolve

# Residual of a system that is solved, and the largest error of probabilities that rounding may leave in it where ends are
# reached rarely: half of the difference that counts as one between chain and model.
SOLVED, WORST = 1e-6, 0.05


def require_spread(coordinates: NDArray[np.float64]) -> None:
    """Refuse coordinates in which all cells are one: they have no neighbours and go nowhere."""
    if not (coordinates.max(0) > coordinates.min(0)).any():
        msg = (
            f"Expected coordinates in which cells differ, found all {len(coordinates)} cells in one place; check what "
            "`model` or `use_rep` gives."
        )
        raise ValueError(msg)


def directed_by(cells: Cells, direction: Direction | Combination) -> tuple[Directed, float]:
    """Evaluate a direction; errors say where a matrix matches no cells, or where the graph of cells is in pieces."""
    for part in direction.parts:
        if part.source == "transitions" and part.key in cells.adata.obsp:
            _require_matched(cells.adata, part.key)
    try:
        return resolve(cells, direction)
    except ValueError as error:
        sizes = np.sort(np.bincount(cells.graph.component))[::-1]
        if len(sizes) < 2:
            raise
        msg = (
            f"{error} The graph of cells has {len(sizes)} pieces, of {', '.join(map(str, sizes[:5]))} cells: no path leads "
            "from one to another. Take the cells of one piece, or raise `n_neighbors`."
        )
        raise ValueError(msg) from error


def require_fates(solution: Absorption) -> None:
    """Refuse fates of a chain that are not solved, or that rounding leaves open."""
    if solution.converged or (solution.residual <= SOLVED and solution.row_sum_error <= WORST):
        return
    msg = (
        f"Fates did not converge: residual {solution.residual:.1e}, row sums off by {solution.row_sum_error:.1e} "
        f"({solution.method}). The chain may hold sets of cells that are left too rarely, or flow away from its ends."
    )
    raise ValueError(msg)


def _require_matched(adata: AnnData, key: str) -> None:
    """Refuse a matrix of transitions, such as of lineage barcodes, in which cells have no transitions at all."""
    matrix = sparse.csr_matrix(adata.obsp[key], dtype=float)
    empty = int((abs(matrix).sum(1) == 0).sum())
    if empty:
        msg = (
            f"Expected transitions of every cell in `adata.obsp[{key!r}]`, found {empty} of {adata.n_obs} cells without any: "
            "their barcodes or names match no other cell. Take the cells that match, or complete the others' rows with "
            "those of a neighbour graph."
        )
        raise ValueError(msg)

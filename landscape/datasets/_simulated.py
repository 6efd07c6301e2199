"""Simulated data with a known truth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from anndata import AnnData

from landscape._random import RandomLike
from landscape.circuits import krumsiek, simulate

# Decisions fall between days 1 and 5; by day 8 nearly all cells are mature.
DAYS = (0.0, 1.0, 2.0, 3.0, 5.0, 8.0)
# Circuit time, in units of a typical half-life over ln 2, that passes in a day.
TIME_PER_DAY = 1.0


def hematopoiesis(
    *,
    n_cells: int = 2400,
    rng: RandomLike = 0,
    knockouts: Iterable[str] = (),
    levels: Mapping[str, float] | None = None,
    n_targets: int = 600,
    n_housekeeping: int = 389,
    depth: float = 3000.0,
    batches: int = 1,
    unspliced: bool = False,
) -> AnnData:
    """Blood formation on six days, simulated from the circuit of Krumsiek et al. (2011).

    Myeloid progenitors (Gata2, Cebpa, Pu1 on) become erythrocytes, megakaryocytes, monocytes and granulocytes. These
    fates are taken by about 20, 20, 30 and 30 % of the trajectories (see :func:`landscape.circuits.krumsiek`), and under
    1 % reach none. A cell has about 3,000 counts on 1,000 genes: the 11 regulators of the circuit, which are expressed
    at low levels, 600 targets, and 389 housekeeping genes.

    Parameters
    ----------
    n_cells
        Number of cells, the same on each day.
    rng
        Seed of the cells. The genes are the same for every seed.
    knockouts
        Genes without production from the start, such as ``["Gata1"]``.
    levels
        Level at which the production of a gene is held from the start.
    n_targets, n_housekeeping
        Numbers of target genes and of genes that do not change.
    depth
        Median expected counts of a cell.
    batches
        Number of batches.
    unspliced
        Add ``layers["unspliced"]``.

    Returns
    -------
    AnnData as from :func:`landscape.circuits.simulate`, and the day of each cell in ``obs["day"]``.

    Raises
    ------
    ValueError
        If a gene is unknown or a number out of its range.

    References
    ----------
    Krumsiek et al. (2011), *PLoS ONE* 6, e22649. https://doi.org/10.1371/journal.pone.0022649
    """
    adata = simulate(
        krumsiek(),
        n_cells=n_cells,
        knockouts=knockouts,
        levels=levels,
        times=np.array(DAYS) * TIME_PER_DAY,
        n_targets=n_targets,
        n_housekeeping=n_housekeeping,
        depth=depth,
        batches=batches,
        unspliced=unspliced,
        rng=rng,
    )
    adata.obs.insert(0, "day", adata.obs["time"] / TIME_PER_DAY)
    return adata

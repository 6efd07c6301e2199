"""Data simulated on the spot, with its truth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from anndata import AnnData

from landscape._random import RandomLike
from landscape.circuits import krumsiek, simulate

# Circuit time that passes in a day.
TIME_PER_DAY = 1.0
DAYS = (0.5, 1.5, 2.5, 4.0, 6.0, 9.0)


def hematopoiesis(
    *,
    n_cells: int = 2400,
    rng: RandomLike = 0,
    knockouts: Iterable[str] = (),
    levels: Mapping[str, float] | None = None,
    n_targets: int = 600,
    n_housekeeping: int = 389,
    depth: float = 3000.0,
    unspliced: bool = False,
    batches: int = 1,
) -> AnnData:
    """Blood formation simulated from the circuit of Krumsiek et al. (2011), sampled on six days."""
    times = np.array(DAYS) * TIME_PER_DAY
    adata = simulate(
        krumsiek(),
        n_cells,
        knockouts=knockouts,
        levels=levels,
        times=times,
        n_targets=n_targets,
        n_housekeeping=n_housekeeping,
        depth=depth,
        batches=batches,
        unspliced=unspliced,
        rng=rng,
    )
    adata.obs.insert(0, "day", adata.obs["time"] / TIME_PER_DAY)
    return adata

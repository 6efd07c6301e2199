"""What is refused before a chain of cells is made."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def require_spread(coordinates: NDArray[np.float64]) -> None:
    """Refuse coordinates that are the same for all cells: no neighbours can be found in them."""
    if not (coordinates.max(0) > coordinates.min(0)).any():
        msg = (
            f"Expected coordinates in which cells differ, found all {len(coordinates)} cells in one place; check what "
            "`model` or `use_rep` gives."
        )
        raise ValueError(msg)

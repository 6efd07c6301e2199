"""Checks before a chain of cells is made."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def require_spread(coordinates: NDArray[np.float64]) -> None:
    """Check that coordinates differ between cells, so that neighbours can be found in them."""
    if not (coordinates.max(0) > coordinates.min(0)).any():
        msg = (
            f"Expected coordinates in which cells differ, found the same for all {len(coordinates)} cells; check `model` or "
            "`use_rep`."
        )
        raise ValueError(msg)

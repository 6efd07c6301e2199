"""What is on a drawing: artists by the name that they carry, and their places."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray


def artists(ax: Axes, gid: str) -> list[Any]:
    """Artists of this name."""
    return [artist for artist in ax.get_children() if artist.get_gid() == gid]


def artist(ax: Axes, gid: str) -> Any:
    """The first artist of this name."""
    return artists(ax, gid)[0]


def offsets(ax: Axes, gid: str) -> NDArray[np.float64]:
    """Places of the points of all artists of this name."""
    return np.concatenate([np.asarray(a.get_offsets()) for a in artists(ax, gid)])

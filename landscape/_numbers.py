"""Numbers that mean the same everywhere."""

from __future__ import annotations

from typing import Final

# Added to or put below a divisor that may be zero: far below every quantity of a data set or a model, and its inverse is
# still a finite double.
TINY: Final = 1e-300
# Depth to which expression is normalised: counts per ten thousand, as usual for droplets.
TARGET_SUM: Final = 1e4

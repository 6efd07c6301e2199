"""What becomes of an ensemble and of its attractors when genes are held at a level."""

from landscape.topography.fates.outcomes import (
    OTHER,
    UNDIFFERENTIATED,
    Outcome,
    References,
    compare,
    outcome,
    references,
)

__all__ = ["OTHER", "UNDIFFERENTIATED", "Outcome", "References", "compare", "outcome", "references"]

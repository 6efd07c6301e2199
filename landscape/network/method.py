"""What a network method is: a record of facts and one function of moments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from landscape.network.expression import FloatArray


@dataclass(frozen=True)
class Method:
    """One way to score edges.

    Attributes
    ----------
    name
        Name by which ``landscape.tl.network`` finds it.
    function
        ``function(moments, regulators, **options)``, giving weights of shape ``(regulators, targets)``.
    signed, directed, needs_prior
        Facts: whether weights carry a sign, whether the two directions of a pair of regulators may differ, and
        whether a prior network is required.
    reference
        Where it comes from.
    """

    name: str
    function: Callable[..., FloatArray]
    signed: bool
    directed: bool
    needs_prior: bool
    reference: str

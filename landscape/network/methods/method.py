"""What a network method is: a record of facts and one function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from landscape.network.data.expression import FloatArray
from landscape.network.methods.boost import boost
from landscape.network.methods.consensus import consensus
from landscape.network.methods.correlation import correlation, spearman
from landscape.network.methods.ridge import ridge
from landscape.network.methods.trees import trees


@dataclass(frozen=True)
class Method:
    """One way to score edges.

    Attributes
    ----------
    name
        Name by which ``landscape.tl.network`` finds it.
    function
        ``function(moments, regulators, **options)``, or ``function(data, **options)`` where ``needs_cells``; gives
        weights of shape ``(regulators, targets)``.
    signed, directed
        Whether weights carry a sign, and whether the two directions of a pair of regulators may differ.
    needs_prior
        Whether a prior network is required.
    takes_prior, takes_penalty, takes_deconfounding
        Whether ``prior=``, ``penalty=`` and ``deconfounding=`` are understood.
    needs_steps
        Whether moments must hold steps of the regulators.
    needs_cells
        Whether the cells themselves are needed; then there are no bootstraps.
    reference
        Where it comes from.
    """

    name: str
    function: Callable[..., FloatArray]
    signed: bool
    directed: bool
    needs_prior: bool
    reference: str
    takes_prior: bool = False
    takes_penalty: bool = False
    takes_deconfounding: bool = False
    needs_steps: bool = False
    needs_cells: bool = False


METHODS: tuple[Method, ...] = (
    Method(
        name="ridge",
        function=ridge,
        signed=True,
        directed=True,
        needs_prior=False,
        takes_prior=True,
        takes_penalty=True,
        takes_deconfounding=True,
        reference="https://doi.org/10.1080/00401706.1970.10488634",
    ),
    Method(
        name="boost",
        function=boost,
        signed=True,
        directed=True,
        needs_prior=False,
        needs_steps=True,
        reference="https://doi.org/10.1093/bioinformatics/bty916",
    ),
    Method(
        name="correlation",
        function=correlation,
        signed=True,
        directed=False,
        needs_prior=False,
        reference="https://doi.org/10.1098/rspl.1895.0041",
    ),
    Method(
        name="spearman",
        function=spearman,
        signed=True,
        directed=False,
        needs_prior=False,
        needs_cells=True,
        reference="https://doi.org/10.2307/1412159",
    ),
    Method(
        name="trees",
        function=trees,
        signed=False,
        directed=True,
        needs_prior=False,
        needs_cells=True,
        reference="https://doi.org/10.1093/bioinformatics/bty916",
    ),
    Method(
        name="consensus",
        function=consensus,
        signed=True,
        directed=True,
        needs_prior=False,
        takes_penalty=True,
        takes_deconfounding=True,
        needs_steps=True,
        reference="https://doi.org/10.1038/nmeth.2016",
    ),
)

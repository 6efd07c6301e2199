"""Network methods: one record each, with its properties and its function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from landscape.network.data.arrays import FloatArray
from landscape.network.methods.boost import boost
from landscape.network.methods.consensus import consensus
from landscape.network.methods.correlation import correlation, spearman
from landscape.network.methods.ridge import ridge
from landscape.network.methods.trees import trees


@dataclass(frozen=True)
class Method:
    """A method that scores edges.

    To add a network method, implement these attributes: write the function in a file of its own and append one record to
    :data:`METHODS`. :func:`landscape.network.infer` and ``ls.tl.network`` read the record and know no method by name.

    Attributes
    ----------
    name
        Value of ``method=``.
    function
        ``function(moments, regulators, **options)`` or, with ``needs_cells``, ``function(data, **options)``. Returns weights
        of shape ``(regulators, targets)``; the weight of a gene on itself is zero.
    signed
        Whether weights have a sign.
    directed
        Whether the weights of the two directions of a pair of regulators may differ.
    needs_prior
        Whether a prior network is required.
    reference
        Address of the source.
    takes_prior, takes_penalty, takes_deconfounding
        Whether the function has the options ``prior=``, ``penalty=`` and ``deconfounding=``.
    takes_reverse_share
        Whether the function has the option ``reverse_share=``, the share of the reversed regression that it subtracts.
    needs_stumps
        Whether the moments must hold stumps, indicators ``regulator > threshold``.
    takes_stumps
        Whether the function uses stumps if the moments hold them (the option ``shape=`` of
        :func:`landscape.network.infer`).
    needs_cells
        Whether the function needs the cells themselves. Then there are no bootstraps and no decoys.
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
    takes_reverse_share: bool = False
    needs_stumps: bool = False
    takes_stumps: bool = False
    needs_cells: bool = False


#: All network methods.
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
        takes_reverse_share=True,
        takes_stumps=True,
        reference="https://doi.org/10.1080/00401706.1970.10488634",
    ),
    Method(
        name="boost",
        function=boost,
        signed=True,
        directed=True,
        needs_prior=False,
        needs_stumps=True,
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
        needs_stumps=True,
        reference="https://doi.org/10.1038/nmeth.2016",
    ),
)


def method_of(method: str | Callable[..., FloatArray] | Method) -> Method:
    """Record of a method, from its name or from a function of moments.

    Raises
    ------
    ValueError
        If no method has the name.
    """
    if isinstance(method, Method):
        return method
    if callable(method):
        name = getattr(method, "__name__", "custom")
        return Method(name, method, signed=True, directed=True, needs_prior=False, reference="given by the user")
    known = {record.name: record for record in METHODS}
    if method not in known:
        msg = f"Expected `method` to be one of {sorted(known)}, a function or a table of edges, found {method!r}."
        raise ValueError(msg)
    return known[method]

"""Whether the data support a landscape, from the tests of structure and the network: read by tools, figures and reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from anndata import AnnData

from landscape import _keys
from landscape._anndata import results_of

UNSUPPORTED = "no landscape supported"
NO_EDGE = "the network has no edge"


@dataclass(frozen=True)
class Verdict:
    """Whether a landscape is supported.

    Attributes
    ----------
    supported
        ``None`` where structure was not tested.
    reasons
        What speaks against it, each with its figure.
    """

    supported: bool | None
    reasons: tuple[str, ...] = ()

    @property
    def headline(self) -> str:
        """The first line of a summary; empty where nothing speaks against a landscape."""
        return f"{UNSUPPORTED}: {'; '.join(self.reasons)}" if self.reasons else ""


def verdict_of(adata: AnnData) -> Verdict:
    """Whether a landscape is supported, by what was computed so far.

    A network without an edge supports none, since every model of it is made of weights that are not told from zero.
    """
    results = results_of(adata)
    record: dict[str, Any] = results.get(_keys.STRUCTURE, {})
    reasons = [str(text) for text in np.ravel(record.get("reasons", []))]
    network = results.get(_keys.NETWORK, {})
    if "n_edges" in network and int(network["n_edges"]) == 0:
        reasons.append(NO_EDGE)
    if reasons:
        return Verdict(False, tuple(reasons))
    return Verdict(True if _keys.STRUCTURE in results else None)

"""Epigenetic landscapes from single-cell counts.

A latent generative model and a signed gene network are fitted to counts, and from them one stochastic differential
equation for all cells. Its attractors, basins, barriers and fates are the landscape. Sub-packages are loaded when they
are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from landscape import (
        assays,
        circuits,
        consensus,
        datasets,
        dynamics,
        evolution,
        get,
        latent,
        markov,
        network,
        perturbation,
        pl,
        pp,
        reprogramming,
        systems,
        tl,
        topography,
    )
    from landscape._run import run
    from landscape.report import report

__version__ = "0.1.0"

# Public name -> module that defines it; names of modules stand for the module itself.
_LAZY = {
    "assays": "landscape.assays",
    "circuits": "landscape.circuits",
    "consensus": "landscape.consensus",
    "datasets": "landscape.datasets",
    "dynamics": "landscape.dynamics",
    "evolution": "landscape.evolution",
    "get": "landscape.get",
    "latent": "landscape.latent",
    "markov": "landscape.markov",
    "network": "landscape.network",
    "perturbation": "landscape.perturbation",
    "pl": "landscape.pl",
    "pp": "landscape.pp",
    "report": "landscape.report",
    "reprogramming": "landscape.reprogramming",
    "run": "landscape._run",
    "systems": "landscape.systems",
    "tl": "landscape.tl",
    "topography": "landscape.topography",
}

__all__ = [
    "__version__",
    "assays",
    "circuits",
    "consensus",
    "datasets",
    "dynamics",
    "evolution",
    "get",
    "latent",
    "markov",
    "network",
    "perturbation",
    "pl",
    "pp",
    "report",
    "reprogramming",
    "run",
    "systems",
    "tl",
    "topography",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    module = importlib.import_module(_LAZY[name])
    if name in ("run", "report"):
        function = getattr(module, name)
        globals()[name] = function
        return function
    return module


def __dir__() -> list[str]:
    return sorted(__all__)

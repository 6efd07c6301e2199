"""Data sets: simulated cells with a known truth, published single-cell data, regulators, prior networks.

Published data are read from the folder that the environment variable ``LANDSCAPE_DATA_DIR`` names. Otherwise a file is
downloaded from its original source, if that serves it unchanged. :func:`list` shows all data sets with licences and
warnings.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from landscape.datasets._cells import (
        beeline,
        bmsc,
        cardio,
        dentate_gyrus,
        dyngen,
        pancreas,
        paul15,
        schiebinger2019,
        tusi2018,
    )
    from landscape.datasets._files import data_dir
    from landscape.datasets._priors import prior
    from landscape.datasets._registry import table as list
    from landscape.datasets._simulated import hematopoiesis
    from landscape.datasets.regulator_lists import regulator_table, regulators

# Simulated data need torch and published data do not: each module is imported when it is first used.
_LAZY = {
    "beeline": ("_cells", "beeline"),
    "bmsc": ("_cells", "bmsc"),
    "cardio": ("_cells", "cardio"),
    "data_dir": ("_files", "data_dir"),
    "dentate_gyrus": ("_cells", "dentate_gyrus"),
    "dyngen": ("_cells", "dyngen"),
    "hematopoiesis": ("_simulated", "hematopoiesis"),
    "list": ("_registry", "table"),
    "pancreas": ("_cells", "pancreas"),
    "paul15": ("_cells", "paul15"),
    "prior": ("_priors", "prior"),
    "regulator_table": ("regulator_lists", "regulator_table"),
    "regulators": ("regulator_lists", "regulators"),
    "schiebinger2019": ("_cells", "schiebinger2019"),
    "tusi2018": ("_cells", "tusi2018"),
}

__all__ = [
    "beeline",
    "bmsc",
    "cardio",
    "data_dir",
    "dentate_gyrus",
    "dyngen",
    "hematopoiesis",
    "list",
    "pancreas",
    "paul15",
    "prior",
    "regulator_table",
    "regulators",
    "schiebinger2019",
    "tusi2018",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    module, attribute = _LAZY[name]
    return getattr(importlib.import_module(f"{__name__}.{module}"), attribute)


def __dir__() -> Any:
    return sorted(__all__)

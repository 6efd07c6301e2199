"""Keys that the package reads from and writes to AnnData objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

# layers
COUNTS: Final = "counts"
# Name by which the main matrix is asked for where a layer is.
MAIN: Final = "X"
UNSPLICED: Final = "unspliced"

# obsm
LATENT: Final = "X_latent"
STATE: Final = "X_state"
STATE_VELOCITY: Final = "X_state_velocity"
FATES: Final = "fates"
DRAWING: Final = "X_landscape"
ACTIVITY: Final = "regulon_activity"

# obsp
TRANSITIONS: Final = "transitions"

# obs; where labels are if no column is named; suffixes after the key of the fates: fates of the model, and their agreement with those of the chain
FATES_COMPARED: Final = ("_model", "_disagreement", "_flag")
LABEL: Final = "cell_type"
BASIN: Final = "basin"
TERMINAL: Final = "terminal"
AGREEMENT: Final = "agreement"
FATE_ENTROPY: Final = "fate_entropy"
HEIGHT: Final = "height"
START: Final = "landscape_start"

# var
REGULATOR: Final = "regulator"
IN_NETWORK: Final = "regulator_in_network"

# varp; the other matrices of a network are named after it: `network_support`, `network_stability`, ...
NETWORK: Final = "network"
SUPPORT_SUFFIX: Final = "_support"

# uns
UNS: Final = "landscape"
# Key and number of the schema of `uns["landscape"]`. The number changes when a key, a shape or a meaning changes.
SCHEMA: Final = "schema"
SCHEMA_VERSION: Final = 1
TRUTH: Final = "truth"

# uns["landscape"][...]
STRUCTURE: Final = "structure"
TERMINAL_STATES: Final = "terminal_states"
STATE_NETWORKS: Final = "state_networks"
DYNAMICS: Final = "dynamics"
ENSEMBLE: Final = "ensemble"
ATTRACTORS: Final = "attractors"
BASINS: Final = "basins"
FATES_PARAMS: Final = "fates"
DRIVERS: Final = "drivers"
SADDLES: Final = "saddles"
BARRIERS: Final = "barriers"
RATES: Final = "rates"
PATHS: Final = "paths"
GUY_ROPES: Final = "guy_ropes"
PERTURBATIONS: Final = "perturbations"
REPROGRAMMING: Final = "reprogramming"
SCREEN: Final = "screen"
OCCUPANCY: Final = "occupancy"
CONSENSUS: Final = "consensus"
GENOMIC_CODE: Final = "genomic_code"


def perturbation_name(levels: Mapping[str | tuple[str, str], float | tuple[float, float]]) -> str:
    """Key of a perturbation below ``PERTURBATIONS``: ``"Gata1=0"``, for a time ``"Gata1=0 for 2"``, an edge ``"Gata1->Spi1=0"``."""
    parts = []
    for key, value in levels.items():
        gene = clamp_name(key)
        level, time = value if isinstance(value, tuple) else (value, None)
        parts.append(f"{gene}={level:g}" + ("" if time is None else f" for {time:g}"))
    return storable(", ".join(parts))


def clamp_name(key: str | tuple[str, str]) -> str:
    """Name of what is clamped: a gene, or an edge from a regulator to a target."""
    return key if isinstance(key, str) else "->".join(key)


def storable(name: str) -> str:
    """Name without the slash, which files of AnnData keep for paths."""
    return name.replace("/", "|")

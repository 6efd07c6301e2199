"""Where development ends, by the model and by the chain of cells, and what another growth would change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from landscape import _keys
from landscape.topography.fates.model_fates import STAY


def attractor_rows(summary: Mapping[str, Any], results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Attractors with what says whether to believe them: ``name``, ``n_basin``, ``observed``, ``support``, ``kept``."""
    compared = results.get(_keys.FATES_PARAMS, {}).get("by_fate")
    kept = {} if compared is None else {str(name): float(share) for name, share in compared["kept"].items()}
    return [
        {
            "name": found["name"],
            "n_basin": found["n_cells"],
            "observed": found["observed"],
            "support": found["support"],
            "kept": kept.get(found["name"]),
        }
        for found in summary["attractors"] or []
    ]


def verdict(summary: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Sentences on attractors beside terminal states, of which each knows its nearest attractor."""
    said = []
    shared: dict[str, list[str]] = {}
    for found in summary["terminal_states"] or []:
        if found["attractor"] is not None:
            shared.setdefault(found["attractor"], []).append(found["name"])
    if alone := [name for name, ends in shared.items() if len(ends) == 1]:
        said.append(f"One terminal state each lies next to {_listed(alone)}.")
    for name, ends in shared.items():
        if len(ends) > 1:
            said.append(f"{_listed(ends)} share the attractor {name}: the fitted model does not tell them apart.")
    if shared and (passed := [row["name"] for row in rows if row["name"] not in shared]):
        said.append(f"No terminal state lies next to {_listed(passed)}: cells may only pass there.")
    if left := [row["name"] for row in rows if row["kept"] is not None and row["kept"] < STAY]:
        said.append(f"The noise of the model empties {_listed(left)} within the time that it was followed.")
    if unseen := [row["name"] for row in rows if row["observed"] is False]:
        said.append(f"No cells are near {_listed(unseen)}, which the model predicts.")
    return said


def growth_words(dynamics: Mapping[str, Any]) -> str:
    """What another growth would change, where the direction came from time points."""
    change, rate = dynamics.get("growth_sensitivity"), dynamics.get("growth_rate_tried")
    if change is None or rate is None or not np.isfinite(change):
        return ""
    assumed = str(dynamics.get("params", {}).get("growth", "taken to be equal everywhere"))
    return (
        f"Growth is {assumed}. If one end of the cells doubled once more than the other over the span of the data "
        f"(a difference of {float(rate):.2g} per unit of time), the velocities would change by {float(change):.0%}."
    )


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)

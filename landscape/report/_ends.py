"""Attractors beside terminal states, and the sensitivity to growth, as text of the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from landscape import _keys
from landscape.topography.fates.model_fates import MIN_KEPT


def attractor_rows(summary: Mapping[str, Any], results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows of attractors with their evidence: ``name``, ``n_basin``, ``observed``, ``support``, ``kept``."""
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
    """Sentences on attractors and on the terminal states nearest to them."""
    sentences = []
    shared: dict[str, list[str]] = {}
    for found in summary["terminal_states"] or []:
        if found["attractor"] is not None:
            shared.setdefault(found["attractor"], []).append(found["name"])
    if alone := [name for name, ends in shared.items() if len(ends) == 1]:
        sentences.append(f"Exactly one terminal state is nearest to {_listed(alone)}.")
    for name, ends in shared.items():
        if len(ends) > 1:
            sentences.append(f"{_listed(ends)} share the attractor {name}: the fitted model does not distinguish them.")
    if shared and (others := [row["name"] for row in rows if row["name"] not in shared]):
        sentences.append(f"No terminal state is nearest to {_listed(others)}: cells may be transient there.")
    if left := [row["name"] for row in rows if row["kept"] is not None and row["kept"] < MIN_KEPT]:
        sentences.append(f"Under the noise of the model most cells leave {_listed(left)} within the simulated time.")
    if unseen := [row["name"] for row in rows if row["observed"] is False]:
        sentences.append(f"No cells are near {_listed(unseen)}: the model predicts a state without observed cells.")
    return sentences


def growth_sentence(dynamics: Mapping[str, Any]) -> str:
    """Sensitivity to growth, where the direction comes from time points; empty otherwise."""
    change, rate = dynamics.get("growth_sensitivity"), dynamics.get("growth_rate_tried")
    if change is None or rate is None or not np.isfinite(change):
        return ""
    assumed = str(dynamics.get("params", {}).get("growth", "assumed to be equal in all cells"))
    return (
        f"Growth is {assumed}. If cells at one end doubled once more than those at the other over the span of the data "
        f"(a difference of {float(rate):.2g} per unit of time), the velocities would change by {float(change):.0%}."
    )


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)

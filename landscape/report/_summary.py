"""Results in numbers, in a fixed form for other programs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from anndata import AnnData

import landscape
from landscape import _keys
from landscape._anndata import require_adata, results_of
from landscape._verdict import Verdict, verdict_of

SCHEMA = "landscape.summary/1"
_RUN = "run"
# Instead of a grade where the data support no landscape.
NO_GRADE = "none"


def summarise(
    adata: AnnData, *, seconds: Mapping[str, float] | None = None, peak_memory_mb: float | None = None
) -> dict[str, Any]:
    """Summary of the results in JSON values; what was not computed is ``None``.

    Parameters
    ----------
    adata
        Annotated data with results.
    seconds
        Time of each stage.
    peak_memory_mb
        Peak resident memory in MB.

    Returns
    -------
    Dictionary with ``schema``, ``supported`` (whether the data support a landscape), ``structure`` (test, statistic, by_chance, p_value,
    passed), ``reasons`` (what speaks against a landscape), ``n_cells``, ``n_genes``, ``n_regulators``, ``n_edges``, ``identifiability`` (grade A to D, or "none" where no
    landscape is supported),
    ``direction``, ``attractors`` (name, n_cells, leading_eigenvalue, observed, support), ``terminal_states`` (name, n_cells, n_basin,
    gathering, arrival, attractor), ``consensus`` (n_models, attractors with name, persistence, kept, n_models, n_cells and n_decided,
    ``decided``, the share of cells on whose basin most models agree, and ``agreement``, its mean over cells), ``barriers`` (from, to, height, low, high), ``curl_share``, ``tangency``, ``decoded_at``
    (the covariates of the states), ``seconds``, ``peak_memory_mb``, ``versions``, ``seed``, ``warnings``.
    """
    require_adata(adata)
    results = results_of(adata)
    network = results.get(_keys.NETWORK, {})
    dynamics = results.get(_keys.DYNAMICS, {})
    run = results.get(_RUN, {})
    verdict = verdict_of(adata)
    params = run.get("params", {})
    return {
        "schema": SCHEMA,
        "supported": verdict.supported,
        "reasons": list(verdict.reasons),
        "structure": _structure(results.get(_keys.STRUCTURE)),
        "n_cells": adata.n_obs,
        "n_genes": adata.n_vars,
        "n_regulators": _whole(network.get("n_regulators")),
        "n_edges": _whole(network.get("n_edges")),
        "identifiability": _grade(dynamics, verdict),
        "direction": [str(d) for d in params.get("directions", [])],
        "attractors": _attractors(results.get(_keys.ATTRACTORS)),
        "terminal_states": _terminal(results.get(_keys.TERMINAL_STATES)),
        "consensus": _consensus(adata, results.get(_keys.CONSENSUS)),
        "barriers": _barriers(results.get(_keys.BARRIERS)),
        "curl_share": _curl(results.get(_keys.BARRIERS)),
        "tangency": _number(dynamics.get("tangency")),
        "decoded_at": None if "decoded_at" not in dynamics else str(dynamics["decoded_at"]),
        "seconds": None if seconds is None else {name: float(value) for name, value in seconds.items()},
        "peak_memory_mb": None if peak_memory_mb is None else round(float(peak_memory_mb), 1),
        "versions": {str(k): str(v) for k, v in run.get("versions", {"landscape": landscape.__version__}).items()},
        "seed": _whole(params.get("seed")),
        "warnings": [str(w) for w in run.get("warnings", [])],
    }


def _grade(dynamics: Mapping[str, Any], verdict: Verdict) -> str | None:
    """Grade of what is identified; where no landscape is supported, nothing is."""
    if "grade" not in dynamics:
        return None
    return NO_GRADE if verdict.supported is False else str(dynamics["grade"])


def _structure(record: Any) -> list[dict[str, Any]] | None:
    if record is None:
        return None
    return [
        {
            "test": str(name),
            **{key: _number(row[key]) for key in ("statistic", "by_chance", "p_value")},
            "passed": bool(row["passed"]),
        }
        for name, row in zip(record["table"].index, record["table"].to_dict("records"), strict=True)
    ]


def _attractors(record: Any) -> list[dict[str, Any]] | None:
    if record is None:
        return None
    return [
        {
            "name": str(name),
            "n_cells": _whole(row.get("n_cells")),
            "leading_eigenvalue": _number(row.get("leading_eigenvalue")),
            "observed": None if row.get("observed") is None else bool(row["observed"]),
            "support": _number(row.get("support")),
        }
        for name, row in zip(record["table"].index, record["table"].to_dict("records"), strict=True)
    ]


def _terminal(record: Any) -> list[dict[str, Any]] | None:
    if record is None:
        return None
    return [
        {
            "name": str(name),
            "n_cells": _whole(row.get("n_cells")),
            "n_basin": _whole(row.get("n_basin")),
            "gathering": _number(row.get("gathering")),
            "arrival": _number(row.get("arrival")),
            "attractor": None if row.get("attractor") is None else str(row["attractor"]),
        }
        for name, row in zip(record["table"].index, record["table"].to_dict("records"), strict=True)
    ]


def _consensus(adata: AnnData, record: Any) -> dict[str, Any] | None:
    """Attractors over models, and on how many cells the models agree."""
    if record is None:
        return None
    attractors = [
        {
            "name": str(name),
            "persistence": _number(row["persistence"]),
            "kept": bool(row["kept"]),
            **{key: _whole(row[key]) for key in ("n_models", "n_cells", "n_decided")},
        }
        for name, row in zip(record["table"].index, record["table"].to_dict("records"), strict=True)
    ]
    kept = [found["name"] for found in attractors if found["kept"]]
    return {
        "n_models": _whole(record["params"]["n_models"]),
        "attractors": attractors,
        "decided": float(adata.obs[f"{_keys.BASIN}_{_keys.CONSENSUS}"].isin(kept).mean()),
        "agreement": _number(adata.obs[_keys.AGREEMENT].mean()),
    }


def _barriers(record: Any) -> list[dict[str, Any]] | None:
    if record is None:
        return None
    return [
        {
            "from": str(row["from"]),
            "to": str(row["to"]),
            **{key: _number(row.get(key)) for key in ("height", "low", "high")},
        }
        for row in record["table"].to_dict("records")
    ]


def _curl(record: Any) -> float | None:
    return None if record is None else _number(record.get("curl_share"))


def _number(value: Any) -> float | None:
    if not isinstance(value, int | float | np.number) or not math.isfinite(value):
        return None
    return float(value)


def _whole(value: Any) -> int | None:
    number = _number(value)
    return None if number is None else int(number)

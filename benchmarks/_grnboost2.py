"""GRNBoost2, original and with a corrected stopping rule, and its stored scores.

The entry points of arboreto fail with current dask, so that its algorithm runs under joblib, one target at a time. It takes
hours on all data sets. Scores are stored in ``network_peers.json`` by the content of the data, the seed and the version of
scikit-learn; ``python -m benchmarks.network --recompute-peers`` computes them again.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from sklearn.ensemble import GradientBoostingRegressor

from benchmarks._network_cases import Case, plain, scored

STORE = Path(__file__).parent / "network_peers.json"
LEARNING_RATE, MAX_TREES, WINDOW = 0.01, 5000, 25  # settings of GRNBoost2


def original(x: np.ndarray, y: np.ndarray, itself: int, seed: int) -> np.ndarray:
    """Function of arboreto for one target; ``itself`` is the row of the target among the regulators, -1 for none."""
    from arboreto.core import SGBM_KWARGS, infer_partial_network

    names = [str(k) for k in range(x.shape[1])]
    target = names[itself] if itself >= 0 else "target"
    table = infer_partial_network(
        "GBM", SGBM_KWARGS, x, names, target, y, include_meta=False, early_stop_window_length=WINDOW, seed=seed
    )
    result = np.zeros(x.shape[1])
    result[table["TF"].astype(int)] = table["importance"]
    return result


def corrected(x: np.ndarray, y: np.ndarray, itself: int, seed: int) -> np.ndarray:
    """The same regressor and rule, with the out-of-bag improvement of a tree computed on the same cells before and after it.

    scikit-learn 1.9 subtracts losses on the out-of-bag cells of two different trees, which stops far too early.
    """
    columns = np.setdiff1d(np.arange(x.shape[1]), [itself])
    inputs = np.ascontiguousarray(x[:, columns], dtype=np.float32)
    improvements: list[float] = []

    def stop(k: int, model: GradientBoostingRegressor, state: dict) -> bool:
        out = ~state["sample_mask"]
        after = y[out] - state["raw_predictions"].ravel()[out]
        before = after + LEARNING_RATE * model.estimators_[k, 0].tree_.predict(inputs[out]).ravel()
        improvements.append((before**2).mean() - (after**2).mean())
        return len(improvements) >= WINDOW and np.mean(improvements[-WINDOW:]) < 0

    model = GradientBoostingRegressor(
        learning_rate=LEARNING_RATE, n_estimators=MAX_TREES, max_features=0.1, subsample=0.9, random_state=seed
    ).fit(inputs, y, monitor=stop)
    result = np.zeros(x.shape[1])
    result[columns] = model.feature_importances_ * len(improvements)
    return result


PEERS: dict[str, Callable[[np.ndarray, np.ndarray, int, int], np.ndarray]] = {
    "GRNBoost2": original,
    "GRNBoost2 corrected": corrected,
}


def peer_scores(
    name: str, case: Case, seed: int, *, n_jobs: int = 1, recompute: bool = False
) -> dict[str, dict[str, float]]:
    """Scores against every gold standard and processor seconds, stored ones if there are any."""
    store = json.loads(STORE.read_text()) if STORE.exists() else {}
    key = f"{name} | {case.name} | seed {seed} | {_fingerprint(case)}"
    if key in store and not recompute:
        return store[key]
    weights, seconds = _all_targets(PEERS[name], case, seed, n_jobs)
    digits = {
        gold: {k: float(f"{v:.6g}") for k, v in found.items() if np.isfinite(v)} | {"cpu_seconds": round(seconds, 2)}
        for gold, found in scored(case, weights).items()
    }
    store = json.loads(STORE.read_text()) if STORE.exists() else {}
    lines = [f"{json.dumps(k)}: {json.dumps(v)}" for k, v in sorted((store | {key: digits}).items())]
    STORE.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    return digits


def _all_targets(
    function: Callable[[np.ndarray, np.ndarray, int, int], np.ndarray], case: Case, seed: int, n_jobs: int
) -> tuple[np.ndarray, float]:
    x, y, _ = plain(case).dense()
    row = {int(gene): k for k, gene in enumerate(case.regulators)}

    def one(j: int) -> tuple[np.ndarray, float]:
        start = time.process_time()
        column = function(x, y[:, j], row.get(j, -1), seed)
        return column, time.process_time() - start

    found = Parallel(n_jobs=n_jobs)(delayed(one)(j) for j in range(y.shape[1]))
    return np.stack([column for column, _ in found], axis=1), sum(seconds for _, seconds in found)


def _fingerprint(case: Case) -> str:
    digest = hashlib.sha256()
    for part in (case.counts, case.response, case.regulators, *case.truth.values()):
        if part is not None:
            digest.update(np.ascontiguousarray(part).tobytes())
    digest.update(importlib.metadata.version("scikit-learn").encode())
    return digest.hexdigest()[:12]

"""An AnnData object that holds every key of a finished run, with numbers that are easy to check."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
from scipy import sparse

NAMES = ("Erythrocyte", "Megakaryocyte", "Monocyte", "Granulocyte")
ENDS = np.array([[-1.7, -3.0], [-0.6, -3.1], [0.7, -3.1], [1.8, -3.0]])
GENES = ("Gata1", "Gata2", "Fog1", "Eklf", "Fli1", "Scl", "Cebpa", "Pu1", "cJun", "EgrNab", "Gfi1")


def finished_run(n_cells: int = 600, n_targets: int = 9, seed: int = 0) -> ad.AnnData:
    """Cells on four branches of a plane, and results of every stage about them."""
    rng = np.random.default_rng(seed)
    fate = rng.integers(len(NAMES), size=n_cells)
    progress = rng.beta(1.4, 1.0, n_cells)
    plane = _branch(fate, progress) + 0.09 * rng.standard_normal((n_cells, 2))
    genes = [*GENES, *(f"target{i}" for i in range(n_targets))]
    cells = pd.Index([f"cell{i}" for i in range(n_cells)])
    adata = ad.AnnData(
        sparse.csr_matrix(rng.poisson(2.0, (n_cells, len(genes))).astype(np.float32)),
        obs=pd.DataFrame(
            {"day": np.ceil(progress * 6), "cell_type": pd.Categorical(np.take(NAMES, fate))}, index=cells
        ),
        var=pd.DataFrame(index=pd.Index(genes)),
    )
    adata.layers["counts"] = adata.X.copy()
    adata.obsm["X_plane"] = plane
    states = pd.DataFrame(rng.uniform(0, 1, (len(NAMES), len(GENES))), index=list(NAMES), columns=list(GENES))
    state = progress[:, None] * states.to_numpy()[fate] + (1 - progress[:, None]) * 0.4
    adata.obsm["X_state"] = pd.DataFrame(state, index=cells, columns=list(GENES))
    adata.obs["basin"] = pd.Categorical(np.take(NAMES, fate), categories=list(NAMES))
    fates = _fates(fate, progress)
    adata.obsm["fates"] = pd.DataFrame(fates, index=cells, columns=list(NAMES))
    adata.obs["fate_entropy"] = -(fates * np.log(np.maximum(fates, 1e-12))).sum(1)
    _add_network(adata, rng)
    x, y, height, support = occupancy(plane)
    weights = rng.normal(0, 1, (len(GENES), len(GENES)))
    table = pd.DataFrame(
        {
            "n_cells": np.bincount(fate, minlength=len(NAMES)),
            "leading_eigenvalue": [-0.61, -0.42, -0.33, -0.18],
            "index": 0,
            "residual": 1e-12,
            "converged": True,
            "observed": True,
            "support": [1.0, 0.95, 0.8, 0.55],
            "distance": 0.1,
        },
        index=list(NAMES),
    )
    adata.uns["landscape"] = {
        "network": {"n_edges": int(adata.varp["network_support"].nnz), "n_regulators": len(GENES), "params": {}},
        "dynamics": {"regulators": np.array(GENES, dtype=object), "weights": weights, "grade": "B", "params": {}},
        "attractors": {"states": states, "table": table, "params": {"rng": 0}},
        "occupancy": {"x": x, "y": y, "height": height, "support": support, "basis": "X_plane", "params": {}},
    }
    return adata


def occupancy(plane: np.ndarray, n: int = 70) -> tuple[np.ndarray, ...]:
    """Coordinates, minus log density of the points, and where it is known; rows are y."""
    x, y = np.linspace(-2.6, 2.7, n), np.linspace(-3.9, 0.7, n + 1)
    mesh = np.stack(np.meshgrid(x, y), -1)
    squared = ((mesh[:, :, None] - plane[None, None]) ** 2).sum(-1)
    density = np.exp(-squared / (2 * 0.16**2)).mean(-1)
    density /= density.sum()
    height = -np.log(np.maximum(density, 1e-300))
    height -= height.min()
    return x, y, height, height < 7.0


def _branch(fate: np.ndarray, progress: np.ndarray) -> np.ndarray:
    """Stem, two limbs, four twigs, each a third of the way."""
    stem, fork = np.array([0.0, 0.0]), np.array([0.0, -1.0])
    limbs = np.array([[-1.1, -2.0], [-1.1, -2.0], [1.2, -2.0], [1.2, -2.0]])[fate]
    knots = np.stack([np.broadcast_to(stem, limbs.shape), np.broadcast_to(fork, limbs.shape), limbs, ENDS[fate]], 1)
    at = np.clip(progress * 3, 0, 2.999)
    low, share = at.astype(int), (at % 1)[:, None]
    rows = np.arange(len(fate))
    return (1 - share) * knots[rows, low] + share * knots[rows, low + 1]


def _fates(fate: np.ndarray, progress: np.ndarray) -> np.ndarray:
    own = np.eye(len(NAMES))[fate]
    limb = np.repeat(np.repeat(np.eye(2), 2, 0), 2, 1)[fate] / 2
    even = np.full_like(own, 0.25)
    first, second = np.clip(progress * 3 - 1, 0, 1)[:, None], np.clip(progress * 3 - 2, 0, 1)[:, None]
    return (1 - first) * even + first * ((1 - second) * limb + second * own)


def _add_network(adata: ad.AnnData, rng: np.random.Generator) -> None:
    n = adata.n_vars
    weights = np.zeros((n, n), dtype=np.float32)
    weights[: len(GENES)] = rng.normal(0, 0.2, (len(GENES), n))
    support = np.abs(weights) > 0.25
    adata.varp["network"] = sparse.csr_matrix(weights)
    adata.varp["network_support"] = sparse.csr_matrix(support.astype(np.int8))
    adata.var["regulator_in_network"] = np.arange(n) < len(GENES)

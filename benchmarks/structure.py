"""Tests of structure: power on real and simulated landscapes, and silence on data without one.

``LANDSCAPE_DATA_DIR=... python -m benchmarks.structure --json FILE [--seeds N]``

Structureless data are drawn afresh for every seed: Poisson counts, negative binomial ones with a dispersion of each gene, wide
library sizes, blood cells with each gene permuted among cells of like library size, unrelated homogeneous types, also with the means, dispersions and
library sizes of two types of blood cells, and blood cells with a random direction.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse

import landscape as ls
from benchmarks._harness import Results, main, timed
from landscape.directions import Direction
from landscape.dynamics import from_pseudotime, from_root, from_time, from_transitions, from_unspliced, from_velocity

# Root of blood progenitors.
ROOT = ("Cd34", "Meis1", "Sox4")
SEEDS = 5
DAYS = (0.0, 1.0, 2.0, 3.0)


def real() -> Iterator[tuple[str, AnnData, Direction, str | None]]:
    """Data sets with their natural directions, and the column of the batch."""
    blood = ls.datasets.paul15()
    yield "paul15", blood, from_root(genes=ROOT), None
    yield "paul15, batch", blood, from_root(genes=ROOT), "batch"
    yield "paul15, group", blood, from_root("cell_type=GMP"), None
    blood.obs["dpt_pseudotime"] = blood.obs["monocle_pseudotime"].astype(float)
    yield "paul15, pseudotime", blood, from_pseudotime(), None
    for wide in (False, True):
        yield f"pancreas, {'wide' if wide else 'all cells'}", ls.datasets.pancreas(wide=wide), from_unspliced(), None
    yield "tusi2018", ls.datasets.tusi2018(), from_root(genes=("Cd34", "Meis1")), None
    yield "cardio", ls.datasets.cardio(), from_time("day"), None
    yield "schiebinger2019", ls.datasets.schiebinger2019(), from_time("day"), None
    for direction in (from_time("day"), from_unspliced()):
        yield f"dentate_gyrus, {direction.source}", ls.datasets.dentate_gyrus(), direction, None
    stroma = ls.datasets.bmsc()
    yield "bmsc", stroma, from_root(str(stroma.obs_names[0])), None
    for backbone in ("linear", "bifurcating", "cycle"):
        for direction in (from_time("time"), from_unspliced()):
            adata = ls.datasets.dyngen(backbone)
            adata.obs["time"] = pd.qcut(adata.obs["time"], 10, labels=False).astype(float)
            yield f"dyngen {backbone}, {direction.source}", adata, direction, None


def simulated() -> Iterator[tuple[str, AnnData, Direction, str | None]]:
    """Circuits with known landscapes."""
    yield "hematopoiesis", ls.datasets.hematopoiesis(), from_time("day"), None
    yield "hematopoiesis, root", ls.datasets.hematopoiesis(), from_root("day=0.0"), None
    yield "hematopoiesis, unspliced", ls.datasets.hematopoiesis(unspliced=True), from_unspliced(), None
    yield "hematopoiesis, batches", ls.datasets.hematopoiesis(batches=2), from_time("day"), "batch"
    for name in ("toggle", "gata1_pu1", "emt", "krumsiek", "repressilator"):
        for n in (300, 1000):
            adata = ls.circuits.simulate(getattr(ls.circuits, name)(), n_cells=n, rng=n)
            yield f"{name}, {n} cells", adata, from_time("time"), None


def counts_of(
    rng: np.random.Generator, n: int, *, n_types: int = 1, dispersion: float = 0.0, spread: float = 0.3, g: int = 600
) -> sparse.csr_matrix:
    """Counts of homogeneous, unrelated cell types: genes are independent given the type and the library size."""
    base = rng.lognormal(0, 1.5, g)
    share = base * np.exp(rng.normal(size=(n_types, g)) * (rng.random((n_types, g)) < 0.3) * (n_types > 1))
    share /= share.sum(1, keepdims=True)
    size = 3000 * np.exp(spread * rng.normal(size=n))
    mean = size[:, None] * share[rng.integers(n_types, size=n)]
    if dispersion:
        shape = np.exp(rng.normal(-np.log(dispersion), 1, g))
        mean = mean * rng.gamma(shape, 1 / shape, size=mean.shape)
    return sparse.csr_matrix(rng.poisson(mean).astype(np.float32))


def permuted(counts: sparse.csr_matrix, rng: np.random.Generator, *, n_bins: int = 40) -> sparse.csr_matrix:
    """Counts with each gene permuted among cells of like library size."""
    library = np.ravel(counts.sum(1))
    bins = np.argsort(np.argsort(library, kind="stable")) * n_bins // len(library)
    order = np.argsort(bins, kind="stable")
    dense = counts.toarray()
    for gene in range(dense.shape[1]):
        dense[order, gene] = dense[np.lexsort((rng.random(len(order)), bins)), gene]
    return sparse.csr_matrix(dense)


def like(counts: sparse.csr_matrix, rng: np.random.Generator) -> sparse.csr_matrix:
    """Negative binomial counts with the library sizes of cells, and the mean and dispersion of each gene."""
    dense = counts.toarray()
    mean = np.outer(dense.sum(1), dense.sum(0) / dense.sum())
    excess = ((dense - mean) ** 2 - mean).sum(0) / np.maximum((mean**2).sum(0), 1e-12)
    dispersion = np.clip(excess, 1e-3, 5)
    return sparse.csr_matrix(rng.poisson(mean * rng.gamma(1 / dispersion, dispersion, mean.shape)).astype(np.float32))


def _cells(counts: sparse.csr_matrix, rng: np.random.Generator) -> AnnData:
    n, g = counts.shape
    names = [f"cell{i}" for i in range(n)]
    adata = AnnData(
        counts, obs=pd.DataFrame(index=names), var=pd.DataFrame(index=[f"gene{i}" for i in range(g)]),
        layers={"counts": counts},
    )  # fmt: skip
    adata.obs["day"] = rng.choice(DAYS, n)
    adata.obs["group"] = rng.choice(["a", "b", "c"], n)
    return adata


def structureless(seed: int) -> Iterator[tuple[str, AnnData, Direction, str | None]]:
    """Data without a landscape, of one seed."""
    rng = np.random.default_rng(seed)
    drawn: dict[str, dict[str, float]] = {
        "Poisson": {},
        "negative binomial": {"dispersion": 0.5},
        "wide library sizes": {"dispersion": 0.5, "spread": 1.2},
        "two types": {"dispersion": 0.5, "n_types": 2},
        "five types": {"dispersion": 0.5, "n_types": 5},
    }
    for name, options in drawn.items():
        n = int(rng.integers(300, 3001))
        adata = _cells(counts_of(rng, n, **options), rng)  # type: ignore[arg-type]
        yield f"{name}, time", adata, from_time("day"), None
        yield f"{name}, root", adata, from_root("cell0"), None
        yield f"{name}, root genes", adata, from_root(genes=("gene0", "gene1", "gene2")), None
    blood = ls.datasets.paul15()
    independent = _cells(permuted(blood.layers["counts"], rng), rng)
    yield "paul15, genes independent, root", independent, from_root("cell0"), None
    kinds = np.flatnonzero(blood.obs["cell_type"].isin(["Erythroid", "Neutrophil"]))
    labels = blood.obs["cell_type"].astype(str).to_numpy()[kinds]
    parts = [like(blood.layers["counts"][kinds[labels == kind]], rng) for kind in np.unique(labels)]
    yield "like two types of paul15, root", _cells(sparse.vstack(parts).tocsr(), rng), from_root("cell0"), None
    n = blood.n_obs
    blood.obs["day"] = rng.choice(DAYS, n)
    blood.obs["group"] = rng.choice(["a", "b", "c"], n)
    blood.obs["dpt_pseudotime"] = rng.random(n)
    blood.layers["velocity"] = rng.normal(size=blood.shape).astype(np.float32)
    neighbours = rng.integers(n, size=(n, 30)).ravel()
    blood.obsp["random"] = sparse.csr_matrix((np.full(30 * n, 1 / 30), (np.repeat(np.arange(n), 30), neighbours)))
    thinned = blood.layers["counts"].copy()
    thinned.data = rng.binomial(thinned.data.astype(int), 0.3).astype(np.float32)
    blood.layers["unspliced"] = thinned
    rest = blood.copy()
    rest.layers["counts"] = sparse.csr_matrix(blood.layers["counts"] - thinned)
    yield "paul15, random days", blood, from_time("day"), None
    yield "paul15, random group as root", blood, from_root("group=a"), None
    yield "paul15, random pseudotime", blood, from_pseudotime(), None
    yield "paul15, random velocities", blood, from_velocity(), None
    yield "paul15, random transitions", blood, from_transitions("random"), None
    filled = np.ravel(rest.layers["counts"].sum(1)) > 0
    yield "paul15, unspliced by chance", rest[filled].copy(), from_unspliced(), None
    alone = rest[filled].copy()
    alone.layers["unspliced"] = alone.layers["unspliced"][rng.permutation(alone.n_obs)]
    yield "paul15, unspliced of other cells", alone, from_unspliced(), None


def measure(results: Results, name: str, adata: AnnData, direction: Direction, batch: str | None, seed: int) -> bool:
    """Test one data set, add its p-values to the table, and return whether a landscape is supported."""
    row: dict[str, object] = {"data": name, "n": adata.n_obs, "seed": seed}
    with timed(row):
        ls.tl.structure(adata, direction=direction, batch_key=batch, rng=seed)
    tests = ls.get.structure(adata)
    of_direction = tests["p_value"].iloc[2:]
    row |= {
        "shared": float(tests["statistic"][0]),
        "p_shared": float(tests["p_value"][0]),
        "within": float(tests["statistic"][1]),
        "p_within": float(tests["p_value"][1]),
        "p_direction": float(of_direction.max()) if of_direction.notna().any() else float("nan"),
        "supported": bool(tests["passed"].all()),
    }
    results.add(row)
    return bool(tests["passed"].all())


def power(results: Results, *, quick: bool) -> None:
    """Share of landscapes that are supported."""
    for part, cases in (("real", real()), ("circuits", simulated())):
        supported = [measure(results, *case, seed=0) for case in cases]
        results.figures[f"{part}_supported"] = float(np.mean(supported))
        results.figures[f"{part}_sets"] = len(supported)
        if quick:
            return


def silence(results: Results, *, quick: bool) -> None:
    """Share of structureless data in which no landscape is supported."""
    seeds = 1 if quick else (results.seeds or SEEDS)
    supported = [measure(results, *case, seed=seed) for seed in range(seeds) for case in structureless(seed)]
    results.figures["structureless_not_supported"] = 1 - float(np.mean(supported))
    results.figures["structureless_sets"] = len(supported)


if __name__ == "__main__":
    main(__doc__, {"power": power, "silence": silence}, ("numpy", "scipy", "anndata"))

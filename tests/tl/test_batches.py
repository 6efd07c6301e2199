"""States without batch: libraries of one process have the same states, and where the graph follows a batch it is said."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy import sparse

import landscape as ls
from landscape.latent import LatentModel
from landscape.markov.graph import neighbor_graph
from landscape.report import summarise
from landscape.tl._batches import parts_go_with, separation, warn_of_batches

NAMES = ["Gata1", "Spi1", "Gata2", "Klf1", "Cebpa", "Fli1"]


def libraries(sizes=(0.6, 0.4), *, missing: float = 0.0, n: int = 500, seed: int = 0) -> AnnData:
    """Two branches seen by several libraries, each with its own factor for each gene and its own depth.

    ``obsm["known"]`` is the expected expression at the reference: the mean over libraries of each cell's true shares, times
    the factors of the library. The last library lacks the first ``missing`` of the process.
    """
    rng = np.random.default_rng(seed)
    t, side = rng.random(n), rng.integers(0, 2, n)
    library = rng.choice(len(sizes), n, p=sizes)
    library[(library == len(sizes) - 1) & (t < missing)] = 0
    late = np.clip((t - 0.4) / 0.6, 0, 1)
    levels = np.array([[0.3, 3, 0.1], [0.3, 0.1, 3], [2.5, 0.8, 0.2], [0.1, 3, 0.1], [0.3, 0.1, 3], [0.6, 1.5, 0.5]])
    programme = np.c_[1 - late, late * (side == 0), late * (side == 1)] @ levels.T
    targets = 0.3 + programme @ (rng.gamma(0.5, 1, (6, 60)) * (rng.random((6, 60)) < 0.3))
    rate = np.hstack([programme + 0.05, targets])
    factor = np.exp(0.5 * rng.normal(size=(len(sizes), rate.shape[1])))
    factor[0] = 1
    depth = np.where(library == 0, 3000, 1500)[:, None]
    seen = rate * factor[library]
    counts = rng.poisson(depth * seen / seen.sum(1, keepdims=True))
    shares = [rate * f / (rate * f).sum(1, keepdims=True) for f in factor]
    known = sum(p * s for p, s in zip(np.bincount(library) / n, shares, strict=True))
    adata = AnnData(
        sparse.csr_matrix(counts.astype(np.float32)),
        obs=pd.DataFrame(
            {"t": t, "side": side, "library": pd.Categorical(library.astype(str))}, index=[f"c{i}" for i in range(n)]
        ),
        var=pd.DataFrame(index=[*NAMES, *(f"Tgt{i}" for i in range(60))]),
        obsm={"known": 1e4 * known[:, :6]},
    )
    adata.layers["counts"] = adata.X.copy()
    adata.var["regulator"] = adata.var_names.isin(NAMES)
    adata.obs["stage"] = np.where(t < 0.2, "start", "later")
    return adata


def apart(adata: AnnData, x: np.ndarray) -> float:
    """Difference of the libraries within late cells of a branch, beyond the true one, in standard deviations.

    The median over regulators, averaged over branches and libraries.
    """
    found = []
    true = np.sqrt(adata.obsm["known"])
    library, t, side = (adata.obs[key].to_numpy() for key in ("library", "t", "side"))
    for branch in (0, 1):
        first, *others = ((t > 0.75) & (side == branch) & (library == k) for k in np.unique(library))
        for other in others:
            sd = [np.sqrt((v[first].var(0) + v[other].var(0)) / 2) for v in (x, true)]
            gaps = [(v[other].mean(0) - v[first].mean(0)) / s for v, s in zip((x, true), sd, strict=True)]
            found.append(np.median(np.abs(gaps[0] - gaps[1])))
    return float(np.mean(found))


@pytest.mark.parametrize("options", [{}, {"missing": 0.3}, {"sizes": (0.4, 0.3, 0.2, 0.1), "n": 800}])
def test_libraries_of_one_process_have_the_same_states(options):
    adata = libraries(**options)
    model = LatentModel(adata, layer="counts", batch_key="library")
    model.train(progress=False)
    states = {
        batch: np.sqrt(model.get_normalized_expression(genes=NAMES, batch=batch, return_numpy=True))
        for batch in (None, model.get_reference())
    }
    own, reference = states.values()
    # A mean of some twenty late cells of a library has a standard error of .2 standard deviations, .3 for a difference, of
    # which the true part is taken away.
    assert apart(adata, reference) < 0.4
    assert apart(adata, own) > 3 * apart(adata, reference)
    # The known expression is recovered as well as the counts of a cell allow: within a tenth of its range.
    known = np.sqrt(adata.obsm["known"])
    assert (np.sqrt(((reference - known) ** 2).mean(0)) < 0.1 * np.ptp(known, axis=0)).all()


def test_dynamics_are_fitted_to_states_at_the_reference():
    adata = libraries(n=200)
    model = LatentModel(adata, layer="counts", batch_key="library", n_latent=3, n_hidden=16)
    model.train(max_epochs=20, progress=False)
    ls.tl.network(adata, model=model, n_bootstraps=0)
    ls.tl.dynamics(adata, model=model, direction=ls.dynamics.from_root("stage=start"), refine=False)
    record = adata.uns["landscape"]["dynamics"]
    found = adata.obsm["X_state"] * np.asarray(record["scale"])
    genes = list(found.columns)
    expected = model.get_normalized_expression(genes=genes, batch=model.get_reference())
    np.testing.assert_allclose(found**2, expected, rtol=1e-5)
    assert record["decoded_at"] == "average over 2 levels of 'library'"
    assert summarise(adata)["decoded_at"] == record["decoded_at"]


def parted(apart: float) -> AnnData:
    rng = np.random.default_rng(0)
    lane = np.repeat(["a", "b"], 60)
    adata = AnnData(
        np.zeros((120, 1), np.float32), obs=pd.DataFrame({"lane": lane}, index=[f"c{i}" for i in range(120)])
    )
    adata.obsm["z"] = rng.normal(size=(120, 2)) + apart * (lane == "b")[:, None]
    return adata


def test_components_that_go_with_a_column_are_named(caplog):
    adata = parted(30.0)
    graph = neighbor_graph(adata.obsm["z"], n_neighbors=10)
    adata.obs["half"] = np.where(np.arange(120) % 2, "x", "y")
    with caplog.at_level(logging.WARNING):
        warn_of_batches(adata, graph, None, "network")
    said = [r.getMessage() for r in caplog.records if "go with" in r.getMessage()]
    assert len(said) == 1
    assert "obs['lane']" in said[0]
    assert "batch_key='lane'" in said[0]


def test_neighbours_of_the_same_batch_differ_from_mixed_ones():
    codes = np.repeat([0, 1], 60)
    near, far = (neighbor_graph(parted(shift).obsm["z"], n_neighbors=10) for shift in (0.0, 30.0))
    # 120 x 10 pairs, whose cells are shared by others: a standard error of some .05
    assert abs(separation(near, codes)) < 0.2
    assert separation(far, codes) == pytest.approx(1.0)
    assert not parts_go_with(np.zeros(120, int), codes)
    assert not parts_go_with(np.arange(120) % 2, codes)
    assert parts_go_with(codes, codes)

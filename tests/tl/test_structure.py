"""The test of structure on AnnData: what is tested for each source, what is written, and what is refused."""

from __future__ import annotations

import logging

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import landscape as ls
from landscape._verdict import NO_EDGE, verdict_of
from landscape.dynamics import (
    from_pseudotime,
    from_root,
    from_time,
    from_transitions,
    from_unspliced,
    from_velocity,
)
from tests.structure.drawn import gradient, homogeneous


def cells(counts):
    n, g = counts.shape
    obs, var = pd.DataFrame(index=[f"cell{i}" for i in range(n)]), pd.DataFrame(index=[f"gene{i}" for i in range(g)])
    return ad.AnnData(counts, obs=obs, var=var, layers={"counts": counts})


@pytest.fixture(scope="module")
def line():
    """Cells along a line with every source of direction, and the same sources at random."""
    counts, place = gradient(300)
    adata, rng = cells(counts), np.random.default_rng(0)
    other = rng.permutation(300)
    adata.obs["place"], adata.obs["place_random"] = place, place[other]
    day = np.digitize(place, [-0.5, 0.5]).astype(float)
    adata.obs["day"], adata.obs["day_random"] = day, day[other]
    adata.obs["group"] = np.where(place < -0.7, "start", "rest")
    adata.obs["group_random"] = adata.obs["group"].to_numpy()[other]
    lead = 1 / (1 + np.exp(1 - 2 * place[:, None] * rng.choice([-1.0, 1.0], 80)))
    unspliced = sparse.csr_matrix(rng.poisson(3 * lead * counts.toarray().mean(0)).astype(float))
    adata.layers["unspliced"], adata.layers["unspliced_random"] = unspliced, unspliced[other]
    velocity = place[:, None] * rng.normal(size=80) + rng.normal(size=(300, 80))
    velocity[:, 0] = np.nan
    adata.layers["velocity"], adata.layers["velocity_random"] = velocity, velocity[other]
    near = np.argsort(np.abs(place[:, None] - place), axis=1)[:, 1:11]
    chain = sparse.csr_matrix((np.full(3000, 0.1), (np.repeat(np.arange(300), 10), near.ravel())), shape=(300, 300))
    adata.obsp["chain"], adata.obsp["chain_random"] = chain, chain[other]
    return adata


@pytest.mark.parametrize(
    ("make", "key"),
    [
        (from_time, "day"), (from_pseudotime, "place"), (lambda key: from_root(f"{key}=start"), "group"),
        (from_unspliced, "unspliced"), (from_velocity, "velocity"), (from_transitions, "chain"),
    ],
)  # fmt: skip
def test_every_source_is_told_from_its_permutation(line, make, key):
    real = ls.tl.structure(line, direction=make(key), copy=True)
    assert real.uns["landscape"]["structure"]["supported"]
    assert ls.get.structure(real)["p_value"].max() <= 0.002
    random = ls.tl.structure(line, direction=make(f"{key}_random"), copy=True)
    table = ls.get.structure(random)
    assert table["passed"].tolist()[:2] == [True, True]
    assert not table["passed"].iloc[2:].all()
    assert not random.uns["landscape"]["structure"]["supported"]


def test_root_genes_are_told_by_the_other_genes(line):
    adata = line.copy()
    rng = np.random.default_rng(1)
    counts = adata.layers["counts"].tolil()
    counts[:, 0] = rng.poisson(3.0, (300, 1))
    adata.layers["counts"] = counts.tocsr()
    level = np.log1p(line.layers["counts"].toarray() / np.ravel(line.layers["counts"].sum(1))[:, None] * 1e4)
    correlation = [np.corrcoef(level[:, g], line.obs["place"])[0, 1] for g in range(80)]
    for gene, supported in ((f"gene{np.argmax(correlation)}", True), ("gene0", False)):
        ls.tl.structure(adata, direction=from_root(genes=[gene]))
        assert adata.uns["landscape"]["structure"]["supported"] is supported


def test_a_single_root_cell_is_not_testable_and_the_genes_decide(line):
    adata = ls.tl.structure(line, direction=from_root("cell0"), copy=True)
    row = ls.get.structure(adata).iloc[2]
    assert np.isnan(row["p_value"])
    assert "not testable" in row["note"]
    assert adata.uns["landscape"]["structure"]["supported"]


def test_every_part_of_a_combination_is_tested(line):
    adata = ls.tl.structure(line, direction=from_time("day") + from_pseudotime("place_random"), copy=True)
    assert ls.get.structure(adata)["passed"].tolist() == [True, True, True, False]
    (reason,) = verdict_of(adata).reasons
    assert "place_random" in reason


def test_nothing_comes_from_nothing_and_the_log_says_so(caplog):
    adata = cells(homogeneous(300)[0])
    adata.obs["day"] = np.random.default_rng(0).integers(3, size=300).astype(float)
    with caplog.at_level(logging.WARNING, "landscape"):
        ls.tl.structure(adata, direction=from_time("day"))
    assert "no landscape supported: shared variation: correlation" in caplog.text
    assert verdict_of(adata).headline.startswith("no landscape supported: ")
    assert len(verdict_of(adata).reasons) == 3


def test_a_network_without_an_edge_supports_none(finished):
    assert verdict_of(finished).supported is None
    finished.uns["landscape"]["network"]["n_edges"] = 0
    assert verdict_of(finished).supported is False
    assert verdict_of(finished).reasons == (NO_EDGE,)


def test_it_survives_a_file_and_leaves_the_rest_alone(line, tmp_path):
    adata = ls.tl.structure(line, direction=from_time("day_random"), copy=True)
    assert set(adata.uns["landscape"]) == {"schema", "structure"}
    adata.write_h5ad(tmp_path / "a.h5ad")
    back = ad.read_h5ad(tmp_path / "a.h5ad")
    pd.testing.assert_frame_equal(ls.get.structure(adata), ls.get.structure(back))
    assert verdict_of(back) == verdict_of(adata)


def test_many_cells_are_tested_by_a_sample(line):
    adata = ls.tl.structure(line, direction=from_transitions("chain"), max_cells=200, copy=True)
    assert adata.uns["landscape"]["structure"]["n_cells"] == 200
    assert adata.uns["landscape"]["structure"]["supported"]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"direction": "day"}, TypeError, "Expected `direction`"),
        ({"direction": from_time("hour")}, KeyError, "hour"),
        ({"batch_key": "plate"}, KeyError, "plate"),
        ({"max_cells": 0}, ValueError, "positive `max_cells`"),
        ({"layer": "raw"}, KeyError, "raw"),
    ],
)
def test_bad_input_is_refused(line, options, error, message):
    with pytest.raises(error, match=message):
        ls.tl.structure(line, **options, copy=True)


def test_without_results_the_table_says_what_to_call(line):
    with pytest.raises(KeyError, match=r"tl\.structure"):
        ls.get.structure(line)

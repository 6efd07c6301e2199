from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import landscape as ls
from landscape import network


def two_states(seed=0):
    """Regulator 0 drives gene 2 in state a, regulator 1 does in state b; genes 3 to 12 follow regulator 0 in both."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(800, 2))
    state = np.repeat(["a/1", "b"], 400)
    own = np.where(state == "b", x[:, 1], x[:, 0])
    level = np.column_stack([x, own, *(x[:, [0]] * np.ones(10)).T])
    adata = ad.AnnData(sparse.csr_matrix(rng.poisson(np.exp(3 + 0.6 * level)).astype(float)))
    adata.layers["counts"] = adata.X.copy()
    adata.var_names = [f"Gene{k}" for k in range(adata.n_vars)]
    adata.var["regulator"] = np.arange(adata.n_vars) < 2
    adata.obs["state"] = state
    ls.tl.network(adata, n_bootstraps=20, n_decoys=0)  # two decoys cannot show a rate of 5 %
    return adata


def test_states_differ_where_they_differ():
    adata = two_states()
    assert ls.tl.state_networks(adata, groupby="state") is None
    table = ls.get.state_edges(adata, state="a/1", against="b")
    found = table.set_index(["source", "target"])
    assert set(table["target"][:2]) == {"Gene2"}
    assert (found.loc[[("Gene0", "Gene2"), ("Gene1", "Gene2")], "fdr"] < 0.05).all()
    assert (found.drop([("Gene0", "Gene2"), ("Gene1", "Gene2")])["fdr"] > 0.05).all()
    assert found.loc[("Gene0", "Gene2"), "difference"] > 0 > found.loc[("Gene1", "Gene2"), "difference"]
    record = adata.uns["landscape"]["state_networks"]
    assert record["states"]["n_cells"].tolist() == [400, 400]
    assert 0 < record["overlap"]["overlap"].iloc[0] < 1
    assert record["overlap"]["sd"].iloc[0] > 0


def test_it_is_that_of_the_arrays_and_survives_a_file(tmp_path):
    adata = two_states()
    ls.tl.state_networks(adata, groupby="state", shrinkage=50)
    penalty = adata.uns["landscape"]["network"]["params"]["penalty"]
    expected = network.state_networks(
        network.expression(adata.layers["counts"], [0, 1]), adata.obs["state"], penalty=penalty, shrinkage=50
    )
    edges = ls.get.state_edges(adata, state="b")
    gene = {name: k for k, name in enumerate(adata.var_names)}
    row, column = edges["source"].map(gene), edges["target"].map(gene)
    np.testing.assert_allclose(edges["weight"], expected.weights[1][row, column])
    np.testing.assert_allclose(edges["sd"], expected.sd[1][row, column])
    np.testing.assert_allclose(edges["shared"], expected.shared[row, column])
    adata.write_h5ad(tmp_path / "cells.h5ad")
    back = ad.read_h5ad(tmp_path / "cells.h5ad")
    pd.testing.assert_frame_equal(ls.get.state_edges(back), ls.get.state_edges(adata))


def test_cells_without_a_state_are_left_out_and_a_copy_leaves_the_original_alone():
    adata = two_states()
    adata.obs["state"] = adata.obs["state"].where(np.arange(800) >= 100)
    made = ls.tl.state_networks(adata, groupby="state", copy=True)
    assert made.uns["landscape"]["state_networks"]["states"]["n_cells"].tolist() == [300, 400]
    assert "state_networks" not in adata.uns["landscape"]


def test_bad_requests_are_refused():
    adata = two_states()
    with pytest.raises(KeyError, match="state_networks"):
        ls.get.state_edges(adata)
    with pytest.raises(KeyError, match="pass `groupby=`"):
        ls.tl.state_networks(adata, groupby="cluster")
    adata.obs["few"] = ["x"] * 760 + ["y"] * 40
    with pytest.raises(ValueError, match="at least 50 cells in every state"):
        ls.tl.state_networks(adata, groupby="few")
    ls.tl.state_networks(adata, groupby="state")
    for arguments in ({"state": "c"}, {"against": "b"}, {"state": "b", "against": "c"}):
        with pytest.raises(ValueError, match="out of"):
            ls.get.state_edges(adata, **arguments)
    ls.tl.network(adata, method="correlation", n_bootstraps=0)
    with pytest.raises(ValueError, match="network of method 'ridge', found 'correlation'"):
        ls.tl.state_networks(adata, groupby="state")
    with pytest.raises(KeyError, match="run `landscape.tl.network"):
        ls.tl.state_networks(adata, groupby="state", network_key="other")

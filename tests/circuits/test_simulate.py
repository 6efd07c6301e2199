"""The simulated data: shapes and keys, seeds, knock-outs, unspliced counts, growth, files, errors."""

from __future__ import annotations

import anndata
import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse

from landscape.circuits import krumsiek, simulate, toggle


@pytest.fixture(scope="module")
def wild():
    return simulate(krumsiek(), n_cells=330, n_targets=60, n_housekeeping=30, batches=2, unspliced=True, rng=7)


def same(a, b):
    return (a != b).nnz == 0


def test_what_comes_back(wild):
    circuit = krumsiek()
    assert wild.shape == (330, 101)
    for matrix in (wild.X, wild.layers["counts"], wild.layers["unspliced"]):
        assert isinstance(matrix, sparse.csr_matrix)
        assert matrix.dtype == np.float32
        assert (matrix.data > 0).all()
        assert (matrix.data == np.round(matrix.data)).all()
    assert same(wild.X, wild.layers["counts"])
    assert wild.X is not wild.layers["counts"]
    assert list(wild.var_names[wild.var["regulator"]]) == list(circuit.genes)
    truth = wild.uns["truth"]
    assert set(truth) == {"network", "regulators", "fates", "fate_states", "params"}
    assert list(truth["network"].columns) == ["source", "target", "sign"]
    assert set(truth["network"]["source"]) == set(circuit.genes)
    assert set(truth["network"]["target"]) == set(wild.var_names[wild.var["kind"] != "housekeeping"])
    inner = truth["network"][truth["network"]["target"].isin(circuit.genes)]
    assert set(inner.itertuples(index=False, name=None)) == set(circuit.edges)
    pd.testing.assert_frame_equal(truth["fate_states"], circuit.fate_states)
    assert list(truth["regulators"]) == list(circuit.genes)
    assert list(truth["fates"]) == list(circuit.fates)
    state, velocity = wild.obsm["X_truth"], wild.obsm["velocity_truth"]
    assert list(state.columns) == list(velocity.columns) == list(circuit.genes)
    assert list(state.index) == list(wild.obs_names)
    np.testing.assert_allclose(circuit.drift()(torch.as_tensor(state.to_numpy())), velocity, atol=1e-14)
    assert (state >= 0).all().all()
    assert list(wild.obs["fate"].cat.categories) == [*circuit.fates, "other"]
    assert sorted(wild.obs["batch"].unique()) == ["batch0", "batch1"]


def test_cells_are_spread_over_the_times_and_shuffled(wild):
    counts = wild.obs["time"].value_counts()
    np.testing.assert_allclose(sorted(counts.index), np.linspace(0, 15, 11))
    assert set(counts) == {30}
    # Five standard errors of a correlation of independent numbers.
    assert abs(np.corrcoef(np.arange(330), wild.obs["time"])[0, 1]) < 5 / np.sqrt(330)
    early = simulate(krumsiek(), n_cells=5, times=[0.3], n_targets=0, n_housekeeping=2)
    assert early.obs["time"].tolist() == [0.3] * 5


def test_late_cells_are_where_their_own_path_ends(wild):
    circuit = krumsiek()
    last = wild[wild.obs["time"] == 15]
    now = circuit.classify(last.obsm["X_truth"].to_numpy())
    assert (now == last.obs["fate"].to_numpy()).all()
    # Undecided at the start, yet their fates are known: measured 1 % of paths without one, at most 4 in 30 here.
    start = wild[wild.obs["time"] == 0]
    assert (circuit.classify(start.obsm["X_truth"].to_numpy()) == "other").all()
    assert (start.obs["fate"] == "other").sum() <= 4
    first = start.obsm["X_truth"].to_numpy().mean(0)
    # Five standard errors of genes of variance 1 / Omega, over 30 cells.
    np.testing.assert_allclose(first, circuit.initial_state(), atol=5 * np.sqrt(0.01 / 30))


def test_seeds(wild):
    again = simulate(krumsiek(), n_cells=330, n_targets=60, n_housekeeping=30, batches=2, unspliced=True, rng=7)
    assert same(wild.X, again.X)
    assert same(wild.layers["unspliced"], again.layers["unspliced"])
    pd.testing.assert_frame_equal(wild.obs, again.obs)
    small = {"n_targets": 10, "n_housekeeping": 5, "times": [1.0]}
    a, b = (simulate(toggle(), n_cells=40, rng=np.random.default_rng(1), **small) for _ in range(2))
    assert same(a.X, b.X)
    other = simulate(toggle(), n_cells=40, rng=2, **small)
    assert not same(a.X, other.X)
    pd.testing.assert_frame_equal(a.var, other.var)
    pd.testing.assert_frame_equal(a.uns["truth"]["network"], other.uns["truth"]["network"])
    rewired = simulate(toggle(), n_cells=40, rng=2, network_rng=1, **small)
    assert not rewired.uns["truth"]["network"].equals(other.uns["truth"]["network"])


@pytest.mark.parametrize("noise", ["chemical", "constant"])
def test_a_knocked_out_gene_is_gone(noise):
    adata = simulate(krumsiek(), n_cells=60, knockouts=["Cebpa"], noise=noise, n_targets=20, n_housekeeping=5)
    assert (adata.obsm["X_truth"]["Cebpa"] == 0).all()
    assert adata[:, "Cebpa"].X.nnz == 0
    assert (adata.obsm["X_truth"]["Pu1"] > 0).any()
    assert list(adata.uns["truth"]["params"]["knockouts"]) == ["Cebpa"]
    assert not set(adata.obs["fate"]) & {"monocyte", "granulocyte"}
    held = simulate(krumsiek(), n_cells=200, levels={"Eklf": 2.0}, times=[0.0, 5.0], n_targets=0, n_housekeeping=5)
    # Five standard errors at variance 2 / Omega.
    assert held.obsm["X_truth"]["Eklf"].mean() == pytest.approx(2.0, abs=5 * np.sqrt(0.02 / 200))
    assert held.uns["truth"]["params"]["levels"] == {"Eklf": 2.0}


def test_unspliced_counts_carry_the_velocity():
    # Without targets every level is known, so the expected counts are: splicing * u - decay * s is the velocity.
    adata = simulate(
        krumsiek(),
        n_cells=1500,
        times=[1.0, 3.0],
        duration=3.0,
        n_targets=0,
        n_housekeeping=5,
        depth=400.0,
        unspliced=True,
        rng=1,
    )
    state, velocity = adata.obsm["X_truth"].to_numpy(), adata.obsm["velocity_truth"].to_numpy()
    level = np.concatenate([state, np.ones((1500, 5))], axis=1)
    var = adata.var
    scale = 400 * adata.obs["size_factor"].to_numpy() / (level @ var["abundance"].to_numpy())
    known = var["regulator"].to_numpy()
    factor = scale[:, None] * var["abundance"].to_numpy()[known]
    beta, gamma, phi = (var[key].to_numpy()[known] for key in ("splicing_rate", "decay_rate", "dispersion"))
    u, s = (adata.layers[key].toarray()[:, known] for key in ("unspliced", "counts"))
    made = np.maximum(velocity + gamma * state, 0) / beta
    for counts, mean in ((u, factor * made), (s, factor * state)):
        z = (counts - mean).sum(0) / np.sqrt((mean + phi * mean**2).sum(0) + 1e-12)
        assert np.abs(z).max() < 5
    found = (beta * u - gamma * s).sum(0) / factor.sum(0)
    spread = np.sqrt((beta**2 * (factor * made + phi * (factor * made) ** 2)
                      + gamma**2 * (factor * state + phi * (factor * state) ** 2)).sum(0)) / factor.sum(0)  # fmt: skip
    weighted = (factor * np.maximum(velocity, -gamma * state)).sum(0) / factor.sum(0)
    assert (np.abs(found - weighted) < 5 * spread).all()
    assert (np.abs(weighted) > 5 * spread).sum() >= 3
    # What does not change is in balance: u / s is decay over splicing.
    steady = ~known
    total = [adata.layers[key][:, steady].sum(0).A1 for key in ("unspliced", "counts")]
    ratio = (var["decay_rate"] / var["splicing_rate"]).to_numpy()[steady]
    error = ratio * np.sqrt(1 / total[0] + 1 / total[1] + 2.2 * var["dispersion"].to_numpy()[steady] / 1500)
    assert (np.abs(total[0] / total[1] - ratio) < 5 * error).all()


def test_growth_of_a_fate_raises_its_share_and_death_lowers_it():
    shares = {}
    for rate in (-0.5, 0.0, 0.5):
        adata = simulate(
            toggle(), n_cells=500, times=[8.0], duration=8.0, growth={"A": rate}, n_targets=2, n_housekeeping=2, rng=3
        )
        assert adata.n_obs == 500
        shares[rate] = (adata.obs["fate"] == "A").mean()
    # A population of 500 that resamples little: five standard errors of a difference of shares.
    margin = 5 * np.sqrt(2 * 0.25 / 500)
    assert shares[-0.5] + margin < shares[0.0]
    assert shares[0.0] + margin < shares[0.5]
    few = simulate(toggle(), n_cells=7, times=[2.0, 4.0], growth=lambda x: x[:, 0], n_targets=0, n_housekeeping=2)
    assert few.obs["time"].value_counts().to_dict() == {2.0: 4, 4.0: 3}
    assert few.uns["truth"]["params"]["growth"] == "function"


@pytest.mark.filterwarnings("ignore:Writing zarr v2 data:UserWarning")  # anndata 0.12 announces its next default
@pytest.mark.parametrize("kind", ["h5ad", "zarr"])
def test_everything_survives_a_file(tmp_path, kind):
    adata = simulate(
        toggle(), n_cells=20, levels={"A": 1.0}, growth={"B": 0.1}, times=[1.0], n_targets=5, n_housekeeping=2
    )
    path = tmp_path / f"cells.{kind}"
    getattr(adata, f"write_{kind}")(path)
    back = getattr(anndata, f"read_{kind}")(path)
    pd.testing.assert_frame_equal(back.uns["truth"]["network"], adata.uns["truth"]["network"], check_dtype=False)
    pd.testing.assert_frame_equal(back.uns["truth"]["fate_states"], adata.uns["truth"]["fate_states"])
    pd.testing.assert_frame_equal(back.obsm["X_truth"], adata.obsm["X_truth"])
    pd.testing.assert_frame_equal(back.obs, adata.obs)
    params, before = back.uns["truth"]["params"], adata.uns["truth"]["params"]
    assert set(params) == set(before)
    for key, value in before.items():
        np.testing.assert_equal(params[key], value)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"knockouts": ["C"]}, ValueError, r"Unknown genes \['C'\] in `knockouts`; circuit 'toggle' has \['A', 'B'\]"),
        ({"levels": {"C": 1}}, ValueError, r"Unknown genes \['C'\] in `levels`"),
        (
            {"times": [1.0, -2.0]},
            ValueError,
            r"`times` to be finite and non-negative, found \[1.0, -2.0\]",
        ),
        ({"times": []}, ValueError, "`times` to be finite and non-negative"),
        ({"times": [[1.0]]}, ValueError, "`times` to be finite and non-negative"),
        ({"n_cells": 0}, ValueError, "`n_cells` to be at least 1, found 0"),
        ({"n_cells": 2.5}, TypeError, "`n_cells` to be a whole number, found 2.5"),
        ({"n_targets": -1}, ValueError, "`n_targets` to be at least 0, found -1"),
        ({"batches": 0}, ValueError, "`batches` to be at least 1"),
        ({"depth": 0}, ValueError, "`depth` to be positive and finite, found 0"),
        ({"depth_spread": -1.0}, ValueError, "`depth_spread` to be finite and not negative"),
        ({"step": -0.1}, ValueError, "`step` to be positive and finite"),
        ({"growth": {"C": 1.0}}, ValueError, r"Unknown fates \['C'\] in `growth`"),
        ({"noise": "white"}, ValueError, "'chemical' or 'constant', found 'white'"),
        ({"rng": "seed"}, TypeError, "`rng` to be an int"),
    ],
)
def test_bad_arguments_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        simulate(toggle(), **{"n_cells": 5, **arguments})

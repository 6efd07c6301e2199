"""Genes that set a fate apart from its neighbour: least squares by hand, and a tree whose genes are known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy import sparse, stats

import landscape as ls
from landscape.markov.association import association_blocks, fisher_interval, log_expression, two_sided
from landscape.markov.fate_contrast import (
    contrast_columns,
    fate_contrasts,
    half_fates,
    merged_by_name,
    neighbouring_fates,
)

N_OF_KIND = 60
KINDS = ("shared", "transient", "M", "N", "E", "none")


def tree(seed: int = 0, n: int = 3000) -> AnnData:
    """Cells of a tree: a stem leads to E and to GM, and GM to M and to N.

    Genes of GM stay on in M and N (``shared``) or are off again there (``transient``); both are at half of their level
    when half of the way to GM is done. Those of M, N or E rise along the arm. ``none`` are even.
    """
    rng = np.random.default_rng(seed)
    arm = rng.choice(["stem", "E", "GM", "M", "N"], n, p=[0.2, 0.3, 0.2, 0.15, 0.15])
    along = rng.uniform(0, 1, n)
    at = {name: np.where(arm == name, along, 0.0) for name in ("stem", "E", "GM", "M", "N")}
    committed = np.isin(arm, ["M", "N"])
    in_gm = np.where(committed, 1.0, at["GM"])
    e = np.where(arm == "E", 0.4 + 0.6 * along, np.where(arm == "stem", 0.4, 0.4 * (1 - in_gm)))
    to_n = np.where(arm == "N", 0.5 + 0.5 * along, np.where(arm == "M", 0.5 - 0.5 * along, 0.5))
    fates = np.column_stack([e, (1 - e) * (1 - to_n), (1 - e) * to_n])
    level = {
        "shared": in_gm,
        "transient": np.where(committed, 1 - along, at["GM"]),
        "M": at["M"],
        "N": at["N"],
        "E": at["E"],
        "none": np.zeros(n),
    }
    height = rng.uniform(0.5, 2.5, (len(KINDS), N_OF_KIND))
    height[0] += 1.0  # as Mpo and Prtn3 do, shared genes rise most
    logs = np.hstack([level[kind][:, None] * height[k] for k, kind in enumerate(KINDS)])
    # Clones of five share random expression, as neighbouring cells do.
    order = np.lexsort((along, arm))
    together = np.empty((n, logs.shape[1]))
    together[order] = np.repeat(rng.normal(0, 0.3, (n // 5, logs.shape[1])), 5, axis=0)
    depth = rng.lognormal(0, 0.3, (n, 1))
    counts = rng.poisson(depth * np.exp(logs + together))
    cells = pd.DataFrame({"arm": arm}, index=[f"c{i}" for i in range(n)])
    adata = AnnData(sparse.csr_matrix(counts.astype(np.float32)), obs=cells)
    adata.var_names = [f"{kind}{i}" for kind in KINDS for i in range(N_OF_KIND)]
    adata.var["kind"] = np.repeat(KINDS, N_OF_KIND)
    adata.layers["counts"] = adata.X
    turn = {"stem": (0, 1), "E": (-1, -1), "GM": (1, -1), "M": (0.3, -1), "N": (1.7, -1)}
    base = {"stem": (0, -1), "E": (0, 0), "GM": (0, 0), "M": (1, -1), "N": (1, -1)}
    start, step = (np.array([places[a] for a in arm], dtype=float) for places in (base, turn))
    adata.obsm["X_latent"] = start + along[:, None] * step + rng.normal(0, 0.02, (n, 2))
    adata.obsm["fates"] = pd.DataFrame(fates, index=adata.obs_names, columns=["E", "M", "N"])
    return adata


@pytest.fixture(scope="module")
def found() -> pd.DataFrame:
    adata = tree()
    ls.tl.drivers(adata)
    table = ls.get.drivers(adata)
    return table.assign(kind=table["gene"].str.rstrip("0123456789"))


def auroc(high: pd.Series, low: pd.Series) -> float:
    return stats.mannwhitneyu(high, low).statistic / (len(high) * len(low))


def test_genes_of_a_fate_rank_above_those_that_it_shares(found):
    error = np.sqrt((2 * N_OF_KIND + 1) / (12 * N_OF_KIND**2))  # of an AUROC where the two kinds do not differ
    for fate, neighbour in (("M", "N"), ("N", "M")):
        own = found[found["fate"] == fate]
        assert set(own["neighbour"]) == {neighbour}
        of = dict(iter(own.groupby("kind")))
        for other in ("shared", "transient"):
            assert auroc(of[fate]["contrast"], of[other]["contrast"]) > 0.95
        before, after = (auroc(of[fate][key], of["shared"][key]) for key in ("correlation", "contrast"))
        assert after > before + 3 * error


def test_genes_that_are_shared_are_called_as_rarely_as_even_ones(found):
    margin = 3 * np.sqrt(0.05 * 0.95 / N_OF_KIND)
    own = found[found["fate"] == "N"]
    significant = (own["contrast_p"] < 0.05).groupby(own["kind"]).mean()
    associated = (own["p_value"] < 0.05).groupby(own["kind"]).mean()
    assert significant["N"] > 0.95
    for kind in ("shared", "none"):
        assert significant[kind] < 0.05 + margin
    assert associated["shared"] > 0.9  # as they are with the fate among all cells


def test_shared_genes_change_before_the_fate_is_decided_and_own_genes_after(found):
    own = found[found["fate"] == "N"].dropna(subset="half_fate")
    half = own.groupby("kind")["half_fate"].median()
    # Half of the way to GM q_N is .4; half-way along the arm it is .75, later on a scale of logarithms.
    assert half["shared"] < 0.5 < 0.7 < half["N"]


def test_the_contrast_is_that_of_levels_in_a_weighted_regression():
    adata = tree(n=900)
    counts = sparse.csr_matrix(adata.layers["counts"], dtype=float)
    totals = np.asarray(counts.sum(1)).ravel()
    q = adata.obsm["fates"].to_numpy()
    design = np.column_stack([np.ones(len(q)), np.log(totals)])
    block = association_blocks(adata.obsm["X_latent"], None, 0)
    correlation, degrees = fate_contrasts(block, design, q, np.array([2, 2, 1]), counts, totals)
    cells = pd.DataFrame(np.column_stack([np.log1p(counts[:, 5].toarray()[:, 0] / totals * 1e4), np.log(totals), q]))
    means, size = cells.groupby(block).mean().to_numpy(), np.bincount(block)
    x, y = means[:, 1:], means[:, 0]  # the log total and the three probabilities, which sum to one
    normal = np.linalg.inv(x.T @ (x * size[:, None]))
    beta = normal @ x.T @ (size * y)
    noise = (size * (y - x @ beta) ** 2).sum() / (len(x) - 4)
    for fate, other in enumerate([2, 2, 1]):
        contrast = np.zeros(4)
        contrast[1 + fate], contrast[1 + other] = 1, -1
        t = contrast @ beta / np.sqrt(noise * contrast @ normal @ contrast)
        assert degrees[fate] == len(x) - 1 - 3
        expected = t / np.sqrt(len(x) - 4 + t**2)
        assert correlation[5, fate] == pytest.approx(expected, rel=1e-9)


def test_the_contrast_is_the_weaker_of_two_that_agree():
    all_, against = np.array([[0.8], [0.2], [0.5], [np.nan]]), np.array([[0.3], [-0.6], [-0.7], [0.1]])
    columns = contrast_columns(all_, 50, against, np.array([40]))
    np.testing.assert_allclose(columns["contrast"][:, 0], [0.3, 0, 0, np.nan])
    p = two_sided(against, 40)
    np.testing.assert_allclose(columns["contrast_p"][:, 0], [p[0, 0], 1, 1, np.nan])
    low, high = fisher_interval(against, 40)
    assert columns["contrast_lower"][0, 0] == pytest.approx(max(low[0, 0], 0))
    assert columns["contrast_upper"][0, 0] == pytest.approx(high[0, 0])
    assert (columns["contrast_lower"][1, 0] <= 0) & (columns["contrast_upper"][1, 0] >= 0)
    significant = columns["contrast_p"] < 0.05
    leaves_out = (columns["contrast_lower"] > 0) | (columns["contrast_upper"] < 0)
    np.testing.assert_array_equal(significant[:3], leaves_out[:3])


def test_a_step_is_found_where_it_is():
    q = np.linspace(0, 1, 4001)
    fates = np.column_stack([q, 1 - q])
    totals = np.full(len(q), 1e4)
    steps = [0.6, 0.75, 0.9]
    counts = sparse.csr_matrix(np.column_stack([20.0 * (q > step) for step in steps] + [np.full(len(q), 3.0)]))
    half = half_fates(counts, totals, fates)
    # Half of the window that a step is smoothed over is a tenth of the range from .5 to 1; levels lie 1/40 apart.
    np.testing.assert_allclose(half[:3, 0], steps, atol=1 / 40)
    assert np.isnan(half[3]).all()
    (_, logs), *_ = log_expression(counts, totals)
    assert logs.max() == pytest.approx(np.log1p(20.0))


def test_the_neighbour_shares_most_undecided_cells_and_numbers_make_no_fates():
    q = np.array([[0.5, 0.5, 0.0, 0.0], [0.4, 0.4, 0.2, 0.0], [0.0, 0.1, 0.5, 0.4], [0.0, 0.0, 0.0, 1.0]])
    assert neighbouring_fates(q).tolist() == [1, 0, 3, 2]
    # Every cell has some probability of a large fate, and shares more of it with that than with its sister.
    sisters = np.array([[0.4, 0.4, 0.2]] * 3 + [[0.8, 0.0, 0.2]] * 3 + [[0.0, 0.8, 0.2]] * 3 + [[0.0, 0.0, 1.0]] * 50)
    shared = sisters.T @ sisters
    assert shared[0, 2] > shared[0, 1]
    assert neighbouring_fates(sisters).tolist()[:2] == [1, 0]
    table = pd.DataFrame(q, columns=["Ery", "Mono", "Ery 2", "day 3"])
    table.iloc[3] = np.nan
    merged = merged_by_name(table)
    assert list(merged.columns) == ["Ery", "Mono", "day 3"]
    np.testing.assert_allclose(merged["Ery"], [0.5, 0.6, 0.5, np.nan])
    assert list(merged_by_name(table[["Ery", "Ery 2"]]).columns) == ["Ery", "Ery 2"]

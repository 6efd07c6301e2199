"""Shares and fate probabilities: simple truths, errors, and agreement with each other."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from landscape.circuits import fate_probabilities, fate_shares, krumsiek, simulate, toggle


def test_fate_probabilities_is_one_in_the_valleys_and_one_half_between():
    circuit = toggle()
    states = pd.DataFrame({"B": [0.0, 1.0, 0.5], "A": [1.0, 0.0, 0.5]}, index=["a", "b", "mid"])
    n = 400
    q = fate_probabilities(states, circuit, n_replicates=n, rng=0)
    assert list(q.columns) == ["A", "B", "other"]
    assert list(q.index) == ["a", "b", "mid"]
    assert q.loc["a", "A"] == 1
    assert q.loc["b", "B"] == 1
    assert abs(q.loc["mid", "A"] - 0.5) < 5 * 0.5 / np.sqrt(n)
    np.testing.assert_allclose(q.sum(1), 1)


def test_fate_probabilities_rises_along_the_line_between_the_valleys():
    t = np.linspace(-0.2, 0.2, 9)
    q = fate_probabilities(np.stack([0.5 + t, 0.5 - t], 1), toggle(), n_replicates=200, rng=1)["A"].to_numpy()
    # Neighbours may be level within noise: five standard errors of a difference.
    assert (np.diff(q) > -5 * np.sqrt(0.5 / 200)).all()
    assert q[0] < 0.2
    assert q[-1] > 0.8


def test_fate_probabilities_averages_to_the_share_of_paths_and_is_repeatable():
    circuit = krumsiek()
    adata = simulate(circuit, n_cells=80, times=[0.0], n_targets=0, n_housekeeping=5, rng=0)
    q = fate_probabilities(adata, circuit, n_replicates=10, rng=1)
    assert list(q.index) == list(adata.obs_names)
    shares = fate_shares(circuit, n=600, rng=2)
    # The mean over 80 cells of 10 runs has at most the error of 80 independent runs.
    assert (np.abs(q.mean() - shares) < 5 * np.sqrt(0.25 / 80 + 0.25 / 600)).all()
    pd.testing.assert_frame_equal(q, fate_probabilities(adata, circuit, n_replicates=10, rng=1))


def test_constant_noise_and_knockouts_reach_the_outcome():
    shares = fate_shares(toggle(), n=100, noise="constant", diffusion=0.005, knockouts=["A"], rng=0)
    assert shares["B"] == 1
    held = fate_shares(toggle(), n=100, levels={"A": 1.0}, rng=0)
    assert held["A"] == 1


@pytest.mark.parametrize(
    ("states", "error", "message"),
    [
        (AnnData(np.ones((2, 2))), KeyError, "landscape.circuits.simulate"),
        (pd.DataFrame({"A": [1.0]}), ValueError, r"missing \['B'\]"),
        (np.ones((2, 3)), ValueError, r"shape \(n, 2\), found \(2, 3\)"),
        (-np.ones((2, 2)), ValueError, "finite, non-negative states"),
        (np.full((2, 2), np.nan), ValueError, "finite, non-negative states"),
    ],
)
def test_states_that_do_not_fit_are_refused(states, error, message):
    with pytest.raises(error, match=message):
        fate_probabilities(states, toggle())


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n": 0}, ValueError, "`n` to be at least 1, found 0"),
        ({"n": 10.5}, TypeError, "`n` to be a whole number, found 10.5"),
        ({"duration": -1.0}, ValueError, "`duration` to be positive and finite, found -1"),
        ({"step": 0.0}, ValueError, "`step` to be positive and finite, found 0"),
        ({"knockouts": ["C"]}, ValueError, r"Unknown genes \['C'\] in `knockouts`"),
    ],
)
def test_impossible_shares_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        fate_shares(toggle(), **arguments)

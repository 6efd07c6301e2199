"""The fit to descendants: its score against closed forms, and a fork that velocities and populations do not tell."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from landscape.dynamics import Model, RegulatoryDrift, energy_score, fit_flow_map, flow_map_score
from landscape.markov.descendants import Descendants


def test_the_energy_score_is_the_one_of_normal_laws():
    gen = torch.Generator().manual_seed(0)
    shift, n = 1.5, 4000
    x = torch.randn(1, n, 1, generator=gen, dtype=torch.float64)
    y = shift + torch.randn(1, n, 1, generator=gen, dtype=torch.float64)
    # |X - Y| of normal laws with means 1.5 apart is a folded normal law with scale sqrt(2); E|X - X'| = 2 / sqrt(pi).
    scale = np.sqrt(2.0)
    phi = np.exp(-0.5 * (shift / scale) ** 2) * np.sqrt(2 / np.pi)
    folded = scale * phi + shift * (2 * 0.5 * (1 + torch.erf(torch.tensor(shift / scale / np.sqrt(2.0)))) - 1)
    expected = float(folded) - 1 / np.sqrt(np.pi)
    # The standard error of a mean over 4,000 draws is below .02 for each of the two terms.
    assert float(energy_score(x, y)) == pytest.approx(expected, abs=0.08)


def test_the_energy_score_is_proper_and_unbiased():
    gen = torch.Generator().manual_seed(1)

    def mean_score(spread: float, n_paths: int) -> float:
        paths = spread * torch.randn(20_000, n_paths, 2, generator=gen, dtype=torch.float64)
        outcome = torch.randn(20_000, 1, 2, generator=gen, dtype=torch.float64)
        return float(energy_score(paths, outcome).mean())

    true = mean_score(1.0, 2)
    assert true == pytest.approx(mean_score(1.0, 8), abs=0.02)
    assert true < mean_score(0.6, 2) - 0.02
    assert true < mean_score(1.6, 2) - 0.02
    with pytest.raises(ValueError, match="at least two paths"):
        energy_score(torch.zeros(1, 1, 2), torch.zeros(1, 1, 2))


def toggle(strength: float) -> RegulatoryDrift:
    weights = np.array([[0.0, -strength], [-strength, 0.0]])
    return RegulatoryDrift.from_arrays(weights, bias=3.0, decay=1.0, threshold=0.5, hill=4.0)


@pytest.fixture(scope="module")
def fork():
    """Cells along paths of a toggle from its middle to both ends, with 40 true outcomes of each at two horizons."""
    truth = Model(toggle(8.0), 0.003)
    n, n_outcomes, horizons = 240, 40, (0.5, 2.0)
    start = torch.full((n // 4, 2), 0.45, dtype=torch.float64)
    cells = truth.simulate(start, duration=3.0, step=0.02, save_at=[0.0, 0.5, 1.0, 3.0], rng=0).states.reshape(n, 2)
    later = truth.simulate(
        cells.repeat_interleave(n_outcomes, 0), duration=2.0, step=0.02, save_at=list(horizons), rng=1
    ).states
    states = torch.cat([cells, *later])

    def draw(chosen, rng):
        """Row of one of the outcomes of each cell at every horizon, the same path at both."""
        path = chosen * n_outcomes + rng.integers(0, n_outcomes, len(chosen))
        return np.array([n + path, n + n * n_outcomes + path])

    group = Descendants(np.arange(n), horizons, draw)
    return truth, states, (group,), np.arange(len(states)) % 60


def test_the_true_model_scores_the_floor(fork):
    truth, states, descendants, _ = fork
    found = flow_map_score(truth, states, descendants, rng=1)
    assert len(found.by_horizon) == 2
    assert found.score == pytest.approx(np.mean(found.by_horizon))
    # The means over 240 cells and 8 paths each have standard errors of some two percent of the distance to staying put.
    assert abs(found.excess) < 0.1
    assert found.unchanged > found.floor


def test_a_wrong_model_is_brought_to_where_cells_go(fork):
    _, states, descendants, patch = fork
    wrong = Model(toggle(0.5), 0.01)
    found = fit_flow_map(wrong, states, descendants, patch=patch, n_steps=200, penalty=1e-3, learning_rate=0.03, rng=0)
    # Without mutual repression all cells go to one place; with it they go to two.
    assert (found.model.drift.weights[[0, 1], [1, 0]] < -2).all()
    assert (torch.diag(found.model.drift.weights) == 0).all()
    assert found.start_score.excess > 0.5
    assert found.score.excess < 0.15
    # The noise is that of the truth up to what 240 cells tell: .003 within a factor of two.
    assert 0.0015 < found.model.diffusion_constant < 0.006


def test_support_decay_and_noise_are_what_was_asked_for(fork):
    _, states, descendants, patch = fork
    support = torch.tensor([[0.0, 1.0], [0.0, 0.0]], dtype=torch.float64)
    start = Model(toggle(4.0), 0.01, ("A", "B"), np.array([1.0, 2.0]))
    fixed = fit_flow_map(start, states, descendants, patch=patch, support=support, n_steps=5, rng=0)
    assert fixed.model.drift.weights[1, 0] == 0
    torch.testing.assert_close(fixed.model.drift.decay, start.drift.decay, rtol=0, atol=0)
    assert fixed.model.regulators == start.regulators
    free = fit_flow_map(start, states, descendants, patch=patch, fit_decay=True, n_steps=5, rng=0)
    assert (free.model.drift.decay != start.drift.decay).all()
    again = fit_flow_map(start, states, descendants, patch=patch, fit_decay=True, n_steps=5, rng=0)
    torch.testing.assert_close(free.model.drift.weights, again.model.drift.weights, rtol=0, atol=0)
    assert free.score == again.score


def test_landmarks_without_weight_do_not_count(fork):
    _, states, descendants, patch = fork
    start = Model(toggle(4.0), 0.01)
    seen = []

    def draw(cells, rng):
        seen.append(cells)
        return descendants[0].draw(cells, rng)

    watched = (Descendants(descendants[0].cells, descendants[0].durations, draw),)
    weight = (patch < 30).astype(float)
    fit_flow_map(start, states, watched, patch=patch, weight=weight, n_steps=3, rng=0)
    assert (patch[np.concatenate(seen)] < 30).all()


def test_bad_input_is_refused(fork):
    _, states, descendants, patch = fork
    start = Model(toggle(4.0), 0.01)
    with pytest.raises(ValueError, match="found 0 groups"):
        fit_flow_map(start, states, (), patch=patch)
    with pytest.raises(ValueError, match="a patch for each of"):
        fit_flow_map(start, states, descendants, patch=patch[:5])
    with pytest.raises(ValueError, match="cells with descendants, found none"):
        flow_map_score(start, states, descendants, cells=np.array([len(states) - 1]))


def test_an_eighth_as_many_landmarks_come_from_the_start(fork):
    _, states, descendants, patch = fork
    seen = []

    def draw(cells, rng):
        seen.append(np.unique(cells))
        return descendants[0].draw(cells, rng)

    watched = (Descendants(descendants[0].cells, descendants[0].durations, draw),)
    start = np.arange(200, 240)
    fit_flow_map(Model(toggle(4.0), 0.01), states, watched, patch=patch, start=start, n_steps=20, rng=0)
    # The first and last call score held-out landmarks. Four fifths of the 60 patches are seen, and six draws of the start.
    share = np.mean([np.isin(cells, start).mean() for cells in seen[1:-1]])
    even = len(start) / 240
    assert share > even + 0.05
    fitted, again = (
        fit_flow_map(Model(toggle(4.0), 0.01), states, descendants, patch=patch, start=begin, n_steps=3, rng=0).model
        for begin in (None, np.array([], dtype=np.int64))
    )
    torch.testing.assert_close(fitted.drift.weights, again.drift.weights, rtol=0, atol=0)

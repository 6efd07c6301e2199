"""Bridges between populations: lifetimes and regulation found again, growth told from attraction."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from landscape.dynamics import (
    Model,
    RegulatoryDrift,
    fit_bridges,
    growth_of,
    held_out_distances,
    match_populations,
    simulate,
)
from landscape.dynamics.bridges import NARROW, WIDE, _trials


def cascade():
    """A gene that fades, the two that it drives, one fast and one slow, and one that the fast one shuts off."""
    weights = np.zeros((4, 4))
    weights[1, 0], weights[2, 0], weights[3, 1] = 9.0, 9.0, -9.0
    truth = RegulatoryDrift.from_arrays(
        weights, bias=[-6.0, -5.0, -5.0, 4.0], ceiling=[0.5, 2.0, 0.4, 0.5], decay=[0.5, 2.0, 0.4, 0.5]
    )
    rng = np.random.default_rng(0)
    start = np.c_[rng.uniform(0.5, 1.5, 400), rng.uniform(0, 1, 400), rng.uniform(0, 0.3, 400), rng.uniform(0, 1, 400)]
    times = [0.0, 0.5, 1.0, 2.0, 4.0, 7.0]
    path = simulate(
        truth, torch.as_tensor(start), diffusion=1e-3, duration=7.0, step=0.02, rng=1, lower=0.0, save_at=times
    )
    # Cells are destroyed: no cell is seen twice.
    shuffled = np.random.default_rng(2)
    return truth, {t: path.states[k][torch.as_tensor(shuffled.permutation(400))] for k, t in enumerate(times)}


def ignorant(d: int = 4) -> RegulatoryDrift:
    return RegulatoryDrift.from_arrays(np.zeros((d, d)), ceiling=1.0, decay=1.0, hill=4.0)


def test_lifetimes_and_signs_of_a_cascade_are_found_from_nothing():
    truth, populations = cascade()
    found = fit_bridges(Model(ignorant(), 1e-3), populations, rng=0).model.drift

    fast, slow = float(found.decay[1]), float(found.decay[2])
    # Trial rates are a factor of 1.4 apart; the true ratio is 5.
    assert fast > 2 * slow
    assert found.weights[1, 0] > 1
    assert found.weights[2, 0] > 1
    assert found.weights[3, 1] < -1
    assert (torch.diag(found.weights) == 0).all()


def test_corrections_of_paths_become_smaller_from_round_to_round():
    _, populations = cascade()
    corrections = fit_bridges(Model(ignorant(), 1e-3), populations, rng=0).corrections
    assert len(corrections) == 4
    assert corrections[-1] < 0.5 * corrections[0]


def test_known_decay_rates_and_the_support_stay():
    _, populations = cascade()
    start = replace(ignorant(), decay=torch.tensor([0.5, 2.0, 0.4, 0.5], dtype=torch.float64))
    support = torch.zeros(4, 4, dtype=torch.float64)
    support[1, 0] = 1
    found = fit_bridges(
        Model(start, 5e-3), populations, support=support, fit_decay=False, n_rounds=2, rng=0
    ).model.drift
    torch.testing.assert_close(found.decay, start.decay)
    assert (found.weights[support == 0] == 0).all()


def test_the_unit_of_time_does_not_matter():
    _, populations = cascade()
    hours = {24 * t: x for t, x in populations.items()}
    slow = replace(ignorant(), decay=ignorant().decay / 24, ceiling=ignorant().ceiling / 24)
    a = fit_bridges(Model(ignorant(), 1e-3), populations, n_rounds=2, rng=0).model.drift
    b = fit_bridges(Model(slow, 1e-3 / 24), hours, n_rounds=2, rng=0).model.drift
    torch.testing.assert_close(a.decay, 24 * b.decay, rtol=1e-6, atol=0)
    torch.testing.assert_close(a.weights, b.weights, rtol=1e-4, atol=1e-4)


def test_the_same_seed_gives_the_same_model():
    _, populations = cascade()
    a, b = (fit_bridges(Model(ignorant(), 5e-3), populations, n_rounds=1, rng=5).model.drift.weights for _ in range(2))
    assert torch.equal(a, b)


def test_a_held_out_time_is_predicted_better_than_without_a_model():
    _, populations = cascade()
    rest = {t: x for t, x in populations.items() if t != 2.0}
    start = fit_bridges(Model(ignorant(), 1e-3), rest, rng=0).model
    match = match_populations(start, rest, n_steps=60, rng=0)
    found = held_out_distances(match.model, populations, 2.0)
    assert found["held_out_time"] == 2.0
    assert found["held_out_distance"] < 0.2 * found["held_out_unchanged"]
    with pytest.raises(ValueError, match="between the first and the last"):
        held_out_distances(match.model, populations, 0.0)


def two_equal_wells():
    """Mutual inhibition, started on its ridge; cells of the first well multiply."""
    truth = RegulatoryDrift.from_arrays(np.array([[0.0, -8.0], [-8.0, 0.0]]), bias=4.0, decay=1.0, hill=4.0)
    rng = np.random.default_rng(0)
    start = torch.as_tensor(0.5 + 0.05 * rng.standard_normal((4000, 2)))
    times = [0.0, 1.0, 2.0, 4.0]
    path = simulate(truth, start, diffusion=4e-3, duration=4.0, step=0.02, rng=1, lower=0.0, save_at=times).states
    rate = torch.where(path[..., 0] > path[..., 1], 0.6, 0.0).to(torch.float64)
    grown = torch.zeros(4000, dtype=torch.float64)
    populations, rates = {times[0]: path[0][:500]}, {times[0]: rate[0][:500]}
    for k in range(1, 4):
        grown = grown + 0.5 * (rate[k] + rate[k - 1]) * (times[k] - times[k - 1])
        share = torch.exp(grown).numpy()
        chosen = torch.as_tensor(rng.choice(4000, 500, replace=False, p=share / share.sum()))
        populations[times[k]], rates[times[k]] = path[k][chosen], rate[k][chosen]
    return truth, populations, growth_of(torch.cat(list(populations.values())), torch.cat(list(rates.values())))


@pytest.mark.slow
def test_growth_is_distinguished_from_attraction():
    truth, populations, growth = two_equal_wells()
    share = {}
    for name, known in (("modelled", growth), ("ignored", None)):
        start = fit_bridges(Model(truth, 4e-3), populations, growth=known, fit_decay=False, rng=0).model
        match = match_populations(
            start, populations, growth=known, fit_decay=False, n_steps=150, n_particles=400, rng=0
        )
        first = populations[0.0].repeat(4, 1)
        end = match.model.simulate(first, duration=4.0, step=0.02, rng=3)
        share[name] = float((end.states[-1][:, 0] > end.states[-1][:, 1]).to(torch.float64).mean())
    observed = float((populations[4.0][:, 0] > populations[4.0][:, 1]).to(torch.float64).mean())

    # Each share: a binomial error of .011 from 2,000 runs, .022 from the 500 cells that were fitted.
    assert observed > 0.75
    assert abs(share["modelled"] - 0.5) < 0.1
    assert share["ignored"] > 0.65


@pytest.mark.parametrize(("speeds", "longest"), [(WIDE, 4.0), (NARROW, 2.0**0.5)])
def test_other_lifetimes_are_tried_evenly_to_both_sides_and_leave_steady_states(speeds, longest):
    drift, x = cascade()[0], torch.full((1, 4), 0.3, dtype=torch.float64)
    tried = _trials(drift, speeds)
    shares = np.log([float(trial.decay[1] / drift.decay[1]) for trial in tried])
    assert shares.max() == pytest.approx(-shares.min()) == pytest.approx(np.log(longest))
    np.testing.assert_allclose(np.diff(shares), np.diff(shares)[0])
    for trial, share in zip(tried, shares, strict=True):
        np.testing.assert_allclose(trial(x), np.exp(share) * drift(x))

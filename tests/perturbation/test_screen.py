"""Many perturbations at once against single ensembles, closed forms, and themselves with other workers and after a kill."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.optimize import fsolve
from scipy.special import expit, logit

from landscape.dynamics import Model, RegulatoryDrift
from landscape.perturbation import certainty, outcome, references
from landscape.perturbation.certainty import require_replicates, s_values
from landscape.perturbation.screen import BLOCK, Screened, screen
from landscape.perturbation.screen_doses import critical_levels
from landscape.perturbation.screen_effects import epistasis, log_odds_changes
from landscape.perturbation.screen_plan import doubles, edge_knockouts, singles
from landscape.perturbation.screen_tables import effect_table, pair_effects, perturbation_table
from landscape.topography import fixed_points

N_GENES, N_PATHS, DURATION = 40, 400, 16.0
NAMES = tuple(f"g{k}" for k in range(N_GENES))


def circuit(seed: int = 0) -> Model:
    """A toggle that some genes tilt, and genes that they regulate; the last gene regulates nothing."""
    rng, weights = np.random.default_rng(0), np.zeros((N_GENES, N_GENES))
    weights[0, 1] = weights[1, 0] = -8.0
    weights[0, 2], weights[1, 3], weights[0, 4] = 1.5, 1.5, -0.7
    for i in range(5, N_GENES):
        weights[i, rng.choice(i, 2, replace=False)] = rng.normal(0, 2, 2)
    bias = np.concatenate([np.full(2, 3.0), rng.normal(0, 1, N_GENES - 2)])
    if seed:
        weights *= 1 + 0.05 * np.random.default_rng(seed).normal(size=weights.shape)
    return Model(RegulatoryDrift.from_arrays(weights, bias=bias, hill=4.0, decay=0.5, ceiling=0.5), 0.004, NAMES)


@pytest.fixture(scope="module")
def setting():
    model, rng = circuit(), np.random.default_rng(0)
    found = fixed_points(model.drift, rng.uniform(0, 1, (200, N_GENES)), deflate=False).stable
    start = np.clip(0.4 + 0.1 * rng.normal(size=(N_PATHS, N_GENES)), 0, None)
    known = references(tuple(f"fate {k}" for k in range(len(found))), np.array([p.x for p in found]), start)
    listed = singles(NAMES, (0.0, "high"), regulators=NAMES, states=rng.uniform(0, 1, (500, N_GENES)))
    return [model, circuit(1), circuit(2)], known, start, listed


@pytest.fixture(scope="module")
def found(setting):
    models, known, start, listed = setting
    return screen(models, [one.clamp for one in listed], start, known, duration=DURATION, precision=None, rng=1)


def test_shares_are_those_of_single_ensembles(setting, found):
    """Independent noise: two shares differ by less than four standard errors of their difference, of 16 shares."""
    models, known, start, listed = setting
    for c in range(8):
        alone = outcome(models[0].held_at(listed[c].clamp), start, known, duration=DURATION, rng=77).shares
        error = np.sqrt(2 * 0.25 / N_PATHS)
        assert np.abs(found.shares[1 + c] - alone).max() < 4 * error
    np.testing.assert_allclose(found.shares.sum(1), 1.0)


def test_a_gene_without_edges_changes_nothing(setting, found):
    _, known, _, listed = setting
    table = effect_table(listed, found, known)
    last = table[table["gene_1"] == NAMES[-1]]
    assert not last["acts"].any()
    for column in ("change", "low", "high", "log_odds", "log_odds_low", "log_odds_high"):
        assert (last[column] == 0).all(), column
    assert (last["lfsr"] == 1).all()
    assert perturbation_table(listed, found, table).loc[f"{NAMES[-1]}=0", "moved"] == 0


def test_removing_a_side_of_the_switch_loses_its_fate(setting, found):
    _, known, _, listed = setting
    table = effect_table(listed, found, known).set_index(["perturbation", "fate"])
    own = int(known.states[:, 0].argmax())
    row = table.loc[("g0=0", f"fate {own}")]
    assert row["after"] == 0
    assert row["becomes"] == f"fate {1 - own}"
    assert row["high"] < 0
    assert (table["after"] - table["before"] - table["change"]).abs().max() < 1e-12
    assert (table["low"] <= table["change"]).all()
    assert (table["change"] <= table["high"]).all()


def test_the_result_is_the_same_for_any_workers_and_after_a_kill(setting, found, tmp_path):
    models, known, start, listed = setting
    clamps = [one.clamp for one in listed]
    options = {"duration": DURATION, "precision": None, "rng": 1}

    class Killed(RuntimeError):
        pass

    def kill(block, *_):
        if block[0] >= BLOCK:
            raise Killed

    with pytest.raises(Killed):
        screen(models, clamps, start, known, **options, store=tmp_path, watch=kill)
    kept = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("*.npz")}
    assert len(kept) == 2
    resumed = screen(models, clamps, start, known, **options, store=tmp_path)
    assert all((tmp_path / name).stat().st_mtime_ns == time for name, time in kept.items())
    several = screen(models, clamps, start, known, **options, engine=2)
    for other in (resumed, several):
        for name in ("fate", "acts", "becomes", "n_new"):
            np.testing.assert_array_equal(getattr(other, name), getattr(found, name))
    # Blocks of another start are not read.
    before = len(list(tmp_path.glob("*.npz")))
    screen(models, clamps[:4], start[::-1].copy(), known, **options, store=tmp_path)
    assert len(list(tmp_path.glob("*.npz"))) > before


def test_perturbations_that_are_known_well_enough_have_fewer_paths(setting, found):
    models, known, start, listed = setting
    clamps = [one.clamp for one in listed]
    quick = screen(models, clamps, start, known, duration=DURATION, precision=0.03, rng=1)
    n = quick.n_paths
    assert set(n[0, 1:].tolist()) >= {N_PATHS // 4, N_PATHS}
    assert (n[1:] == N_PATHS // 4).all()
    changed = np.array([(quick.fate[0, 1 + c, :k] != quick.fate[0, 0, :k]).mean() for c, k in enumerate(n[0, 1:])])
    small = n[0, 1:] < N_PATHS
    assert (np.sqrt(changed / n[0, 1:])[small] <= 0.03).all()
    # The paths that both have are the same.
    np.testing.assert_array_equal(quick.fate[quick.fate >= 0], found.fate[quick.fate >= 0])


def test_replicates_deviate_from_the_fit_over_the_paths_that_they_share():
    """The fit has four times the paths. Replicates that equal it leave the error of the simulation alone."""
    rng = np.random.default_rng(0)
    before = rng.integers(0, 2, 4000)
    after = np.where(rng.random(4000) < 0.2, 1, before)
    fate = np.stack([np.stack([before, after])] * 6).astype(np.int8)
    fate[1:, :, 1000:] = -1
    effect = log_odds_changes(Screened(fate, np.array([True]), np.zeros((1, 1), int), np.zeros(1, int), 2))
    alone = log_odds_changes(Screened(fate[:1], np.array([True]), np.zeros((1, 1), int), np.zeros(1, int), 2))
    np.testing.assert_allclose(effect.value, alone.value)
    truth = logit(after.mean()) - logit(before.mean())
    assert effect.value[0, 1] == pytest.approx(truth, abs=0.01)
    # A share of 1/10 changes: the standard error of the log odds is about sqrt(.1 / n) / .24.
    assert effect.sure.error[0, 1] == pytest.approx(np.sqrt(0.1 / 4000) / 0.245, rel=0.1)


def test_additive_inputs_have_no_epistasis_on_log_odds_and_some_on_shares():
    """The decision is u < expit(h). Inputs -1, +.8 and +1.5 add up."""
    rng, n = np.random.default_rng(0), 20_000
    u = rng.random(n)
    inputs = (-1.0, -0.2, 0.5, 1.3)
    fates = np.stack([(u < expit(h)).astype(np.int8) for h in inputs])[None]
    parts = Screened(fates[:, :3], np.array([True, True]), np.zeros((2, 1), int), np.zeros(2, int), 2)
    both = Screened(fates[:, [0, 3]], np.array([True]), np.zeros((1, 1), int), np.zeros(1, int), 2)
    found = epistasis(both, parts, [0], [1])
    share = fates[0].mean(1)
    # Standard error of a log odds of a share p: 1 / sqrt(n p (1 - p)) < .018 here; four of them, half correlated.
    assert abs(found.value[0, 1]) < 4 * 0.018
    assert abs(share[3] - share[2] - share[1] + share[0]) == pytest.approx(
        abs(expit(inputs[3]) - expit(inputs[2]) - expit(inputs[1]) + expit(inputs[0])), abs=0.01
    )


def test_epistasis_that_paths_cannot_show_is_missing():
    """No path in the fate with either and with both: the log odds may be anything below the smallest."""
    before = np.tile([0, 1], 200)
    fates = np.stack([before, 0 * before, 0 * before])[None].astype(np.int8)
    parts = Screened(fates, np.array([True, True]), np.zeros((2, 1), int), np.zeros(2, int), 2)
    both = Screened(fates[:, :2], np.array([True]), np.zeros((1, 1), int), np.zeros(1, int), 2)
    assert np.isnan(epistasis(both, parts, [0], [1]).value).all()
    # A part that does nothing is no epistasis of a pair that does what the other part does.
    none = Screened(
        np.stack([before, before, 0 * before])[None].astype(np.int8),
        np.array([True, True]),
        np.zeros((2, 1), int),
        np.zeros(2, int),
        2,
    )
    found = epistasis(
        Screened(
            np.stack([before, np.where(np.arange(400) < 40, 1, 0)])[None].astype(np.int8),
            np.array([True]),
            np.zeros((1, 1), int),
            np.zeros(1, int),
            2,
        ),
        none,
        [0],
        [1],
    )
    assert (np.abs(found.value) > 1).all()


def test_pairs_are_those_of_the_screen(setting, found):
    models, known, start, listed = setting
    place = {one.name: one for one in listed}
    pairs = doubles([place["g2=0"]], [place["g3=0"], place["g2=0"], place["g39=0"]])
    assert [pair.name for pair in pairs] == ["g2=0, g3=0", "g2=0, g39=0"]
    both = screen(models, [one.clamp for one in pairs], start, known, duration=DURATION, precision=None, rng=1)
    effects = pair_effects(pairs, both, listed, found, known)
    table = effect_table(pairs, both, known, effects)
    silent = table[table["gene_2"] == NAMES[-1]]
    assert (silent["epistasis"] == 0).all()
    assert table.loc[table["gene_2"] == "g3", "epistasis"].notna().any()


def test_the_critical_level_is_the_fold_of_one_gene():
    """x' = s(6 phi(x) + 4 phi(y) - 4.5) - x with y held. The fold solves both equations of a double root."""
    weights, bias, k, hill = np.array([[6.0, 4.0], [0.0, 0.0]]), np.array([-4.5, 0.0]), 0.5, 4.0
    model = Model(RegulatoryDrift.from_arrays(weights, bias=bias, threshold=k, hill=hill), 0.01, ("x", "y"))

    def phi(x):
        return x**hill / (k**hill + x**hill)

    def fold(z):
        x, c = z
        h = 6 * phi(x) + c
        slope = expit(h) * expit(-h) * 6 * hill * k**hill * x ** (hill - 1) / (k**hill + x**hill) ** 2
        return [expit(h) - x, slope - 1]

    level_of = lambda c: k * (((c + 4.5) / 4) / (1 - (c + 4.5) / 4)) ** (1 / hill)  # noqa: E731
    x, c = fsolve(fold, [0.65, -3.5])
    upper = np.array(fixed_points(model.drift, np.array([[0.9, 0.5]]), deflate=False).stable[0].x)
    # y rests at 1/2; lower, the high state of x vanishes at the fold.
    lower, higher = critical_levels(model, upper, 1, 1.0)
    assert upper[1] == pytest.approx(0.5)
    assert (lower.way, lower.kind) == ("lower", "fold")
    assert lower.level == pytest.approx(float(level_of(c)), abs=1e-6)
    assert (higher.way, higher.kind) == ("higher", "none")
    assert np.isnan(higher.level)


def test_s_values_are_means_of_the_rates_below():
    found = s_values(np.array([[0.1, 0.3], [np.nan, 0.1]]))
    np.testing.assert_allclose(found, [[0.1, 0.5 / 3], [np.nan, 0.1]])
    assert np.isnan(s_values(np.array([np.nan]))).all()


def test_too_few_replicates_say_how_many_it_takes():
    require_replicates(0.05, 18)
    with pytest.raises(ValueError, match=r"at least 18 replicates .* found 10, which give no lfsr below 0\.08"):
        require_replicates(0.05, 10)
    with pytest.raises(ValueError, match="found 0, which give none"):
        require_replicates(0.05, 0)


def test_the_plan_refuses_what_cannot_be_done():
    states = np.random.default_rng(0).uniform(0, 1, (50, N_GENES))
    with pytest.raises(ValueError, match="cannot act"):
        singles(["nobody"], (0.0,), regulators=NAMES, states=states)
    for levels in ((-1.0,), ("low",), (np.nan,), ()):
        with pytest.raises(ValueError, match="level"):
            singles(["g0"], levels, regulators=NAMES, states=states)
    with pytest.raises(ValueError, match="found none from g39 to g0"):
        edge_knockouts([("g39", "g0")], circuit(), states)
    outside = singles(["g0"], (3.0,), regulators=NAMES, states=states)
    assert not outside[0].inside


def test_the_strongest_edges_are_those_heard_most():
    model, states = circuit(), np.random.default_rng(0).uniform(0, 1, (500, N_GENES))
    (first,) = edge_knockouts(1, model, states)
    change = {}
    for source, target in np.argwhere(model.drift.weights.numpy().T != 0):
        weights = model.drift.weights.clone()
        weights[target, source] = 0
        x = torch.as_tensor(states)
        both = model.drift(x) - replace(model.drift, weights=weights)(x)
        change[int(source), int(target)] = float(both.std(0)[target])
    # To first order the removal of the strongest edge makes velocities differ most.
    ranked = sorted(change, key=change.__getitem__, reverse=True)
    assert next(iter(first.clamp)) in ranked[:3]


def test_certainty_takes_the_fit_first():
    """The convention that the effects rely on: zero in all models has no sign."""
    assert certainty(np.zeros((4, 1)), np.zeros((1, 1))).lfsr[0] == 1

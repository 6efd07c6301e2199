"""Many clamps at once against one model at a time, a symmetric switch, and closed forms of one gene."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.dynamics import Model, RegulatoryDrift, chemical_diffusion
from landscape.perturbation import clamped_paths, outcome, paired_fates, references
from landscape.topography import fixed_points

N_GENES, N_PATHS, DURATION = 10, 400, 12.0
# Thirty steps of a fifth of the lifetime, 2, make up the duration; 32 is the next number that four times divide.
STEP = DURATION / 32
CLAMPS = [{0: 0.0}, {1: 0.0}, {2: 1.0}, {0: 0.0, 3: 0.0}, {5: 0.3}, {9: 0.0}]


def circuit(seed: int) -> Model:
    """Two toggles, and genes that they regulate; the last gene regulates nothing."""
    rng = np.random.default_rng(seed)
    weights = np.zeros((N_GENES, N_GENES))
    for i in (0, 2):
        weights[i, i + 1] = weights[i + 1, i] = -8.0 + rng.normal(0, 0.3)
    for i in range(4, N_GENES):
        weights[i, rng.choice(i, 2, replace=False)] = rng.normal(0, 3, 2)
    bias = np.concatenate([np.full(4, 3.0), rng.normal(0, 1, N_GENES - 4)])
    return Model(RegulatoryDrift.from_arrays(weights, bias=bias, hill=4.0, decay=0.5, ceiling=0.5), 0.004)


@pytest.fixture(scope="module")
def setting():
    model = circuit(0)
    starts = np.random.default_rng(0).uniform(0, 1, (200, N_GENES))
    states = np.array([p.x for p in fixed_points(model.drift, starts, deflate=False).stable])
    start = np.clip(0.4 + 0.1 * np.random.default_rng(1).normal(size=(N_PATHS, N_GENES)), 0, None)
    return model, references(tuple(f"fate {k}" for k in range(len(states))), states, start), start


@pytest.fixture(scope="module")
def found(setting):
    model, known, start = setting
    return paired_fates([model, circuit(1)], CLAMPS, start, known, duration=DURATION, n_times=4, rng=3)


def test_a_batch_is_what_each_model_does_alone(setting, found):
    """The engine for single models relaxes by Runge-Kutta steps and Newton's method; the noise is the same."""
    _, known, start = setting
    for m, model in enumerate((setting[0], circuit(1))):
        for c, clamp in enumerate([{}, *CLAMPS[:-1]]):
            alone = outcome(model.held_at(clamp), start, known, duration=DURATION, n_times=4, step=STEP, rng=3)
            # A path that stops on the border of two basins may fall to either side: one in a hundred at most.
            assert (found.fate[m, c] != alone.fate).mean() <= 0.01
            if m == 0:
                free = np.setdiff1d(np.arange(N_GENES), list(clamp))
                np.testing.assert_allclose(found.path[:, c][..., free], alone.path[..., free], atol=1e-9)


def test_clamped_genes_are_at_their_levels(found):
    for c, clamp in enumerate(CLAMPS[:-1], 1):
        for gene, level in clamp.items():
            assert (found.path[:, c, :, gene] == level).all()
            assert found.mean[0, c, gene] == pytest.approx(level)


def test_a_gene_without_edges_changes_no_path(found):
    assert found.acts.tolist() == [True] * 5 + [False]
    np.testing.assert_array_equal(found.fate[:, 6], found.fate[:, 0])
    others = np.arange(N_GENES) != 9
    assert (found.shift[:, 5][:, others] == 0).all()
    assert (found.shift_error[:, 5] == 0).all()
    np.testing.assert_allclose(found.mean[:, 6, 9], 0.0)


def test_shift_is_the_mean_change_of_the_paths(found):
    moved = found.path[-1, 1:6] - found.path[-1, :1]
    np.testing.assert_allclose(found.shift[0, :5], moved.mean(1), atol=1e-12)
    np.testing.assert_allclose(found.shift_error[0, :5], moved.std(1, ddof=1) / N_PATHS**0.5, atol=1e-12)


def test_the_answer_does_not_depend_on_the_batches(setting, found, monkeypatch):
    _, known, start = setting
    monkeypatch.setattr(clamped_paths, "CHUNK_NUMBERS", 1)
    monkeypatch.setattr(clamped_paths, "MAX_NOISE_NUMBERS", 0)
    apart = paired_fates([setting[0], circuit(1)], CLAMPS, start, known, duration=DURATION, n_times=4, rng=3)
    np.testing.assert_array_equal(apart.fate, found.fate)
    np.testing.assert_allclose(apart.path, found.path, atol=1e-9)


def test_shares_of_a_symmetric_switch_and_of_a_single_gene():
    drift = RegulatoryDrift.from_arrays([[0.0, -8.0], [-8.0, 0.0]], bias=3.0, hill=4.0)
    rest = 1 / (1 + np.exp(-3.0))  # where a gene without a repressor rests, a s(b) / gamma
    states = fixed_points(drift, np.array([[1.0, 0.0], [0.0, 1.0]]), deflate=False).stable
    start = np.full((1000, 2), 0.4)
    known = references(("A", "B"), sorted((p.x for p in states), key=lambda x: -x[0]), start)
    found = paired_fates([Model(drift, 0.01)], [{0: 0.0}, {1: 0.0}], start, known, duration=20.0, n_times=1, rng=2)
    # The standard error of one half over 1,000 paths is .016.
    assert found.shares[0, 0, :2] == pytest.approx([0.5, 0.5], abs=3 * 0.016)
    assert found.shares[0, 1].tolist() == [0.0, 1.0, 0.0, 0.0]
    assert found.shares[0, 2].tolist() == [1.0, 0.0, 0.0, 0.0]
    np.testing.assert_allclose(found.rest[1], np.tile([0.0, rest], (1000, 1)), atol=1e-3)


def test_common_noise_makes_changes_accurate(setting):
    """The variance of a change over seeds is that of the paths that change, not that of two independent shares."""
    model, known, start = setting
    runs = [paired_fates([model], [{0: 0.3}], start[:100], known, duration=DURATION, rng=seed) for seed in range(12)]
    change = np.array([run.shares[0, 1] - run.shares[0, 0] for run in runs])
    before = np.array([run.shares[0, 0] for run in runs])
    paired = change.var(0, ddof=1).sum()
    independent = 2 * (before * (1 - before) / 100).mean(0).sum()
    # 12 runs give a variance within a factor of 2.3 at 95 %.
    assert paired < independent / 2.3


def test_noise_may_depend_on_the_state(setting):
    model, known, start = setting
    noisy = model.with_diffusion(chemical_diffusion(model.drift, system_size=100.0))
    found = paired_fates([noisy], [{0: 0.0}], start, known, duration=DURATION, rng=3)
    alone = outcome(noisy, start, known, duration=DURATION, rng=3)  # thirty steps
    assert (found.fate[0, 0] != alone.fate).mean() <= 0.01


def test_a_path_without_rest_has_no_fate():
    """A repressilator never comes to rest."""
    weights = np.array([[0, 0, -30.0], [-30.0, 0, 0], [0, -30.0, 0]])
    model = Model(RegulatoryDrift.from_arrays(weights, bias=10.0, hill=4.0), 1e-4)
    start = np.random.default_rng(0).uniform(0, 1, (20, 3))
    known = references(("A", "B"), np.eye(3)[:2], start)
    found = paired_fates([model], [], start, known, duration=5.0, n_times=1)
    assert found.shares[0, 0].tolist() == [0.0, 0.0, 0.0, 1.0]
    assert np.isnan(found.rest).all()


@pytest.mark.parametrize(
    ("models", "start", "duration", "message"),
    [
        (0, (5, N_GENES), 1.0, "models of 10 genes"),
        (1, (5, 3), 1.0, "`start` of shape"),
        (1, (0, N_GENES), 1.0, "`start` of shape"),
        (1, (5, N_GENES), 0.0, "positive `duration`"),
    ],
)
def test_bad_input_is_refused(setting, models, start, duration, message):
    model, known, _ = setting
    with pytest.raises(ValueError, match=message):
        paired_fates([model] * models, [{}], np.full(start, 0.1), known, duration=duration)


def test_single_precision_changes_no_fate(setting, found):
    """Rounding moves a state by 1e-7 of a level; a path that stops on the border of two basins may fall to either side."""
    model, known, start = setting
    quick = paired_fates([model, circuit(1)], CLAMPS, start, known, duration=DURATION, n_times=4, rng=3, single=True)
    assert (quick.fate != found.fate).mean() <= 0.01
    # Apart from paths on a border, which rounding may send to the other side.
    assert (np.abs(quick.path - found.path).max(-1) > 1e-4).mean() <= 0.01

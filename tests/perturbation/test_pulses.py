"""Pulses: genes that are held and released, against a plain Euler scheme, and switches that stay or fall back."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch

import landscape as ls
from landscape._random import seed_of
from landscape.dynamics import Model, RegulatoryDrift
from landscape.perturbation import level_table, paired_fates, perturbation_name, references, release_table
from landscape.perturbation.clamped_paths import CommonNoise
from landscape.perturbation.clamps import held_last, held_throughout, last_release
from landscape.topography import fixed_points

N, DURATION, SEED = 200, 12.0, 4


@pytest.fixture(scope="module")
def toggle():
    """A toggle switch at its state B, and a gene C that regulates nothing."""
    weights = np.array([[0.0, -8.0, 0.0], [-8.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    model = Model(RegulatoryDrift.from_arrays(weights, bias=[3.0, 3.0, -3.0], hill=4.0), 0.001)
    found = fixed_points(model.drift, np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]), deflate=False).stable
    states = np.array(sorted((p.x for p in found), key=lambda x: -x[0]))
    start = np.tile(states[1], (N, 1))
    return model, references(("A", "B"), states, np.full((N, 3), 0.5)), start


def run(toggle, *clamps, duration=DURATION, models=None, **options):
    model, known, start = toggle
    return paired_fates(models or [model], clamps, start, known, duration=duration, rng=SEED, **options)


def by_hand(toggle, clamp, n_steps, step):
    """Euler-Maruyama, one gene and one step at a time."""
    model, _, start = toggle
    x = torch.as_tensor(start).clone()
    states = []
    for k, xi in enumerate(CommonNoise(seed_of(SEED), N, 3, n_steps)):
        held = {g: v for g, v in clamp.items() if not isinstance(v, tuple) or k * step <= v[1] + 1e-9}
        for gene, value in held.items():
            x[:, gene] = value[0] if isinstance(value, tuple) else value
        x = (x + step * model(x) + (2 * model.diffusion * step) ** 0.5 * xi).abs()
        for gene, value in clamp.items():
            if not isinstance(value, tuple) or (k + 1) * step <= value[1] + 1e-9:
                x[:, gene] = value[0] if isinstance(value, tuple) else value
        states.append(x.numpy().copy())
    return np.array(states)


@pytest.mark.parametrize("clamp", [{0: (1.0, 4.0)}, {0: (1.0, 2.0), 1: (0.0, 6.0)}, {1: (0.0, 4.0), 2: 0.7}])
def test_a_pulse_is_a_clamp_that_ends(toggle, clamp):
    found = run(toggle, clamp, n_times=6)
    n_steps = round(DURATION / 0.2)
    truth = by_hand(toggle, clamp, n_steps, 0.2)[9::10]
    np.testing.assert_allclose(found.path[:, 1], truth, atol=1e-12)
    # The model without a clamp is in the same batch, under the same noise.
    np.testing.assert_allclose(found.path[:, 0], by_hand(toggle, {}, n_steps, 0.2)[9::10], atol=1e-12)


def test_a_long_pulse_turns_a_switch_for_good_and_a_short_one_does_not(toggle):
    found = run(toggle, {0: (1.0, 6.0)}, {0: (0.6, 0.2)})
    assert found.shares[0].tolist() == [[0, 1, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0]]
    # Held on, both would end in A.
    assert (found.fate_held[0, 1:] == 0).all()
    assert (found.fate_held[0, 0] == found.fate[0, 0]).all()
    for clamp, stay, back in ((1, 1.0, 0.0), (2, 0.0, 1.0)):
        one = run(toggle, [{0: (1.0, 6.0)}, {0: (0.6, 0.2)}][clamp - 1], models=[toggle[0]] * 3)
        table = release_table(("A", "B", "undifferentiated", "other"), one)
        assert table.loc["A", ["held", "stay", "stay_low", "stay_high", "back"]].tolist() == [1, stay, stay, stay, back]
        assert table.loc["A", "after"] == stay
        assert table.loc["B", ["stay", "back"]].isna().all()


def test_held_throughout_is_no_pulse(toggle):
    found = run(toggle, {0: 1.0})
    assert (found.fate_held == found.fate).all()


def test_a_gene_without_edges_changes_no_fate_and_comes_back_itself(toggle):
    found = run(toggle, {2: (1.0, 4.0)}, duration=40.0)
    assert found.acts.tolist() == [False]
    np.testing.assert_array_equal(found.fate[0, 1], found.fate[0, 0])
    assert (found.shift[0, 0, :2] == 0).all()
    # What is left of it after 36 lifetimes in steps of .2 is .8^180.
    assert abs(found.shift[0, 0, 2]) < 1e-12


def test_a_gene_that_only_acts_on_itself_acts_in_a_pulse():
    model = Model(RegulatoryDrift.from_arrays([[8.0]], bias=-4.0, hill=4.0), 1e-4)
    states = np.array([p.x for p in fixed_points(model.drift, np.array([[0.0], [1.0]]), deflate=False).stable])
    states = states[np.argsort(states[:, 0])]
    known = references(("off", "on"), states, np.array([[0.4]]))
    off = np.tile(states[0], (20, 1))
    found = paired_fates([model], [{0: 1.0}, {0: (1.0, 2.0)}], off, known, duration=10.0)
    assert found.acts.tolist() == [False, True]
    assert found.shares[0, 2, 1] == 1.0


def test_circuits_take_pulses():
    circuit = ls.circuits.krumsiek()
    model = Model(circuit.drift(), 1e-3, circuit.genes)
    assert model.step == pytest.approx(0.2 * 0.5)  # a fifth of the shortest time scale
    states = circuit.fate_states.to_numpy()
    known = references(tuple(circuit.fate_states.index), states, circuit.initial_state().numpy()[None])
    pulse = {circuit.genes.index("Fli1"): (1.0, 20.0)}
    found = paired_fates([model], [pulse], np.tile(states[0], (30, 1)), known, duration=30.0)
    assert found.shares[0, :, :2].tolist() == [[1.0, 0.0], [0.0, 1.0]]


def test_when_genes_are_released():
    clamp = {"A": 0.0, "B": (1.0, 2.0), "C": (0.5, 3.0)}
    assert held_throughout(clamp) == {"A": 0.0}
    assert held_last(clamp) == {"A": 0.0, "C": 0.5}
    assert last_release([clamp, {}]) == 3.0
    assert last_release([{"A": 0.0}]) == 0.0
    assert perturbation_name(clamp) == "A=0, B=1 for 2, C=0.5 for 3"


def test_times_are_in_the_table_and_wrong_ones_are_refused(toggle, caplog):
    options = {"genes": ["A", "B"], "regulators": ["A", "B"], "states": np.array([[0.0, 0.0], [1.0, 1.0]])}
    with caplog.at_level(logging.WARNING):
        table = level_table({"A": (0.5, 2.0), "B": 3.0}, **options)
    assert table["level"].tolist() == [0.5, 3.0]
    assert table["time"].tolist() == [2.0, np.inf]
    assert "B=3 is outside" in caplog.text
    for wrong in ((0.5, 0.0), (0.5, -1.0), (0.5, np.inf), (0.5, np.nan)):
        with pytest.raises(ValueError, match="positive, finite time"):
            level_table({"A": wrong}, **options)
    for wrong in ((-1.0, 2.0), (0.5, "2"), (0.5, 1.0, 2.0), (), "off", True):
        with pytest.raises(ValueError, match="tuple of it and the time"):
            level_table({"A": wrong}, **options)
    with pytest.raises(ValueError, match="longer than the longest pulse"):
        run(toggle, {0: (1.0, 12.0)})

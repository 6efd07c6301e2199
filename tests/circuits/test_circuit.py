"""A circuit checks itself, and its Boolean states are fixed points of its drift."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from landscape import circuits
from landscape.dynamics import jacobian

ALL = ("krumsiek", "gata1_pu1", "toggle", "repressilator", "emt")
MATURE = {
    "erythrocyte": {"Gata1", "Fog1", "Eklf", "Scl"},
    "megakaryocyte": {"Gata1", "Fog1", "Fli1", "Scl"},
    "monocyte": {"Cebpa", "Pu1", "cJun", "EgrNab"},
    "granulocyte": {"Cebpa", "Pu1", "Gfi1"},
}


def corner(circuit, on) -> torch.Tensor:
    return torch.tensor([[float(g in on) for g in circuit.genes]], dtype=torch.float64)


def test_krumsiek_has_its_six_steady_states_and_four_fates():
    circuit = circuits.krumsiek()
    assert circuit.genes == ("Gata2", "Gata1", "Fog1", "Eklf", "Fli1", "Scl", "Cebpa", "Pu1", "cJun", "EgrNab", "Gfi1")
    expected = [set(), {"Pu1", "cJun", "EgrNab"}, *MATURE.values()]
    assert set(map(frozenset, expected)) == set(circuit.fixed_points_boolean())
    assert {name: set(on) for name, on in circuit.fates.items()} == MATURE
    start = circuit.initial_state().numpy()
    assert {g for g, x in zip(circuit.genes, start, strict=True) if x} == {"Gata2", "Cebpa", "Pu1"}


def test_krumsiek_agrees_with_the_published_enumeration(data_dir):
    path = data_dir / "models" / "boolean_steady_states.json"
    if not path.is_file():
        pytest.skip("needs models/boolean_steady_states.json in LANDSCAPE_DATA_DIR")
    listed = json.loads(path.read_text())["HSC (Krumsiek 2011, BoolODE)"]["steady_states_on_genes"]
    assert set(map(frozenset, listed)) == set(circuits.krumsiek().fixed_points_boolean())


@pytest.mark.parametrize("name", ALL)
def test_boolean_steady_states_are_fixed_points_and_fates_are_stable(name):
    circuit = getattr(circuits, name)()
    drift, steady = circuit.drift(), circuit.fixed_points_boolean()
    assert set(circuit.fates.values()) <= set(steady)
    for on in steady:
        assert drift(corner(circuit, on)).abs().max() < 1e-14
    for fate, on in circuit.fates.items():
        assert torch.linalg.eigvals(jacobian(drift, corner(circuit, on))).real.max() < 0
        assert circuit.classify(corner(circuit, on)) == [fate]
    assert np.array_equal(
        circuit.fate_states.to_numpy(),
        np.concatenate([corner(circuit, on) for on in circuit.fates.values()])
        if circuit.fates
        else np.empty((0, len(circuit.genes))),
    )


@pytest.mark.parametrize("name", ALL)
def test_signs_of_the_network_are_those_of_the_jacobian(name):
    circuit = getattr(circuits, name)()
    x = torch.as_tensor(np.random.default_rng(1).uniform(0.05, 0.95, (50, len(circuit.genes))))
    j = (jacobian(circuit.drift(), x) + torch.diag(1 / circuit.vector("time_scale"))).numpy()
    signs = np.zeros(j.shape[1:])
    for source, target, sign in circuit.network.itertuples(index=False):
        signs[circuit.genes.index(target), circuit.genes.index(source)] = sign
    assert (np.where(signs == 0, np.abs(j), 0) < 1e-12).all()
    assert (signs * j > -1e-12).all()
    assert ((signs * j).max(0)[signs != 0] > 1e-6).all()


def test_classify_wants_the_whole_pattern():
    circuit = circuits.krumsiek()
    monocyte = corner(circuit, MATURE["monocyte"])
    bent = monocyte * 0.6 + 0.2
    assert circuit.classify(bent) == ["monocyte"]
    bent[0, circuit.genes.index("Gata1")] = 0.7
    assert circuit.classify(bent) == ["other"]
    assert circuit.classify(torch.zeros(1, 11)) == ["other"]


def test_knockouts_and_levels_hold_production():
    circuit = circuits.krumsiek()
    drift = circuit.drift(["Gata1"], {"Pu1": 2.0})
    x = torch.rand((6, 11), dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    f, tau = drift(x), circuit.vector("time_scale")
    i, k = circuit.genes.index("Gata1"), circuit.genes.index("Pu1")
    torch.testing.assert_close(f[:, i], -x[:, i] / tau[i])
    torch.testing.assert_close(f[:, k], (2.0 - x[:, k]) / tau[k])
    others = [j for j in range(11) if j not in (i, k)]
    torch.testing.assert_close(f[:, others], circuit.drift()(x)[:, others], rtol=0, atol=0)
    start = circuit.initial_state(["Cebpa"], {"Pu1": 2.0})
    assert start[circuit.genes.index("Cebpa")] == 0
    assert start[k] == 2
    # Held genes hear nobody.
    assert (jacobian(drift, x)[:, [i, k]] == torch.diag(-1 / tau)[[i, k]]).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"edges": (("A", "B", -1), ("B", "A", 1))},
            r"disagree.*only in the rules \[\('B', 'A', -1\)\].*\('B', 'A', 1\)",
        ),
        (
            {"rules": {"A": "not B", "B": "not C"}},
            r"Unknown genes \['C'\] in a rule; circuit 'toggle' has \['A', 'B'\]",
        ),
        ({"fates": {"x": frozenset({"D"})}}, r"Unknown genes \['D'\] in `fates`"),
        ({"fates": {"other": frozenset({"A"})}}, "name the fate differently"),
        ({"initial": {"D": 1.0}}, r"Unknown genes \['D'\] in `initial`"),
        ({"initial": {"A": -1.0}}, "non-negative initial levels"),
        ({"time_scale": {"A": 0.0}}, "`time_scale` to be positive, found 0"),
        ({"threshold": {"D": 1.0}}, r"Unknown genes \['D'\] in `threshold`"),
        ({"system_size": 0.0}, "`system_size` to be positive and finite, found 0"),
        ({"duration": np.inf}, "`duration` to be positive"),
    ],
)
def test_inconsistent_circuits_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replace(circuits.toggle(), **change)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            {"knockouts": ["Sfpi1"]},
            ValueError,
            r"Unknown genes \['Sfpi1'\] in `knockouts`; circuit 'krumsiek' has \['Gata2'",
        ),
        ({"knockouts": "Gata1"}, TypeError, r"pass \['Gata1'\]"),
        ({"levels": {"Gata7": 1.0}}, ValueError, r"Unknown genes \['Gata7'\] in `levels`"),
        ({"levels": {"Gata1": -1.0}}, ValueError, "non-negative `levels`"),
        ({"levels": {"Gata1": float("nan")}}, ValueError, "non-negative `levels`"),
        ({"knockouts": ["Gata1"], "levels": {"Gata1": 1.0}}, ValueError, "both in `knockouts` and in `levels`"),
    ],
)
def test_impossible_perturbations_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        circuits.krumsiek().drift(**arguments)


def test_enumeration_has_a_limit():
    rules = {f"g{i}": f"g{i}" for i in range(21)}
    big = circuits.Circuit("big", rules, tuple((g, g, 1) for g in rules), {})
    with pytest.raises(ValueError, match="at most 20 genes to enumerate all states, found 21"):
        big.fixed_points_boolean()

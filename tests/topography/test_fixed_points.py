"""Fixed points against closed forms, scipy's own root finder, and fields that have none."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import root

from landscape import systems
from landscape.circuits import krumsiek
from landscape.dynamics import RegulatoryDrift
from landscape.topography import FixedPoints, fixed_points

# Newton stops when its correction is below 1e-8 scales; the step it then takes leaves the square of that.
EXACT = 1e-10


def toggle(x):
    return systems.HuangToggle()(x)


def matched(found: FixedPoints, truth: np.ndarray, tolerance: float) -> bool:
    """Whether each point has its own true one and the other way round."""
    if len(found) != len(truth):
        return False
    states = np.array([p.x for p in found])
    apart = np.abs(states[:, None] - truth).max(-1) <= tolerance
    return bool((apart.sum(0) == 1).all() and (apart.sum(1) == 1).all())


@pytest.fixture(scope="module")
def huang() -> FixedPoints:
    return fixed_points(systems.HuangToggle(), np.random.default_rng(0).uniform(0, 2.5, (40, 2)))


def test_toggle_has_the_published_points(huang):
    published = np.array([[1, 1], [1.99608, 0.00392], [0.00392, 1.99608], [1.51158, 0.48842], [0.48842, 1.51158]])
    assert matched(huang, published, 5e-6 + 1e-9)  # Five decimals: half a unit in the last place.
    assert [p.stability for p in huang] == ["stable"] * 3 + ["saddle"] * 2
    assert [p.index for p in huang] == [0, 0, 0, 1, 1]


def test_toggle_has_the_published_spectra(huang):
    centre = min(huang.stable, key=lambda p: np.abs(p.x - 1).max())
    # Given to four decimals.
    np.testing.assert_allclose(centre.eigenvalues, [-0.5571, -1], atol=5e-5)
    np.testing.assert_allclose(huang.saddles[0].eigenvalues, [1.0738, -1], atol=5e-5)
    assert huang.saddles[0].leading_eigenvalue == huang.saddles[0].eigenvalues[0]


def test_account_of_the_search(huang):
    assert huang.converged
    assert huang.failed == ()
    assert huang.n_unsettled == 0
    assert huang.degree == 1  # Three stable points and two saddles: 3 - 2.
    assert sum(p.n_starts for p in huang) == 40
    np.testing.assert_array_equal(np.bincount(huang.ends, minlength=5), [p.n_starts for p in huang])
    assert all(p.converged and p.residual < 1e-12 for p in huang)
    assert all(p.n_steps >= 1 for p in huang)


@pytest.mark.parametrize("tilt", [0.0, 0.2, -0.3])
def test_double_well_has_the_roots_of_its_cubic(tilt):
    well = systems.DoubleWell(tilt)
    found = fixed_points(well, np.linspace(-2, 2, 9)[:, None])
    assert matched(found, well.fixed_points().reshape(-1, 1), EXACT)


def test_linear_field_has_its_eigenvalues():
    matrix = np.array([[-1.0, 2.0], [-0.3, -1.5]])
    found = fixed_points(lambda x: x @ torch.as_tensor(matrix).T, [[3.0, 1.0], [-1.0, 2.0]])
    assert matched(found, np.zeros((1, 2)), EXACT)
    expected = np.linalg.eigvals(matrix)
    np.testing.assert_allclose(sorted(found[0].eigenvalues, key=np.imag), sorted(expected, key=np.imag), atol=1e-12)


def regulatory(seed: int) -> RegulatoryDrift:
    """Random network of 10 genes with inputs centred on the threshold, which has up to 20 fixed points."""
    weights = np.random.default_rng(seed).normal(size=(10, 10)) * 12 / np.sqrt(10)
    return RegulatoryDrift.from_arrays(weights, bias=-weights.sum(1) / 4, hill=4.0)


def dense_search(drift: RegulatoryDrift, starts: np.ndarray) -> np.ndarray:
    """Roots by MINPACK's hybrid method from every start, each once."""

    def force(x):
        return drift(torch.as_tensor(x)[None])[0].numpy()

    def slope(x):
        return drift.jacobian(torch.as_tensor(x)[None])[0].numpy()

    roots: list[np.ndarray] = []
    for start in starts:
        out = root(force, start, jac=slope, method="hybr", options={"xtol": 1e-12})
        if np.abs(out.fun).max() < 1e-9 and all(np.abs(out.x - r).max() > 1e-5 for r in roots):
            roots.append(out.x)
    return np.array(roots).reshape(-1, 10)


# Seed 16 has points of index 3 and 4 that Newton reaches from one start in 300; seed 6 is an ordinary one. All 50
# networks are compared here in the slow run, and with a search that is seven times as dense in `benchmarks.topography`.
QUICK = {6: 3, 16: 11}  # Numbers of points from 1,500 starts of the dense search.


@pytest.mark.parametrize("seed", [s if s in QUICK else pytest.param(s, marks=pytest.mark.slow) for s in range(50)])
def test_all_points_of_a_random_network(seed):
    drift, rng = regulatory(seed), np.random.default_rng(seed)
    found = fixed_points(drift, rng.uniform(0, 1, (100, 10)))
    states = np.array([p.x for p in found])
    assert np.abs(drift(torch.as_tensor(states)).numpy()).max() < 1e-10
    for truth in dense_search(drift, rng.uniform(0, 1, (200, 10))):
        assert np.abs(states - truth).max(1).min() < 1e-6
    assert len(found) >= QUICK.get(seed, 1)
    assert found.degree == 1


def test_mature_fates_of_the_haematopoietic_circuit():
    circuit = krumsiek()
    fates = circuit.fate_states
    starts = np.random.default_rng(0).uniform(0, 1, (200, len(circuit.genes)))
    found = fixed_points(
        circuit.drift(), np.vstack([starts, fates.to_numpy(float)]), deflate=False, names=circuit.genes
    )
    on = {frozenset(np.array(circuit.genes)[p.x > 0.5]) for p in found.stable}
    assert on >= {frozenset(fates.columns[row > 0.5]) for row in fates.to_numpy(float)}
    assert list(found.states().columns) == list(circuit.genes)


# Fields without a zero. The last three come arbitrarily near: |f| alone would accept them.
WITHOUT = {
    "parabola": lambda x: torch.stack([1 + x[:, 0] ** 2, -x[:, 1]], 1),
    "constant": lambda x: torch.ones_like(x) + 0 * x,
    "narrow": lambda x: torch.stack([1e-6 + x[:, 0] ** 2, -x[:, 1]], 1),
    "decaying": lambda x: torch.stack([torch.exp(-x[:, 0]), -x[:, 1]], 1),
    "swirl": lambda x: torch.stack([1e-4 + (x[:, 0] - x[:, 1]) ** 2, torch.cos(x[:, 0]) - x[:, 1]], 1),
}


@pytest.mark.parametrize("name", WITHOUT)
def test_no_point_where_there_is_none(name, caplog):
    starts = np.random.default_rng(0).normal(size=(20, 2))
    with caplog.at_level(logging.WARNING):
        found = fixed_points(WITHOUT[name], starts, relax_steps=300)
    assert len(found) == 0
    assert len(found.failed) == 20
    assert not found.converged
    assert not any(f.converged for f in found.failed)
    assert "20 of 20 starts led to no fixed point" in caplog.text


@pytest.mark.parametrize("seed", range(50))
def test_no_point_in_random_fields_without_one(seed):
    rng = np.random.default_rng(seed)
    d = int(rng.integers(1, 5))
    mix, lean = torch.as_tensor(rng.normal(size=(d, d))), torch.as_tensor(rng.normal(size=d))
    gap = 10.0 ** rng.uniform(-4, 0)

    def field(x):
        f = torch.tanh(x @ mix.T) - x
        # One component along `lean` is positive everywhere, whatever the others do.
        return f - (f @ lean)[:, None] * lean / (lean @ lean) + lean * ((x @ lean) ** 2 + gap)[:, None]

    assert len(fixed_points(field, rng.normal(size=(8, d)), relax_steps=200, max_steps=30, deflate=seed % 5 == 0)) == 0


def hopf(x):
    return systems.HopfCycle(0.5, 2.0, 0.3)(x)


def test_a_cycle_is_no_point_attractor():
    found = fixed_points(hopf, np.random.default_rng(0).normal(size=(10, 2)), relax_steps=500)
    assert [p.stability for p in found] == ["unstable"]
    assert found[0].index == 2
    assert found.n_unsettled == 10
    assert found.failed == ()
    assert (found.ends == -1).all()


@settings(max_examples=20)
@given(st.floats(-50, 50), st.floats(-50, 50), st.floats(0, 6.28), st.floats(-2, 2))
def test_points_move_with_the_coordinates(dx, dy, angle, log_scale):
    shift, scale = torch.tensor([dx, dy], dtype=torch.float64), 10.0**log_scale
    turn = torch.tensor([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]], dtype=torch.float64)
    starts = torch.tensor([[0.2, 1.9], [1.8, 0.1], [1.1, 1.2], [0.5, 1.4]], dtype=torch.float64)

    def moved(z):
        return scale * (toggle((z - shift) @ turn / scale) @ turn.T)

    found = fixed_points(moved, scale * starts @ turn.T + shift, deflate=False)
    back = (torch.as_tensor(np.array([p.x for p in found])) - shift) @ turn / scale
    assert len(found) == 3
    # Rounding of the shift, relative to the scale, is amplified by at most 1/|smallest eigenvalue| < 2.
    slack = EXACT + 50 * np.finfo(float).eps * (abs(dx) + abs(dy)) / scale
    for point, p in zip(back, found, strict=True):
        assert (
            min(float((point - torch.as_tensor(t)).abs().max()) for t in systems.HuangToggle().fixed_points()) < slack
        )
        assert p.index == 0


def test_a_metric_separates_coordinates_of_different_size():
    def field(x):
        near = x / torch.tensor([1.0, 1e6], dtype=torch.float64)
        return torch.stack([near[:, 0] - near[:, 0] ** 3, -1e6 * near[:, 1]], 1)

    found = fixed_points(field, [[0.5, 3e6], [-0.5, -1e6]], metric=[1.0, 1e6])
    assert matched(found, np.array([[-1.0, 0], [0, 0], [1, 0]]), 1e-6)
    np.testing.assert_array_equal(found.scale, [1.0, 1e6])


def test_bounds_leave_out_points_outside():
    found = fixed_points(toggle, np.random.default_rng(0).uniform(0, 2.5, (20, 2)), bounds=(0.0, [1.2, 3.0]))
    assert matched(found, np.array([[1, 1], [0.0039217, 1.9960783], [0.4884229, 1.5115771]]), 1e-5)


def test_a_degenerate_point_is_marginal():
    found = fixed_points(lambda x: -(x**3), [[1.0], [-0.5]])
    assert [p.stability for p in found] == ["marginal"]
    # Newton closes in on a triple root by a third per step, so that its correction is a third of the error.
    assert abs(found[0].x[0]) < 1e-7


def test_without_flow_or_deflation_only_newton_runs():
    found = fixed_points(toggle, [[1.4, 0.5]], relax=False, deflate=False)
    assert [p.index for p in found] == [1]
    assert found.ends.tolist() == [-1]


def test_random_starts_are_added_within_bounds():
    found = fixed_points(toggle, [[1.0, 1.0]], n_random=30, bounds=(0.0, 2.5), deflate=False)
    assert len(found.ends) == 31
    assert len(found) == 3


def test_same_seed_same_answer():
    first, second = (fixed_points(systems.DoubleWell(), [[0.8]], n_random=3, bounds=(-2, 2), rng=3) for _ in range(2))
    np.testing.assert_array_equal(first.states(), second.states())


def test_table_and_states(huang):
    assert list(huang.states().columns) == ["x0", "x1"]
    assert huang.table()["stability"].tolist() == [p.stability for p in huang]
    assert huang[:3] == huang.stable


def test_fifty_genes_with_five_memories():
    rng = np.random.default_rng(0)
    memories = np.sign(rng.normal(size=(5, 50)))
    weights = 12 * memories.T @ memories / 50
    drift = RegulatoryDrift.from_arrays(weights, bias=-weights.sum(1) / 2, hill=4.0)
    cells = np.clip(0.5 + 0.4 * memories[rng.integers(5, size=300)] + rng.normal(0, 0.1, (300, 50)), 0, 1)
    found = fixed_points(drift, cells, deflate=False)
    assert {tuple(np.sign(p.x - 0.5)) for p in found.stable} >= {tuple(m) for m in memories}
    assert found.n_unsettled == 0


@pytest.mark.parametrize(
    ("drift", "starts", "options", "error", "message"),
    [
        (lambda x: x * torch.nan, [[1.0]], {}, ValueError, "not finite at 1 of 1 states"),
        (lambda x: x[:, :1], [[1.0, 2.0]], {}, ValueError, r"map shape \(1, 2\) to itself, found \(1, 1\)"),
        (lambda x: x.float(), [[1.0]], {}, TypeError, "return torch.float64, found torch.float32"),
        (lambda x: x.numpy(), [[1.0]], {}, TypeError, "return a torch.Tensor, found ndarray"),
        (lambda x: -x.detach(), [[1.0]], {}, ValueError, "breaks automatic differentiation"),
        (lambda x: torch.as_tensor(-x.detach().numpy()), [[1.0]], {}, ValueError, "breaks automatic differentiation"),
        (3, [[1.0]], {}, TypeError, "`drift` to be a callable"),
        (torch.neg, [[np.nan]], {}, ValueError, "finite `starts`, found 1 of 1"),
        (torch.neg, np.zeros((0, 2)), {}, ValueError, "n and d at least 1"),
        (torch.neg, [["a"]], {}, TypeError, "hold real numbers"),
        (torch.neg, [[1.0]], {"metric": [1.0, 2.0]}, ValueError, r"`metric` to be a number or of shape \(1,\)"),
        (torch.neg, [[1.0]], {"metric": -1.0}, ValueError, "`metric` to be positive"),
        (torch.neg, [[1.0]], {"bounds": (1.0, 0.0)}, ValueError, "lower below upper"),
        (torch.neg, [[1.0]], {"tolerance": 0.0}, ValueError, "positive `tolerance`"),
        (torch.neg, [[1.0]], {"names": ["a", "b"]}, ValueError, "Expected 1 `names`"),
    ],
)
def test_bad_input_is_named(drift, starts, options, error, message):
    with pytest.raises(error, match=message):
        fixed_points(drift, starts, **options)


def test_a_drift_that_becomes_nan_on_the_way_fails_only_those_starts():
    def field(x):
        return torch.where(x > 2, torch.nan, x - x**3 / 4)

    # The flow from 1.9 comes to rest at 2, on the edge of where the field is defined.
    found = fixed_points(field, [[-1.0], [-0.5]])
    assert any(abs(p.x[0] + 2) < EXACT for p in found)


def test_a_drift_that_jumps_across_zero_has_a_point_that_is_not_converged(caplog):
    # To the right a steep wall whose extrapolation vanishes at -1e-4; to the left the drift is 1/2 and more.
    def wall(x):
        return torch.where(x > 0, -1e4 * (x + 1e-4) * (1 + x), 0.5 - x)

    with caplog.at_level(logging.WARNING):
        found = fixed_points(wall, [[0.5]], relax=False, deflate=False, tolerance=1e-3)
    assert [p.converged for p in found] == [False]
    assert not found.table()["converged"].any()
    assert found[0].residual == pytest.approx(0.5, abs=1e-3)
    assert "does not vanish at 1 of 1" in caplog.text


def test_points_of_stiff_and_degenerate_fields_are_converged():
    rates = torch.tensor([1.0, 1e8], dtype=torch.float64)
    stiff = fixed_points(lambda x: rates * (0.3 - x), [[1.0, 2.0], [0.0, 0.1]])
    assert [p.converged for p in stiff] == [True]
    double = fixed_points(lambda x: -(x**2), [[1.0]], relax=False, deflate=False)
    assert [p.converged for p in double] == [True]

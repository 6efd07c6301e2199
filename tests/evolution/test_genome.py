"""The genome as a model: the bridge to a regulatory drift, and what the rest of the package makes of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from landscape.evolution import Development, Genome, TargetFamily, hebbian
from landscape.topography import fixed_points, lyapunov_energy

FAMILY = TargetFamily()
MODULAR = Genome(
    FAMILY.members[0], 0.5 * np.kron(np.eye(4), np.ones((4, 4))) * np.outer(FAMILY.pattern, FAMILY.pattern)
)

HEBBIAN = hebbian(FAMILY.trained, strength=0.25)


def random_genome(seed: int, development: Development | None = None) -> Genome:
    gen = np.random.default_rng(seed)
    return Genome(gen.uniform(-1, 1, 16), gen.normal(0, 0.2, (16, 16)), development or Development())


@pytest.mark.parametrize("development", [Development(), Development(7, gain=0.8, rate=1.7, decay=0.35)])
def test_development_is_the_drift_of_the_model(development):
    """The velocity of P, in units of the state of the model, is its drift to rounding."""
    genome = random_genome(0, development)
    p = np.random.default_rng(1).uniform(-1, 1, (50, 16)) / development.scale
    velocity = development.rate * np.tanh(development.gain * p @ genome.weights.T) - development.decay * p
    found = genome.model()(genome.to_states(p * development.scale)).numpy()
    np.testing.assert_allclose(found, 0.5 * development.scale * velocity, atol=1e-14, rtol=0)
    w, b = genome.regulation()
    y = 0.5 + 0.5 * development.scale * p
    plain = development.decay * (1 / (1 + np.exp(-(y @ w.T + b))) - y)
    np.testing.assert_allclose(found, plain, atol=1e-14, rtol=0)


def test_the_linear_response_has_no_rounding_error():
    model = random_genome(2).model()
    x = torch.as_tensor(np.random.default_rng(0).uniform(0, 1, (100, 16)))
    assert (model.drift.response(x) * 2.0**60 == x).all()


def test_one_step_of_the_simulator_is_one_step_of_development():
    genome = random_genome(3)
    model = genome.model()
    assert model.step == 1.0
    embryos = np.random.default_rng(0).uniform(-1, 1, (20, 16))
    y = genome.embryo_states(embryos)
    for _ in range(10):
        y = y + model(y)
    np.testing.assert_allclose(genome.to_phenotypes(y), genome.develop(embryos), atol=1e-12)
    np.testing.assert_allclose(genome.to_states(genome.to_phenotypes(y)), y, atol=1e-15)


def test_the_jacobian_is_exact():
    model = random_genome(4).model()
    x = torch.as_tensor(np.random.default_rng(0).uniform(0.2, 0.8, (3, 16)))
    step = 1e-5
    for j in range(16):
        shift = torch.zeros(16, dtype=torch.float64)
        shift[j] = step
        difference = (model(x + shift) - model(x - shift)) / (2 * step)
        # Central differences: rounding 1e-16 / 1e-5, and curvature of order 1e-10.
        torch.testing.assert_close(model.jacobian(x)[:, :, j], difference, atol=1e-9, rtol=0)


def rest(genome: Genome, n: int, seed: int) -> np.ndarray:
    """Phenotypes to which the noise-free model comes from states uniform between 0 and 1."""
    model = genome.model()
    y = torch.as_tensor(np.random.default_rng(seed).uniform(0, 1, (n, 16)))
    for _ in range(800):
        y = y + 0.25 * model(y)
    return genome.to_phenotypes(y)


def test_shares_at_rest_of_modular_and_of_hebbian_weights():
    """Connections within modules give all eight members alike; outer products give the three that were trained."""
    n = 8000
    modular = FAMILY.shares(rest(MODULAR, n, 0))
    # Modules choose their sign independently: one eighth each, with four standard errors.
    np.testing.assert_allclose(modular, 1 / 8, atol=4 * np.sqrt(7 / 64 / n))
    trained = FAMILY.shares(rest(HEBBIAN, n, 1))
    # Known to two digits from 2,000 states: four standard errors of the difference of both samples.
    np.testing.assert_allclose(trained[[0, 3, 5]], [0.32, 0.34, 0.30], atol=4 * np.sqrt(0.22 * (1 / n + 1 / 2000)))
    others = 1 - trained[[0, 3, 5]].sum()
    assert others == pytest.approx(0.04, abs=0.005 + 4 * np.sqrt(0.04 * (1 / n + 1 / 2000)))


def refit(states: np.ndarray, velocity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weighted regression of the inverse of the sigmoid of production on states."""
    p = np.clip(velocity + states, 1e-3, 1 - 1e-3)
    h, weight = np.log(p / (1 - p)), p * (1 - p)
    design = np.c_[states, np.ones(len(states))]
    ridge = 1e-2 * np.eye(design.shape[1]) * len(design) / 1000
    rows = []
    for i in range(states.shape[1]):
        q = design * weight[:, i : i + 1]
        rows.append(np.linalg.solve(q.T @ q + ridge, q.T @ (h[:, i] * weight[:, i])))
    found = np.array(rows)
    return found[:, :-1], found[:, -1]


def blocks(weights: np.ndarray) -> np.ndarray:
    """Mean weight between modules, each gene with its sign in the pattern."""
    aligned = weights * np.outer(FAMILY.pattern, FAMILY.pattern)
    return aligned.reshape(4, 4, 4, 4).mean((1, 3))


def recovered(genome: Genome, cells: torch.Tensor, velocity: np.ndarray) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Refitted weights and bias, and the correlation of edges and of blocks with the truth."""
    w, b = refit(cells.numpy(), velocity)
    truth, _ = genome.regulation()
    between = ~np.eye(16, dtype=bool)
    edges = np.corrcoef(w[between], truth[between])[0, 1]
    return w, b, edges, np.corrcoef(blocks(w).ravel(), blocks(truth).ravel())[0, 1]


@pytest.mark.parametrize(
    ("genome", "edges", "modules", "members"),
    [
        (MODULAR, {0.05: 0.99, 0.2: 0.96, None: 0.93}, {0.05: 1.0, 0.2: 1.0, None: 1.0}, 8),
        (HEBBIAN, {0.05: 0.99, 0.2: 0.93, None: 0.84}, {0.05: 1.0, 0.2: 0.95, None: 0.86}, 3),
    ],
)
def test_the_genome_is_recovered_from_cells(genome, edges, modules, members):
    """Correlations of refitted weights in an independent program; weights shrink, and the genome still develops alike."""
    model, gen = genome.model(), np.random.default_rng(0)
    start = gen.uniform(0, 1, (4000, 16))
    path = model.simulate(start[:800], duration=30.0, step=0.25, save_at=np.arange(0.0, 30.0, 5.0), rng=1)
    cells = path.states.reshape(-1, 16)
    still = model.simulate(start, duration=200.0, step=0.25, rng=2).states[-1]
    velocity = (model(cells) / genome.development.decay).numpy()
    noise = gen.standard_normal(cells.shape)
    fits = {error: recovered(genome, cells, velocity + error * noise) for error in (0.05, 0.2)}
    fits[None] = recovered(genome, still, np.zeros(still.shape))
    for error, (_, _, found_edges, found_modules) in fits.items():
        # The last digit stated, four times the scatter over seeds of 0.004, and that cells there are clipped at 0 and here reflected.
        assert found_edges == pytest.approx(edges[error], abs=0.03), error
        assert found_modules == pytest.approx(modules[error], abs=0.03), error
    w, b, _, _ = fits[0.05]
    y = np.random.default_rng(2).uniform(0, 1, (8000, 16))
    for _ in range(800):
        y = y + 0.05 * (1 / (1 + np.exp(-(y @ w.T + b))) - y)
    found, true = FAMILY.shares(2 * y - 1), FAMILY.shares(rest(genome, 8000, 2))
    distance = 0.5 * (np.abs(found - true).sum() + abs(found.sum() - true.sum()))
    assert distance < 0.10
    assert np.abs(w).mean() < 0.8 * np.abs(genome.regulation()[0]).mean()
    assert (true > 0.1).sum() == members


def test_the_landscape_of_a_genome():
    """Fixed points, clamps and energies of the package take the model as any other."""
    genome = hebbian(FAMILY.trained, strength=0.75)
    model, adults = genome.model(), genome.develop(300, rng=0)
    wells = np.array([point.x for point in fixed_points(model, genome.to_states(adults), rng=0).stable])
    signs = {tuple(row) for row in np.sign(genome.to_phenotypes(wells)).astype(int).tolist()}
    assert {tuple(s * row) for row in FAMILY.trained.astype(int) for s in (1, -1)} <= signs
    assert model.regulators[0] == "G01"
    held = model.knocked_out(["G01"])
    velocity = held(torch.full((1, 16), 0.4, dtype=torch.float64))
    assert float(velocity[0, 0]) == pytest.approx(-0.2 * 0.4)
    # Symmetric weights have an energy, which never rises along the flow.
    energy = lyapunov_energy(model)
    y = genome.to_states(np.random.default_rng(0).uniform(-1, 1, (20, 16)))
    before = energy(y)
    for _ in range(40):
        y = y + 0.1 * model(y)
        after = energy(y)
        assert (after <= before + 1e-12 * before.abs()).all()
        before = after


def test_mutants_change_by_a_factor_and_keep_what_is_absent():
    mutants = MODULAR.mutants(0.1, n=400, rng=0)
    ratios = (
        np.array([mutant.weights for mutant in mutants])[:, MODULAR.weights != 0]
        / MODULAR.weights[MODULAR.weights != 0]
    )
    n = ratios.size
    assert ratios.mean() == pytest.approx(1, abs=4 * 0.1 / np.sqrt(n))
    assert ratios.std() == pytest.approx(0.1, abs=4 * 0.1 / np.sqrt(2 * n))
    assert all((mutant.weights[MODULAR.weights == 0] == 0).all() for mutant in mutants)
    np.testing.assert_array_equal(mutants[0].embryo, MODULAR.embryo)


def test_random_embryos_repeat_with_their_seed():
    genome = random_genome(5)
    np.testing.assert_array_equal(genome.develop(10, rng=3), genome.develop(10, rng=3))
    np.testing.assert_array_equal(genome.develop(genome.embryo[None])[0], genome.phenotype)
    assert "16 genes, 256 connections, 10 steps" in repr(genome)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Genome(np.zeros(2), np.zeros((3, 3))), r"found \(2,\) and \(3, 3\)"),
        (lambda: Genome(np.zeros(2), np.full((2, 2), np.nan)), "finite, found 4 that are not"),
        (lambda: Genome(np.full(2, 1.5), np.zeros((2, 2))), "between -1 and 1, found 1.5"),
        (lambda: MODULAR.develop(0), "one embryo or more, found 0"),
        (lambda: MODULAR.develop(np.zeros((4, 3))), r"shape \(n, 16\), found \(4, 3\)"),
        (lambda: MODULAR.mutants(0.0), "`sd` to be positive"),
        (lambda: MODULAR.mutants(0.1, n=0), "one mutant or more"),
        (lambda: MODULAR.model(diffusion=-1.0), "`diffusion` to be positive"),
        (lambda: Genome(np.zeros(2), np.zeros((2, 2)), Development(0)).model(), "direct encoding a phenotype has no"),
    ],
)
def test_wrong_genomes_and_questions_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()

"""The pipeline of the fit: problem, model, replicates."""

from __future__ import annotations

import copy
import dataclasses

import numpy as np
import pytest
import torch

from landscape.dynamics import energy_distance, penalties
from landscape.dynamics.edge_evidence import edge_evidence
from landscape.dynamics.fit import fit_model, fit_replicates, regress
from landscape.dynamics.model import Model
from tests.dynamics.cells import along_a_line, problem_of


def numbers(record: object) -> list[np.ndarray]:
    """All arrays in a record, and in the records in it."""
    if isinstance(record, torch.Tensor):
        return [record.numpy()]
    if isinstance(record, np.ndarray):
        return [record]
    if dataclasses.is_dataclass(record):
        return [array for field in dataclasses.fields(record) for array in numbers(getattr(record, field.name))]
    return [record.toarray()] if hasattr(record, "toarray") else []


KINDS = {
    "matched with a clock": {"clock": True},
    "matched along a chain": {"clock": False},
    "rates alone": {"clock": True, "refine": False},
}


@pytest.fixture(scope="module", params=KINDS)
def fitted(request):
    options = dict(KINDS[request.param])
    problem = problem_of(along_a_line(clock=options.pop("clock")), stability=np.full((2, 2), 0.7), **options)
    return problem, fit_model(problem, rng=1)


def test_a_fit_gives_a_model_with_the_names_of_the_problem_and_a_positive_noise(fitted):
    problem, result = fitted
    assert isinstance(result.model, Model)
    assert result.model.regulators == problem.regulators
    assert result.model.diffusion_constant > 0
    assert (result.match is not None) == problem.matched
    if problem.matched:
        assert (result.match.history > -1).all()
    assert result.held_out_r2 <= 1


def test_replicates_need_nothing_but_the_problem_and_the_fit(fitted):
    problem, result = fitted
    first = list(fit_replicates(problem, result, 2, rng=3))
    # The same from copies of the two records, in another order of calls.
    edge_evidence(problem, result, 2, rng=5)
    again = list(fit_replicates(copy.deepcopy(problem), copy.deepcopy(result), 2, rng=3))
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a.drift.weights, b.drift.weights)
        assert a.diffusion == b.diffusion
    assert not torch.equal(first[0].drift.weights, first[1].drift.weights)
    assert not torch.equal(first[0].drift.weights, result.model.drift.weights)


def test_nothing_is_changed_by_the_fit_of_replicates_and_edges(fitted):
    problem, result = fitted
    before = [array.copy() for record in (problem, result) for array in numbers(record)]
    assert len(before) > 15
    list(fit_replicates(problem, result, 1, rng=0))
    edge_evidence(problem, result, 2, rng=0)
    fit_model(problem, rng=2)
    after = [array for record in (problem, result) for array in numbers(record)]
    for a, b in zip(before, after, strict=True):
        np.testing.assert_array_equal(a, b)


def test_edges_of_a_replicate_are_drawn_with_their_stability():
    cells = along_a_line(clock=True)
    never = problem_of(cells, stability=np.array([[0.0, 0.0], [1.0, 0.0]]), refine=False)
    for model in fit_replicates(never, fit_model(never, rng=0), 2, rng=0):
        assert model.drift.weights[0, 1] == 0
        assert model.drift.weights[1, 0] != 0


def test_a_noise_that_is_stated_is_that_of_the_model_and_of_every_replicate():
    for refine in ("populations", "descendants", False):
        problem = problem_of(along_a_line(clock=True), diffusion=0.0123, refine=refine)
        result = fit_model(problem, rng=0)
        assert result.model.diffusion == 0.0123
        assert next(fit_replicates(problem, result, 1, rng=0)).diffusion == 0.0123


def test_the_middle_time_is_held_out_with_three_times():
    problem = problem_of(along_a_line(clock=True))
    found = fit_model(problem, rng=0).held_out_time
    assert found["held_out_time"] == 1.0
    states = problem.populations(np.random.default_rng(0))
    # The distance of the population before is known without a model; here of samples of all cells but one time's.
    n = min(len(states[t]) for t in (0.0, 1.0, 2.0))
    assert found["held_out_unchanged"] == pytest.approx(
        float(energy_distance(states[0.0][:n], states[1.0][:n])), rel=0.2
    )
    assert fit_model(problem_of(along_a_line(clock=False)), rng=0).held_out_time == {}


def test_a_larger_penalty_explains_less_of_every_gene():
    problem = problem_of(along_a_line(clock=False), refine=False)
    fits = [regress(problem, problem.weights, penalty=factor * penalties.RATES) for factor in (0.1, 1.0, 10.0, 1000.0)]
    explained = torch.stack([fit.production_r2 for fit in fits])
    # At a minimum of misfit plus penalty the misfit cannot fall with the penalty.
    assert (explained.diff(dim=0) < 1e-6).all()
    assert (explained[0] - explained[-1] > 0.01).all()
    assert torch.equal(regress(problem, problem.weights).drift.weights, fits[1].drift.weights)


def test_a_fit_of_rates_that_does_not_converge_is_reported(monkeypatch, caplog):
    problem = problem_of(along_a_line(clock=True), refine=False, diffusion=0.01)
    monkeypatch.setattr("landscape.dynamics._levenberg.SETTLED", 0.0)
    result = fit_model(problem, rng=0)
    assert not result.converged
    assert "did not converge in 100 steps" in caplog.text

"""What a fit is worth: the grade of its score, and what is refused."""

from __future__ import annotations

import pytest

from landscape.dynamics import FlowMapScore
from landscape.dynamics.diagnostics import fit_diagnostics
from landscape.dynamics.fit import fit_model
from landscape.dynamics.grading import fit_grade, require_better_than_staying, require_explained
from tests.dynamics.cells import along_a_line, problem_of


def score(value: float, mean_direction: float = 1.9) -> FlowMapScore:
    return FlowMapScore(value, 1.0, 2.0, mean_direction, (value,))


@pytest.mark.parametrize(
    ("value", "grade"), [(0.99, "A"), (1.09, "A"), (1.11, "B"), (1.25, "B"), (1.4, "C"), (1.51, "D"), (1.95, "D")]
)
def test_the_grade_is_the_place_between_floor_and_staying_put(value, grade):
    assert fit_grade(score(value)) == grade


def test_a_model_that_is_no_better_than_the_mean_direction_has_the_lowest_grade():
    assert fit_grade(score(1.1, mean_direction=1.1)) == "D"


def test_a_model_that_is_no_better_than_staying_put_is_refused():
    require_better_than_staying(score(1.99))
    with pytest.raises(ValueError, match="score 2 against their descendants, staying put 2"):
        require_better_than_staying(score(2.0))


def test_rates_that_explain_no_velocity_are_refused():
    require_explained(0.0, clock=True)
    require_explained(float("nan"), clock=True)  # too few blocks of cells to hold some out
    with pytest.raises(ValueError, match=r"R2 -0.10.*Pass `refine='descendants'`"):
        require_explained(-0.1, clock=True)


def test_a_fit_to_velocities_that_are_noise_beside_the_levels_has_the_lowest_grade(caplog):
    # A step of this chain is a hundredth of a level: rates that fit levels within a few percent miss it altogether.
    cells = along_a_line(clock=False)
    fitted = fit_model(problem_of(cells, refine=False), rng=0)
    assert "The rates explain none of the velocities" in caplog.text
    assert not fitted.converged
    assert fit_diagnostics(fitted, cells.directed)["fit_grade"] == "D"


def test_where_velocities_say_nothing_the_fit_to_descendants_still_goes_where_cells_go():
    fitted = fit_model(problem_of(along_a_line(clock=False), refine="descendants", n_steps=60), rng=0)
    assert fitted.held_out_r2 < 0
    assert fitted.score.score < fitted.score.unchanged
    assert fitted.score == fitted.flow.score
    # The first gene rises and the second falls along the line.
    assert fitted.model.drift.weights[0, 1] < 0
    assert fitted.model.drift.weights[1, 0] < 0


@pytest.mark.parametrize("refine", ["populations", False])
def test_every_fit_is_scored_against_descendants(refine):
    fitted = fit_model(problem_of(along_a_line(clock=True), refine=refine), rng=0)
    assert fitted.flow is None
    assert fitted.score.floor < fitted.score.score < fitted.score.unchanged

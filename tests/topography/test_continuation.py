"""Continuation against the closed forms of the normal forms and of the toggle."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pytest
import torch

from landscape import systems
from landscape.topography import continuation

# The location of a fold or Hopf point is a simple root found to 1e-10 of a step.
LOCATED = 1e-8
FOLD = 2 / (3 * np.sqrt(3))


def cubic(tilt):
    return lambda x: x - x**3 + tilt


def rotating(growth):
    def field(x):
        turn = torch.stack([-x[:, 1], x[:, 0]], 1)
        return growth * x - x.square().sum(1, keepdim=True) * x + 2.5 * turn

    return field


def test_tilted_double_well_folds_where_its_cubic_does():
    branch = continuation(cubic, [-1.3], (-1.0, 1.0))
    assert [b.kind for b in branch.bifurcations] == ["fold", "fold"]
    np.testing.assert_allclose([b.parameter for b in branch.bifurcations], [FOLD, -FOLD], atol=LOCATED)
    np.testing.assert_allclose(
        [b.x[0] for b in branch.bifurcations], [-1 / np.sqrt(3), 1 / np.sqrt(3)], atol=1e-4
    )  # The state at a fold is known to the square root of the parameter's precision.
    assert branch.hysteresis[0] == pytest.approx((-FOLD, FOLD), abs=LOCATED)
    assert branch.hysteresis_width == pytest.approx(2 * FOLD, abs=2 * LOCATED)
    assert branch.ends == ("range", "range")
    assert branch.converged
    assert branch.residual < 1e-9
    assert branch.n_steps > len(branch.parameters)
    np.testing.assert_allclose(branch.states[:, 0] ** 3 - branch.states[:, 0], branch.parameters, atol=1e-9)
    slope = 1 - 3 * branch.states[:, 0] ** 2
    np.testing.assert_allclose(branch.eigenvalues[:, 0].real, slope, atol=1e-9)
    np.testing.assert_array_equal(branch.index, slope > 0)
    np.testing.assert_allclose(branch.parameters[[0, -1]], [-1.0, 1.0], atol=1e-12)


def test_toggle_loses_its_centre_in_a_pitchfork():
    toggle = systems.HuangToggle()
    branch = continuation(lambda a: replace(toggle, activation=a), [1.0, 1.0], (0.3, 1.5), at=1.0)
    assert [b.kind for b in branch.bifurcations] == ["pitchfork"]
    # Seven published digits; the corrector is singular at the point, which leaves about 1e-6.
    assert branch.bifurcations[0].parameter == pytest.approx(0.7744750, abs=1e-6)
    assert branch.hysteresis_width == 0
    direction = branch.bifurcations[0].direction
    assert abs(direction @ [1, -1]) / np.sqrt(2) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    ("drift_of", "kind"),
    [
        (lambda m: lambda x: m * x - x**2, "transcritical"),
        (lambda m: lambda x: m * x - x**3, "pitchfork"),
        (lambda m: lambda x: m * x + x**3, "pitchfork"),
        (lambda m: lambda x: m * x + 0.1 * x**2 - x**3, "transcritical"),
    ],
    ids=["square", "supercritical", "subcritical", "unfolded"],
)
def test_branch_points_are_classified(drift_of, kind):
    branch = continuation(drift_of, [0.0], (-1.0, 1.0))
    assert [b.kind for b in branch.bifurcations] == [kind]
    assert branch.bifurcations[0].parameter == pytest.approx(0, abs=1e-6)


def test_hopf_point_has_its_frequency():
    branch = continuation(rotating, [0.0, 0.0], (-1.0, 1.0))
    assert [b.kind for b in branch.bifurcations] == ["hopf"]
    assert branch.bifurcations[0].parameter == pytest.approx(0, abs=LOCATED)
    assert branch.bifurcations[0].frequency == pytest.approx(2.5, abs=1e-8)
    assert branch.index.tolist() == [2 * (p > 0) for p in branch.parameters]


def test_a_closed_branch_is_followed_once():
    branch = continuation(lambda m: lambda x: 1 - m**2 - x**2, [1.0], (-2.0, 2.0), at=0.0)
    assert branch.ends == ("closed", "closed")
    assert branch.converged
    np.testing.assert_allclose([b.parameter for b in branch.bifurcations], [1, -1], atol=LOCATED)
    np.testing.assert_allclose(branch.parameters**2 + branch.states[:, 0] ** 2, 1, atol=1e-9)


@pytest.mark.parametrize(("shift", "scale"), [(1e3, 1.0), (0.0, 1e4), (-50.0, 1e-3)])
def test_folds_move_with_the_coordinates(shift, scale):
    branch = continuation(
        lambda h: lambda z: scale * cubic(h)((z - shift) / scale), [shift - 1.3 * scale], (-1.0, 1.0), metric=scale
    )
    np.testing.assert_allclose([b.parameter for b in branch.bifurcations], [FOLD, -FOLD], atol=1e-6)


def test_an_unfinished_branch_says_so(caplog):
    with caplog.at_level(logging.WARNING):
        branch = continuation(cubic, [-1.3], (-1.0, 1.0), max_points=5)
    assert "max_points" in branch.ends
    assert not branch.converged
    assert "not finished after 5 points" in caplog.text


def test_a_branch_that_ends_inside_the_range_says_so(caplog):
    def drift_of(p):
        return lambda x: torch.where(torch.as_tensor(p > 0.5), torch.nan, 1.0) * (p - x)

    with caplog.at_level(logging.WARNING):
        branch = continuation(drift_of, [0.0], (0.0, 1.0))
    assert branch.ends == ("range", "step")
    assert not branch.converged
    assert "could not be followed beyond the parameter 0.4" in caplog.text or "0.5" in caplog.text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"parameter_range": (1.0, 0.0)}, "low < high"),
        ({"at": 3.0}, "with `at` inside"),
        ({"step": 1.0}, "<= `max_step`"),
        ({"start": [[0.0], [1.0]]}, "one `start`"),
        ({"drift_of": lambda h: lambda x: 2 + x**2 + h}, "found no fixed point near the start"),
    ],
    ids=["range", "at", "step", "start", "none"],
)
def test_bad_input_is_named(options, message):
    given = {"drift_of": cubic, "start": [-1.0], "parameter_range": (-1.0, 1.0), **options}
    with pytest.raises(ValueError, match=message):
        continuation(given.pop("drift_of"), given.pop("start"), given.pop("parameter_range"), **given)

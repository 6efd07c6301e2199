"""First hits of balls by paths that are straight lines, so that places and times are known."""

from __future__ import annotations

import pytest
import torch

from landscape.topography.passage.first_hits import first_hits

# So little noise that a path is a straight line, and an excursion from it has probability e^-(10^10).
STILL = 1e-12


def along(*velocity):
    return lambda x: torch.tensor(velocity, dtype=torch.float64).expand(len(x), -1)


def points(*rows):
    return torch.tensor(rows, dtype=torch.float64)


def test_a_hit_is_dated_to_the_middle_of_its_step():
    # At speed 2 from 0 the ball of radius .1 at 1 is entered at .45; steps end at .4 and .5.
    found = first_hits(
        along(2.0), points([0.0], [-4.0]), points([1.0]), radius=0.1, diffusion=STILL, max_time=1.0, step=0.1
    )
    assert found.target.tolist() == [0, -1]
    assert found.time[0] == pytest.approx(0.45, abs=1e-9)
    assert found.time[1] == pytest.approx(1.0, abs=0.1 + 1e-9)  # not there yet at the end
    assert (found.unresolved, found.step) == (1, 0.1)


@pytest.mark.parametrize(
    ("centre", "hit"),
    [
        ([1.0, 0.0], True),  # crossed with both ends outside
        ([1.0, 0.09], True),  # grazed
        ([1.0, 0.11], False),  # passed by
        ([-0.2, 0.0], False),  # behind the start of the step
        ([2.2, 0.0], False),  # beyond its end
        ([2.05, 0.0], True),  # entered at its end
    ],
)
def test_a_ball_is_hit_where_the_chord_of_a_step_crosses_it(centre, hit):
    found = first_hits(
        along(1.0, 0.0), points([0.0, 0.0]), points(centre), radius=0.1, diffusion=STILL, max_time=2.0, step=2.0
    )
    assert (found.target[0] == 0) == hit


def test_a_point_is_hit_by_the_chord_that_crosses_it():
    found = first_hits(along(1.0), points([0.0]), points([1.5]), radius=0.0, diffusion=STILL, max_time=9.0, step=1.0)
    assert found.target.tolist() == [0]
    assert found.time[0] == pytest.approx(1.5)


def test_excluded_balls_are_passed_through_and_starts_inside_a_ball_are_there_at_once():
    targets = points([0.0], [1.0])
    found = first_hits(
        along(1.0), points([0.0], [0.0]), targets, radius=0.1, diffusion=STILL, max_time=3.0, step=0.05,
        excluded=torch.tensor([0, 1]),
    )  # fmt: skip
    assert found.target.tolist() == [1, 0]
    assert found.time[1] == 0.0
    assert found.time[0] == pytest.approx(0.9, abs=0.026)


def test_a_lower_bound_reflects():
    # A step of .75 down from .25 ends at -.5, which the bound makes .5, inside the ball.
    found = first_hits(
        along(-1.0), points([0.25]), points([0.5]), radius=0.1, diffusion=STILL, max_time=0.75, step=0.75, lower=0.0
    )
    assert found.target.tolist() == [0]


@pytest.mark.parametrize(("step", "max_time"), [(0.0, 1.0), (0.1, 0.0)])
def test_times_that_are_not_positive_are_refused(step, max_time):
    with pytest.raises(ValueError, match="positive `step` and `max_time`"):
        first_hits(along(1.0), points([0.0]), points([1.0]), radius=0.1, diffusion=STILL, max_time=max_time, step=step)


def test_an_excursion_within_a_step_has_the_probability_of_a_brownian_bridge():
    # Both ends of a step are at about 1 from a plane at the ball's edge: exp(-g0 g1 / (D dt)), known for each path.
    n, step, diffusion = 40_000, 0.5, 0.8
    start = torch.zeros(n, 1, dtype=torch.float64)
    found = first_hits(
        lambda x: torch.zeros_like(x), start, points([1.0]), radius=0.0, diffusion=diffusion, max_time=step, step=step,
        rng=0,
    )  # fmt: skip
    # The reflection principle: a path is across 1 within dt with probability 2 P(x > 1) = erfc(1 / (2 sqrt(D dt))).
    expected = float(torch.erfc(torch.tensor(1 / (2 * (diffusion * step) ** 0.5))))
    assert (found.target == 0).mean() == pytest.approx(expected, abs=4 * (expected * (1 - expected) / n) ** 0.5)

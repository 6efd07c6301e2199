"""Geometry of the relief: heights between the points of the grid, the camera, and what hides what."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.pl.scene.height_map import HeightMap
from landscape.pl.scene.relief import Camera, Relief


def double_well(tilt=0.0, n=81):
    """Heights (x^2 - 1)^2 + tilt x + y^2: wells near x = -1 and 1, a saddle near 0."""
    x, y = np.linspace(-1.8, 1.8, n), np.linspace(-1.0, 1.0, n - 20)
    height = (x[None] ** 2 - 1) ** 2 + tilt * x[None] + y[:, None] ** 2
    return HeightMap(x, y, height, np.ones_like(height, dtype=bool))


def test_heights_on_the_surface_are_the_given_ones():
    grid = double_well()
    rng = np.random.default_rng(0)
    points = rng.uniform([-1.8, -1.0], [1.8, 1.0], (200, 2))
    exact = (points[:, 0] ** 2 - 1) ** 2 + points[:, 1] ** 2
    # A cubic spline errs by at most 5/384 h^4 max|f''''| = 0.013 * 0.045^4 * 24 inside; its ends are a little worse.
    np.testing.assert_allclose(grid.at(points), exact, atol=1e-4)
    outside = np.array([[5.0, 0.0], [0.0, -3.0]])
    np.testing.assert_array_equal(grid.at(outside), grid.highest)
    assert not grid.known_at(outside).any()


def test_the_deeper_well_is_drawn_lower_and_the_ridge_at_the_saddle():
    grid = double_well(tilt=0.2)
    camera = Camera.on(grid, azimuth=-np.pi / 2, elevation=45.0, rise=0.5)
    lifted = camera.lift(grid.at(np.array([[-1.0, 0.0], [1.0, 0.0], [0.0, 0.0]])))
    assert lifted[0] < lifted[1] < lifted[2]
    line = np.stack([np.linspace(-0.9, 0.9, 721), np.zeros(721)], 1)
    top = line[np.argmax(grid.at(line)), 0]
    # x (x^2 - 1) * 4 = -0.2 near zero; the spacing of the line is 0.0025.
    expected = np.sort(np.roots([4, 0, -4, 0.2]).real)[1]
    assert abs(top - expected) < 0.005


@pytest.mark.parametrize("azimuth", [-90.0, 0.0, 37.0, 180.0])
def test_the_viewer_stands_in_the_direction_of_the_azimuth(azimuth):
    grid = double_well()
    turn = np.deg2rad(azimuth)
    camera = Camera.on(grid, azimuth=turn, elevation=40.0, rise=0.4)
    towards = np.array([np.cos(turn), np.sin(turn)])
    centre = np.asarray(camera.centre)
    near, far = camera.turned(centre + 0.3 * towards[None])[0], camera.turned(centre - 0.3 * towards[None])[0]
    assert near[1] < 0 < far[1]
    paper = camera.project(np.stack([centre + 0.3 * towards, centre - 0.3 * towards]), np.full(2, grid.lowest))
    assert paper[0, 1] < paper[1, 1]
    points = np.random.default_rng(0).normal(size=(20, 2))
    np.testing.assert_allclose(camera.unturned(camera.turned(points)), points, atol=1e-12)


def test_the_block_is_cut_open_in_front_of_what_it_shows():
    grid = double_well()
    keep = np.array([[0.0, -0.4], [0.5, 0.3]])
    camera = Camera.on(grid, azimuth=-np.pi / 2, elevation=45.0, rise=0.5, keep=keep)
    depths = camera.turned(keep)[:, 1]
    assert -1.0 < depths.min() < -0.97
    assert Camera.on(grid, azimuth=-np.pi / 2, elevation=45.0, rise=0.5).turned(keep)[:, 1].min() > -0.5


def test_upright_lines_stay_upright_and_higher_is_higher():
    grid = double_well()
    camera = Camera.on(grid, azimuth=1.0, elevation=40.0, rise=0.4)
    paper = camera.project(np.tile([[0.4, 0.2]], (5, 1)), np.linspace(0, 1, 5))
    np.testing.assert_allclose(paper[:, 0], paper[0, 0], atol=1e-12)
    assert (np.diff(paper[:, 1]) > 0).all()
    assert np.ptp(np.diff(paper[:, 1])) < 1e-12


def test_what_lies_behind_a_ridge_is_hidden():
    x = y = np.linspace(-1, 1, 101)
    height = np.repeat(np.exp(-((y[:, None] + 0.2) ** 2) / 0.01), 101, axis=1)
    grid = HeightMap(x, y, height, np.ones_like(height, dtype=bool))
    relief = Relief(grid, Camera.on(grid, azimuth=-np.pi / 2, elevation=20.0, rise=0.6))
    points = np.array([[0.0, -0.7], [0.0, 0.0], [0.0, -0.2]])  # before, close behind, on the ridge
    turned = relief.camera.turned(points)
    assert relief.visible(turned, relief.camera.lift(grid.at(points))).tolist() == [True, False, True]


def test_strips_come_from_the_back_and_hold_their_points():
    relief = Relief(double_well(), Camera.on(double_well(), azimuth=0.3, elevation=40.0, rise=0.4), n=20)
    strips = list(relief.strips())
    assert [strip.index for strip in strips] == list(range(20))
    assert strips[0].corners[..., 1].mean() > strips[-1].corners[..., 1].mean()
    assert relief.strip_of(np.array([[0.0, 0.999], [0.0, -0.999]])).tolist() == [0, 19]


def test_heights_go_on_beyond_what_is_known_without_a_cliff():
    """On a line a membrane is straight: from the last known height up to the highest, cell by cell."""
    x, y = np.arange(60.0), np.arange(20.0)
    height = np.repeat(np.where(x < 30, x / 30, 9.0)[None], 20, axis=0)
    height[:, 0] = 4.0
    grid = HeightMap(x, y, height, np.repeat((x < 30)[None], 20, axis=0))
    drawn = grid.at(np.column_stack([x[29:36], np.full(7, 10.0)]))
    # The slope is 7 % of 60 cells wide: four free cells between 29/30 and the highest known height. Splines overshoot.
    np.testing.assert_allclose(drawn, np.clip(29 / 30 + (4 - 29 / 30) * np.arange(7) / 5, None, 4.0), atol=0.06)
    assert grid.known_at(np.array([[28.0, 10.0], [31.0, 10.0]])).tolist() == [True, False]


def test_a_grid_is_open_at_its_edges_whatever_the_turn():
    grid = double_well()
    corners = np.array([[grid.x[0], 0.0], [grid.x[-1], 0.0], [0.0, grid.y[-1]]]) * (1 + 1e-12)
    expected = (corners[:, 0] ** 2 - 1) ** 2 + corners[:, 1] ** 2
    np.testing.assert_allclose(grid.at(corners), expected, atol=1e-3)

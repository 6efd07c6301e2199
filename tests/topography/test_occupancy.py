import numpy as np
import pytest

from landscape.topography import occupancy, place


@pytest.fixture
def drawn():
    """Cells in five dimensions whose drawing is a rotated copy of the first two."""
    rng = np.random.default_rng(0)
    plane = rng.uniform(-3, 3, size=(4000, 2))
    reference = np.column_stack([plane, np.zeros((4000, 3))])
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    return reference, plane @ turn.T, turn


def test_height_is_that_of_the_density(drawn):
    reference, coordinates, turn = drawn
    rng = np.random.default_rng(1)
    states = np.column_stack([rng.normal(0, 0.7, size=(60_000, 2)), np.zeros((60_000, 3))])
    found = occupancy(states, reference, coordinates, n_grid=60)
    assert found.kind == "occupancy"
    assert found.height.shape == (len(found.y), len(found.x)) == found.mask.shape
    cell = (found.x[1] - found.x[0]) * (found.y[1] - found.y[0])
    assert found.density.sum() * cell == pytest.approx(1)
    x, y = np.meshgrid(found.x, found.y)
    radius = np.hypot(x, y)
    # Smoothing and the neighbours' spread widen the Gaussian to a variance of .49 + h^2 + spacing^2.
    wide = 0.49 + found.bandwidth**2 + 0.05**2
    inside = found.mask & (radius < 1.3)
    np.testing.assert_allclose(found.height[inside], (radius**2 / 2 / wide)[inside], atol=0.25)
    assert np.isnan(found.height[~found.mask]).all()
    assert not found.mask[radius > 3.5].any()
    assert np.nanmin(found.height) == 0
    del turn


def test_two_wells_keep_their_ratio(drawn):
    reference, coordinates, turn = drawn
    rng = np.random.default_rng(2)
    centre = np.where(rng.random(40_000)[:, None] < 0.8, [-1.5, 0.0], [1.5, 0.0])
    states = np.column_stack([centre + 0.3 * rng.normal(size=(40_000, 2)), np.zeros((40_000, 3))])
    found = occupancy(states, reference, coordinates)
    x, y = np.meshgrid(found.x, found.y)
    heights = [
        found.height[np.unravel_index(np.hypot(x - c[0], y - c[1]).argmin(), x.shape)]
        for c in (turn @ [-1.5, 0], turn @ [1.5, 0])
    ]
    assert heights[1] - heights[0] == pytest.approx(np.log(4), abs=0.15)


def test_states_are_placed_among_their_neighbours(drawn):
    reference, coordinates, turn = drawn
    states = np.array([[0.5, -1.0, 0, 0, 0], [50.0, 0, 0, 0, 0]])
    placed, near = place(states, reference, coordinates)
    np.testing.assert_allclose(placed[0], turn @ states[0, :2], atol=0.1)
    np.testing.assert_array_equal(near, [True, False])
    exact, _ = place(reference[:3], reference, coordinates, n_neighbors=1)
    np.testing.assert_allclose(exact, coordinates[:3])


def test_states_off_the_cells_are_counted_and_left_out(drawn):
    reference, coordinates, _ = drawn
    states = np.vstack([reference[:500], reference[:20] + 100])
    found = occupancy(states, reference, coordinates, n_grid=20)
    assert (found.n_states, found.n_outside) == (500, 20)
    with pytest.raises(ValueError, match="found none: the model leaves the data"):
        occupancy(states + 1000, reference, coordinates)


def test_bad_input(drawn):
    reference, coordinates, _ = drawn
    with pytest.raises(ValueError, match=r"`coordinates` of shape \(4000, 2\), found \(10, 2\)"):
        occupancy(reference, reference, coordinates[:10])
    with pytest.raises(ValueError, match="`states` .n, d. and `reference`"):
        occupancy(reference[:, :2], reference, coordinates)
    broken = coordinates.copy()
    broken[3] = np.nan
    with pytest.raises(ValueError, match="finite `coordinates`, found 1 rows"):
        occupancy(reference, reference, broken)
    with pytest.raises(ValueError, match="`n_grid` >= 4"):
        occupancy(reference, reference, coordinates, n_grid=1)

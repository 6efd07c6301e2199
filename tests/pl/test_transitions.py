"""Saddles and minimum-action paths on the drawings, and the surface beside numbers that are known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse
from scipy.sparse.linalg import spsolve

from landscape import systems
from landscape.pl.scene.height_map import HeightMap
from landscape.pl.scene.places import attractor_places
from landscape.pl.scene.transitions import plane_transitions
from tests.pl.drawn import artists, offsets
from tests.synthetic import add_topography


@pytest.mark.parametrize("name", ["landscape", "landscape2d"])
def test_saddles_and_paths_are_drawn_and_listed(pl, finished, name):
    draw = getattr(pl, name)
    assert "paths" not in draw(finished, show=False, return_fig=True).get_supxlabel()
    add_topography(finished)
    figure = draw(finished, show=False, return_fig=True)
    assert "lines: minimum-action paths to the saddles (diamonds)" in figure.get_supxlabel()
    assert len(offsets(figure.axes[0], "saddles")) == 3
    assert artists(figure.axes[0], "paths")
    bare = draw(finished, paths=False, show=False)
    assert not artists(bare, "paths") + artists(bare, "saddles")


def test_paths_run_from_their_attractor_to_their_saddle(finished):
    add_topography(finished)
    where = finished.obsm["X_plane"]
    places = attractor_places(finished, where)
    found = plane_transitions(finished, where, places)
    named = {place.name: place.point for place in places}
    assert len(found.paths) == 6
    for path in found.paths:
        np.testing.assert_allclose(path.line[0], named[path.start], atol=1e-9)
        np.testing.assert_allclose(path.line[-1], found.saddles[path.saddle], atol=1e-9)
        # Smooth: no step is much longer than an even division of the line.
        steps = np.linalg.norm(np.diff(path.line, axis=0), axis=1)
        assert steps.max() < 5 * steps.mean()


def test_the_ridge_is_where_the_saddle_is_and_the_order_of_depths_that_of_the_weights(pl, finished):
    """Two wells of weights 3 and 1: the truth of depths and of the pass is known."""
    x = np.linspace(-2.4, 2.4, 121)
    y = np.linspace(-1.2, 1.2, 61)
    weights, centres, sd = (0.75, 0.25), (-1.0, 1.0), 0.4
    density = sum(
        w * np.exp(-((x[None] - c) ** 2 + y[:, None] ** 2) / (2 * sd**2)) for w, c in zip(weights, centres, strict=True)
    )
    record = {"x": x, "y": y, "height": -np.log(density), "support": density > 1e-4, "basis": "X_plane"}
    rng = np.random.default_rng(0)
    side = np.where(rng.random(600) < 0.75, 0, 1)
    finished.obsm["X_plane"] = np.take(centres, side)[:, None] * [[1.0, 0.0]] + sd * rng.normal(size=(600, 2))
    states = pd.DataFrame({"A": [-1.0, 1.0], "B": [0.0, 0.0]}, index=["heavy", "light"])
    finished.obsm["X_state"] = pd.DataFrame(finished.obsm["X_plane"], index=finished.obs_names, columns=["A", "B"])
    finished.obs["basin"] = pd.Categorical(np.take(["heavy", "light"], side))
    finished.uns["landscape"] |= {
        "occupancy": {**record, "attractors": np.array([[-1.0, 0.0], [1.0, 0.0]])},
        "attractors": {"states": states, "table": pd.DataFrame({"n_cells": [450, 150]}, index=states.index)},
    }
    # Between the two the density is least where 3 (x + 1) e^{-2x/sd^2} = 1 - x: by bisection.
    low, high = -0.5, 0.9
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if 3 * (middle + 1) * np.exp(-2 * middle / sd**2) > 1 - middle else (low, middle)
    add_pass(finished, np.array([low, 0.0]))
    ax = pl.landscape(finished, azimuth=-90, show=False)
    grid = HeightMap.from_record(record)
    line = np.stack([np.linspace(-0.9, 0.9, 1801), np.zeros(1801)], 1)
    assert abs(line[np.argmax(grid.at(line)), 0] - low) < 0.01
    heavy, light = offsets(ax, "attractors")
    (pass_,) = offsets(ax, "saddles")
    assert heavy[1] < light[1] < pass_[1]
    assert heavy[0] < pass_[0] < light[0]


def add_pass(adata, top):
    states = adata.uns["landscape"]["attractors"]["states"]
    share = np.linspace(0, 1, 21)[:, None]
    parts = []
    for start, end in (("heavy", "light"), ("light", "heavy")):
        part = pd.DataFrame((1 - share) * states.loc[start].to_numpy() + share * top, columns=["A", "B"])
        parts.append(part.assign(**{"from": start, "to": end, "saddle": "saddle 1", "step": share[:, 0]}))
    adata.uns["landscape"]["paths"] = {"table": pd.concat(parts, ignore_index=True)}
    adata.uns["landscape"]["saddles"] = {"states": pd.DataFrame([top], index=["saddle 1"], columns=["A", "B"])}


def stationary(drift, x, noise):
    """Density on a square grid: the law at rest of jumps between neighbours with the rates of Scharfetter and Gummel."""
    n, step = len(x), x[1] - x[0]
    number = np.arange(n * n).reshape(n, n)  # [second gene, first gene], as heights are kept
    mesh = np.stack(np.meshgrid(x, x), -1)
    rows, columns, rates = [], [], []
    for axis in (0, 1):
        low = mesh[:, :-1] if axis == 0 else mesh[:-1]
        middle = low + np.eye(2)[axis] * step / 2
        pull = drift(middle.reshape(-1, 2))[:, axis] * step / noise
        a, b = (number[:, :-1], number[:, 1:]) if axis == 0 else (number[:-1], number[1:])
        for source, target, sign in ((a, b, -1), (b, a, 1)):
            lean = sign * pull
            rows.append(target.ravel())
            columns.append(source.ravel())
            rates.append(noise / step**2 * lean / np.expm1(np.where(np.abs(lean) < 1e-9, 1e-9, lean)))
    jumps = sparse.csc_matrix((np.concatenate(rates), (np.concatenate(rows), np.concatenate(columns))), (n * n, n * n))
    balance = (jumps - sparse.diags(np.asarray(jumps.sum(0)).ravel())).tolil()
    balance[0] = 1.0  # one equation says nothing new; the densities sum to one instead
    density = spsolve(balance.tocsc(), np.eye(1, n * n)[0])
    return np.maximum(density, 0.0).reshape(n, n)


def test_the_surface_of_the_toggle_switch_has_its_known_weights_and_saddles(pl, finished):
    """Valleys of weights .43, .285 and .285, transitions over two saddles: known from simulations and from Newton's method."""
    toggle = systems.HuangToggle()
    wells = {"progenitor": (1.0, 1.0), "GATA1": (1.9961, 0.0039), "PU.1": (0.0039, 1.9961)}
    saddles = np.array([[1.5116, 0.4884], [0.4884, 1.5116]])
    x = np.linspace(0, 2.6, 101)
    density = stationary(lambda at: toggle(torch.as_tensor(at)).numpy(), x, 0.02)
    record = {"x": x, "y": x, "height": -np.log(np.maximum(density, 1e-300)), "support": density > 1e-12}
    mesh = np.stack(np.meshgrid(x, x), -1)
    # The borders of the basins pass through the saddles, which lie on x + y = 2, along the diagonal.
    side = np.digitize(mesh[..., 0] - mesh[..., 1], [-1.0232, 1.0232])
    weights = [density[side == k].sum() for k in (1, 2, 0)]
    np.testing.assert_allclose(weights, [0.43, 0.285, 0.285], atol=0.02)

    rng = np.random.default_rng(0)
    cells = rng.choice(density.size, 600, p=density.ravel() / density.sum())
    finished.obsm["X_plane"] = mesh.reshape(-1, 2)[cells]
    names = list(wells)
    points = np.array(list(wells.values()))
    finished.obs["basin"] = pd.Categorical(np.take(["PU.1", "progenitor", "GATA1"], side.ravel()[cells]), names)
    states = pd.DataFrame(points, index=names, columns=["A", "B"])
    finished.uns["landscape"] |= {
        "occupancy": {**record, "basis": "X_plane", "attractors": points},
        "attractors": {"states": states, "table": pd.DataFrame({"n_cells": 200}, index=names)},
    }
    ax = pl.landscape(finished, azimuth=45, show=False)
    grid = HeightMap.from_record(record)
    depth = grid.at(points)
    assert depth[1] == pytest.approx(depth[2], abs=1e-6)
    way = np.linspace(points[0], points[1], 2001)[:, None] + np.zeros((1, 1, 2))
    across = np.linspace(-0.3, 0.3, 61)[:, None] * np.array([1, 1]) / np.sqrt(2)
    valley = grid.at((way + across).reshape(-1, 2)).reshape(2001, 61).min(1)  # the bottom of the valley along the way
    top = way[valley.argmax(), 0]
    # The saddle of the density is that of the drift but for terms of the order of the noise.
    assert np.linalg.norm(top - saddles[0]) < 0.1
    drawn = dict(zip(names, offsets(ax, "attractors"), strict=True))
    assert drawn["GATA1"][0] != drawn["PU.1"][0]
    # The heaviest valley is also the widest, and less dense than the two at the border: depth is density, weight its integral.
    assert depth[1] < depth[0] - 0.1
    assert weights[0] > weights[1] + 0.1

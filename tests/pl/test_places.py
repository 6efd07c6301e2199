"""Where attractors are drawn, and which way development runs."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd

from landscape.pl.scene.places import attractor_places, development_direction
from tests.pl.drawn import offsets


def test_attractors_lie_among_their_nearest_cells(finished):
    for place in attractor_places(finished, finished.obsm["X_plane"]):
        cells = finished.obsm["X_plane"][finished.obs["basin"] == place.name]
        assert np.linalg.norm(cells - place.point, axis=1).min() < 0.3
        # Cells end at the attractor, so its place is late: nearer to the end than to the start of its branch.
        assert place.point[1] < np.median(cells[:, 1])


def test_places_that_the_record_states_are_used(pl, finished):
    stated = np.array([[0.0, 0.0], [0.1, -1.0], [-1.0, -2.0], [np.nan, np.nan]])
    places = attractor_places(finished, finished.obsm["X_plane"], {"attractors": stated})
    np.testing.assert_array_equal([place.point for place in places[:3]], stated[:3])
    assert np.isfinite(places[3].point).all()
    finished.uns["landscape"]["occupancy"]["attractors"] = np.array([[0.0, 0.0]] * 4)
    rings = offsets(pl.landscape(finished, show=False), "attractors")
    assert np.ptp(rings, axis=0).max() == 0


def test_downhill_follows_the_clock():
    rng = np.random.default_rng(0)
    where = rng.normal(size=(500, 2))
    adata = ad.AnnData(obs=pd.DataFrame({"day": where @ [1.0, 1.0]}, index=[f"c{i}" for i in range(500)]))
    turn, name = development_direction(adata, where)
    assert abs(turn - np.pi / 4) < 1e-6
    assert name == "development"
    del adata.obs["day"]
    assert development_direction(adata, where) == (-np.pi / 2, "")
    adata.obs["fate_entropy"] = -where[:, 0]
    assert abs(development_direction(adata, where)[0]) < 1e-6

"""A hundred thousand cells: every figure within seconds and gigabytes, and its caption states what is left out."""

from __future__ import annotations

import resource
import time

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from scipy import sparse

from landscape import pl
from tests.synthetic import add_perturbation, add_topography, finished_run, occupancy

N_CELLS = 100_000
SECONDS, GIGABYTES = 20.0, 3.0


@pytest.fixture(scope="module")
def large():
    """A finished run of 600 cells, with each cell repeated with a little noise, and 30 neighbours for each."""
    small = finished_run()
    add_topography(small)
    add_perturbation(small)
    rng = np.random.default_rng(0)
    chosen = rng.integers(small.n_obs, size=N_CELLS)
    names = pd.Index([f"cell{i}" for i in range(N_CELLS)])
    adata = ad.AnnData(small.X[chosen], obs=small.obs.iloc[chosen].set_axis(names), var=small.var)
    for key in ("X_state", "X_state_velocity", "fates"):
        adata.obsm[key] = small.obsm[key].iloc[chosen].set_axis(names)
    adata.obsm["X_state"] += 0.05 * rng.random(adata.obsm["X_state"].shape)
    plane = small.obsm["X_plane"][chosen] + 0.05 * rng.standard_normal((N_CELLS, 2))
    adata.obsm["X_plane"] = plane
    adata.varp, adata.uns = dict(small.varp), small.uns
    columns = rng.integers(N_CELLS, size=30 * N_CELLS)
    chain = sparse.csr_matrix((np.full(30 * N_CELLS, 1 / 30), columns, np.arange(0, 30 * N_CELLS + 1, 30)))
    adata.obsp["transitions"] = chain
    x, y, height, support = occupancy(plane[:2000])
    adata.uns["landscape"]["occupancy"] |= {"x": x, "y": y, "height": height, "support": support}
    return adata


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("landscape", {}),
        ("landscape", {"color": "Gata1"}),
        ("landscape2d", {}),
        ("attractors", {}),
        ("fates", {}),
        ("fates", {"kind": "circle"}),
        ("fates", {"kind": "path"}),
        ("network", {}),
        ("barriers", {}),
        ("barriers", {"kind": "graph"}),
        ("paths", {}),
        ("perturbation", {}),
        ("landscape3d", {}),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(map(str, value.values())),
)
def test_every_figure_of_many_cells_is_quick_and_small(large, tmp_path, name, options):
    if name == "landscape3d":
        pytest.importorskip("plotly", reason="install the extra `interactive`")
    begin = time.process_time()
    figure = getattr(pl, name)(large, show=False, return_fig=True, **options)
    if name == "landscape3d":
        target = tmp_path / "figure.html"
        figure.write_html(target)
        said = figure.layout.annotations[0].text
    else:
        target = tmp_path / "figure.pdf"
        figure.savefig(target, dpi=200)
        said = figure.get_supxlabel()
        plt.close(figure)
    assert time.process_time() - begin < SECONDS
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6 < GIGABYTES
    assert target.stat().st_size < 8e6  # points are pixels, not a hundred thousand shapes
    if name in ("landscape", "landscape2d", "fates", "landscape3d") and options.get("kind") != "path":
        assert "of 100,000 cells shown" in said

"""CellRank and Palantir on the cells of a file: fate probabilities and processor seconds.

Runs in an interpreter of its own, where those packages are installed, and does not import ours:
``PYTHON benchmarks/_fate_peers.py INPUT.h5ad OUTPUT.json METHOD ...``. The input holds ``layers["counts"]`` and
``layers["unspliced"]``, ``obsm["X_latent"]``, ``obs["day"]``, ``obs["fate"]``, the name of a root cell in ``uns["root"]`` and the
names of terminal cells of each fate in ``uns["terminal"]``.
"""

from __future__ import annotations

import functools
import importlib.metadata
import json
import sys
import time
import warnings
from collections.abc import Callable

import anndata as ad
import numpy as np
import pandas as pd
import scanpy as sc
from scipy import sparse

PACKAGES = ("cellrank", "palantir", "moscot", "scvelo", "pygpcca", "scanpy", "numpy", "scipy")
N_NEIGHBORS = 30


def prepare(adata: ad.AnnData) -> ad.AnnData:
    """Normalised logarithms, components, and neighbours in the latent variables that our methods use."""
    adata = adata.copy()
    adata.X = sparse.csr_matrix(adata.layers["counts"], dtype=np.float32)
    sc.pp.normalize_total(adata)
    sc.pp.log1p(adata)
    sc.pp.pca(adata, n_comps=30, random_state=0)
    sc.pp.neighbors(adata, n_neighbors=N_NEIGHBORS, use_rep="X_latent", random_state=0)
    return adata


def pseudotime_kernel(adata: ad.AnnData) -> object:
    """CellRank's pseudotime kernel on diffusion pseudotime from the root."""
    import cellrank as cr

    sc.tl.diffmap(adata, random_state=0)
    adata.uns["iroot"] = int(adata.obs_names.get_loc(str(adata.uns["root"])))
    sc.tl.dpt(adata)
    finite = np.isfinite(adata.obs["dpt_pseudotime"])
    adata.obs["dpt_pseudotime"] = adata.obs["dpt_pseudotime"].where(finite, adata.obs["dpt_pseudotime"][finite].max())
    return cr.kernels.PseudotimeKernel(adata, time_key="dpt_pseudotime").compute_transition_matrix()


def velocity_kernel(adata: ad.AnnData) -> object:
    """The combination of CellRank's tutorials: four parts of the velocity kernel and one of connectivities."""
    import cellrank as cr
    import scvelo as scv

    adata.layers["spliced"] = adata.layers["counts"]
    scv.pp.normalize_per_cell(adata, enforce=True)
    scv.pp.moments(adata, n_pcs=None, n_neighbors=None)
    scv.tl.velocity(adata, mode="deterministic")
    velocity = cr.kernels.VelocityKernel(adata).compute_transition_matrix(show_progress_bar=False)
    return 0.8 * velocity + 0.2 * cr.kernels.ConnectivityKernel(adata).compute_transition_matrix()


def time_kernel(adata: ad.AnnData) -> object:
    """CellRank's real-time kernel on moscot's couplings of the days, with its own defaults."""
    import cellrank as cr
    from moscot.problems.time import TemporalProblem

    adata.obs["day"] = adata.obs["day"].astype(float).astype("category")
    problem = (
        TemporalProblem(adata).prepare(time_key="day", joint_attr="X_latent").solve(epsilon=1e-3, scale_cost="mean")
    )
    kernel = cr.kernels.RealTimeKernel.from_moscot(problem)
    return kernel.compute_transition_matrix(self_transitions="all", conn_weight=0.2, threshold="auto")


def cellrank(make_kernel: Callable[[ad.AnnData], object], adata: ad.AnnData, *, given: bool) -> pd.DataFrame:
    """Fate probabilities of GPCCA, with terminal states that are given as cells, or found and named by most of their cells."""
    import cellrank as cr

    kernel = make_kernel(adata)
    return gpcca(cr.estimators.GPCCA(kernel), adata, given=given)


def gpcca(estimator: object, adata: ad.AnnData, *, given: bool) -> pd.DataFrame:
    """Terminal states and fate probabilities of an estimator."""
    if given:
        terminal = {name: list(map(str, cells)) for name, cells in adata.uns["terminal"].items()}
        estimator.set_terminal_states(states=terminal)
    else:
        estimator.compute_schur(n_components=20, method="brandts")
        estimator.compute_macrostates(n_states=None, cluster_key="fate" if "fate" in adata.obs else None)
        estimator.predict_terminal_states()
    estimator.compute_fate_probabilities(use_petsc=False, solver="gmres", show_progress_bar=False, n_jobs=1)
    found = estimator.fate_probabilities
    return pd.DataFrame(np.asarray(found.X), index=adata.obs_names, columns=list(map(str, found.names)))


def palantir(adata: ad.AnnData, *, given: bool) -> pd.DataFrame:
    """Palantir from the root, with its own components and defaults; one terminal cell for each fate is given, or found."""
    import palantir as pa

    pa.utils.run_diffusion_maps(adata, n_components=10, pca_key="X_pca")
    pa.utils.determine_multiscale_space(adata)
    terminal = pd.Series({str(cells[0]): name for name, cells in adata.uns["terminal"].items()})
    result = pa.core.run_palantir(
        adata, str(adata.uns["root"]), terminal_states=terminal if given else None, n_jobs=1, seed=0
    )
    found = result.branch_probs.reindex(adata.obs_names)
    if given:
        return found.rename(columns=terminal.to_dict())
    return found.rename(columns=lambda cell: str(adata.obs["fate"].astype(str).get(cell, cell)))


def given_chain(adata: ad.AnnData, *, given: bool) -> pd.DataFrame:
    """GPCCA on our chain, with terminal cells that are found or given."""
    import cellrank as cr

    kernel = cr.kernels.PrecomputedKernel(adata.obsp["transitions"], adata=adata)
    return gpcca(cr.estimators.GPCCA(kernel), adata, given=given)


METHODS: dict[str, Callable[[ad.AnnData], pd.DataFrame]] = {
    "Palantir, given": functools.partial(palantir, given=True),
    "Palantir, found": functools.partial(palantir, given=False),
    "CellRank, chain given": functools.partial(given_chain, given=False),
    "CellRank, chain and ends given": functools.partial(given_chain, given=True),
}
for _name, _kernel in (("pseudotime", pseudotime_kernel), ("velocity", velocity_kernel), ("real time", time_kernel)):
    for _given in (True, False):
        METHODS[f"CellRank {_name}, {'given' if _given else 'found'}"] = functools.partial(
            cellrank, _kernel, given=_given
        )


def main(source: str, target: str, names: list[str]) -> None:
    """Run methods one after another; for one that fails, its error is stored instead of probabilities."""
    warnings.filterwarnings("ignore")
    cells = prepare(ad.read_h5ad(source))
    versions = {name: importlib.metadata.version(name) for name in PACKAGES}
    document: dict[str, object] = {"versions": versions, "methods": {}}
    for name in names:
        start = time.process_time()
        try:
            table = METHODS[name](cells.copy())
            # Terminal states with the same name are one fate.
            table = table.T.groupby([str(column).rsplit("_", 1)[0] for column in table]).sum().T
            found = {"fates": list(table), "probabilities": np.round(table.to_numpy(dtype=float), 5).tolist()}
        except Exception as error:  # noqa: BLE001
            found = {"error": f"{type(error).__name__}: {error}"[:300]}
        document["methods"][name] = {**found, "cpu_seconds": time.process_time() - start}
        with open(target, "w") as file:
            json.dump(document, file)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])

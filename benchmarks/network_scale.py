"""Time and memory of the ridge on a matrix on disk, by default of 100,000 cells, 10,000 genes and 1,500 regulators.

    python -m benchmarks.network_scale --json FILE [--cells N] [--genes N] [--regulators N] [--bootstraps N]

The matrix (5 % non-zero) is first simulated into a temporary folder, which is not timed.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import resource
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np
from scipy import sparse

from landscape import network


def simulate(path: Path, n_cells: int, n_genes: int, density: float, seed: int = 0) -> None:
    """Simulate counts with 20 hidden programmes and write them in blocks, as a csr matrix of an h5ad file."""
    rng = np.random.default_rng(seed)
    loading = rng.normal(size=(20, n_genes)).astype(np.float32) / np.sqrt(20)
    base = (-np.log1p(-density) * rng.gamma(2.0, 0.5, size=n_genes)).astype(np.float32)
    with h5py.File(path, "w") as file:
        group = file.create_group("X")
        group.attrs["encoding-type"], group.attrs["shape"] = "csr_matrix", (n_cells, n_genes)
        data = group.create_dataset("data", (0,), maxshape=(None,), dtype=np.float32, chunks=(1_000_000,))
        indices = group.create_dataset("indices", (0,), maxshape=(None,), dtype=np.int32, chunks=(1_000_000,))
        bounds = [np.zeros(1, dtype=np.int64)]
        for start in range(0, n_cells, 2000):
            size = min(2000, n_cells - start)
            hidden = rng.normal(size=(size, 20)).astype(np.float32)
            block = sparse.csr_matrix(rng.poisson(base * np.exp(0.7 * hidden @ loading)), dtype=np.float32)
            for store, values in ((data, block.data), (indices, block.indices)):
                store.resize((store.shape[0] + len(values),))
                store[-len(values) :] = values
            bounds.append(block.indptr[1:].astype(np.int64) + bounds[-1][-1])
        group.create_dataset("indptr", data=np.concatenate(bounds))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--cells", type=int, default=100_000)
    parser.add_argument("--genes", type=int, default=10_000)
    parser.add_argument("--regulators", type=int, default=1500)
    parser.add_argument("--bootstraps", type=int, default=0)
    parser.add_argument("--decoys", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="folder in which the matrix is kept")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        path = (arguments.keep or Path(temporary)) / f"cells_{arguments.cells}_{arguments.genes}.h5ad"
        if not path.exists():
            simulate(path, arguments.cells, arguments.genes, 0.05)
        start, cpu = time.perf_counter(), time.process_time()
        data = network.expression(network.on_disk(path), np.arange(arguments.regulators), block_size=8192)
        found = network.infer(data, n_bootstraps=arguments.bootstraps, n_decoys=arguments.decoys)
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    figures = {
        "wall seconds": seconds,
        "cpu seconds": cpu,
        "peak memory GB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
        "penalty": float(found.params["penalty"]),
    }
    print(figures)
    settings = {name: str(value) for name, value in vars(arguments).items()}
    machine = {"cpus": os.cpu_count(), "processor": platform.machine(), "python": platform.python_version()}
    versions = {name: importlib.metadata.version(name) for name in ("numpy", "scipy", "h5py")}
    result = {"figures": figures, "table": [settings], "machine": machine, "versions": versions}
    arguments.json.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()

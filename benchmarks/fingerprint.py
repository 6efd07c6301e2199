"""Hashes of everything that a run leaves in its AnnData, so that two versions of the code can be compared bit for bit.

``LANDSCAPE_DATA_DIR=... python -m benchmarks.fingerprint --json NEW [--against OLD] [--only demo]``

The runs go through the command line with its defaults. Every leaf of ``obs``, ``obsm``, ``obsp``, ``varp`` and
``uns["landscape"]`` gets one hash: an array, each column of a table, each array of a sparse matrix. Names that changed
between versions are translated by ``RENAMED``; the exit status is 1 where a leaf differs or is missing.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pandas as pd
from scipy import sparse

import landscape as ls

RUNS = {
    "demo": ["demo"],
    "paul15": ["run", "paul15", "--root-genes", "Cd34,Meis1,Sox4"],
    "pancreas": ["run", "pancreas", "--unspliced", "unspliced"],
}
# Paths of the version before the model record, as regular expressions, and what they are called now.
RENAMED = {
    r"^uns/landscape/terminal/": "uns/landscape/terminal_states/",
    r"^uns/landscape/network/params/flatten$": "uns/landscape/network/params/deconfounding",
    r"^uns/landscape/state_networks/params/pull$": "uns/landscape/state_networks/params/shrinkage",
}
# New since then: the version of the schema. The input of a run holds it too, so that its hash is another one.
NEW = re.compile(r"^uns/landscape/(schema|run/input/sha256)$")
# Words for people, of which the wording may change: warnings, and descriptions of parameters.
WORDS = re.compile(
    r"^uns/landscape/(run/warnings|.*params/(direction|diffusion|states|decay|growth|time_unit|support))$"
)


def leaves(value: Any, path: str) -> Iterator[tuple[str, np.ndarray]]:
    """Arrays below a value, each with its path."""
    if isinstance(value, pd.DataFrame):
        yield f"{path}/index", value.index.to_numpy()
        for column in value:
            yield from leaves(value[column], f"{path}/{column}")
    elif isinstance(value, pd.Series):
        yield path, value.astype(str).to_numpy() if value.dtype.kind not in "fiub" else value.to_numpy()
    elif sparse.issparse(value):
        matrix = sparse.csr_matrix(value)
        for part in ("data", "indices", "indptr"):
            yield f"{path}/{part}", getattr(matrix, part)
    elif hasattr(value, "items"):
        for key, inner in value.items():
            yield from leaves(inner, f"{path}/{key}")
    else:
        yield path, np.asarray(value)


def digest(values: np.ndarray) -> str:
    """Hash of the values, their type and shape; of strings, whatever they are stored as."""
    if values.dtype.kind in "OUST":
        content = json.dumps(values.astype(str).tolist()).encode()
        return hashlib.sha256(content).hexdigest()[:16]
    content = str((values.dtype.str, values.shape)).encode() + np.ascontiguousarray(values).tobytes()
    return hashlib.sha256(content).hexdigest()[:16]


def fingerprint(adata: anndata.AnnData) -> dict[str, str]:
    """Hash of every leaf by its path."""
    slots = {
        "obs": adata.obs,
        "obsm": dict(adata.obsm),
        "obsp": dict(adata.obsp),
        "varp": dict(adata.varp),
        "uns/landscape": adata.uns["landscape"],
    }
    return {path: digest(values) for slot, value in slots.items() for path, values in leaves(value, slot)}


def run(name: str, folder: Path) -> dict[str, str]:
    """Run by the command line and hash what it left."""
    arguments = list(RUNS[name])
    if arguments[0] == "run":
        source = folder / f"{name}_input.h5ad"
        getattr(ls.datasets, arguments[1])().write_h5ad(source)
        arguments[1] = str(source)
    command = [sys.executable, "-m", "landscape.cli", *arguments, "--out", str(folder / name)]
    subprocess.run(command, check=True)
    return fingerprint(anndata.read_h5ad(folder / name / "landscape.h5ad"))


def renamed(old: dict[str, str]) -> dict[str, str]:
    """Fingerprint of the older version under the names of today."""
    found = {}
    for path, value in old.items():
        for pattern, new in RENAMED.items():
            path = re.sub(pattern, new, path)
        found[path] = value
    return found


def compare(old: dict[str, str], new: dict[str, str]) -> list[str]:
    """Paths that differ, are gone or are new, but for wording and for what is known to be new."""
    expected = renamed(old)
    return [
        f"{path}: {'gone' if path not in new else 'new' if path not in expected else 'differs'}"
        for path in sorted(expected.keys() | new.keys())
        if expected.get(path) != new.get(path) and not WORDS.match(path) and not NEW.match(path)
    ]


def main() -> int:
    """Run, write, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, required=True, help="file to write")
    parser.add_argument("--against", type=Path, help="file of an older version")
    parser.add_argument("--only", nargs="+", choices=sorted(RUNS), default=list(RUNS), help="runs, all by default")
    arguments = parser.parse_args()
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.only:
            found[name] = run(name, Path(folder))
            arguments.json.write_text(json.dumps(found, indent=1, sort_keys=True))
    if arguments.against is None:
        return 0
    old, n_differ = json.loads(arguments.against.read_text()), 0
    for name, prints in found.items():
        differ = compare(old[name], prints)
        n_differ += len(differ)
        print(f"{name}: {len(prints)} leaves, {len(prints) - len(differ)} equal")
        print("\n".join(f"  {line}" for line in differ))
    return int(n_differ > 0)


if __name__ == "__main__":
    sys.exit(main())

"""What every benchmark shares: the command line, the JSON it writes, and where it ran."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import math
import os
import platform
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Results:
    """Figures by name, the table of single runs behind them, and how many seeds were asked for."""

    figures: dict[str, float] = field(default_factory=dict)
    table: list[dict[str, Any]] = field(default_factory=list)
    seeds: int | None = None

    def add(self, row: dict[str, Any]) -> None:
        """Add a row of the table and show it."""
        self.table.append(row)
        print("  ".join(f"{k}={v:.4g}" if isinstance(v, float) else f"{k}={v}" for k, v in row.items()), flush=True)


@contextmanager
def timed(row: dict[str, Any], name: str = "seconds") -> Iterator[None]:
    """Write the wall-clock and processor seconds of a block into a row."""
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    row[name], row[f"cpu_{name}"] = time.perf_counter() - wall, time.process_time() - cpu


def peak_memory_mb() -> float:
    """Largest resident memory of this process so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if platform.system() == "Darwin" else peak / 1e3


def main(description: str | None, parts: dict[str, Callable[..., None]], packages: Sequence[str]) -> None:
    """Run the parts of a benchmark and write ``{"figures", "table", "machine", "versions"}``.

    Parameters
    ----------
    description
        Text of ``--help``.
    parts
        Functions ``f(results, *, quick)`` by name; each adds to the results.
    packages
        Distributions whose versions are recorded; those that are not installed are left out.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", type=Path, required=True, help="file to write")
    parser.add_argument("--only", nargs="+", choices=sorted(parts), help="parts to run, all by default")
    parser.add_argument("--quick", action="store_true", help="fewer repeats and smaller systems")
    parser.add_argument("--seeds", type=int, help="seeds of parts that repeat over seeds, where they take a number")
    arguments = parser.parse_args()
    results = Results(seeds=arguments.seeds)
    for name in arguments.only or parts:
        parts[name](results, quick=arguments.quick)
        # Written after each part, so that a run that is cut short keeps what it has.
        _write(arguments.json, results, packages)


def _write(path: Path, results: Results, packages: Sequence[str]) -> None:
    document = {
        "figures": {k: float(v) for k, v in results.figures.items() if math.isfinite(v)},
        "table": [{k: _plain(v) for k, v in row.items()} for row in results.table],
        "machine": {
            "cpus": os.cpu_count(),
            "processor": platform.processor() or platform.machine(),
            "system": platform.system(),
            "load": os.getloadavg()[0],
        },
        "versions": {"python": platform.python_version(), **dict(_versions(packages))},
    }
    path.write_text(json.dumps(document, indent=1))


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _versions(packages: Sequence[str]) -> Iterator[tuple[str, str]]:
    for name in packages:
        try:
            yield name, importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue

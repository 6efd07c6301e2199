"""Mutation testing: small faults are put into modules one at a time, and the tests of their package must fail.

Cosmic Ray makes the faults; here are drawn a few of them, by a seed, and the tests that are run for each. Everything happens in
a copy of the checkout. Faults that change nothing are left out: those in annotations and doc strings, and arithmetic replaced
by operations on bits, which numbers do not have.

    make mutate MUTATE="landscape/markov landscape/dynamics/drift.py" MUTANTS=20 SEED=1
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from cosmic_ray.commands.init import init
from cosmic_ray.mutating import mutate_and_test, mutate_code
from cosmic_ray.plugins import get_operator
from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import MutationSpec

ROOT = Path(__file__).resolve().parents[1]
COPIED = ("landscape", "tests", "pyproject.toml", "README.md", "CHANGELOG.md", "docs", "data", "benchmarks")
# Operations that arithmetic is not replaced by: a TypeError of floating-point numbers tests nothing, nor do integers here.
ON_BITS = ("BitOr", "BitAnd", "BitXor", "LShift", "RShift", "FloorDiv", "Mod")
# Seconds for the tests of a mutant: so many times those without it, and at least so many.
PATIENCE, LEAST_SECONDS = 4.0, 60.0


def modules_of(names: list[str]) -> list[Path]:
    """Python files named, or below the folders named."""
    found = [
        path for name in names for path in ([ROOT / name] if name.endswith(".py") else (ROOT / name).rglob("*.py"))
    ]
    return sorted(path.relative_to(ROOT) for path in found if path.name != "__init__.py")


def tests_of(module: Path) -> list[str]:
    """Test files of the package that mention a name defined in the module, those named after it first; else all of them."""
    tree = ast.parse((ROOT / module).read_text())
    names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    names |= {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    folder = ROOT / "tests" / module.parts[1]
    files = sorted(folder.glob("test_*.py"))
    mentioned = [path for path in files if names & set(_words(path.read_text())) or module.stem in path.read_text()]
    stem = module.stem.strip("_")
    chosen = sorted(mentioned or files, key=lambda path: (path.stem != f"test_{stem}", stem not in path.stem))
    return [str(path.relative_to(ROOT)) for path in chosen]


def _words(text: str) -> Iterator[str]:
    return (
        word
        for line in text.splitlines()
        for word in "".join(c if c.isalnum() or c == "_" else " " for c in line).split()
    )


def drawn(modules: list[Path], count: int, draw: random.Random, database: WorkDB) -> list[MutationSpec]:
    """Faults at different places, of each module about as many as it is long."""
    files = draw.choices(modules, [(ROOT / module).stat().st_size for module in modules], k=count)
    places = {module: candidates(module, database) for module in sorted(set(files))}
    chosen = []
    for module in files:
        while places[module]:
            mutation = draw.choice(places[module].pop(draw.randrange(len(places[module]))))
            if says_something(mutation):
                chosen.append(mutation)
                break
    return chosen


def candidates(module: Path, database: WorkDB) -> list[list[MutationSpec]]:
    """Faults of a module by their place, in a fixed order."""
    init([module], database, {})
    found: dict[tuple[int, int], list[MutationSpec]] = {}
    for item in database.work_items:
        mutation = item.mutations[0]
        old, _, new = mutation.operator_name.rpartition("_")
        if "BinaryOperator" in old and new in ON_BITS and not old.endswith(ON_BITS):
            continue
        found.setdefault(mutation.start_pos, []).append(mutation)
    return [sorted(found[place], key=lambda m: (m.operator_name, m.occurrence)) for place in sorted(found)]


def says_something(mutation: MutationSpec) -> bool:
    """Whether there is other code, beyond annotations."""
    source = mutation.module_path.read_text()
    operator = get_operator(mutation.operator_name)(**mutation.operator_args)
    changed = mutate_code(source, operator, mutation.occurrence)
    try:
        return changed is not None and _without_annotations(changed) != _without_annotations(source)
    except SyntaxError:  # the star before keywords was taken for a product
        return False


def _without_annotations(source: str) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, ast.FunctionDef):
            node.returns = None
        elif isinstance(node, ast.AnnAssign):
            node.annotation = ast.Constant(None)
    return ast.dump(tree)


def run(tests: list[str], timeout: float) -> tuple[str, float]:
    """Command of the tests, and the seconds that they take without a fault."""
    parts = [
        sys.executable,
        "-m",
        "pytest",
        "-x",
        "-q",
        "-n",
        "0",
        "-p",
        "no:cacheprovider",
        "-m",
        "'not slow'",
        *tests,
    ]
    command, start = " ".join(parts), time.monotonic()
    if subprocess.run(command, shell=True, timeout=timeout, stdout=subprocess.DEVNULL, check=False).returncode:  # noqa: S602
        msg = f"Expected tests that pass without a fault, found that these fail: {' '.join(tests)}"
        raise RuntimeError(msg)
    return command, time.monotonic() - start


def main() -> None:
    """Draw faults, test them, and say which survived."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="+", help="modules or folders")
    parser.add_argument("--mutants", type=int, default=20, help="number of faults")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="file for the results")
    given = parser.parse_args()
    modules, report = modules_of(given.names), None if given.json is None else given.json.resolve()
    with tempfile.TemporaryDirectory() as folder:
        for name in COPIED:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, Path(folder) / name)
        os.chdir(folder)
        os.environ |= {"PYTHONPATH": folder, "OMP_NUM_THREADS": "1"}
        with use_db(str(Path(folder) / "session.sqlite")) as database:
            chosen = drawn(modules, given.mutants, random.Random(given.seed), database)
        results = _tested(chosen, report)
    killed = sum(result["killed"] for result in results)
    sys.stdout.write(
        f"{killed} of {len(results)} faults made a test fail ({killed / max(len(results), 1):.0%}), seed {given.seed}\n"
    )


def _tested(chosen: list[MutationSpec], report: Path | None) -> list[dict[str, object]]:
    known: dict[tuple[str, ...], tuple[str, float]] = {}
    results: list[dict[str, object]] = []
    for mutation in chosen:
        tests = tests_of(mutation.module_path)
        if tuple(tests) not in known:
            known[tuple(tests)] = run(tests, timeout=1800)
        command, seconds = known[tuple(tests)]
        found = mutate_and_test([mutation], command, max(LEAST_SECONDS, PATIENCE * seconds))
        difference = [
            line for line in (found.diff or "").splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")
        ]
        where = f"{mutation.module_path}:{mutation.start_pos[0]}"
        results.append({"where": where, "operator": mutation.operator_name, "occurrence": mutation.occurrence,
                        "killed": found.is_killed, "difference": difference, "tests": tests, "seconds": seconds})  # fmt: skip
        sys.stdout.write(f"{'killed  ' if found.is_killed else 'SURVIVED'} {where}\n")
        if not found.is_killed:
            sys.stdout.writelines(f"    {line}\n" for line in difference)
        sys.stdout.flush()
        if report is not None:
            report.write_text(json.dumps(results, indent=1))
    return results


if __name__ == "__main__":
    main()

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
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from cosmic_ray.commands.init import init
from cosmic_ray.mutating import mutate_and_test, mutate_code
from cosmic_ray.plugins import get_operator
from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import MutationSpec

ROOT = Path(__file__).resolve().parents[1]
COPIED = ("landscape", "tests", "pyproject.toml", "README.md", "CHANGELOG.md", "docs", "data", "benchmarks")
# Operations that arithmetic is not replaced by: a TypeError of floating-point numbers tests nothing, nor do integers here.
ON_BITS = ("BitOr", "BitAnd", "BitXor", "LShift", "RShift", "FloorDiv", "Mod")
# Test files that are run for a mutant: those that say most about its module.
MAX_FILES = 4
# Seconds for the tests of a mutant: so many times those without it, and at least so many.
PATIENCE, LEAST_SECONDS = 4.0, 60.0


def modules_of(names: list[str]) -> list[Path]:
    """Python files named, or below the folders named."""
    found = [
        path for name in names for path in ([ROOT / name] if name.endswith(".py") else (ROOT / name).rglob("*.py"))
    ]
    return sorted(path.relative_to(ROOT) for path in found if path.name != "__init__.py")


def tests_of(module: Path) -> list[str]:
    """Test files of the package that mention names of the module most often, those named after it first.

    Of a module that no test mentions, those of the modules that import it; else all.
    """
    files = {path: path.read_text() for path in sorted((ROOT / "tests" / module.parts[1]).glob("test_*.py"))}
    users = [
        path for path in (ROOT / module.parent.parent).rglob("*.py") if f".{module.stem} import" in path.read_text()
    ]
    for sources in ([module], users):
        stems = [path.stem.strip("_") for path in sources if path.stem != "__init__"]
        names = set().union(*(_names(ROOT / path) for path in sources))
        scores = {path: _score(path, text, names, stems) for path, text in files.items()}
        if best := sorted((path for path in files if scores[path]), key=lambda path: -scores[path])[:MAX_FILES]:
            return [str(path.relative_to(ROOT)) for path in best]
    return [str(path.relative_to(ROOT)) for path in files]


def _names(module: Path) -> set[str]:
    """Names that a module defines."""
    body = ast.parse(module.read_text()).body
    targets = {target for node in body if isinstance(node, ast.Assign) for target in node.targets}
    names = {node.name for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    return names | {target.id for target in targets if isinstance(target, ast.Name)}


def _score(path: Path, text: str, names: set[str], stems: list[str]) -> int:
    """How much a test file has to do with the module: mentions of its names, and ten for each time that it is named itself."""
    mentions = sum(word in names for word in re.findall(r"\w+", text))
    return (
        mentions
        + 10 * sum(f".{stem}" in text for stem in stems)
        + 100 * any(path.stem == f"test_{stem}" for stem in stems)
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


def command_of(tests: list[str]) -> str:
    """Command that runs test files, up to the first failure."""
    return f"{sys.executable} -m pytest -x -q -n 0 -p no:cacheprovider -m 'not slow' {' '.join(tests)}"


def seconds_of(test: str) -> float:
    """Seconds that a test file takes without a fault."""
    start = time.monotonic()
    if subprocess.run(shlex.split(command_of([test])), stdout=subprocess.DEVNULL, check=False).returncode:
        msg = f"Expected tests that pass without a fault, found that {test} fails."
        raise RuntimeError(msg)
    return time.monotonic() - start


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


def _tested(chosen: list[MutationSpec], report: Path | None) -> list[dict[str, Any]]:
    known: dict[str, float] = {}
    results: list[dict[str, Any]] = []
    for mutation in chosen:
        tests = tests_of(mutation.module_path)
        known |= {test: seconds_of(test) for test in tests if test not in known}
        limit = max(LEAST_SECONDS, PATIENCE * sum(known[test] for test in tests))
        found = mutate_and_test([mutation], command_of(tests), limit)
        difference = [
            line for line in (found.diff or "").splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")
        ]
        where = f"{mutation.module_path}:{mutation.start_pos[0]}"
        results.append({"where": where, "operator": mutation.operator_name, "occurrence": mutation.occurrence,
                        "killed": found.is_killed, "timeout": found.output == "timeout", "difference": difference, "tests": tests})  # fmt: skip
        sys.stdout.write(f"{'killed  ' if found.is_killed else 'SURVIVED'} {where}\n")
        if not found.is_killed:
            sys.stdout.writelines(f"    {line}\n" for line in difference)
        sys.stdout.flush()
        if report is not None:
            report.write_text(json.dumps(results, indent=1))
    return results


if __name__ == "__main__":
    main()

"""The package as it is installed: versions that agree, imports that are quick, commands that answer at once."""

from __future__ import annotations

import ast
import re
import resource
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml

import landscape

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CONDA = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
CONDA_NAMES = {"torch": "pytorch"}
# Not imported, but the versions matter: what reads and writes the files of AnnData, and what users call before and after.
NEEDED_BESIDE = {"h5py", "numcodecs", "scanpy", "zarr"}
HEAVY = ("anndata", "matplotlib", "numpy", "pandas", "scanpy", "scipy", "scvi", "torch")


def bounds(requirements: list[str]) -> dict[str, str]:
    """Name -> version specifier of requirement strings without extras or markers."""
    matches = [re.fullmatch(r"([A-Za-z0-9_-]+)\s*(.*)", requirement) for requirement in requirements]
    return {match[1].lower(): match[2] for match in matches if match}


def seconds(command: list[str], *, runs: int = 3) -> float:
    """Least processor time of a few runs: what the command costs, whatever else the machine is doing."""
    times = []
    for _ in range(runs):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(times)


def test_conda_environment_states_the_same_bounds() -> None:
    wanted = {CONDA_NAMES.get(n, n): b for n, b in bounds(PROJECT["project"]["dependencies"]).items()}
    wanted["python"] = PROJECT["project"]["requires-python"]
    found = bounds([entry for entry in CONDA["dependencies"] if isinstance(entry, str)])
    found.pop("pip")
    assert found == wanted


def test_conda_environment_names_its_channels() -> None:
    assert CONDA["channels"] == ["conda-forge", "nodefaults"]
    assert {"pip": ["--no-deps --editable ."]} in CONDA["dependencies"]


def test_constraints_are_within_the_bounds() -> None:
    from packaging.requirements import Requirement

    needed = {r.name: r.specifier for r in map(Requirement, PROJECT["project"]["dependencies"])}
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [Requirement(line.split("#")[0]) for line in lines if line.split("#")[0].strip()]
    assert {pin.name for pin in pins} >= {"torch"}
    for pin in pins:
        (version,) = (part.version for part in pin.specifier if part.operator == "==")
        assert version in needed.get(pin.name, pin.specifier)


# Modules of optional distributions under another name, which need not be installed here.
NAMED = {"libsbml": "python-libsbml"}


def test_what_is_imported_is_declared_and_the_reverse() -> None:
    """A dependency of a dependency may vanish; one that nothing imports is a burden."""
    distributions = metadata.packages_distributions()
    roots: set[str] = set()
    for path in (ROOT / "landscape").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                roots |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                roots.add(node.module.split(".")[0])
    roots -= {"landscape", *sys.stdlib_module_names}
    imported = {distributions.get(root, [NAMED.get(root, root)])[0].lower().replace("_", "-") for root in roots}
    runtime = set(bounds(PROJECT["project"]["dependencies"]))
    extras = PROJECT["project"]["optional-dependencies"]
    optional = {name for key in extras if key != "all" for name in bounds(extras[key])}
    assert imported - optional <= runtime, f"declare {sorted(imported - optional - runtime)}"
    assert runtime - NEEDED_BESIDE <= imported, f"drop {sorted(runtime - NEEDED_BESIDE - imported)}"


def test_version_agrees_everywhere() -> None:
    assert metadata.version("genomic-landscape") == landscape.__version__
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## [{landscape.__version__}]" in changelog or "## [Unreleased]" in changelog


def test_tests_run_against_this_checkout() -> None:
    """An editable install counts as installed; another copy on the path would be tested in its place."""
    assert Path(landscape.__file__).parent == ROOT / "landscape"
    assert metadata.distribution("genomic-landscape").files


@pytest.mark.parametrize("name", ["py.typed", "datasets/registry.json"])
def test_package_data_are_there(name: str) -> None:
    assert (ROOT / "landscape" / name).is_file()


def test_wheel_excludes_nothing_that_git_tracks() -> None:
    """Hatchling packs what git does not ignore; a data file that .gitignore catches would be lost silently."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    ignored = subprocess.run(
        ["git", "ls-files", "--others", "--ignored", "--exclude-standard", "landscape"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    assert not [name for name in ignored if "__pycache__" not in name]


def test_import_is_quick() -> None:
    assert seconds([sys.executable, "-c", "import landscape"]) < 1


def test_import_loads_nothing_heavy() -> None:
    code = f"import landscape, sys; print(sorted(set(sys.modules) & set({HEAVY})))"
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert out.strip() == "[]"


def test_help_is_quick() -> None:
    command = Path(sys.executable).with_name("landscape")
    assert command.exists(), "install the package: `pip install -e .`"
    assert seconds([str(command), "--help"]) < 1


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'landscape' has no attribute 'potential'"):
        landscape.potential  # noqa: B018


def test_offered_names_are_listed() -> None:
    assert set(landscape.__all__) == set(dir(landscape))


def test_lists_that_the_package_reads_are_in_it() -> None:
    """Regulators, gene names and superseded symbols need no folder of data and no network."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    tracked = subprocess.run(["git", "ls-files", "landscape"], cwd=ROOT, check=True, capture_output=True, text=True)
    lists = {f"landscape/datasets/regulators_{species}.tsv" for species in ("human", "mouse")}
    names = {f"landscape/network/data/{name}" for name in ("genes_human.txt", "genes_mouse.txt", "superseded.tsv")}
    assert lists | names <= set(tracked.stdout.split())

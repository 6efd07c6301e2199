"""The house keeps its order: imports flow one way, files stay small, and what is banned stays out."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

import landscape

ROOT = Path(landscape.__file__).parent

# A file imports only from its own layer or from a layer to its left.
LAYERS = (
    ("_keys", "_random", "_files", "_counts", "_threads"),
    ("systems",),
    ("latent",),
    ("network",),
    ("markov",),
    ("directions",),
    ("dynamics",),
    ("topography",),
    ("perturbation",),
    ("circuits",),
    ("_anndata",),
    ("_model", "_directions"),
    ("datasets", "pp"),
    ("_regulators",),
    ("tl", "get"),
    ("pl",),
    ("report",),
    ("_run",),
    ("cli",),
    ("__init__",),  # offers everything, lazily
)
RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}

# Below `_anndata` there are arrays, tensors and small records.
ABOVE_ARRAYS = {"anndata", "scanpy", "matplotlib", "seaborn", "plotly", "scvi", "typer", "rich"}
EXCEPTIONS = {
    "latent/model.py": {"anndata", "scvi"},  # scvi-tools' data handling
    "latent/data_manager.py": {"anndata"},  # scvi-tools' data handling, split from the model
    "latent/reading.py": {"anndata"},  # as latent/data_manager.py
    "latent/disk.py": {"anndata"},  # reads the tables of a file
    "latent/compression.py": {"anndata"},  # fits several models, as latent/model.py
    "latent/scvi.py": {"anndata", "scvi"},  # to and from scvi-tools' own model
    "latent/architecture.py": {"scvi"},  # builds scvi-tools' module
    "latent/module.py": {"scvi"},  # the type of scvi-tools' module
    "latent/likelihood.py": {"scvi"},  # as latent/module.py
    "latent/training.py": {"scvi"},  # as latent/module.py
    "latent/trainer.py": {"scvi"},  # as latent/module.py
    "latent/posterior.py": {"scvi"},  # as latent/module.py
    "latent/geometry.py": {"scvi"},  # as latent/module.py
    "latent/geodesic.py": {"scvi"},  # as latent/module.py
    "circuits/simulate.py": {"anndata"},  # the simulator returns an AnnData object with its truth
}
# Unpickling runs code that comes with the file.
BANNED_MODULES = {"pickle", "dill", "cloudpickle", "marshal", "shelve"}
SAFE_VALUE = {"allow_pickle": False, "weights_only": True}
MAX_LINES = 350

FILES = sorted(path for path in ROOT.rglob("*.py"))


def layer(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imported(tree: ast.AST) -> set[str]:
    """Dotted names of every module imported anywhere in the tree, inside functions too."""
    modules: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: relative import"
            modules |= {f"{node.module}.{alias.name}" for alias in node.names}
    return modules


def own_layers(modules: set[str]) -> set[str]:
    """Layers of this package among imported modules; `from landscape import run` names the function's layer."""
    inner = {module.split(".")[1] for module in modules if module.startswith("landscape.")}
    return {"_run" if part == "run" else part for part in inner} - {"__version__"}


@pytest.fixture(params=FILES, ids=name)
def path(request: pytest.FixtureRequest) -> Path:
    return request.param


def test_every_module_has_its_place() -> None:
    assert {layer(path) for path in FILES} <= RANK.keys()


def test_imports_flow_one_way(path: Path) -> None:
    upward = {other for other in own_layers(imported(parse(path))) if RANK[other] > RANK[layer(path)]}
    assert not upward, f"{name(path)} imports from its right: {sorted(upward)}"


def test_arrays_below_anndata_above(path: Path) -> None:
    if RANK[layer(path)] >= RANK["_anndata"]:
        return
    roots = {module.split(".")[0] for module in imported(parse(path))}
    unexpected = (roots & ABOVE_ARRAYS) - EXCEPTIONS.get(name(path), set())
    assert not unexpected, f"{name(path)} imports {sorted(unexpected)}, which belong above the array functions"


def test_exceptions_are_still_needed() -> None:
    for file, modules in EXCEPTIONS.items():
        roots = {module.split(".")[0] for module in imported(parse(ROOT / file))}
        assert modules <= roots, f"{file} no longer imports {sorted(modules - roots)}"


def test_file_is_small_and_not_empty(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= MAX_LINES, f"{name(path)} has {len(lines)} lines; split it by idea"
    body = [
        node for node in parse(path).body if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
    ]
    assert body or path.name == "__init__.py", f"{name(path)} does nothing"
    assert path.stem not in {"utils", "_utils", "helpers", "_helpers", "misc", "_misc", "common"}, (
        "name it after its idea"
    )


def test_module_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(parse(path)), f"{name(path)} has no docstring"


def test_no_banned_constructs(path: Path) -> None:
    found: list[str] = []
    tree = parse(path)
    roots = {module.split(".")[0] for module in imported(tree)}
    found += [f"imports {module}" for module in sorted(roots & BANNED_MODULES)]
    for node in ast.walk(tree):
        at = f"line {getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
            found.append(f"{at}: star import")
        elif isinstance(node, ast.ExceptHandler) and (
            node.type is None or (isinstance(node.type, ast.Name) and node.type.id in {"Exception", "BaseException"})
        ):
            found.append(f"{at}: blind except")
        elif isinstance(node, ast.Assert):
            found.append(f"{at}: assert vanishes under -O; raise")
        elif isinstance(node, ast.Name) and node.id == "print" and layer(path) != "cli":
            found.append(f"{at}: print outside cli")
        elif isinstance(node, ast.keyword) and node.arg in SAFE_VALUE:
            safe = isinstance(node.value, ast.Constant) and node.value.value is SAFE_VALUE[node.arg]
            found += [] if safe else [f"{at}: {node.arg} lets a file run code"]
    assert not found, f"{name(path)}: {found}"


def test_tests_mirror_the_package() -> None:
    """A folder of tests that has no folder or module of that name tests nothing that exists."""
    tests = Path(__file__).parent
    names = {path.name for path in tests.iterdir() if path.is_dir() and any(path.rglob("test_*.py"))}
    assert names <= RANK.keys() | {"integration", "benchmarks"}, sorted(names - RANK.keys())

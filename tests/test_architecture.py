"""The house keeps its order: imports flow one way, each package keeps to its own, and what is banned stays out."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import landscape

ROOT = Path(landscape.__file__).parent

# A file imports only from its own layer or from a layer to its left.
LAYERS = (
    ("_keys", "_random", "_files", "_counts", "_numbers", "_threads"),
    ("systems",),
    ("latent",),
    ("network",),
    ("markov",),
    ("structure",),
    ("directions",),
    ("dynamics",),
    ("topography",),
    ("perturbation",),
    ("evolution",),
    ("consensus",),
    ("circuits",),
    ("reprogramming",),
    ("assays",),
    ("_anndata",),
    ("_model", "_directions", "_labels", "_verdict"),
    ("datasets", "pp"),
    ("_regulators",),
    ("tl", "get"),
    ("pl",),
    ("report",),
    ("_run",),
    ("cli",),
    ("__main__",),
    ("__init__",),  # offers everything, lazily
)
RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}

# Below `_anndata` there are arrays, tensors and small records.
ABOVE_ARRAYS = {"anndata", "scanpy", "matplotlib", "seaborn", "plotly", "scvi", "typer", "rich"}
EXCEPTIONS = {
    "latent/ensemble.py": {"anndata"},  # several models, as latent/model.py
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
# Ninety-five of a hundred files and functions are no longer; a longer one is judged by whether it holds one idea.
P95_FILE_LINES, P95_FUNCTION_LINES = 300, 60
# Lines of a function of `tl`, without its docstring, above which it has to have to do with AnnData.
TL_LINES = 15
# Packages that do not import one another, though both lie below: the chain of cells knows no model, and a model no topography.
APART = {"markov": {"dynamics", "topography", "tl"}, "dynamics": {"topography", "tl"}}
# What simulates; a figure draws what was simulated before.
SIMULATES = {"simulate", "integrate", "label_ends", "first_hits", "destinations"}

FILES = sorted(path for path in ROOT.rglob("*.py"))

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


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


def functions(tree: ast.AST) -> Iterator[FunctionNode]:
    """All functions, those in classes and in functions too."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def arguments(node: FunctionNode) -> list[ast.arg]:
    return [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]


def length(node: FunctionNode) -> int:
    """Lines of a function without its docstring and decorators."""

    def lines(part: ast.stmt) -> int:
        return (part.end_lineno or part.lineno) - part.lineno + 1

    return lines(node) - (lines(node.body[0]) if ast.get_docstring(node) else 0)


def module_name(path: Path) -> str:
    parts = ("landscape", *path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in FILES}


def modules_behind(modules: set[str]) -> set[str]:
    """Modules of this package among dotted names; a name that is no module stands for the one that defines it."""
    inner = {module for module in modules if module.startswith("landscape.")}
    return {module if module in MODULES else module.rpartition(".")[0] for module in inner} & MODULES.keys()


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


def test_file_is_not_empty_and_has_a_name(path: Path) -> None:
    body = [
        node for node in parse(path).body if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
    ]
    assert body or path.name == "__init__.py", f"{name(path)} does nothing"
    assert path.stem not in {"utils", "_utils", "helpers", "_helpers", "misc", "_misc", "common"}, (
        "name it after its idea"
    )


def test_files_and_functions_are_mostly_small() -> None:
    """Length is a smell, no law: the 95th percentile is bounded, and a large file is judged by idea."""
    files = [len(path.read_text(encoding="utf-8").splitlines()) for path in FILES]
    assert np.quantile(files, 0.95) <= P95_FILE_LINES
    lines = [length(node) for path in FILES for node in functions(parse(path))]
    assert np.quantile(lines, 0.95) <= P95_FUNCTION_LINES


def touches_anndata(node: FunctionNode) -> bool:
    """Whether a function has an argument that is an AnnData object or was read from one, or reads or writes one.

    Such an argument is annotated with ``AnnData`` or ``StoredCells`` (an AnnData object as directions read it), or called
    ``adata``, ``record`` or ``results``. Reading and writing are calls of functions whose name starts with
    ``read`` or ``write``.
    """
    for argument in arguments(node):
        annotation = "" if argument.annotation is None else ast.unparse(argument.annotation)
        if argument.arg in {"adata", "record", "results"} or {"AnnData", "StoredCells"} & set(annotation.split(" | ")):
            return True
    calls = (inner.func for inner in ast.walk(node) if isinstance(inner, ast.Call))
    names = (call.id if isinstance(call, ast.Name) else getattr(call, "attr", "") for call in calls)
    return any(called.startswith(("read", "write")) for called in names)


@pytest.mark.parametrize("path", [path for path in FILES if layer(path) == "tl"], ids=name)
def test_tl_is_the_door_and_not_the_workshop(path: Path) -> None:
    """A function of `tl` that never touches AnnData is short: what it computes belongs to a numerical package.

    A function touches AnnData if :func:`touches_anndata` says so; its length is counted without the docstring. Functions
    inside functions count as part of these. The rule looks at names, so it finds what was put in the wrong place, not what
    is hidden on purpose.
    """
    tree = parse(path)
    outer = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    methods = [node for item in tree.body if isinstance(item, ast.ClassDef) for node in functions(item)]
    astray = [node.name for node in [*outer, *methods] if length(node) > TL_LINES and not touches_anndata(node)]
    assert not astray, f"{name(path)}: {astray} never touch AnnData; move them to a numerical package"


@pytest.mark.parametrize("path", [path for path in FILES if layer(path) == "pl"], ids=name)
def test_figures_simulate_nothing(path: Path) -> None:
    called = {node.attr for node in ast.walk(parse(path)) if isinstance(node, ast.Attribute)}
    called |= {module.rpartition(".")[2] for module in imported(parse(path))}
    assert not called & SIMULATES, f"{name(path)} simulates by {sorted(called & SIMULATES)}; figures draw results"


@pytest.mark.parametrize("package", APART)
def test_packages_that_are_apart_do_not_import_one_another(package: str) -> None:
    for path in FILES:
        if layer(path) == package:
            found = own_layers(imported(parse(path))) & APART[package]
            assert not found, f"{name(path)} imports {sorted(found)}"


def test_private_names_stay_within_their_package(path: Path) -> None:
    """A name or module with a leading underscore is imported within its own package only.

    Modules directly below ``landscape`` that start with an underscore (``_anndata``, ``_keys``) are shared by all packages,
    their private names are not; ``_run`` is a package like the others.
    """
    found = []
    for module in imported(parse(path)):
        parts = module.split(".")
        if parts[0] == "landscape" and len(parts) > 1 and parts[1] != layer(path):
            shared = parts[1].startswith("_") and f"landscape.{parts[1]}" in MODULES
            private = [part for part in parts[2 if shared else 1 :] if part.startswith("_") and part != "__version__"]
            found += [module] if private else []
    assert not found, f"{name(path)} imports private names of other packages: {sorted(found)}"


def test_no_import_goes_in_a_circle() -> None:
    """Modules import one another in one direction, imports inside functions included.

    The package ``landscape`` itself is left out: it names its sub-packages for type checkers and loads them when they are
    asked for.
    """
    graph = {module: modules_behind(imported(parse(path))) - {module} for module, path in MODULES.items()}
    del graph["landscape"]
    done: set[str] = set()

    def visit(module: str, above: tuple[str, ...]) -> None:
        assert module not in above, " -> ".join([*above[above.index(module) :], module])
        if module not in done:
            for other in graph.get(module, ()):
                visit(other, (*above, module))
            done.add(module)

    for module in graph:
        visit(module, ())


def test_the_model_is_passed_whole(path: Path) -> None:
    """Drift and diffusion go together, as a model; only what integrates arrays takes them apart, and what makes a model."""
    if layer(path) == "topography" or name(path) == "dynamics/sde.py":
        return
    apart = [
        node.name
        for node in functions(parse(path))
        if {"drift", "diffusion"} <= {argument.arg for argument in arguments(node)}
        and not (node.returns and ast.unparse(node.returns).startswith(("Model", "GeneModel")))
    ]
    assert not apart, f"{name(path)}: {apart} take drift and diffusion apart; pass the `Model`"


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

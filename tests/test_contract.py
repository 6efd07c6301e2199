"""The contract of the public functions: their signatures, and what their docstrings must say.

The names and argument orders below are what users' code and other packages rely on; they change only with a release
that says so.
"""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from anndata import AnnData

import landscape as ls

# Name -> leading arguments in order with their defaults (`...`: none). Behind "*" all are by keyword.
FIXED: dict[str, list[tuple[str, Any]]] = {
    "run": [("adata", ...), ("*", ...)],
    "report": [("adata", ...), ("path", ...), ("*", ...)],
    "tl.network": [
        ("adata", ...),
        ("*", ...),
        ("regulators", None),
        ("layer", "counts"),
        ("response_layer", None),
        ("method", "ridge"),
        ("prior", None),
        ("covariates", None),
        ("key_added", "network"),
    ],
    "tl.dynamics": [
        ("adata", ...),
        ("*", ...),
        ("network_key", "network"),
        ("direction", ...),
        ("response", None),
        ("diffusion", None),
    ],
    "tl.attractors": [("adata", ...), ("*", ...)],
    "tl.basins": [("adata", ...), ("*", ...)],
    "tl.fates": [("adata", ...), ("*", ...), ("terminal", None), ("key_added", "fates")],
    "tl.barriers": [("adata", ...), ("*", ...)],
    "tl.paths": [("adata", ...), ("*", ...)],
    "tl.guy_ropes": [
        ("adata", ...),
        ("*", ...),
        ("wrt", ("strength", "production")),
        ("key_added", "guy_ropes"),
    ],
    "tl.genomic_code": [
        ("adata", ...),
        ("*", ...),
        ("models", ()),
        ("assays", None),
        ("checkpoint", None),
        ("key_added", "genomic_code"),
    ],
    "tl.perturb": [("adata", ...), ("levels", ...), ("*", ...)],
    "tl.reprogram": [("adata", ...), ("source", ...), ("target", None), ("*", ...), ("to", None), ("max_genes", 3)],
    "pl.landscape": [("adata", ...), ("*", ...)],
    "pl.network": [("adata", ...), ("*", ...)],
    "pl.fates": [("adata", ...), ("*", ...)],
    "pl.perturbation": [("adata", ...), ("*", ...)],
    "get.network": [("adata", ...), ("*", ...)],
    "topography.fixed_points": [("drift", ...), ("starts", ...)],
    "topography.minimum_action": [("drift", ...), ("start", ...), ("end", ...), ("*", ...), ("diffusion", ...)],
    "topography.mean_first_passage_time": [
        ("drift", ...),
        ("start", ...),
        ("target", ...),
        ("*", ...),
        ("diffusion", ...),
        ("radius", ...),
    ],
    "circuits.simulate": [("circuit", ...), ("*", ...), ("n_cells", ...), ("knockouts", ()), ("rng", 0)],
    "dynamics.from_root": [],
    "dynamics.from_pseudotime": [],
    "dynamics.from_time": [],
    "dynamics.from_unspliced": [],
    "dynamics.from_velocity": [],
    "dynamics.from_transitions": [],
    "datasets.hematopoiesis": [],
}
# Array functions that live beside their AnnData siblings.
ON_ARRAYS = {"pp.pearson_residual_variance"}
# Their results have one place each, because later stages read them there.
WITHOUT_KEY_ADDED = {"tl.attractors", "tl.barriers", "tl.dynamics", "tl.occupancy", "tl.paths", "tl.rates"}
POSITIONAL = {"tl.perturb": 2, "tl.reprogram": 3, "report": 2}  # every other function takes one argument by position


def resolve(name: str) -> Any:
    found: Any = ls
    for part in name.split("."):
        found = getattr(found, part)
    return getattr(found, name) if inspect.ismodule(found) else found  # `report` is a package that may be called


def public_functions(*, of: tuple[str, ...]) -> list[str]:
    """Dotted names of the functions in `__all__` of sub-packages."""
    names = []
    for package in of:
        module = importlib.import_module(f"landscape.{package}")
        names += [f"{package}.{name}" for name in module.__all__ if inspect.isfunction(getattr(module, name))]
    return names


ON_ADATA = [name for name in public_functions(of=("pp", "tl", "pl", "get")) if name not in ON_ARRAYS]
ON_USERS_SIDE = public_functions(of=("pp", "tl", "pl", "get", "datasets", "circuits"))
DOCUMENTED = ON_USERS_SIDE + public_functions(of=("latent", "network", "dynamics", "topography", "assays"))


@pytest.mark.parametrize("package", [name for name in ls.__all__ if name not in {"__version__", "run", "report"}])
def test_every_offered_package_exists(package: str) -> None:
    assert importlib.import_module(f"landscape.{package}").__all__


@pytest.mark.parametrize("name", FIXED)
def test_fixed_signatures(name: str) -> None:
    parameters = inspect.signature(resolve(name)).parameters
    keyword_only = False
    for position, (wanted, default) in enumerate(FIXED[name]):
        if wanted == "*":
            keyword_only = True
            behind = list(parameters.values())[position:]
            assert all(p.kind in (p.KEYWORD_ONLY, p.VAR_KEYWORD) for p in behind), [str(p) for p in behind]
            continue
        assert wanted in parameters, f"{name} has lost its argument {wanted!r}"
        found = parameters[wanted]
        if keyword_only:
            assert found.kind is found.KEYWORD_ONLY
        else:
            assert list(parameters)[position] == wanted
        if default is not ...:
            assert found.default == default


def test_report_stays_a_function_when_its_package_was_imported_first() -> None:
    """An imported sub-package of that name would hide it."""
    code = (
        "import landscape.pl, importlib; importlib.import_module(landscape._LAZY['report']); landscape.report.__call__"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", ON_ADATA)
def test_adata_first_then_keywords(name: str) -> None:
    parameters = list(inspect.signature(resolve(name)).parameters.values())
    assert parameters[0].name == "adata"
    allowed = POSITIONAL.get(name, 1)
    by_position = [p.name for p in parameters if p.kind is not p.KEYWORD_ONLY and p.kind is not p.VAR_KEYWORD]
    assert len(by_position) == allowed, f"{name} takes {by_position} by position"


@pytest.mark.parametrize("name", [name for name in ON_ADATA if name.startswith(("tl.", "pp."))])
def test_tools_write_in_place_or_copy(name: str) -> None:
    function = resolve(name)
    signature = inspect.signature(function, eval_str=True)
    if signature.return_annotation not in (AnnData | None, None):
        return  # it measures and returns; it writes nothing
    assert signature.parameters["copy"].default is False
    assert signature.return_annotation == AnnData | None
    if name.startswith("tl.") and name not in WITHOUT_KEY_ADDED:
        assert "key_added" in signature.parameters
        default = signature.parameters["key_added"].default
        assert isinstance(default, str) or name == "tl.perturb"  # its results are named after the perturbation


@pytest.mark.parametrize("name", DOCUMENTED)
def test_randomness_is_passed_in(name: str) -> None:
    parameters = inspect.signature(resolve(name)).parameters
    assert not {"random_state", "seed"} & parameters.keys(), "the argument is called rng"
    if "rng" in parameters:
        # An array function may ask for it; a tool repeats itself unless told otherwise.
        assert parameters["rng"].default in (
            {0} if name.startswith(("tl.", "pl.", "pp.")) else {0, None, inspect.Parameter.empty}
        )


@pytest.mark.parametrize("name", DOCUMENTED)
def test_docstring_is_complete(name: str) -> None:
    function: Callable[..., Any] = resolve(name)
    text = inspect.getdoc(function)
    assert text, f"{name} has no docstring"
    parameters = [p.name for p in inspect.signature(function).parameters.values()]
    sections = {a for a, b in zip(text.splitlines(), text.splitlines()[1:], strict=False) if set(b) == {"-"}}
    if parameters and name in ON_USERS_SIDE:
        assert "Parameters" in sections
    if "Parameters" in sections:
        described = _described(text)
        assert set(parameters) <= described, f"{name} does not describe {sorted(set(parameters) - described)}"
        assert described <= set(parameters), (
            f"{name} describes what it does not take: {sorted(described - set(parameters))}"
        )
    # A loader without arguments may say in its first line what comes back.
    if parameters and name in ON_USERS_SIDE and inspect.signature(function).return_annotation not in (None, "None"):
        assert "Returns" in sections or "Yields" in sections


def _described(text: str) -> set[str]:
    """Names at the margin of the section on parameters; `a, b` describes two, `**options` counts as `options`."""
    lines = text.splitlines()
    start = lines.index("Parameters") + 2
    names: set[str] = set()
    for here, below in zip(lines[start:], [*lines[start + 1 :], ""], strict=True):
        if here and set(below) == {"-"}:
            break
        if here and not here.startswith(" "):
            names |= {part.strip().lstrip("*") for part in here.split(" : ")[0].split(",")}
    return names

"""One battery of bad and unusual inputs over every public function that takes an AnnData object.

A function of ``ls.pp``, ``ls.tl`` or ``ls.get`` is picked up by itself: from its name in ``__all__`` and from its first
parameter, ``adata``; those that read counts are told by their parameter ``layer``. Only what it needs besides is
listed in ``NEEDS``. Each row states the behaviour that is wanted.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy import sparse

import landscape as ls

N_CELLS, N_GENES = 120, 12

# What a function needs besides `adata`, where that is not clear from its signature.
NEEDS: dict[str, Callable[[], dict[str, Any]]] = {
    "tl.network": lambda: {"n_bootstraps": 3},
    "tl.consensus": lambda: {"models": []},
    "tl.dynamics": lambda: {"direction": ls.dynamics.from_root("day=0.0"), "refine": False},
    "tl.perturb": lambda: {"levels": {"Gata1": 0.0}},
    "tl.reprogram": lambda: {"source": "A", "target": "B"},
    "tl.state_networks": lambda: {"groupby": "batch"},
    "tl.drivers": lambda: {"n_blocks": 10},
    "tl.activity": lambda: {"min_targets": 1},
    "get.values_at_states": lambda: {"states": pd.DataFrame({"Gata1": [0.5]}), "values": np.zeros((N_CELLS, 1))},
}
# They say what they find, and raise nothing for values that are no counts.
REPORTS = {"pp.check", "pp.check_counts"}
# They look at the names of the genes only.
NAMES_ONLY = {"pp.find_regulators"}


@dataclass(frozen=True)
class Function:
    name: str
    call: Callable[..., Any]
    reads_counts: bool
    parameters: frozenset[str]

    def __call__(self, adata: AnnData, **options: Any) -> Any:
        return self.call(adata, **{**NEEDS.get(self.name, dict)(), **options})


def latent_model(adata: AnnData, *, layer: str | None = "counts", batch_key: str | None = None) -> np.ndarray:
    """The latent stage as one call."""
    model = ls.latent.LatentModel(adata, layer=layer, batch_key=batch_key, n_latent=2, n_hidden=4)
    model.train(max_epochs=1)
    return model.get_latent_representation()


def found() -> Iterator[Function]:
    yield Function("latent.LatentModel", latent_model, reads_counts=True, parameters=frozenset({"layer", "batch_key"}))
    for module in ("pp", "tl", "get"):
        try:
            offered = getattr(ls, module)
        except ModuleNotFoundError:
            continue
        for name in offered.__all__:
            function = getattr(offered, name)
            if not inspect.isfunction(function):
                continue
            parameters = list(inspect.signature(function).parameters)
            if parameters[0] == "adata":
                full = f"{module}.{name}"
                counts = "layer" in parameters or full in REPORTS
                yield Function(full, function, reads_counts=counts, parameters=frozenset(parameters))


FUNCTIONS = list(found())
every = pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.name)
of_counts = pytest.mark.parametrize("function", [f for f in FUNCTIONS if f.reads_counts], ids=lambda f: f.name)
of_batches = pytest.mark.parametrize(
    "function", [f for f in FUNCTIONS if {"batch_key", "covariates"} & f.parameters], ids=lambda f: f.name
)
writers = pytest.mark.parametrize(
    "function", [f for f in FUNCTIONS if f.reads_counts and "copy" in f.parameters], ids=lambda f: f.name
)


@pytest.fixture
def adata(request: pytest.FixtureRequest) -> AnnData:
    """Two kinds of cells at four times; four of the genes are regulators. With what the tested function waits for."""
    rng = np.random.default_rng(0)
    rate = rng.gamma(4.0, 1.0, size=(2, N_GENES))
    kind = rng.integers(2, size=N_CELLS)
    counts = rng.poisson(rate[kind] * rng.uniform(1, 3, size=(N_CELLS, 1))).astype(np.float32)
    adata = AnnData(sparse.csr_matrix(counts), layers={"counts": sparse.csr_matrix(counts)})
    adata.obs_names = [f"cell{i}" for i in range(N_CELLS)]
    adata.var_names = ["Gata1", "Spi1", "Klf1", "Gfi1", *(f"Actb{i}" for i in range(N_GENES - 4))]
    adata.var["regulator"] = [True] * 4 + [False] * (N_GENES - 4)
    adata.obs["day"] = np.repeat([0.0, 1.0, 2.0, 3.0], N_CELLS // 4)
    adata.obs["batch"] = pd.Categorical(rng.choice(["a", "b"], N_CELLS), categories=["a", "unused", "b"])
    parameters = getattr(getattr(request.node, "callspec", None), "params", {})
    name = getattr(parameters.get("function"), "name", None)
    if name in ("tl.dynamics", "tl.drivers"):
        adata.obsm["X_latent"] = np.c_[kind, rng.normal(size=N_CELLS)]
    if name in ("tl.dynamics", "tl.activity"):
        adata.varp["network"] = sparse.csr_matrix(np.eye(N_GENES, k=1))
        adata.varp["network_support"] = adata.varp["network"].copy()
        adata.var["regulator_in_network"] = adata.var["regulator"].to_numpy()
    if name == "tl.drivers":
        share = rng.uniform(0, 0.2, size=N_CELLS) + 0.8 * kind
        adata.obsm["fates"] = pd.DataFrame({"a": share, "b": 1 - share}, index=adata.obs_names)
    return adata


def outcome(function: Function, adata: AnnData, **options: Any) -> dict[str, np.ndarray]:
    """Every number that a call returns or writes, by place."""
    result = function(adata, **options)
    numbers: dict[str, np.ndarray] = {}
    if isinstance(result, np.ndarray):
        numbers["result"] = result
    for slot in ("obs", "var"):
        for key, column in getattr(adata, slot).items():
            if column.dtype.kind in "bif":
                numbers[f"{slot}/{key}"] = column.to_numpy(dtype=float)
    for slot in ("obsm", "varp", "obsp"):
        for key, value in getattr(adata, slot).items():
            numbers[f"{slot}/{key}"] = value.toarray() if sparse.issparse(value) else np.asarray(value)
    return numbers


def assert_same_keys(adata: AnnData, before: AnnData) -> None:
    for slot in ("obsm", "varp", "obsp", "varm", "uns"):
        assert set(getattr(adata, slot)) == set(getattr(before, slot)), slot


def assert_same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        # the same numbers in another storage: sums may be in another order
        np.testing.assert_allclose(found[key], value, rtol=1e-5, atol=1e-6, err_msg=key)


# ---------------------------------------------------------------------------------------------- what is no data


@every
@pytest.mark.parametrize(
    "wrong", [None, np.eye(3), pd.DataFrame({"a": [1]}), "file.h5ad"], ids=lambda w: type(w).__name__
)
def test_anything_but_anndata_is_a_type_error(function, wrong):
    with pytest.raises(TypeError, match="Expected an AnnData object, found"):
        function(wrong)


@every
def test_backed_data_are_refused_with_the_remedy(function, adata, tmp_path):
    adata.write_h5ad(tmp_path / "a.h5ad")
    backed = ad.read_h5ad(tmp_path / "a.h5ad", backed="r")
    try:
        with pytest.raises(ValueError, match=r"adata.to_memory\(\)"):
            function(backed)
    finally:
        backed.file.close()


@pytest.mark.parametrize(
    "function", [f for f in FUNCTIONS if not f.reads_counts and not f.name.startswith("pp.")], ids=lambda f: f.name
)
def test_a_missing_result_names_the_call_that_makes_it(function, adata):
    with pytest.raises((KeyError, ValueError), match=r"landscape\.|ls\.|tl\."):
        function(adata)


# ---------------------------------------------------------------------------------------------- what are no counts


def one_value(value: float) -> Callable[[AnnData], None]:
    def change(adata: AnnData) -> None:
        dense = adata.layers["counts"].toarray()
        dense[7, 2] = value
        adata.layers["counts"] = sparse.csr_matrix(dense)

    return change


def log_normalised(adata: AnnData) -> None:
    adata.layers["counts"] = sparse.csr_matrix(np.log1p(adata.layers["counts"].toarray()))


NO_COUNTS = {
    "log-normalised": (log_normalised, ValueError, r"Expected non-negative integer counts in .*gene.*Pass `layer="),
    "one fraction": (one_value(0.5), ValueError, "1 not integer.* 0.5 for cell 'cell7', gene 'Klf1'"),
    "one negative": (one_value(-1), ValueError, "1 negative.* for cell 'cell7', gene 'Klf1'"),
    "one nan": (one_value(np.nan), ValueError, "1 not finite.* nan for cell 'cell7', gene 'Klf1'"),
    "one inf": (one_value(np.inf), ValueError, "1 not finite.* inf for cell 'cell7'"),
    "booleans": (
        lambda a: a.layers.update(counts=a.layers["counts"].astype(bool)),
        TypeError,
        "found booleans; pass `layer=`",
    ),
    "objects": (
        lambda a: a.layers.update(counts=a.layers["counts"].toarray().astype(object)),
        TypeError,
        "Expected numbers .* found dtype object",
    ),
    "empty cells": (lambda a: empty(a, cells=[3, 5]), ValueError, "2 of 120 cells have no counts"),
    "no layer": (lambda a: a.layers.pop("counts"), KeyError, r"layers\['counts'\]` is missing; pass `layer=`"),
    "no cells": (lambda a: a._inplace_subset_obs([]), ValueError, "0 cells"),
    "no genes": (lambda a: a._inplace_subset_var([]), ValueError, "0 genes|regulator"),
}


def empty(adata: AnnData, cells: list[int] | None = None, genes: list[int] | None = None) -> None:
    dense = adata.layers["counts"].toarray()
    dense[cells or []] = 0
    dense[:, genes or []] = 0
    adata.layers["counts"] = sparse.csr_matrix(dense)


@of_counts
@pytest.mark.parametrize("row", NO_COUNTS)
def test_no_counts(function, adata, row):
    change, error, message = NO_COUNTS[row]
    change(adata)
    if function.name in REPORTS:
        if row == "no layer" and function.name == "pp.check_counts":
            pytest.raises(KeyError, function, adata)
        elif issubclass(error, ValueError) or function.name == "pp.check":
            function(adata)  # says so in its result, see tests/pp
        return
    before = adata.copy()
    with pytest.raises(error, match=message):
        function(adata)
    # a call that fails has written nothing
    assert list(adata.var) == list(before.var)
    assert list(adata.varp) == list(before.varp)
    assert list(adata.obsm) == list(before.obsm)
    assert list(adata.uns) == list(before.uns)


@of_counts
def test_genes_without_counts_give_finite_numbers(function, adata):
    empty(adata, genes=[1, 8])
    for key, value in outcome(function, adata).items():
        assert np.isfinite(value).all(), key


# ---------------------------------------------------------------------------------------------- unusual storage


def repeated_entries(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    """The same matrix with every entry stored as two halves that are integers, in the wrong order."""
    coo = matrix.tocoo()
    less = np.minimum(coo.data, 1)
    order = np.lexsort((-coo.col, coo.row))
    rows, cols = coo.row[order], coo.col[order]
    data = np.stack([less[order], (coo.data - less)[order]], axis=1).ravel()
    indptr = np.searchsorted(np.repeat(rows, 2), np.arange(matrix.shape[0] + 1))
    return sparse.csr_matrix((data, np.repeat(cols, 2), indptr), shape=matrix.shape)


def wide_indices(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    wide = matrix.copy()
    wide.indices, wide.indptr = wide.indices.astype(np.int64), wide.indptr.astype(np.int64)
    return wide


STORAGE = {
    "dense": lambda m: m.toarray(),
    "fortran": lambda m: np.asfortranarray(m.toarray()),
    "csc_matrix": sparse.csc_matrix,
    "csr_array": sparse.csr_array,
    "csc_array": sparse.csc_array,
    "float16": lambda m: m.toarray().astype(np.float16),
    "int64": lambda m: m.astype(np.int64),
    "uint8": lambda m: m.astype(np.uint8),
    "repeated entries": repeated_entries,
    "64-bit indices": wide_indices,
}


@of_counts
@pytest.mark.parametrize("form", STORAGE)
def test_every_storage_gives_the_same_numbers(function, adata, form):
    other = adata.copy()
    other.layers["counts"] = STORAGE[form](adata.layers["counts"])
    stored = other.layers["counts"]
    dense = stored.toarray() if sparse.issparse(stored) else stored
    np.testing.assert_array_equal(dense, adata.layers["counts"].toarray())
    assert_same(outcome(function, other), outcome(function, adata))


@of_counts
def test_lazy_arrays_are_refused_with_the_remedy(function, adata):
    dask = pytest.importorskip("dask.array")
    adata.layers["counts"] = dask.from_array(adata.layers["counts"].toarray(), chunks=(20, N_GENES))
    if function.name == "pp.check":
        assert function(adata).problems["problem"].str.contains("found Array").any()
        return
    with pytest.raises(TypeError, match=r"found Array; load the data with `adata = adata.to_memory\(\)`"):
        function(adata)


# ---------------------------------------------------------------------------------------------- names and columns


@of_counts
@pytest.mark.filterwarnings("ignore:Variable names are not unique:UserWarning")
def test_repeated_gene_names_are_refused_with_the_remedy(function, adata):
    adata.var_names = ["Gata1", "Gata1", *adata.var_names[2:]]
    if function.name in REPORTS:
        function(adata)
        return
    with pytest.raises(ValueError, match=r"\['Gata1'\].*run `adata.var_names_make_unique\(\)`"):
        function(adata)


@of_counts
def test_order_of_cells_and_genes_makes_no_difference(function, adata):
    """By name: the results of a shuffled copy are the shuffled results."""
    if function.name in REPORTS | {"latent.LatentModel"}:
        pytest.skip("writes nothing; the order of cells is the order of the fit, see tests/latent/test_posterior.py")
    rng = np.random.default_rng(1)
    shuffled = adata[rng.permutation(N_CELLS), rng.permutation(N_GENES)].copy()
    options = {"n_bootstraps": 0} if "n_bootstraps" in function.parameters else {}  # bootstraps draw cells by position
    for data in (adata, shuffled):
        function(data, **options)
    for key in set(adata.var) - {"regulator"}:
        found, expected = shuffled.var.loc[adata.var_names, key], adata.var[key]
        np.testing.assert_allclose(found.astype(float), expected.astype(float), rtol=1e-6, atol=1e-9, err_msg=key)


@of_batches
def test_cells_without_a_batch_are_counted(function, adata):
    adata.obs.loc[["cell3", "cell9"], "batch"] = np.nan
    if function.name in REPORTS:
        assert function(adata, batch_key="batch").problems["problem"].str.contains("2 of 120 cells have no value").any()
        return
    option = {"batch_key": "batch"} if "batch_key" in function.parameters else {"covariates": ["batch"]}
    with pytest.raises(ValueError, match=r"2 of 120 cells .*batch|batch.*found 2"):
        function(adata, **option)


@of_batches
def test_unused_categories_do_not_count(function, adata):
    option = {"batch_key": "batch"} if "batch_key" in function.parameters else {"covariates": ["batch"]}
    plain = adata.copy()
    plain.obs["batch"] = plain.obs["batch"].cat.remove_unused_categories()
    assert_same(outcome(function, adata, **option), outcome(function, plain, **option))
    assert adata.obs["batch"].cat.categories.tolist() == ["a", "unused", "b"]


@of_batches
def test_a_missing_batch_column_is_named(function, adata):
    option = {"batch_key": "donor"} if "batch_key" in function.parameters else {"covariates": ["donor"]}
    if function.name in REPORTS:
        assert function(adata, **option).problems["problem"].str.contains(r"obs\['donor'\]` is missing").any()
        return
    with pytest.raises(KeyError, match="donor"):
        function(adata, **option)


# ---------------------------------------------------------------------------------------------- what is written


@writers
def test_a_copy_leaves_the_input_alone(function, adata):
    before = adata.copy()
    result = function(adata, copy=True)
    assert isinstance(result, AnnData)
    assert function(adata.copy()) is None
    assert adata.var.equals(before.var)
    assert adata.obs.equals(before.obs)
    assert_same_keys(adata, before)
    assert (adata.layers["counts"] != before.layers["counts"]).nnz == 0


@of_counts
@pytest.mark.filterwarnings("ignore:.*view.*:anndata.ImplicitModificationWarning")
def test_a_view_never_changes_its_parent(function, adata):
    before = adata.copy()
    function(adata[::2])
    assert adata.shape == before.shape
    assert adata.var.equals(before.var)
    assert adata.obs.equals(before.obs)
    assert_same_keys(adata, before)


@writers
@pytest.mark.filterwarnings("ignore:Writing zarr v2 data will no longer be the default:UserWarning")  # anndata 0.12
def test_what_is_written_survives_both_file_formats(function, adata, tmp_path):
    function(adata)
    adata.write_h5ad(tmp_path / "a.h5ad")
    adata.write_zarr(tmp_path / "a.zarr")
    for again in (ad.read_h5ad(tmp_path / "a.h5ad"), ad.read_zarr(tmp_path / "a.zarr")):
        for slot in ("obs", "var", "obsm", "obsp", "varp"):
            assert set(getattr(again, slot)) == set(getattr(adata, slot)), slot
        assert set(again.uns.get("landscape", {})) == set(adata.uns.get("landscape", {}))


@pytest.mark.parametrize("function", [f for f in FUNCTIONS if "rng" in f.parameters], ids=lambda f: f.name)
@pytest.mark.parametrize("rng", ["0", 1.5, True])
def test_randomness_is_an_int_or_a_generator(function, adata, rng):
    if not function.reads_counts:
        pytest.skip("needs results of earlier stages, see its own tests")
    with pytest.raises(TypeError, match="Expected `rng` to be an int"):
        function(adata, rng=rng)

"""One table: input by input, what is wrong, and how to mend it. Nothing is computed, and the data stay as they were, bit by bit.

Python and the command line refuse the same data with the same words, because one inspection reads them.
"""

from __future__ import annotations

import re
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import landscape as ls
from landscape._run import memory
from landscape._run.directory import run_directory
from landscape._run.settings import from_mapping
from landscape.dynamics import from_pseudotime, from_root, from_time, from_transitions, from_unspliced, from_velocity
from tests.doors import N_CELLS, REGULATORS, assign, counted, frozen, put

ADD, NAN = np.arange(N_CELLS, dtype=float), np.nan


def with_obs(**columns: Any) -> Any:
    return lambda a: put(a, *next(iter(columns.items())))


def matrix(change: Any) -> Any:
    def apply(a: ad.AnnData) -> None:
        a.X = sparse.csr_matrix(change(a.X.toarray()))

    return apply


def layer(name: str, make: Any) -> Any:
    return lambda a: a.layers.__setitem__(name, make(a.X.toarray()))


def spoilt(value: float) -> Any:
    def change(dense: np.ndarray) -> np.ndarray:
        dense[7, 2] = value
        return dense

    return matrix(change)


def gap(dense: np.ndarray) -> np.ndarray:
    dense = dense - 3.0
    dense[0, 5] = np.nan
    return dense


def shrink(n: int) -> Any:
    return lambda a: a._inplace_subset_obs(np.arange(N_CELLS) < n)


def norm(dense: np.ndarray) -> np.ndarray:
    return dense / dense.sum(1, keepdims=True) * 1e4


def fractions(dense: np.ndarray) -> np.ndarray:
    return dense * np.random.default_rng(1).uniform(0.8, 1, dense.shape)


DAY = from_time("day")
# What is done to the data, the arguments of a run, the error, and its words.
REFUSED: dict[str, tuple[Any, dict[str, Any], Any, str]] = {
    # clocks
    "NaN times": (with_obs(day=np.where(ADD < 5, NAN, 1 + ADD % 2)), {"direction": DAY}, ValueError, "5 of 120 cells have no finite value .*drop them"),
    "words as times": (with_obs(day=np.where(ADD < 60, "early", "late")), {"direction": DAY}, ValueError, r"times in words.*\['early', 'late'\].*convert it to days"),
    "stages of two scales": (with_obs(day=np.where(ADD < 60, "E18.5", "P1")), {"direction": DAY}, ValueError, "on one scale"),
    "one time": (with_obs(day=1.0), {"direction": DAY}, ValueError, "at least two time points.*all cells at 1.*--root"),
    "300 times": (with_obs(day=ADD), {"direction": from_time("day", growth="g")}, KeyError, r"obs\['g'\]` is missing"),
    "unknown time": (None, {"direction": from_time("hour")}, KeyError, r"obs\['hour'\]` is missing.*Present: \['cell_type', 'day'\]"),
    "constant pseudotime": (with_obs(pt=0.5), {"direction": from_pseudotime("pt")}, ValueError, "two pseudotimes.*all cells at 0.5"),
    "empty pseudotime": (with_obs(pt=NAN), {"direction": from_pseudotime("pt")}, ValueError, "found none"),
    "infinite pseudotime": (with_obs(pt=np.inf), {"direction": from_pseudotime("pt")}, ValueError, "found none"),
    # velocities and unspliced counts
    "zero velocity": (layer("velocity", np.zeros_like), {"direction": from_velocity()}, ValueError, "found none that is not 0 or missing in all of 16 genes"),
    "velocity missing in the first cell": (layer("velocity", gap), {"direction": from_velocity()}, ValueError, "all cells or in none, found 1 genes.*'Tgt1' in 1 of 120"),
    "velocity of words": (layer("velocity", lambda d: d.astype(str).astype(object)), {"direction": from_velocity()}, TypeError, "Expected numbers"),
    "no velocity": (None, {"direction": from_velocity()}, KeyError, r"layers\['velocity'\]` is missing; pass the layer that holds velocities"),
    "normalised unspliced": (layer("unspliced", lambda d: d * 0.21), {"direction": from_unspliced()}, ValueError, r"layers\['unspliced'\]`.*look normalised"),
    "empty unspliced": (layer("unspliced", np.zeros_like), {"direction": from_unspliced()}, ValueError, "found 0 genes with any; count introns"),
    # roots and transitions
    "unknown root": (None, {"direction": from_root("nobody")}, KeyError, "No cell is named 'nobody'.*'cell0'"),
    "unknown group": (None, {"direction": from_root("cell_type=old")}, ValueError, r"found none; it holds \['early', 'late'\]"),
    "group of all": (with_obs(g="a"), {"direction": from_root("g=a")}, ValueError, "all 120 have it, which gives no direction"),
    "unknown marker": (None, {"direction": from_root(genes=["Kit"])}, KeyError, r"\['Kit'\] missing"),
    "constant marker": (matrix(lambda d: np.where(np.arange(16) == 5, 1, d)), {"direction": from_root(genes=["Tgt1"])}, ValueError, r"root genes that vary, found \['Tgt1'\]"),
    "transitions that are none": (lambda a: a.obsp.__setitem__("T", sparse.eye(N_CELLS, format="csr") * 2), {"direction": from_transitions("T")}, ValueError, "divide each row by its sum"),
    "no direction": (lambda a: a.obs.drop(columns="day", inplace=True), {}, ValueError, "Nothing in the data gives the direction.*--root cell_type=early"),
    "direction as text": (None, {"direction": "day"}, TypeError, "Expected `direction` such as .*found str"),
    # counts
    "logarithms": (matrix(lambda d: np.log1p(norm(d))), {}, ValueError, "They look like logarithms of normalised counts, as after `scanpy.pp.log1p`"),
    "normalised": (matrix(norm), {}, ValueError, "They look normalised, as after `scanpy.pp.normalize_total`"),
    "scaled": (matrix(lambda d: d - d.mean(0)), {}, ValueError, "They look scaled or centred"),
    "fractions": (matrix(fractions), {}, ValueError, "CellBender, SoupX.*round them to whole counts.*--round"),
    "one negative": (spoilt(-1), {}, ValueError, "1 negative.*-1.0 for cell 'cell7', gene 'Gata2'"),
    "one NaN": (spoilt(NAN), {}, ValueError, "1 not finite.*'cell7', gene 'Gata2'"),
    "one infinity": (spoilt(np.inf), {}, ValueError, "1 not finite"),
    "beyond 2^53": (lambda a: assign(a, "X", a.X.astype(np.float64) * 2.0**60), {}, ValueError, "at most 9e.15.*no longer exact"),
    "masked": (lambda a: a.layers.__setitem__("counts", np.ma.masked_less(a.X.toarray(), 1)), {"layer": "counts"}, (TypeError, ValueError), "masked|counts"),
    "booleans": (lambda a: a.layers.__setitem__("counts", a.X.astype(bool)), {}, TypeError, "found booleans.*--layer X"),
    "objects": (layer("counts", lambda d: d.astype(object)), {}, TypeError, "Expected numbers"),
    "empty cells": (matrix(lambda d: d * (np.arange(N_CELLS) > 2)[:, None]), {}, ValueError, "3 of 120 cells that have no counts.*filter_cells.*--drop-empty"),
    "counts in raw": (lambda a: (assign(a, "raw", a.copy()), matrix(lambda d: np.log1p(norm(d)))(a)), {}, ValueError, r"adata = adata.raw.to_adata\(\)"),
    "logarithms in raw": (lambda a: (matrix(lambda d: np.log1p(norm(d)))(a), assign(a, "raw", a.copy())), {}, ValueError, "No other matrix of the data holds counts"),
    "counts in a layer": (lambda a: (a.layers.__setitem__("raw_counts", a.X.copy()), matrix(norm)(a)), {}, ValueError, "layer='raw_counts'"),
    "only ambiguous": (lambda a: (a.layers.__setitem__("ambiguous", a.X.copy()), matrix(norm)(a)), {}, ValueError, "No other matrix of the data holds counts"),
    "unknown layer": (None, {"layer": "raw"}, KeyError, r"layers\['raw'\]` is missing.*'X' for `adata.X`"),
    "no matrix": (lambda a: assign(a, "X", None), {}, ValueError, "`adata.X` is empty"),
    # cells and genes
    "49 cells": (shrink(49), {}, ValueError, "at least 50 cells, found 49"),
    "2 cells": (shrink(2), {}, ValueError, "at least 50 cells, found 2"),
    "no cells": (shrink(0), {}, ValueError, "found 0 cells"),
    "repeated cells": (lambda a: assign(a, "obs_names", ["c"] * N_CELLS), {}, ValueError, "obs_names_make_unique"),
    "repeated genes": (lambda a: assign(a, "var_names", ["Gata1"] * 16), {}, ValueError, "var_names_make_unique"),
    "antibodies named as genes": (lambda a: (assign(a, "var_names", [*a.var_names[:15], "Gata1"]), a.var.__setitem__("feature_types", ["Gene Expression"] * 15 + ["Antibody Capture"])), {}, ValueError, r"again among the Antibody Capture.*feature_types'\] == 'Gene Expression'"),
    "peaks only": (lambda a: a.var.__setitem__("feature_types", "Peaks"), {}, ValueError, r"Expected genes, found none among the features \(16 Peaks\)"),
    "barcodes as genes": (lambda a: assign(a, "var_names", [f"ACGTACGTACGT{'ACGT'[i % 4]}{'ACGT'[i // 4]}-1" for i in range(16)]), {}, ValueError, r"adata = adata.T.copy\(\)"),
    # regulators
    "repeated regulators": (None, {"regulators": ["Gata1", "Spi1", "Gata1"]}, ValueError, r"\['Gata1'\] more than once"),
    "one regulator": (None, {"regulators": ["Gata1"]}, ValueError, "at least two regulators"),
    "no regulator": (None, {"regulators": []}, ValueError, "at least two regulators"),
    "a symbol": (None, {"regulators": "Gata1"}, TypeError, r"found the string 'Gata1'.*regulators=\['Gata1'\]"),
    "unknown regulators": (None, {"regulators": ["Abc", "Def"]}, ValueError, "None of 2 regulators"),
    "constant regulators": (matrix(lambda d: np.where(np.isin(np.arange(16), (0, 1, 2)), 2, d)), {}, ValueError, "vary between cells, found 1 of the 4"),
    "a number": (None, {"regulators": 5}, (TypeError, ValueError), "list of|not iterable"),
    "yeast": (lambda a: (a.var.drop(columns="regulator", inplace=True), assign(a, "var_names", ["GCN4", "HSF1", *(f"YAL{i:03d}W" for i in range(14))])), {}, ValueError, "no known species.*yeast.*--regulators FILE"),
    "mixed species": (lambda a: (a.var.drop(columns="regulator", inplace=True), assign(a, "var_names", [*(f"ENSG000001000{i:02d}" for i in range(8)), *(f"ENSMUSG000000100{i:02d}" for i in range(8))])), {}, ValueError, "keep the genes of one of them"),
    # batches and labels
    "unknown batch": (None, {"batch_key": "plate"}, KeyError, r"obs\['plate'\]` is missing.*--batch-key"),
    "missing batches": (with_obs(b=pd.Categorical([None, *["p", "q"] * 59, "p"])), {"batch_key": "b"}, ValueError, "1 of 120 cells have no value.*notna"),
    "cells as batches": (with_obs(b=[f"x{i}" for i in range(N_CELLS)]), {"batch_key": "b"}, ValueError, "Expected batches of several cells.*120 values"),
    "unknown labels": (None, {"label_key": "kind"}, KeyError, r"obs\['kind'\]` is missing"),
    "empty labels": (with_obs(kind=pd.Categorical([None] * N_CELLS)), {"label_key": "kind"}, ValueError, "found none in 120 cells"),
    # settings
    "seed beyond files": (None, {"rng": 2**63}, ValueError, "`seed` below 2\\^63"),
    "negative seed": (None, {"rng": -1}, ValueError, "integer of at least 0, found -1"),
    "no genes": (None, {"n_top_genes": 0}, ValueError, "at least 1, found 0"),
    "a word as number": (None, {"max_epochs": "ten"}, ValueError, "integer of at least 1, found 'ten'"),
    "unknown stage": (None, {"stages_options": {"netwrok": {}}}, ValueError, "did you mean 'network'"),
    "unknown keyword": (None, {"stages_options": {"attractors": {"n_start": 5}}}, ValueError, "Unknown keywords .*'attractors'; did you mean 'n_starts'"),
    "unknown keyword of a network": (None, {"stages_options": {"network": {"use_rep": "X_pca"}}}, ValueError, "method 'ridge', found 'use_rep'"),
    "keyword of another method": (None, {"stages_options": {"network": {"method": "correlation", "reverse_share": 1}}}, ValueError, "'correlation', found 'reverse_share'"),
    "keyword of the run": (None, {"stages_options": {"network": {"layer": "x"}}}, ValueError, "'layer', which the run sets; use the setting 'layer'"),
    "keyword that breaks later stages": (None, {"stages_options": {"basins": {"key_added": "x"}}}, ValueError, "which the run sets; leave it out"),
    "wrong word": (None, {"stages_options": {"dynamics": {"support": "some"}}}, ValueError, "`support` of the stage 'dynamics' to be 'auto' or 'network' or 'all', found 'some'"),
    "wrong type": (None, {"stages_options": {"network": {"n_bootstraps": "20"}}}, ValueError, "`n_bootstraps` of the stage 'network' to be an integer, found '20'"),
    "negative number": (None, {"stages_options": {"rates": {"n_paths": -1}}}, ValueError, "not negative, found -1"),
    "none of what is needed": (None, {"stages_options": {"attractors": {"n_starts": 0}}}, ValueError, "at least 1, found 0"),
    "unknown likelihood": (None, {"stages_options": {"latent": {"gene_likelihood": "normal"}}}, ValueError, "to be one of .*'nb'.*found 'normal'"),
    "unknown method": (None, {"stages_options": {"network": {"method": "magic"}}}, ValueError, "`method` to be one of .*'ridge'.*found 'magic'"),
    "word as penalty": (None, {"stages_options": {"network": {"penalty": "big"}}}, ValueError, "`penalty` of the stage 'network' to be a number or 'auto' or 'gcv', found 'big'"),
    "repeated columns": (lambda a: assign(a, "obs", pd.concat([a.obs, a.obs[["day"]]], axis=1)), {}, ValueError, r"distinct columns in `adata.obs`, found \['day'\] more than once"),
    "column of a later stage": (None, {"stages_options": {"dynamics": {"half_lives": "t"}}}, KeyError, r"`half_lives` of the stage 'dynamics' in `adata.var`, found 't' missing"),
    "layer of a later stage": (None, {"stages_options": {"network": {"response_layer": "u"}}}, KeyError, "in `adata.layers`, found 'u'"),
}  # fmt: skip


@pytest.fixture(autouse=True)
def nothing_is_computed(monkeypatch):
    """A run that gets as far as its first stage fails."""
    from dataclasses import replace

    from landscape._run import directory, stages

    def compute(work):
        pytest.fail("a stage was computed")

    listed = tuple(replace(stage, call=compute) for stage in stages.stages())
    for module in (memory, directory):
        monkeypatch.setattr(module, "stages", lambda: listed)


@pytest.mark.filterwarnings("ignore:Observation names are not unique:UserWarning")
@pytest.mark.filterwarnings("ignore:Variable names are not unique:UserWarning")
@pytest.mark.parametrize("row", REFUSED)
def test_what_cannot_run_is_refused_before_anything_is_computed(row):
    change, options, error, message = REFUSED[row]
    adata = counted()
    if change is not None:
        change(adata)
    before = frozen(adata)
    with pytest.raises(error, match=re.compile(message, re.DOTALL)):
        ls.run(adata, **options)
    assert frozen(adata) == before
    shared = {"direction", "layer", "batch_key", "regulators", "label_key"}
    if set(options) <= shared and not isinstance(options.get("direction"), str) and row != "a number":
        found = ls.pp.check(adata, **options)
        assert not found.is_ready
        assert frozen(adata) == before
        errors = found.problems[found.problems["level"] == "error"]
        said = "; ".join(errors["problem"] + " " + errors["fix"] + " ")
        assert re.search(message.split(".*")[0], said), said


# What is done to the data, the arguments of a check, and the words of its warning or fact.
SAID: dict[str, tuple[Any, dict[str, Any], str]] = {
    "stages in words": (with_obs(day=np.where(ADD < 60, "E7.5", "E8.5")), {}, r"times of obs\['day'\]: E7.5 is 7.5, E8.5 is 8.5 \(days\)"),
    "hours": (with_obs(day=np.where(ADD < 60, "24hpf", "48hpf")), {}, r"24hpf is 24, 48hpf is 48 \(hours\)"),
    "dates": (with_obs(day=pd.to_datetime(np.where(ADD < 60, "2024-05-01", "2024-05-04"))), {"direction": DAY}, r"2024-05-04 is 3 \(days\)"),
    "times of donors": (lambda a: (put(a, "donor", [f"P{d:g}" for d in a.obs["day"]])), {"direction": DAY}, "goes one to one with obs\\['donor'\\]"),
    "donors as times": (lambda a: (put(a, "patient", [f"P{d:g}" for d in a.obs["day"]]), put(a, "pseudotime", ADD)), {}, "no clock of development; it is not taken unasked"),
    "batch is time": (lambda a: put(a, "run", [f"r{d:g}" for d in a.obs["day"]]), {"batch_key": "run"}, "batch and time are one"),
    "batch within time": (lambda a: put(a, "run", [f"r{2 * d + i % 2:g}" for i, d in enumerate(a.obs["day"])]), {"batch_key": "run"}, "batch and time are one"),
    "time as batch": (None, {"batch_key": "day"}, "batch and time are one"),
    "batch of one cell": (with_obs(b=["solo", *["p", "q"] * 59, "p"]), {"batch_key": "b"}, "1 batches of obs\\['b'\\] have one cell, for instance 'solo'"),
    "one batch": (with_obs(b="p"), {"batch_key": "b"}, "holds one batch"),
    "root of a dropped cell": (lambda a: a.uns.__setitem__("iroot", 500), {}, "position below 120.*found 500: cells were dropped"),
    "root of a negative position": (lambda a: a.uns.__setitem__("iroot", -1), {}, "position below 120"),
    "root by an unknown name": (lambda a: a.uns.__setitem__("iroot", "gone"), {}, "found 'gone', which is the name of none"),
    "root by a list": (lambda a: a.uns.__setitem__("iroot", np.array([1, 2])), {}, "Expected the position of a cell"),
    "root that is no number": (lambda a: a.uns.__setitem__("iroot", NAN), {}, "Expected the position of a cell"),
    "root elsewhere": (lambda a: (a.uns.__setitem__("iroot", 50), put(a, "dpt_pseudotime", ADD)), {}, "smallest in .*found 'cell50' at 50"),
    "some infinite pseudotimes": (with_obs(pt=np.where(ADD < 3, np.inf, ADD)), {"direction": from_pseudotime("pt")}, "3 of 120 cells have an infinite pseudotime"),
    "normalised unspliced": (layer("unspliced", lambda d: d * 0.21), {}, r"layers\['unspliced'\] gives no direction: .*look normalised"),
    "empty unspliced": (layer("unspliced", np.zeros_like), {}, r"layers\['unspliced'\] gives no direction: .*found 0 genes"),
    "zero velocity": (layer("velocity", np.zeros_like), {}, r"layers\['velocity'\] gives no direction: .*found none"),
    "peaks": (lambda a: a.var.__setitem__("feature_types", ["Gene Expression"] * 12 + ["Peaks"] * 4), {}, "left out: 4 Peaks, which are no genes"),
    "few counts": (lambda a: assign(a, "X", sparse.csr_matrix(a.X.toarray() // 20)), {}, "counts, which are few"),
    "constant regulator": (matrix(lambda d: np.where(np.arange(16) == 0, 2, d)), {}, r"1 of 4 regulators have the same count in all cells.*\['Gata1'\]"),
    "absent regulator": (None, {"regulators": [*REGULATORS, "Foo"]}, r"1 of 5 named regulators are not among the genes.*\['Foo'\]"),
    "labels that are names": (with_obs(kind=[f"c{i}" for i in range(N_CELLS)]), {"label_key": "kind"}, "names of cells rather than labels"),
    "category with gaps": (with_obs(note=pd.Categorical([None, *["p"] * 119])), {}, r"1 cells have no value in obs\['note'\]"),
}  # fmt: skip


@pytest.mark.parametrize("row", SAID)
def test_what_is_doubtful_is_said_and_does_not_stop(row):
    change, options, message = SAID[row]
    adata = counted()
    if change is not None:
        change(adata)
    before = frozen(adata)
    found = ls.pp.check(adata, **options)
    assert frozen(adata) == before
    assert found.is_ready, found.problems.to_string()
    said = "\n".join([*found.facts, *(found.problems["problem"])])
    assert re.search(message, said), said


def test_good_data_have_nothing_to_be_said():
    found = ls.pp.check(counted(mean=90.0))
    assert found.is_ready
    assert found.problems.empty, found.problems.to_string()
    assert found.directions == ("from_time('day')",)


@pytest.mark.parametrize(
    ("change", "taken"),
    [
        (with_obs(day=np.where(ADD < 60, "D0", "D3")), ("time", "day")),
        (lambda a: (a.obs.drop(columns="day", inplace=True), a.uns.__setitem__("iroot", "cell3")), ("root", "cell3")),
        (lambda a: (a.obs.drop(columns="day", inplace=True), a.uns.__setitem__("iroot", np.int64(4))), ("root", "cell4")),
        (lambda a: a.obs.rename(columns={"day": "pcw"}, inplace=True), ("time", "pcw")),
        (
            lambda a: (a.obs.rename(columns={"day": "age"}, inplace=True), put(a, "sample", a.obs["age"].astype(str)),
                       put(a, "pseudotime", ADD)),
            ("pseudotime", "pseudotime"),
        ),
        (
            lambda a: (put(a, "mouse_donor", [f"{d:g}{i % 6}" for i, d in enumerate(a.obs["day"])])),
            ("time", "day"),
        ),
    ],
    ids=["words", "root by name", "numpy root", "weeks", "age of samples", "several donors a day"],
)  # fmt: skip
def test_what_is_taken_unasked(change, taken):
    from landscape._run.plan import settle

    adata = counted()
    change(adata)
    (direction,) = settle(adata, from_mapping({})).directions
    assert (direction.source, direction.key) == taken


def test_a_run_on_a_view_leaves_the_parent_alone():
    adata = counted()
    before = frozen(adata)
    view = adata[:100]
    with pytest.raises(pytest.fail.Exception, match="a stage was computed"):
        ls.run(view)
    assert frozen(adata) == before
    assert view.is_view


def test_a_run_works_on_the_same_arrays_without_a_copy():
    adata = counted()
    assert memory._shallow(adata).X is adata.X


def test_the_command_line_refuses_the_same_and_ends_before_a_stage(tmp_path):
    adata = counted()
    adata.layers["velocity"] = np.zeros(adata.shape)
    adata.write_h5ad(tmp_path / "a.h5ad")
    with pytest.raises(ValueError, match="found none that is not 0"):
        run_directory(tmp_path / "a.h5ad", tmp_path / "out", settings=from_mapping({"velocity_layer": "velocity"}))
    with pytest.raises(ValueError, match="method 'ridge', found 'use_rep'"):
        run_directory(
            tmp_path / "a.h5ad", tmp_path / "out", settings=from_mapping({"stages": {"network": {"use_rep": "X"}}})
        )


def test_a_list_of_regulators_may_be_any_sequence():
    from landscape._run.plan import settle

    for names in (np.array(REGULATORS), pd.Index(REGULATORS), pd.Series(REGULATORS), tuple(REGULATORS)):
        assert ls.pp.check(counted(), regulators=names).n_regulators == 4
        with pytest.raises(pytest.fail.Exception, match="a stage was computed"):
            ls.run(counted(), regulators=names)
    assert settle(counted(), from_mapping({"regulators": list(REGULATORS)})).regulators == REGULATORS


def test_multi_modal_data_ask_for_the_modality():
    class MuData:
        mod = {"rna": counted(), "atac": counted()}

    for call in (ls.run, ls.pp.check, ls.tl.network):
        with pytest.raises(TypeError, match=r"MuData with the modalities \['rna', 'atac'\].*mdata\['rna'\]"):
            call(MuData())


def stored(make: Any) -> Any:
    return lambda a: assign(a, "X", make(a.X))


def categories(a: ad.AnnData) -> ad.AnnData:
    put(a, "b", pd.Categorical(["p", "q"] * 60, categories=["p", "unused", "q"]))
    return put(a, "cell_type", pd.Categorical(["one", *["many"] * 119]))


# Unusual data that are nevertheless good: storage, types and names.
TAKEN: dict[str, tuple[Any, dict[str, Any]]] = {
    "csc": (stored(sparse.csc_matrix), {}),
    "csr_array": (stored(sparse.csr_array), {}),
    "dense": (stored(lambda x: x.toarray()), {}),
    "float16": (stored(lambda x: x.toarray().astype(np.float16)), {}),
    "uint8": (stored(lambda x: sparse.csr_matrix(np.minimum(x.toarray(), 255).astype(np.uint8))), {}),
    "int64": (stored(lambda x: x.astype(np.int64)), {}),
    "wide indices": (
        stored(
            lambda x: sparse.csr_matrix((x.data, x.indices.astype(np.int64), x.indptr.astype(np.int64)), shape=x.shape)
        ),
        {},
    ),
    "unused categories and a label of one cell": (categories, {"batch_key": "b"}),
    "numbers as batches": (with_obs(b=np.tile([1, 2], 60)), {"batch_key": "b"}),
    "words that are numbers": (with_obs(day=pd.Categorical(["1", "2"] * 60)), {}),
    "a gene without counts": (matrix(lambda d: np.where(np.arange(16) == 9, 0, d)), {}),
    "counts named": (lambda a: a.layers.__setitem__("mine", a.X.copy()), {"layer": "mine"}),
    "main matrix named": (layer("counts", np.log1p), {"layer": "X"}),
    "identifiers of Ensembl": (
        lambda a: assign(a, "var_names", [f"ENSMUSG000000{i:05d}.{i}" for i in range(16)]),
        {},
    ),
    "velocity known for some genes": (
        layer("velocity", lambda d: np.where(np.arange(16) < 8, d - 3.0, NAN)),
        {"direction": from_velocity()},
    ),
    "columns of numbers and of lists": (lambda a: put(put(a, 3, "x"), "lists", [[1]] * N_CELLS), {}),
    "pseudotime missing for some cells": (
        with_obs(pt=np.where(ADD < 3, NAN, ADD)),
        {"direction": from_pseudotime("pt")},
    ),
}


@pytest.mark.parametrize("row", TAKEN)
def test_what_is_unusual_and_good_reaches_the_first_stage(row):
    change, options = TAKEN[row]
    adata = counted()
    change(adata)
    before = frozen(adata)
    found = ls.pp.check(adata, **options)
    assert found.is_ready, found.problems.to_string()
    with pytest.raises(pytest.fail.Exception, match="a stage was computed"):
        ls.run(adata, **options)
    assert frozen(adata) == before


def test_data_on_disk_or_lazy_are_refused_with_the_call_that_loads_them(tmp_path):
    counted().write_h5ad(tmp_path / "a.h5ad")
    backed = ad.read_h5ad(tmp_path / "a.h5ad", backed="r")
    for call in (ls.run, ls.pp.check):
        with pytest.raises(ValueError, match=r"adata.to_memory\(\)"):
            call(backed)
    backed.file.close()
    dask = pytest.importorskip("dask.array")
    adata = counted()
    adata.X = dask.from_array(adata.X.toarray(), chunks=(20, 16))
    with pytest.raises(TypeError, match=r"adata = adata.to_memory\(\)"):
        ls.run(adata)


def test_regulators_of_another_species_are_told_by_both_examples():
    from landscape.network.data.symbols import coding_genes

    names = sorted(coding_genes("mouse") - {"Gata1", "Spi1"})[:14]
    adata = counted()
    adata.var_names = ["Gata1", "Spi1", *names]
    human = sorted(coding_genes("human"))[:40]
    with pytest.raises(ValueError, match="genes look like mouse symbols, the regulators like human"):
        ls.run(adata, regulators=human)

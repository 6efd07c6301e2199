"""Cases in the shape of users' reports, with what should come of them, and relatives of each."""

from __future__ import annotations

import json
import re
from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from typer.testing import CliRunner

import landscape as ls
from landscape._run.directory import run_directory
from landscape._run.plan import settle
from landscape._run.reading import read_cells, require_storable
from landscape._run.settings import from_mapping
from landscape.cli import app
from tests.doors import counted, put


def check(path: Path, *options: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["check", str(path), *options])
    return result.exit_code, result.output


def with_reserved(path: Path, table: str) -> Path:
    """A file whose table has a column ``_index``, and the index under another name, as converters from R leave it."""
    with h5py.File(path, "a") as file:
        group = file[table]
        index = group.attrs["_index"]
        group.move(index, "features")
        group.attrs["_index"] = "features"
        column = group.create_dataset("_index", data=group["features"][()], dtype=h5py.string_dtype())
        column.attrs["encoding-type"], column.attrs["encoding-version"] = "string-array", "0.2.0"
        group.attrs["column-order"] = np.array(
            ["_index", *[c for c in group if c not in ("_index", "features")]], dtype=object
        )
    return path


# Columns that can be read and not be written


@pytest.mark.parametrize("table", ["raw/var", "var", "obs", "obsm/extra"])
def test_a_reserved_column_of_a_converted_file_is_renamed(table, tmp_path, caplog):
    adata = counted()
    adata.obsm["extra"] = pd.DataFrame({"a": 1.0}, index=adata.obs_names)
    adata.raw = adata.copy()
    path = tmp_path / "seurat.h5ad"
    adata.write_h5ad(path)
    read = read_cells(with_reserved(path, table))
    frame = {"raw/var": read.raw.var, "var": read.var, "obs": read.obs, "obsm/extra": read.obsm["extra"]}[table]
    assert frame["index"].tolist() == frame.index.tolist()
    assert "the column '_index' of `adata." in caplog.text
    require_storable(read)
    read.write_h5ad(tmp_path / "again.h5ad")
    assert check(path)[0] == 0


@pytest.mark.parametrize(
    ("spoil", "where"),
    [
        (lambda a: put(a, "mixed", [1, "b"] * 60), r"`adata.obs` cannot"),
        (lambda a: a.uns.__setitem__("fit", {"model": object()}), r"`adata.uns\['fit'\]` cannot"),
        (lambda a: a.uns.__setitem__("tables", {3: 1}), r"`adata.uns\['tables'\]` cannot"),
    ],
)
def test_what_cannot_be_written_again_is_named(spoil, where):
    adata = counted()
    require_storable(adata)
    spoil(adata)
    with pytest.raises(ValueError, match=f"{where}.*Rename, convert or delete it"):
        require_storable(adata)


# Roots of other cells


@pytest.mark.parametrize(
    ("root", "taken", "word"),
    [
        (90, None, "cells were dropped"),
        ("cell3", "cell3", None),
        (3.0, "cell3", None),
        (3.5, None, "position of a cell"),
        (True, None, "position"),
    ],
)
def test_a_stale_root_is_named_and_not_taken(root, taken, word, tmp_path):
    adata = counted()
    del adata.obs["day"]
    adata.uns["iroot"] = root
    subset = adata[:80].copy()
    subset.write_h5ad(tmp_path / "subset.h5ad")
    code, said = check(tmp_path / "subset.h5ad")
    assert "80 cells" in said
    assert (f"--root {taken}" in said) if taken else (code == 1 and re.search(word, said))


# Layers of counts


@pytest.mark.parametrize(
    "layer", [sparse.csr_matrix(counted().shape, dtype=np.float32), counted().X * 0.2137], ids=["empty", "normalised"]
)
def test_unspliced_that_are_no_counts_are_not_offered_and_not_run(layer, tmp_path):
    adata = counted()
    del adata.obs["day"]
    adata.layers["unspliced"] = layer
    assert ls.pp.check(adata).unspliced_layer == "none"
    for options in ({}, {"direction": ls.dynamics.from_unspliced()}):
        with pytest.raises(ValueError, match=r"layers\['unspliced'\]"):
            ls.run(adata, **options)
    adata.write_h5ad(tmp_path / "a.h5ad")
    code, said = check(tmp_path / "a.h5ad")
    assert code == 1
    assert "--unspliced unspliced" not in said
    code, said = check(tmp_path / "a.h5ad", "--unspliced", "unspliced")
    assert code == 1


@pytest.mark.parametrize("name", ["ambiguous", "spanning", "nascent", "Ambiguous"])
def test_nobody_is_advised_to_take_a_part_of_the_counts(name, tmp_path):
    adata = counted()
    adata.layers[name] = sparse.csr_matrix(np.random.default_rng(0).poisson(0.3, adata.shape).astype(np.float32))
    adata.X = adata.X.multiply(0.013).tocsr().log1p()
    adata.write_h5ad(tmp_path / "a.h5ad")
    code, said = check(tmp_path / "a.h5ad")
    assert code == 1
    assert f"--layer {name}" not in said
    assert "take the file from before preprocessing" in said


def test_counts_in_raw_are_found(tmp_path, caplog):
    whole = counted()
    adata = whole[:, :10].copy()
    adata.raw = whole
    adata.X = adata.X.multiply(0.013).tocsr().log1p()
    adata.write_h5ad(tmp_path / "a.h5ad")
    code, said = check(tmp_path / "a.h5ad")
    assert code == 0, said
    assert "120 cells x 16 genes" in said
    with pytest.raises(ValueError, match=r"adata = adata.raw.to_adata\(\)"):
        ls.run(adata)
    assert ls.pp.check(adata.raw.to_adata()).is_ready


def test_fractions_of_molecules_are_rounded_where_asked_and_logarithms_never(tmp_path):
    adata = counted()
    adata.X.data = adata.X.data * np.random.default_rng(1).uniform(0.8, 1.0, adata.X.nnz).astype(np.float32)
    adata.write_h5ad(tmp_path / "soup.h5ad")
    code, said = check(tmp_path / "soup.h5ad")
    assert code == 1
    assert "--round" in said
    code, said = check(tmp_path / "soup.h5ad", "--round")
    assert code == 0, said
    adata = counted()
    adata.X = adata.X.multiply(0.013).tocsr().log1p()
    adata.write_h5ad(tmp_path / "log.h5ad")
    assert check(tmp_path / "log.h5ad", "--round")[0] == 1


# Files of other kinds


def tenx(file: h5py.File) -> None:
    group = file.create_group("matrix")
    for key in ("data", "indices", "indptr"):
        group[key] = np.arange(3)
    group["shape"], group["barcodes"] = (2, 2), np.array(["ACGT-1"], dtype="S")
    group["features/name"] = np.array(["a"], dtype="S")


def old_tenx(file: h5py.File) -> None:
    for key in ("barcodes", "gene_names", "genes", "data", "indices", "indptr"):
        file[f"mm10/{key}"] = np.arange(2)


def loom(file: h5py.File) -> None:
    file["matrix"] = np.eye(2)
    for name in ("attrs", "col_attrs", "row_attrs", "layers"):
        file.create_group(name)


def molecules(file: h5py.File) -> None:
    for key in ("barcodes", "barcode_idx", "count", "umi"):
        file[key] = np.arange(2)


def multi_modal(file: h5py.File) -> None:
    file.attrs["encoding-type"] = "MuData"
    for name in ("mod/atac", "mod/rna", "obs", "var"):
        file.create_group(name)


def seurat(file: h5py.File) -> None:
    file.create_group("assays")
    file["cell.names"] = np.arange(2)


def other(file: h5py.File) -> None:
    file["weights"] = np.arange(2)


@pytest.mark.parametrize(
    ("fill", "word"),
    [
        (tenx, r"10x file.*scanpy.read_10x_h5\(path\)"),
        (old_tenx, r"Cell Ranger 2.*scanpy.read_10x_h5"),
        (loom, r"loom file.*anndata.io.read_loom\(path\)"),
        (molecules, "molecule_info.h5.*filtered_feature_bc_matrix.h5"),
        (multi_modal, r"MuData with the modalities \['atac', 'rna'\].*read_h5mu\(path\)\['rna'\]"),
        (seurat, r"h5Seurat.*SeuratDisk::Convert"),
        (other, r"groups \['weights'\] and no `obs` and `var`"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_other_hdf5_is_named_with_the_call_that_reads_it(fill, word, tmp_path):
    path = tmp_path / "file.h5"
    with h5py.File(path, "w") as file:
        fill(file)
    code, said = check(path)
    assert code == 2
    assert re.search(word, said), said
    assert "damaged" not in said


@pytest.mark.parametrize(
    ("start", "word"),
    [
        (b"\x1f\x8b\x08", "gzip.*gunzip"),
        (b"PK\x03\x04", "zip archive"),
        (b"RDX3\n", "R file"),
        (b"%%MatrixMarket matrix", "read_10x_mtx"),
        (b"\x80\x04\x95", "pickle.*never opened"),
        (b"gene,cell\n1,2\n", "read_csv"),
    ],
)
def test_other_files_are_named(start, word, tmp_path):
    path = tmp_path / "file.h5ad"
    path.write_bytes(start + bytes(20))
    with pytest.raises(ValueError, match=word):
        read_cells(path)


def test_other_folders_are_named(tmp_path):
    for name in ("matrix.mtx.gz", "barcodes.tsv.gz"):
        (tmp_path / name).touch()
    with pytest.raises(ValueError, match=r"10x folder.*scanpy.read_10x_mtx"):
        read_cells(tmp_path)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "cells.h5ad").touch()
    with pytest.raises(ValueError, match=r"no zarr store; pass the file, for instance .*cells.h5ad"):
        read_cells(tmp_path / "run")
    store = tmp_path / "m.zarr"
    for part in ("mod/rna", "mod/prot"):
        (store / part).mkdir(parents=True)
    (store / ".zgroup").write_text('{"zarr_format": 2}')
    with pytest.raises(ValueError, match=r"modalities \['prot', 'rna'\].*read_zarr\(path\)\['rna'\]"):
        read_cells(store)


@pytest.mark.filterwarnings("ignore:Writing zarr v2 data:UserWarning")
@pytest.mark.parametrize(
    "change",
    [{"dtype": "<q99"}, {"compressor": {"id": "newcodec"}}, {"zarr_format": 4}],
    ids=["type", "codec", "version"],
)
def test_newer_types_of_zarr_are_no_damage(change, tmp_path):
    store = tmp_path / "a.zarr"
    with ad.settings.override(zarr_write_format=2):
        counted().write_zarr(store)
    (store / ".zmetadata").unlink()
    array = store / "obs" / "day" / ".zarray"
    array.write_text(json.dumps(json.loads(array.read_text()) | change))
    with pytest.raises(ValueError, match="uses a format that anndata .* and zarr .* do not know; update them"):
        read_cells(store)


# Names


@pytest.mark.parametrize(
    "genes",
    [
        ["WUS", "STM", "LFY", "HSF1", "GATA2", "GATA3", *(f"AT{1 + i % 5}G{10000 + 10 * i}" for i in range(60))],
        ["GCN4", "GAL4", "HSF1", "ACE2", *(f"YAL{i:03d}W" for i in range(60))],
        [*(f"CG{1000 + i}" for i in range(60)), "twi", "sna", "Myc"],
        [*(f"zgc:{1000 + i}" for i in range(60)), "sox2", "gata1a", "gata1b"],
        [*(f"Os01g01{i:05d}" for i in range(60)), "HSF1"],
    ],
    ids=["Arabidopsis", "yeast", "fly", "zebrafish", "rice"],
)
def test_other_species_are_asked_for_their_regulators(genes):
    adata = counted(n_targets=len(genes) - 4)
    adata.var_names = genes
    del adata.var["regulator"]
    found = ls.pp.check(adata)
    assert found.species == "unknown"
    assert not found.is_ready
    with pytest.raises(ValueError, match=r"no known species.*pass `regulators=\[...\]`"):
        ls.run(adata)


def test_few_cells_get_no_ribosomal_regulators():
    for species in ("mouse", "human"):
        names = [name.upper() for name in ls.datasets.regulators(species, tier="tf+cofactors")]
        found = [
            name
            for name in names
            if re.match(r"(M?RP[LS]\d|UQCR|NDUF|COX\d|ATP5|HSP|CANX|RPSA)", name) and "KA" not in name
        ]
        assert found == []


@pytest.mark.parametrize("options", [{"use_rep": "X_pca"}, {"method": "spearman", "penalty": 1.0, "ranks": 3}])
def test_an_unknown_keyword_of_a_network_names_the_known_ones(options):
    adata = counted()
    adata.layers["counts"] = adata.X.copy()
    word = "'use_rep'" if "use_rep" in options else "'ranks'"
    with pytest.raises(TypeError, match=f"Expected keywords of a network .*found {word}; (known are|did you mean)"):
        ls.tl.network(adata, **options)


def test_counts_in_the_main_matrix_are_asked_for_by_name_at_every_door():
    adata = counted()
    adata.layers["counts"] = adata.X * 0.5
    ls.pp.select_genes(adata, layer="X", n_top=5)
    ls.tl.structure(adata, layer="X", direction=ls.dynamics.from_time("day"))
    ls.tl.network(adata, layer="X", n_bootstraps=0)
    ls.latent.LatentModel(adata, layer="X", n_latent=2, n_hidden=4)
    with pytest.raises(ValueError, match="integer"):
        ls.latent.LatentModel(adata, layer="counts", n_latent=2, n_hidden=4)
    assert ls.pp.check(adata, layer="X").is_ready


# Clocks


@pytest.mark.parametrize("column", ["donor", "patient_id", "Subject", "sample", "library"])
@pytest.mark.parametrize("kind", [float, int, str])
def test_ages_of_donors_are_no_clock(column, kind):
    adata = counted()
    who = np.arange(120) % 4
    adata.obs = pd.DataFrame(
        {
            column: pd.Categorical([f"P{i}" for i in who]),
            "age": [kind(np.array([34, 51, 67, 72])[i]) for i in who],
            "dpt_pseudotime": np.linspace(0, 1, 120),
        },
        index=adata.obs_names,
    )
    (direction,) = settle(adata, from_mapping({})).directions
    assert direction.key == "dpt_pseudotime"
    warned = ls.pp.check(adata).problems
    assert warned["problem"].str.contains(f"obs\\['age'\\] goes one to one with obs\\['{column}'\\]").any()
    asked = ls.pp.check(adata, direction=ls.dynamics.from_time("age"))
    assert asked.is_ready
    assert asked.problems["problem"].str.contains("age").any()


@pytest.mark.parametrize("n_batches", [1, 2], ids=["one sample a day", "two samples a day"])
def test_batches_that_tell_the_time_are_said_before_the_first_stage(n_batches, caplog):
    adata = counted()
    adata.obs["sample"] = [f"s{day:g}{i % n_batches}" for i, day in enumerate(adata.obs["day"])]
    settle(adata, from_mapping({"time_key": "day", "batch_key": "sample"}))
    assert "batch and time are one: each batch in obs['sample'] has one time in obs['day']" in caplog.text
    caplog.clear()
    adata.obs["sample"] = [f"s{i // 60}" for i in range(120)]  # each holds all days
    settle(adata, from_mapping({"time_key": "day", "batch_key": "sample"}))
    assert "batch and time" not in caplog.text


# Folders of results


@pytest.mark.parametrize("content", ["", "{", "[]", '{"input": 3}', '{"input": {"name": "x"}}'])
def test_a_damaged_record_of_the_input_is_named_with_force(content, tmp_path):
    counted().write_h5ad(tmp_path / "a.h5ad")
    (tmp_path / "out" / ".stages").mkdir(parents=True)
    (tmp_path / "out" / ".stages" / "source.json").write_text(content)
    with pytest.raises(ValueError, match=r"source.json is damaged.*--force"):
        run_directory(tmp_path / "a.h5ad", tmp_path / "out")


@pytest.mark.parametrize("content", ['{"schema": "landscape.stage/1"}', "[1]", "nothing", '{"schema": "landscape.stage/1", "stage": 1, "status": '
    '"complete", "key": "x", "inputs": 1, "params": 2, "versions": 3, "seed": 0, "outputs": 4}'])  # fmt: skip
def test_a_damaged_record_of_a_stage_counts_as_none(content, tmp_path):
    from landscape._run.manifest import read_complete, read_manifest

    (tmp_path / "stage.json").write_text(content)
    assert read_manifest(tmp_path) is None
    assert read_complete(tmp_path, "x") is None


def test_a_damaged_summary_is_named(tmp_path):
    counted().write_h5ad(tmp_path / "landscape.h5ad")
    (tmp_path / "summary.json").write_text("{")
    result = CliRunner().invoke(app, ["report", str(tmp_path)])
    assert result.exit_code == 2
    assert "summary.json is damaged" in result.output


# Libraries of one process


@pytest.mark.slow
def test_two_libraries_of_one_process_have_the_same_states():
    """Cells of one branch and stage in two libraries, the second with genes lost: less than .3 standard deviations apart (median)."""
    rng = np.random.default_rng(3)
    names = ["Gata1", "Spi1", "Gata2", "Klf1", "Cebpa", "Fli1"]
    n, n_genes = 300, 80
    t, side, batch = rng.random(n), rng.integers(0, 2, n), rng.integers(0, 2, n)
    late = np.clip((t - 0.4) / 0.6, 0, 1)
    weights = np.c_[1 - late, late * (side == 0), late * (side == 1)]
    levels = np.array([[0.3, 3, 0.1], [0.3, 0.1, 3], [2.5, 0.8, 0.2], [0.1, 3, 0.1], [0.3, 0.1, 3], [0.6, 1.5, 0.5]])
    programme = weights @ levels.T
    targets = 0.3 + programme @ (rng.gamma(0.5, 1, (6, n_genes)) * (rng.random((6, n_genes)) < 0.3))
    rate = np.hstack([programme + 0.05, targets]) * np.exp(0.2 * rng.normal(size=(n, 6 + n_genes)))
    counts = rng.poisson(3000 * rate / rate.sum(1, keepdims=True))
    kept = np.clip(0.5 * np.exp(0.5 * rng.normal(size=6 + n_genes)), 0.05, 1)
    counts[batch == 1] = rng.binomial(counts[batch == 1], np.broadcast_to(kept, counts[batch == 1].shape))
    adata = ad.AnnData(
        sparse.csr_matrix(counts.astype(np.float32)),
        obs=pd.DataFrame(
            {"library": pd.Categorical(np.array(["a", "b"])[batch])}, index=[f"cell{i}" for i in range(n)]
        ),
        var=pd.DataFrame(index=[*names, *[f"Tgt{i}" for i in range(n_genes)]]),
    )
    adata.obs["stage"] = np.where(t < 0.2, "start", "later")
    adata.layers["counts"] = adata.X.copy()
    adata.var["regulator"] = adata.var_names.isin(names)
    model = ls.latent.LatentModel(adata, batch_key="library", rng=0)
    model.train(progress=False)
    adata.obsm["X_latent"] = model.get_latent_representation()
    ls.tl.network(adata, model=model, covariates="library", n_bootstraps=0)
    ls.tl.dynamics(adata, model=model, direction=ls.dynamics.from_root("stage=start"), refine=False)
    x = np.asarray(adata.obsm["X_state"])
    for branch in (0, 1):
        a, b = ((t > 0.75) & (side == branch) & (batch == k) for k in (0, 1))
        spread = np.sqrt((x[a].var(0) + x[b].var(0)) / 2)
        assert float(np.median(np.abs(x[a].mean(0) - x[b].mean(0)) / spread)) < 0.3

"""Files and folders of other formats: what they are, and the call that reads them."""

from __future__ import annotations

from pathlib import Path

import h5py

_HDF5 = b"\x89HDF\r\n\x1a\n"
# How other files start, and what to do with them.
_STARTS = (
    (
        b"\x1f\x8b",
        "a gzip-compressed file",
        "unpack it first with `gunzip`; if it is a table of counts, read it with `scanpy.read_csv`",
    ),
    (b"BZh", "a bzip2-compressed file", "unpack it first with `bunzip2`"),
    (b"PK", "a zip archive", "unpack it first; a zipped zarr store becomes a folder"),
    (b"RDX", "an R file", "write it from R as .h5ad, with zellkonverter or anndataR"),
    (b"RDA", "an R file", "write it from R as .h5ad, with zellkonverter or anndataR"),
    (b"%%MatrixMarket", "a matrix of Market format", "read its folder with `scanpy.read_10x_mtx(folder)`"),
    (
        b"\x80",
        "a Python pickle",
        "open it where it was made and write it with `adata.write_h5ad`; it is never opened here, since it can run any code",
    ),
    (b"PAR1", "a Parquet file", "read it with `anndata.AnnData(pandas.read_parquet(path))`"),
    (
        b"\x93NUMPY",
        "a numpy array",
        "read it with `anndata.AnnData(numpy.load(path))` and set the names of cells and genes",
    ),
)
_THEN = "and write it with `adata.write_h5ad('cells.h5ad')`"


def require_hdf5(path: Path) -> None:
    """Refuse a file that does not start as HDF5 does.

    Raises
    ------
    ValueError
        The message says what the file is.
    """
    with path.open("rb") as stream:
        start = stream.read(16)
    if start.startswith(_HDF5):
        return
    size = path.stat().st_size
    if not start.strip(b"\0"):
        what = "it is empty" if size == 0 else "it starts with zeros"
        msg = f"{path} is damaged: {what} ({size:,} bytes); copy it again."
        raise ValueError(msg)
    kind = next(((what, mend) for begin, what, mend in _STARTS if start.startswith(begin)), None)
    if kind is None:
        kind = ("not HDF5", f"if it is a table of counts, read it with `scanpy.read_csv(path)` {_THEN}")
    msg = f"Expected an .h5ad file, found that {path} is no .h5ad file but {kind[0]}; {kind[1]}."
    raise ValueError(msg)


def require_anndata(path: Path) -> None:
    """Refuse an HDF5 file of another format: 10x, loom, MuData, Seurat, or none that is known.

    Files that cannot be opened pass, so that whoever reads them says what is wrong.

    Raises
    ------
    ValueError
        The message says what the file is, and which call reads it.
    """
    try:
        with h5py.File(path, "r") as file:
            held, attributes = set(map(str, file)), {str(key): str(value) for key, value in file.attrs.items()}
            inner = {key: set(map(str, file[key])) for key in held if isinstance(file.get(key), h5py.Group)}
    except (OSError, RuntimeError, KeyError, UnicodeDecodeError):
        return
    if attributes.get("encoding-type") == "anndata" or ("mod" not in held and {"obs", "var"} <= held):
        return
    what, mend = _what_it_is(held, attributes, inner)
    msg = f"Expected an AnnData file, found {what} in {path}; {mend}."
    raise ValueError(msg)


def _what_it_is(held: set[str], attributes: dict[str, str], inner: dict[str, set[str]]) -> tuple[str, str]:
    """What an HDF5 file is and how it is read, from its groups and attributes."""
    if attributes.get("encoding-type") == "MuData" or "mod" in held:
        return _modalities(sorted(inner.get("mod", ())), "mudata.read_h5mu(path)")
    if "barcode_idx" in held or {"molecule_info", "umi"} & held:
        return "the molecules of 10x (molecule_info.h5)", "take filtered_feature_bc_matrix.h5 of the same folder"
    if any("barcodes" in names and {"features", "genes", "gene_names"} & names for names in inner.values()):
        what = "a 10x file (Cell Ranger, CellBender)" if "matrix" in held else "a 10x file of Cell Ranger 2"
        return what, f"read it with `adata = scanpy.read_10x_h5(path)` {_THEN}"
    if (
        "LOOM_SPEC_VERSION" in attributes
        or {"row_attrs", "col_attrs"} <= held
        or "LOOM_SPEC_VERSION" in inner.get("attrs", ())
    ):
        return "a loom file", f"read it with `adata = anndata.io.read_loom(path)` (needs `pip install loompy`) {_THEN}"
    if {"assays", "cell.names"} <= held:
        return (
            "a Seurat file (h5Seurat)",
            "convert it in R: `SeuratDisk::Convert(path, dest = 'h5ad')`, with the raw counts in the main matrix",
        )
    there = f"the groups {sorted(held)[:8]}" if held else "nothing"
    return f"HDF5 with {there} and no `obs` and `var`", "write it with `adata.write_h5ad(path)`"


def require_store(folder: Path) -> None:
    """Refuse a folder that is no zarr store of AnnData.

    Raises
    ------
    ValueError
        The message says what the folder holds.
    """
    names = {path.name for path in folder.iterdir()}
    if any(name.startswith("matrix.mtx") for name in names):
        msg = (
            f"Expected an .h5ad file or a zarr folder, found the 10x folder {folder} (matrix.mtx); read it with "
            f"`adata = scanpy.read_10x_mtx({str(folder)!r})` {_THEN}."
        )
        raise ValueError(msg)
    if not {".zgroup", "zarr.json", ".zmetadata", ".zattrs"} & names:
        inside = sorted(path.name for path in folder.iterdir() if path.suffix in (".h5ad", ".zarr", ".h5"))[:3]
        mend = f"pass the file, for instance {folder / inside[0]}" if inside else "pass the .h5ad file"
        msg = f"Expected an .h5ad file or a zarr folder, found that {folder} is no zarr store; {mend}."
        raise ValueError(msg)
    if "mod" in names:
        modalities = sorted(
            path.name for path in (folder / "mod").iterdir() if not path.name.startswith((".", "zarr.json"))
        )
        what, mend = _modalities(modalities, "mudata.read_zarr(path)")
    elif {"tables", "images", "shapes", "points", "labels"} & names and "obs" not in names:
        what, mend = "a SpatialData store", "read it with `spatialdata.read_zarr(path).tables['table']` and write that"
    else:
        return
    msg = f"Expected a zarr folder of AnnData, found {what} in {folder}; {mend}."
    raise ValueError(msg)


def _modalities(names: list[str], call: str) -> tuple[str, str]:
    rna = next(
        (name for name in names if name.lower() in ("rna", "gex", "gene expression")), names[0] if names else "rna"
    )
    mend = f"write the one with the gene expression as a file of its own, `{call}[{rna!r}].write_h5ad('cells.h5ad')`"
    return f"MuData with the modalities {names}", mend

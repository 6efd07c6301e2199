"""Reading a file: damage and other formats are named, and what an older format cannot hold is cast or renamed."""

from __future__ import annotations

import importlib.metadata
import logging
import re
import warnings
from pathlib import Path

import anndata as ad
import h5py
import pandas as pd
from anndata import AnnData
from anndata._io.specs.registry import IORegistryError  # raised for types that anndata does not know, and not exported

from landscape._run.foreign import require_anndata, require_hdf5, require_store

logger = logging.getLogger(__name__)

# What readers say of types that they do not know: of anndata, and of zarr.
_NEWER = re.compile(
    r"IOSpec|No read method registered|No Zarr data type|codec not available|Unknown codec|Unknown chunk grid|disallowed extra fields|"
    r"Invalid value(\.| for 'zarr_format'\.) Expected"
)
# What readers and writers raise for damage and for values that they do not know.
_ERRORS = (
    OSError,
    IndexError,
    KeyError,
    RuntimeError,
    UnicodeDecodeError,
    TypeError,
    AttributeError,
    ValueError,
    NotImplementedError,
    IORegistryError,
)
# Name that AnnData files keep for the index of a table.
_RESERVED = "_index"


def read_cells(path: str | Path) -> AnnData:
    """Read an ``.h5ad`` file or a zarr folder.

    Text columns of newer pandas versions become plain text, and columns named ``_index``, as converters leave them, are renamed, so that
    the result can be written by every version.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, of another kind, or uses a newer format; the message names which.
    """
    path = Path(path)
    if not path.exists():
        msg = f"No file at {path}."
        raise FileNotFoundError(msg)
    if path.is_file():
        require_hdf5(path)
        require_anndata(path)
    else:
        require_store(path)
    try:
        with warnings.catch_warnings():
            # anndata warns of old files, which does not concern whoever reads a result.
            warnings.filterwarnings("ignore", category=FutureWarning, module="anndata")
            adata = ad.read_zarr(path) if path.is_dir() else ad.read_h5ad(path)
    except _ERRORS as error:
        raise ValueError(_what_is_wrong(path, error)) from error
    for name, frame in _frames(adata).items():
        _to_plain_text(frame)
        _rename_reserved(frame, name)
    return adata


def require_storable(adata: AnnData) -> None:
    """Refuse what could be read and cannot be written again, before a run computes what it then cannot save.

    Tables and unstructured values are written to memory; matrices of numbers are always stored.

    Raises
    ------
    ValueError
        The message names the part.
    """
    parts = {**_frames(adata), **{f"uns[{key!r}]": value for key, value in adata.uns.items()}}
    with h5py.File("parts", "w", driver="core", backing_store=False) as memory, warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=FutureWarning, module="anndata")
        for number, (name, value) in enumerate(parts.items()):
            try:
                ad.io.write_elem(memory, str(number), value)
            except _ERRORS as error:
                said = " ".join(str(error).split())[:300]
                msg = (
                    f"Expected tables that can be written again, found that `adata.{name}` cannot: {said} Rename, convert or delete it, "
                    "and write the file again."
                )
                raise ValueError(msg) from error


def _what_is_wrong(path: Path, error: Exception) -> str:
    text = " ".join(str(error).split())
    if _NEWER.search(text) or isinstance(error, IORegistryError):
        versions = " and ".join(f"{name} {importlib.metadata.version(name)}" for name in ("anndata", "zarr"))
        return (
            f"{path} uses a format that {versions} do not know; update them (`pip install -U anndata zarr`), or write it again with the "
            f"versions in use here. Message of the reader: {text[:300]}"
        )
    size = f", {path.stat().st_size:,} bytes" if path.is_file() else ""
    return f"{path} is damaged or incomplete{size}; copy it again from its source. Message of the reader: {text[:300]}"


def _frames(adata: AnnData) -> dict[str, pd.DataFrame]:
    """All tables of an object, by their place in it."""
    frames = {"obs": adata.obs, "var": adata.var}
    if adata.raw is not None:
        frames["raw.var"] = adata.raw.var
    for slot in ("obsm", "varm"):
        found = {f"{slot}[{key!r}]": value for key, value in getattr(adata, slot).items()}
        frames |= {name: value for name, value in found.items() if isinstance(value, pd.DataFrame)}
    return frames


def _to_plain_text(frame: pd.DataFrame) -> None:
    frame.index = frame.index.astype(object)
    for name in frame.columns:
        column = frame[name]
        if isinstance(column.dtype, pd.StringDtype):
            frame[name] = column.astype(object).where(column.notna(), None)
        elif isinstance(column.dtype, pd.CategoricalDtype) and isinstance(column.cat.categories.dtype, pd.StringDtype):
            frame[name] = column.cat.rename_categories(column.cat.categories.astype(object))


def _rename_reserved(frame: pd.DataFrame, name: str) -> None:
    """Rename a column that has the name of the index in files: it can be read, and could never be written again."""
    if frame.index.name == _RESERVED:
        frame.index.name = None
    if _RESERVED not in frame.columns:
        return
    taken = {*frame.columns, frame.index.name}
    new = next(free for free in ("index", *(f"index_{k}" for k in range(1, len(taken) + 2))) if free not in taken)
    frame.rename(columns={_RESERVED: new}, inplace=True)
    logger.warning(
        "the column %r of `adata.%s` is renamed to %r: AnnData files keep that name for the index", _RESERVED, name, new
    )

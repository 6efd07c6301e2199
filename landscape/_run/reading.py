"""Reading a file: damage and other formats are named, and types that an older format cannot hold are cast."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path

import anndata as ad
import pandas as pd
from anndata import AnnData

logger = logging.getLogger(__name__)

_HDF5 = b"\x89HDF\r\n\x1a\n"


def read_cells(path: str | Path) -> AnnData:
    """Read an ``.h5ad`` file or a zarr folder.

    Text columns of newer pandas versions become plain text, so that the result can be written by every version.

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
        _require_hdf5(path)
    try:
        with warnings.catch_warnings():
            # anndata warns of old files, which does not concern whoever reads a result.
            warnings.filterwarnings("ignore", category=FutureWarning, module="anndata")
            adata = ad.read_zarr(path) if path.is_dir() else ad.read_h5ad(path)
    except (OSError, KeyError, RuntimeError, UnicodeDecodeError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(_what_is_wrong(path, error)) from error
    for frame in (adata.obs, adata.var, *_frames(adata.obsm), *_frames(adata.varm)):
        _to_plain_text(frame)
    return adata


def _require_hdf5(path: Path) -> None:
    with path.open("rb") as stream:
        start = stream.read(8)
    if start == _HDF5:
        return
    size = path.stat().st_size
    if not start.strip(b"\0"):
        msg = f"{path} is damaged: {'it is empty' if size == 0 else 'it starts with zeros'} ({size:,} bytes); copy it again."
    else:
        msg = f"{path} is no .h5ad file (it does not start as HDF5 does); convert it, for instance with `anndata.io`."
    raise ValueError(msg)


def _what_is_wrong(path: Path, error: Exception) -> str:
    text = " ".join(str(error).split())
    if "IOSpec" in text or type(error).__name__ == "IORegistryError" or "No read method registered" in text:
        return (
            f"{path} uses a format that anndata {ad.__version__} does not know; write it again with an older anndata or "
            f"update this one (`pip install -U anndata`). Message of anndata: {text[:300]}"
        )
    size = f", {path.stat().st_size:,} bytes" if path.is_file() else ""
    return f"{path} is damaged or incomplete{size}; copy it again from its source. Message of the reader: {text[:300]}"


def _frames(store: object) -> list[pd.DataFrame]:
    return [value for value in store.values() if isinstance(value, pd.DataFrame)]  # type: ignore[attr-defined]


def _to_plain_text(frame: pd.DataFrame) -> None:
    frame.index = frame.index.astype(object)
    for name in frame.columns:
        column = frame[name]
        if isinstance(column.dtype, pd.StringDtype):
            frame[name] = column.astype(object).where(column.notna(), None)
        elif isinstance(column.dtype, pd.CategoricalDtype) and isinstance(column.cat.categories.dtype, pd.StringDtype):
            frame[name] = column.cat.rename_categories(column.cat.categories.astype(object))

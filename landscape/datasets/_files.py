"""The file of a registry entry: from the data folder, or else from the original source."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from landscape._files import sha256
from landscape.datasets._registry import Entry

logger = logging.getLogger(__name__)

DATA_DIR = "LANDSCAPE_DATA_DIR"


def data_dir() -> Path | None:
    """Folder that the environment variable ``LANDSCAPE_DATA_DIR`` names, ``None`` where it is not set.

    Raises
    ------
    FileNotFoundError
        If it names no folder.
    """
    value = os.environ.get(DATA_DIR)
    if not value:
        return None
    folder = Path(value).expanduser()
    if not folder.is_dir():
        msg = f"{DATA_DIR} names {folder}, which is no folder; set it to the folder of the data files, or unset it."
        raise FileNotFoundError(msg)
    return folder


def fetch(entry: Entry) -> Path:
    """Path of an entry's file, its checksum verified.

    The file is searched below :func:`data_dir`, at the place of the entry or at the top. Otherwise it is downloaded from
    the original source into the cache of the user, if its checksum is known.

    Raises
    ------
    FileNotFoundError
        If it is not there and cannot be downloaded and checked; the message names the source.
    ValueError
        If the file is there with another content.
    ConnectionError
        If the download fails.
    """
    folder = data_dir()
    if folder is not None:
        for path in (folder / entry.file, folder / Path(entry.file).name):
            if path.is_file():
                _require_content(path, entry.sha256)
                return path
    if entry.url_sha256 is None:
        place = f"set {DATA_DIR} to a folder that holds it" if folder is None else f"put it into {folder}"
        msg = (
            f"{entry.name}: {Path(entry.file).name} is missing; {place}. It is not downloaded, because no checksum "
            f"of the original is known; the original is at {entry.url} ({entry.citation})."
        )
        raise FileNotFoundError(msg)
    return _download(entry, entry.url_sha256)


def _download(entry: Entry, expected: str) -> Path:
    import pooch  # only where something is downloaded
    import requests

    logger.info("%s: downloading %s", entry.name, entry.url)
    try:
        path = pooch.retrieve(
            entry.url, known_hash=f"sha256:{expected}", path=pooch.os_cache("genomic-landscape"), progressbar=False
        )
    except (requests.RequestException, OSError) as error:
        msg = (
            f"{entry.name}: {entry.url} could not be downloaded ({error.__class__.__name__}); set {DATA_DIR} to a "
            f"folder that holds {Path(entry.file).name}, or pass your own table or list."
        )
        raise ConnectionError(msg) from error
    return Path(path)


def _require_content(path: Path, expected: str) -> None:
    if (found := sha256(path)) != expected:
        msg = f"{path} is damaged or another version: expected SHA-256 {expected}, found {found}; fetch it again."
        raise ValueError(msg)

"""Atomic writing of files and folders, and locks."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# Prefix of temporary files and folders. Those of processes that were killed are removed by `sweep`.
TEMPORARY = ".~"
# A lock file is written right after it is created. If it is still empty after this many seconds, its process was killed.
_EMPTY_LOCK_SECONDS = 10.0
_MARKER = "landscape_files.json"


def write_atomic(path: str | Path, writer: Callable[[Path], Any]) -> Path:
    """Write a file so that an interrupted process leaves the old file or the new one.

    ``writer`` fills a temporary file beside ``path``, which is flushed to disk and moved into place.

    Raises
    ------
    IsADirectoryError
        If ``path`` is a folder.
    """
    path = Path(path)
    if path.is_dir():
        msg = f"Expected a file path, found the folder {path}; name a file in it."
        raise IsADirectoryError(msg)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(path)
    # Files of `tempfile` are readable only by their owner whatever the umask, but results are shared.
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    try:
        writer(temporary)
        _sync(temporary)
        temporary.replace(path)
        _sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def write_folder(path: str | Path, writer: Callable[[Path], Any]) -> Path:
    """Write a folder so that ``path`` is never incomplete.

    ``writer`` fills a temporary folder beside ``path``, which is moved into place with a list of its files. An existing
    folder is replaced as a whole. A process that is killed between the two renames of a replacement leaves the old folder
    under a temporary name and none at ``path``.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary, previous = _temporary(path), _temporary(path)
    try:
        writer(temporary)
        files = sorted(file for file in temporary.rglob("*") if file.is_file())
        for file in files:
            _sync(file)
        write_json(temporary / _MARKER, {str(file.relative_to(temporary)): sha256(file) for file in files})
        if path.exists():
            path.rename(previous)
        try:
            temporary.rename(path)
        except OSError:
            previous.rename(path)
            raise
        _sync(path.parent)
    finally:
        for leftover in (temporary, previous):
            if leftover.is_dir():
                shutil.rmtree(leftover)
    return path


def damaged_files(folder: str | Path) -> list[str]:
    """Names of files that are missing or were changed in a folder of :func:`write_folder`.

    Without its list of files the folder counts as damaged, and the name of the list is returned.
    """
    folder = Path(folder)
    if not (folder / _MARKER).is_file():
        return [_MARKER]
    expected = read_json(folder / _MARKER)
    return [name for name, digest in expected.items() if not _has_digest(folder / name, digest)]


def sweep(folder: str | Path, *, deep: bool = True) -> list[Path]:
    """Remove temporary files of killed processes from ``folder`` (and below); the caller must hold the folder's lock."""
    pattern = f"{TEMPORARY}*"
    leftovers = list(Path(folder).rglob(pattern) if deep else Path(folder).glob(pattern))
    for path in leftovers:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return leftovers


def write_text(path: str | Path, text: str) -> Path:
    """Write UTF-8 text atomically."""
    return write_atomic(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def write_json(path: str | Path, value: Any) -> Path:
    """Write JSON atomically; raises ValueError for NaN, which JSON does not have."""
    return write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def read_json(path: str | Path) -> Any:
    """Read a JSON file."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def sha256(path: str | Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digest_of(value: Any) -> str:
    """Hexadecimal SHA-256 of a JSON value, independent of the order of keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, allow_nan=False).encode()).hexdigest()


@contextlib.contextmanager
def lock(path: str | Path) -> Iterator[None]:
    """Hold a lock file while a block runs; the lock of a process of this host that has ended is taken over.

    Raises
    ------
    BlockingIOError
        If another process holds the lock; the message names the process and how to clear the lock of another host.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    mine = {"pid": os.getpid(), "host": socket.gethostname(), "born": _born(os.getpid()), "token": secrets.token_hex(8)}
    for _ in range(8):
        try:
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        except FileExistsError:
            _take_over(path)
            continue
        os.write(handle, json.dumps(mine).encode())
        os.close(handle)
        break
    else:
        msg = f"Could not take {path}: other processes keep taking it; try again later."
        raise BlockingIOError(msg)
    try:
        yield
    finally:
        if _holder(path) == mine:
            path.unlink(missing_ok=True)


def _take_over(path: Path) -> None:
    holder = _holder(path)
    if _alive(path, holder):
        who = f"process {holder['pid']} on {holder['host']}" if holder else "another process"
        msg = (
            f"{path.parent} is in use by {who}; wait for it to end. If that process is gone for sure, delete {path.name}"
            f" in that folder and run again."
        )
        raise BlockingIOError(msg)
    aside = _temporary(path)
    with contextlib.suppress(FileNotFoundError):
        path.rename(aside)
        if _holder(aside) != holder:  # Another process took over between reading and renaming: give its lock back.
            with contextlib.suppress(FileExistsError):
                os.link(aside, path)
        aside.unlink()


def _holder(path: Path) -> dict[str, Any]:
    try:
        content = read_json(path)
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) and {"pid", "host", "born"} <= content.keys() else {}


def _alive(path: Path, holder: dict[str, Any]) -> bool:
    if not holder:
        try:
            return time.time() - path.stat().st_mtime < _EMPTY_LOCK_SECONDS
        except FileNotFoundError:
            return False
    if holder["host"] != socket.gethostname():
        return True  # Processes of another host cannot be seen from here.
    try:
        os.kill(int(holder["pid"]), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return holder["born"] is None or holder["born"] == _born(int(holder["pid"]))


def _born(pid: int) -> str | None:
    """Start time of a process, which distinguishes it from a later one with the same number."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return None


def _temporary(path: Path) -> Path:
    return path.with_name(f"{TEMPORARY}{path.stem}-{secrets.token_hex(6)}{path.suffix}")


def _has_digest(path: Path, digest: str) -> bool:
    return path.is_file() and sha256(path) == digest


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

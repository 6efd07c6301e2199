"""Records of finished stages, their input and output, by which a later run keeps what is still valid."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from landscape._files import digest_of, read_json, sha256, write_json

SCHEMA = "landscape.stage/1"
# Hidden in the folder of a run: its stages, and the lock of the process that works there.
STAGES = ".stages"
LOCK = ".lock"
FILE = "stage.json"


@dataclass(frozen=True, slots=True)
class Manifest:
    """Record of a stage.

    Attributes
    ----------
    stage, status
        Its name; ``"running"`` or ``"complete"``.
    key
        Digest of everything that its result depends on: the input, its parameters, the package's version, and the
        keys of the stages that it reads.
    inputs, params, versions, seed
        The parts of the key, and the versions of other packages for information.
    outputs
        SHA-256 of each file, by its path below the stage's folder.
    seconds, peak_memory_mb, warnings
        Its costs and its warnings.
    """

    stage: str
    status: str
    key: str
    inputs: Mapping[str, str]
    params: Mapping[str, Any]
    versions: Mapping[str, str]
    seed: int
    outputs: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    peak_memory_mb: float = 0.0
    warnings: Sequence[str] = ()

    def write(self, folder: Path) -> None:
        """Write it into the stage's folder."""
        write_json(folder / FILE, {"schema": SCHEMA, **asdict(self)})


def key_of(stage: str, *, params: Mapping[str, Any], inputs: Mapping[str, str], version: str) -> str:
    """Digest of what the result of a stage depends on."""
    return digest_of({"schema": SCHEMA, "stage": stage, "params": params, "inputs": inputs, "version": version})


def outputs_of(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder but the manifest."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != FILE)
    return {path.relative_to(folder).as_posix(): sha256(path) for path in files}


def read_manifest(folder: Path) -> Manifest | None:
    """Manifest of a stage, complete or not; ``None`` where there is none of this version."""
    try:
        values = read_json(folder / FILE)
    except (FileNotFoundError, NotADirectoryError, json.JSONDecodeError, UnicodeDecodeError):
        return None
    if not isinstance(values, dict) or values.pop("schema", None) != SCHEMA:
        return None
    try:
        found = Manifest(**values)
    except TypeError:
        return None
    tables = (found.inputs, found.params, found.versions, found.outputs)
    return found if all(isinstance(table, dict) for table in tables) and isinstance(found.warnings, list) else None


def read_complete(folder: Path, key: str, *, root: Path | None = None) -> Manifest | None:
    """Manifest of a complete stage with this key whose files are all unchanged; ``None`` otherwise.

    ``root`` is the folder that the outputs are named from, by default the stage's own.
    """
    found = read_manifest(folder)
    if found is None or found.status != "complete" or found.key != key:
        return None
    root = root or folder
    whole = all((root / name).is_file() and sha256(root / name) == digest for name, digest in found.outputs.items())
    return found if whole else None

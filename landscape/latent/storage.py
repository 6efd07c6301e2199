"""Model files: safetensors for the weights, JSON for everything else; neither can hold code.

The JSON file names the weights file by its SHA-256 and is written last, so a killed save leaves the old model.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from landscape._files import read_json, sha256, write_atomic, write_json

SCHEMA = "landscape.latent/3"
HEADER = "model.json"
# Digits of the digest in the name of the weights file: 64 bits, which do not collide by chance.
NAME_DIGITS = 16


class OtherVersionError(ValueError):
    """The folder was written by another version of this package, or holds no model; it is not damaged."""


@dataclass(frozen=True, slots=True)
class Stored:
    """Contents of a model folder.

    Attributes
    ----------
    header
        Everything but the weights, as plain JSON values.
    weights
        Tensors by name.
    """

    header: dict[str, Any]
    weights: dict[str, Tensor]


def save(folder: str | Path, header: dict[str, Any], weights: dict[str, Tensor], *, overwrite: bool) -> None:
    """Write a model folder.

    Parameters
    ----------
    folder
        Folder, made if it is missing.
    header
        Everything but the weights, as plain JSON values.
    weights
        Tensors by name.
    overwrite
        Replace a model in the folder.

    Raises
    ------
    FileExistsError
        If the folder is not empty and ``overwrite`` is false, or if it holds files but no model.
    """
    from safetensors.torch import save_file

    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        msg = f"Expected a folder at {folder}, found a file; choose another path."
        raise FileExistsError(msg)
    if folder.exists() and any(folder.iterdir()):
        if not overwrite:
            msg = f"{folder} is not empty; pass `overwrite=True` to replace the model in it."
            raise FileExistsError(msg)
        if not (folder / HEADER).exists() and not list(folder.glob("weights-*.safetensors")):
            msg = f"{folder} holds files but no model; choose another folder."
            raise FileExistsError(msg)
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    temporary = write_atomic(folder / "weights-new.safetensors", lambda path: save_file(tensors, path))
    digest = sha256(temporary)
    file = temporary.replace(folder / f"weights-{digest[:NAME_DIGITS]}.safetensors")
    content = {"schema": SCHEMA, **header, "weights": {"file": file.name, "sha256": digest}}
    write_json(folder / HEADER, {**content, "checksum": checksum_of(content)})
    for old in folder.glob("weights-*.safetensors"):
        if old.name != file.name:
            old.unlink()


def load(folder: str | Path) -> Stored:
    """Read a model folder, after checking schema and checksums.

    Parameters
    ----------
    folder
        Folder, as :func:`save` writes it.

    Returns
    -------
    Header and weights.

    Raises
    ------
    FileNotFoundError
        If there is no model.
    OtherVersionError
        If another version wrote it.
    ValueError
        If the files are of another kind, damaged, or changed since they were written.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    folder = Path(folder)
    path = folder / HEADER
    if not path.is_file():
        foreign = " It holds `model.pt`: load it with `scvi.model.SCVI.load` and pass it to `LatentModel.from_scvi`."
        msg = f"No model in {folder}: {HEADER} is missing.{foreign if (folder / 'model.pt').exists() else ''}"
        raise FileNotFoundError(msg)
    header = _read_header(path)
    entry = header.get("weights")
    if not isinstance(entry, dict) or not all(isinstance(entry.get(name), str) for name in ("file", "sha256")):
        msg = f"{path} names no file of weights; save the model again."
        raise ValueError(msg)
    file = folder / Path(entry["file"]).name
    if not file.is_file():
        msg = f"{folder} is incomplete: {file.name} is missing; save the model again."
        raise FileNotFoundError(msg)
    if (found := sha256(file)) != entry["sha256"]:
        msg = f"{file} is damaged or was changed: expected SHA-256 {entry['sha256']}, found {found}."
        raise ValueError(msg)
    try:
        weights = load_file(file)
    except SafetensorError as error:
        msg = f"{file} is no safetensors file ({error}); save the model again."
        raise ValueError(msg) from error
    return Stored(header=header, weights=weights)


def _read_header(path: Path) -> dict[str, Any]:
    try:
        header = read_json(path)
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        msg = f"{path} is damaged: it is no JSON ({error}); save the model again."
        raise ValueError(msg) from error
    schema = header.get("schema") if isinstance(header, dict) else None
    if schema != SCHEMA:
        msg = (
            f"{path} is no model of this version: expected schema {SCHEMA!r}, found {schema!r}; train the model again."
        )
        raise OtherVersionError(msg)
    checksum = header.pop("checksum", None)
    if checksum != checksum_of(header):
        msg = f"{path} is damaged or was changed: its content does not have the checksum {checksum!r} that it states."
        raise ValueError(msg)
    return header


def checksum_of(content: dict[str, Any]) -> str:
    """SHA-256 of a header without its checksum.

    Parameters
    ----------
    content
        Plain JSON values.

    Returns
    -------
    Hexadecimal digest.
    """
    return hashlib.sha256(json.dumps(content, sort_keys=True, allow_nan=False).encode()).hexdigest()

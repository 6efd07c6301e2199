"""State of an unfinished fit on disk: what is needed to go on as if nothing had happened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from landscape.latent import storage


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A folder with the state of a fit.

    Attributes
    ----------
    folder
        Where it is kept; nothing else may be there.
    every
        Epochs between two writings.
    identity
        What the fit is: two fits with the same one give the same weights. Plain JSON values.
    """

    folder: Path
    every: int
    identity: Mapping[str, Any]

    def __post_init__(self) -> None:
        if self.every < 1:
            msg = f"Expected `checkpoint_every` of at least 1, found {self.every}."
            raise ValueError(msg)

    def is_due(self, epoch: int) -> bool:
        """Whether the state after this epoch is to be kept."""
        return (epoch + 1) % self.every == 0

    def save(self, records: list[dict[str, Any]], tensors: Mapping[str, Tensor]) -> None:
        """Replace the state, atomically."""
        header = {"kind": "checkpoint", "identity": dict(self.identity), "history": records}
        storage.save(self.folder, header, dict(tensors), overwrite=True)

    def load(self) -> tuple[list[dict[str, Any]], dict[str, Tensor]] | None:
        """Records of the epochs and tensors; ``None`` where nothing has been written.

        Raises
        ------
        ValueError
            If the folder belongs to another fit, or is damaged.
        """
        if not (self.folder / storage.HEADER).exists():
            return None
        stored = storage.load(self.folder)
        if stored.header.get("kind") != "checkpoint":
            msg = f"{self.folder} holds a model and no checkpoint; name another folder."
            raise ValueError(msg)
        found = stored.header.get("identity")
        found = found if isinstance(found, dict) else {}
        if differing := sorted(k for k in {*found, *self.identity} if found.get(k) != self.identity.get(k)):
            msg = (
                f"The checkpoint in {self.folder} is of another fit: {', '.join(differing)} differ; "
                "name another folder, or delete this one."
            )
            raise ValueError(msg)
        return stored.header.get("history", []), stored.weights

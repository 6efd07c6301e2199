"""State of an unfinished fit on disk, from which it continues as if it had not been interrupted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from landscape.latent import storage

KIND = "checkpoint"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A folder with the state of a fit.

    Attributes
    ----------
    folder
        Folder, which holds nothing else.
    every
        Number of epochs between two writings.
    identity
        What the result of the fit depends on: two fits with the same identity end with the same weights. Plain JSON
        values.

    Raises
    ------
    ValueError
        If ``every`` is less than 1.
    """

    folder: Path
    every: int
    identity: Mapping[str, Any]

    def __post_init__(self) -> None:
        if self.every < 1:
            msg = f"Expected `checkpoint_every` of at least 1, found {self.every}."
            raise ValueError(msg)

    def is_due(self, epoch: int) -> bool:
        """Whether the state after this epoch is written."""
        return (epoch + 1) % self.every == 0

    def save(self, records: list[dict[str, Any]], tensors: Mapping[str, Tensor]) -> None:
        """Replace the state, atomically.

        Parameters
        ----------
        records
            History of the fit, a record per epoch.
        tensors
            Weights and state of the optimiser.
        """
        header = {"kind": KIND, "identity": dict(self.identity), "history": records}
        storage.save(self.folder, header, dict(tensors), overwrite=True)

    def load(self) -> tuple[list[dict[str, Any]], dict[str, Tensor]] | None:
        """Read the state.

        Returns
        -------
        What :meth:`save` was given; ``None`` if nothing has been written.

        Raises
        ------
        ValueError
            If the folder belongs to another fit, or is damaged.
        """
        if not (self.folder / storage.HEADER).exists():
            return None
        stored = storage.load(self.folder)
        if stored.header.get("kind") != KIND:
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

"""Fit of a model to its cells: initial weights, split of the cells, checkpoint, progress."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Generator, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from tqdm.auto import tqdm

from landscape._files import digest_of
from landscape.latent.architecture import Architecture, build
from landscape.latent.checkpoint import Checkpoint
from landscape.latent.dataset import CountDataset
from landscape.latent.sampler import train_validation_split
from landscape.latent.schedule import Schedule
from landscape.latent.training import Epoch, fit

if TYPE_CHECKING:
    from scvi.module import VAE


@dataclass(frozen=True, slots=True, eq=False)
class Trainer:
    """Fit of a network to cells.

    Attributes
    ----------
    module
        Network, fitted in place.
    architecture
        Sizes and choices of the network.
    data
        Cells.
    seed
        Seed of the initial weights and of the fit.
    device
        Device of the network.
    """

    module: VAE
    architecture: Architecture
    data: CountDataset
    seed: int
    device: torch.device

    def fit(
        self,
        schedule: Schedule,
        *,
        validation_size: float,
        checkpoint: str | Path | None,
        checkpoint_every: int,
    ) -> Generator[Epoch, None, None]:
        """Fit from the initial weights, or from a checkpoint.

        Parameters
        ----------
        schedule
            Hyper-parameters.
        validation_size
            Share of the cells held out, in [0, 0.5].
        checkpoint
            Folder for the state of the fit; ``None``: none is kept.
        checkpoint_every
            Number of epochs between two writings.

        Returns
        -------
        Iterator of a record per epoch, by which the fit advances.

        Raises
        ------
        ValueError
            If a value is out of its range, or the checkpoint belongs to another fit.
        FloatingPointError
            If the fit diverges.
        """
        train, validation = train_validation_split(
            len(self.data), validation_size, block_size=schedule.block_size, seed=self.seed
        )
        state = None
        if checkpoint is not None:
            identity = self._identity(schedule, validation_size)
            state = Checkpoint(folder=Path(checkpoint), every=checkpoint_every, identity=identity)
        self.module.load_state_dict(build(self.architecture, seed=self.seed).state_dict())
        return fit(
            self.module,
            self.data,
            train=train,
            validation=validation,
            schedule=schedule,
            seed=self.seed,
            device=self.device,
            checkpoint=state,
        )

    def _identity(self, schedule: Schedule, validation_size: float) -> dict[str, Any]:
        """What the final weights depend on, as plain JSON values."""
        data = self.data
        return {
            "architecture": digest_of(asdict(self.architecture)),
            "settings": digest_of({**asdict(schedule), "validation_size": validation_size}),
            "threads": torch.get_num_threads(),
            "device": self.device.type,
            "seed": self.seed,
            "genes": digest_of(data.vocabulary.genes),
            # The total count of each cell distinguishes data sets; the counts themselves may be on disk.
            "cells": zlib.crc32(data.totals.tobytes() + data.codes.tobytes() + data.continuous.tobytes()),
        }


def with_progress(epochs: Iterator[Epoch], total: int, *, shown: bool | None) -> Generator[Epoch, None, None]:
    """Show a progress bar while a fit advances.

    Parameters
    ----------
    epochs
        Records of a fit.
    total
        Maximum number of epochs.
    shown
        Show the bar; ``None``: if standard error is a terminal.

    Yields
    ------
    The records.
    """
    hidden = not (sys.stderr.isatty() if shown is None else shown)
    with tqdm(epochs, total=total, desc="latent model", unit="epoch", disable=hidden) as bar:
        for epoch in bar:
            yield epoch
            bar.set_postfix(bound=f"{epoch.elbo_validation:.1f}", refresh=False)


def find_device(name: str) -> torch.device:
    """Device of a name.

    Parameters
    ----------
    name
        ``"auto"`` (a GPU if there is one), or a name that torch knows.

    Returns
    -------
    The device.

    Raises
    ------
    ValueError
        If there is no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except (RuntimeError, TypeError) as error:
        msg = f"Expected `device` to be 'cpu', 'cuda', 'cuda:0', ... or 'auto', found {name!r}."
        raise ValueError(msg) from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        msg = (
            f"Expected a GPU for `device={str(name)!r}`, found {torch.cuda.device_count()} that torch can use; pass "
            "`device='cpu'`, or install torch for GPUs (see the installation page)."
        )
        raise ValueError(msg)
    return device

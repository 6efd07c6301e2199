"""A model that can be fitted to its cells."""

from __future__ import annotations

import logging
import sys
import zlib
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from tqdm.auto import tqdm

from landscape._files import digest_of
from landscape.latent.cells import Cells, Keys
from landscape.latent.checkpoint import Checkpoint
from landscape.latent.module import Architecture, build
from landscape.latent.order import split
from landscape.latent.questions import Questions
from landscape.latent.training import Epoch, Schedule, fit, private_randomness

logger = logging.getLogger(__name__)

# Cells of a block where the counts are on disk: a disk reads so many at some three times the speed of the fit.
DISK_BLOCK = 256


class Fitting(Questions):
    """Initial weights, the fit, and its record; a part of ``LatentModel``."""

    def _setup(self, architecture: Architecture, cells: Cells, *, keys: Keys, seed: int, device: str) -> None:
        self._architecture = architecture
        self._cells, self._keys = cells, keys
        self._seed, self._device = seed, _device(device)
        self._epochs: list[Epoch] = []
        self.is_trained = False
        with private_randomness(seed, "cpu"):
            self.module = build(architecture).to(self._device)
        self.module.eval()

    @property
    def architecture(self) -> Architecture:
        """Sizes and choices that define the network."""
        return self._architecture

    @property
    def history(self) -> pd.DataFrame:
        """Record of the fit, one row per epoch."""
        columns = list(Epoch.__dataclass_fields__)
        return pd.DataFrame([asdict(epoch) for epoch in self._epochs], columns=columns).set_index("epoch")

    def train(
        self,
        *,
        max_epochs: int | None = None,
        early_stopping: bool = True,
        patience: int = 10,
        validation_size: float = 0.1,
        batch_size: int = 64,
        learning_rate: float = 8e-3,
        warmup_epochs: int | None = None,
        block_size: int | None = None,
        precision: Literal["auto", "float32", "bfloat16"] = "auto",
        checkpoint: str | Path | None = None,
        checkpoint_every: int = 10,
        progress: bool | None = None,
    ) -> None:
        """Fit the model to its cells; a second call starts again from the same initial weights.

        Where ``torch.distributed`` is initialised, each minibatch is divided among the processes, and all of them end
        with the same weights.

        Parameters
        ----------
        max_epochs
            Passes over the training cells, at most. ``None``: 400, and fewer above 20,000 cells
            (so that 8 million cells are seen), but at least 20.
        early_stopping
            Stop when the held-out bound has not improved for ``patience`` epochs, and return to the best weights.
        validation_size
            Share of the cells held out, in [0, 0.5]; 0 turns early stopping off.
        batch_size, learning_rate
            Of the Adam steps. The defaults reach the best held-out bound per second, see the method page.
        warmup_epochs
            Epochs over which the weight of the divergence rises from 0 to 1; ``None``: a tenth of ``max_epochs``,
            at most 10.
        block_size
            Visit the cells by blocks of so many neighbours, which a disk reads fast; ``None``: 256 where the counts are
            on disk, single cells in memory. The same block size gives the same order, from disk and in memory.
        precision
            Of the products with the decoder's last layer while training. ``"auto"``: bfloat16 where the processor has
            instructions for it, else float32. Everything else is always float32.
        checkpoint
            Folder for the state of an unfinished fit. If it holds one of this very fit, the fit goes on from there,
            and ends bit for bit as if it had not been interrupted.
        checkpoint_every
            Epochs between two writings of it.
        progress
            Show a progress bar; ``None``: if standard error is a terminal.

        Raises
        ------
        ValueError
            If a setting is out of its range, or the checkpoint belongs to another fit.
        FloatingPointError
            If the fit diverges.
        """
        n_cells = len(self._cells)
        if not 0 <= validation_size <= 0.5:
            msg = f"Expected `validation_size` in [0, 0.5], found {validation_size}."
            raise ValueError(msg)
        if max_epochs is None:
            max_epochs = int(np.clip(8_000_000 // max(n_cells, 1), 20, 400))
        if block_size is None and self._cells.on_disk:
            block_size = DISK_BLOCK
        schedule = Schedule(
            max_epochs=max_epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            warmup_epochs=min(10, max_epochs // 10) if warmup_epochs is None else warmup_epochs,
            patience=patience if early_stopping else None,
            block_size=block_size,
            precision=_fastest(self._device) if precision == "auto" else precision,
        )
        train, validation = split(n_cells, validation_size, block_size=block_size, seed=self._seed)
        self._restart()
        epochs = fit(
            self.module,
            self._cells,
            train=train,
            validation=validation,
            schedule=schedule,
            seed=self._seed,
            device=self._device,
            checkpoint=self._checkpoint(checkpoint, checkpoint_every, schedule, validation_size),
        )
        hidden = not (sys.stderr.isatty() if progress is None else progress)
        try:
            with tqdm(epochs, total=max_epochs, desc="latent model", unit="epoch", disable=hidden) as bar:
                for epoch in bar:
                    self._epochs.append(epoch)
                    bar.set_postfix(bound=f"{epoch.elbo_validation:.1f}", refresh=False)
        except KeyboardInterrupt:
            self.is_trained = bool(self._epochs)  # what has been fitted can be used
            raise
        self.is_trained = True
        logger.info("trained for %d epochs, %.1f s", len(self._epochs), sum(e.seconds for e in self._epochs))

    def _checkpoint(
        self, folder: str | Path | None, every: int, schedule: Schedule, validation_size: float
    ) -> Checkpoint | None:
        if folder is None:
            return None
        cells = self._cells
        identity: dict[str, Any] = {
            "architecture": digest_of(asdict(self._architecture)),
            "settings": digest_of({**asdict(schedule), "validation_size": validation_size}),
            "threads": torch.get_num_threads(),
            "device": self._device.type,
            "seed": self._seed,
            "genes": digest_of(cells.vocabulary.genes),
            # Not the counts themselves, which may be on disk: the total of each cell tells data sets apart.
            "cells": zlib.crc32(cells.totals.tobytes() + cells.codes.tobytes() + cells.continuous.tobytes()),
        }
        return Checkpoint(folder=Path(folder), every=every, identity=identity)

    def _restart(self) -> None:
        self._epochs, self.is_trained = [], False
        with private_randomness(self._seed, "cpu"):
            self.module.load_state_dict(build(self._architecture).state_dict())


def _device(name: str) -> torch.device:
    """Device by its name, ``"auto"`` or one of torch's."""
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


def _fastest(device: torch.device) -> Literal["float32", "bfloat16"]:
    """Precision at which the decoder's products are fastest; only processors are known."""
    capabilities: dict[str, bool] = getattr(
        torch.cpu, "get_capabilities", dict
    )()  # newer than the oldest torch that is supported
    has = device.type == "cpu" and any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16"))
    return "bfloat16" if has else "float32"

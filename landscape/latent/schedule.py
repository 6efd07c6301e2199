"""Hyper-parameters of a fit, and their defaults for given data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import torch

from landscape.latent.dataset import CountDataset

# Cells of a block if the counts are on disk: blocks of this size are read some three times faster than they are fitted.
DISK_BLOCK_SIZE = 256
# Default number of epochs: that of 8 million cells, as in scvi-tools (400 epochs up to 20,000 cells), within these limits.
CELLS_SEEN = 8_000_000
MIN_EPOCHS, MAX_EPOCHS = 20, 400
# Default warm-up: a tenth of the epochs, at most 10; a fit with early stopping ends after some 50.
WARMUP_DIVISOR, MAX_WARMUP_EPOCHS = 10, 10

# Default patience without and with covariates. Fits of batches that stopped after 10 epochs kept the batch in z, with a lower bound
# than fits that went on; 45 epochs are the default of scvi-tools.
PATIENCE, PATIENCE_WITH_COVARIATES = 10, 45

Precision = Literal["float32", "bfloat16"]
PRECISIONS = get_args(Precision)


@dataclass(frozen=True, slots=True)
class Schedule:
    """Hyper-parameters of a fit.

    Attributes
    ----------
    max_epochs
        Maximum number of passes over the training cells.
    batch_size
        Maximum number of cells per step.
    learning_rate, weight_decay
        Of Adam; its epsilon is 0.01 as in scvi-tools, see :mod:`landscape.latent.adam`.
    warmup_epochs
        Number of epochs over which the weight of the KL divergence rises linearly from 0 to 1.
    patience
        Number of epochs after the warm-up without improvement of the held-out bound after which the fit stops;
        ``None``: never.
    block_size
        Cells of a block that is read at once, see :func:`landscape.latent.sampler.shuffle_buffers`; ``None``: no blocks.
    precision
        Precision of the products with the decoder's last layer during training.

    Raises
    ------
    ValueError
        If a value is out of its range.
    """

    max_epochs: int
    batch_size: int = 64
    learning_rate: float = 8e-3
    weight_decay: float = 1e-6
    warmup_epochs: int = 10
    patience: int | None = PATIENCE
    block_size: int | None = None
    precision: Precision = "float32"

    def __post_init__(self) -> None:
        minima = (("max_epochs", 1), ("batch_size", 2), ("warmup_epochs", 0), ("patience", 1), ("block_size", 1))
        for name, minimum in minima:
            value = getattr(self, name)
            if value is not None and value < minimum:
                msg = f"Expected `{name}` of at least {minimum}, found {value}."
                raise ValueError(msg)
        if not self.learning_rate > 0:
            msg = f"Expected a positive `learning_rate`, found {self.learning_rate}."
            raise ValueError(msg)
        if self.precision not in PRECISIONS:
            msg = f"Expected `precision` to be 'float32' or 'bfloat16', found {self.precision!r}."
            raise ValueError(msg)


def default_schedule(
    data: CountDataset,
    device: torch.device,
    *,
    max_epochs: int | None,
    warmup_epochs: int | None,
    block_size: int | None,
    precision: Literal["auto", "float32", "bfloat16"],
    **given: Any,
) -> Schedule:
    """Schedule whose open values are chosen for the data and the device.

    Parameters
    ----------
    data
        Cells to fit.
    device
        Device of the fit.
    max_epochs, warmup_epochs, block_size
        As in :class:`Schedule`; ``None``: the default for these data.
    precision
        As in :class:`Schedule`; ``"auto"``: the fastest on this device.
    given
        All other attributes of :class:`Schedule`.

    Returns
    -------
    The schedule.

    Raises
    ------
    ValueError
        If a value is out of its range.
    """
    if max_epochs is None:
        max_epochs = int(np.clip(CELLS_SEEN // max(len(data), 1), MIN_EPOCHS, MAX_EPOCHS))
    if warmup_epochs is None:
        warmup_epochs = min(MAX_WARMUP_EPOCHS, max_epochs // WARMUP_DIVISOR)
    if block_size is None and data.on_disk:
        block_size = DISK_BLOCK_SIZE
    return Schedule(
        max_epochs=max_epochs,
        warmup_epochs=warmup_epochs,
        block_size=block_size,
        precision=_fastest_precision(device) if precision == "auto" else precision,
        **given,
    )


def default_patience(n_covariates: int) -> int:
    """Epochs without improvement after which a fit stops, for given covariates.

    Parameters
    ----------
    n_covariates
        :attr:`landscape.latent.architecture.Architecture.n_covariates`.

    Returns
    -------
    Number of epochs.
    """
    return PATIENCE_WITH_COVARIATES if n_covariates else PATIENCE


def _fastest_precision(device: torch.device) -> Precision:
    """Precision at which the decoder's products are fastest; bfloat16 has been measured on CPUs only."""
    # `get_capabilities` is newer than the oldest torch that is supported.
    capabilities: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
    has = device.type == "cpu" and any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16"))
    return "bfloat16" if has else "float32"

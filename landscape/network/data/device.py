"""Matrix products of one block of cells on a device of torch, in double precision."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from landscape.network.data.arrays import FloatArray, Matrix


def is_device(engine: object) -> bool:
    """Whether an engine is a device of torch, or the name of one such as ``"cuda"`` or ``"cuda:1"``."""
    return (isinstance(engine, str) and engine.split(":")[0] in ("cpu", "cuda", "xpu")) or (
        type(engine).__module__ == "torch" and type(engine).__name__ == "device"
    )


def device_of(engine: Any) -> Any:
    """The device that an engine names.

    Raises
    ------
    ValueError
        If torch cannot use the device.
    """
    import torch

    device = torch.device(engine)
    try:
        torch.zeros(1, dtype=torch.float64, device=device)
    except (RuntimeError, AssertionError) as error:  # torch without CUDA asserts
        msg = f"Expected an `engine` that torch can use, found {str(device)!r} ({error}); omit `engine` to use this process."
        raise ValueError(msg) from error
    return device


def products(
    a: FloatArray, y: Matrix, weights: FloatArray | None, device: Any
) -> tuple[FloatArray, FloatArray, FloatArray]:
    r"""Products :math:`A^\top V A`, :math:`A^\top V Y` and the diagonal of :math:`Y^\top V Y`.

    Parameters
    ----------
    a, y
        :math:`A` and :math:`Y`, cells in rows.
    weights
        Diagonal of :math:`V`, the weights of the cells. ``None``: one.
    device
        Device of torch.
    """
    import torch

    left = torch.as_tensor(np.ascontiguousarray(a), device=device)
    right = _dense(y, device)
    weighted = left if weights is None else left * torch.as_tensor(weights, device=device)[:, None]
    squares = right.square() if weights is None else right.square() * torch.as_tensor(weights, device=device)[:, None]
    aa, ay, yy = (part.cpu().numpy() for part in (weighted.T @ left, weighted.T @ right, squares.sum(dim=0)))
    return aa, ay, yy


def _dense(y: Matrix, device: Any) -> Any:
    import torch

    if not sparse.issparse(y):
        return torch.as_tensor(np.ascontiguousarray(y), device=device)
    rows = torch.as_tensor(np.repeat(np.arange(y.shape[0]), np.diff(y.indptr)), device=device)
    columns = torch.as_tensor(y.indices.astype(np.int64), device=device)
    result = torch.zeros(y.shape, dtype=torch.float64, device=device)
    return result.index_put_((rows, columns), torch.as_tensor(y.data, device=device), accumulate=True)

r"""Covariates that act on each gene by a factor, the same in all cells.

.. math:: \log g_g(z, b) = f_g(z) + \beta_{bg} + c\, \kappa_g - \log \sum_{g'} e^{f_{g'}(z) + \beta_{bg'} + c\, \kappa_{g'}}

Where batch and z enter the network side by side, as in scVI, a shift of z in one batch is undone by the weights of the batch in
the first layer: :math:`W (z + \delta) + V_b - W \delta` is the same, whatever :math:`\delta`. Cells of one state may then have
another z in each batch, and only the prior holds them together, which takes batches of another composition for shifted. A factor
for each gene cannot undo a shift, because f changes by another amount wherever the manifold bends. z is then determined up
to what it is without batches, also if a batch misses a part of the cells.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def indicators(codes: Tensor, sizes: Sequence[int], *, dtype: torch.dtype) -> Tensor:
    """Indicators of the levels of categorical covariates.

    Parameters
    ----------
    codes
        Codes, shape ``(n, len(sizes))``.
    sizes
        Number of levels of each; one level has no indicator.
    dtype
        Of the result.

    Returns
    -------
    Zeros and ones, shape ``(n, n_levels)``.
    """
    several = [torch.nn.functional.one_hot(c, size) for c, size in zip(codes.T, sizes, strict=True) if size > 1]
    return torch.cat([codes.new_empty((len(codes), 0)), *several], dim=1).to(dtype)

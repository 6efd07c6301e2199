"""Common covariates at which all cells are decoded, so that their expression can be compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from landscape.latent.dataset import CountDataset, Keys, category_codes

if TYPE_CHECKING:
    from typing import TypeAlias

#: Cells with the covariates that they are decoded with, and the weight of their shares in the mean.
Weighted: TypeAlias = "tuple[float, CountDataset]"
#: Where cells are decoded: in a batch, on average over batches, at a reference, or (``None``) with their own covariates.
DecodedIn: TypeAlias = "str | Sequence[str] | Reference | None"


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    r"""Covariates that many cells stand for, the same for every cell that is decoded.

    .. math:: g_g(z) = \sum_b w_b\, g_g(z, b, \bar c)

    b runs over the combinations of batch and categorical covariates, :math:`w_b` is the share of the cells with b, and
    :math:`\bar c` the mean of the continuous covariates. It is what a cell at z is expected to express if its batch is drawn
    as that of the other cells was. Shares are averaged and not their logarithms, so that they still sum to one over the
    genes, whatever the depths of the batches. A gene that one batch detects less, by the same factor in all cells, changes by
    a factor that is the same in all cells; a scale by gene removes it. So does the difference between the mean over a
    continuous covariate and the value at its mean.

    Attributes
    ----------
    codes
        Codes of batch and categorical covariates, shape ``(k, 1 + n_categorical)``.
    weights
        Share of the cells with each of them, shape ``(k,)``, sum one.
    continuous
        Standardised continuous covariates, shape ``(n_continuous,)``.
    name
        What it is, in words.
    """

    codes: NDArray[np.int64]
    weights: NDArray[np.float64]
    continuous: NDArray[np.float32]
    name: str

    @classmethod
    def of_cells(cls, data: CountDataset, keys: Keys) -> Reference:
        """Reference that given cells stand for.

        Parameters
        ----------
        data
            Cells.
        keys
            Columns that their covariates come from.

        Returns
        -------
        The reference.
        """
        codes, counts = np.unique(data.codes, axis=0, return_counts=True)
        levels = [] if keys.batch is None else [keys.batch]
        levels += keys.categorical
        parts = [f"average over {len(codes)} levels of {', '.join(map(repr, levels))}"] if levels else []
        parts += [f"mean of {', '.join(map(repr, keys.continuous))}"] if keys.continuous else []
        mean = data.continuous.mean(0, dtype=np.float64).astype(np.float32)
        return cls(codes, counts / counts.sum(), mean, "; ".join(parts) or "no covariates")

    def cells(self, data: CountDataset) -> tuple[Weighted, ...]:
        """The cells with each combination of covariates of the reference, and its weight.

        Parameters
        ----------
        data
            Cells.

        Returns
        -------
        Weight and dataset of each combination.
        """
        continuous = np.broadcast_to(self.continuous, data.continuous.shape)
        return tuple(
            (float(weight), replace(data, codes=np.broadcast_to(code, data.codes.shape), continuous=continuous))
            for weight, code in zip(self.weights, self.codes, strict=True)
        )


def decoded_in(data: CountDataset, batch: DecodedIn) -> tuple[Weighted, ...]:
    """Cells with the covariates that they are decoded with (the ``transform_batch`` of scvi-tools).

    Parameters
    ----------
    data
        Cells.
    batch
        Name of a batch; several: their mean, with equal weights; a reference; ``None``: each cell's own covariates.

    Returns
    -------
    Weights, which sum to one, and the cells with each set of covariates.

    Raises
    ------
    ValueError
        If the model has no such batch, or the list is empty.
    """
    if batch is None:
        return ((1.0, data),)
    if isinstance(batch, Reference):
        return batch.cells(data)
    names = [batch] if isinstance(batch, str) else list(batch)
    if not names:
        msg = "Expected a batch, a list of batches, a reference or None, found an empty list."
        raise ValueError(msg)
    return tuple((1.0 / len(names), _in_batch(data, name)) for name in names)


def _in_batch(data: CountDataset, name: str) -> CountDataset:
    codes = data.codes.copy()
    codes[:, 0] = category_codes([name], data.vocabulary.batches, what="batches")
    return replace(data, codes=codes)

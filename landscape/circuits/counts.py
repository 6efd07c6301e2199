"""Measurement model: from expression levels to counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from landscape import _keys

# Median abundance at full level before normalisation to the depth, and its standard deviation on the log scale:
# regulators are scarce.
ABUNDANCE = {"regulator": (1.5, 0.3), "target": (1.0, 1.2), "housekeeping": (3.0, 1.2)}
# Median overdispersion and its standard deviation on the log scale.
DISPERSION = (0.15, 0.5)
# Median ratio of the splicing rate to the decay rate, and its standard deviation on the log scale.
SPLICING = (4.0, 0.4)


@dataclass(frozen=True)
class Measurement:
    r"""Parameters of the measurement.

    Attributes
    ----------
    genes
        Table of the genes, by name: ``regulator``; ``kind`` (regulator, target, housekeeping); ``abundance``
        :math:`m`, mean counts at full level in a typical cell before normalisation; ``dispersion`` :math:`\phi`;
        ``decay_rate`` :math:`1/\tau`; ``splicing_rate`` :math:`\beta`.
    depth
        Median expected counts of a cell.
    depth_spread
        Standard deviation of log depth.
    batches
        Number of batches.
    batch_spread
        Standard deviation of the logarithm of the batch factors of a gene.
    """

    genes: pd.DataFrame
    depth: float
    depth_spread: float
    batches: int
    batch_spread: float

    def __post_init__(self) -> None:
        for name in ("depth_spread", "batch_spread"):
            if not 0 <= getattr(self, name) < np.inf:
                msg = f"Expected `{name}` to be finite and not negative, found {getattr(self, name)}."
                raise ValueError(msg)

    def counts(
        self, level: np.ndarray, nascent: np.ndarray | None, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray | None, pd.DataFrame]:
        r"""Counts, unspliced counts and cell properties at levels of shape ``(n, g)``.

        .. math:: c_{cg} \sim NB(\mu_{cg}, \phi_g), \qquad
            \mu_{cg} = l_c \frac{m_g e_{b(c)g} y_{cg}}{\sum_{g'} m_{g'} e_{b(c)g'} y_{cg'}}

        with variance :math:`\mu + \phi \mu^2`, log-normal depth :math:`l` and batch factors :math:`e`. Unspliced
        counts have the same factors on the unspliced level ``nascent``.
        """
        n, g = level.shape
        batch = rng.integers(self.batches, size=n)
        factor = np.ones((1, g))
        if self.batches > 1:
            factor = np.exp(self.batch_spread * rng.normal(size=(self.batches, g)))
        amount = self.genes["abundance"].to_numpy() * factor[batch]
        depth = self.depth * np.exp(self.depth_spread * rng.normal(size=n))
        scale = (depth / (amount * level).sum(1))[:, None] * amount
        dispersion = self.genes["dispersion"].to_numpy()
        spliced = negative_binomial(scale * level, dispersion, rng)
        unspliced = None if nascent is None else negative_binomial(scale * nascent, dispersion, rng)
        names = [f"batch{b}" for b in range(self.batches)]
        obs = {"batch": pd.Categorical.from_codes(batch, names), "size_factor": depth / self.depth}
        return spliced, unspliced, pd.DataFrame(obs)


def draw_genes(names: dict[str, Sequence[str]], time_scale: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """Draw the measurement parameters of genes.

    Parameters
    ----------
    names
        Names of the genes of each kind: regulator, target, housekeeping.
    time_scale
        Time scale of all genes, in this order.
    rng
        Generator.

    Returns
    -------
    Table as in :class:`Measurement`.
    """
    kind = np.repeat(list(names), [len(n) for n in names.values()])
    typical, spread = np.array([ABUNDANCE[k] for k in kind]).T
    return pd.DataFrame(
        {
            _keys.REGULATOR: kind == "regulator",
            "kind": pd.Categorical(kind),
            "abundance": typical * np.exp(spread * rng.normal(size=len(kind))),
            "dispersion": DISPERSION[0] * np.exp(DISPERSION[1] * rng.normal(size=len(kind))),
            "decay_rate": 1.0 / time_scale,
            "splicing_rate": SPLICING[0] / time_scale * np.exp(SPLICING[1] * rng.normal(size=len(kind))),
        },
        index=[name for group in names.values() for name in group],
    )


def negative_binomial(mean: np.ndarray, dispersion: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    r"""Counts with the given mean and variance :math:`\mu + \phi\mu^2`, as a gamma-Poisson mixture."""
    return rng.poisson(mean * rng.gamma(1.0 / dispersion, dispersion, size=mean.shape))

"""Recall: whether the model returns to a phenotype from a corrupted copy of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from landscape._random import RandomLike, generator
from landscape.assays.assess import N_NULL, Assay, Measured, assess
from landscape.assays.finding import Finding
from landscape.assays.subject import Subject, View

FloatArray = NDArray[np.float64]
Corruption = Literal["swap", "dropout", "flip"]

# Shares of genes that are corrupted, and corrupted copies of each phenotype.
SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
N_COPIES = 25


def corrupt(
    patterns: ArrayLike, share: float, how: Corruption, *, rng: np.random.Generator, cells: ArrayLike | None = None
) -> FloatArray:
    """Patterns of shape ``(n, d)`` in which each entry is corrupted with a probability.

    Parameters
    ----------
    patterns
        Patterns.
    share
        The probability.
    how
        ``"swap"``: the entry of a cell drawn at random for each gene; ``"dropout"``: zero; ``"flip"``: the opposite sign.
    rng
        Generator.
    cells
        Cells whose levels are swapped in, shape ``(m, d)``.
    """
    x = np.array(patterns, dtype=float)
    hit = rng.random(x.shape) < share
    if how not in get_args(Corruption):
        msg = f"Expected a corruption out of {get_args(Corruption)}, found {how!r}."
        raise ValueError(msg)
    if how == "swap":
        if cells is None:
            msg = "Expected `cells` whose levels are swapped in."
            raise ValueError(msg)
        pool = np.asarray(cells, dtype=float)
        other = pool[rng.integers(len(pool), size=x.shape), np.arange(x.shape[1])]
    else:
        other = np.zeros_like(x) if how == "dropout" else -x
    return np.where(hit, other, x)


def recall_curve(
    retrieve: Callable[[FloatArray], FloatArray],
    patterns: ArrayLike,
    *,
    shares: Sequence[float] = SHARES,
    how: Corruption = "swap",
    n_copies: int = N_COPIES,
    cells: ArrayLike | None = None,
    rng: RandomLike = 0,
) -> pd.DataFrame:
    r"""Recall of patterns against the share of their entries that are corrupted.

    Parameters
    ----------
    retrieve
        Function from corrupted patterns ``(n, d)`` to what is recalled, such as the flow of a model to its attractors, one update of an
        associative memory, or encoding and decoding.
    patterns
        Patterns, shape ``(k, d)``.
    shares
        Shares of corrupted entries.
    how, cells
        As for :func:`corrupt`.
    n_copies
        Corrupted copies of each pattern.
    rng
        Seed.

    Returns
    -------
    Table by ``share``: ``returned``, how often the recalled pattern is nearest to the right one, and ``wrong``, the share of entries with
    another sign than the pattern.

    References
    ----------
    Hopfield (1982), *PNAS* 79, 2554. https://doi.org/10.1073/pnas.79.8.2554
    """
    known, random = np.asarray(patterns, dtype=float), generator(rng)
    copies = np.concatenate([np.repeat(known, n_copies, axis=0) for _ in shares])
    probability = np.repeat(np.asarray(shares, dtype=float), n_copies * len(known))
    starts = np.concatenate(
        [corrupt(copies[probability == share], share, how, rng=random, cells=cells) for share in shares]
    )
    found = retrieve(starts)
    apart = ((found**2).sum(1)[:, None] - 2 * found @ known.T) + (known**2).sum(1)
    right = np.tile(np.repeat(np.arange(len(known)), n_copies), len(shares))
    table = pd.DataFrame({"share": probability, "returned": apart.argmin(1) == right})
    table["wrong"] = (np.sign(found) != np.sign(copies)).mean(1)
    return table.groupby("share", sort=True).mean()


def _measure(view: View, rng: np.random.Generator) -> Measured:
    pool = view.subject.cells
    curve = recall_curve(view.settle, view.memories, cells=pool, rng=rng)
    chance = 1 / len(view.memories)
    kept = (curve["returned"].to_numpy() - chance) / (1 - chance)
    share = curve.index.to_numpy(dtype=float)
    value = float(np.trapezoid(kept, share))
    n = N_COPIES * len(view.memories)
    p = curve["returned"].to_numpy()
    step = np.gradient(share)
    error = float(np.sqrt((step**2 * p * (1 - p) / n).sum()) / (1 - chance))
    return Measured(value, error, {"curve": curve.reset_index()})


ASSAY = Assay(
    name="recall",
    row="14",
    section="Properties of the model",
    claim="The network recalls a cell type from a corrupted copy of it, as an associative memory does.",
    statistic="area under the share of corrupted copies that return, above chance, over the share of swapped genes (0 to 1)",
    direction="above",
    needs="C",
    measure=_measure,
)


def recall(subject: Subject, *, n_null: int = N_NULL, rng: RandomLike = 0) -> Finding:
    r"""Whether the flow returns to a phenotype from a copy of it in which the levels of some genes are those of other cells.

    .. math:: R = \int_0^1 \frac{r(\epsilon) - 1/k}{1 - 1/k}\, d\epsilon

    with :math:`r(\epsilon)` the share of copies with a share :math:`\epsilon` of swapped genes from which the flow ends nearer to their own phenotype than
    to the other :math:`k - 1`. Levels are swapped gene by gene between cells, so that corrupted copies have the levels that cells have.

    Parameters
    ----------
    subject
        Model beside its cells.
    n_null, rng
        As for :func:`landscape.assays.assess`.

    Returns
    -------
    Finding with the ``curve`` in its details.
    """
    return assess(ASSAY, subject, n_null=n_null, rng=rng)

"""Distributedness: how many genes have part in a phenotype, and in how many phenotypes a gene has part."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from landscape._random import RandomLike
from landscape.assays.assess import N_NULL, Assay, Measured, assess
from landscape.assays.finding import Finding
from landscape.assays.mutations import trait_slopes
from landscape.assays.subject import Subject, View

FloatArray = NDArray[np.float64]


def participation(matrix: ArrayLike, axis: int = -1) -> FloatArray:
    r"""Participation ratio over an axis as a share of its length, :math:`(\sum_j e_j^2)^2 / (n \sum_j e_j^4)`: 1 if all have equal part, :math:`1/n` if one has all.

    Zero where nothing has part.
    """
    e = np.asarray(matrix, dtype=float) ** 2
    second = (e**2).sum(axis)
    return np.divide(e.sum(axis) ** 2, e.shape[axis] * second, out=np.zeros_like(second), where=second > 0)


def gene_effects(view: View) -> FloatArray | None:
    """Effect of all outgoing edges of each gene, made stronger together, on the trait of each phenotype, shape ``(k, d)``; ``None`` without rest."""
    slopes = trait_slopes(view)
    return None if slopes is None else slopes.sum(1)


def _polygenic(view: View, rng: np.random.Generator) -> Measured:
    del rng
    effects = gene_effects(view)
    if effects is None:
        return Measured(np.nan, reason=view.merged)
    genes = list(view.model.regulators) or [str(j) for j in range(effects.shape[1])]
    details = {}
    if len(effects) == len(view.memories):
        details["effects"] = pd.DataFrame(effects.T, index=genes, columns=list(view.subject.names))
    return Measured(float(participation(effects).mean()), details=details)


def _pleiotropic(view: View, rng: np.random.Generator) -> Measured:
    del rng
    effects = gene_effects(view)
    if effects is None:
        return Measured(np.nan, reason=view.merged)
    values, weights = [], []
    for first, second in combinations(effects, 2):
        # From 1 (one of the two) to 2 (both alike).
        values.append(2 * participation(np.stack([first, second]), axis=0) - 1)
        weights.append(first**2 + second**2)
    if not np.sum(weights) > 0:
        return Measured(np.nan, reason="no gene has an effect")
    return Measured(float(np.average(values, weights=weights)))


POLYGENICITY = Assay(
    name="polygenicity",
    row="5, 10, 20",
    section="Emergent modularity and disentangled representations",
    claim="Traits are polygenic: many genes pull at each cell type.",
    statistic="participation ratio over genes of their effects on a cell type, as a share of all genes, mean over cell types",
    direction="above",
    needs="C",
    measure=_polygenic,
    requires=frozenset({"weights"}),
)
PLEIOTROPY = Assay(
    name="pleiotropy",
    row="5, 10, 20",
    section="Emergent modularity and disentangled representations",
    claim="Genes are pleiotropic: each pulls at many cell types.",
    statistic="how evenly a gene pulls at two cell types (0: at one alone, 1: at both alike), mean over pairs and over genes by the size of their effects",
    direction="above",
    needs="C",
    measure=_pleiotropic,
    requires=frozenset({"weights"}),
)


def polygenicity(subject: Subject, *, n_null: int = N_NULL, rng: RandomLike = 0) -> Finding:
    """How many genes have part in a phenotype, as a share of all genes.

    The effect of a gene is that of all its outgoing edges, made stronger together, on the level of a phenotype along its own direction from the mean of all.

    Parameters
    ----------
    subject
        Model beside its cells.
    n_null, rng
        As for :func:`landscape.assays.assess`.

    Returns
    -------
    Finding with the ``effects`` of all genes in its details.
    """
    return assess(POLYGENICITY, subject, n_null=n_null, rng=rng)


def pleiotropy(subject: Subject, *, n_null: int = N_NULL, rng: RandomLike = 0) -> Finding:
    """How evenly genes pull at two phenotypes: participation ratio of the two effects less one, mean over pairs; effects as for :func:`polygenicity`.

    Pairs are compared, since models may differ in the number of their states.

    Parameters
    ----------
    subject
        Model beside its cells.
    n_null, rng
        As for :func:`landscape.assays.assess`.
    """
    return assess(PLEIOTROPY, subject, n_null=n_null, rng=rng)

"""Autonomy: whether mutations can change one phenotype and leave the others."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from landscape._random import RandomLike
from landscape.assays.assess import N_NULL, Assay, Measured, assess
from landscape.assays.finding import Finding
from landscape.assays.mutations import trait_slopes
from landscape.assays.subject import Subject, View

FloatArray = NDArray[np.float64]


def evolvabilities(covariance: ArrayLike, axes: ArrayLike | None = None) -> pd.DataFrame:
    r"""Evolvability of traits under a mutational covariance, freely and with all other traits held.

    .. math:: e(b) = b^\top M b, \qquad c(b) = \frac{1}{b^\top M^{-1} b}, \qquad a(b) = \frac{c(b)}{e(b)}

    Parameters
    ----------
    covariance
        :math:`M`, shape ``(k, k)``.
    axes
        Directions :math:`b`, shape ``(m, k)``, scaled to unit length; by default the traits themselves.

    Returns
    -------
    One row for each direction: ``evolvability``, ``conditional`` and ``autonomy``. Eigenvalues of correlations below rounding count as rounding, so
    that traits which determine one another have an autonomy of zero.

    References
    ----------
    Hansen & Houle (2008), *Journal of Evolutionary Biology* 21, 1201. https://doi.org/10.1111/j.1420-9101.2008.01573.x
    """
    m = np.asarray(covariance, dtype=float)
    if m.ndim != 2 or m.shape[0] != m.shape[1] or not np.isfinite(m).all():
        msg = f"Expected a finite covariance of shape (k, k), found {m.shape}."
        raise ValueError(msg)
    b = np.eye(len(m)) if axes is None else np.atleast_2d(np.asarray(axes, dtype=float))
    b = b / np.linalg.norm(b, axis=1, keepdims=True)
    sd = np.sqrt(np.diag(m))
    if not (sd > 0).all():
        return pd.DataFrame({"evolvability": np.einsum("mi,ij,mj->m", b, m, b), "conditional": 0.0, "autonomy": 0.0})
    values, vectors = np.linalg.eigh(m / np.outer(sd, sd))
    values = np.maximum(values, np.finfo(float).eps * len(m))
    inverse = (vectors / values) @ vectors.T / np.outer(sd, sd)
    free, held = np.einsum("mi,ij,mj->m", b, m, b), 1 / np.einsum("mi,ij,mj->m", b, inverse, b)
    return pd.DataFrame({"evolvability": free, "conditional": held, "autonomy": held / free})


def mutational_covariance(view: View) -> FloatArray | None:
    """Covariance of the traits of phenotypes over mutations of all weights, in units of the squared relative size; ``None`` without rest."""
    slopes = trait_slopes(view)
    if slopes is None:
        return None
    flat = slopes.reshape(len(slopes), -1)
    return flat @ flat.T


def _measure(view: View, rng: np.random.Generator) -> Measured:
    del rng
    covariance = mutational_covariance(view)
    if covariance is None:
        return Measured(np.nan, reason=view.merged)
    if not (np.diag(covariance) > 0).all():
        return Measured(np.nan, reason="no mutation changes one of the cell types")
    correlation = covariance / np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    pairs = 1 - correlation[np.triu_indices(len(correlation), 1)] ** 2
    details = {}
    if len(covariance) == len(view.memories):
        details["traits"] = evolvabilities(covariance)
        details["traits"].insert(0, "state", view.subject.names)
    return Measured(float(pairs.mean()), details=details)


ASSAY = Assay(
    name="autonomy",
    row="18",
    section="Emergent modularity and disentangled representations",
    claim="Cell types can be selected independently: mutations can change one and leave the others.",
    statistic="share of the mutational variance of a cell type that is left with another one held, mean over pairs (0 to 1)",
    direction="above",
    needs="C",
    measure=_measure,
    requires=frozenset({"weights"}),
)


def autonomy(subject: Subject, *, n_null: int = N_NULL, rng: RandomLike = 0) -> Finding:
    r"""Share of the mutational variance of one phenotype that is left when another one is held, :math:`c/e = 1 - r^2` of Hansen and Houle.

    The trait of a phenotype is its level along its own direction from the mean of all. Covariances over mutations of all weights by factors
    :math:`1 + s z` are exact to first order in :math:`s`, so that :math:`s` cancels and nothing is sampled. Pairs are compared, since models may differ in the
    number of their states; autonomies with all others held are in the details.

    Parameters
    ----------
    subject
        Model beside its cells.
    n_null, rng
        As for :func:`landscape.assays.assess`.

    Returns
    -------
    Finding with the ``traits`` in its details.
    """
    return assess(ASSAY, subject, n_null=n_null, rng=rng)

"""Disentanglement: whether one latent variable stands for one known factor."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from landscape._random import RandomLike
from landscape.assays.assess import N_NULL, Assay, Measured, assess
from landscape.assays.coder import Coder
from landscape.assays.finding import Finding
from landscape.assays.subject import Subject, View

# Bins of a latent variable, draws of the null, and resamples of cells.
N_BINS, N_DRAWS, N_RESAMPLES = 20, 99, 99


def mutual_information(first: ArrayLike, second: ArrayLike) -> float:
    """Mutual information of two labels in bits."""
    a, b = np.unique(first, return_inverse=True)[1], np.unique(second, return_inverse=True)[1]
    joint = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(joint, (a, b), 1 / len(a))
    expected = np.outer(joint.sum(1), joint.sum(0))
    seen = joint > 0
    return float((joint[seen] * np.log2(joint[seen] / expected[seen])).sum())


def information_gap(latent: ArrayLike, labels: ArrayLike) -> float:
    r"""Mutual information gap: what the most informative latent variable says of a factor beyond the next one, over the entropy of the factor.

    .. math:: \frac{I(z_{(1)}; v) - I(z_{(2)}; v)}{H(v)}

    Parameters
    ----------
    latent
        Latent variables, shape ``(n, q)`` with two or more, each taken in twenty bins of equal numbers.
    labels
        Value of the factor, shape ``(n,)``.

    References
    ----------
    Chen et al. (2018), *NeurIPS*. https://arxiv.org/abs/1802.04942
    """
    z, v = np.asarray(latent, dtype=float), np.asarray(labels)
    if len(np.unique(v)) < 2:
        return np.nan
    bins = (z.argsort(0).argsort(0) * N_BINS) // len(z)
    known = sorted((mutual_information(bins[:, k], v) for k in range(z.shape[1])), reverse=True)
    return (known[0] - known[1]) / mutual_information(v, v)


def _measure(view: View, rng: np.random.Generator) -> Measured:
    coder: Coder = view.subject.extras["coder"]
    if coder.labels is None:
        return Measured(np.nan, reason="it needs labels of a factor: without them disentanglement cannot be identified")
    seen = coder.labels >= 0
    z, v = coder.latent[seen], coder.labels[seen]
    if z.shape[1] < 2 or len(np.unique(v)) < 2:
        return Measured(np.nan, reason="it needs two latent variables and two labels")
    null = [information_gap(z, rng.permutation(v)) for _ in range(N_DRAWS)]
    parts = [rng.permutation(len(z))[: len(z) // 2] for _ in range(N_RESAMPLES)]
    error = float(np.std([information_gap(z[part], v[part]) for part in parts]) / np.sqrt(2))
    value = information_gap(z, v)
    return Measured(value, error, null=null, interval=(value - 1.645 * error, value + 1.645 * error))


ASSAY = Assay(
    name="disentangled code",
    row="19",
    section="Emergent modularity and disentangled representations",
    claim="Latent variables are disentangled: one of them stands for the type of a cell.",
    statistic="mutual information gap between the two latent variables that say most of the labels (0 to 1)",
    direction="above",
    needs="D",
    measure=_measure,
    null="labels permuted among cells",
    rewires=False,
    min_memories=0,
    requires=frozenset({"coder"}),
)


def disentangled_code(subject: Subject, *, n_null: int = N_NULL, rng: RandomLike = 0) -> Finding:
    """Mutual information gap of the latent variables for the given labels.

    Without labels there is no answer: latent variables are known up to a change of coordinates, and an unsupervised model can be as entangled or not as one likes
    (Locatello et al. 2019, https://arxiv.org/abs/1811.12359). With them the answer still depends on the seed of the fit: use several latent models.

    Parameters
    ----------
    subject
        Model beside its cells, with ``extras["coder"]``, a :class:`landscape.assays.Coder` with labels.
    n_null, rng
        As for :func:`landscape.assays.assess`.
    """
    return assess(ASSAY, subject, n_null=n_null, rng=rng)

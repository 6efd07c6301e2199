"""Generation: whether a classifier tells cells that the model makes from cells that were measured."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis

from landscape._random import RandomLike, generator
from landscape.assays.assess import N_NULL, Assay, Measured, assess
from landscape.assays.finding import Finding
from landscape.assays.subject import Subject, View

FloatArray = NDArray[np.float64]

# Principal components, shrinkage of covariances, cells of each kind, and fewest of them at a time point.
N_COMPONENTS, SHRINKAGE, N_CELLS, MIN_CELLS = 10, 0.05, 200, 40


def told_apart(first: ArrayLike, second: ArrayLike, *, rng: RandomLike = 0) -> float:
    r"""Accuracy of a classifier of two samples, by two-fold cross-validation: one half where they are the same.

    A normal law is fitted to each sample in its leading principal components, so that means and covariances are compared. The best accuracy between
    :math:`N(0, 1)` and :math:`N(\delta, 1)` is :math:`\Phi(\delta/2)`.

    Parameters
    ----------
    first, second
        Samples, shapes ``(n, d)`` and ``(m, d)``; of the larger one as many as of the smaller are drawn.
    rng
        Seed.

    References
    ----------
    Lopez-Paz & Oquab (2017), *ICLR*. https://arxiv.org/abs/1610.06545
    """
    a, b = np.atleast_2d(np.asarray(first, dtype=float)), np.atleast_2d(np.asarray(second, dtype=float))
    if min(len(a), len(b)) < 4 or a.shape[1] != b.shape[1]:
        msg = f"Expected samples of 4 states or more with the same variables, found {a.shape} and {b.shape}."
        raise ValueError(msg)
    random = generator(rng)
    n = min(len(a), len(b))
    x = np.vstack([part[random.permutation(len(part))[:n]] for part in (a, b)])
    y = np.repeat([0, 1], n)
    centred = x - x.mean(0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    z = centred @ axes[: min(N_COMPONENTS, n // 4)].T
    z = z / np.maximum(z.std(0), 1e-12)
    fold = np.tile(np.arange(n) % 2, 2)
    right = []
    for part in (0, 1):
        rule = QuadraticDiscriminantAnalysis(reg_param=SHRINKAGE).fit(z[fold != part], y[fold != part])
        right.append((rule.predict(z[fold == part]) == y[fold == part]).mean())
    return float(np.mean(right))


def _measure(view: View, rng: np.random.Generator) -> Measured:
    times = view.subject.times
    if times is None:
        return Measured(np.nan, reason="the cells have no times")
    known = [t for t in np.unique(times) if (times == t).sum() >= MIN_CELLS]
    if len(known) < 2:
        return Measured(np.nan, reason=f"{len(known)} time points have {MIN_CELLS} cells or more, and it needs two")
    cells = {t: view.subject.cells[times == t] for t in known}
    rows = []
    for early, late in zip(known, known[1:], strict=False):
        begin = cells[early][rng.integers(len(cells[early]), size=N_CELLS)]
        gap = float(late - early)
        step = gap / max(1, int(np.ceil(gap * view.rates.max() / 0.2)))
        made = view.model.simulate(begin, duration=gap, step=step, rng=int(rng.integers(2**31))).states[-1].numpy()
        # Half of the cells stand for those that the model knows, the other half for those held out.
        order = rng.permutation(len(cells[late]))
        held, known_half = cells[late][order[::2]], cells[late][order[1::2]]
        near = np.median(cKDTree(known_half).query(made)[0]) / max(np.median(cKDTree(known_half).query(held)[0]), 1e-12)
        rows.append(
            {
                "time": float(late),
                "accuracy": told_apart(made, held, rng=rng),
                "unchanged": told_apart(cells[early], held, rng=rng),
                "cells": told_apart(known_half, held, rng=rng),
                "nearest": float(near),
            }
        )
    table = pd.DataFrame(rows)
    value = float(table["accuracy"].mean())
    return Measured(value, float(np.sqrt(value * (1 - value) / (2 * N_CELLS * len(table)))), {"times": table})


ASSAY = Assay(
    name="generation",
    row="35",
    section="The generative model metaphor",
    claim="The model generates new cells of the types that there are.",
    statistic="accuracy with which simulated cells are told from measured ones of the next time point (one half: not at all)",
    direction="below",
    needs="B",
    measure=_measure,
    min_memories=0,
    requires=frozenset({"times"}),
)


def generation(subject: Subject, *, n_null: int = N_NULL, rng: RandomLike = 0) -> Finding:
    """Accuracy of a classifier of cells that the model makes from those of one time point, and measured cells of the next one.

    States are compared, not counts, and the fit has seen the cells: what is asked is whether this wiring makes them better than another one. The details have,
    for each time, the accuracy for the unchanged cells and for two halves of the measured cells, and ``nearest``, the median distance of a simulated
    cell to the nearest measured one over that of a held-out cell; far below 1 the model repeats cells.

    Parameters
    ----------
    subject
        Model beside its cells, with their times.
    n_null, rng
        As for :func:`landscape.assays.assess`.

    Returns
    -------
    Finding with the ``times`` in its details.
    """
    return assess(ASSAY, subject, n_null=n_null, rng=rng)

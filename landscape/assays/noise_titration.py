"""Noise titration: what the fates of cells are at other strengths of the noise."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from landscape._random import RandomLike
from landscape.assays.assess import N_NULL, Assay, Measured, assess
from landscape.assays.finding import Finding
from landscape.assays.subject import Subject, View
from landscape.dynamics.sde import Diffusion

# Factors on the noise, the first close to none; paths at each; draws of the null.
FACTORS = (0.01, 0.1, 0.3, 1.0, 3.0, 10.0)
N_PATHS, N_DRAWS = 300, 199


def entropy(labels: ArrayLike, n: int) -> float:
    """Entropy of labels 0 to ``n - 1`` in bits; others are left out."""
    found = np.asarray(labels)
    share = np.bincount(found[(found >= 0) & (found < n)], minlength=n).astype(float)
    share = share[share > 0] / max(share.sum(), 1)
    return float(-(share * np.log2(share)).sum())


def fates_at(view: View, factor: float, start: NDArray[np.float64], seed: int) -> NDArray[np.int64]:
    """Phenotype nearest to the end of each path, noise times a factor for the time of development and none after it."""
    given = view.model.diffusion
    scaled: Diffusion = (lambda x: factor * given(x)) if callable(given) else factor * np.asarray(given, dtype=float)
    model = view.model.with_diffusion(scaled)
    step = min(0.2 / float(view.rates.max()), view.duration)
    n_steps = max(1, round(view.duration / step))
    path = model.simulate(start, duration=n_steps * step, step=step, rng=seed)
    return view.nearest(view.settle(path.states[-1].numpy()))


def _measure(view: View, rng: np.random.Generator) -> Measured:
    if view is view.subject.view and view.lacks:
        return Measured(np.nan, reason=view.lacks)
    origin = view.subject.start
    if origin is None:
        return Measured(np.nan, reason="the states with which development begins are not known")
    start = np.repeat(origin.mean(0)[None], N_PATHS, axis=0)
    seed, k = int(rng.integers(2**31)), len(view.memories)
    base = view is view.subject.view
    labels = {factor: fates_at(view, factor, start, seed) for factor in (FACTORS if base else (FACTORS[0], 1.0))}
    quiet, noisy = labels[FACTORS[0]], labels[1.0]
    value = entropy(noisy, k) - entropy(quiet, k)
    if not base:
        return Measured(value)
    pooled = np.concatenate([quiet, noisy])
    null = []
    for _ in range(N_DRAWS):
        mixed = rng.permutation(pooled)
        null.append(entropy(mixed[:N_PATHS], k) - entropy(mixed[N_PATHS:], k))
    # Halves give the error of the entropy.
    halves = [
        entropy(half, k) - entropy(other, k) for half, other in zip(np.split(noisy, 2), np.split(quiet, 2), strict=True)
    ]
    rows = {factor: [float((found == j).mean()) for j in range(k)] for factor, found in labels.items()}
    table = pd.DataFrame(rows, index=list(view.subject.names)).T.rename_axis("factor")
    table["entropy"] = [entropy(labels[factor], k) for factor in table.index]
    return Measured(value, float(np.std(halves) / np.sqrt(2)), {"titration": table.reset_index()}, null=null)


ASSAY = Assay(
    name="noise",
    row="12, 13",
    section="Gene regulatory networks, attractor states, and energy landscapes",
    claim="Noise decides at flat entrances of valleys: the fate of one cell is not determined, only the statistics of many.",
    statistic="entropy of fates from the mean start at the noise of the model, less that at a hundredth of it (bits)",
    direction="above",
    needs="C",
    measure=_measure,
    null="the labels of both ensembles permuted",
    rewires=False,
    requires=frozenset({"start"}),
)


def noise(subject: Subject, *, n_null: int = N_NULL, rng: RandomLike = 0) -> Finding:
    """Entropy of fates that noise makes: all paths begin in one state, the mean of the start cells.

    Noise acts for the time of development, and the flow without it leads to rest.

    Parameters
    ----------
    subject
        Model beside its cells.
    n_null, rng
        As for :func:`landscape.assays.assess`.

    Returns
    -------
    Finding with the shares of fates at other strengths of the noise (``titration``) in its details.
    """
    return assess(ASSAY, subject, n_null=n_null, rng=rng)

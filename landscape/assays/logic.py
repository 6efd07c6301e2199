"""Logic or graded: whether targets follow their regulators by degrees, or switch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from landscape._random import RandomLike
from landscape.assays.assess import N_NULL, Assay, Measured, assess
from landscape.assays.finding import Finding
from landscape.assays.subject import Subject, View

FloatArray = NDArray[np.float64]

# Hill coefficients of graded responses and of switches, and quantiles of the regulator at which the threshold may lie.
GRADED, SWITCHES, THRESHOLDS = (1.0, 1.5, 2.0, 3.0), (8.0, 16.0, np.inf), tuple(np.linspace(0.05, 0.95, 19))
# Targets at least, and draws of the null.
MIN_TARGETS, N_DRAWS = 10, 39
# Smallest mean that a fitted response may have, in counts, and smallest level.
FLOOR, LEAST = 1e-3, 1e-6


@dataclass(frozen=True, eq=False)
class Targets:
    """Targets beside the regulator that acts on each most.

    Attributes
    ----------
    counts
        Counts, shape ``(n, t)``.
    size
        Size factor of each cell, shape ``(n,)``.
    regulator
        Level of the regulator of each target, shape ``(n, t)``.
    names
        Names of the targets.
    """

    counts: FloatArray
    size: FloatArray
    regulator: FloatArray
    names: tuple[str, ...]


def _curves(x: FloatArray, hill: tuple[float, ...]) -> FloatArray:
    """Responses between 0 and 1 at all thresholds and Hill coefficients, shape ``(m, n)``; an infinite one is a step."""
    k = np.maximum(np.quantile(x, THRESHOLDS), LEAST)[:, None]
    logs = np.log(np.maximum(x, LEAST)[None] / k)
    return np.concatenate([(logs > 0).astype(float) if np.isinf(n) else expit(n * logs) for n in hill])


def _fit(curves: FloatArray, y: FloatArray, size: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Lower level and rise of the mean for each response, by least squares weighted by the size factors; none negative anywhere."""
    w = size / size.sum()
    rate = y / size
    mean, centre = curves @ w, rate @ w
    spread = (curves - mean[:, None]) ** 2 @ w
    rise = ((curves - mean[:, None]) @ (w * (rate - centre))) / np.maximum(spread, 1e-12)
    low = centre - rise * mean
    return low, rise


def deviances(x: ArrayLike, counts: ArrayLike, size: ArrayLike) -> tuple[float, float]:
    r"""Held-out Poisson deviance of one target under the best graded response to its regulator, and under the best switch, for each cell.

    The response :math:`l + r\,\phi(x)` is fitted in one half of the cells, threshold and Hill coefficient (graded: up to 3; switch: from 8 to a step) chosen
    there, and scored in the other.

    Parameters
    ----------
    x
        Level of the regulator, shape ``(n,)``.
    counts, size
        Counts of the target and size factors, shape ``(n,)``.
    """
    level, y, s = (np.asarray(part, dtype=float) for part in (x, counts, size))
    total = []
    for hill in (GRADED, SWITCHES):
        curves = _curves(level, hill)
        score = 0.0
        for fold in (0, 1):
            test = np.arange(len(y)) % 2 == fold
            low, rise = _fit(curves[:, ~test], y[~test], s[~test])
            best = int(np.argmin(_deviance(curves[:, ~test], low, rise, y[~test], s[~test])))
            score += float(_deviance(curves[best : best + 1, test], low[[best]], rise[[best]], y[test], s[test])[0])
        total.append(score / len(y))
    return total[0], total[1]


def _deviance(curves: FloatArray, low: FloatArray, rise: FloatArray, y: FloatArray, size: FloatArray) -> FloatArray:
    mean = np.maximum(low[:, None] + rise[:, None] * curves, FLOOR) * size
    logs = np.where(y > 0, y * np.log(np.maximum(y, 1) / mean), 0.0)
    return 2 * (logs - (y - mean)).sum(1)


def _as_switches(targets: Targets, rng: np.random.Generator) -> FloatArray:
    """Counts in which every target is the switch that fits it best, with its own overdispersion."""
    made = np.empty_like(targets.counts)
    for t in range(targets.counts.shape[1]):
        x, y, s = targets.regulator[:, t], targets.counts[:, t], targets.size
        curves = _curves(x, SWITCHES)
        low, rise = _fit(curves, y, s)
        best = int(np.argmin(_deviance(curves, low, rise, y, s)))
        mean = np.maximum(low[best] + rise[best] * curves[best], FLOOR) * s
        excess = ((y - mean) ** 2 - mean).sum() / (mean**2).sum()
        if excess > 1e-3:
            mean = mean * rng.gamma(1 / excess, excess, len(mean))
        made[:, t] = rng.poisson(mean)
    return made


def graded_share(targets: Targets, counts: FloatArray) -> tuple[float, FloatArray]:
    """Share of targets that a graded response predicts better, and by how much for each, in units of the deviance of a cell."""
    gain = np.array(
        [
            np.subtract(*deviances(targets.regulator[:, t], counts[:, t], targets.size)[::-1])
            for t in range(counts.shape[1])
        ]
    )
    return float((gain > 0).mean()), gain


def _measure(view: View, rng: np.random.Generator) -> Measured:
    targets: Targets = view.subject.extras["targets"]
    n = len(targets.names)
    if n < MIN_TARGETS:
        return Measured(
            np.nan, reason=f"there are {n} targets with a regulator and enough counts, and it needs {MIN_TARGETS}"
        )
    value, gain = graded_share(targets, targets.counts)
    null = [graded_share(targets, _as_switches(targets, rng))[0] for _ in range(N_DRAWS)]
    middle = []
    for t in range(n):
        low, high = np.quantile(targets.regulator[:, t], (0.02, 0.98))
        share = (targets.regulator[:, t] - low) / max(high - low, 1e-12)
        middle.append(float(((share > 1 / 3) & (share < 2 / 3)).mean()))
    table = pd.DataFrame({"target": list(targets.names), "gain": gain, "middle_third": middle})
    smooth = (value * n + 0.5) / (n + 1)  # a share of all or none still has an error
    error = float(np.sqrt(smooth * (1 - smooth) / n))
    return Measured(
        value, error, {"targets": table}, null=null, interval=(value - 1.645 * error, value + 1.645 * error)
    )


ASSAY = Assay(
    name="graded regulation",
    row="7",
    section="Gene regulatory networks, attractor states, and energy landscapes",
    claim="Most regulation is graded, from low to high, and not logical.",
    statistic="share of targets whose held-out counts a graded response (Hill coefficient up to 3) to their main regulator predicts better than a switch (from 8)",
    direction="above",
    needs="D",
    measure=_measure,
    null="counts simulated from the switch of each target, with its depth and overdispersion",
    rewires=False,
    min_memories=0,
    requires=frozenset({"targets"}),
)


def graded_regulation(subject: Subject, *, n_null: int = N_NULL, rng: RandomLike = 0) -> Finding:
    """Share of targets that follow their main regulator by degrees.

    Levels of regulators are those of the latent model, which are smooth over cells: a switch at a level that is known with an error looks graded, so that
    only *contradicted* is safe from that.

    Parameters
    ----------
    subject
        Model beside its cells, with ``extras["targets"]``, :class:`landscape.assays.Targets`.
    n_null, rng
        As for :func:`landscape.assays.assess`.

    Returns
    -------
    Finding with, for each target, the gain in deviance and the share of cells in the middle third of the range of its regulator.
    """
    return assess(ASSAY, subject, n_null=n_null, rng=rng)

"""Interpolation: whether paths through the latent space stay where cells are."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial import cKDTree

from landscape._random import RandomLike
from landscape.assays.assess import N_NULL, Assay, Measured, assess
from landscape.assays.coder import Coder
from landscape.assays.finding import Finding, normal_interval
from landscape.assays.subject import Subject, View

# Pairs of cells, and nodes of the chord between them.
N_PAIRS, N_NODES = 24, 15


def realism(nodes: ArrayLike, cells: ArrayLike) -> float:
    """Median distance of the inner nodes of a path to the nearest cell, over that of cells to their nearest other cell: 1 is like a cell."""
    x, known = np.asarray(nodes, dtype=float), np.asarray(cells, dtype=float)
    tree = cKDTree(known)
    typical = np.median(tree.query(known, 2)[0][:, 1])
    return float(np.median(tree.query(x[1:-1])[0]) / typical)


def _measure(view: View, rng: np.random.Generator) -> Measured:
    coder: Coder = view.subject.extras["coder"]
    decoded = coder.decode(coder.latent)
    # In the leading directions of decoded expression, in which distances are those of all genes within a percent or so.
    centred = decoded - decoded.mean(0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    axes = axes[: min(len(axes), 4 * coder.latent.shape[1])]
    cells = centred @ axes.T
    along, chord = [], []
    for _ in range(N_PAIRS):
        a, b = rng.choice(len(cells), 2, replace=False)
        nodes = coder.geodesic(coder.latent[a], coder.latent[b])
        others = np.delete(cells, [a, b], axis=0)
        along.append(realism((coder.decode(nodes) - decoded.mean(0)) @ axes.T, others))
        share = np.linspace(0, 1, N_NODES)[:, None]
        chord.append(realism(cells[a] + share * (cells[b] - cells[a]), others))
    value = float(np.median(along))
    error = 1.2533 * float(np.std(along) / np.sqrt(N_PAIRS))
    # Medians of as many chords, resampled.
    null = [float(np.median(rng.choice(chord, N_PAIRS))) for _ in range(99)]
    return Measured(value, error, {"chord": float(np.median(chord))}, null=null, interval=normal_interval(value, error))


ASSAY = Assay(
    name="interpolation",
    row="34",
    section="Emergent modularity and disentangled representations",
    claim="The latent space interpolates realistically between cells.",
    statistic="distance of decoded geodesics between cells to the nearest cell, over that between neighbouring cells (1: like a cell)",
    direction="below",
    needs="D",
    measure=_measure,
    null="straight lines in expression between the same cells",
    rewires=False,
    min_memories=0,
    requires=frozenset({"coder"}),
)


def interpolation(subject: Subject, *, n_null: int = N_NULL, rng: RandomLike = 0) -> Finding:
    """How far decoded geodesics between random cells are from cells, beside straight lines in expression, which average two cells.

    Parameters
    ----------
    subject
        Model beside its cells, with ``extras["coder"]``, a :class:`landscape.assays.Coder`.
    n_null, rng
        As for :func:`landscape.assays.assess`.
    """
    return assess(ASSAY, subject, n_null=n_null, rng=rng)

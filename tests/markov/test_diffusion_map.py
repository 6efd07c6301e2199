"""Diffusion components of a circle, where they are known."""

from __future__ import annotations

import numpy as np

from landscape.markov import neighbor_graph
from landscape.markov.diffusion_map import diffusion_components


def test_diffusion_components_of_a_circle_come_in_pairs():
    angle = 2 * np.pi * np.arange(400) / 400
    values, vectors = diffusion_components(neighbor_graph(np.c_[np.cos(angle), np.sin(angle)], n_neighbors=10), 6)
    np.testing.assert_allclose(values[0], 1, atol=1e-12)
    # Rotation maps cosine to sine, so eigenvalues are degenerate; rounding in the distances is all that splits them.
    np.testing.assert_allclose(values[[1, 3]], values[[2, 4]], rtol=1e-9)
    np.testing.assert_allclose(vectors[:, 0], 1)

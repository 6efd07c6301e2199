"""Subjects with a known truth."""

from __future__ import annotations

import numpy as np
import pytest

import landscape as ls
from landscape.assays import Finding, Subject
from landscape.assays.card import card
from landscape.dynamics import Model, RegulatoryDrift


@pytest.fixture(scope="session")
def krumsiek() -> Subject:
    """The circuit of Krumsiek et al. with its truth; read only."""
    return Subject.of_circuit(ls.circuits.krumsiek(), rng=0)


@pytest.fixture(scope="session")
def findings(krumsiek) -> dict[str, Finding]:
    """The card of the circuit with its truth, by the name of the assay."""
    return {one.name: one for one in card(krumsiek, rng=0)}


def toggles(n: int = 2, *, crosstalk: float = 0.0, seed: int = 0, **options) -> Subject:
    """Switches of two genes each, side by side, which may act on one another; cells lie around their states."""
    w = np.kron(np.eye(n), [[4.0, -6.0], [-6.0, 4.0]]) + crosstalk * np.kron(
        np.ones((n, n)) - np.eye(n), [[1.0, -1.0], [-1.0, 1.0]]
    )
    drift = RegulatoryDrift.from_arrays(w, bias=0.5, hill=4.0)
    model = Model(drift, 0.005, tuple(f"G{i}" for i in range(2 * n)))
    corners = np.array(np.meshgrid(*[[0, 1]] * n)).reshape(n, -1).T
    memories = np.stack([corners, 1 - corners], axis=2).reshape(len(corners), -1).astype(float)
    rng = np.random.default_rng(seed)
    cells = np.abs(memories[rng.integers(len(memories), size=300)] + 0.06 * rng.standard_normal((300, 2 * n)))
    return Subject(
        model,
        cells,
        memories,
        **{"start": np.full((40, 2 * n), 0.45) + 0.02 * rng.standard_normal((40, 2 * n)), **options},
    )

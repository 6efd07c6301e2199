"""Chains that several tests use."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from landscape.systems import BirthDeathChain


def random_chain(n, *, seed, degree=6):
    """Irreducible chain: random links, and a ring so that every state reaches every other."""
    rng = np.random.default_rng(seed)
    weights = sparse.random_array((n, n), density=min(1, degree / n), rng=rng, format="csr")
    ring = sparse.csr_array((np.full(n, 0.05), (np.arange(n), (np.arange(n) + 1) % n)), shape=(n, n))
    links = sparse.csr_array(weights + ring + 0.1 * sparse.eye_array(n))
    return sparse.csr_array(sparse.diags_array(1 / links.sum(1)) @ links)


def birth_death(up, down):
    """Birth-death chain from probabilities of a step up and down, and the matrix of its single steps."""
    up, down = up.copy(), down.copy()
    up[-1] = down[0] = 0.0
    chain = BirthDeathChain(up, down)
    return chain, sparse.csr_array(sparse.eye_array(len(up)) + chain.generator())

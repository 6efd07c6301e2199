"""How far cells determine each edge: regulators that cannot be told apart."""

from __future__ import annotations

import numpy as np
import torch
from scipy import sparse

from landscape.dynamics import RegulatoryDrift
from landscape.dynamics.edge_evidence import edge_evidence
from landscape.dynamics.fit import fit_model
from landscape.dynamics.problem import ROOT_DECAY, set_up_problem
from landscape.markov import neighbor_graph
from landscape.markov.directed import Directed


def test_of_regulators_that_go_together_neither_is_determined():
    # Genes 1 and 2 go together in all cells and gene 3 alone; only one of the twins and gene 3 act on gene 0.
    rng = np.random.default_rng(0)
    x = rng.uniform(0.05, 1.0, (800, 4))
    x[:, 2] = np.clip(x[:, 1] + 0.01 * rng.standard_normal(800), 0.01, None)
    weights = np.zeros((4, 4))
    weights[0, [1, 3]] = 3.0, -3.0
    true = RegulatoryDrift.from_arrays(weights, bias=0.0, ceiling=1.0, decay=ROOT_DECAY, hill=4.0)
    velocity = true(torch.as_tensor(x)).numpy() + 0.02 * rng.standard_normal(x.shape)
    problem = set_up_problem(
        x,
        x,
        Directed(sparse.eye(800, format="csr"), velocity / ROOT_DECAY, np.array([], dtype=int)),
        neighbor_graph(x, n_neighbors=10),
        regulators=("target", "twin", "other twin", "alone"),
        scale=np.ones(4),
        support=1 - np.eye(4),
        response=2.0,
        diffusion=0.01,
        refine=False,
        rng=rng,
    )
    fitted = fit_model(problem, rng=rng)
    found = edge_evidence(problem, fitted, 20, rng=rng)
    assert found["edge_support"][0, 3] == 1
    assert (found["edge_support"][0, [1, 2]] < 1).any()
    assert (found["edge_sd"][0, [1, 2]] > 5 * found["edge_sd"][0, 3]).all()
    # Nothing acts on gene 3: its weights keep no sign.
    assert (found["edge_support"][3, :3] < 1).any()

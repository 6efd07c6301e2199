"""Target genes: what drives them, and how fast they follow."""

from __future__ import annotations

import numpy as np
import torch

from landscape.circuits import krumsiek
from landscape.circuits.targets import N_INPUTS, draw_targets

GENES = krumsiek().genes


def test_targets_have_one_to_three_regulators_with_the_signs_of_their_rules():
    targets = draw_targets(GENES, 500, np.random.default_rng(0))
    counts = np.bincount([len(r.inputs) for r in targets.rules], minlength=4)[1:]
    # Five standard errors of a share among 500.
    np.testing.assert_allclose(counts / 500, N_INPUTS, atol=5 * 0.5 / np.sqrt(500))
    network = targets.network
    assert len(network) == counts @ [1, 2, 3]
    assert set(network["sign"]) == {-1, 1}
    assert set(network["source"]) == set(GENES)
    assert not network.duplicated(["source", "target"]).any()
    assert set(network["target"]) == set(targets.names)


def test_level_moves_with_the_sign_of_each_regulator_and_stays_between_basal_and_full():
    targets = draw_targets(GENES, 60, np.random.default_rng(1))
    h = torch.as_tensor(np.random.default_rng(2).uniform(0, 1, (20, 11)))
    level = targets.level(h)
    assert (level >= targets.basal - 1e-12).all()
    assert (level <= 1 + 1e-12).all()
    for source, target, sign in targets.network.itertuples(index=False):
        raised = h.clone()
        raised[:, GENES.index(source)] = 1.0
        change = (targets.level(raised) - level)[:, targets.names.index(target)]
        assert (sign * change > -1e-12).all()
        assert (sign * change).max() > 1e-6
    silent = draw_targets(GENES, 0, np.random.default_rng(1))
    assert silent.level(h).shape == (20, 0)


def test_a_circuit_of_two_genes_gives_targets_at_most_two_regulators():
    targets = draw_targets(("A", "B"), 50, np.random.default_rng(0))
    assert {len(r.inputs) for r in targets.rules} == {1, 2}

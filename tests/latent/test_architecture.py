from __future__ import annotations

import pytest
import torch

from landscape.latent.architecture import Architecture, build
from landscape.latent.dataset import Vocabulary


def test_a_seed_gives_the_weights_and_leaves_the_global_state():
    architecture = Architecture(n_genes=5, n_batches=1, n_latent=2, n_hidden=4)
    before = torch.get_rng_state()
    first, again, other = (build(architecture, seed=seed).state_dict() for seed in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(value, again[name]) for name, value in first.items())
    assert not torch.equal(first["z_encoder.mean_encoder.weight"], other["z_encoder.mean_encoder.weight"])


def test_sizes_are_those_of_the_names():
    vocabulary = Vocabulary(["a", "b", "c"], ["x", "y"], levels=[["p", "q"]], center=[0.0], scale=[1.0])
    found = Architecture.for_vocabulary(vocabulary, n_latent=4)
    assert found == Architecture(n_genes=3, n_batches=2, n_latent=4, n_levels=(2,), n_continuous=1)


@pytest.mark.parametrize(
    ("option", "error", "message"),
    [
        ({"n_latent": 0}, ValueError, "Expected `n_latent` of at least 1, found 0"),
        ({"n_hidden": 2.0}, TypeError, "Expected `n_hidden` to be an int, found float"),
        ({"n_layers": True}, TypeError, "Expected `n_layers` to be an int, found bool"),
        ({"n_continuous": -1}, ValueError, "Expected `n_continuous` of at least 0, found -1"),
        ({"dropout_rate": 1.0}, ValueError, r"Expected `dropout_rate` in \[0, 1\), found 1.0"),
        (
            {"gene_likelihood": "normal"},
            ValueError,
            "`gene_likelihood` to be one of .*'poisson' \\(Poisson; mean\\); found 'normal'",
        ),
        ({"dispersion": "gene-cell"}, ValueError, "`dispersion` to be one of .*found 'gene-cell'"),
    ],
)
def test_bad_architecture(option, error, message):
    with pytest.raises(error, match=message):
        Architecture(**{"n_genes": 5, "n_batches": 1, **option})

"""Covariates multiply each gene by a factor that is the same in all cells."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from anndata import AnnData
from scipy import sparse

from landscape.latent import LatentModel
from landscape.latent.architecture import Architecture, build
from landscape.latent.minibatch import Minibatch, SparseCounts
from landscape.latent.module import encode, last_hidden, log_shares, zero_logits
from landscape.latent.scvi import as_network


def shuffled(architecture: Architecture, seed: int = 0) -> torch.nn.Module:
    """Network with weights, means and variances as after a fit."""
    module = build(architecture, seed=seed).eval()
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in module.state_dict().items():
            if tensor.is_floating_point():
                noise = 0.3 * torch.randn(tensor.shape, generator=random)
                tensor.add_(noise.abs() if name.endswith("running_var") else noise)
    return module


def inputs(architecture: Architecture, n: int = 40) -> tuple[torch.Tensor, Minibatch]:
    rng = np.random.default_rng(0)
    codes = np.column_stack([rng.integers(size, size=n) for size in (architecture.n_batches, *architecture.n_levels)])
    counts = sparse.csr_matrix(rng.poisson(2.0, (n, architecture.n_genes)).astype(np.float32))
    continuous = rng.normal(size=(n, architecture.n_continuous)).astype(np.float32)
    z = torch.from_numpy(rng.normal(size=(n, architecture.n_latent)).astype(np.float32))
    return z, Minibatch(SparseCounts.from_csr(counts), torch.from_numpy(codes), torch.from_numpy(continuous))


SIZES = {"n_genes": 7, "n_batches": 3, "n_latent": 2, "n_hidden": 6}


@pytest.mark.parametrize("n_layers", [1, 3])
@pytest.mark.parametrize("more", [{}, {"n_levels": (2, 1), "n_continuous": 2}])
@pytest.mark.parametrize("likelihood", ["nb", "zinb"])
def test_the_network_of_scvi_holds_the_same_model(n_layers, more, likelihood):
    architecture = Architecture(**SIZES, n_layers=n_layers, gene_likelihood=likelihood, **more)
    module = shuffled(architecture)
    wide, weights = as_network(architecture, module.state_dict())
    other = build(wide, seed=1).eval()
    other.load_state_dict(weights)
    z, cells = inputs(architecture)
    with torch.no_grad():
        # float32: some ten roundings of 6e-8
        for found, expected in zip(encode(other, cells.counts), encode(module, cells.counts), strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
        ours = log_shares(module, z, cells.codes, cells.continuous)
        torch.testing.assert_close(log_shares(other, z, cells.codes, cells.continuous), ours, rtol=1e-5, atol=1e-5)
        logits = [zero_logits(m, last_hidden(m, z, cells.codes, cells.continuous)) for m in (module, other)]
        torch.testing.assert_close(*logits, rtol=1e-5, atol=1e-5)


def test_a_batch_changes_the_ratio_of_two_genes_alike_in_all_cells():
    architecture = Architecture(**SIZES)
    z, cells = inputs(architecture)
    for effect, same in (("factor", True), ("network", False)):
        module = shuffled(Architecture(**SIZES, covariate_effect=effect))
        with torch.no_grad():
            first, second = (log_shares(module, z, torch.full_like(cells.codes, b), cells.continuous) for b in (0, 2))
        ratio = (second - first) - (second - first)[:, :1]
        assert (ratio.std(0).max() < 1e-5) == same
        assert ratio.abs().max() > 0.1


def test_without_covariates_it_is_the_network_of_scvi():
    one = {**SIZES, "n_batches": 1, "n_levels": (1,)}
    ours, theirs = (build(Architecture(**one, covariate_effect=e), seed=3).state_dict() for e in ("factor", "network"))
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        torch.testing.assert_close(tensor, theirs[name], rtol=0, atol=0)


def test_known_factors_are_found():
    rng = np.random.default_rng(0)
    n, n_genes = 400, 20
    kind, batch = rng.integers(2, size=n), (np.arange(n) % 4 == 0).astype(int)
    share = rng.gamma(2.0, 1.0, (2, n_genes))
    factor = np.vstack([np.ones(n_genes), np.exp(0.7 * rng.normal(size=n_genes))])
    rate = share[kind] * factor[batch]
    counts = rng.poisson(1000 * rate / rate.sum(1, keepdims=True)).astype(np.float32)
    adata = AnnData(
        sparse.csr_matrix(counts),
        obs=pd.DataFrame({"lane": np.array(["a", "b"])[batch]}, index=[f"c{i}" for i in range(n)]),
    )
    model = LatentModel(adata, layer=None, batch_key="lane", n_latent=2, n_hidden=16)
    model.train(max_epochs=60, progress=False)
    a, b = (np.log(model.get_normalized_expression(batch=name).to_numpy()) for name in "ab")
    found, expected = (b - a).mean(0), np.log(factor[1])
    found, expected = found - found.mean(), expected - expected.mean()
    # Standard error of a logarithm of a ratio of Poisson sums; a gene's factor is found within four of them.
    error = np.sqrt((1 / np.vstack([counts[batch == k].sum(0) for k in (0, 1)])).sum(0))
    assert (np.abs(found - expected) < 4 * error).all()
    assert np.median(4 * error) < 0.2 * expected.std()


def test_bad_effects_are_named(adata):
    with pytest.raises(
        ValueError, match=r"Expected `covariate_effect` to be one of \['factor', 'network'\], found 'gene'"
    ):
        LatentModel(adata, covariate_effect="gene")

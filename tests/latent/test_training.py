from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import sparse

from landscape.latent.architecture import Architecture, build
from landscape.latent.dataset import CountDataset, Vocabulary
from landscape.latent.randomness import forked_rng
from landscape.latent.sampler import shuffle_buffers
from landscape.latent.schedule import Schedule
from landscape.latent.training import Epoch, fit, minibatches


def problem(seed=0):
    module = build(Architecture(n_genes=8, n_batches=1, n_latent=2, n_hidden=8), seed=seed)
    rng = np.random.default_rng(seed)
    counts = sparse.csr_matrix(rng.poisson(3.0, size=(41, 8)).astype(np.float32))
    names = Vocabulary(genes=[f"gene{i}" for i in range(8)], batches=["all"])
    cells = CountDataset(
        counts, np.zeros((41, 1), np.int64), np.empty((41, 0), np.float32), [f"cell{i}" for i in range(41)], names
    )
    return module, cells


def run(module, cells, *, validation=8, seed=0, checkpoint=None, **schedule):
    chosen = np.arange(len(cells))
    options = {"max_epochs": 6, "batch_size": 8, "warmup_epochs": 2, **schedule}
    return list(
        fit(
            module,
            cells,
            train=chosen[validation:],
            validation=chosen[:validation],
            schedule=Schedule(**options),
            seed=seed,
            checkpoint=checkpoint,
        )
    )


def test_global_random_state_is_restored():
    torch.manual_seed(5)  # noqa: TID251 - the global state is what is tested
    expected = torch.rand(3)
    torch.manual_seed(5)  # noqa: TID251
    module, cells = problem()
    run(module, cells)
    torch.testing.assert_close(torch.rand(3), expected, rtol=0, atol=0)


def test_same_seed_same_weights_bit_for_bit():
    first, cells = problem()
    second, _ = problem()
    torch.rand(7)  # the state outside must not matter
    records = [[(e.elbo_train, e.elbo_validation) for e in run(m, cells)] for m in (first, second)]
    assert records[0] == records[1]
    for name, value in first.state_dict().items():
        assert torch.equal(value, second.state_dict()[name]), name
    third, _ = problem()
    assert run(third, cells, seed=1)[0].elbo_train != records[0][0][0]


def test_the_fit_is_that_of_scvis_own_loss():
    """Its module, loss and optimiser, along our minibatches, drop-out and draws of z, end with our weights."""
    from scvi.module import VAE
    from scvi.train import TrainingPlan

    module, cells = problem()
    theirs = VAE(n_input=8, n_latent=2, n_hidden=8, n_layers=1, gene_likelihood="nb")
    theirs.load_state_dict({**theirs.state_dict(), **module.state_dict()})
    optimiser = TrainingPlan(theirs, lr=1e-2).configure_optimizers()["optimizer"]
    start = {name: weight.clone() for name, weight in module.state_dict().items()}
    chosen = np.arange(len(cells))
    run(module, cells, validation=0, seed=3, learning_rate=1e-2)
    for epoch, kl_weight in enumerate([0.5, 1, 1, 1, 1, 1]):
        buffers = shuffle_buffers(chosen, block_size=None, seed=3, epoch=epoch)
        with forked_rng(3 + 2 * epoch):
            for batch, _ in minibatches(cells, buffers, 8, "cpu"):
                tensors = {"X": batch.counts.dense(), "batch": batch.codes, "labels": batch.codes}
                loss = theirs(tensors, loss_kwargs={"kl_weight": kl_weight})[2].loss
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
    expected = theirs.state_dict()
    for name, weight in module.state_dict().items():
        # 36 steps of .01 move weights by up to .3; roundings of 1e-7 of the gradients grow with them
        torch.testing.assert_close(weight, expected[name], rtol=1e-3, atol=1e-4, msg=name)
    assert max((weight - start[name]).abs().max() for name, weight in module.named_parameters()) > 0.05


def test_bound_is_reconstruction_minus_divergence_and_rises():
    module, cells = problem()
    epochs = run(module, cells, max_epochs=30, patience=None)
    for e in epochs:
        assert e.elbo_train == pytest.approx(e.reconstruction_train - e.kl_train, rel=1e-12)
        assert e.elbo_validation == pytest.approx(e.reconstruction_validation - e.kl_validation, rel=1e-12)
    assert [e.kl_weight for e in epochs[:4]] == [0.5, 1.0, 1.0, 1.0]
    assert epochs[-1].elbo_train > epochs[0].elbo_train


def test_stops_early_and_returns_to_the_best_weights():
    module, cells = problem()
    snapshots = []
    options = Schedule(max_epochs=200, batch_size=8, warmup_epochs=0, patience=3, learning_rate=0.05)
    epochs = []
    for epoch in fit(module, cells, train=np.arange(8, 41), validation=np.arange(8), schedule=options, seed=0):
        epochs.append(epoch)
        snapshots.append({k: v.clone() for k, v in module.state_dict().items()})
    best = int(np.argmax([e.elbo_validation for e in epochs]))
    assert len(epochs) == best + 1 + 3 < 200
    for name, value in module.state_dict().items():
        assert torch.equal(value, snapshots[best][name]), name
    assert not module.training


def test_without_held_out_cells_the_last_weights_stay():
    module, cells = problem()
    epochs = run(module, cells, validation=0)
    assert len(epochs) == 6
    assert np.isnan(epochs[-1].elbo_validation)
    assert Epoch.from_dict(epochs[-1].to_dict()).kl_train == epochs[-1].kl_train
    assert epochs[-1].to_dict()["elbo_validation"] is None


def test_a_diverging_fit_says_so():
    module, cells = problem()
    with torch.no_grad():
        module.px_r.fill_(float("nan"))
    with pytest.raises(FloatingPointError, match=r"diverged in epoch 0 .*smaller `learning_rate`"):
        run(module, cells)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"max_epochs": 0}, "Expected `max_epochs` of at least 1, found 0"),
        ({"max_epochs": 5, "batch_size": 1}, "Expected `batch_size` of at least 2, found 1"),
        ({"max_epochs": 5, "patience": 0}, "Expected `patience` of at least 1, found 0"),
        ({"max_epochs": 5, "learning_rate": float("nan")}, "Expected a positive `learning_rate`, found nan"),
        ({"max_epochs": 5, "block_size": 0}, "Expected `block_size` of at least 1, found 0"),
        (
            {"max_epochs": 5, "precision": "float16"},
            "Expected `precision` to be 'float32' or 'bfloat16', found 'float16'",
        ),
    ],
)
def test_bad_schedule(option, message):
    with pytest.raises(ValueError, match=message):
        Schedule(**option)

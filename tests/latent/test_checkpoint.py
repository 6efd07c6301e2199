"""A fit that is interrupted anywhere and goes on gives what it would have given."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch

from landscape.latent import LatentModel
from landscape.latent.checkpoint import Checkpoint

FIT = {"max_epochs": 12, "batch_size": 16, "warmup_epochs": 2, "patience": 4}


def small(adata, **options):
    return LatentModel(adata, n_latent=2, n_hidden=8, **options)


def assert_same(first, second):
    for name, value in first.module.state_dict().items():
        assert torch.equal(value, second.module.state_dict()[name]), name
    assert first.history.drop(columns="seconds").equals(second.history.drop(columns="seconds"))


@pytest.fixture
def expected(adata):
    model = small(adata)
    model.train(**FIT)
    return model


@pytest.mark.parametrize(("every", "stop"), [(1, 1), (1, 7), (3, 4), (5, 3)])
def test_resumed_fit_is_the_uninterrupted_one(adata, expected, tmp_path, monkeypatch, every, stop):
    """Stopped after ``stop`` epochs; those after the last checkpoint are run again."""
    from landscape.latent import trainer

    fit = trainer.fit

    def interrupted(*args, **kwargs):
        for number, epoch in enumerate(fit(*args, **kwargs), start=1):
            yield epoch
            if number == stop:
                raise KeyboardInterrupt

    first = small(adata)
    with monkeypatch.context() as patch:
        patch.setattr(trainer, "fit", interrupted)
        with pytest.raises(KeyboardInterrupt):
            first.train(checkpoint=tmp_path / "state", checkpoint_every=every, **FIT)
    second = small(adata)
    second.train(checkpoint=tmp_path / "state", checkpoint_every=every, **FIT)
    assert_same(expected, second)
    # what lies before the last checkpoint of a fit that had ended is read and not run: its seconds are the same to the digit
    third = small(adata)
    third.train(checkpoint=tmp_path / "state", checkpoint_every=every, **FIT)
    kept = len(second.history) // every * every
    assert third.history["seconds"].iloc[:kept].equals(second.history["seconds"].iloc[:kept])
    assert_same(expected, third)


def test_checkpoint_changes_nothing(adata, expected, tmp_path):
    model = small(adata)
    model.train(checkpoint=tmp_path / "state", checkpoint_every=2, **FIT)
    assert_same(expected, model)
    assert sorted(p.suffix for p in (tmp_path / "state").iterdir()) == [".json", ".safetensors"]


def test_another_fit_is_refused(adata, tmp_path):
    small(adata).train(checkpoint=tmp_path, checkpoint_every=1, **{**FIT, "max_epochs": 2})
    with pytest.raises(ValueError, match=r"is of another fit: settings differ; name another folder"):
        small(adata).train(checkpoint=tmp_path, **FIT)
    with pytest.raises(ValueError, match="seed differ"):
        small(adata, rng=1).train(checkpoint=tmp_path, **{**FIT, "max_epochs": 2})
    adata.layers["counts"][3, 3] += 1
    with pytest.raises(ValueError, match="cells differ"):
        small(adata).train(checkpoint=tmp_path, **{**FIT, "max_epochs": 2})


def test_models_and_checkpoints_are_distinguished(trained, adata, tmp_path):
    trained.save(tmp_path / "model")
    with pytest.raises(ValueError, match="holds a model and no checkpoint"):
        small(adata).train(checkpoint=tmp_path / "model", **FIT)
    small(adata).train(checkpoint=tmp_path / "state", checkpoint_every=1, max_epochs=1)
    with pytest.raises(ValueError, match="holds the checkpoint of a fit and no model"):
        LatentModel.load(tmp_path / "state")


def test_damage_is_noticed(adata, tmp_path):
    small(adata).train(checkpoint=tmp_path, checkpoint_every=1, max_epochs=1)
    header = json.loads((tmp_path / "model.json").read_text())
    header["history"][0]["elbo_train"] = 0.0
    (tmp_path / "model.json").write_text(json.dumps(header))
    with pytest.raises(ValueError, match="is damaged or was changed"):
        small(adata).train(checkpoint=tmp_path, checkpoint_every=1, max_epochs=1)


def test_bad_period(tmp_path):
    with pytest.raises(ValueError, match="`checkpoint_every` of at least 1, found 0"):
        Checkpoint(tmp_path, 0, {})


SCRIPT = """
import sys
import anndata
from landscape.latent import LatentModel
adata = anndata.read_h5ad(sys.argv[1])
model = LatentModel(adata, n_latent=2, n_hidden=8)
print("ready", flush=True)
model.train(max_epochs=150, batch_size=16, early_stopping=False, checkpoint=sys.argv[2], checkpoint_every=1)
model.save(sys.argv[3])
"""


@pytest.mark.slow
def test_killed_fit_goes_on_bit_for_bit(adata, tmp_path):
    """Killed again and again, at any moment, and started again until it ends."""
    adata.write_h5ad(tmp_path / "a.h5ad")
    kills, random = 0, np.random.default_rng(0)
    while not (tmp_path / "model" / "model.json").exists():
        command = [sys.executable, "-c", SCRIPT, *(str(tmp_path / name) for name in ("a.h5ad", "state", "model"))]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
            try:
                child.wait(timeout=random.uniform(0.3, 1.5) if kills < 6 else None)
            except subprocess.TimeoutExpired:
                child.send_signal(signal.SIGKILL)
                kills += 1
    assert kills > 1
    uninterrupted = small(adata)
    uninterrupted.train(max_epochs=150, batch_size=16, early_stopping=False)
    assert_same(uninterrupted, LatentModel.load(tmp_path / "model"))

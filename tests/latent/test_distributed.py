"""Two processes that fit one model."""

from __future__ import annotations

import socket
import subprocess
import sys

import numpy as np
import pytest
import torch

from landscape.latent import LatentModel, distributed

SCRIPT = """
import os, sys
import anndata
import torch
torch.distributed.init_process_group("gloo")
from landscape.latent import LatentModel
rank = torch.distributed.get_rank()
model = LatentModel(anndata.read_h5ad(sys.argv[1]), n_latent=2, n_hidden=8, dropout_rate=0.0)
model.train(max_epochs=15, batch_size=32, warmup_epochs=2)
model.save(f"{sys.argv[2]}/model{rank}")
torch.distributed.destroy_process_group()
"""


@pytest.mark.slow
def test_two_processes_end_with_equal_weights(adata, tmp_path):
    adata.write_h5ad(tmp_path / "a.h5ad")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--master-addr=127.0.0.1"]
    script = tmp_path / "fit.py"
    script.write_text(SCRIPT)
    subprocess.run(
        [*command, f"--master-port={port}", str(script), str(tmp_path / "a.h5ad"), str(tmp_path)],
        check=True,
    )
    first, second = (LatentModel.load(tmp_path / f"model{rank}", adata) for rank in range(2))
    for name, value in first.module.state_dict().items():
        assert torch.equal(value, second.module.state_dict()[name]), name
    assert first.history.drop(columns="seconds").equals(second.history.drop(columns="seconds"))
    alone = LatentModel(adata, n_latent=2, n_hidden=8, dropout_rate=0.0)
    alone.train(max_epochs=15, batch_size=32, warmup_epochs=2)
    # not the same fit: batch normalisation sees half a minibatch, and the draws of z differ
    bound = [m.history["elbo_validation"].max() for m in (first, alone)]
    assert bound[0] == pytest.approx(bound[1], rel=0.03)


def test_alone_nothing_happens():
    batch = np.arange(5)
    assert distributed.rank() == 0
    np.testing.assert_array_equal(distributed.local_part(batch), batch)
    sums = torch.ones(3)
    torch.testing.assert_close(distributed.all_reduce_sum(sums, "cpu"), torch.ones(3))
    parameter = torch.nn.Parameter(torch.ones(2))
    parameter.grad = torch.full((2,), 3.0)
    distributed.sum_gradients([parameter])
    torch.testing.assert_close(parameter.grad, torch.full((2,), 3.0))

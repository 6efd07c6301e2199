from __future__ import annotations

import os
import signal
import threading
import time

import h5py
import numpy as np
import pytest
import torch

from landscape import network
from landscape.network.data.engine import over_blocks
from tests.network import toy


def expression():
    return network.expression(toy.counts(n_genes=150), np.arange(24), block_size=64)


def same(one, other):
    np.testing.assert_allclose(one.weights, other.weights, atol=1e-10)
    np.testing.assert_allclose(one.stability, other.stability, atol=1e-10)


def test_an_engine_that_is_none_is_refused():
    with pytest.raises(TypeError, match=r"a device such as 'cuda' or a distributed.Client, found 'threads'"):
        network.infer(expression(), engine="threads")


def test_a_device_of_torch_gives_the_same_numbers():
    settings = {"n_bootstraps": 5, "rng": 0}
    same(network.infer(expression(), engine="cpu", **settings), network.infer(expression(), **settings))
    nascent = network.expression(
        toy.counts(seed=0), np.arange(24), response=toy.counts(seed=1).toarray(), block_size=64
    )
    same(network.infer(nascent, engine="cpu", **settings), network.infer(nascent, **settings))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a graphics processor")
def test_a_graphics_processor_gives_the_same_numbers():
    settings = {"n_bootstraps": 5, "rng": 0}
    same(network.infer(expression(), engine="cuda", **settings), network.infer(expression(), **settings))


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a graphics processor")
def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="an `engine` that torch can use, found 'cuda'"):
        network.infer(expression(), engine="cuda")


@pytest.mark.slow
def test_processes_give_the_same_numbers():
    settings = {"n_bootstraps": 5, "rng": 0}
    same(network.infer(expression(), engine=2, **settings), network.infer(expression(), **settings))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
def test_a_cluster_gives_the_same_numbers_also_when_a_worker_dies(tmp_path):
    distributed = pytest.importorskip("distributed")
    settings = {"n_bootstraps": 5, "rng": 0}

    path = tmp_path / "cells.h5ad"
    with h5py.File(path, "w") as file:
        file["X"] = toy.counts(n_cells=2000, n_genes=150).toarray()
    stored = network.expression(network.on_disk(path), np.arange(24), block_size=8)  # 250 blocks: time to be killed in
    serial = network.infer(stored, **settings)

    def dies_once(data, start, *, marker):  # local: workers cannot import this file
        import os
        import pathlib
        import time

        if start == 128 and not pathlib.Path(marker).exists():
            pathlib.Path(marker).touch()
            time.sleep(0.2)
            os._exit(1)
        return data.block(start).regulators.sum()

    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        workers = client.run(os.getpid)
        before = time.monotonic()
        killer = threading.Timer(1.0, lambda: [os.kill(pid, signal.SIGKILL) for pid in list(workers.values())[:1]])
        killer.start()
        while time.monotonic() - before < 2.0:  # whatever the machine's speed, it dies in the middle of a run
            same(network.infer(stored, engine=client, **settings), serial)
        killer.join()
        assert set(client.run(os.getpid).values()) != set(workers.values())
        found = list(over_blocks(dies_once, expression(), client, marker=str(tmp_path / "died")))
        assert (tmp_path / "died").exists()
    expected = [block.regulators.sum() for block in expression().blocks()]
    np.testing.assert_allclose(found, expected, rtol=1e-14)

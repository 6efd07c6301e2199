from __future__ import annotations

import numpy as np
import pytest

from landscape import network
from landscape.network.engine import over_blocks
from tests.network import toy


def expression():
    return network.expression(toy.counts(n_genes=150), np.arange(10), block_size=64)


def same(one, other):
    np.testing.assert_allclose(one.weights, other.weights, atol=1e-10)
    np.testing.assert_allclose(one.stability, other.stability, atol=1e-10)


def test_an_engine_that_is_none_is_refused():
    with pytest.raises(TypeError, match=r"a number of processes or a distributed.Client, found str"):
        network.infer(expression(), engine="threads")


@pytest.mark.slow
def test_processes_give_the_same_numbers():
    settings = {"n_bootstraps": 5, "rng": 0}
    same(network.infer(expression(), engine=2, **settings), network.infer(expression(), **settings))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
def test_a_cluster_gives_the_same_numbers_also_when_a_worker_dies(tmp_path):
    distributed = pytest.importorskip("distributed")
    settings = {"n_bootstraps": 5, "rng": 0}

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
        same(network.infer(expression(), engine=client, **settings), network.infer(expression(), **settings))
        found = list(over_blocks(dies_once, expression(), client, marker=str(tmp_path / "died")))
        assert (tmp_path / "died").exists()
    expected = [block.regulators.sum() for block in expression().blocks()]
    np.testing.assert_allclose(found, expected, rtol=1e-14)

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from landscape import network
from landscape.network.data import checkpoint as module
from tests.network import toy

SETTINGS = {"n_bootstraps": 5, "n_decoys": 4, "rng": 0}


class Counts:
    """Counts that count how often they are read, and fail when told to."""

    def __init__(self, matrix, fails_at=None):
        self.matrix, self.shape, self.fails_at, self.reads = matrix, matrix.shape, fails_at, []

    def __getitem__(self, rows):
        self.reads.append(rows.start)
        if self.fails_at is not None and rows.start == self.fails_at and self.reads.count(rows.start) == 3:
            msg = "power cut"
            raise OSError(msg)
        return self.matrix[rows]


def expression(counts, **options):
    return network.expression(counts, np.arange(6), block_size=50, **options)


def same(one, other):
    for name in ("weights", "stability", "sd", "fdr"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


@pytest.mark.parametrize("nascent", [False, True])
def test_an_interrupted_run_is_resumed_to_the_same_digits(tmp_path, monkeypatch, nascent):
    monkeypatch.setattr(module, "SAVE_INTERVAL", 0.0)
    matrix = toy.counts()
    options = {"response": toy.counts(seed=1)} if nascent else {}
    whole = network.infer(expression(matrix, **options), **SETTINGS)
    path = tmp_path / "sums.npz"
    # Reads of a block of cells: one by the decoys, one for the digest, one for the sums.
    with pytest.raises(OSError, match="power cut"):
        network.infer(expression(Counts(matrix, fails_at=250), **options), checkpoint=path, **SETTINGS)
    assert path.exists()
    again = Counts(matrix)
    same(network.infer(expression(again, **options), checkpoint=path, **SETTINGS), whole)
    assert again.reads.count(100) == 2  # not summed again
    assert again.reads.count(250) == 3
    later = Counts(matrix)
    same(network.infer(expression(later, **options), checkpoint=path, **SETTINGS), whole)
    assert later.reads.count(250) == 2


@pytest.mark.parametrize("what", ["counts", "response"])
def test_a_cell_that_has_changed_between_the_ends_is_noticed(tmp_path, what):
    path = tmp_path / "sums.npz"
    matrices = {"counts": toy.counts().toarray(), "response": toy.counts(seed=1).toarray()}
    first = network.infer(expression(**matrices), checkpoint=path, **SETTINGS)
    stored = {name: sparse.csr_matrix(matrix) for name, matrix in matrices.items()}
    same(network.infer(expression(**stored), checkpoint=path, **SETTINGS), first)  # the same cells, stored otherwise
    before = path.read_bytes()
    matrices[what][130, [20, 21]] += [1, -1] if matrices[what][130, 21] else [1, 1]
    with pytest.raises(ValueError, match="found one of others; remove it or name another"):
        network.infer(expression(**matrices), checkpoint=path, **SETTINGS)
    assert path.read_bytes() == before


def test_sums_of_other_data_or_settings_are_refused(tmp_path):
    path = tmp_path / "sums.npz"
    network.infer(expression(toy.counts()), checkpoint=path, **SETTINGS)
    for data, settings in (
        (expression(toy.counts(seed=1)), {}),
        (expression(toy.counts(), transform="sqrt"), {}),
        (expression(toy.counts()), {"rng": 1}),
    ):
        with pytest.raises(ValueError, match="found one of others; remove it or name another"):
            network.infer(data, checkpoint=path, **SETTINGS | settings)


def test_a_file_that_is_no_checkpoint_is_refused_and_kept(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("do not lose me")
    with pytest.raises(ValueError, match="Expected a checkpoint of network sums"):
        network.infer(expression(toy.counts()), checkpoint=path, **SETTINGS)
    assert path.read_text() == "do not lose me"

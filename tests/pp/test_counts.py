from __future__ import annotations

import numpy as np
import pytest
from anndata import AnnData

import landscape as ls


def test_report_counts_everything():
    x = np.array([[0, 2, 0, 0], [1, 0, 5, 0], [0, 0, 0, 0]], dtype=float)
    report = ls.pp.check_counts(AnnData(x), layer=None)
    assert report.is_counts
    assert (report.n_cells, report.n_genes, report.n_stored) == (3, 4, 3)
    assert (report.n_empty_cells, report.n_empty_genes) == (1, 1)
    assert (report.median_total, report.largest, report.first_bad) == (2.0, 5.0, None)
    assert report.where == "adata.X"
    x[0, 1], x[1, 0], x[1, 2] = np.nan, -1, 0.25
    report = ls.pp.check_counts(AnnData(x), layer=None)
    assert not report.is_counts
    assert (report.n_not_finite, report.n_negative, report.n_fractional) == (1, 1, 1)
    assert report.first_bad is not None
    assert report.first_bad[:2] == ("0", "1")
    assert report.to_dict()["is_counts"] is False


def test_missing_layer():
    with pytest.raises(KeyError, match=r"layers\['counts'\]` is missing"):
        ls.pp.check_counts(AnnData(np.eye(3)))

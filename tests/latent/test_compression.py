from __future__ import annotations

import pandas as pd
import pytest

from landscape.latent import compression_curve
from landscape.latent.compression import one_standard_error_rule


def test_two_kinds_need_few_dimensions(adata):
    curve = compression_curve(
        adata,
        n_latent=[1, 6],
        n_repeats=2,
        model_options={"n_hidden": 16},
        train_options={"max_epochs": 40, "batch_size": 32, "validation_size": 0.3},
    )
    assert curve.table[["n_latent", "repeat"]].to_numpy().tolist() == [[1, 0], [1, 1], [6, 0], [6, 1]]
    bound = curve.table["reconstruction"] - curve.table["kl"]
    pd.testing.assert_series_equal(curve.table["elbo"], bound, check_names=False, rtol=1e-9)
    assert (curve.table["n_active"] <= curve.table["n_latent"]).all()
    assert curve.n_latent in (1, 6)
    again = compression_curve(
        adata,
        n_latent=[1, 6],
        n_repeats=2,
        model_options={"n_hidden": 16},
        train_options={"max_epochs": 40, "batch_size": 32, "validation_size": 0.3},
    )
    assert again.table["elbo"].equals(curve.table["elbo"])


def test_smallest_within_one_standard_error():
    table = pd.DataFrame(
        {
            "n_latent": [2, 2, 5, 5, 10, 10],
            "repeat": [0, 1] * 3,
            # short of the best by 5 and 7 (mean 6, error 1), by 0 and 2 (mean 1, error 1), by nothing
            "elbo": [-15.0, -27.0, -10.0, -22.0, -10.0, -20.0],
        }
    )
    assert one_standard_error_rule(table) == 5
    assert one_standard_error_rule(table[table["repeat"] == 1]) == 10


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_latent": [3]}, r"at least two `n_latent` and one repeat, found \[3\] and 1"),
        ({"n_repeats": 0}, "one repeat, found .* and 0"),
        ({"train_options": {"validation_size": 0}}, "held-out cells to compare on"),
    ],
)
def test_nothing_to_compare(adata, options, message):
    with pytest.raises(ValueError, match=message):
        compression_curve(adata, **options)

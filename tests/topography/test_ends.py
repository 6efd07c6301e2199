"""The engine behind fates: simulate, relax, label the end."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from landscape.dynamics import Model
from landscape.dynamics.sde import BLOCK
from landscape.systems import DoubleWell
from landscape.topography import basin_of
from landscape.topography.fates.ends import label_ends

ENDS = torch.tensor([[-1.0], [1.0]])
MODEL = Model(DoubleWell(), 0.05, lower=None)


def test_the_labeller_decides_what_an_end_is_called():
    start = torch.linspace(-2, 2, 41, dtype=torch.float64)[:, None]
    options = {"n_steps": 20, "step": 0.05, "rng": 3}
    by_basin = label_ends(
        MODEL, start, relax=lambda x: basin_of(MODEL, x, ENDS), label=lambda found: found.labels, **options
    )
    by_sign = label_ends(MODEL, start, relax=lambda x: x, label=lambda x: (x[:, 0] > 0).long().numpy(), **options)
    # The separatrix of the symmetric well is 0.
    np.testing.assert_array_equal(by_basin.labels, by_sign.labels)
    np.testing.assert_array_equal(by_basin.path, by_sign.path)
    assert by_basin.path.shape == (2, 41, 1)
    assert by_basin.labels.dtype == np.int64


def test_parts_see_the_noise_of_one_ensemble():
    start = torch.zeros(2 * BLOCK + 10, 1, dtype=torch.float64)
    sign = {"relax": lambda x: x, "label": lambda x: (x[:, 0] > 0).long().numpy(), "n_steps": 5, "step": 0.05}
    whole = label_ends(MODEL, start, **sign, rng=1)
    parts = label_ends(MODEL, start, **sign, rng=1, chunk=BLOCK, save_at=[0.0, 0.25])
    np.testing.assert_array_equal(whole.labels, parts.labels)
    np.testing.assert_array_equal(whole.path, parts.path)
    assert len(parts.rest) == 3
    with pytest.raises(TypeError, match="integer `rng`"):
        label_ends(MODEL, start, **sign, rng=np.random.default_rng(0), chunk=BLOCK)


def test_an_empty_ensemble_has_no_ends():
    found = label_ends(MODEL, torch.zeros(0, 1), relax=lambda x: x, label=lambda x: x, n_steps=1, step=0.1)
    assert not len(found.labels)
    assert not found.rest

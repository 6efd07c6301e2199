"""A model brings its own diffusion to every function that needs one."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from landscape import topography
from landscape.dynamics import Model
from landscape.systems import CurlDoubleWell, DoubleWell

NOISE = 0.2
LINE, PLANE = [[-1.0], [1.0]], [[-1.0, 0.0], [1.0, 0.0]]
SADDLE = [0.0, 0.0]
SHORT = {"n_points": 16, "max_steps": 50}
PATHS = {"radius": 0.2, "step": 0.05}

# Name of the function, the system, and its arguments without the diffusion.
CALLS = {
    "minimum_action": (CurlDoubleWell(), (PLANE[0], SADDLE), SHORT),
    "barrier": (CurlDoubleWell(), (PLANE[0], SADDLE), SHORT),
    "transition_network": (CurlDoubleWell(), (PLANE,), {"saddles": [SADDLE], **SHORT}),
    "committor": (DoubleWell(), ([[0.3]], LINE), {"n_replicates": 10, **PATHS}),
    "committor_on_grid": (DoubleWell(), (LINE,), {"radius": 0.1, "bounds": (-2.0, 2.0), "n_grid": 51}),
    "undecided_width": (CurlDoubleWell(), (SADDLE,), {}),
    "mean_first_passage_time": (DoubleWell(), (LINE[0], LINE[1]), {"n_paths": 20, **PATHS}),
    "simulated_rates": (DoubleWell(), (LINE,), {"n_paths": 20, **PATHS}),
    "simulated_weights": (DoubleWell(), (LINE,), {"n_paths": 4, "duration": 10.0, **PATHS}),
    "curl_share": (CurlDoubleWell(), (PLANE,), {}),
    "entropy_production": (CurlDoubleWell(), (PLANE,), {"duration": 2.0, "burn_in": 1.0, "n_paths": 20}),
    "kramers_time": (CurlDoubleWell(0.0), (PLANE[0], SADDLE), {}),
}
# The share of the rotation has no scale, so that a plain drift needs no diffusion.
NEEDS_NOISE = [name for name in CALLS if name != "curl_share"]


def numbers(record) -> np.ndarray:
    """All numbers of a record, in order."""
    values = [getattr(record, f.name) for f in dataclasses.fields(record)]
    found = []
    for value in values:
        if isinstance(value, float | int | bool | np.ndarray):
            found.append(np.ravel(value).astype(complex))
        elif dataclasses.is_dataclass(value):
            found.append(numbers(value))
        elif isinstance(value, tuple):
            found += [numbers(v) for v in value if dataclasses.is_dataclass(v)]
    return np.concatenate(found) if found else np.zeros(0)


@pytest.mark.parametrize("name", CALLS)
def test_a_model_without_a_diffusion_uses_its_own(name):
    system, arguments, options = CALLS[name]
    function = getattr(topography, name)
    own = function(Model(system, NOISE), *arguments, **options)
    given = function(system, *arguments, diffusion=NOISE, **options)
    assert len(numbers(own))
    np.testing.assert_array_equal(numbers(own), numbers(given))


def test_rates_over_barriers_use_the_diffusion_of_a_model():
    system = CurlDoubleWell(0.0)
    network = topography.transition_network(system, PLANE, diffusion=0.05, saddles=[SADDLE], **SHORT)
    own = topography.barrier_rates(Model(system, 0.05), network)
    np.testing.assert_array_equal(own.rates, topography.barrier_rates(system, network, diffusion=0.05).rates)


def test_a_given_diffusion_takes_precedence():
    system, model = DoubleWell(), Model(DoubleWell(), 5.0)
    found = topography.mean_first_passage_time(model, [-1.0], [1.0], diffusion=NOISE, method="backward")
    assert (
        found.time == topography.mean_first_passage_time(system, [-1.0], [1.0], diffusion=NOISE, method="backward").time
    )


def test_a_model_may_have_a_diffusion_that_depends_on_the_state():
    def noise(x):
        return 0.1 + 0.05 * x.square()

    own = topography.curl_share(Model(CurlDoubleWell(), noise), PLANE).by_state
    np.testing.assert_array_equal(own, topography.curl_share(CurlDoubleWell(), PLANE, diffusion=noise).by_state)


@pytest.mark.parametrize("name", NEEDS_NOISE)
def test_a_plain_drift_without_a_diffusion_is_an_error(name):
    system, arguments, options = CALLS[name]
    with pytest.raises(TypeError, match=r"Expected a `diffusion` .* pass `diffusion=\.\.\.`"):
        getattr(topography, name)(system, *arguments, **options)


def test_a_plain_drift_needs_no_diffusion_for_the_share_of_its_rotation():
    assert (
        topography.curl_share(CurlDoubleWell(), PLANE).share
        == topography.curl_share(CurlDoubleWell(), PLANE, diffusion=1.0).share
    )


def test_a_model_gives_the_fixed_points_of_its_drift():
    model = Model(DoubleWell(), NOISE)
    found = topography.fixed_points(model, torch.tensor([[-2.0], [2.0]], dtype=torch.float64))
    np.testing.assert_allclose(sorted(p.x[0] for p in found), [-1, 0, 1], atol=1e-8)

"""What the named circuits are known for."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from landscape import circuits


def test_repressilator_oscillates_with_equal_phases():
    circuit = circuits.repressilator()
    assert circuit.fixed_points_boolean() == []
    drift = circuit.drift()
    flow = lambda t, x: drift(torch.as_tensor(x)[None])[0].numpy()  # noqa: E731
    path = solve_ivp(flow, (0, 40), circuit.initial_state().numpy(), rtol=1e-8, dense_output=True)
    t = np.linspace(25, 40, 3001)
    x = path.sol(t)
    assert (np.ptp(x, axis=1) > 0.5).all()
    rises = [t[1:][(row[:-1] < 0.5) & (row[1:] >= 0.5)] for row in x]
    period = np.diff(rises[0])
    # Two grid spacings of 5e-3.
    np.testing.assert_allclose(period, period[0], atol=0.01)
    lag = (rises[1][0] - rises[0][0]) % period[0]
    assert min(lag, period[0] - lag) == pytest.approx(period[0] / 3, abs=0.01)


def test_toggle_is_even_and_tilts():
    even, tilted = (circuits.fate_shares(circuits.toggle(t), n=800, rng=3) for t in (0.0, 0.1))
    # Five standard errors of a share of one half among 800.
    assert even["A"] == pytest.approx(0.5, abs=5 * 0.5 / np.sqrt(800))
    assert tilted["A"] > 0.75
    with pytest.raises(ValueError, match="between -1 and 1, found 1"):
        circuits.toggle(1.0)


@pytest.mark.parametrize("name", ["gata1_pu1", "emt", "krumsiek"])
def test_every_fate_is_taken(name):
    circuit = getattr(circuits, name)()
    shares = circuits.fate_shares(circuit, n=800, rng=1)
    assert list(shares.index) == [*circuit.fates, "other"]
    assert shares.sum() == pytest.approx(1.0)
    # Measured 0.18 and more; five standard errors of a share of 0.18 among 800 are 0.07.
    assert shares[list(circuit.fates)].min() > 0.1
    assert shares["other"] < 0.03


@pytest.mark.parametrize(
    ("gene", "gone", "risen"),
    [
        ("Gata1", ["erythrocyte", "megakaryocyte"], "other"),
        ("Pu1", ["monocyte", "granulocyte"], "erythrocyte"),
        ("Eklf", ["erythrocyte"], "megakaryocyte"),
        ("Fli1", ["megakaryocyte"], "erythrocyte"),
        ("Gfi1", ["granulocyte"], "monocyte"),
    ],
)
def test_knockouts_move_the_fates_of_krumsiek(gene, gone, risen):
    wild, removed = (circuits.fate_shares(circuits.krumsiek(), knockouts=k, n=300, rng=2) for k in ([], [gene]))
    # Each pattern needs the missing gene or its product.
    assert (removed[gone] == 0).all()
    # The smallest rise measured is 0.19, five standard errors of a difference of such shares are 0.18 at n = 300.
    assert removed[risen] > wild[risen] + 0.1

"""Tables of barriers: by which saddle a pair of attractors is joined, and intervals over replicates."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from landscape.dynamics import Model, RegulatoryDrift
from landscape.topography import Transition, TransitionNetwork, fixed_points, transition_network
from landscape.topography.large_deviations.barrier_intervals import BarrierIntervals, barrier_intervals
from landscape.topography.large_deviations.barrier_tables import barrier_table


def test_a_direct_transition_is_named_only_where_no_path_over_others_is_lower():
    # From a to c directly at 10, over b at 1 + 2; back directly at 2, over b at 4 + 5.
    passes = tuple(
        Transition(pair, SimpleNamespace(x=k), tuple(SimpleNamespace(action=s, converged=True) for s in up))
        for k, (pair, up) in enumerate([((0, 1), (1.0, 5.0)), ((1, 2), (2.0, 4.0)), ((0, 2), (10.0, 2.0))])
    )
    direct = np.array([[np.nan, 1, 10], [5, np.nan, 2], [2, 4, np.nan]])
    action = np.array([[0, 1, 3], [4, 0, 2], [2, 3, 0]], dtype=float)
    found = TransitionNetwork(action, direct, direct > 0, passes, (), 0, converged=True, diffusion=0.1)
    unknown = np.full((3, 3), np.nan)
    intervals = BarrierIntervals(unknown, unknown, np.zeros((3, 3), dtype=int))
    via = barrier_table(found, ["a", "b", "c"], intervals).set_index(["from", "to"])["saddle"]
    assert via[("a", "b")] == "saddle 1"
    assert via[("a", "c")] == "over other attractors"
    assert via[("c", "a")] == "saddle 3"
    assert via[("b", "a")] == "over other attractors"


def test_intervals_cover_the_heights_of_the_replicates_and_need_three():
    def toggle(bias: float) -> Model:
        return Model(RegulatoryDrift.from_arrays(np.array([[0, -8.0], [-8.0, 0]]), bias=bias, hill=4.0), 0.02)

    models = [toggle(bias) for bias in (2.8, 3.0, 3.2)]
    starts = np.array([[1.0, 0.0], [0.0, 1.0]])
    states = np.array([p.x for p in fixed_points(models[1].drift, starts, deflate=False).stable])
    heights = [
        transition_network(m.drift, np.array([p.x for p in fixed_points(m.drift, starts, deflate=False).stable]),
                           diffusion=0.02, n_points=50).action[0, 1]
        for m in models
    ]  # fmt: skip
    found = barrier_intervals(models, states)
    assert found.n_replicates[0, 1] == 3
    np.testing.assert_allclose(found.low[0, 1], np.quantile(heights, 0.05), rtol=1e-3)
    np.testing.assert_allclose(found.high[0, 1], np.quantile(heights, 0.95), rtol=1e-3)
    assert np.isnan(barrier_intervals(models[:2], states).low).all()
    assert not barrier_intervals([], states).n_replicates.any()

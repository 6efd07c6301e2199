"""Genes along transitions: the order, the levels and the choice of the transition."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from landscape import pl
from landscape.pl._paths import moments
from tests.pl.drawn import artist
from tests.synthetic import NAMES, add_topography


@pytest.mark.parametrize("at", [0.1, 0.37, 0.8])
def test_the_moment_is_where_half_of_the_change_is_made(at):
    step = np.linspace(0, 1, 201)
    ramp = np.clip((step - at) / 0.1 + 0.5, 0, 1)  # from 0 to 1 within 0.1 around `at`
    there_and_back = np.interp(step, [0, at, 1], [0, 1, 0])  # half of its way is made at the turn
    found = moments(step, np.stack([ramp, 1 - ramp, there_and_back, np.ones_like(step)], 1))
    # Interpolation between steps of 0.005.
    np.testing.assert_allclose(found[:3], at, atol=0.0026)
    assert found[3] == 0.5


def test_genes_stand_in_the_order_in_which_they_move(finished):
    add_topography(finished)
    step = np.linspace(0, 1, 51)
    levels = {f"G{i}": np.clip((step - at) * 8, 0, 1) for i, at in enumerate((0.7, 0.1, 0.4))}
    table = pd.DataFrame({"from": "a", "to": "b", "saddle": "saddle 1", "step": step, **levels})
    finished.uns["landscape"]["paths"] = {"table": table}
    del finished.uns["landscape"]["saddles"]
    main, side = pl.paths(finished, show=False)
    assert [t.get_text() for t in main.get_yticklabels()] == ["G1", "G2", "G0"]
    drawn = np.asarray(artist(main, "levels").get_array())
    np.testing.assert_allclose(drawn, np.stack([levels[g] for g in ("G1", "G2", "G0")]))
    at = artist(main, "moments").get_offsets()[:, 0]
    # A ramp of height 1 and slope 8 from 0.1 passes one half at 0.1625.
    np.testing.assert_allclose(at, [0.1625, 0.4625, 0.7625], atol=0.011)
    assert [bar.get_width() for bar in side.containers[0]] == pytest.approx([1, 1, 1])


def test_the_lowest_barrier_is_drawn_unless_another_is_asked_for(crossed):
    assert pl.paths(crossed, show=False)[0].get_title(loc="left") == f"{NAMES[0]} \N{RIGHTWARDS ARROW} {NAMES[1]}"
    title = pl.paths(crossed, start=NAMES[3], show=False)[0].get_title(loc="left")
    assert title == f"{NAMES[3]} \N{RIGHTWARDS ARROW} {NAMES[2]}"
    with pytest.raises(ValueError, match="No path from Monocyte to Erythrocyte; there are: Erythrocyte to Mega"):
        pl.paths(crossed, start="Monocyte", end="Erythrocyte", show=False)


def test_the_end_is_named_saddle_or_attractor(crossed):
    ends = [t.get_text() for t in pl.paths(crossed, show=False)[0].get_xticklabels()]
    assert ends == ["Erythrocyte", "saddle 1"]
    table = crossed.uns["landscape"]["paths"]["table"]
    goal = crossed.uns["landscape"]["attractors"]["states"].loc[NAMES[1]]
    last = (table["from"] == NAMES[0]) & (table["step"] == 1)
    table.loc[last, list(goal.index)] = goal.to_numpy()
    assert pl.paths(crossed, show=False)[0].get_xticklabels()[1].get_text() == NAMES[1]


def test_whole_paths_show_their_saddle_and_the_order_that_was_written(finished):
    add_topography(finished)
    step = np.linspace(0, 1, 41)
    genes = list(finished.obsm["X_state"].columns)
    levels = {gene: np.clip((step - 0.1 * i) * 3, 0, 1) for i, gene in enumerate(genes)}
    part = np.where(np.arange(41) <= 24, "up", "down")
    way = {"from": NAMES[0], "to": NAMES[1], "saddle": "saddle 1"}
    table = pd.DataFrame({**way, "part": part, "step": step, **levels})
    moment = np.linspace(0.9, 0.1, len(genes))  # against what the levels say: what was written counts
    order = pd.DataFrame({**way, "gene": genes, "half_step": moment}, index=range(len(genes)))
    finished.uns["landscape"]["paths"] = {"table": table, "genes": order}
    main, _ = pl.paths(finished, show=False)
    names = [t.get_text() for t in main.get_yticklabels()]
    assert names == [gene for gene in reversed(genes) if gene in names]
    assert artist(main, "saddle").get_xdata()[0] == pytest.approx(0.6)
    assert main.get_xticklabels()[1].get_text() == NAMES[1]

    from landscape.pl._places import attractor_places
    from landscape.pl._ways import ways

    where = finished.obsm["X_plane"]
    drawn = ways(finished, where, attractor_places(finished, where))
    (line,) = drawn.lines  # only the way up, which ends at the saddle
    np.testing.assert_allclose(line.line[-1], drawn.saddles["saddle 1"])


def test_genes_that_do_not_move_are_left_out_and_it_is_said(crossed):
    table = crossed.uns["landscape"]["paths"]["table"]
    table["Gata1"] = 0.9
    figure = pl.paths(crossed, show=False, return_fig=True)
    names = [t.get_text() for t in figure.axes[0].get_yticklabels()]
    assert "Gata1" not in names
    assert f"the {len(names)} of 11 genes that change most" in figure.get_supxlabel()
    assert len(pl.paths(crossed, n_genes=3, show=False)[0].get_yticklabels()) == 3
    assert "5 more transitions" in figure.get_supxlabel()


def test_without_paths_the_call_is_named(finished):
    with pytest.raises(KeyError, match=r"landscape\.tl\.paths"):
        pl.paths(finished, show=False)

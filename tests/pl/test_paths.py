"""Genes along transitions: the order, the levels and the choice of the transition."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from landscape import pl
from tests.pl.drawn import artist
from tests.synthetic import NAMES, add_topography


def test_genes_stand_in_the_order_in_which_they_move(finished):
    add_topography(finished)
    step = np.linspace(0, 1, 51)
    levels = {f"G{i}": np.clip((step - at) * 8, 0, 1) for i, at in enumerate((0.7, 0.1, 0.4))}
    table = pd.DataFrame({"from": "a", "to": "b", "saddle": "saddle 1", "step": step, **levels})
    # A ramp of height 1 and slope 8 from 0.1 has made one half at 0.1625.
    half = {"G0": 0.7625, "G1": 0.1625, "G2": 0.4625}
    order = pd.DataFrame({"from": "a", "to": "b", "saddle": "saddle 1", "gene": list(half), "half_step": half.values()})
    finished.uns["landscape"]["paths"] = {"table": table, "genes": order}
    del finished.uns["landscape"]["saddles"]
    main, side = pl.paths(finished, show=False)
    assert [t.get_text() for t in main.get_yticklabels()] == ["G1", "G2", "G0"]
    drawn = np.asarray(artist(main, "levels").get_array())
    np.testing.assert_allclose(drawn, np.stack([levels[g] for g in ("G1", "G2", "G0")]))
    np.testing.assert_allclose(artist(main, "half_steps").get_offsets()[:, 0], [0.1625, 0.4625, 0.7625])
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
    path = {"from": NAMES[0], "to": NAMES[1], "saddle": "saddle 1"}
    table = pd.DataFrame({**path, "part": part, "step": step, **levels})
    half = np.linspace(0.9, 0.1, len(genes))  # against what the levels say: what was written counts
    order = pd.DataFrame({**path, "gene": genes, "half_step": half}, index=range(len(genes)))
    finished.uns["landscape"]["paths"] = {"table": table, "genes": order}
    main, _ = pl.paths(finished, show=False)
    names = [t.get_text() for t in main.get_yticklabels()]
    assert names == [gene for gene in reversed(genes) if gene in names]
    assert artist(main, "saddle").get_xdata()[0] == pytest.approx(0.6)
    assert main.get_xticklabels()[1].get_text() == NAMES[1]

    from landscape.pl.scene.places import attractor_places
    from landscape.pl.scene.transitions import plane_transitions

    where = finished.obsm["X_plane"]
    drawn = plane_transitions(finished, where, attractor_places(finished, where))
    (drawn_path,) = drawn.paths  # only its rising part, which ends at the saddle
    np.testing.assert_allclose(drawn_path.line[-1], drawn.saddles["saddle 1"])


def test_genes_that_do_not_move_are_left_out_and_listed(crossed):
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


def test_paths_without_an_order_of_genes_name_the_call(crossed):
    del crossed.uns["landscape"]["paths"]["genes"]
    with pytest.raises(KeyError, match=r"no order of genes; run `landscape\.tl\.paths"):
        pl.paths(crossed, show=False)

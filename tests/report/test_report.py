from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

import landscape as ls
import landscape.report
from landscape.report import SCHEMA, figures, file_stem, summarise
from landscape.report._figures import FIGURES, entries
from landscape.report._page import alike
from landscape.report._surface import surface
from landscape.report._tables import tables
from tests.synthetic import (
    NAMES,
    add_drivers,
    add_genomic_code,
    add_guy_ropes,
    add_perturbation,
    add_reprogramming,
    add_topography,
)

# A picture of one pixel: the page is tested here, the drawings in tests/pl.
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


class _Page(HTMLParser):
    """Tags, and every address that the page names."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href", "action", "data")]

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture
def pixel(tmp_path):
    path = tmp_path / "landscape.png"
    path.write_bytes(PIXEL)
    return {"landscape": path}


def read(path) -> _Page:
    page = _Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def digest(text):
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_the_page_asks_for_nothing_and_runs_one_script_only(finished, tmp_path, pixel):
    path = ls.report(finished, tmp_path / "r.html", drawn=pixel)
    page = read(path)
    assert [a for a in page.addresses if not a.startswith(("data:", "#"))] == []
    html = path.read_text()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html).group(1)
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL).group(1)
    assert f"style-src 'sha256-{digest(style)}'" in policy
    assert "url(" not in style
    assert "@import" not in style
    (script,) = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    assert f"script-src 'sha256-{digest(script)}'" in policy
    assert page.tags.count("script") == 2  # the other one holds data, which a browser does not run
    for word in ("fetch(", "XMLHttpRequest", "eval(", "innerHTML", "import("):
        assert word not in script


def test_names_stay_text(finished, tmp_path, pixel):
    evil = "<script>alert(1)</script>"
    record = finished.uns["landscape"]["attractors"]
    record["table"] = record["table"].rename(index={"Monocyte": evil})
    record["params"] = {"note": evil, evil: 1}
    finished.uns["landscape"]["run"] = {
        "warnings": np.array([evil], dtype=object),
        "input": {"name": evil, "sha256": evil},
        "versions": {"landscape": evil},
        "params": {"directions": np.array([evil], dtype=object)},
    }
    finished.obs["basin"] = finished.obs["basin"].cat.rename_categories({"Monocyte": evil})
    record["states"] = record["states"].rename(index={"Monocyte": evil})
    path = ls.report(finished, tmp_path / "r.html", drawn=pixel, title=evil, files={evil: evil})
    page = read(path)
    html = path.read_text()
    assert html.count("<script") == page.tags.count("script") == 2
    assert "<script>alert" not in html
    assert sum(evil in text for text in page.text) >= 8
    data = json.loads(re.search(r'id="surface-data">(.*?)</script>', html, re.DOTALL).group(1))
    assert evil in [attractor["name"] for attractor in data["attractors"]]


def test_numbers_of_the_results_are_on_the_page(finished, tmp_path, pixel):
    path = ls.report(finished, tmp_path / "r.html", drawn=pixel, files={"landscape.h5ad": "abc123"})
    text = " ".join(read(path).text)
    for word in ("time series or lineage", "Erythrocyte", "-0.61", "abc123", "Strongest edges", "How to cite"):
        assert word in text
    assert str(finished.uns["landscape"]["network"]["n_edges"]) in text


def test_warnings_and_grade_come_before_the_pictures(finished, tmp_path, pixel):
    finished.uns["landscape"]["run"] = {"warnings": np.array(["mind the gap"], dtype=object)}
    html = ls.report(finished, tmp_path / "r.html", drawn=pixel).read_text()
    assert html.index("Identifiability") < html.index("mind the gap") < html.index("<figure>")


def test_warnings_that_differ_in_numbers_only_are_shown_once(finished, tmp_path, pixel):
    texts = [f"a path did not converge: action {i}.5, gradient 1e-0{i}" for i in range(1, 8)]
    assert alike([*texts[:3], "another", *texts[3:]]) == [texts, ["another"]]
    finished.uns["landscape"]["run"] = {"warnings": np.array([*texts, "another"], dtype=object)}
    html = ls.report(finished, tmp_path / "r.html", drawn=pixel).read_text()
    assert "8 warnings of 2 kinds" in html
    assert "6 more of this kind" in html
    assert all(text in html for text in texts)


def test_calls_are_set_as_code_and_stay_harmless(finished, tmp_path, pixel):
    texts = ["raise `n_points` or `max_steps`", "a `<b>` and <i>", "one ` alone <u>"]
    finished.uns["landscape"]["run"] = {"warnings": np.array(texts, dtype=object)}
    html = ls.report(finished, tmp_path / "r.html", drawn=pixel).read_text()
    assert "raise <code>n_points</code> or <code>max_steps</code>" in html
    assert "a <code>&lt;b&gt;</code> and &lt;i&gt;" in html
    assert "one ` alone &lt;u&gt;" in html


def test_regulators_of_the_model_are_counted_beside_those_of_the_network(finished, tmp_path, pixel):
    finished.uns["landscape"]["dynamics"]["regulators"] = np.array(["Gata1", "Pu1"], dtype=object)
    html = ls.report(finished, tmp_path / "r.html", drawn=pixel).read_text()
    assert "<dt>regulators in the model</dt><dd>2</dd>" in html
    assert "<dt>regulators in the network</dt><dd>11</dd>" in html


def test_tables_may_be_downloaded_whole_and_harmless(finished, tmp_path, pixel):
    finished.obs["basin"] = finished.obs["basin"].cat.rename_categories({"Monocyte": "=1+1"})
    page = read(ls.report(finished, tmp_path / "r.html", drawn=pixel))
    texts = [
        base64.b64decode(a.partition("base64,")[2]).decode() for a in page.addresses if a.startswith("data:text/csv")
    ]
    cells = next(text for text in texts if text.startswith("cell,"))
    table = pd.read_csv(io.StringIO(cells), index_col=0)
    assert len(table) == 600
    np.testing.assert_allclose(table["fate_entropy"], finished.obs["fate_entropy"])
    assert set(table["basin"]) == {"Erythrocyte", "Megakaryocyte", "'=1+1", "Granulocyte"}
    assert "the first 100 of 600 rows" in " ".join(page.text)


def test_very_large_tables_are_left_to_their_files(finished, tmp_path, pixel, monkeypatch):
    monkeypatch.setattr(landscape.report._page, "_ROWS_TO_EMBED", 500)
    page = read(ls.report(finished, tmp_path / "r.html", drawn=pixel))
    assert "Too large for this page: see" in " ".join(page.text)
    assert "cells.csv" in page.text


def test_numbers_are_sorted_in_full(finished, tmp_path, pixel):
    html = ls.report(finished, tmp_path / "r.html", drawn=pixel).read_text()
    assert '<td class="number" data-v="-0.61">-0.61</td>' in html
    table = finished.uns["landscape"]["attractors"]["table"]
    table["support"] = [1 / 3, np.nan, 0.8, 0.5]
    html = ls.report(finished, tmp_path / "r.html", drawn=pixel).read_text()
    assert f'data-v="{1 / 3!r}">0.333</td>' in html
    assert 'data-v="">\N{EN DASH}</td>' in html


def test_paths_and_perturbations_have_their_sections(finished, tmp_path):
    add_topography(finished)
    add_perturbation(finished, drawn=False)
    add_perturbation(finished, "Gata1=0/2", drawn=False)
    html = ls.report(finished, tmp_path / "r.html").read_text()
    for word in (
        "Perturbation: Gata1=0<",
        "Fates after Gata1=0<",
        "Contrasts between fates after Gata1=0<",
        "Without any clamp, beside Gata1=0<",
        "Genes along a transition",
        "Barriers as a graph",
        "Paths",
    ):
        assert word in html
    assert 'id="perturbation_Gata1=0_2"' in html
    names = [item.name for item in closed(figures(finished))]
    assert names[-2:] == ["perturbation_Gata1=0", "perturbation_Gata1=0_2"]
    assert names == [entry.name for entry in entries(finished) if entry.name in names]
    assert names[:-2] == [entry.name for entry in FIGURES if entry.possible(finished)]


def test_genes_of_the_fates_have_a_figure_and_a_table_whose_first_rows_know_every_fate(finished, tmp_path, pixel):
    add_drivers(finished)
    assert "drivers" in [item.name for item in closed(figures(finished))]
    table = tables(finished)["drivers"]
    assert table["fate"].iloc[: len(NAMES)].tolist() == list(NAMES)
    assert len(table) == 4 * finished.n_vars
    for fate, own in table.groupby("fate"):
        assert own["contrast"].dropna().is_monotonic_decreasing, fate
    page = read(ls.report(finished, tmp_path / "r.html", drawn=pixel))
    assert "Driver genes of each fate" in page.text


def test_where_barriers_are_missing_the_page_names_the_call(finished, tmp_path, pixel):
    assert "--n-regulators 40" in ls.report(finished, tmp_path / "r.html", drawn=pixel).read_text()
    add_topography(finished)
    assert "--n-regulators 40" not in ls.report(finished, tmp_path / "r.html", drawn=pixel).read_text()


def closed(drawn):
    for item in drawn:
        plt.close(item.figure)
        yield item


def test_the_surface_that_turns_has_the_heights_of_the_relief(finished):
    add_topography(finished)
    data = surface(finished)
    n = data["n"]
    height = np.array(data["height"]).reshape(n, n)
    assert height.min() >= 0
    assert height.max() == 1
    assert len(data["known"]) == n * n
    assert len(data["saddles"]) == 3
    assert len(data["cells"]["at"]) == 3 * len(data["cells"]["color"])
    # An attractor lies where the surface has its height.
    for attractor in data["attractors"]:
        x, y, z = attractor["at"]
        i, j = round((y + 1) / 2 * (n - 1)), round((x + 1) / 2 * (n - 1))
        near = height[max(0, i - 1) : i + 2, max(0, j - 1) : j + 2]
        assert near.min() - 0.01 <= z <= near.max() + 0.01
    del finished.uns["landscape"]["occupancy"]
    assert surface(finished) is None


@pytest.mark.parametrize(
    ("name", "stem"), [("a", "a"), ("Gata1=0", "Gata1=0"), ("../x y", "x_y"), ("\u00e4/", "table"), ("...", "table")]
)
def test_names_of_files_are_plain(name, stem):
    assert file_stem(name) == stem
    assert file_stem(name, {stem}) == f"{stem}_2"


def test_a_report_needs_results(finished, tmp_path):
    del finished.uns["landscape"]
    with pytest.raises(KeyError, match=r"run `landscape\.run\(adata\)` first"):
        ls.report(finished, tmp_path / "r.html")


def test_the_module_and_the_function_share_a_name(finished, tmp_path, pixel):
    assert callable(landscape.report)
    assert landscape.report(finished, tmp_path / "a.html", drawn=pixel).exists()


def test_summary_has_what_is_there_and_null_for_what_is_not(finished):
    found = summarise(finished, seconds={"latent": 1.5}, peak_memory_mb=100.04)
    assert found["schema"] == SCHEMA == "landscape.summary/1"
    assert (found["n_cells"], found["n_genes"], found["n_regulators"]) == (600, 20, 11)
    assert found["identifiability"] == "B"
    assert found["attractors"][0] == {
        "name": "Erythrocyte",
        "n_cells": int((finished.obs["basin"] == "Erythrocyte").sum()),
        "leading_eigenvalue": -0.61,
        "observed": True,
        "support": 1.0,
    }
    assert found["barriers"] is found["curl_share"] is found["tangency"] is None
    assert found["seconds"] == {"latent": 1.5}
    assert found["peak_memory_mb"] == 100.0
    assert {"versions", "seed", "warnings", "direction"} <= found.keys()


def test_summary_has_barriers_once_they_are_computed_and_no_nan(finished):
    table = pd.DataFrame([{"from": "a", "to": "b", "height": 2.5, "low": float("nan"), "high": 3.0, "converged": True}])
    expected = [{"from": "a", "to": "b", "height": 2.5, "low": None, "high": 3.0}]
    finished.uns["landscape"]["barriers"] = {"table": table, "params": {}}
    assert summarise(finished)["barriers"] == expected


def test_summary_has_terminal_states_beside_attractors(finished):
    table = pd.DataFrame(
        {
            "n_cells": [20, 40],
            "n_basin": [300, 300],
            "gathering": [1.5, 0.2],
            "arrival": [0.9, np.nan],
            "n_ends": [1, 2],
        },
        index=["Beta", "Delta"],
    )
    finished.uns["landscape"]["terminal_states"] = {"table": table, "params": {}}
    first, second = summarise(finished)["terminal_states"]
    assert first == {
        "name": "Beta", "n_cells": 20, "n_basin": 300, "gathering": 1.5, "arrival": 0.9, "attractor": None
    }  # fmt: skip
    assert second["arrival"] is None
    table["attractor"] = ["Beta 1", "Beta 2"]
    assert [row["attractor"] for row in summarise(finished)["terminal_states"]] == ["Beta 1", "Beta 2"]


def _ends(rows):
    """Record of terminal states: name, nearest attractor."""
    table = pd.DataFrame(
        {
            "n_cells": 20,
            "n_basin": 150,
            "gathering": 1.5,
            "arrival": 0.9,
            "n_ends": 1,
            "attractor": [a for _, a in rows],
        },
        index=[name for name, _ in rows],
    )
    return {"table": table, "params": {}}


def test_the_page_sets_attractors_beside_terminal_states(finished, pixel, tmp_path):
    first, second, third, fourth = NAMES
    finished.uns["landscape"]["terminal_states"] = _ends([(first, first), ("rare <b>", first), (second, second)])
    finished.uns["landscape"]["attractors"]["table"].loc[fourth, "observed"] = False
    by_fate = pd.DataFrame({"kept": [0.9, 0.2]}, index=[first, second])
    finished.uns["landscape"]["fates"] = {"by_fate": by_fate, "params": {}}
    text = " ".join("".join(read(ls.report(finished, tmp_path / "a.html", drawn=pixel)).text).split())
    assert f"Exactly one terminal state is nearest to {second}." in text
    assert f"{first} and rare <b> share the attractor {first}:" in text
    assert f"No terminal state is nearest to {third} and {fourth}:" in text
    assert f"most cells leave {second} within" in text
    assert f"No cells are near {fourth}:" in text
    del finished.uns["landscape"]["terminal_states"], finished.uns["landscape"]["attractors"]
    assert "Attractors and terminal states" not in "".join(
        read(ls.report(finished, tmp_path / "b.html", drawn=pixel)).text
    )


def test_the_page_states_the_sensitivity_to_growth(finished, pixel, tmp_path):
    assert "Growth is" not in "".join(read(ls.report(finished, tmp_path / "a.html", drawn=pixel)).text)
    finished.uns["landscape"]["dynamics"].update(growth_sensitivity=0.34, growth_rate_tried=0.126)
    text = "".join(read(ls.report(finished, tmp_path / "b.html", drawn=pixel)).text)
    assert "Growth is assumed to be equal in all cells." in text
    assert "0.13 per unit of time), the velocities would change by 34%." in text


def test_without_support_the_page_the_summary_and_every_figure_say_so(finished, tmp_path, pixel):
    assert summarise(finished)["supported"] is None
    assert "No landscape supported" not in "".join(read(ls.report(finished, tmp_path / "a.html", drawn=pixel)).text)
    table = pd.DataFrame(
        {"statistic": [0.2, np.nan], "by_chance": [0.19, np.nan], "p_value": [0.4, np.nan], "passed": [False, True],
         "note": ["correlation", "not testable"]},
        index=["shared variation", "a root"],
    )  # fmt: skip
    reasons = np.array(["shared variation: 0.20"], dtype=object)
    finished.uns["landscape"]["structure"] = {"table": table, "supported": False, "reasons": reasons, "params": {}}
    found = summarise(finished)
    assert (found["supported"], found["identifiability"]) == (False, "none")
    assert found["reasons"] == ["shared variation: 0.20"]
    assert found["structure"][1] == {
        "test": "a root", "statistic": None, "by_chance": None, "p_value": None, "passed": True,
    }  # fmt: skip
    text = " ".join("".join(read(ls.report(finished, tmp_path / "b.html", drawn=pixel)).text).split())
    assert text.index("no landscape supported: shared variation: 0.20.") < text.index("Identifiability:")
    assert "conclude nothing from them" in text
    for drawn in figures(finished):
        titles = [drawn.figure.get_suptitle(), *(ax.get_title() for ax in drawn.figure.axes)]
        assert sum("No landscape supported" in title for title in titles) == 1, drawn.name
        plt.close(drawn.figure)


def test_an_empty_object_has_a_summary_of_nulls(finished):
    del finished.uns["landscape"]
    found = summarise(finished)
    assert (
        found["attractors"]
        is found["terminal_states"]
        is found["n_edges"]
        is found["identifiability"]
        is found["seconds"]
        is None
    )


def test_figures_follow_what_is_there(finished):
    del finished.varp["network"]
    del finished.uns["landscape"]["occupancy"]
    finished.uns["landscape"].pop("attractors")
    assert [item.name for item in closed(figures(finished))] == ["fates", "labels"]
    del finished.obs["cell_type"]
    assert [item.name for item in closed(figures(finished))] == ["fates"]
    finished.obsm["terminal_fates"] = finished.obsm["fates"].iloc[:, :2]
    assert [item.name for item in closed(figures(finished))] == ["fates", "terminal_states"]


def test_reprogramming_has_a_figure_and_a_table(finished):
    assert "reprogramming" not in [entry.name for entry in entries(finished) if entry.possible(finished)]
    add_reprogramming(finished)
    assert "reprogramming" in [entry.name for entry in entries(finished) if entry.possible(finished)]
    assert len(tables(finished)["reprogramming"]) == 3
    record = finished.uns["landscape"]["reprogramming"][f"{NAMES[0]} to {NAMES[1]}"]
    record["ways"] = record["ways"].iloc[:0]
    assert "reprogramming" not in [entry.name for entry in entries(finished) if entry.possible(finished)]


def test_guy_ropes_have_a_figure_and_a_table(finished):
    add_topography(finished)
    assert "guy_ropes" not in [entry.name for entry in entries(finished) if entry.possible(finished)]
    add_guy_ropes(finished)
    assert "guy_ropes" in [entry.name for entry in entries(finished) if entry.possible(finished)]
    table = tables(finished)["guy_ropes"]
    assert {"gene", "strength", "strength_low", "strength_high"} <= set(table)
    assert len(table) == finished.uns["landscape"]["guy_ropes"]["strength"].size


def test_the_genomic_code_has_a_figure_and_a_table(finished):
    assert "genomic_code" not in [entry.name for entry in entries(finished) if entry.possible(finished)]
    add_genomic_code(finished)
    assert "genomic_code" in [entry.name for entry in entries(finished) if entry.possible(finished)]
    table = tables(finished)["genomic_code"]
    assert table.index.name == "assay"
    assert set(table["verdict"]) == {"supported", "contradicted", "undecided", "not testable here"}

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

import landscape as ls
from landscape.report import SCHEMA, figures, summarise

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


def test_the_page_asks_for_nothing_and_runs_nothing(finished, tmp_path, pixel):
    path = ls.report(finished, tmp_path / "r.html", drawn=pixel)
    page = read(path)
    assert "script" not in page.tags
    assert [a for a in page.addresses if not a.startswith(("data:", "#"))] == []
    html = path.read_text()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html).group(1)
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL).group(1)
    assert base64.b64encode(hashlib.sha256(style.encode()).digest()).decode() in policy
    assert "url(" not in style
    assert "@import" not in style


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
    path = ls.report(finished, tmp_path / "r.html", drawn=pixel, title=evil, files={evil: evil})
    page = read(path)
    assert "script" not in page.tags
    assert "<script" not in path.read_text()
    assert sum(evil in text for text in page.text) >= 8


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


def test_a_report_needs_results(finished, tmp_path):
    del finished.uns["landscape"]
    with pytest.raises(KeyError, match=r"run `landscape\.run\(adata\)` first"):
        ls.report(finished, tmp_path / "r.html")


def test_the_module_and_the_function_share_a_name(finished, tmp_path, pixel):
    import landscape.report

    assert callable(landscape.report)
    assert landscape.report(finished, tmp_path / "a.html", drawn=pixel).exists()


def test_summary_tells_what_is_there_and_null_for_what_is_not(finished):
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
    finished.uns["landscape"]["barriers"] = table
    assert summarise(finished)["barriers"] == expected


def test_an_empty_object_has_a_summary_of_nulls(finished):
    del finished.uns["landscape"]
    found = summarise(finished)
    assert found["attractors"] is found["n_edges"] is found["identifiability"] is found["seconds"] is None


def test_figures_follow_what_is_there(finished):
    del finished.varp["network"]
    del finished.uns["landscape"]["occupancy"]
    finished.uns["landscape"].pop("attractors")
    drawn = list(figures(finished))
    assert [item.name for item in drawn] == ["fates"]
    for item in drawn:
        plt.close(item.figure)


def _browse(browser, page, folder):
    """Screenshot of a page, what the browser said, and the addresses that the page itself asked for."""
    shot, log = folder / "shot.png", folder / "net.json"
    done = subprocess.run(
        [
            browser,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--disable-component-update",
            "--no-first-run",
            f"--user-data-dir={folder / 'profile'}",
            "--enable-logging=stderr",
            "--window-size=1000,3000",
            f"--log-net-log={log}",
            f"--screenshot={shot}",
            page.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    text = log.read_text()
    try:
        events = json.loads(text)["events"]
    except json.JSONDecodeError:  # the browser ended before it closed the list
        events = json.loads(text.rstrip().rstrip(",") + "]}")["events"]
    asked = [event["params"] for event in events if "initiator" in event.get("params", {})]
    # What the browser asks for on its own behalf (updates, time) has no origin.
    return shot, done.stderr, [p["url"] for p in asked if p["initiator"] != "not an origin" and "http" in p["url"][:4]]


@pytest.mark.slow
def test_a_browser_shows_it_without_a_request_or_an_error(finished, tmp_path):
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("needs a Chromium browser on the path")
    control = tmp_path / "control"
    control.mkdir()
    (control / "page.html").write_text("<img src='http://127.0.0.1:9/x.png'><script>console.error('seen')</script>")
    _, said, asked = _browse(browser, control / "page.html", control)
    assert asked, "the check does not see requests"
    assert "CONSOLE" in said, "the check does not see errors"

    path = ls.report(finished, tmp_path / "report.html")
    shot, said, asked = _browse(browser, path, tmp_path)
    assert path.stat().st_size < 12e6
    assert shot.stat().st_size > 20_000
    assert "CONSOLE" not in said
    assert asked == []

"""The report in a headless browser: no request, no error, tables that sort, a surface that turns."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess

import pytest

import landscape as ls
from tests.synthetic import NAMES, add_drivers, add_perturbation, add_topography


def digest(text):
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


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

    add_topography(finished)
    add_drivers(finished)
    add_perturbation(finished)
    path = ls.report(finished, tmp_path / "report.html")
    shot, said, asked = _browse(browser, path, tmp_path)
    assert path.stat().st_size < 12e6
    assert shot.stat().st_size > 20_000
    assert "CONSOLE" not in said
    assert asked == []


# Clicks on a heading twice and drags the surface; leaves what happened in the title.
_DRIVER = """
const table = document.querySelector("table.sortable");
const head = [...table.tHead.rows[0].cells].findIndex((c) => c.textContent === "leading_eigenvalue");
const column = () => [...table.tBodies[0].rows].map((row) => Number(row.cells[head].dataset.v));
const found = { before: column() };
table.tHead.rows[0].cells[head].querySelector("button").click();
found.up = column();
table.tHead.rows[0].cells[head].querySelector("button").click();
found.down = column();
const canvas = document.getElementById("surface");
const picture = () => canvas.toDataURL();
const drag = (name, x, y) =>
  canvas.dispatchEvent(new PointerEvent(name, { clientX: x, clientY: y, pointerId: 1, bubbles: true }));
const later = (act) => setTimeout(act, 300);
later(() => {
  const first = picture();
  drag("pointerdown", 300, 300);
  drag("pointermove", 420, 320);
  drag("pointerup", 420, 320);
  later(() => {
    found.turned = picture() !== first;
    document.querySelector('#turning button[data-act="home"]').click();
    later(() => {
      found.home = picture() === first;
      const frame = canvas.getBoundingClientRect();
      const click = (x, y) => ["pointerdown", "pointerup"].forEach((name) => drag(name, frame.left + x, frame.top + y));
      found.said = new Set();
      for (let x = 0; x < frame.width; x += 7) for (let y = 0; y < frame.height; y += 7) {
        click(x, y);
        found.said.add(document.getElementById("chosen").textContent);
      }
      found.said = [...found.said];
      const button = document.querySelector("button.zoom"), image = button.firstElementChild;
      const small = image.clientWidth;
      button.click();
      found.enlarged = image.clientWidth >= image.naturalWidth && image.naturalWidth > small;
      button.click();
      found.reduced = image.clientWidth === small;
      found.wide = document.documentElement.scrollWidth <= window.innerWidth;
      document.title = JSON.stringify(found);
    });
  });
});
"""


@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1000])
def test_in_a_browser_the_table_sorts_and_the_surface_turns(finished, tmp_path, width):
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("needs a Chromium browser on the path")
    add_topography(finished)
    path = ls.report(finished, tmp_path / "report.html")
    html = path.read_text(encoding="utf-8")
    # The page's policy admits its own script only: the driver is admitted for this test by its digest.
    html = html.replace("script-src '", f"script-src 'sha256-{digest(_DRIVER)}' '", 1)
    path.write_text(html.replace("</body>", f"<script>{_DRIVER}</script></body>"), encoding="utf-8")
    done = subprocess.run(
        [
            browser,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            f"--user-data-dir={tmp_path / 'profile'}",
            f"--window-size={width},1200",
            "--virtual-time-budget=30000",
            "--dump-dom",
            path.as_uri(),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    title = re.search(r"<title>(.*?)</title>", done.stdout, re.DOTALL).group(1)
    found = json.loads(title)
    assert found["up"] == sorted(found["before"])
    assert found["down"] == sorted(found["before"], reverse=True)
    assert found["turned"], found
    assert found["home"]
    assert "" in found["said"]  # beside everything
    names = [text.partition(" \N{MIDDLE DOT} ")[0] for text in found["said"]]
    assert set(NAMES) <= set(names)
    way = f"{NAMES[0]} towards {NAMES[1]} \N{MIDDLE DOT} over saddle 1 \N{MIDDLE DOT} barrier: 2 [1, 3]"
    back = f"{NAMES[1]} towards {NAMES[0]} \N{MIDDLE DOT} over saddle 1 \N{MIDDLE DOT} barrier: 3 [2, 4]"
    assert any(text.startswith((way, back)) for text in found["said"])
    assert found["enlarged"]
    assert found["reduced"]
    assert found["wide"], "the page is wider than the window"

"""The examples of the pages on topography run as they are printed, and say what is printed beside them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

DOCS = Path(__file__).parents[2] / "docs"


def executed(page: str) -> dict[str, Any]:
    """Names that the Python blocks of a page leave behind."""
    text = (DOCS / page).read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    for block in re.findall(r"^```python\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE):
        exec(compile(block, page, "exec"), names)
    assert names, f"no example on {page}"
    return names


def test_the_worked_toggle_switch():
    page = executed("user_guide/toggle.md")
    points = page["points"]
    assert [p.stability for p in points] == ["stable"] * 3 + ["saddle"] * 2
    assert [p.n_starts for p in points] == [132, 36, 32, 0, 0]
    assert points.degree == 1
    assert page["branch"].bifurcations[0].parameter == pytest.approx(0.774475, abs=1e-6)
    # science: D S = .04418 and .05619, at D = .02.
    np.testing.assert_allclose(page["network"].action[0, 1:], 2.209, rtol=0.01)
    np.testing.assert_allclose(page["network"].action[1:, 0], 2.81, rtol=0.01)
    assert page["network"].action[1, 2] == pytest.approx(5.02, rel=0.01)
    assert page["time"].time == pytest.approx(170, abs=1)
    error = page["weights"].standard_error
    assert (np.abs(page["weights"].weights - [0.43, 0.285, 0.285]) < 3.5 * error).all()
    assert page["zone"].width == pytest.approx(0.27, abs=0.005)
    assert page["odds"].converged


@pytest.mark.parametrize("page", ["method/topography.md", "method/quasipotential.md"])
def test_method_pages(page):
    assert "ls" in executed(page)


STAGES = ("latent", "network", "dynamics", "topography", "quasipotential", "rates", "fates", "perturbation", "drawing")


@pytest.mark.parametrize("stage", STAGES)
def test_each_stage_says_what_it_assumes_what_it_cannot_tell_when_it_fails_and_how_to_check(stage):
    text = (DOCS / "method" / f"{stage}.md").read_text(encoding="utf-8")
    headings = " ".join(re.findall(r"^#+ (.*)", text, flags=re.MULTILINE)).lower()
    for word in ("assume", "cannot tell", "fails", "check"):
        assert word in headings, word

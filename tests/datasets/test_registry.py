from __future__ import annotations

from pathlib import Path

import pytest

import landscape as ls
from landscape.datasets._registry import entries, entry

README = Path(__file__).resolve().parents[2] / "data" / "README.md"


@pytest.mark.parametrize("name", sorted(entries()))
def test_readme_says_the_same(name):
    found, text = entry(name), README.read_text(encoding="utf-8")
    section = text.split(f"### `{name}`:")[1].split("\n##")[0]
    for fact in (found.title, found.file, found.sha256, found.url, found.licence, found.citation, *found.warnings):
        assert fact in section
    assert found.url_sha256 is None or found.url_sha256 in section
    assert found.accession in section


def test_table():
    table = ls.datasets.list()
    assert table.index.tolist() == list(entries())
    assert table.loc["paul15", "n_cells"] == 2660
    assert {"kind", "species", "url", "licence", "citation", "ground_truth", "warnings"} <= set(table)


def test_every_loader_has_its_entry():
    assert {"paul15", "pancreas", "tusi2018", "dentate_gyrus", "cardio", "schiebinger2019", "bmsc"} <= set(entries())
    with pytest.raises(KeyError, match="No data set 'x'; expected one of"):
        entry("x")

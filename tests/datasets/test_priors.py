from __future__ import annotations

import pytest

import landscape as ls


def test_regulators(data_dir):
    mouse, human = ls.datasets.regulators("mouse"), ls.datasets.regulators("human")
    assert {"Gata1", "Spi1", "Klf1"} <= set(mouse)
    assert {"GATA1", "SPI1", "KLF1"} <= set(human)
    assert mouse == sorted(set(mouse))
    assert len(mouse) == 1721
    assert len(ls.datasets.regulators("human", source="lambert")) == 1639


@pytest.mark.parametrize(
    ("name", "species"),
    [("collectri", "human"), ("dorothea", "human"), ("dorothea", "mouse"), ("trrust", "human"), ("trrust", "mouse")],
)
def test_priors_are_tables_of_edges(data_dir, name, species):
    edges = ls.datasets.prior(name, species)
    assert list(edges)[:3] == ["source", "target", "weight"]
    assert set(edges["weight"]) <= {-1.0, 0.0, 1.0}
    assert not edges.duplicated(["source", "target"]).any()
    assert len(edges) > 5000


def test_trrust_keeps_what_is_known(data_dir):
    edges = ls.datasets.prior("trrust", "mouse").set_index(["source", "target"])["weight"]
    assert edges["Aatf", "Bak1"] == 0  # unknown


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ls.datasets.regulators("rat"), r"`species` to be one of \['mouse', 'human'\], found 'rat'"),
        (lambda: ls.datasets.regulators("mouse", source="x"), "`source` to be one of"),
        (lambda: ls.datasets.regulators("mouse", source="lambert"), "no 'lambert' list for mouse"),
        (lambda: ls.datasets.prior("x", "mouse"), r"`name` to be one of \['collectri', 'dorothea', 'trrust'\]"),
        (lambda: ls.datasets.prior("trrust", "rat"), "`species` to be one of"),
        (lambda: ls.datasets.prior("collectri", "mouse"), "no collectri network for mouse"),
    ],
)
def test_bad_names(call, message):
    with pytest.raises(ValueError, match=message):
        call()

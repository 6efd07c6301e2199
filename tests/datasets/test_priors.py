from __future__ import annotations

import pytest

import landscape as ls


def test_the_wider_list_of_regulators_is_a_named_source(data_dir):
    found = ls.datasets.regulators("mouse", source="pyscenic")
    assert len(found) == 1721
    assert "Rpl6" in found  # by its keywords
    with pytest.raises(ValueError, match="have no cofactors"):
        ls.datasets.regulators("mouse", source="pyscenic", tier="tf+cofactors")


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
        (lambda: ls.datasets.prior("x", "mouse"), r"`name` to be one of \['collectri', 'dorothea', 'trrust'\]"),
        (lambda: ls.datasets.prior("trrust", "rat"), "`species` to be one of"),
        (lambda: ls.datasets.prior("collectri", "mouse"), "no collectri network for mouse"),
    ],
)
def test_bad_names(call, message):
    with pytest.raises(ValueError, match=message):
        call()

from __future__ import annotations

import pandas as pd
import pytest

from landscape import network

NAMES = ["Gata1", "Sfpi1", "Klf1"]


def test_a_table_of_arboreto_becomes_a_network():
    table = pd.DataFrame(
        {"TF": ["Spi1", "Gata1", "Gata1"], "target": ["Klf1", "Klf1", "Xyz"], "importance": [2.0, 3.0, 9.0]}
    )
    found = network.from_edges(table, NAMES)
    assert found.regulators.tolist() == [0, 1]
    assert found.weights.tolist() == [[0, 0, 3.0], [0, 0, 2.0]]
    assert found.support.sum() == 2
    assert found.params["n_matched"] == 2


@pytest.mark.parametrize(
    ("table", "error", "message"),
    [
        ([("a", "b", 1)], TypeError, "Expected a DataFrame"),
        (pd.DataFrame({"source": ["Gata1"]}), KeyError, r"found no \['target', 'weight'\]"),
        (pd.DataFrame({"source": ["A"], "target": ["B"], "weight": [1.0]}), ValueError, "edges among the 3 genes"),
        (
            pd.DataFrame({"source": ["Gata1"], "target": ["Klf1"], "weight": [float("nan")]}),
            ValueError,
            "finite weights",
        ),
        (
            pd.DataFrame({"source": ["Gata1"] * 2, "target": ["Klf1"] * 2, "weight": [1.0, 2]}),
            ValueError,
            "every edge once",
        ),
    ],
)
def test_tables_that_are_no_network_are_refused(table, error, message):
    with pytest.raises(error, match=message):
        network.from_edges(table, NAMES)

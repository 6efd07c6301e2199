from __future__ import annotations

import pandas as pd
import pytest

from landscape import network


def test_degrees_and_strengths_are_counted_by_hand():
    edges = pd.DataFrame(
        [("A", "B", 2.0), ("A", "C", -1.0), ("B", "C", 0.5), ("C", "C", -0.5), ("B", "D", 0.0)],
        columns=["source", "target", "weight"],
    )
    found = network.degrees(edges)
    assert found.index.tolist() == ["A", "B", "C"]
    assert found.loc["A"].tolist() == [1, 1, 0, 3.0, 0.0, 0.75]
    assert found.loc["B"].tolist() == [1, 0, 1, 0.5, 2.0, 0.125]
    assert found.loc["C"].tolist() == [0, 1, 3, 0.5, 2.0, 0.125]


def test_no_edges_and_no_columns():
    empty = pd.DataFrame({"source": [], "target": [], "weight": []})
    assert network.degrees(empty).empty
    with pytest.raises(KeyError, match="found no"):
        network.degrees(empty[["source"]])

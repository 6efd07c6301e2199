"""Numbers between attractors and effects on fates, under the names of the consensus."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from landscape.consensus import effects_over_models, pairs_over_models

NAMES = [{"A": "A", "B": "B"}, {"X": "A", "B": "B"}, {"A": "A"}]


def between(*rows):
    return pd.DataFrame(rows, columns=["from", "to", "height"])


def test_pairs_are_matched_by_the_names_of_the_consensus():
    tables = [
        between(("A", "B", 1.0), ("B", "A", np.nan)),
        between(("X", "B", 3.0), ("B", "other", 9.0)),
        between(("A", "C", 7.0)),
    ]
    found = pairs_over_models(tables, NAMES, "height")
    assert found[["from", "to", "height", "n_models"]].to_numpy().tolist() == [["A", "B", 2.0, 2]]
    reach = 6.313751514675041 * np.sqrt(2) * np.sqrt(2 / 2)  # Student's t with one degree of freedom at 95 %
    assert found.loc[0, "high"] == pytest.approx(2 + reach)
    assert pairs_over_models([between(), between()], NAMES[:2], "height").empty
    geometric = pairs_over_models(
        [between(("A", "B", 1.0)), between(("X", "B", 4.0))], NAMES[:2], "height", logarithmic=True
    )
    assert geometric.loc[0, "height"] == pytest.approx(2)


def test_effects_have_the_rate_of_sign_errors_of_the_rule_of_succession():
    changes = [
        pd.Series({"A": -0.4, "B": 0.2, "other": 0.2}),
        pd.Series({"X": -0.2, "B": -0.1, "other": 0.3}),
        pd.Series({"A": -0.3, "C": 0.3, "other": 0.0}),
    ]
    names = [*NAMES[:2], {"A": "A", "C": "C"}]
    found = effects_over_models(changes, names)
    assert found["change"].to_dict() == pytest.approx({"A": -0.3, "B": 0.05, "C": 0.3, "other": 0.5 / 3})
    assert found["n_models"].to_dict() == {"A": 3, "B": 2, "C": 1, "other": 3}
    assert found.loc["A", "lfsr"] == pytest.approx(1 / 5)
    assert found.loc["B", "lfsr"] == pytest.approx(2 / 4)
    assert found.loc["other", "lfsr"] == pytest.approx(2 / 5)
    assert np.isnan(found.loc["C", ["lfsr", "low"]].to_numpy(dtype=float)).all()

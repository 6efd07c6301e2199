"""The circuit with its truth: what holds in it, and that a rewired one does not pass."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from landscape.assays.card import card, card_table
from landscape.assays.rewires import rewired


@pytest.mark.parametrize("name", ["recall", "canalisation", "constraint", "noise", "multiplexing"])
def test_supported_with_the_truth(findings, name):
    found = findings[name]
    assert found.verdict == "supported", (found.value, found.null_low, found.null_high)
    assert np.isfinite([found.low, found.high, found.null_low, found.null_high]).all()


def test_inputs_that_turn_a_fate_are_the_single_interventions_of_the_circuit(findings):
    """The exact list by enumeration of the Boolean circuit: held and released, every run ends in the target."""
    found = findings["plasticity"]
    assert found.verdict == "supported"
    assert found.value == pytest.approx(4 / 12)
    table = found.details["inputs"]
    seen = {
        (row["from"], row["to"], row["gene"], "+" if row["largest"] > 0 else "-") for row in table.to_dict("records")
    }
    ery, mega, mono, gran = "erythrocyte", "megakaryocyte", "monocyte", "granulocyte"
    assert seen == {
        (ery, mega, "Eklf", "-"), (ery, mega, "Fli1", "+"), (mega, ery, "Eklf", "+"), (mega, ery, "Fli1", "-"),
        (mono, gran, "Pu1", "-"), (mono, gran, "cJun", "-"), (mono, gran, "EgrNab", "-"), (mono, gran, "Gfi1", "+"),
        (gran, mono, "EgrNab", "+"), (gran, mono, "Gfi1", "-"),
    }  # fmt: skip
    assert (table["kind"] == "fold").all()  # valleys vanish, they do not split


def test_two_stable_states_are_never_reached(findings):
    """Six fixed points, of which four are reached from the progenitor (Krumsiek et al. 2011)."""
    found = findings["latent attractors"]
    assert (found.verdict, found.value) == ("supported", 2)
    on = {frozenset(row.index[row > 0.5]) for _, row in found.details["states"].drop(columns="percentile").iterrows()}
    assert on == {frozenset(), frozenset({"Pu1", "cJun", "EgrNab"})}


def test_what_one_genome_cannot_show_points_at_the_simulation(findings):
    table = card_table(list(findings.values()))
    for name in ("Hebbian weights", "connection cost", "varying goals", "credit assignment", "artificial encodings"):
        assert table.loc[name, "verdict"] == "not testable here"
        assert "simulated, not inferred" in table.loc[name, "reason"]
    assert "out of scope" in table.loc["morphogenesis", "reason"]
    # Never a number without its null.
    known = table[table["value"].notna()]
    assert known[["null_low", "null_high"]].notna().all(axis=None)
    assert (known["null"] != "").all()


@pytest.mark.slow
def test_a_rewired_circuit_is_rarely_supported(krumsiek):
    """At most a tenth of the rows that have a verdict, over 20 rewires: the null is made of networks like them."""
    verdicts: Counter[str] = Counter()
    for k in range(20):
        model = rewired(krumsiek.model, krumsiek.cells, np.random.default_rng((1, k)))
        verdicts.update(
            one.verdict for one in card(replace(krumsiek, model=model), rng=k) if one.verdict != "not testable here"
        )
    assert verdicts["supported"] <= 0.1 * verdicts.total(), verdicts

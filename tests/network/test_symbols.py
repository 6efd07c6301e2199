from __future__ import annotations

import pytest

from landscape import network
from landscape.network.data.symbols import ALIASES, is_ensembl, species_of


@pytest.mark.parametrize(
    ("names", "species"),
    [
        (["GATA1", "SPI1", "C1orf112", "MT-ND1"], "human"),
        (["Gata1", "Spi1", "0610007P14Rik", "mt-Nd1"], "mouse"),
        (["ENSG00000102145", "ENSG00000066336.13"], "human"),
        (["ENSMUSG00000031162", "ENSMUSG00000002111"], "mouse"),
    ],
)
def test_species_of_names(names, species):
    assert network.detect_species(names) == species


def test_unclear_names_are_an_error_with_examples():
    with pytest.raises(ValueError, match=r"names such as \['g1', 'g2', 'g3'\]"):
        network.detect_species(["g1", "g2", "g3"])
    assert species_of(["g1", "g2"]) is None


def test_old_symbols_and_letter_case_match():
    found = network.match(["Spi1", "GATA1", "Tcf3", "Nothing"], ["Sfpi1", "Gata1", "Tcfe2a", "Klf1"])
    assert found == {"Spi1": 0, "GATA1": 1, "Tcf3": 2}


def test_an_exact_name_wins_over_an_alias():
    assert network.match(["Spi1"], ["Sfpi1", "Spi1"]) == {"Spi1": 1}


def test_aliases_lead_to_current_symbols_in_one_step():
    assert not set(ALIASES.values()) & set(ALIASES)
    assert all(name == name.lower() for name in [*ALIASES, *ALIASES.values()])


def test_ensembl_ids_are_recognised():
    assert is_ensembl(["ENSMUSG00000031162", "ENSMUSG00000002111", "x"])
    assert not is_ensembl(["Gata1", "Spi1"])

from __future__ import annotations

import pytest

from landscape.datasets.symbols import are_ensembl, current_symbols, guess_species


@pytest.mark.parametrize(
    ("names", "species"),
    [
        (["Gata1", "Hbb-b1", "0610007P14Rik", "mt-Co1", "Trp53"], "mouse"),
        (["GATA1", "HLA-DRA", "C1orf43", "MT-CO1", "TP53"], "human"),
        (["ENSMUSG00000031162", "ENSMUSG00000000001.4"], "mouse"),
        (["ENSG00000102145"], "human"),
        (["ENSDARG00000102145"], None),
        (["Gata1", "GATA1"], None),
        (["gene_1", "gene_2"], None),
        ([], None),
    ],
)
def test_species(names, species):
    assert guess_species(names) == species


def test_aliases():
    assert current_symbols(["Sfpi1", "Klf1", "Eklf"], species="mouse") == ["Spi1", "Klf1", "Eklf"]
    assert current_symbols(["SFPI1", "EKLF"], species="human") == ["SPI1", "KLF1"]


def test_ensembl():
    assert are_ensembl(["ENSG00000102145", "ENSMUSG00000031162.3", "Gata1"])
    assert not are_ensembl(["Gata1"])
    assert not are_ensembl([])

from __future__ import annotations

import numpy as np
import pytest
from anndata import AnnData

import landscape as ls


def data(*genes):
    adata = AnnData(np.ones((4, len(genes))))
    adata.var_names = list(genes)
    return adata


def test_given_symbols_in_the_order_of_the_genes():
    adata = data("Actb", "Gata1", "Sfpi1", "Klf1")
    assert ls.pp.find_regulators(adata, regulators=["Klf1", "Gata1", "Absent"]) == ["Gata1", "Klf1"]


@pytest.mark.parametrize(("gene", "listed"), [("Sfpi1", "Spi1"), ("Spi1", "Sfpi1"), ("SFPI1", "SPI1")])
def test_superseded_symbols_are_resolved_on_both_sides(gene, listed):
    assert ls.pp.find_regulators(data(gene), regulators=[listed]) == [gene]


def test_a_superseded_symbol_beside_its_heir_is_another_gene():
    assert ls.pp.find_regulators(data("Spi1", "Sfpi1", "Actb"), regulators=["Spi1"]) == ["Spi1"]


def test_the_column_comes_first():
    adata = data("Actb", "Gata1", "Klf1")
    adata.var["regulator"] = [True, False, False]
    assert ls.pp.find_regulators(adata) == ["Actb"]
    assert ls.pp.find_regulators(adata, regulators=["Klf1"]) == ["Klf1"]
    adata.var["regulator"] = False
    with pytest.raises(ValueError, match=r"Expected booleans with some true in `adata.var\['regulator'\]`"):
        ls.pp.find_regulators(adata)


def test_species_by_the_way_of_writing(data_dir):
    assert ls.pp.find_regulators(data("Gata1", "Actb", "Hbb-b1")) == ["Gata1"]
    assert ls.pp.find_regulators(data("GATA1", "ACTB", "C1orf43")) == ["GATA1"]


@pytest.mark.parametrize(
    ("genes", "regulators", "message"),
    [
        (("ENSG00000102145", "ENSG00000075624.17"), None, r"Ensembl identifiers .*pass `regulators=\[...\]`"),
        (("geneA1x", "x_2", "?"), None, "of no known species"),
        (("Gata1", "Actb"), ["GATA1", "SPI1"], "The genes look like mouse symbols, the regulators like human"),
        (("Gata1", "Actb"), ["Sox2"], r"None of 1 regulators \(for instance \['Sox2'\]\)"),
    ],
)
def test_nothing_found(genes, regulators, message):
    with pytest.raises(ValueError, match=message):
        ls.pp.find_regulators(data(*genes), regulators=regulators)


def test_one_name_is_no_list():
    with pytest.raises(TypeError, match=r"pass `regulators=\['Gata1'\]`"):
        ls.pp.find_regulators(data("Gata1"), regulators="Gata1")

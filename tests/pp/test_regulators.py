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


def test_species_by_the_way_of_writing():
    assert ls.pp.find_regulators(data("Gata1", "Actb", "Hbb-b1")) == ["Gata1"]
    assert ls.pp.find_regulators(data("GATA1", "ACTB", "C1orf43")) == ["GATA1"]


@pytest.mark.parametrize(
    ("genes", "regulators", "message"),
    [
        (
            ("ENSG00000075624.17", "ENSG00000000003"),
            None,
            "Expected human transcription factors among 2 genes, found none",
        ),
        (("Actb", "Gapdh"), "tf+cofactors", "Expected mouse transcription factors or cofactors"),
        (("geneA1x", "x_2", "?"), None, "of no known species"),
        (("Gata1", "Actb"), ["GATA1", "SPI1"], "The genes look like mouse symbols, the regulators like human"),
        (("Gata1", "Actb"), ["Sox2"], r"None of 1 regulators \(for instance \['Sox2'\]\)"),
    ],
)
def test_nothing_found(genes, regulators, message):
    with pytest.raises(ValueError, match=message):
        ls.pp.find_regulators(data(*genes), regulators=regulators)


def test_ensembl_ids_are_looked_up():
    assert ls.pp.find_regulators(data("ENSG00000102145", "ENSG00000075624.17")) == ["ENSG00000102145"]
    assert ls.pp.find_regulators(data("ENSMUSG00000031162.12", "ENSMUSG00000029580")) == ["ENSMUSG00000031162.12"]


def test_symbols_are_looked_up_beside_ensembl_ids():
    adata = data("ENSMUSG00000031162", "ENSMUSG00000029580", "ENSMUSG00000002111")
    adata.var["gene_symbols"] = ["Gata1", "Actb", "Sfpi1"]
    assert ls.pp.find_regulators(adata, regulators=["Spi1", "Gata1"]) == ["ENSMUSG00000031162", "ENSMUSG00000002111"]
    assert ls.pp.find_regulators(adata, regulators=["ENSMUSG00000031162"]) == ["ENSMUSG00000031162"]


def test_tiers():
    adata = data("Gata1", "Lmo2", "Ezh2", "Rpl6", "Canx", "Tpi1", "Actb")
    assert ls.pp.find_regulators(adata) == ls.pp.find_regulators(adata, regulators="tf") == ["Gata1"]
    assert ls.pp.find_regulators(adata, regulators="tf+cofactors") == ["Gata1", "Lmo2", "Ezh2"]
    adata.var["regulator"] = adata.var_names == "Actb"
    assert ls.pp.find_regulators(adata, regulators="tf") == ["Gata1"]


def test_a_list_serves_for_any_species():
    genes = ("gata1a", "spi1b", "zgc:174710", "hbae1.1")
    assert ls.pp.find_regulators(data(*genes), regulators=["spi1b", "gata1a"]) == ["gata1a", "spi1b"]
    with pytest.raises(ValueError, match="for another species pass"):
        ls.pp.find_regulators(data(*genes), species="zebrafish")


@pytest.mark.parametrize("name", ["Gata1", "TF", "Gata1,Spi1", ""])
def test_a_string_is_a_tier_or_refused_and_never_read_by_letter(name):
    adata = data("Gata1", "G", "a", "t", "1")
    for call in (
        lambda: ls.pp.find_regulators(adata, regulators=name),
        lambda: ls.pp.select_genes(adata, regulators=name, layer=None),
        lambda: ls.tl.network(adata, regulators=name, layer=None),
        lambda: ls.run(adata, regulators=name, layer=None),
    ):
        with pytest.raises(TypeError, match=r"'tf', 'tf\+cofactors' or a list of symbols, found the string"):
            call()


# Regulators that experts of each tissue expect, of those that are among the genes of the data set.
EXPECTED = {
    "paul15": "Gata1 Gata2 Sfpi1 Cebpa Cebpe Irf8 Gfi1 Gfi1b Klf1 Fli1 Meis1 Runx1 Tal1 Lyl1 Nfe2 Myb Ikzf1 Etv6 Zfpm1 Zbtb16 Csda",
    "pancreas": "Neurog3 Arx Pax4 Pax6 Nkx6-1 Nkx2-2 Pdx1 Isl1 Mafb Fev Insm1 Rfx6 Sox9 Hes1 St18 Foxa2 Hhex Glis3",
    "tusi2018": "Gata1 Spi1 Cebpa Ebf1 Bcl11b Irf8 Gfi1 Klf1 Fli1 Mecom Meis1 Mitf Mef2c Nfe2 Tal1 Hlf Erg",
    "schiebinger2019": "Nanog Sox2 Myc Neurod1 Ascl1 T Zscan4c Prrxl1",
    "cardio": "GATA4 SNAI2 ZBED9 GATA3 STAT5B IRX5",
    "dentate_gyrus": "Bcl11b Nfib Myt1l Tcf4",
}


@pytest.mark.parametrize("name", EXPECTED)
def test_default_regulators_of_real_cells(name, data_dir):
    adata = getattr(ls.datasets, name)()
    found = ls.pp.find_regulators(adata)
    assert set(EXPECTED[name].split()) <= set(found)
    both = ls.pp.find_regulators(adata, regulators="tf+cofactors")
    assert {"Lmo2", "Ezh2", "Id2"} & set(adata.var_names) <= set(both) - set(found)
    wrong = {
        "Canx",
        "Hspa5",
        "P4hb",
        "Rpl6",
        "Rpl35",
        "Tpi1",
        "Pkm",
        "Arg1",
        "Odc1",
        "Elane",
        "Mpo",
        "Ltf",
        "Rps10",
        "Uqcrb",
    }
    assert not wrong & set(both)

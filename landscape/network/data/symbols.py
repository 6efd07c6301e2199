"""Gene names: their species, superseded symbols, and the matching of two lists of names.

The names of protein-coding genes and the superseded symbols of regulators are files beside this module, made from HGNC, MGI and
GENCODE by ``data/make_regulators.py``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from typing import Literal

Species = Literal["human", "mouse"]
SPECIES: tuple[Species, Species] = ("human", "mouse")

#: Share of the names that must be symbols of a species. Whole annotations and data sets of counts of human and mouse have .84 and
#: more, old symbols included; zebrafish that is written in capitals has .46, fruit flies .06, worms 0.
MIN_SHARE = 2 / 3
#: Share from which a second species is in the data as well; between human and mouse, less than 0.2 % agree by chance.
MIXED_SHARE = 0.1

_ENSEMBL = re.compile(r"^ENS(MUS)?G\d{6,}(\.\d+)?$")
#: Least share of the names that are symbols at all, a third of those of an annotation with all of its clones and non-coding RNA.
SYMBOL_SHARE = 0.1

# Names that are no symbols: clones, accessions, non-coding RNA and spike-ins, which most lists of genes hold.
_NO_SYMBOL = re.compile(
    r"^(ENS[A-Z]*[GT]\d|A[A-Z]\d{6}|B[CX]\d{6}|C[RTU]\d{6}|LOC\d|LINC\d|RP\d+-|CT[ABCD]-|CH\d+-|MIR\d|SNOR|RN[UY7]\w*\d|RNA5|Y_RNA|U\d+$|ERCC-|"
    r"Gm\d|Mir\d|Snor|Rn\w*\d+s|n-R|5S_|7SK)|^[A-Z]{1,2}\d{5,8}\.\d+$|Rik\d*$|-(AS|DT|IT|OT|PS|ps)\d*$",
)
# Names that one annotation alone uses, of human or mouse and of other mammals, whose genes are called as those of human and mouse.
_OWN = {"human": re.compile(r"^(HLA-|LINC\d|C\d+orf\d)"), "mouse": re.compile(r"^(Gm\d+$|H2-|mt-)|Rik$")}
_FOREIGN = re.compile(
    r"^(ENS(?!G\d|MUSG\d)[A-Z]+G\d{6}|RGD\d+|AABR\d|RT1-|Mt-[a-z]|SLA-|Mamu-|Patr-|BoLA-|BOLA-|DLA-|C\d+H\d+orf\d)"
)
# How names of other species look, for the message only.
_OTHERS = {
    "rat": r"^(ENSRNOG\d|RGD\d|AABR\d|RT1-|Mt-)",
    "zebrafish": r"^(ENSDARG\d|si:|zgc:|[a-z]{2,6}\d+[ab]$)",
    "fruit fly": r"^(FBgn\d|CG\d+$|CR\d+$|mt:|[A-Z][a-z]*\([0-9A-Za-z]+\))",
    "Caenorhabditis": r"^(WBGene\d|[a-z]{3,4}-\d|[A-Z]\w+\.\d+[a-z]?$)",
    "yeast": r"^(Y[A-P][LR]\d{3}[WC]|Q0\d{3}$|SP[ABC]C)",
    "Arabidopsis": r"^AT[1-5CM]G\d{5}",
    "chicken": r"^ENSGALG\d",
    "pig": r"^(ENSSSCG\d|SLA-)",
    "macaque": r"^(ENSM[MF]\w*G\d|Mamu-)",
}


@cache
def coding_genes(species: Species) -> frozenset[str]:
    """Symbols of the protein-coding genes of a species."""
    return frozenset(_lines(f"genes_{species}.txt"))


@cache
def superseded(species: Species) -> dict[str, str]:
    """Current symbol of regulators by their superseded ones, which are in lower case.

    A name that is, or was, also that of another gene (Sf1, Nrf1, Dec1, Ttf1, Stra13) is left out.
    """
    rows = (line.split("\t") for line in _lines("superseded.tsv"))
    return {old: new for of, old, new in rows if of == species}


@cache
def aliases() -> dict[str, str]:
    """Superseded symbols of regulators of both species and the name by which genes are compared, all in lower case."""
    human = {old: new.lower() for old, new in superseded("human").items()}
    mouse = {old: human.get(new.lower(), new.lower()) for old, new in superseded("mouse").items()}
    return mouse | human


def _lines(name: str) -> list[str]:
    return files("landscape.network.data").joinpath(name).read_text(encoding="utf-8").splitlines()


def detect_species(names: Iterable[str]) -> Species:
    """Species of gene names: human (``GATA1``) or mouse (``Gata1``).

    Ensembl ids count by their prefix. Symbols are looked up among those of the protein-coding genes of both species, as they are
    written; two thirds must be found. A few of them are symbols of other kingdoms by chance (HSF1, GATA2 of plants), most are not.
    Clones, accessions and non-coding RNA do not count.

    Raises
    ------
    ValueError
        If the names are of no species, of both, or of another one.
    """
    names = list(map(str, names))
    prefixes = [_ENSEMBL.match(name) for name in names]
    ids = {"human": sum(p is not None and p.group(1) is None for p in prefixes)}
    ids["mouse"] = sum(p is not None and p.group(1) is not None for p in prefixes)
    distinct = set(names)
    known = {s: {name for name in distinct if _is_symbol(name, s)} for s in SPECIES}
    found = {s: len(known[s]) for s in SPECIES}
    symbols = known["human"] | known["mouse"] | {name for name in distinct if _may_be_symbol(name)}
    foreign = sum(_FOREIGN.match(name) is not None for name in names)
    of_ids = sum(ids.values()) > len(names) / 2
    counts, total = (ids, len(names)) if of_ids else (found, len(symbols))
    species, other = sorted(SPECIES, key=lambda s: -counts[s])
    own = counts[species] if of_ids else sum(_OWN[species].search(name) is not None for name in names)
    enough = counts[species] >= MIN_SHARE * total and total >= SYMBOL_SHARE * len(distinct)
    if total and enough and counts[other] < MIXED_SHARE * total and foreign <= own:
        return species
    what = f"{counts['human']} of {total} are symbols or ids of human genes, {counts['mouse']} of mouse genes"
    if total and min(counts.values()) >= MIXED_SHARE * total:
        what += "; keep the genes of one of them"
    elif foreign > own:
        what += f", and {foreign} are names that only other species have, such as {next(filter(_FOREIGN.match, names))}"
    if looks := _looks_like(names):
        what += f"; they look like those of {looks}"
    msg = (
        f"Expected human (GATA1) or mouse (Gata1) gene symbols or Ensembl ids, found names such as {names[:3]}, which are of no "
        f"known species: {what}. There are lists of regulators of human and mouse only: pass `regulators=[...]`, in a run "
        "`--regulators FILE`, with the transcription factors of your species written as in `adata.var_names`, or set "
        "`adata.var['regulator']`; AnimalTFDB, PlantTFDB and YEASTRACT have lists."
    )
    raise ValueError(msg)


def _is_symbol(name: str, species: Species) -> bool:
    """Whether it is a current symbol of a coding gene, or a superseded one of a regulator, as the species writes it."""
    if name in coding_genes(species):
        return True
    written = name == (name.upper() if species == "human" else name.capitalize())
    return written and name.lower() in superseded(species)


def _may_be_symbol(name: str) -> bool:
    """Whether it may be a symbol: no clone, accession or non-coding RNA, and no pseudogene of a human gene (RPL23AP21)."""
    parent = re.fullmatch(r"(\w+)P\d+", name)
    return not _NO_SYMBOL.search(name) and not (parent and parent[1] in coding_genes("human"))


def _looks_like(names: Sequence[str]) -> str | None:
    shares = {other: sum(re.match(p, name) is not None for name in names) for other, p in _OTHERS.items()}
    most = max(shares, key=lambda other: shares[other])
    return most if shares[most] >= 0.1 * len(names) > 0 else None


def species_of(names: Iterable[str]) -> Species | None:
    """Species of gene names, ``None`` if :func:`detect_species` finds none."""
    try:
        return detect_species(names)
    except ValueError:
        return None


def other_species(given: Sequence[str], names: Sequence[str]) -> tuple[Species, Species] | None:
    """Species of the given names and of the data's names, if both are clear and differ; otherwise ``None``."""
    theirs, ours = species_of(given), species_of(names)
    return None if theirs is None or ours is None or theirs == ours else (theirs, ours)


def is_ensembl(names: Iterable[str]) -> bool:
    """Whether most names are human or mouse Ensembl gene ids."""
    names = list(names)
    return bool(names) and sum(_ENSEMBL.match(str(name)) is not None for name in names) > len(names) / 2


def canonical(name: str) -> str:
    """Current symbol of a gene in lower case: the key by which names are compared."""
    key = name.strip().lower()
    return aliases().get(key, key)


def current_symbols(names: Iterable[str], *, species: Species) -> list[str]:
    """Current symbol for each name of a species; a name is kept if it is current, or if its current symbol is among the names."""
    names = list(names)
    present, known = set(names), superseded(species)
    found = [known.get(name.lower(), name) for name in names]
    return [new if new not in present else name for name, new in zip(names, found, strict=True)]


def match(wanted: Iterable[str], names: Sequence[str]) -> dict[str, int]:
    """Find genes among names: first the exact name, then superseded symbols, whatever the letter case.

    Returns
    -------
    Position in ``names`` of every gene that was found.
    """
    exact = {name: i for i, name in enumerate(names)}
    by_symbol: dict[str, int] = {}
    for i, name in enumerate(names):
        by_symbol.setdefault(canonical(name), i)
    found: dict[str, int] = {}
    for gene in wanted:
        position = exact.get(gene, by_symbol.get(canonical(gene)))
        if position is not None:
            found[gene] = position
    return found

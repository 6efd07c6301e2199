"""Gene names: their species, aliases, and the matching of two lists of names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Literal

Species = Literal["human", "mouse"]

_ENSEMBL = re.compile(r"^ENS(MUS)?G\d{6,}(\.\d+)?$")
#: Share of the names that must follow the pattern of a species.
MIN_NAMES = 0.6
#: Former or colloquial symbols of regulators and the current symbol of the same gene, all in lower case. Former symbols
#: that now denote another gene (Sf1, Nrf1, Dec1, Ttf1, Stra13) are left out. Both sides of a match are translated, so that
#: it does not matter which of the two symbols a list uses.
ALIASES: dict[str, str] = {
    "sfpi1": "spi1", "pu1": "spi1", "pu.1": "spi1", "eklf": "klf1", "scl": "tal1", "evi1": "mecom", "mds1": "mecom",
    "mll": "kmt2a", "mll1": "kmt2a", "mll3": "kmt2c", "mll5": "kmt2e", "aml1": "runx1", "cbfa1": "runx2",
    "cbfa2": "runx1", "oct4": "pou5f1", "oct3": "pou5f1", "oct1": "pou2f1", "oct2": "pou2f2", "brn2": "pou3f2",
    "brn3a": "pou4f1", "ngn1": "neurog1", "ngn2": "neurog2", "ngn3": "neurog3", "mash1": "ascl1", "mash2": "ascl2",
    "math1": "atoh1", "math5": "atoh7", "beta2": "neurod1", "blimp1": "prdm1", "helios": "ikzf2", "ikaros": "ikzf1",
    "aiolos": "ikzf3", "znfn1a1": "ikzf1", "zfpn1a1": "ikzf1", "zfpn1a2": "ikzf2", "zfpn1a3": "ikzf3",
    "tcfe2a": "tcf3", "e2a": "tcf3", "tcfe3": "tfe3", "tcfeb": "tfeb", "tcfec": "tfec", "tcfap2a": "tfap2a",
    "tcfap2b": "tfap2b", "tcfap2c": "tfap2c", "tcfap2d": "tfap2d", "tcfap2e": "tfap2e", "tcfap4": "tfap4",
    "tcfcp2": "tfcp2", "tcfcp2l1": "tfcp2l1", "tcf8": "zeb1", "zfhx1a": "zeb1", "zfhx1b": "zeb2", "bhlhb2": "bhlhe40",
    "bhlhb3": "bhlhe41", "bhlhb4": "bhlhe23", "bhlhb5": "bhlhe22", "bhlhb8": "bhlha15", "mist1": "bhlha15",
    "dec2": "bhlhe41", "cutl1": "cux1", "cutl2": "cux2", "cart1": "alx1",
    "fkhr": "foxo1", "nrf2": "nfe2l2", "bmal1": "arntl", "bmal2": "arntl2", "p53": "tp53",
    "trp53": "tp53", "trp63": "tp63", "trp73": "tp73", "p63": "tp63", "p73": "tp73", "t": "tbxt", "brachyury": "tbxt",
    "lrf": "zbtb7a", "whsc1": "nsd2", "gata1s": "gata1", "cmyc": "myc", "nmyc": "mycn", "nmyc1": "mycn",
    "lmyc1": "mycl", "mycl1": "mycl", "hnf3a": "foxa1", "hnf3b": "foxa2", "hnf4": "hnf4a", "vhnf1": "hnf1b",
    "tcf2": "hnf1b", "ipf1": "pdx1", "nkx2.5": "nkx2-5", "titf1": "nkx2-1", "csx": "nkx2-5",
    "hif1": "hif1a", "gcr": "nr3c1", "grl1": "nr3c1", "esr": "esr1", "rarg1": "rarg", "dax1": "nr0b1",
    "coup-tf1": "nr2f1", "lrh1": "nr5a2", "nurr1": "nr4a2", "nur77": "nr4a1", "errb": "esrrb",
    "rbpsuh": "rbpj", "csl": "rbpj", "yb1": "ybx1", "plzf": "zbtb16", "zfp145": "zbtb16", "gfi-1": "gfi1",
    "cebp1": "cebpe", "chop": "ddit3", "gadd153": "ddit3", "chop10": "ddit3", "nfil6": "cebpb", "fli-1": "fli1",
}  # fmt: skip


def detect_species(names: Sequence[str]) -> Species:
    """Species of gene names, from Ensembl prefixes or letter case (human ``GATA1``, mouse ``Gata1``).

    Raises
    ------
    ValueError
        If most names follow neither pattern.
    """
    ensembl = [_ENSEMBL.match(name) for name in names]
    if sum(match is not None for match in ensembl) > len(names) / 2:
        mouse = sum(match is not None and match.group(1) is not None for match in ensembl)
        return "mouse" if mouse > len(names) / 4 else "human"
    lettered = [
        name for name in names if len(re.sub(r"[^A-Za-z]", "", name)) > 1 and not name.lower().startswith("mt-")
    ]
    capitals = sum(name == name.upper() or re.fullmatch(r"C\d+orf\d+", name) is not None for name in lettered)
    capitalised = sum(name[0].isupper() and name != name.upper() for name in lettered)
    if lettered and capitals > MIN_NAMES * len(lettered):
        return "human"
    if lettered and capitalised > MIN_NAMES * len(lettered):
        return "mouse"
    msg = (
        "Expected human (GATA1) or mouse (Gata1) gene symbols or Ensembl ids, found names such as "
        f"{list(names[:3])}; name the regulators with `regulators=` or in `adata.var['regulator']`."
    )
    raise ValueError(msg)


def species_of(names: Sequence[str]) -> Species | None:
    """Species of gene names, ``None`` if :func:`detect_species` finds none."""
    try:
        return detect_species(names)
    except ValueError:
        return None


def other_species(given: Sequence[str], names: Sequence[str]) -> tuple[Species, Species] | None:
    """Species of the given names and of the data's names, if both are clear and differ; otherwise ``None``."""
    theirs, ours = species_of(given), species_of(names)
    return None if theirs is None or ours is None or theirs == ours else (theirs, ours)


def is_ensembl(names: Sequence[str]) -> bool:
    """Whether most names are human or mouse Ensembl gene ids."""
    return sum(_ENSEMBL.match(name) is not None for name in names) > len(names) / 2


def canonical(name: str) -> str:
    """Current symbol of a gene in lower case: the key by which names are compared."""
    key = name.strip().lower()
    return ALIASES.get(key, key)


def match(wanted: Iterable[str], names: Sequence[str]) -> dict[str, int]:
    """Find genes among names: first the exact name, then aliases, whatever the letter case.

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

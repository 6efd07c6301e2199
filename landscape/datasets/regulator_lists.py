"""Lists of regulators: transcription factors, and transcription cofactors as a second tier."""

from __future__ import annotations

import gzip
import io
import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

import pandas as pd

from landscape.datasets._files import fetch
from landscape.datasets._registry import entry

SPECIES = ("mouse", "human")
TIERS = ("tf", "tf+cofactors")
SOURCES = ("curated", "pyscenic")
#: Families that are never regulators by default: ribosome, respiratory chain, chaperones, proteasome, translation, histones, glycolysis
#: and citrate cycle, keratins, collagens, haemoglobins. Compared with symbols in capitals.
NEVER = re.compile(
    r"^(M?RP[LS]P?\d|RPLP\d|RPSA|FAU$|UBA52$|NDUF|UQCR|COX\d|ATP5|MT-|HSP|DNAJ|CCT\d|CALR|CANX|P4HB|PDIA|PPI[A-H]$|PSM[A-G]\d|EIF\d|"
    r"EEF\d|H[1234]C\d|HIST|GAPDH|PKM|PGK\d|PGAM|TPI1|ENO\d|ALDO|LDH|HK\d|PFK|IDH|MDH|KRT\d|COL\d|HB[ABEGZ])"
)


def regulators(species: str, *, tier: str = "tf", source: str = "curated") -> list[str]:
    """Symbols of the regulators of a species, sorted.

    Parameters
    ----------
    species
        ``"mouse"`` or ``"human"``.
    tier
        ``"tf"``: transcription factors that bind specific sequences. ``"tf+cofactors"``: and transcription cofactors, see
        :func:`regulator_table`.
    source
        ``"curated"``: the lists that the package holds. ``"pyscenic"``: the wider lists of pySCENIC, without tiers; that of the mouse
        was made by keywords and holds ribosomal proteins, chaperones and enzymes.

    Returns
    -------
    Current symbols (those of pySCENIC: as in its files), each once.

    Raises
    ------
    FileNotFoundError, ConnectionError
        If the list of pySCENIC is not available; the curated ones always are.
    """
    require_species(species)
    _require(source in SOURCES, f"Expected `source` to be one of {list(SOURCES)}, found {source!r}.")
    _require(tier in TIERS, f"Expected `tier` to be one of {list(TIERS)}, found {tier!r}.")
    if source == "pyscenic":
        _require(tier == "tf", "The lists of pySCENIC have no cofactors; pass `source='curated'`.")
        content = fetch(entry(f"regulators_{species}_pyscenic")).read_bytes()
        text = gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
        return sorted(set(text.decode("utf-8").split()))
    table = regulator_table(species)
    return list(table.index if tier == "tf+cofactors" else table.index[table["tier"] == "tf"])


def regulator_table(species: str) -> pd.DataFrame:
    """Curated regulators of a species: transcription factors and transcription cofactors.

    Human transcription factors are those of Lambert et al. (2018), those of the mouse are of AnimalTFDB 3 as far as the human gene, where
    there is one, is in Lambert et al. too. Cofactors are families of coactivators, corepressors and regulators of chromatin
    (Mediator, SWI/SNF, Polycomb, histone acetyltransferases, Groucho, LIM domain, inhibitors of DNA binding, ...). Members of these
    families count as cofactors even where a list of transcription factors has them. Symbols are those of HGNC and MGI of July 2024.

    Parameters
    ----------
    species
        ``"mouse"`` or ``"human"``.

    Returns
    -------
    Table indexed by symbol: ``ensembl`` (gene id, empty where there is none), ``tier`` (``"tf"`` or ``"cofactor"``), ``family`` (of a
    cofactor).

    References
    ----------
    Lambert et al. (2018), *Cell* 172, 650. https://doi.org/10.1016/j.cell.2018.01.029

    Hu et al. (2019), *Nucleic Acids Research* 47, D33. https://doi.org/10.1093/nar/gky822
    """
    require_species(species)
    return _table(species).copy()


def require_species(species: str) -> None:
    """Refuse a species of which there are no data.

    Raises
    ------
    ValueError
        If it is neither mouse nor human.
    """
    _require(species in SPECIES, f"Expected `species` to be one of {list(SPECIES)}, found {species!r}.")


def require_tier(regulators: str) -> str:
    """The name of a tier of regulators.

    Raises
    ------
    TypeError
        If it is another string: a single symbol is no list.
    """
    if regulators not in TIERS:
        msg = (
            f"Expected `regulators` to be 'tf', 'tf+cofactors' or a list of symbols, found the string {regulators!r}; for a list of one "
            f"pass `regulators=[{regulators!r}]`."
        )
        raise TypeError(msg)
    return regulators


def is_tier(regulators: str | Sequence[str] | None) -> bool:
    """Whether regulators are left to a list of the species, ``None`` or the name of a tier, and not named one by one."""
    return regulators is None or (isinstance(regulators, str) and bool(require_tier(regulators)))


@cache
def _table(species: str) -> pd.DataFrame:
    text = files("landscape.datasets").joinpath(f"regulators_{species}.tsv").read_text(encoding="utf-8")
    table = pd.read_csv(io.StringIO(text), sep="\t", keep_default_na=False, dtype=str).set_index("symbol")
    return table[[NEVER.match(symbol.upper()) is None for symbol in table.index]]


def _require(condition: bool, message: str) -> None:  # noqa: FBT001
    if not condition:
        raise ValueError(message)

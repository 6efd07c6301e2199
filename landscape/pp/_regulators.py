"""Regulators among the genes of a data set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from anndata import AnnData

from landscape import _keys
from landscape._anndata import require_adata
from landscape.datasets.regulator_lists import SPECIES, regulator_table, require_tier
from landscape.network.data.symbols import Species, current_symbols, detect_species, is_ensembl, species_of
from landscape.pp.features import is_gene
from landscape.pp.gene_names import names_like


def find_regulators(
    adata: AnnData, *, regulators: Sequence[str] | str | None = None, species: str | None = None
) -> list[str]:
    """Regulators among the genes of a data set, in the order of ``adata.var_names``.

    Parameters
    ----------
    adata
        Annotated data; it is not changed.
    regulators
        ``"tf"``: the transcription factors of the species. ``"tf+cofactors"``: and its transcription cofactors (chromatin regulators,
        coactivators and corepressors), see :func:`landscape.datasets.regulator_table`. Or symbols. ``None``: ``adata.var["regulator"]``
        where it exists, else ``"tf"``. Superseded symbols are resolved on both sides (Sfpi1 is Spi1), Ensembl ids of human and mouse are
        looked up.
    species
        ``"mouse"`` or ``"human"``; ``None``: that of the gene names, see :func:`landscape.network.detect_species`.

    Returns
    -------
    Names of the regulators, as the data write them.

    Raises
    ------
    TypeError
        If ``regulators`` is a string that names no tier.
    ValueError
        If no regulator is found, or if none is given and the genes are not those of human or mouse.
    """
    require_adata(adata)
    if species is not None and species not in SPECIES:
        msg = f"Expected `species` to be one of {list(SPECIES)}, found {species!r}; for another species pass `regulators=[...]`."
        raise ValueError(msg)
    names = adata.var_names[is_gene(adata)].astype(str).tolist()
    if regulators is None and _keys.REGULATOR in adata.var:
        mask = adata.var[_keys.REGULATOR]
        if mask.dtype != bool or not mask.any():
            msg = f"Expected booleans with some true in `adata.var[{_keys.REGULATOR!r}]`; pass `regulators=[...]`."
            raise ValueError(msg)
        return adata.var_names[mask.to_numpy()].astype(str).tolist()
    if regulators is None or isinstance(regulators, str):
        tier = require_tier("tf" if regulators is None else regulators)
        return _listed(names, tier, cast(Species, species) if species else detect_species(names))
    return _given(adata, list(regulators), cast(Species, species) if species else None)


def _listed(names: list[str], tier: str, species: Species) -> list[str]:
    """Names of the genes that are on the list of the species."""
    table = regulator_table(species)
    if tier == "tf":
        table = table[table["tier"] == "tf"]
    if is_ensembl(names):
        ids = set(table["ensembl"]) - {""}
        found = [name for name in names if name.partition(".")[0] in ids]
    else:
        found = _matching(names, list(table.index), species)
    if not found:
        what = "transcription factors" if tier == "tf" else "transcription factors or cofactors"
        msg = f"Expected {species} {what} among {len(names)} genes, found none (first genes: {names[:3]}); pass `regulators=[...]`."
        raise ValueError(msg)
    return found


def _given(adata: AnnData, regulators: list[str], species: Species | None) -> list[str]:
    """Names of the genes that are among the given ones; these may be symbols where the data have a column of them."""
    names = [str(name) for name in names_like(adata, regulators)]
    species = species or species_of(names)
    matching = set(_matching(names, regulators, species))
    found = [str(own) for own, name in zip(adata.var_names, names, strict=True) if name in matching]
    if not found:
        listed = species_of(regulators)
        differ = species is not None and listed is not None and listed != species
        writing = f" The genes look like {species} symbols, the regulators like {listed}." if differ else ""
        msg = (
            f"None of {len(regulators)} regulators (for instance {sorted(regulators)[:3]}) is among the genes (for instance "
            f"{names[:3]}).{writing} Pass `regulators=[...]` written as `adata.var_names`."
        )
        raise ValueError(msg)
    return found


def unknown_regulators(adata: AnnData, regulators: Sequence[str]) -> list[str]:
    """Given regulators for which :func:`find_regulators` finds no gene."""
    names = [str(name) for name in names_like(adata, regulators)]
    known = set(_matching(list(regulators), names, species_of(names)))
    return [name for name in regulators if name not in known]


def _matching(names: list[str], wanted: list[str], species: Species | None) -> list[str]:
    """Names that are wanted, by themselves or by their current symbols; of another species by themselves only."""
    if species is None:
        given = set(wanted)
        return [name for name in names if name in given]
    symbols = set(wanted) | set(current_symbols(wanted, species=species))
    current = current_symbols(names, species=species)
    return [name for name, now in zip(names, current, strict=True) if name in symbols or now in symbols]

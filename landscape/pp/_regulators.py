"""Regulators among the genes of a data set."""

from __future__ import annotations

from collections.abc import Sequence

from anndata import AnnData

from landscape import _keys
from landscape._anndata import require_adata
from landscape.datasets import regulators as listed_regulators
from landscape.datasets.symbols import are_ensembl, current_symbols, guess_species


def find_regulators(
    adata: AnnData, *, regulators: Sequence[str] | None = None, species: str | None = None
) -> list[str]:
    """Regulators among the genes of a data set, in the order of ``adata.var_names``.

    Parameters
    ----------
    adata
        Annotated data; it is not changed.
    regulators
        Symbols of the regulators. ``None``: ``adata.var["regulator"]`` where it exists, else the list of the species,
        see :func:`landscape.datasets.regulators`. Superseded symbols are resolved on both sides (Sfpi1 is Spi1).
    species
        ``"mouse"`` or ``"human"``; ``None``: as the gene names are written.

    Returns
    -------
    Names of the regulators, as the data write them.

    Raises
    ------
    ValueError
        If no regulator is found, or if none is given and the species is not clear.
    """
    require_adata(adata)
    names = adata.var_names.astype(str)
    if regulators is None and _keys.REGULATOR in adata.var:
        mask = adata.var[_keys.REGULATOR]
        if mask.dtype != bool or not mask.any():
            msg = f"Expected booleans with some true in `adata.var[{_keys.REGULATOR!r}]`; pass `regulators=[...]`."
            raise ValueError(msg)
        return names[mask.to_numpy()].tolist()
    if isinstance(regulators, str):
        msg = f"Expected `regulators` to be a list of symbols, found a str; pass `regulators=[{regulators!r}]`."
        raise TypeError(msg)
    guess = species or guess_species(names)
    if regulators is None:
        if guess is None or are_ensembl(names):
            kind = "Ensembl identifiers" if are_ensembl(names) else "of no known species"
            msg = (
                f"No regulators given and the gene names are {kind} ({list(names[:3])}); pass `regulators=[...]`, set "
                f"`adata.var[{_keys.REGULATOR!r}]`, or use symbols as `adata.var_names`."
            )
            raise ValueError(msg)
        regulators = listed_regulators(guess)
    wanted = set(regulators) | set(current_symbols(regulators, species=guess or "mouse"))
    aliases = current_symbols(names, species=guess or "mouse")
    found = [name for name, alias in zip(names, aliases, strict=True) if name in wanted or alias in wanted]
    if not found:
        listed, present = guess_species(list(regulators)), guess_species(names)
        writing = f" The genes look like {present} symbols, the regulators like {listed}." if listed != present else ""
        msg = (
            f"None of {len(list(regulators))} regulators (for instance {sorted(regulators)[:3]}) is among the genes (for "
            f"instance {list(names[:3])}).{writing} Pass `regulators=[...]` written as `adata.var_names`."
        )
        raise ValueError(msg)
    return found

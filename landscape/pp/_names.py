"""Names of cells and genes, and the regulators among them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from anndata import AnnData

from landscape import _keys
from landscape._anndata import require_unique
from landscape.datasets.regulator_lists import is_tier
from landscape.network.data.symbols import is_ensembl, species_of
from landscape.pp._regulators import find_regulators, unknown_regulators
from landscape.pp.features import column_of_kinds, is_gene, other_features
from landscape.pp.finding import Finding, caught, refusal
from landscape.pp.matrices import constant_genes

# Barcodes of droplets, with the number of the library before or behind, and how many names are looked at.
_BARCODE = re.compile(r"(^|[_:#-])[ACGTN]{10,}(-\d+|x)?($|[_:-])")
_MANY = 200


def judge_names(adata: AnnData) -> list[Finding]:
    """What is wrong with the names of cells and genes."""
    kinds = other_features(adata)
    genes = adata.var_names[is_gene(adata)]
    findings = [
        *caught(require_unique, adata.obs_names, slot="obs_names"),
        *caught(require_unique, adata.var_names, slot="var_names"),
    ]
    if kinds and len(genes) and genes.is_unique and not adata.var_names.is_unique:
        fix = f"adata = adata[:, adata.var[{column_of_kinds(adata)!r}] == 'Gene Expression'].copy()"
        message = f"Expected unique names in `adata.var_names`, found names of genes again among the {', '.join(kinds)}"
        findings[-1] = Finding("error", message, fix)
    if not len(genes):
        found = ", ".join(f"{n:,} {kind}" for kind, n in kinds.items())
        findings.append(
            Finding(
                "error",
                f"Expected genes, found none among the features ({found}); take the modality of gene expression",
            )
        )
    if _is_transposed(adata):
        message = f"Expected cells in rows and genes in columns, found cells named like genes ({', '.join(map(str, adata.obs_names[:3]))})"
        findings.append(Finding("error", message, "adata = adata.T.copy()"))
    elif is_ensembl(genes):
        columns = [name for name in adata.var if re.search("symbol|gene_name|feature_name", str(name), re.IGNORECASE)]
        source = f"adata.var[{columns[0]!r}].astype(str)" if columns else "their symbols"
        message = "genes are named by Ensembl identifiers, and results will be too"
        findings.append(Finding("warning", message, f"adata.var_names = {source}; adata.var_names_make_unique()"))
    return findings


def judge_regulators(
    adata: AnnData, regulators: Sequence[str] | str | None, layer: str | None, *, counted: bool
) -> tuple[list[str], list[Finding]]:
    """Regulators of a run, and what is wrong with them; ``counted``: whether the layer holds counts, in which they must vary."""
    option = "--regulators FILE"
    fix = "regulators=[...]"
    try:
        names = None if is_tier(regulators) or regulators is None else [str(name) for name in regulators]
        if names is not None and (twice := sorted({name for name in names if names.count(name) > 1})):
            message = f"Expected distinct regulators, found {twice[:5]} more than once; name each once"
            return [], [Finding("error", message)]
        if names is not None and len(names) < 2:
            message = f"Expected at least two regulators, found {names}"
            return [], [Finding("error", message, "regulators=['Gata1', 'Spi1', ...]", option)]
        found = find_regulators(adata, regulators=regulators if names is None else names)
    except (ValueError, TypeError, OSError) as error:
        return [], [refusal(error, fix=fix, option=option)]
    if names is not None and len(found) >= adata.n_obs:
        message = f"Expected fewer regulators than cells, found {len(found)} regulators and {adata.n_obs} cells; name those that vary most"
        return found, [Finding("error", message)]
    findings = [] if names is None else _unknown(names, adata)
    if not counted:
        return found, findings
    constant = constant_genes(adata, layer, found)
    if len(found) - len(constant) < 2:
        if names is not None:
            what = f"the {len(names)} named ones"
        else:
            what = (
                f"the {len(found)} in `adata.var[{_keys.REGULATOR!r}]`"
                if _keys.REGULATOR in adata.var
                else f"the {len(found)} of the list"
            )
        message = f"Expected at least two regulators with counts that vary between cells, found {len(found) - len(constant)} of {what}"
        findings.append(Finding("error", message, fix, option))
    elif constant and (names is not None or _keys.REGULATOR in adata.var):
        message = f"{len(constant)} of {len(found)} regulators have the same count in all cells and are left out, for instance {constant[:5]}"
        findings.append(Finding("warning", message))
    return found, findings


def _unknown(names: list[str], adata: AnnData) -> list[Finding]:
    """A warning of named regulators that are no genes of the data."""
    missing = unknown_regulators(adata, names)
    if not missing:
        return []
    message = f"{len(missing)} of {len(names)} named regulators are not among the genes and are left out, for instance {missing[:5]}"
    return [Finding("warning", message)]


def species_in(adata: AnnData) -> str:
    """Species of the genes, ``"unknown"`` where it is not clear."""
    return species_of(adata.var_names[is_gene(adata)]) or "unknown"


def _is_transposed(adata: AnnData) -> bool:
    """Whether cells are named like genes and genes are not, or genes like the barcodes of cells."""
    if is_ensembl(adata.obs_names):
        return not is_ensembl(adata.var_names)
    if (
        sum(_BARCODE.search(str(name)) is not None for name in adata.var_names[:_MANY])
        > len(adata.var_names[:_MANY]) / 2
    ):
        return True
    # Genes first: they mostly tell, and cells may be many more.
    return species_of(adata.var_names) is None and species_of(adata.obs_names) is not None

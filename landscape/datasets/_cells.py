"""Published single-cell data as one standard AnnData.

``X`` and ``layers["counts"]`` hold the counts (``csr_matrix``, float32); ``obs["cell_type"]`` the labels, ``obs["day"]``
or ``obs["time"]`` the time (float), ``obs["batch"]`` the batch, where they exist;
``uns["landscape"]["dataset"]`` citation, licence and warnings.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import cast

import anndata as ad
import numpy as np
import pandas as pd
from anndata import AnnData

from landscape import _counts, _keys
from landscape.datasets._files import fetch
from landscape.datasets._registry import Entry, entry
from landscape.network.data.symbols import Species, current_symbols

logger = logging.getLogger(__name__)


def paul15() -> AnnData:
    """Mouse myeloid progenitors (Paul 2015): 2,660 cells x 3,004 genes.

    ``obs["cell_type"]`` follows the marker genes; the published names, which disagree with them, are kept in
    ``obs["cell_type_published"]``. ``var["alias"]`` translates old symbols (Sfpi1 is Spi1).

    Returns
    -------
    Cells x genes, as :mod:`landscape.datasets` describes, with FACS ``facs_CD34`` and ``facs_FcgR3`` in ``obs``.

    References
    ----------
    .. [1] Paul et al. (2015), *Cell* 163, 1663. https://doi.org/10.1016/j.cell.2015.11.013
    """
    adata = _load("paul15")
    adata.obs = adata.obs.rename(
        columns={"cell_type": "cell_type_published", "cell_type_by_markers": "cell_type", "seq_batch": "batch"}
    )
    return adata


def pancreas(*, wide: bool = False) -> AnnData:
    """Mouse pancreas at E15.5 (Bastidas-Ponce 2019) with spliced and unspliced counts.

    Parameters
    ----------
    wide
        ``False``: 3,696 cells x 2,000 variable genes; ``True``: 739 of the cells x 7,192 genes.

    Returns
    -------
    Cells x genes; spliced counts in ``X`` and ``layers["counts"]``, unspliced ones in ``layers["unspliced"]``. Without
    ``wide``, ``obs["nCount_spliced"]`` is the total over all genes.

    References
    ----------
    .. [1] Bastidas-Ponce et al. (2019), *Development* 146, dev173849. https://doi.org/10.1242/dev.173849
    """
    return _load("pancreas_739" if wide else "pancreas")


def tusi2018() -> AnnData:
    """Mouse haematopoietic progenitors (Tusi 2018): 4,790 cells x 16,876 genes, without labels.

    ``obs["library"]`` is a FACS sub-population and no technical batch; ``obsm["X_spring"]`` the published layout.

    References
    ----------
    .. [1] Tusi et al. (2018), *Nature* 555, 54. https://doi.org/10.1038/nature25741
    """
    return _load("tusi2018")


def dentate_gyrus() -> AnnData:
    """Mouse dentate gyrus (Hochgerner 2018): 200 cells x 530 genes, unspliced counts, age in ``obs["day"]``.

    References
    ----------
    .. [1] Hochgerner et al. (2018), *Nature Neuroscience* 21, 290. https://doi.org/10.1038/s41593-017-0056-2
    """
    adata = _load("dentate_gyrus")
    adata.obs = adata.obs.rename(columns={"age_days": "day"})
    adata.obs["day"] = adata.obs["day"].astype(str).astype(float)
    return adata


def cardio() -> AnnData:
    """Human iPSC to cardiomyocyte (Friedman 2018), days 2 and 5: 1,090 cells x 1,325 genes.

    References
    ----------
    .. [1] Friedman et al. (2018), *Cell Stem Cell* 23, 586. https://doi.org/10.1016/j.stem.2018.09.009
    """
    adata = _load("cardio")
    adata.obs["day"] = adata.obs["day"].astype(float)
    return adata


def schiebinger2019() -> AnnData:
    """Mouse reprogramming in serum (Schiebinger 2019), days 10 to 11: 1,000 cells x 1,479 genes.

    References
    ----------
    .. [1] Schiebinger et al. (2019), *Cell* 176, 928. https://doi.org/10.1016/j.cell.2019.01.006
    """
    adata = _load("schiebinger2019")
    adata.obs["batch"] = adata.obs["batch"].astype(str).astype("category")
    return adata


def bmsc() -> AnnData:
    """Mouse bone-marrow stromal cells (Matsushita 2023): 250 cells x 12,703 genes.

    References
    ----------
    .. [1] Matsushita et al. (2023), *Nature Communications* 14, 2383. https://doi.org/10.1038/s41467-023-38034-2
    """
    return _load("bmsc")


def dyngen(backbone: str) -> AnnData:
    """Simulated spliced and unspliced counts with a known network (dyngen): 500 cells, 110 to 124 genes.

    Parameters
    ----------
    backbone
        ``"bifurcating"``, ``"cycle"`` or ``"linear"``.

    Returns
    -------
    Cells x genes; true time in ``obs["time"]``, ``var["regulator"]``, and the true edges in ``uns["truth"]["edges"]``
    (regulator, target, sign).

    References
    ----------
    .. [1] Cannoodt et al. (2021), *Nature Communications* 12, 3942. https://doi.org/10.1038/s41467-021-24152-2
    """
    adata = _load(f"dyngen_{backbone}")
    adata.var[_keys.REGULATOR] = adata.var.pop("is_tf")
    return _with_truth(adata)


def beeline(circuit: str) -> AnnData:
    """Simulated expression with a known network (BEELINE): **not counts**.

    Parameters
    ----------
    circuit
        ``"GSD"``, ``"HSC"``, ``"VSC"``, ``"mCAD"``, ``"dyn-BF"``, ``"dyn-BFC"``, ``"dyn-CY"``, ``"dyn-LI"``,
        ``"dyn-LL"`` or ``"dyn-TF"``.

    Returns
    -------
    Cells of all replicates and drop-out rates x genes; concentrations in ``X``, true time in ``obs["time"]``, and the
    true edges in ``uns["truth"]["edges"]`` (regulator, target, sign).

    References
    ----------
    .. [1] Pratapa et al. (2020), *Nature Methods* 17, 147. https://doi.org/10.1038/s41592-019-0690-6
    """
    return _with_truth(_load(f"beeline_{circuit}"))


def _load(name: str) -> AnnData:
    found = entry(name)
    adata = ad.read_h5ad(fetch(found))
    adata.uns.pop("dataset", None)
    if found.kind == "counts":
        counts = _counts.canonical(adata.X, where="adata.X").astype(np.float32)
        adata.X = counts
        adata.layers[_keys.COUNTS] = counts.copy()
        for layer in set(adata.layers) - {_keys.COUNTS}:
            adata.layers[layer] = _counts.canonical(adata.layers[layer], where=layer).astype(np.float32)
    if found.species in ("mouse", "human"):
        aliases = current_symbols(adata.var_names, species=cast(Species, found.species))
        adata.var["alias"] = pd.Series(aliases, index=adata.var_names, dtype=object)
    adata.obs = adata.obs.rename(columns={"sim_time": "time"})
    adata.uns[_keys.UNS] = {_keys.SCHEMA: _keys.SCHEMA_VERSION, "dataset": _record(found)}
    logger.info("loaded %s: %d cells, %d genes. %s", name, *adata.shape, " ".join(found.warnings))
    return adata


def _record(found: Entry) -> dict[str, str]:
    fields = ("name", "title", "species", "licence", "citation", "accession", "url", "ground_truth")
    record = {field: str(getattr(found, field)) for field in fields}
    return {**record, "file": Path(found.file).name, "warnings": " ".join(found.warnings)}


def _with_truth(adata: AnnData) -> AnnData:
    edges = adata.uns.pop("ground_truth_grn").astype({"regulator": str, "target": str})
    edges["sign"] = edges["sign"].astype(str).map({"+": 1, "-": -1, "1": 1, "-1": -1}).astype(int)
    adata.uns[_keys.TRUTH] = {"edges": edges.drop_duplicates(ignore_index=True)}
    return adata

"""The report card of the genomic code of a finished run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from anndata import AnnData

from landscape import _keys, get, tl
from landscape._anndata import results_of
from landscape._run.beside import Beside
from landscape._run.manifest import STAGES
from landscape._run.watch import Observer, log
from landscape.latent import LatentModel

GENOMIC_CODE = Beside(
    folder="genomic_code",
    records=(_keys.GENOMIC_CODE,),
    sources=("dynamics", "attractors", "basins", "fates", "barriers"),
    what="report cards",
)
# File of finished assays, from which an interrupted card goes on.
CHECKPOINT = "genomic_code.json"


def code_directory(
    out: str | Path, *, options: Mapping[str, Any] | None = None, observe: Observer = log
) -> pd.DataFrame:
    """Ask the claims of the genomic code of a finished run, and rewrite tables, figures and the report.

    The stages of the run stay as they are. A later run into the folder keeps the card as long as its model is the same. An interrupted call goes on where it was.

    Parameters
    ----------
    out
        Folder of a finished run.
    options
        Further keywords of :func:`landscape.tl.genomic_code`.
    observe
        Called with the events of the run.

    Returns
    -------
    The card, see :func:`landscape.get.genomic_code`.

    Raises
    ------
    FileNotFoundError
        If the folder holds no finished run.
    """
    file = Path(out) / STAGES / CHECKPOINT

    def compute(adata: AnnData, seed: int) -> None:
        folder = Path(out) / "model"
        known = [LatentModel.load(folder, adata)] if folder.is_dir() else []
        given = {"rng": seed, "checkpoint": file, "latent_models": known, **(options or {})}
        tl.genomic_code(adata, **given)
        file.unlink(missing_ok=True)

    def params(adata: AnnData) -> dict[str, Any]:
        known = results_of(adata)[_keys.GENOMIC_CODE]["params"]
        return {"n_null": int(known["n_null"]), "assays": str(known["assays"])}

    return get.genomic_code(GENOMIC_CODE.add(out, compute, params, observe=observe))

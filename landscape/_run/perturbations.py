"""Perturbations, screens and reprogramming of a finished run."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from anndata import AnnData

from landscape import _keys, tl
from landscape._anndata import results_of
from landscape._run.beside import Beside
from landscape._run.manifest import STAGES
from landscape._run.watch import Observer, log
from landscape.perturbation.clamps import Level

PERTURBATIONS = Beside(
    folder="perturbations",
    records=(_keys.PERTURBATIONS, _keys.REPROGRAMMING, _keys.SCREEN),
    sources=("dynamics", "attractors", "basins", "fates", "occupancy"),
    what="perturbations",
)
# Folder for the blocks of a screen that is not finished.
SCREEN_WORK = "screen_blocks"


def perturb_directory(
    out: str | Path,
    levels: Mapping[str | tuple[str, str], Level],
    *,
    options: Mapping[str, Any] | None = None,
    observe: Observer = log,
) -> Mapping[str, Any]:
    """Clamp genes of a finished run at levels, and rewrite tables, figures and the report.

    The stages of the run stay as they are. A later run into the folder keeps the perturbations as long as its model is
    the same.

    Parameters
    ----------
    out
        Folder of a finished run.
    levels
        Level of each gene, or its level and the time for which it is held, see :func:`landscape.tl.perturb`.
    options
        Further keywords of :func:`landscape.tl.perturb`.
    observe
        Called with the events of the run.

    Returns
    -------
    Record of the perturbation, with ``fates`` before and after, see :func:`landscape.tl.perturb`.

    Raises
    ------
    FileNotFoundError
        If the folder holds no finished run.
    """
    given = dict(options or {})
    adata = _add(out, lambda adata, seed: tl.perturb(adata, levels, **{"rng": seed, **given}), observe)
    name = given.get("key_added") or _keys.perturbation_name(levels)
    return results_of(adata)[_keys.PERTURBATIONS][name]


def reprogram_directory(
    out: str | Path,
    source: str,
    target: str,
    *,
    options: Mapping[str, Any] | None = None,
    observe: Observer = log,
) -> Mapping[str, Any]:
    """Find sets of genes that carry one fate of a finished run into another, and rewrite tables, figures and the report.

    Parameters
    ----------
    out
        Folder of a finished run.
    source, target
        Names of fates, see :func:`landscape.tl.reprogram`.
    options
        Further keywords of :func:`landscape.tl.reprogram`, without ``to`` and ``key_added``.
    observe
        Called with the events of the run.

    Returns
    -------
    Record of the search, with ``sets`` and ``answer``, see :func:`landscape.tl.reprogram`.

    Raises
    ------
    FileNotFoundError
        If the folder holds no finished run.
    """
    given = dict(options or {})
    adata = _add(out, lambda adata, seed: tl.reprogram(adata, source, target, **{"rng": seed, **given}), observe)
    return results_of(adata)[_keys.REPROGRAMMING][_keys.storable(f"{source} to {target}")]


def screen_directory(
    out: str | Path, *, options: Mapping[str, Any] | None = None, observe: Observer = log
) -> Mapping[str, Any]:
    """Screen the regulators of a finished run, and rewrite tables, figures and the report.

    A screen that is interrupted goes on where it was when the same call is made again.

    Parameters
    ----------
    out
        Folder of a finished run.
    options
        Keywords of :func:`landscape.tl.screen`.
    observe
        Called with the events of the run.

    Returns
    -------
    Record of the screen, see :func:`landscape.tl.screen`.

    Raises
    ------
    FileNotFoundError
        If the folder holds no finished run.
    """
    work = Path(out) / STAGES / SCREEN_WORK
    given = {"checkpoint": work, **(options or {})}
    adata = _add(out, lambda adata, seed: tl.screen(adata, **{"rng": seed, **given}), observe)
    if work.is_dir():
        shutil.rmtree(work)
    return results_of(adata)[_keys.SCREEN]


def _add(out: str | Path, compute: Callable[[AnnData, int], object], observe: Observer) -> AnnData:
    """Add what a function of the cells and the seed computes to a finished run."""
    return PERTURBATIONS.add(out, compute, _params, observe=observe)


def _params(adata: AnnData) -> dict[str, Any]:
    """Names of all records that are kept, and the parameters of the screen."""
    results = results_of(adata)
    named = [results.get(key, {}) for key in (_keys.PERTURBATIONS, _keys.REPROGRAMMING)]
    params: dict[str, Any] = {"names": sorted(name for record in named for name in record if name != "params")}
    if _keys.SCREEN in results:
        params["screen"] = {name: str(value) for name, value in results[_keys.SCREEN]["params"].items()}
    return params

"""Guy ropes: which genes hold which barrier up, and which pull it down."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import pandas as pd
from anndata import AnnData
from tqdm.auto import tqdm

from landscape import _keys
from landscape._anndata import read_result, require_adata, write_result
from landscape._model import read_ensemble, read_model
from landscape.topography.large_deviations.guy_ropes import KINDS, lowest_paths
from landscape.topography.large_deviations.guy_ropes import guy_ropes as ropes_of
from landscape.topography.large_deviations.named_paths import NamedPath
from landscape.topography.large_deviations.path_tables import paths_from_tables
from landscape.topography.large_deviations.rope_tables import about_to_vanish, critical_table, rope_tables

logger = logging.getLogger(__name__)


def guy_ropes(
    adata: AnnData,
    *,
    wrt: Sequence[str] = ("strength", "production"),
    n_critical: int = 1,
    key_added: str = _keys.GUY_ROPES,
    copy: bool = False,
) -> AnnData | None:
    r"""Tension of the guy ropes: how much each gene holds each barrier up, or pulls it down.

    In Waddington's picture genes are pegs, and ropes from them pull the landscape into its shape. Here the ropes of gene
    :math:`j` are its outgoing edges, and their tension at a barrier :math:`S` is the change of its height as all of them become
    stronger together,

    .. math:: t_j = \sum_i W_{ij} \frac{\partial S}{\partial W_{ij}}
              = \sum_k \frac{\partial S}{\partial f_k} \cdot \sum_i W_{ij} \frac{\partial f(m_k)}{\partial W_{ij}},
              \qquad \frac{\partial S}{\partial f_k} = \frac{1}{2D} \Big(|d_k| \frac{f_k}{|f_k|} - d_k\Big)

    along the minimum-action paths that :func:`landscape.tl.barriers` or :func:`landscape.tl.paths` found, with :math:`d_k` their
    segments and :math:`f_k` the drift at their midpoints :math:`m_k`. Likewise :math:`\partial S / \partial \ln a_i` for
    production and :math:`\partial S / \partial \ln \gamma_i` for turnover; both together sum to :math:`S`. These are exact
    derivatives: the path changes with the parameters too, but its action is stationary (see
    :func:`landscape.topography.tension`). All are in units of the barrier per e-fold, at the :math:`D` of the paths.

    A tension is a slope, not what a removal does: a gene in excess has none though its removal may end the valley. A valley
    about to vanish has none either, because :math:`S \sim (\lambda - \lambda_c)^{3/2}`. Therefore the strength :math:`\lambda_c` of
    a gene's ropes at which each valley vanishes is found by continuation.

    Parameters
    ----------
    adata
        Annotated data with paths (:func:`landscape.tl.barriers`, or :func:`landscape.tl.paths` for some pairs). Each ordered pair of
        attractors with a path is a barrier; of several paths the lowest is taken.
    wrt
        What is made stronger: ``"strength"`` (all ropes of a gene), ``"production"``, ``"turnover"``; some of them.
    n_critical
        Number of genes, those of the largest tension, for which the critical strength of each valley is found. The time grows
        with the cube of the number of regulators.
    key_added
        Key of the result in ``adata.uns["landscape"]``.
    copy
        Work on a copy of ``adata`` and return it.

    Returns
    -------
    ``None``, or the copy if ``copy=True``. Sets ``adata.uns["landscape"]["guy_ropes"]`` with

    ``strength``, ``production``, ``turnover`` : DataFrame, regulators x barriers
        Tensions; positive where more of it raises the barrier. ``..._low`` and ``..._high`` are the quantiles of 5 % and 95 % over
        the replicates that have the barrier, each along its own path; NaN below three of them.
    ``place`` : DataFrame, regulators x barriers
        Share of the length of the path, up to its saddle, at which the ropes of a gene pull hardest.
    ``barriers`` : DataFrame
        ``from``, ``to``, ``saddle``, ``action`` of the path, ``polygenicity`` (participation ratio :math:`(\sum_j t_j^2)^2 / \sum_j
        t_j^4` over genes) with its interval, ``n_replicates`` that have the barrier of ``n_asked``, ``spacing_error`` (error of the
        tensions from the finite number of points, relative to the largest) and ``converged``, of the path.
    ``genes`` : DataFrame
        ``pleiotropy`` (the same ratio over barriers) with its interval over the replicates that have all barriers, and the
        ``largest`` tension in absolute value.
    ``edges`` : DataFrame
        ``barrier``, ``source``, ``target``, ``weight``, ``tension`` :math:`W_{ij}\,\partial S/\partial W_{ij}` with its interval
        ``low`` to ``high``: edges with more than a hundredth of the largest tension of their barrier, strongest first.
    ``critical`` : DataFrame
        ``attractor``, ``gene``, ``way`` (``"weaker"`` down to 0 or ``"stronger"`` up to 2), ``strength`` at which the valley
        vanishes in units of the present one, and ``kind`` of the bifurcation; NaN and ``"none"`` where the valley persists.

    Raises
    ------
    KeyError
        If the model, its attractors or paths are missing.
    ValueError
        If there is no path, the paths belong to another model or other attractors, or an option is out of its range.

    References
    ----------
    Waddington (1957), *The Strategy of the Genes*, Allen & Unwin. Wells, Kath and Motter (2015), *Phys. Rev. X* 5, 031036.
    https://doi.org/10.1103/PhysRevX.5.031036

    Examples
    --------
    >>> import landscape as ls
    >>> adata = ls.datasets.hematopoiesis()  # doctest: +SKIP
    >>> ls.tl.barriers(adata)  # doctest: +SKIP
    >>> ls.tl.guy_ropes(adata)  # doctest: +SKIP
    >>> ls.get.guy_ropes(adata).head()  # doctest: +SKIP
    >>> ls.pl.guy_ropes(adata)  # doctest: +SKIP
    """
    adata = require_adata(adata)
    kinds = _checked(wrt, n_critical)
    model = read_model(adata)
    states = read_result(adata, _keys.ATTRACTORS, hint="run `landscape.tl.attractors` first")["states"]
    paths, noise = _paths(adata, states)
    # Replicates have their own noise, unless the barriers were found at another one than the model's.
    given = None if noise == model.diffusion_constant else noise
    ensemble = [each.with_diffusion(given) for each in read_ensemble(adata)]
    model = model.with_diffusion(noise)
    replicates = tqdm(ensemble, desc="guy ropes of replicates", leave=False, disable=None)
    found = ropes_of(model, paths, states, ensemble=replicates)
    record = rope_tables(found, model, kinds)
    record["critical"] = critical_table(found, model, states, n_critical)
    _warn(record)
    params = {"diffusion": noise, "wrt": list(kinds), "n_critical": n_critical, "n_replicates": len(ensemble)}
    adata = adata.copy() if copy else adata
    write_result(adata, key_added, record, params=params, what=f"guy ropes of {len(paths)} barriers at D = {noise:.3g}")
    return adata if copy else None


def _checked(wrt: Sequence[str], n_critical: int) -> tuple[str, ...]:
    wanted = (wrt,) if isinstance(wrt, str) else tuple(wrt)
    if not wanted or not set(wanted) <= set(KINDS):
        msg = f"Expected `wrt` to have some of {list(KINDS)}, found {list(wanted)}."
        raise ValueError(msg)
    if isinstance(n_critical, bool) or n_critical != int(n_critical) or n_critical < 0:
        msg = f"Expected `n_critical` to be a number of genes, 0 or more, found {n_critical!r}."
        raise ValueError(msg)
    return tuple(kind for kind in KINDS if kind in wanted)


def _paths(adata: AnnData, states: pd.DataFrame) -> tuple[list[NamedPath], float]:
    record = read_result(adata, _keys.PATHS, hint="run `landscape.tl.barriers(adata)` first")
    genes = set(states.columns)
    found = paths_from_tables(record, states) if genes <= set(record["table"].columns) else None
    if found is None:
        msg = "Expected paths between the attractors of the model, found those of other ones; run `landscape.tl.barriers` again."
        raise ValueError(msg)
    if not found:
        msg = "Expected at least one path between attractors, found none; without a barrier there is nothing to hold."
        raise ValueError(msg)
    return lowest_paths(found), float(record["params"]["diffusion"])


def _warn(record: dict[str, Any]) -> None:
    table = record["barriers"]
    if (rough := table.index[~table["converged"].to_numpy(dtype=bool)]).size:
        logger.warning(
            "%d of %d barriers have paths that have not converged, whose tensions are as rough: %s",
            len(rough), len(table), ", ".join(map(str, rough[:5])),
        )  # fmt: skip
    if (lost := table[(table["n_asked"] > 0) & (table["n_replicates"] < table["n_asked"])]).size:
        logger.warning(
            "%d of %d barriers exist in some of the replicates only: see `n_replicates`", len(lost), len(table)
        )
    for row in about_to_vanish(record["critical"]):
        logger.warning(
            "the valley of %s vanishes at %.2f times the strength of %s: its tensions are small because it is shallow",
            row["attractor"], row["strength"], row["gene"],
        )  # fmt: skip

"""Minimum-action paths between attractors, and the order in which genes change along them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData

from landscape import _keys
from landscape._anndata import read_result, require_adata, results_of, write_result
from landscape._model import read_model
from landscape._random import RandomLike
from landscape.topography import transition_network
from landscape.topography.large_deviations.named_paths import NamedPath, paths_between, paths_of_network
from landscape.topography.large_deviations.path_tables import LEAST, WORDS, path_tables, paths_from_tables

logger = logging.getLogger(__name__)


def paths(
    adata: AnnData,
    *,
    pairs: Sequence[tuple[str, str]] | None = None,
    diffusion: float | None = None,
    n_points: int = 100,
    least: float = LEAST,
    rng: RandomLike = 0,
    copy: bool = False,
) -> AnnData | None:
    r"""Minimum-action paths between attractors, and the order in which genes change along them.

    A path leads against the flow up to a saddle at minimum action, :math:`S = \tfrac12 \int (|\varphi'||f| - \langle
    \varphi', f \rangle)` in the metric of the noise, and down with the flow. The half point of a gene is where it has
    completed half of its total change,

    .. math:: \int_0^{s} |dx_i| = \tfrac12 \int_0^{1} |dx_i|,

    with :math:`s` the share of the path's length. Paths that :func:`landscape.tl.barriers` found for the same attractors
    and the same :math:`D` are used again.

    Parameters
    ----------
    adata
        Annotated data with attractors (:func:`landscape.tl.attractors`).
    pairs
        Pairs of names of attractors, from and to; one minimum-action path is found for each. By default all paths over
        all saddles between attractors, whose search takes minutes for hundreds of regulators.
    diffusion
        :math:`D`; by default that of the model.
    n_points
        Number of points on the part up to the saddle.
    least
        Smallest range of levels along a path for which a gene counts as moving.
    rng
        Seed or generator.
    copy
        Work on a copy of ``adata`` and return it.

    Returns
    -------
    ``None``, or the copy if ``copy=True``. Sets ``adata.uns["landscape"]["paths"]`` with

    ``table`` : DataFrame
        States along each path: ``from``, ``to``, ``saddle``, ``part`` (``"up"`` to the saddle or ``"down"``), ``step``
        (share of the path's length), and one column per regulator.
    ``cost`` : DataFrame
        Action up to each of these states, dimensionless.
    ``genes`` : DataFrame
        ``from``, ``to``, ``saddle``, ``rank``, ``gene``, ``moves``, ``change`` (between the ends), ``travel`` (total
        variation), and the shares of the path's length and of its action at the half point, ``half_step`` and
        ``half_action``. Genes that move come first, in order of ``half_step``. A ``half_action`` of 1 means that a gene
        changes after the saddle, where the flow carries it.
    ``summary`` : DataFrame
        ``from``, ``to``, ``saddle``, ``action``, ``length``, ``top`` (share of the length at the saddle) and
        ``converged`` of each path.

    Raises
    ------
    KeyError
        If the model or its attractors are missing.
    ValueError
        If there are fewer than two attractors, a pair has an unknown name or the same name twice, or an option is out of
        its range.

    Examples
    --------
    >>> import landscape as ls
    >>> adata = ls.datasets.hematopoiesis()  # doctest: +SKIP
    >>> ls.tl.paths(adata, pairs=[("Erythrocyte", "Monocyte")])  # doctest: +SKIP
    >>> ls.get.paths(adata, start="Erythrocyte", end="Monocyte")  # doctest: +SKIP
    """
    adata = require_adata(adata)
    model = read_model(adata).with_diffusion(diffusion)
    genes, noise = list(model.regulators), model.diffusion_constant
    states = read_result(adata, _keys.ATTRACTORS, hint="run `landscape.tl.attractors` first")["states"]
    names = [str(name) for name in states.index]
    if len(names) < 2:
        msg = f"Expected at least two attractors, found {len(names)}; there is no transition."
        raise ValueError(msg)
    if not 0 <= least < np.inf:
        msg = f"Expected `least` to be a level of at least 0, found {least}."
        raise ValueError(msg)
    wanted = None if pairs is None else _checked(pairs, names)
    known = _known(adata, states, noise, n_points)
    if wanted is not None:
        found = paths_between(
            model, states, wanted, known=known or (), saddles=_saddles(adata), n_points=n_points, rng=rng
        )
    elif known is not None:
        found = known
    else:
        network = transition_network(
            model.drift, states.to_numpy(dtype=float), diffusion=noise, n_points=n_points, rng=rng
        )
        found = paths_of_network(network, model, names)
    record = path_tables(found, genes, least=least)
    params = {
        "diffusion": noise,
        "n_points": n_points,
        "kind": "quasi-potential (minimum action)",
        "least": least,
        "pairs": "all" if wanted is None else [f"{a} to {b}" for a, b in wanted],
    }
    adata = adata.copy() if copy else adata
    write_result(adata, _keys.PATHS, record, params=params, what=f"{len(found)} paths at D = {noise:.3g}")
    return adata if copy else None


def _checked(pairs: Any, names: list[str]) -> list[tuple[str, str]]:
    given = [pairs] if len(pairs) == 2 and all(isinstance(name, str) for name in pairs) else list(pairs)
    if not given or any(isinstance(pair, str) or len(pair) != 2 for pair in given):
        msg = f'Expected `pairs` as a list of names such as [("{names[0]}", "{names[1]}")], found {pairs!r}.'
        raise ValueError(msg)
    found = [(str(a), str(b)) for a, b in given]
    for a, b in found:
        if unknown := [name for name in (a, b) if name not in names]:
            msg = f"Expected `pairs` of attractors, found {unknown}; there are {names}."
            raise ValueError(msg)
        if a == b:
            msg = f"Expected `pairs` of two attractors each, found {a!r} twice."
            raise ValueError(msg)
    return list(dict.fromkeys(found))


def _known(adata: AnnData, states: pd.DataFrame, noise: float, n_points: int) -> list[NamedPath] | None:
    """All paths of a network that were found for these attractors and this noise, or ``None``."""
    record = results_of(adata).get(_keys.PATHS)
    if not isinstance(record, dict) or not {"table", "cost", "summary", "params"} <= record.keys():
        return None
    params, table = record["params"], record["table"]
    same = (
        str(params.get("pairs")) == "all"
        and float(params.get("diffusion", np.nan)) == noise
        and int(params.get("n_points", 0)) == n_points
        and list(table.columns) == [*WORDS, *states.columns]
    )
    found = paths_from_tables(record, states) if same and len(table) else None
    if found is not None:
        logger.info("%d paths of an earlier search are used again", len(found))
    return found


def _saddles(adata: AnnData) -> pd.DataFrame | None:
    """Saddles that :func:`landscape.tl.barriers` wrote, saddles x regulators."""
    record = results_of(adata).get(_keys.SADDLES)
    return record.get("states") if isinstance(record, dict) else None

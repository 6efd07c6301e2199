"""Least-action paths between attractors, and the genes that move along them in their order."""

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
from landscape._random import RandomLike, generator
from landscape.dynamics import RegulatoryDrift
from landscape.tl._path_tables import LEAST, NO_SADDLE, WORDS, NamedPath, over_passes, path_record
from landscape.topography import MinimumAction, Saddle, minimum_action, transition_network

logger = logging.getLogger(__name__)

# States and saddles closer than this share of a path's length are one.
SAME = 1e-3
OTHER_SADDLE = "another saddle"


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
    r"""Least-action paths between attractors, and the genes that move along them, in the order in which they move.

    The path against the flow that costs the noise least, :math:`S = \tfrac12 \int (|\varphi'||f| - \langle \varphi', f
    \rangle)` in the metric of the noise, up to a saddle and down with the flow. A gene's moment is where it has made
    half of all its changes,

    .. math:: \int_0^{s} |dx_i| = \tfrac12 \int_0^{1} |dx_i|,

    with :math:`s` the share of the path's length. Paths that :func:`landscape.tl.barriers` has found for the same
    attractors and the same :math:`D` are taken over.

    Parameters
    ----------
    adata
        Annotated data with attractors (:func:`landscape.tl.attractors`).
    pairs
        Attractors to go from and to, by name: each pair is joined by one path of least action of its own. By default
        all paths over all saddles between attractors, whose search takes minutes for hundreds of regulators.
    diffusion
        :math:`D`; by default the model's.
    n_points
        Points on the way up.
    least
        Genes whose level stays within less than this count as not moving.
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
        Action spent up to each of these states, dimensionless.
    ``genes`` : DataFrame
        ``from``, ``to``, ``saddle``, ``rank``, ``gene``, ``moves``, ``change`` (between the ends), ``travel`` (sum of all
        its changes), and the shares of the path's length and of its action at the gene's moment, ``half_step`` and
        ``half_action``. Genes that move come first, in their order; an action share of 1 says that a gene moves after
        the pass, where nothing holds it back.
    ``summary`` : DataFrame
        ``from``, ``to``, ``saddle``, ``action``, ``length``, ``top`` (share of the length at the saddle) and
        ``converged`` of each path.

    Raises
    ------
    KeyError
        If the model or its attractors are missing.
    ValueError
        If there are fewer than two attractors, a pair names none of them or the same twice, or an option is out of its
        range.
    """
    adata = require_adata(adata)
    model = read_model(adata)
    drift, model_diffusion, genes = model.drift, model.diffusion_constant, list(model.regulators)
    states = read_result(adata, _keys.ATTRACTORS, hint="run `landscape.tl.attractors` first")["states"]
    names = [str(name) for name in states.index]
    if len(names) < 2:
        msg = f"Expected at least two attractors, found {len(names)}; there is no way from one to another."
        raise ValueError(msg)
    if not 0 <= least < np.inf:
        msg = f"Expected `least` to be a level of at least 0, found {least}."
        raise ValueError(msg)
    wanted = None if pairs is None else _checked(pairs, names)
    noise = model_diffusion if diffusion is None else diffusion
    known = _known(adata, states, genes, noise, n_points)
    if wanted is None:
        found = known if known is not None else _all(drift, states, noise, n_points, rng)
    else:
        found = _between(adata, drift, states, wanted, known or [], noise, n_points, rng)
    record = path_record(found, genes, least=least)
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
            msg = f"Expected `pairs` of two attractors each, found {a!r} twice; a path leads to another one."
            raise ValueError(msg)
    return list(dict.fromkeys(found))


def _known(
    adata: AnnData, states: pd.DataFrame, genes: list[str], noise: float, n_points: int
) -> list[NamedPath] | None:
    """Paths over all passes that were found for these attractors and this noise, or ``None``."""
    record = results_of(adata).get(_keys.PATHS)
    if not isinstance(record, dict) or not {"table", "cost", "summary", "params"} <= record.keys():
        return None
    params, table = record["params"], record["table"]
    same = (
        str(params.get("pairs")) == "all"
        and float(params.get("diffusion", np.nan)) == noise
        and int(params.get("n_points", 0)) == n_points
        and list(table.columns) == [*WORDS, *genes]
    )
    if not same or not len(table):
        return None
    cost, found = record["cost"]["cost"].to_numpy(dtype=float), []
    key = table[["from", "to", "saddle"]].astype(str)
    converged = record["summary"]["converged"].to_numpy(dtype=bool)
    for number, (_, rows) in enumerate(
        key.groupby(["from", "to", "saddle"], sort=False, observed=True).indices.items()
    ):
        rows = np.sort(rows)
        start, end, saddle = key.iloc[rows[0]]
        points = table.iloc[rows][genes].to_numpy(dtype=float)
        if start not in states.index or end not in states.index:
            return None
        ends = states.loc[[start, end]].to_numpy(dtype=float)
        if np.abs(points[[0, -1]] - ends).max() > SAME * np.linalg.norm(ends[1] - ends[0]):
            return None
        top = int((table["part"].iloc[rows] == "up").sum()) - 1
        found.append(NamedPath(start, end, saddle, points, cost[rows], top, bool(converged[number])))
    logger.info("%d paths are taken over from an earlier search", len(found))
    return found


def _all(drift: RegulatoryDrift, states: pd.DataFrame, noise: float, n_points: int, rng: RandomLike) -> list[NamedPath]:
    found = transition_network(drift, states.to_numpy(dtype=float), diffusion=noise, n_points=n_points, rng=rng)
    return over_passes(found, drift, [str(name) for name in states.index])


def _between(
    adata: AnnData,
    drift: RegulatoryDrift,
    states: pd.DataFrame,
    wanted: list[tuple[str, str]],
    known: list[NamedPath],
    noise: float,
    n_points: int,
    rng: RandomLike,
) -> list[NamedPath]:
    """One path for each pair: the cheapest that is known, else one of least action."""
    random = generator(rng)
    result = []
    for start, end in wanted:
        if ready := [path for path in known if (path.start, path.end) == (start, end)]:
            result.append(min(ready, key=lambda path: float(path.cost[-1])))
            continue
        ends = states.loc[[start, end]].to_numpy(dtype=float)
        found = minimum_action(drift, ends[0], ends[1], diffusion=noise, n_points=n_points, rng=random)
        result.append(_named(adata, found, start, end))
    return result


def _named(adata: AnnData, found: MinimumAction, start: str, end: str) -> NamedPath:
    top = len(found.path) - 1
    if found.saddle is not None:
        top = int(np.linalg.norm(found.path - found.saddle.x, axis=1).argmin())
    title = (
        NO_SADDLE if found.saddle is None else _title(adata, found.saddle, float(np.linalg.norm(np.ptp(found.path, 0))))
    )
    return NamedPath(start, end, title, found.path, found.cost, top, bool(found.converged))


def _title(adata: AnnData, saddle: Saddle, scale: float) -> str:
    """Name of a saddle among those that :func:`landscape.tl.barriers` wrote."""
    record = results_of(adata).get(_keys.SADDLES)
    if isinstance(record, dict) and len(record.get("states", ())) and record["states"].shape[1] == len(saddle.x):
        apart = np.linalg.norm(record["states"].to_numpy(dtype=float) - saddle.x, axis=1)
        if apart.min() <= SAME * scale:
            return str(record["states"].index[int(apart.argmin())])
    return OTHER_SADDLE

"""Barriers between attractors and the paths over them."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
from anndata import AnnData

from landscape import _keys
from landscape._anndata import read_result, require_adata, write_result
from landscape._random import RandomLike
from landscape.tl._dynamics import read_drift
from landscape.topography import Pass, TransitionNetwork, transition_network

logger = logging.getLogger(__name__)


def barriers(
    adata: AnnData, *, diffusion: float | None = None, n_points: int = 100, rng: RandomLike = 0, copy: bool = False
) -> AnnData | None:
    r"""Barriers between attractors: the quasi-potential difference in both directions.

    .. math:: S(a \to b) = \min_\varphi \tfrac12 \int \big(|\varphi'|_{D^{-1}} |f|_{D^{-1}}
              - \langle \varphi', f \rangle_{D^{-1}}\big)\, d\alpha, \qquad p_{ss} \sim e^{-S}

    by minimum action, over the saddles that join the attractors. The number is dimensionless and scales as
    :math:`1/D`: it is stated with its :math:`D`, and only ratios mean anything where :math:`D` is not identified.

    Parameters
    ----------
    adata
        Annotated data with attractors (:func:`landscape.tl.attractors`).
    diffusion
        :math:`D`; by default the model's.
    n_points
        Points along a path.
    rng
        Seed or generator.
    copy
        Work on a copy of ``adata`` and return it.

    Returns
    -------
    ``None``, or the copy if ``copy=True``. Sets

    ``adata.uns["landscape"]["barriers"]["table"]`` : DataFrame
        ``from``, ``to``, ``height``, ``low`` and ``high`` (not-a-number until an ensemble gives them), ``saddle``,
        ``converged``. Pairs without a path have height not-a-number.
    ``adata.uns["landscape"]["saddles"]``
        ``states`` (saddles x regulators) and ``table`` (attractors, leading eigenvalue, residual, converged).
    ``adata.uns["landscape"]["paths"]["table"]`` : DataFrame
        Least-action paths of direct passes: ``from``, ``to``, ``step``, and one column per regulator.

    Raises
    ------
    KeyError
        If attractors are missing.
    ValueError
        If there are fewer than two attractors.
    """
    adata = require_adata(adata)
    drift, model_diffusion, genes = read_drift(adata)
    states = read_result(adata, _keys.ATTRACTORS, hint="run `landscape.tl.attractors` first")["states"]
    if len(states) < 2:
        msg = f"Expected at least two attractors, found {len(states)}; there is nothing to cross."
        raise ValueError(msg)
    noise = model_diffusion if diffusion is None else diffusion
    found = transition_network(drift, states.to_numpy(dtype=float), diffusion=noise, n_points=n_points, rng=rng)
    if found.n_missing:
        logger.warning(
            "%d of %d ordered pairs of attractors have no path", found.n_missing, len(states) * (len(states) - 1)
        )
    names = [str(name) for name in states.index]
    adata = adata.copy() if copy else adata
    params = {"diffusion": noise, "n_points": n_points, "kind": "quasi-potential (minimum action)"}
    write_result(adata, _keys.SADDLES, _saddles(found, names, genes), params=params)
    write_result(adata, _keys.PATHS, {"table": _paths(found, names, genes)}, params=params)
    table = _heights(found, names)
    what = f"{int(table['height'].notna().sum())} barriers at D = {noise:.3g}"
    write_result(adata, _keys.BARRIERS, {"table": table, "converged": bool(found.converged)}, params=params, what=what)
    return adata if copy else None


def _heights(found: TransitionNetwork, names: list[str]) -> pd.DataFrame:
    rows = []
    for i, start in enumerate(names):
        for j, end in enumerate(names):
            if i == j:
                continue
            lowest = found.lowest(i, j)
            via = _name(found, lowest[0]) if lowest is not None else "over other attractors"
            height = float(found.action[i, j])
            rows.append(
                {
                    "from": start,
                    "to": end,
                    "height": height,
                    "low": np.nan,
                    "high": np.nan,
                    "saddle": via if np.isfinite(height) else "none",
                    "converged": bool(lowest[1].converged) if lowest is not None else bool(np.isfinite(height)),
                }
            )
    return pd.DataFrame(rows, index=[f"{r['from']} to {r['to']}" for r in rows])


def _name(found: TransitionNetwork, crossing: Pass) -> str:
    return "no saddle" if crossing.saddle is None else f"saddle {found.passes.index(crossing) + 1}"


def _saddles(found: TransitionNetwork, names: list[str], genes: list[str]) -> dict[str, pd.DataFrame]:
    joined = [(p.attractors, p.saddle) for p in found.passes if p.saddle is not None]
    index = [_name(found, p) for p in found.passes if p.saddle is not None]
    states = np.array([saddle.x for _, saddle in joined]).reshape(len(index), len(genes))
    table = pd.DataFrame(
        {
            "first": [names[pair[0]] for pair, _ in joined],
            "second": [names[pair[1]] for pair, _ in joined],
            "leading_eigenvalue": [float(saddle.eigenvalues[0].real) for _, saddle in joined],
            "residual": [saddle.residual for _, saddle in joined],
            "converged": [saddle.converged for _, saddle in joined],
        },
        index=index,
    )
    return {"states": pd.DataFrame(states, index=index, columns=genes), "table": table}


def _paths(found: TransitionNetwork, names: list[str], genes: list[str]) -> pd.DataFrame:
    parts = []
    for crossing in found.passes:
        for (k, other), way in zip((crossing.attractors, crossing.attractors[::-1]), crossing.up, strict=True):
            path = np.asarray(way.path, dtype=float)
            part = pd.DataFrame(path, columns=genes)
            part.insert(0, "from", names[k])
            part.insert(1, "to", names[other])
            part.insert(2, "saddle", _name(found, crossing))
            part.insert(3, "step", np.linspace(0, 1, len(path)))
            parts.append(part)
    if not parts:
        return pd.DataFrame(columns=["from", "to", "saddle", "step", *genes])
    table = pd.concat(parts, ignore_index=True)
    return table.set_index(table.index.astype(str))

"""Barriers between attractors and the paths over them."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray

from landscape import _keys
from landscape._anndata import read, read_result, require_adata, write_result
from landscape._model import read_model
from landscape._random import RandomLike
from landscape.dynamics import RegulatoryDrift
from landscape.tl._barrier_intervals import barrier_intervals
from landscape.tl._path_tables import LEAST, over_passes, path_record, saddle_name
from landscape.topography import TransitionNetwork, curl_share, transition_network, undecided_width

logger = logging.getLogger(__name__)

# A direct pass whose action exceeds the lowest one by less than this is the lowest one.
DIRECT = 1e-9
# Numbers in the Jacobians from which the share of curl is taken; at most 500 cells.
JACOBIAN_NUMBERS = 2_000_000


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
        ``from``, ``to``, ``height``, its interval ``low`` to ``high`` (5 % to 95 % of the ensemble's models that have
        both attractors, of which there are ``n_replicates``; not-a-number with fewer than three), ``saddle``,
        ``converged``. Pairs without a path have height not-a-number.
    ``adata.uns["landscape"]["barriers"]["curl_share"]``
        How far the drift is from a gradient at the cells: 0 for :math:`f = -D \nabla U`, 1 for pure rotation.
    ``adata.uns["landscape"]["saddles"]``
        ``states`` (saddles x regulators) and ``table`` (attractors, leading eigenvalue, residual, converged, and
        ``undecided_width``: the width :math:`\sqrt{2 D_u / \lambda_u}` of the zone around the saddle in which noise
        decides, in the unit of the state).
    ``adata.uns["landscape"]["paths"]``
        The paths over all passes, as :func:`landscape.tl.paths` writes them.

    Raises
    ------
    KeyError
        If attractors are missing.
    ValueError
        If there are fewer than two attractors, or the diffusion is not positive.
    """
    adata = require_adata(adata)
    model = read_model(adata)
    drift, model_diffusion, genes = model.drift, model.diffusion_constant, list(model.regulators)
    states = read_result(adata, _keys.ATTRACTORS, hint="run `landscape.tl.attractors` first")["states"]
    if len(states) < 2:
        msg = f"Expected at least two attractors, found {len(states)}; there is nothing to cross."
        raise ValueError(msg)
    noise = model_diffusion if diffusion is None else diffusion
    cells = read(adata, "obsm", _keys.STATE, hint="run `landscape.tl.dynamics` first").to_numpy(dtype=float)
    found = transition_network(drift, states.to_numpy(dtype=float), diffusion=noise, n_points=n_points, rng=rng)
    if found.n_missing:
        logger.warning(
            "%d of %d ordered pairs of attractors have no path", found.n_missing, len(states) * (len(states) - 1)
        )
    names = [str(name) for name in states.index]
    params = {"diffusion": noise, "n_points": n_points, "kind": "quasi-potential (minimum action)"}
    saddles = _saddles(found, drift, names, genes)
    paths = path_record(over_passes(found, drift, names), genes, least=LEAST)
    spread = barrier_intervals(adata, states.to_numpy(dtype=float), diffusion=diffusion, rng=rng)
    table = _heights(found, names, *spread)
    record = {"table": table, "converged": bool(found.converged), "curl_share": _curl(drift, cells)}
    adata = adata.copy() if copy else adata
    write_result(adata, _keys.SADDLES, saddles, params=params)
    write_result(adata, _keys.PATHS, paths, params={**params, "least": LEAST, "pairs": "all"})
    what = f"{int(table['height'].notna().sum())} barriers at D = {noise:.3g}"
    write_result(adata, _keys.BARRIERS, record, params=params, what=what)
    return adata if copy else None


def _heights(
    found: TransitionNetwork,
    names: list[str],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    count: NDArray[np.int64],
) -> pd.DataFrame:
    rows = []
    for i, start in enumerate(names):
        for j, end in enumerate(names):
            if i == j:
                continue
            lowest = found.lowest(i, j)
            if lowest is not None and lowest[1].action > (1 + DIRECT) * found.action[i, j]:
                lowest = None  # there is a direct pass, but the way over others is lower
            via = saddle_name(found, lowest[0]) if lowest is not None else "over other attractors"
            height = float(found.action[i, j])
            rows.append(
                {
                    "from": start,
                    "to": end,
                    "height": height,
                    "low": float(low[i, j]),
                    "high": float(high[i, j]),
                    "n_replicates": int(count[i, j]),
                    "saddle": via if np.isfinite(height) else "none",
                    "converged": bool(lowest[1].converged) if lowest is not None else bool(np.isfinite(height)),
                }
            )
    return pd.DataFrame(rows, index=[f"{r['from']} to {r['to']}" for r in rows])


def _saddles(
    found: TransitionNetwork, drift: RegulatoryDrift, names: list[str], genes: list[str]
) -> dict[str, pd.DataFrame]:
    joined = [(p.attractors, p.saddle) for p in found.transitions if p.saddle is not None]
    index = [saddle_name(found, p) for p in found.transitions if p.saddle is not None]
    states = np.array([saddle.x for _, saddle in joined]).reshape(len(index), len(genes))
    zones = [undecided_width(drift, saddle, diffusion=found.diffusion).width for _, saddle in joined]
    table = pd.DataFrame(
        {
            "first": [names[pair[0]] for pair, _ in joined],
            "second": [names[pair[1]] for pair, _ in joined],
            "leading_eigenvalue": [float(saddle.eigenvalues[0].real) for _, saddle in joined],
            "undecided_width": zones,
            "residual": [saddle.residual for _, saddle in joined],
            "converged": [saddle.converged for _, saddle in joined],
        },
        index=index,
    )
    return {"states": pd.DataFrame(states, index=index, columns=genes), "table": table}


def _curl(drift: RegulatoryDrift, cells: NDArray[np.float64]) -> float:
    """Share of curl at cells spread over the data; the same for every constant isotropic noise."""
    few = max(1, min(500, JACOBIAN_NUMBERS // cells.shape[1] ** 2))
    return curl_share(drift, cells[:: -(-len(cells) // few)]).share

"""Barriers between attractors, and the paths across them."""

from __future__ import annotations

import logging

from anndata import AnnData
from tqdm.auto import tqdm

from landscape import _keys
from landscape._anndata import read, read_result, require_adata, write_result
from landscape._model import read_ensemble, read_model
from landscape._random import RandomLike
from landscape.topography import transition_network
from landscape.topography.large_deviations.barrier_intervals import barrier_intervals
from landscape.topography.large_deviations.barrier_tables import barrier_table, curl_share_at, saddle_tables
from landscape.topography.large_deviations.named_paths import paths_of_network
from landscape.topography.large_deviations.path_tables import LEAST, path_tables

logger = logging.getLogger(__name__)


def barriers(
    adata: AnnData,
    *,
    diffusion: float | None = None,
    n_points: int = 100,
    n_jobs: int = 1,
    rng: RandomLike = 0,
    copy: bool = False,
) -> AnnData | None:
    r"""Barriers between attractors: the minimum action of a transition, in both directions.

    .. math:: S(a \to b) = \min_\varphi \tfrac12 \int \big(|\varphi'|_{D^{-1}} |f|_{D^{-1}}
              - \langle \varphi', f \rangle_{D^{-1}}\big)\, d\alpha, \qquad p_{ss} \sim e^{-S}

    with :math:`p_{ss}` the stationary density. Paths lead over the saddles that connect the attractors. A barrier is
    dimensionless and scales as :math:`1/D`, so that it is stated with its :math:`D`. Where :math:`D` is not identified, only
    ratios of barriers have a meaning.

    Parameters
    ----------
    adata
        Annotated data with attractors (:func:`landscape.tl.attractors`).
    diffusion
        :math:`D`; by default that of the model.
    n_points
        Number of points along a path; more where its error exceeds 1 %.
    n_jobs
        Number of processes over which paths and replicates are divided, with equal results; -1 for one per processor.
    rng
        Seed or generator.
    copy
        Work on a copy of ``adata`` and return it.

    Returns
    -------
    ``None``, or the copy if ``copy=True``. Sets

    ``adata.uns["landscape"]["barriers"]["table"]`` : DataFrame
        ``from``, ``to``, ``height`` (NaN without a path), its interval ``low`` to ``high``, ``n_replicates``, ``saddle``,
        ``converged``. The interval spans the quantiles of 5 % and 95 % over the replicates that have both attractors;
        ``n_replicates`` is their number, and below three there is no interval (NaN).
    ``adata.uns["landscape"]["barriers"]["curl_share"]``
        Share of the drift that is no gradient, at the cells: 0 for :math:`f = -D \nabla U`, 1 for pure rotation.
    ``adata.uns["landscape"]["saddles"]``
        ``states`` (saddles x regulators) and ``table``: the attractors ``first`` and ``second``, ``leading_eigenvalue``,
        ``residual``, ``converged`` and ``undecided_width``, the width :math:`\sqrt{2 D_u / \lambda_u}` of the zone around
        the saddle in which noise decides, in units of the state.
    ``adata.uns["landscape"]["paths"]``
        The minimum-action paths over all saddles, as :func:`landscape.tl.paths` writes them.

    Raises
    ------
    KeyError
        If the model or its attractors are missing.
    ValueError
        If there are fewer than two attractors, or the diffusion is not positive.

    Examples
    --------
    >>> import landscape as ls
    >>> adata = ls.datasets.hematopoiesis()  # doctest: +SKIP
    >>> ls.tl.barriers(adata)  # doctest: +SKIP
    >>> ls.get.barriers(adata)  # doctest: +SKIP
    """
    adata = require_adata(adata)
    model = read_model(adata).with_diffusion(diffusion)
    noise = model.diffusion_constant
    states = read_result(adata, _keys.ATTRACTORS, hint="run `landscape.tl.attractors` first")["states"]
    if len(states) < 2:
        msg = f"Expected at least two attractors, found {len(states)}; there is no transition."
        raise ValueError(msg)
    cells = read(adata, "obsm", _keys.STATE, hint="run `landscape.tl.dynamics` first").to_numpy(dtype=float)
    x, names = states.to_numpy(dtype=float), [str(name) for name in states.index]
    found = transition_network(model.drift, x, diffusion=noise, n_points=n_points, n_jobs=n_jobs, rng=rng)
    if found.n_missing:
        logger.warning("%d of %d ordered pairs of attractors have no path", found.n_missing, len(x) * (len(x) - 1))
    saddles = saddle_tables(found, model, names)
    paths = path_tables(paths_of_network(found, model, names), list(model.regulators), least=LEAST)
    # Each replicate has its own noise, unless `diffusion` is given.
    ensemble = [each.with_diffusion(diffusion) for each in read_ensemble(adata)]
    replicates = tqdm(ensemble, desc="barriers of replicates", leave=False, disable=None)
    table = barrier_table(found, names, barrier_intervals(replicates, x, network=found, n_jobs=n_jobs, rng=rng))
    record = {"table": table, "converged": bool(found.converged), "curl_share": curl_share_at(model, cells)}
    params = {"diffusion": noise, "n_points": n_points, "kind": "quasi-potential (minimum action)"}
    adata = adata.copy() if copy else adata
    write_result(adata, _keys.SADDLES, saddles, params=params)
    write_result(adata, _keys.PATHS, paths, params={**params, "least": LEAST, "pairs": "all"})
    what = f"{int(table['height'].notna().sum())} barriers at D = {noise:.3g}"
    write_result(adata, _keys.BARRIERS, record, params=params, what=what)
    return adata if copy else None

"""Activity of regulators in the cells."""

from __future__ import annotations

import numpy as np
import pandas as pd
from anndata import AnnData

from landscape import _keys
from landscape._anndata import count_matrix, read, require_adata, write, write_result
from landscape.network import expression, regulon_activity
from landscape.network.data.expression import TARGET_SUM

_HINT = "run `landscape.tl.network(adata)` first"


def activity(
    adata: AnnData,
    *,
    network_key: str = _keys.NETWORK,
    layer: str = _keys.COUNTS,
    min_targets: int = 5,
    key_added: str = _keys.ACTIVITY,
    copy: bool = False,
) -> AnnData | None:
    """Activity of each regulator in each cell, from its targets (:func:`landscape.network.regulon_activity`).

    The standardised expression of all genes in a cell is regressed on the weights of the regulator, without the gene of the
    regulator itself. The activity is the t value of the slope.

    Parameters
    ----------
    adata
        Annotated data with a network.
    network_key
        Name of the network. Only its supported edges are used.
    layer
        Layer of counts. They are scaled to 10,000 per cell and transformed by log(1 + x).
    min_targets
        Minimum number of supported targets of a regulator.
    key_added
        Name of the result.
    copy
        Work on a copy of ``adata`` and return it.

    Returns
    -------
    ``None``, or the copy if ``copy=True``. Sets

    ``adata.obsm["regulon_activity"]`` : DataFrame, cells x regulators
        t values of the regulators with enough targets.
    ``adata.uns["landscape"]["regulon_activity"]``
        ``without_enough_targets``, the regulators that are left out.

    Raises
    ------
    KeyError
        If the network or the layer is missing.
    ValueError
        If no regulator has enough targets.

    Examples
    --------
    >>> import landscape as ls
    >>> adata = ls.datasets.hematopoiesis()  # doctest: +SKIP
    >>> ls.tl.activity(adata)  # doctest: +SKIP
    >>> adata.obsm["regulon_activity"]["Gata1"]  # doctest: +SKIP
    """
    adata = require_adata(adata)
    adata = adata.copy() if copy else adata
    weights = read(adata, "varp", network_key, hint=_HINT)
    support = read(adata, "varp", network_key + _keys.SUPPORT_SUFFIX, hint=_HINT)
    flag = _keys.IN_NETWORK if network_key == _keys.NETWORK else f"regulator_in_{network_key}"
    index = np.flatnonzero(read(adata, "var", flag, hint=_HINT).to_numpy(dtype=bool))
    counts = count_matrix(adata, layer, filled=True)
    values = expression(counts, index, transform="log", target_sum=TARGET_SUM, block_size=adata.n_obs).block(0).targets
    active = weights[index].multiply(support[index] != 0).toarray()
    found, enough = regulon_activity(values, active, index, min_targets=min_targets)
    if not enough.any():
        most = int((active != 0).sum(axis=1).max(initial=0))
        msg = f"Expected regulators with at least {min_targets} supported targets, found at most {most}; lower `min_targets`."
        raise ValueError(msg)
    names = adata.var_names[index]
    table = pd.DataFrame(found[:, enough], index=adata.obs_names, columns=names[enough])
    write(adata, "obsm", key_added, table, what=f"activity of {int(enough.sum())} regulators")
    record = {"without_enough_targets": names[~enough].to_numpy().astype(object)}
    params = {"network_key": network_key, "layer": layer, "min_targets": min_targets}
    write_result(adata, key_added, record, params=params)
    return adata if copy else None

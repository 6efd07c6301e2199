"""Tables of the networks of states: their edges, and how far two of them overlap."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from landscape.network.states import StateNetworks


def state_edge_table(
    found: StateNetworks, support: NDArray[np.bool_], genes: NDArray[np.object_], regulators: NDArray[np.int64]
) -> pd.DataFrame:
    """One row per state and edge of the support: ``state``, ``source``, ``target``, ``weight``, ``sd``, ``shared``.

    Parameters
    ----------
    found
        Networks of the states.
    support
        Edges to list, regulators x genes.
    genes
        Names of all genes.
    regulators
        Column of each regulator among the genes.
    """
    row, column = np.nonzero(support)
    tables = [
        pd.DataFrame(
            {
                "state": str(state),
                "source": genes[regulators[row]],
                "target": genes[column],
                "weight": weights[row, column],
                "sd": sd[row, column],
                "shared": found.shared[row, column],
            }
        )
        for state, weights, sd in zip(found.names, found.weights, found.sd, strict=True)
    ]
    return pd.concat(tables, ignore_index=True)


def overlap_table(found: StateNetworks) -> pd.DataFrame:
    """One row per pair of states: ``first``, ``second``, ``overlap`` (cosine of the two networks), ``sd``.

    Parameters
    ----------
    found
        Networks of the states.
    """
    first, second = np.triu_indices(len(found.names), 1)
    names = np.array([str(name) for name in found.names], dtype=object)
    return pd.DataFrame(
        {
            "first": names[first],
            "second": names[second],
            "overlap": found.overlap[first, second],
            "sd": found.overlap_sd[first, second],
        }
    )

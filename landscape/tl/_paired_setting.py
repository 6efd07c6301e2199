"""What perturbations of a fitted model share: start, reference states, duration, and how well the unperturbed model agrees."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray

from landscape import _keys
from landscape._anndata import read, read_result
from landscape._model import read_ensemble, read_model
from landscape._random import RandomLike, seed_of
from landscape.dynamics import GeneModel
from landscape.perturbation import References, references, replicates_needed, smallest_lfsr
from landscape.perturbation.agreement import labels_shared, start_agreement
from landscape.tl._cells import cells_of
from landscape.tl._start import duration_of, start_of

logger = logging.getLogger(__name__)

# Rate of sign errors for which the log says how many replicates it takes.
USUAL_LFSR = 0.05


@dataclass(frozen=True, eq=False)
class FittedModel:
    """A fitted model with the states of the cells and its attractors.

    Attributes
    ----------
    models
        The fit and its replicates.
    x
        State of each cell, shape ``(n, d)``.
    states
        Attractors x regulators.
    """

    models: tuple[GeneModel, ...]
    x: NDArray[np.float64]
    states: pd.DataFrame

    @property
    def fit(self) -> GeneModel:
        """The fit."""
        return self.models[0]


@dataclass(frozen=True, eq=False)
class PairedSetting:
    """Start and length of paired paths.

    Attributes
    ----------
    known
        Reference states of the fates.
    cells
        Positions of the cells to start from.
    start
        Start of each path, shape ``(n, d)``.
    duration
        Time with noise.
    seed
        Seed of the noise.
    """

    known: References
    cells: NDArray[np.int64]
    start: NDArray[np.float64]
    duration: float
    seed: int


def read_fitted(adata: AnnData) -> FittedModel:
    """Model, replicates, states of cells and attractors of annotated data."""
    model = read_model(adata)
    states = read_result(adata, _keys.ATTRACTORS, hint="run `landscape.tl.attractors` first")["states"]
    x = read(adata, "obsm", _keys.STATE, hint="run `landscape.tl.dynamics` first").to_numpy(dtype=float)
    return FittedModel((model, *read_ensemble(adata)), x, states)


def setting_of(
    adata: AnnData,
    fitted: FittedModel,
    *,
    cells: Sequence[str] | NDArray[np.bool_] | str | None,
    duration: float | None,
    n_particles: int,
    rng: RandomLike,
) -> PairedSetting:
    """Start cells, references and duration of paired paths.

    References come from the start of the whole data, so that every subset of cells has the same fates.
    """
    origin = start_of(adata)
    chosen = origin if cells is None else cells_of(adata, cells)
    x, states = fitted.x, fitted.states
    known = references(tuple(map(str, states.index)), states.to_numpy(dtype=float), x[origin])
    if duration is None:
        duration = duration_of(adata, fitted.fit.drift, x[origin], known.states)
    seed = seed_of(rng)
    start = x[chosen[np.random.default_rng(seed).integers(0, len(chosen), n_particles)]]
    return PairedSetting(known, chosen, start, float(duration), seed)


def cells_in_words(cells: Sequence[str] | NDArray[np.bool_] | str | None, setting: PairedSetting) -> str:
    """The start cells, as they are stored with the parameters."""
    return "start" if cells is None else cells if isinstance(cells, str) else f"{len(setting.cells)} cells"


def agreement_of(adata: AnnData, shares: pd.Series, cells: NDArray[np.int64]) -> pd.DataFrame | None:
    """Unperturbed shares beside the fates of the cells on the chain, if these have names in common with the attractors."""
    for key in (f"{_keys.TERMINAL}_fates", _keys.FATES):
        if key in adata.obsm and labels_shared(adata.obsm[key].columns, shares.index):
            return start_agreement(shares, adata.obsm[key].iloc[cells].mean())
    return None


def require_paths(*, n_particles: int, duration: float | None, max_disagreement: float) -> None:
    """Raise unless the numbers of an ensemble are in their range."""
    if n_particles < 1:
        msg = f"Expected `n_particles` >= 1, found {n_particles}."
        raise ValueError(msg)
    if duration is not None and not (np.isfinite(duration) and duration > 0):
        msg = f"Expected a positive `duration`, found {duration}."
        raise ValueError(msg)
    if not 0 <= max_disagreement <= 1:
        msg = f"Expected `max_disagreement` from 0 to 1, found {max_disagreement}."
        raise ValueError(msg)


def log_replicates(n: int) -> None:
    """Say what the ensemble can show: nothing without replicates, and no small rate with a few."""
    smallest, needed = smallest_lfsr(n), replicates_needed(USUAL_LFSR)
    if not np.isfinite(smallest):
        logger.warning(
            "%d replicates of the model: changes have no interval and no rate of sign errors; fit with "
            "`landscape.tl.dynamics(..., n_replicates=%d)`",
            n,
            needed,
        )
    elif smallest > USUAL_LFSR:
        logger.info("%d replicates: no lfsr is below %.2f; %d are needed for %.2f", n, smallest, needed, USUAL_LFSR)

"""Time scales: how far the rates at which the network comes to rest lie apart."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from landscape._random import RandomLike
from landscape.assays.assess import N_NULL, Assay, Measured, assess
from landscape.assays.finding import Finding
from landscape.assays.subject import Subject, View
from landscape.dynamics import jacobian


def _measure(view: View, rng: np.random.Generator) -> Measured:
    del rng
    if not len(view.states):
        return Measured(np.nan, reason=view.merged)
    rates = -np.linalg.eigvals(jacobian(view.model.drift, torch.as_tensor(view.states)).numpy()).real
    rates = np.sort(rates, axis=1)
    spread = np.log10(rates[:, -1] / rates[:, 0])
    names = view.subject.names if len(rates) == len(view.memories) else range(len(rates))
    table = pd.DataFrame(
        {
            "state": list(names),
            "slowest": rates[:, 0],
            "next": rates[:, 1] if rates.shape[1] > 1 else np.nan,
            "fastest": rates[:, -1],
        }
    )
    alone = float(np.log10(view.rates.max() / view.rates.min()))
    return Measured(float(spread.mean()), details={"states": table, "decay_alone": alone})


ASSAY = Assay(
    name="time scales",
    row="",
    section="Gene regulatory networks, attractor states, and energy landscapes",
    claim="Interactions play out at different rates.",
    statistic="decades between the fastest and the slowest relaxation at a cell type, mean over cell types",
    direction="above",
    needs="C",
    measure=_measure,
    min_memories=1,
    fixed_by=frozenset({"decay"}),
)


def time_scales(subject: Subject, *, n_null: int = N_NULL, rng: RandomLike = 0) -> Finding:
    """Decades between the fastest and the slowest rate of relaxation, by the eigenvalues of the Jacobian at each phenotype.

    Not testable where the fit gave all genes one decay rate. The details have the rates and the decades of the decay rates alone.

    Parameters
    ----------
    subject
        Model beside its cells.
    n_null, rng
        As for :func:`landscape.assays.assess`.
    """
    return assess(ASSAY, subject, n_null=n_null, rng=rng)

"""Genes worth trying in larger sets: those that nearly do, those that move cells, and those that tell the two states apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, zip_longest
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from landscape.dynamics import Model
from landscape.reprogramming.flow import hold_and_release
from landscape.reprogramming.sets import GeneSet, as_arrays


def candidates(
    model: Model[Any],
    source: NDArray[np.float64],
    target: NDArray[np.float64],
    singles: Sequence[GeneSet],
    *,
    n: int,
    reach: float,
    first: Iterable[int] = (),
) -> list[int]:
    r"""Genes for sets that are too many to try them all, the most promising first.

    Genes of smaller sets that nearly do come first. Then two lists take turns, because either alone misses genes: those that,
    held alone, take the state nearest to the target; and those whose difference between the two states has the largest effect on
    other genes, :math:`|\phi_j(x^B) - \phi_j(x^A)| \, \lVert W_{\cdot j} \rVert`.

    Parameters
    ----------
    model
        The model.
    source, target
        The two states, shape ``(d,)``.
    singles
        Sets of one gene.
    n
        Number of genes.
    reach
        Distance, root mean square over genes, by which fates are told apart.
    first
        Genes that come first.
    """
    genes, levels = as_arrays(singles)
    moved = hold_and_release(model, torch.as_tensor(np.tile(source, (len(singles), 1))), genes, levels, reach=reach)
    nearest = np.sqrt(((moved.held.numpy() - target) ** 2).mean(1))
    by_flow = genes[np.argsort(nearest, kind="stable"), 0]
    strength = _contrast(model, source, target)
    by_difference = sorted(set(genes[:, 0].tolist()), key=lambda gene: -strength[gene])
    turns = chain.from_iterable(zip_longest(dict.fromkeys(by_flow.tolist()), by_difference))
    known = set(genes[:, 0].tolist())
    ordered = dict.fromkeys(gene for gene in chain(first, turns) if gene in known)
    return list(ordered)[:n]


def _contrast(model: Model[Any], source: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """Effect on other genes of the difference of each gene between two states; the difference where no weights are known."""
    drift = model.drift
    if not hasattr(drift, "weights"):
        return np.abs(target - source)
    weights = drift.weights.numpy().copy()
    np.fill_diagonal(weights, 0.0)
    responses = drift.response(torch.as_tensor(np.stack([source, target]))).numpy()
    return np.abs(np.diff(responses, axis=0)[0]) * np.linalg.norm(weights, axis=0)

"""How the latent model was fitted, and whether it makes counts like those it saw."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from anndata import AnnData
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from numpy.typing import NDArray

from landscape import _keys
from landscape._anndata import count_matrix, require_adata
from landscape._random import RandomLike, generator
from landscape.latent import LatentModel
from landscape.latent.module import log_dispersion
from landscape.pl._cells import SAFE
from landscape.pl._figure import INK, QUIET, caption, finish

MOST_CELLS = 2000


def latent(
    adata: AnnData,
    *,
    model: LatentModel,
    layer: str | None = _keys.COUNTS,
    n_cells: int = MOST_CELLS,
    title: str | None = None,
    show: bool | None = None,
    return_fig: bool = False,
    rng: RandomLike = 0,
) -> Any:
    r"""Draw the training of a latent model, and two checks of the counts that it would make.

    The curves are the evidence lower bound per cell on training and on held-out cells. The checks compare, for each gene,
    what was observed with what the model expects at the posterior means: the share of zeros,
    :math:`\langle (1 + m_{cg}/\theta_g)^{-\theta_g} \rangle_c`, and the variance over cells,
    :math:`\langle m_{cg} + m_{cg}^2/\theta_g \rangle_c + \mathrm{Var}_c(m_{cg})`. Genes beside the diagonal are those
    that the model gets wrong. Zero-inflated models show the curves only.

    Parameters
    ----------
    adata
        Annotated data with the counts.
    model
        A trained model.
    layer
        Layer with the counts; ``None``: ``adata.X``.
    n_cells
        Most cells that enter the checks; the figure says how many of how many.
    title, show, return_fig
        As for :func:`landscape`.
    rng
        Seed of the choice of cells.

    Returns
    -------
    List of axes (training, divergence, zeros, variance), figure, or ``None`` if shown.

    Raises
    ------
    TypeError
        If ``model`` is no latent model.
    ValueError
        If the model is not trained.
    """
    require_adata(adata)
    if not isinstance(model, LatentModel):
        msg = f"Expected `model` to be a `landscape.latent.LatentModel`, found {type(model).__name__}."
        raise TypeError(msg)
    if not model.is_trained or not len(model.history):
        msg = "Expected a trained model with its history, found none; run `model.train()` first."
        raise ValueError(msg)
    checks = model.architecture.gene_likelihood != "zinb"
    n = 4 if checks else 2
    figure, row = plt.subplots(1, n, figsize=(3.15 * n, 3.1), layout="constrained")
    axes = list(row)
    _training(axes[0], axes[1], model)
    notes = []
    if checks:
        used = np.arange(adata.n_obs)
        if adata.n_obs > n_cells:
            used = np.sort(generator(rng).choice(adata.n_obs, size=n_cells, replace=False))
            notes.append(f"checks on {n_cells:,} of {adata.n_obs:,} cells")
        counts = count_matrix(adata[used], layer, check=False)
        counts = counts[:, adata.var_names.get_indexer(model.genes)]
        zeros, variance = expected(model, adata[used])
        square = np.asarray(counts.multiply(counts).mean(0)).ravel()
        seen = square - np.asarray(counts.mean(0)).ravel() ** 2
        _against(axes[2], 1 - counts.getnnz(axis=0) / len(used), zeros, "share of zeros")
        positive = (seen > 0) & (variance > 0)
        _against(axes[3], seen[positive], variance[positive], "variance", log=True)
        notes.append("a point is a gene")
    if title:
        figure.suptitle(title, color=INK)
    caption(figure, notes)
    return finish(figure, axes, show=show, return_fig=return_fig)


def expected(model: LatentModel, adata: AnnData) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Share of zeros and variance over cells that the model expects of each gene at the posterior means."""
    mean = np.asarray(
        model.get_normalized_expression(adata, library_size="observed", return_numpy=True), dtype=np.float64
    )
    if model.architecture.gene_likelihood == "poisson":
        return np.exp(-mean).mean(0), mean.mean(0) + mean.var(0)
    codes = np.zeros(adata.n_obs, dtype=np.int64)
    if model.batch_key is not None:
        codes = np.array([model.batches.index(str(name)) for name in adata.obs[model.batch_key]])
    with torch.no_grad():
        theta = log_dispersion(model.module, torch.as_tensor(codes)[:, None]).exp().cpu().numpy().astype(np.float64)
    zeros = np.exp(-theta * np.log1p(mean / theta)).mean(0)
    return zeros, (mean + mean**2 / theta).mean(0) + mean.var(0)


def _training(bound: Axes, divergence: Axes, model: LatentModel) -> None:
    history = model.history
    for ax, name, label in (
        (bound, "elbo", "lower bound (nats per cell)"),
        (divergence, "kl", "divergence (nats per cell)"),
    ):
        for part, colour, words in (("train", SAFE[0], "training"), ("validation", SAFE[1], "held out")):
            values = history[f"{name}_{part}"]
            if values.notna().any():
                (line,) = ax.plot(history.index, values, color=colour, lw=1.5, label=words)
                line.set_gid(f"{name}_{part}")
        ax.set_xlabel("epoch", fontsize=9)
        ax.set_ylabel(label, fontsize=9)
        _plain(ax)
    held_out = history["elbo_validation"]
    if held_out.notna().any():
        best = held_out.idxmax()
        bound.axvline(best, color=QUIET, lw=0.8, ls=":")
        bound.annotate(f"best: {best}", (best, 0.04), xycoords=("data", "axes fraction"), fontsize=8, color=QUIET,
                       ha="right", xytext=(-3, 0), textcoords="offset points")  # fmt: skip
        # The first epochs are far below and would flatten the rest.
        low = np.nanquantile(history[["elbo_train", "elbo_validation"]].to_numpy(), 0.1)
        high = np.nanmax(history[["elbo_train", "elbo_validation"]].to_numpy())
        if high > low:
            bound.set_ylim(low - 0.05 * (high - low), high + 0.08 * (high - low))
    bound.legend(frameon=False, fontsize=8, loc="center right")


def _against(ax: Axes, seen: NDArray[np.float64], made: NDArray[np.float64], what: str, *, log: bool = False) -> None:
    points = ax.scatter(seen, made, s=6, color=SAFE[0], alpha=0.35, linewidths=0, rasterized=True)
    points.set_gid(what)
    if log:
        ax.set(xscale="log", yscale="log")
    both = np.concatenate([seen, made])
    ends = [float(both.min()), float(both.max())] if len(both) else [0.0, 1.0]
    ax.plot(ends, ends, color=INK, lw=0.9)
    ax.set_xlabel(f"observed {what}", fontsize=9)
    ax.set_ylabel(f"expected {what}", fontsize=9)
    _plain(ax)


def _plain(ax: Axes) -> None:
    ax.tick_params(labelsize=8)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)

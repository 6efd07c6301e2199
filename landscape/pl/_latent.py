"""Training of the latent model, and posterior predictive checks of its counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import LogFormatter
from numpy.typing import NDArray

from landscape._anndata import require_adata
from landscape.latent import CompressionCurve, LatentModel, PredictiveCheck
from landscape.pl.scene.cells import SAFE
from landscape.pl.style.figure import INK, PAGE, QUIET, caption, finish, hide_spines, width_scale

# Width from which three panels stand beside one another, in inches.
_THREE = 5.5
# Share of the values of the bound that are cut off, those of the first epochs.
_CUT_OFF = 0.1


def latent(
    adata: AnnData,
    *,
    model: LatentModel,
    check: PredictiveCheck | None = None,
    compression: CompressionCurve | None = None,
    width: float = PAGE,
    title: str | None = None,
    show: bool | None = None,
    return_fig: bool = False,
) -> Any:
    r"""Draw the training of a latent model, and posterior predictive checks of its counts.

    The curves are the evidence lower bound per cell on training and on held-out cells, and the Kullback-Leibler divergence.
    The checks show for each gene the share of zeros and the variance over cells, observed and predicted, and the share of
    counts in central intervals of the predictive distribution. The model fits genes on the diagonal.

    Parameters
    ----------
    adata
        Annotated data with the counts.
    model
        A trained model.
    check
        Checks to draw, of :meth:`landscape.latent.LatentModel.posterior_predictive_check`.
    compression
        Bounds for several numbers of latent dimensions to draw, of :func:`landscape.latent.compression_curve`.
    width
        Width of the figure in inches; the height follows.
    title, show, return_fig
        As for :func:`landscape`.

    Returns
    -------
    List of axes (bound and divergence; zeros, variance and coverage with ``check``; bounds with ``compression``), figure, or
    ``None`` if shown.

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
    if not model.is_trained:
        msg = "Expected a trained model, found one that is not; run `model.train()` first."
        raise ValueError(msg)
    n = 2 + 3 * (check is not None) + (compression is not None)
    columns = min(3 if width >= _THREE else 2, n)
    rows = -(-n // columns)
    figure, grid = plt.subplots(
        rows,
        columns,
        figsize=(width, rows * (0.85 * width / columns + 0.25) + 0.2),
        layout="constrained",
        squeeze=False,
    )
    axes = list(grid.ravel())
    for ax in axes[n:]:
        ax.set_axis_off()
    text = width_scale(width)
    _training(axes[0], axes[1], model, text)
    notes = []
    if check is not None:
        _check(axes[2:5], check, text)
        notes = [
            "a point is a gene",
            "lines on bars: the probability of the interval",
            f"checks on {check.n_cells:,} of {adata.n_obs:,} cells",
        ]
    if compression is not None:
        _compression(axes[n - 1], compression, text)
    if title:
        figure.suptitle(title, color=INK)
    caption(figure, notes)
    return finish(figure, axes[:n], show=show, return_fig=return_fig)


def _check(axes: Sequence[Axes], check: PredictiveCheck, text: float) -> None:
    """Zeros, variances and coverage, observed and predicted."""
    genes = check.genes
    _against(axes[0], genes["zeros"], genes["predicted_zeros"], "share of zeros", text)
    seen = (genes["variance"] > 0) & (genes["predicted_variance"] > 0)
    _against(axes[1], genes["variance"][seen], genes["predicted_variance"][seen], "variance", text, log=True)
    _coverage(axes[2], check.coverage, text)


def _training(bound: Axes, divergence: Axes, model: LatentModel, text: float) -> None:
    history = model.history
    for ax, name, label in (
        (bound, "elbo", "lower bound\n(nats per cell)"),
        (divergence, "kl", "divergence\n(nats per cell)"),
    ):
        for part, colour, cells in (("train", SAFE[0], "training"), ("validation", SAFE[1], "held out")):
            values = history[f"{name}_{part}"]
            if values.notna().any():
                (line,) = ax.plot(history.index, values, color=colour, lw=1.5, label=cells)
                line.set_gid(f"{name}_{part}")
        _plain(ax, "epoch", label, text)
    if not len(history):
        bound.text(0.5, 0.5, "no history", transform=bound.transAxes, ha="center", color=QUIET)
        return
    _best(bound, history, text)
    divergence.set_yscale("log")  # it falls a hundredfold in the first epochs
    for set_formatter in (divergence.yaxis.set_major_formatter, divergence.yaxis.set_minor_formatter):
        set_formatter(LogFormatter(minor_thresholds=(2.0, 0.5)))  # plain numbers, as on the other axes
    divergence.tick_params(which="both", labelsize=7.5 * text)
    bound.legend(frameon=False, fontsize=7.5 * text, loc="center right")


def _best(ax: Axes, history: pd.DataFrame, text: float) -> None:
    """Mark the epoch whose weights were kept; the first epochs, which would compress the scale, are cut off."""
    held_out = history["elbo_validation"]
    if not held_out.notna().any():
        return
    best = held_out.idxmax()
    ax.axvline(best, color=QUIET, lw=0.8, ls=":")
    ax.annotate(
        f"best: {best}",
        (best, 0.04),
        xycoords=("data", "axes fraction"),
        xytext=(-3, 0),
        textcoords="offset points",
        fontsize=7.5 * text,
        color=QUIET,
        ha="right",
    )
    bounds = history[["elbo_train", "elbo_validation"]].to_numpy()
    low, high = np.nanquantile(bounds, _CUT_OFF), np.nanmax(bounds)
    if high > low:
        ax.set_ylim(low - 0.05 * (high - low), high + 0.08 * (high - low))


def _against(ax: Axes, seen: pd.Series, made: pd.Series, what: str, text: float, *, log: bool = False) -> None:
    points = ax.scatter(seen, made, s=6, color=SAFE[0], alpha=0.35, linewidths=0, rasterized=True)
    points.set_gid(what)
    if log:
        ax.set(xscale="log", yscale="log")
    both = np.concatenate([seen, made])
    ends = [float(both.min()), float(both.max())] if len(both) else [0.0, 1.0]
    ax.plot(ends, ends, color=INK, lw=0.9)
    _plain(ax, f"observed {what}", f"predicted {what}", text)


def _coverage(ax: Axes, table: pd.DataFrame, text: float) -> None:
    places: NDArray[np.int64] = np.arange(len(table))
    bars = ax.bar(places, table["coverage"], width=0.62, color="#6d8fa3")
    bars[0].set_gid("coverage")
    ax.hlines(table["level"], places - 0.4, places + 0.4, color=INK, lw=1.4)
    ax.bar_label(bars, labels=[f"{v:.2f}" for v in table["coverage"]], fontsize=7 * text, padding=2, color=INK)
    ax.set_xticks(places, [f"{100 * v:.0f}" for v in table["level"]])
    ax.set_ylim(0, 1.12)
    _plain(ax, "central interval (%)", "share of counts inside", text)


def _compression(ax: Axes, curve: CompressionCurve, text: float) -> None:
    mean = curve.table.groupby("n_latent")["elbo"].mean()
    ax.scatter(curve.table["n_latent"], curve.table["elbo"], s=14, color=SAFE[0], alpha=0.5, linewidths=0)
    (line,) = ax.plot(mean.index, mean, color=SAFE[0], lw=1.5)
    line.set_gid("compression")
    ax.set_xscale("log")
    ax.set_xticks(list(mean.index), [f"{n}" for n in mean.index])
    ax.minorticks_off()
    ax.axvline(curve.n_latent, color=QUIET, lw=0.8, ls=":")
    # The label stands on the side of the line where there is room.
    late = curve.n_latent**2 > mean.index.min() * mean.index.max()
    ax.annotate(f" enough: {curve.n_latent} ", (curve.n_latent, 0.04), xycoords=("data", "axes fraction"), fontsize=7.5 * text,
                color=QUIET, ha="right" if late else "left")  # fmt: skip
    _plain(ax, "latent dimensions", "held-out bound\n(nats per cell)", text)


def _plain(ax: Axes, across: str, along: str, text: float) -> None:
    ax.set_xlabel(across, fontsize=8.5 * text)
    ax.set_ylabel(along, fontsize=8.5 * text)
    ax.tick_params(labelsize=7.5 * text)
    hide_spines(ax, "top", "right")

"""The report card of the genomic code at a glance."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from landscape import _keys
from landscape._anndata import read_result, require_adata
from landscape.pl.style.figure import (
    DOWN,
    INK,
    PAGE,
    QUIET,
    UP,
    caption,
    counted,
    finish,
    hide_spines,
    width_scale,
)
from landscape.pl.style.verdict import flagged_title

# Colour of each verdict, in the order of the figure.
_COLOURS = {"supported": UP, "undecided": QUIET, "contradicted": DOWN}
UNTESTABLE = "not testable here"
_BAND = "#d9dce0"
# Sizes of names, numbers, claims and nulls in points; lines are 1.3 times as high, and a letter is half as wide as high.
_NAME, _NUMBER, _CLAIM, _NULL = 8.0, 7.0, 6.2, 6.2
_LINE, _LETTER = 1.3, 0.54
# Room between rows, above the first, and for the caption, in inches.
_GAP, _ROOM = 0.07, 0.75
# Largest distance from the null that is drawn, in half widths of its band; beyond there is an arrow.
_LIMIT = 8.0
# The same of a null that is one number.
_THIN = 0.15
# Share of the width that words take on the left, and numbers on the right; in a figure of a page, and in a column, where numbers need more.
_WORDS, _NUMBERS = 0.5, {True: 0.21, False: 0.3}
# Width from which a figure is one of a page.
_PAGE_FROM = 5.0


def genomic_code(
    adata: AnnData,
    *,
    key: str = _keys.GENOMIC_CODE,
    width: float = PAGE,
    title: str | None = "The genomic code in these data",
    show: bool | None = None,
    return_fig: bool = False,
) -> Any:
    """Which claims of the genomic code hold in these data, one line for each claim.

    The grey bar is the band of 90 % of the null, the point the statistic, the line its interval of 90 %. All are in units of the band, and turned such that the
    claim puts the point to the right. Claims that are not testable here are listed below, with the reason.

    Parameters
    ----------
    adata
        Annotated data after :func:`landscape.tl.genomic_code`.
    key
        Name of the result.
    width
        Width of the figure in inches.
    title
        Title.
    show
        Show the figure; by default where the backend can.
    return_fig
        Return the figure.

    Returns
    -------
    The axes, the figure with ``return_fig=True``, or ``None`` where it is shown.

    Raises
    ------
    KeyError
        If there is no card.

    Examples
    --------
    >>> import landscape as ls
    >>> adata = ls.datasets.hematopoiesis()  # doctest: +SKIP
    >>> ls.tl.genomic_code(adata)  # doctest: +SKIP
    >>> ls.pl.genomic_code(adata)  # doctest: +SKIP
    """
    record = read_result(require_adata(adata), key, hint="run `landscape.tl.genomic_code(adata)` first")
    table = record["table"]
    order = {verdict: k for k, verdict in enumerate(_COLOURS)}
    known = table[table["verdict"] != UNTESTABLE]
    known = known.iloc[np.argsort([order[str(v)] for v in known["verdict"]], kind="stable")]
    rest = table[table["verdict"] == UNTESTABLE]
    page = _Page(width, width_scale(width))
    blocks = [page.block(str(name), row) for part in (known, rest) for name, row in part.iterrows()]
    heading = page.line(_NAME) + 3 * _GAP if len(rest) else 0.0
    height = sum(block.height for block in blocks) + heading
    figure, ax = plt.subplots(figsize=(width, height + _ROOM), layout="constrained")
    ax.set_xlim(0, 1)
    ax.set_ylim(height, 0)
    top = 0.0
    for number, block in enumerate(blocks):
        if number == len(known) and len(rest):
            ax.axhline(top + _GAP, color=_BAND, lw=0.8)
            ax.text(0, top + 2 * _GAP, UNTESTABLE, color=QUIET, fontsize=_NAME * page.scale, va="top", style="italic")
            top += heading
        page.draw(ax, block, top)
        top += block.height
    # Lines were broken for the width of the figure, to which the layout keeps the axes if it does not make room for words.
    for text in ax.texts:
        text.set_in_layout(False)
    ax.set_xticks([])
    ax.set_yticks([])
    hide_spines(ax, *ax.spines)
    title, colour = flagged_title(adata, title)
    if title:
        ax.set_title(title, color=colour, fontsize=11 * page.scale, loc="left")
    _caption(figure, table, record)
    return finish(figure, ax, show=show, return_fig=return_fig)


@dataclass(frozen=True)
class _Block:
    """One claim: its row, the lines of its words and of the reason, and its height in inches."""

    row: pd.Series
    name: str
    claim: list[str]
    reason: list[str]
    height: float


@dataclass(frozen=True)
class _Page:
    """Width in inches, and factor of the size of text."""

    width: float
    scale: float

    @property
    def numbers(self) -> float:
        """Share of the width that numbers take."""
        return _NUMBERS[self.width >= _PAGE_FROM]

    def line(self, size: float) -> float:
        """Height of a line in inches."""
        return _LINE * size * self.scale / 72

    def wrap(self, text: str, share: float, size: float) -> list[str]:
        """Lines of a text in a share of the width."""
        return textwrap.wrap(text, max(12, int(share * self.width * 72 / (_LETTER * size * self.scale))))

    def block(self, name: str, row: pd.Series) -> _Block:
        untestable = row["verdict"] == UNTESTABLE
        claim = self.wrap(str(row["claim"]), _WORDS - 0.03, _CLAIM)
        reason = self.wrap(str(row["reason"]).replace("`", ""), 1 - _WORDS - 0.01, _CLAIM) if untestable else []
        lines = max(
            self.line(_NAME) + len(claim) * self.line(_CLAIM),
            len(reason) * self.line(_CLAIM),
            self.line(_NUMBER) + self.line(_NULL),
        )
        return _Block(row, name, claim, reason, lines + _GAP)

    def draw(self, ax: Axes, block: _Block, top: float) -> None:
        colour = QUIET if block.reason else INK
        ax.text(0, top, block.name, color=colour, fontsize=_NAME * self.scale, va="top", weight="bold")
        for number, text in enumerate(block.claim):
            at = top + self.line(_NAME) + number * self.line(_CLAIM)
            ax.text(0, at, text, color=QUIET, fontsize=_CLAIM * self.scale, va="top")
        for number, text in enumerate(block.reason):
            ax.text(_WORDS, top + number * self.line(_CLAIM), text, color=QUIET, fontsize=_CLAIM * self.scale, va="top")
        if not block.reason:
            self._line(ax, block, top)

    def _line(self, ax: Axes, block: _Block, top: float) -> None:
        """The band of the null, the interval and the number of one claim."""
        row, colour = block.row, _COLOURS[str(block.row["verdict"])]
        value, low, high = in_bands(row)
        left, right = _WORDS, 1 - self.numbers - 0.02
        tall = self.line(_NAME) + self.line(_CLAIM)
        y = top + tall / 2

        def at(x: float) -> float:
            return float(left + (right - left) * (np.clip(x, -_LIMIT, _LIMIT) + _LIMIT) / (2 * _LIMIT))

        if np.isfinite(row["null_low"]):
            half = 1.0 if row["null_high"] > row["null_low"] else _THIN
            ax.add_patch(Rectangle((at(-half), top), at(half) - at(-half), tall, color=_BAND, lw=0))
        if np.isfinite(low):
            ax.plot([at(low), at(high)], [y, y], color=colour, lw=1.8 * self.scale, solid_capstyle="butt")
        marker = "o" if abs(value) <= _LIMIT else (">" if value > 0 else "<")
        if np.isfinite(value):
            face = colour if np.isfinite(low) else "white"
            ax.scatter([at(value)], [y], s=22 * self.scale**2, marker=marker, color=face, edgecolor=colour, zorder=3)
        numbers = f"{row['value']:.2g}"
        if np.isfinite(row["low"]) and row["high"] > row["low"]:
            numbers += f" [{row['low']:.2g}, {row['high']:.2g}]"
        null = f"null {row['null_low']:.2g} to {row['null_high']:.2g}" if np.isfinite(row["null_low"]) else "no null"
        ax.text(1 - self.numbers, top, numbers, color=colour, fontsize=_NUMBER * self.scale, va="top")
        ax.text(1 - self.numbers, top + self.line(_NUMBER), null, color=QUIET, fontsize=_NULL * self.scale, va="top")


def in_bands(row: pd.Series) -> tuple[float, float, float]:
    """Value and ends of the interval in half widths of the band of the null, larger in the direction of the claim; NaN without a band.

    A band without width, as of a null that is one number, counts as a quarter of the distance to it.
    """
    low, high = float(row["null_low"]), float(row["null_high"])
    middle, half = (low + high) / 2, (high - low) / 2
    if not half > 0:
        half = max(abs(float(row["value"]) - middle) / 4, np.finfo(float).tiny) if np.isfinite(low) else np.nan
    sign = 1.0 if row["direction"] == "above" else -1.0
    value, first, second = (sign * (float(row[key]) - middle) / half for key in ("value", "low", "high"))
    return value, min(first, second), max(first, second)


def _caption(figure: Any, table: pd.DataFrame, record: dict[str, Any]) -> None:
    counts = table["verdict"].value_counts()
    words = ", ".join(f"{counts[v]} {v}" for v in (*_COLOURS, UNTESTABLE) if v in counts)
    n = int(record["params"]["n_models"])
    notes = [
        words,
        "grey: 90 % of the null",
        "line: 90 % of the replicates",
        "right: as the claim says",
        f"{counted(n, 'latent model')}; grade {table['grade'].iloc[0]}",
    ]
    caption(figure, notes)

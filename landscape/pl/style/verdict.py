"""Say on the figure itself that the data support no landscape: a picture is copied without its page."""

from __future__ import annotations

from anndata import AnnData
from matplotlib.figure import Figure

from landscape._verdict import UNSUPPORTED, verdict_of
from landscape.pl.style.figure import DOWN, INK

MARK = UNSUPPORTED.capitalize()


def flagged_title(adata: AnnData, title: str | None) -> tuple[str | None, str]:
    """Title of a figure and its colour; where no landscape is supported, it says so first."""
    if verdict_of(adata).supported is not False:
        return title, INK
    return (f"{MARK}\n{title}" if title else MARK), DOWN


def flag(figure: Figure, adata: AnnData) -> None:
    """Write above a drawn figure that no landscape is supported, unless one of its titles says so."""
    above = figure.get_suptitle()
    if any(MARK in title for title in (above, *(ax.get_title() for ax in figure.axes))):
        return
    title, color = flagged_title(adata, above or None)
    if title and title != above:
        figure.suptitle(title, color=color)

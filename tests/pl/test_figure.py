"""Whether a figure is shown or returned."""

from __future__ import annotations

from unittest.mock import patch

import matplotlib as mpl
import pytest
from matplotlib import pyplot as plt

from landscape.pl.style.figure import finish, new_axes


@pytest.mark.parametrize(
    ("backend", "shown"),
    [
        ("Agg", False),
        ("pdf", False),
        ("TkAgg", True),
        ("QtAgg", True),
        ("module://matplotlib_inline.backend_inline", True),
    ],
)
def test_shown_where_the_backend_can_show(backend: str, shown: bool) -> None:
    figure, axes = new_axes(None, size=(2, 2))
    with patch.object(mpl, "get_backend", return_value=backend), patch.object(plt, "show") as show:
        result = finish(figure, axes, show=None, return_fig=False)
    assert show.called == shown
    assert result is (None if shown else axes)
    plt.close(figure)


def test_what_is_asked_for_wins() -> None:
    figure, axes = new_axes(None, size=(2, 2))
    with patch.object(plt, "show") as show:
        assert finish(figure, axes, show=True, return_fig=False) is None
        assert finish(figure, axes, show=False, return_fig=False) is axes
        assert finish(figure, axes, show=None, return_fig=True) is figure
    assert show.call_count == 1
    plt.close(figure)

"""Names of groups of cells: by the label of their majority, and apart from one another."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

# Share of the cells of a group above which their label is its name.
MAJORITY = 0.5


def majority_name(labels: pd.Series) -> str:
    """Name of a group of cells by their labels: that of the majority, else the most frequent one with ``-like``."""
    share = labels.value_counts(normalize=True)
    return str(share.index[0]) if share.iloc[0] > MAJORITY else f"{share.index[0]}-like"


def storable(title: str) -> str:
    """Name without the slash, which files of AnnData keep for paths."""
    return title.replace("/", "|")


def numbered(titles: Sequence[str]) -> list[str]:
    """Names made distinct: the second of a name gets a 2."""
    seen: dict[str, int] = {}
    result = []
    for title in titles:
        seen[title] = seen.get(title, 0) + 1
        result.append(title if seen[title] == 1 else f"{title} {seen[title]}")
    return result

"""The root as a source of direction: a steady flow from it to the ends of the manifold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from landscape.directions.direction import Direction, require_name
from landscape.directions.source import Cells, Data, Option, Sample, Signal, Source

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from landscape.markov.directed import Directed


def from_root(root: str | None = None, *, genes: Sequence[str] | None = None, weight: float = 1.0) -> Direction:
    """Start of development; order by a steady flow from it to the ends of the manifold. Grade C.

    Parameters
    ----------
    root
        Name of a cell, or ``"column=value"`` for the cells that have a value in ``adata.obs``.
    genes
        Instead: genes that are high at the start.
    weight
        Weight in a combination.

    Raises
    ------
    TypeError
        If ``root`` is no name, or ``genes`` no list of names.
    ValueError
        If not exactly one of ``root`` and ``genes`` is given.
    """
    if (root is None) == (genes is None):
        msg = "Expected either `root` (a cell, or 'column=value') or `genes`, found both or none."
        raise ValueError(msg)
    if genes is not None:
        if isinstance(genes, str):
            msg = f"Expected `genes` as a list of names, found the string {genes!r}; pass [{genes!r}]."
            raise TypeError(msg)
        if not genes:
            msg = "Expected at least one gene in `genes`, found none."
            raise ValueError(msg)
        return Direction(ROOT.name, "", ROOT.grade, genes=tuple(map(require_name, genes)), weight=weight)
    return Direction(ROOT.name, require_name(root), ROOT.grade, weight=weight)


def _describe(direction: Direction) -> str:
    if direction.genes:
        return f"a root where {', '.join(direction.genes)} are high"
    return f"the root {direction.key!r}"


def _detect(data: Data) -> list[Direction]:
    """The cell of ``uns["iroot"]``, unless it is stale."""
    return [] if data.root is None else [from_root(data.root)]


def _require(data: Data, direction: Direction) -> None:
    if direction.genes:
        if missing := [gene for gene in direction.genes if gene not in data.gene_names]:
            msg = (
                f"Expected root genes that are in `adata.var_names`, found {missing} missing; names look like "
                f"{list(data.gene_names[:3])}."
            )
            raise KeyError(msg)
    elif direction.key not in data.cell_names:
        _require_group(data, direction.key)


def _require_group(data: Data, root: str) -> None:
    column, equals, value = root.partition("=")
    if not equals:
        msg = (
            f"No cell is named {root!r}. Expected the name of a cell or 'column=value' as root, for instance "
            f"{data.cell_names[0]!r}; columns: {data.columns[:20]}."
        )
        raise KeyError(msg)
    present = data.column(column, hint="pass the root as the name of a cell or 'column=value'").astype(str)
    if not (present == value).any():
        msg = (
            f"Expected cells with {value!r} in `adata.obs[{column!r}]`, found none; it holds "
            f"{sorted(present.unique())[:12]}."
        )
        raise ValueError(msg)
    if (present == value).all():
        msg = (
            f"Expected cells beside those with {value!r} in `adata.obs[{column!r}]`, found that all {len(present)} have it, which gives no "
            "direction; name another start."
        )
        raise ValueError(msg)


def _read(cells: Cells, direction: Direction) -> Directed:
    from landscape.markov.directed import directed_by_start

    return directed_by_start(cells.graph, cells.states, _root_cells(cells, direction))


def _root_cells(cells: Cells, direction: Direction) -> NDArray[np.int64]:
    import numpy as np

    from landscape.markov.root import neighbourhood

    if direction.genes:
        return _marked_cells(cells, direction.genes)
    if direction.key in cells.cell_names:
        return neighbourhood(cells.graph, int(cells.cell_names.get_loc(direction.key)))
    column, _, value = direction.key.partition("=")
    return np.flatnonzero(cells.column(column, hint="pass another root").astype(str) == value)


def _marked_cells(cells: Cells, genes: tuple[str, ...]) -> NDArray[np.int64]:
    import numpy as np

    from landscape.markov.pooling import pooled
    from landscape.markov.root import root_by_markers

    expression = pooled(cells.counts(), cells.graph, cells.gene_names.get_indexer(list(genes)))
    constant = np.log1p(expression).std(0) == 0
    if constant.any():
        names = [gene for gene, is_constant in zip(genes, constant, strict=True) if is_constant]
        msg = f"Expected root genes that vary, found {names} constant."
        raise ValueError(msg)
    return root_by_markers(cells.graph, expression)


def _signals(sample: Sample, direction: Direction) -> list[Signal]:
    """Score of the root genes among neighbours by all other genes, or the cells of the root; nothing for a single cell."""
    import numpy as np

    from landscape._numbers import TARGET_SUM

    counts = sample.counts()[sample.rows]
    if direction.genes:
        genes = sample.gene_names.get_indexer(list(direction.genes))
        depth = np.asarray(counts.sum(1), dtype=float)
        levels = np.log1p(counts[:, genes].toarray() / depth * TARGET_SUM)
        spread = levels.std(0)
        score = ((levels - levels.mean(0))[:, spread > 0] / spread[spread > 0]).sum(1)
        return [
            Signal(_describe(direction), score[:, None], counts[:, np.setdiff1d(np.arange(counts.shape[1]), genes)])
        ]
    if direction.key in sample.cell_names:
        return []
    column, _, value = direction.key.partition("=")
    inside = (sample.column(column, hint="pass another root").astype(str) == value).to_numpy(dtype=float)
    return [Signal(_describe(direction), inside[sample.rows, None], counts)]


ROOT = Source(
    name="root",
    grade="C",
    describe=_describe,
    require=_require,
    read=_read,
    detect=_detect,
    sought="uns['iroot']",
    signals=_signals,
    options=(
        Option("root", "Direction: where it starts.", from_root, metavar="CELL|COLUMN=VALUE"),
        Option(
            "root_genes",
            "Direction: genes high at the start.",
            lambda genes: from_root(genes=genes),
            metavar="A,B",
            many=True,
        ),
    ),
)

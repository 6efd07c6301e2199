"""What a run is asked for, as the inspection of its data takes it."""

from __future__ import annotations

from anndata import AnnData

from landscape._directions import parts_of
from landscape._run.direction import describe, named, option
from landscape._run.settings import Settings
from landscape.directions import Combination, Direction
from landscape.pp.inspection import Inspection, Request, inspect


def inspect_cells(
    adata: AnnData, settings: Settings | None = None, *, direction: Direction | Combination | None = None
) -> Inspection:
    """Check everything that a run with these settings will read; nothing is changed, and bad data raise no error.

    Raises
    ------
    TypeError
        If ``adata`` is no AnnData object, or ``direction`` no direction.
    """
    settings = settings or Settings()
    return inspect(
        adata,
        Request(
            layer=settings.layer,
            batch_key=settings.batch_key,
            label_key=settings.label_key,
            regulators=settings.regulators,
            directions=named(settings) if direction is None else parts_of(direction),
            drop_empty=settings.drop_empty,
        ),
    )


def in_words(adata: AnnData, found: Inspection) -> list[str]:
    """Facts for the command line: what was found, and what else there is to name."""
    lines = list(found.facts)
    for direction in found.directions if found.directions not in ((), found.offered[:1]) else found.offered:
        details = "; ".join(filter(None, (f"grade {direction.grade}", option(direction))))
        lines.append(f"direction: {describe(direction)} ({details})")
    lines.append(
        f"labels: {'none (--label-key names one)' if found.label_key is None else f'obs[{found.label_key!r}]'}"
    )
    lines.append(f"obs columns: {', '.join(map(str, adata.obs.columns)) or 'none'}")
    lines.append(
        f"layers: {', '.join(map(str, adata.layers)) or 'none'}; embeddings: {', '.join(map(str, adata.obsm)) or 'none'}"
    )
    return lines

"""The tables of a screen in order: single perturbations, pairs of the strongest, and doses; and its progress."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm.auto import tqdm

from landscape.dynamics import GeneModel
from landscape.perturbation import screen_doses as doses
from landscape.perturbation import screen_tables as tables
from landscape.perturbation.screen import Screened, screen
from landscape.perturbation.screen_plan import HIGH, Perturbation, doubles, singles
from landscape.perturbation.tables import labels_of
from landscape.topography.fates.outcomes import References

logger = logging.getLogger(__name__)

# Change of a share from which the progress bar and the log count a perturbation.
LARGE = 0.1

# Fates under perturbations, with a name for the progress bar.
Run = Callable[[Sequence[Perturbation], str], Screened]


def run_with_progress(
    models: Sequence[GeneModel],
    start: NDArray[np.float64],
    known: References,
    listed: Sequence[Perturbation],
    what: str,
    **options: Any,
) -> Screened:
    """Fates under perturbations (:func:`landscape.perturbation.screen.screen`), with a progress bar that says what was found."""
    with tqdm(desc=what, unit="perturbation", leave=False, disable=None) as bar:
        watch = _Found(bar, listed, known).add
        return screen(models, [one.clamp for one in listed], start, known, watch=watch, **options)


@dataclass
class _Found:
    """What a screen has found so far, for its progress bar."""

    bar: Any
    listed: Sequence[Perturbation]
    known: References
    n_paths: int = 0
    largest: float = 0.0
    words: str = ""
    large: set[int] = field(default_factory=set)

    def add(self, block: NDArray[np.int64], fates: NDArray[np.int8], n_clamps: int, n_paths: int) -> None:
        names, groups = labels_of(self.known.fates)
        if n_paths != self.n_paths:
            self.bar.reset(total=n_clamps)
            self.n_paths = n_paths
        labels = np.array(groups)[fates]
        shares = np.stack([(labels == k).mean(1) for k in range(len(names))], axis=1)
        change = shares[1:] - shares[0]
        for k, row in zip(block.tolist(), change, strict=True):
            if np.abs(row).max() > LARGE:
                self.large.add(k)
            if np.abs(row).max() > self.largest:
                self.largest, fate = float(np.abs(row).max()), int(np.abs(row).argmax())
                self.words = f"{self.listed[k].name} {names[fate]} {row[fate]:+.2f}"
        self.bar.update(len(block))
        self.bar.set_postfix_str(f"{len(self.large)} move a share by {LARGE:g}; most: {self.words or 'none'}")


def single_record(run: Run, single: Sequence[Perturbation], known: References) -> tuple[dict[str, Any], Screened]:
    """Tables of single perturbations, and the fates that they follow from."""
    found = run(single, "screen")
    table = tables.effect_table(single, found, known)
    return {
        "table": table,
        "perturbations": tables.perturbation_table(single, found, table),
        "attractors": tables.attractor_table(single, found, known),
    }, found


def with_pairs(
    run: Run, record: dict[str, Any], single: Sequence[Perturbation], parts: Screened, known: References, top: int
) -> dict[str, Any]:
    """Tables with the pairs of the strongest perturbations and all others below."""
    place = {one.name: k for k, one in enumerate(single)}
    acting = [one for one, acts in zip(single, parts.acts, strict=True) if acts]
    pairs = doubles([single[place[name]] for name in tables.strongest(record["perturbations"], top)], acting)
    if not pairs:
        logger.warning("no pairs: fewer than two perturbations act on other genes")
        return record
    found = run(pairs, "screen of pairs")
    table = tables.effect_table(
        pairs, found, known, tables.pair_effects(pairs, found, single, parts, known), fates=record["table"]["fate"]
    )
    return record | {
        "table": pd.concat([record["table"], table], ignore_index=True),
        "perturbations": pd.concat([record["perturbations"], tables.perturbation_table(pairs, found, table)]),
        "attractors": pd.concat([record["attractors"], tables.attractor_table(pairs, found, known)]),
    }


def dose_record(
    run: Run,
    table: pd.DataFrame,
    single: Sequence[Perturbation],
    model: GeneModel,
    states: NDArray[np.float64],
    known: References,
    n_doses: int,
) -> dict[str, Any]:
    """Doses of the genes that move most cells."""
    place = {one.name: one for one in single}
    order = [place[name] for name in tables.strongest(table, len(table)) if name in place]
    genes = list(dict.fromkeys(part for one in order if one.kind != "edge" for part, _ in one.parts))[:n_doses]
    if not genes:
        return {}
    high = {
        gene: max(one.parts[0][1] for one in singles([gene], (HIGH,), regulators=model.regulators, states=states))
        for gene in genes
    }
    listed = [
        one
        for gene, (k,) in ((gene, model.index([gene])) for gene in genes)
        for one in doses.dose_levels(gene, high[gene], place=k, states=states)
    ]
    found = run(listed, "doses")
    ends = tables.attractor_table(listed, found, known)
    critical = doses.critical_table(model, known, high, ends)
    return {"doses": tables.effect_table(listed, found, known), "critical": critical}


def in_words(table: pd.DataFrame) -> str:
    """What a screen found, from its table of perturbations."""
    first = table.loc[table["moved"].astype(float).idxmax()]
    large = int((table["change"].abs() > LARGE).sum())
    return (
        f"{len(table)} perturbations, {large} of which change a share by more than {LARGE:g}; "
        f"most: {first.name} {first['fate']} {first['change']:+.2f}"
    )

"""Tables of a screen: effects on fates, perturbations as a whole, and what becomes of the attractors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, logit

from landscape.perturbation.certainty import s_values
from landscape.perturbation.contrasts import PRIOR_COUNT
from landscape.perturbation.screen import Screened
from landscape.perturbation.screen_effects import Effects, epistasis, log_odds_changes
from landscape.perturbation.screen_plan import Perturbation
from landscape.perturbation.tables import change_interval, labels_of
from landscape.topography.fates.outcomes import References

# Columns of the epistasis of a pair, which single perturbations do not have.
EPISTASIS = ("epistasis", "epistasis_low", "epistasis_high", "epistasis_lfsr")


def effect_table(
    listed: Sequence[Perturbation],
    found: Screened,
    known: References,
    effects: Effects | None = None,
    *,
    fates: Iterable[str] = (),
) -> pd.DataFrame:
    """Effect of each perturbation on each fate.

    Parameters
    ----------
    listed
        The perturbations, in the order of the clamps.
    found
        Fates under them.
    known
        Reference states of the fates.
    effects
        Epistasis of pairs.
    fates
        Fates with rows in any case; by default those of the attractors, and others that a path reaches in any model.

    Returns
    -------
    One row per perturbation and label, as in :func:`landscape.tl.screen`.
    """
    names, groups = labels_of(known.fates)
    merged = found.merged(groups)
    shown = [k for k, name in enumerate(names) if name in set(fates) or k in groups[: len(known.names)]]
    shown += [k for k in range(len(names)) if k not in shown and (merged.fate == k).any()]
    odds = log_odds_changes(merged)
    change, n = merged.changes, merged.n_paths[0, 1:]
    after = merged.shares[1:]
    before = after - change
    low, high = change_interval(before, change, n[:, None], odds.sure)
    shape = change.shape
    columns = _columns(listed, len(shown))
    columns["fate"] = np.tile(np.array(names, dtype=object)[shown], len(listed))
    per_row = {
        "before": np.abs(before),  # no "-0"
        "after": after,
        "change": change,
        "low": low,
        "high": high,
        "log_odds": odds.value,
        "log_odds_low": odds.sure.low,
        "log_odds_high": odds.sure.high,
        "lfsr": odds.sure.lfsr,
        "s_value": _s_values(odds.sure.lfsr, shown),
        "n_paths": np.broadcast_to(n[:, None], shape),
        "acts": np.broadcast_to(found.acts[:, None], shape),
        "inside": np.broadcast_to(np.array([one.inside for one in listed])[:, None], shape),
        "becomes": _becomes(found, known, names, groups),
    }
    pair = effects or Effects(np.full(shape, np.nan), None)  # type: ignore[arg-type]
    parts = (pair.value, *((pair.sure.low, pair.sure.high, pair.sure.lfsr) if effects else [pair.value] * 3))
    per_row |= dict(zip(EPISTASIS, parts, strict=True))
    return pd.DataFrame({**columns, **{name: np.asarray(value)[:, shown].ravel() for name, value in per_row.items()}})


def pair_effects(
    pairs: Sequence[Perturbation], found: Screened, listed: Sequence[Perturbation], parts: Screened, known: References
) -> Effects:
    """Epistasis of pairs of the single perturbations ``listed``."""
    groups = labels_of(known.fates)[1]
    place = {next(iter(one.levels.items())): k for k, one in enumerate(listed) if len(one.levels) == 1}
    first, second = zip(*([place[part] for part in pair.levels.items()] for pair in pairs), strict=True)
    return epistasis(found.merged(groups), parts.merged(groups), first, second)


def perturbation_table(listed: Sequence[Perturbation], found: Screened, effects: pd.DataFrame) -> pd.DataFrame:
    """Each perturbation as a whole.

    Parameters
    ----------
    listed
        The perturbations.
    found
        Fates under them.
    effects
        Table of :func:`effect_table`.

    Returns
    -------
    ``kind``; share of the paths of the fit that are ``moved`` to another fate; the ``fate`` with the largest change, that ``change`` and
    its ``lfsr``; number of attractors that are ``lost``, whose flow leads to another fate, and of ``new`` ones; ``n_paths``,
    ``inside``, ``acts``; one row per perturbation.
    """
    after, n = found.fate[0, 1:], found.n_paths[0, 1:]
    moved = ((after != found.fate[0, :1]) & (after >= 0)).sum(-1) / n
    largest = effects.loc[effects.groupby("perturbation", sort=False)["change"].agg(lambda x: x.abs().idxmax())]
    k = found.becomes.shape[1]
    columns = {
        "kind": [one.kind for one in listed],
        "moved": moved,
        "fate": largest["fate"].to_numpy(),
        "change": largest["change"].to_numpy(),
        "lfsr": largest["lfsr"].to_numpy(),
        "lost": (found.becomes != np.arange(k)).sum(1),
        "new": found.n_new,
        "n_paths": n,
        "inside": [one.inside for one in listed],
        "acts": found.acts,
    }
    return pd.DataFrame(columns, index=pd.Index([one.name for one in listed], name="perturbation"))


def attractor_table(listed: Sequence[Perturbation], found: Screened, known: References) -> pd.DataFrame:
    """Fate to which each attractor (column) flows under each perturbation (row); its own name where it is kept."""
    fates = np.array(known.fates, dtype=object)
    index = pd.Index([one.name for one in listed], name="perturbation")
    return pd.DataFrame(fates[found.becomes], index=index, columns=list(known.names))


def strongest(table: pd.DataFrame, n: int) -> list[str]:
    """Names of the perturbations that move most paths, those that act."""
    acting = table[table["acts"] & (table["moved"] > 0)]
    return list(acting["moved"].sort_values(ascending=False, kind="stable").index[:n])


def _s_values(lfsr: NDArray[np.float64], shown: Sequence[int]) -> NDArray[np.float64]:
    """Of the fates that are shown; a fate that nothing reaches is no test."""
    found = np.full(lfsr.shape, np.nan)
    found[:, shown] = s_values(lfsr[:, shown])
    return found


def _columns(listed: Sequence[Perturbation], n_fates: int) -> dict[str, object]:
    """Names and levels, repeated for each fate."""
    parts = [[*one.parts, ("", np.nan)][:2] for one in listed]
    columns = {
        "perturbation": [one.name for one in listed],
        "kind": [one.kind for one in listed],
        "gene_1": [part[0][0] for part in parts],
        "level_1": [part[0][1] for part in parts],
        "gene_2": [part[1][0] for part in parts],
        "level_2": [part[1][1] for part in parts],
    }
    return {name: np.repeat(np.array(value), n_fates) for name, value in columns.items()}


def _becomes(found: Screened, known: References, names: Sequence[str], groups: Sequence[int]) -> NDArray[np.object_]:
    """For each label the labels to which its attractors flow; empty for what is no attractor."""
    of_label = np.array(groups)[found.becomes]
    cells = np.full((len(of_label), len(names)), "", dtype=object)
    for label in range(len(names)):
        own = [k for k in range(len(known.names)) if groups[k] == label]
        for c, row in enumerate(of_label[:, own]):
            cells[c, label] = ", ".join(names[to] for to in dict.fromkeys(row.tolist()))
    return cells


def additive_pairs(effects: pd.DataFrame) -> pd.DataFrame:
    r"""Pairs of single perturbations that were not simulated, by the sum of their changes of log odds.

    The share ``after`` is :math:`\mathrm{expit}(\mathrm{logit}\,p + \theta_i + \theta_j)` of the mean share before, which is kept off 0 and 1
    by half a path, and shares of a pair need not sum to one.

    Parameters
    ----------
    effects
        Table of :func:`effect_table` with single perturbations, and pairs.

    Returns
    -------
    Rows as in the table, with ``predicted`` true and NaN for what a sum does not have.
    """
    kinds = effects["kind"].astype(str)
    single = effects[(kinds != "double").to_numpy()]
    done = {frozenset(pair) for pair in _pairs_of(effects[(kinds == "double").to_numpy()])}
    odds = single.pivot_table(index="perturbation", columns="fate", values="log_odds", sort=False)
    first = single.drop_duplicates("perturbation").set_index("perturbation").loc[odds.index]
    i, j = np.triu_indices(len(odds), 1)
    genes, levels = first["gene_1"].astype(str).to_numpy(), first["level_1"].to_numpy(dtype=float)
    keep = [
        k
        for k, (a, b) in enumerate(zip(i, j, strict=True))
        if genes[a] != genes[b] and frozenset({(genes[a], levels[a]), (genes[b], levels[b])}) not in done
    ]
    i, j = i[keep], j[keep]
    n, fates = len(keep), odds.columns
    before = single.groupby("fate", sort=False)["before"].mean().loc[fates].to_numpy()
    spare = PRIOR_COUNT / float(single["n_paths"].max())
    total = odds.to_numpy()[i] + odds.to_numpy()[j]
    after = expit(logit(before.clip(spare, 1 - spare)) + total)
    names = [f"{a}, {b}" for a, b in zip(odds.index[i], odds.index[j], strict=True)]

    def per_pair(values: NDArray) -> NDArray:
        return np.repeat(values, len(fates))

    return pd.DataFrame(
        {
            "perturbation": per_pair(np.array(names, dtype=object)),
            "kind": "double",
            "gene_1": per_pair(genes[i]),
            "level_1": per_pair(levels[i]),
            "gene_2": per_pair(genes[j]),
            "level_2": per_pair(levels[j]),
            "fate": np.tile(np.array(fates, dtype=object), n),
            "before": np.tile(before, n),
            "after": after.ravel(),
            "change": (after - before).ravel(),
            "log_odds": total.ravel(),
            "inside": per_pair((first["inside"].to_numpy(dtype=bool)[i]) & (first["inside"].to_numpy(dtype=bool)[j])),
            "acts": per_pair((first["acts"].to_numpy(dtype=bool)[i]) | (first["acts"].to_numpy(dtype=bool)[j])),
            "becomes": "",
            "predicted": True,
        }
    )


def _pairs_of(table: pd.DataFrame) -> list[list[tuple[str, float]]]:
    """Genes and levels of pairs."""
    parts = table.drop_duplicates("perturbation")[["gene_1", "level_1", "gene_2", "level_2"]]
    return [[(str(a), float(b)), (str(c), float(d))] for a, b, c, d in parts.itertuples(index=False)]

"""The card: all claims in one table, resumed where it was interrupted, and one verdict over several latent models."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from landscape._files import digest_of, read_json, write_json
from landscape._random import RandomLike, seed_of
from landscape.assays.assess import N_NULL, Assay, assess
from landscape.assays.finding import UNTESTABLE, Finding
from landscape.assays.registry import ASSAYS, ELSEWHERE
from landscape.assays.subject import Subject

# Columns of the card after the name.
COLUMNS = (
    "claim", "section", "row", "statistic", "value", "low", "high", "null", "null_low", "null_high", "direction", "needs", "grade",
    "verdict", "reason", "n_replicates", "n_null",
)  # fmt: skip
# Share of the latent models that must agree on a verdict.
MAJORITY = 0.5


def claims(names: Iterable[str] | None = None) -> list[Assay]:
    """Assays of the card, all or those named, in its order.

    Raises
    ------
    ValueError
        If a name is none of an assay.
    """
    if names is None:
        return list(ASSAYS)
    wanted = [names] if isinstance(names, str) else list(names)
    known = {assay.name: assay for assay in ASSAYS}
    if unknown := [name for name in wanted if name not in known]:
        msg = f"Expected names of assays, found {unknown}; there are {list(known)}."
        raise ValueError(msg)
    return [assay for assay in ASSAYS if assay.name in wanted]


def card(
    subject: Subject,
    *,
    names: Iterable[str] | None = None,
    n_null: int = N_NULL,
    checkpoint: str | Path | None = None,
    watch: Callable[[Iterable[Assay]], Iterable[Assay]] = iter,
    rng: RandomLike = 0,
) -> list[Finding]:
    """All assays on one model.

    Parameters
    ----------
    subject
        Model beside its cells.
    names
        Names of assays; all by default, with the claims that no assay can decide.
    n_null
        Draws of the null.
    checkpoint
        File to which every finished assay is written, and from which an interrupted card goes on.
    watch
        Called with the assays, returns them one by one, as a progress bar does.
    rng
        Seed.

    Raises
    ------
    ValueError
        If a name is unknown, or the checkpoint is of another model or other settings.
    """
    seed = seed_of(rng)
    wanted = claims(names)
    settings = _digest(subject, n_null, seed)
    done = {} if checkpoint is None else _read(Path(checkpoint), settings)
    found: list[Finding] = []
    for assay in watch(wanted):
        one = done.get(assay.name) or assess(assay, subject, n_null=n_null, rng=seed)
        found.append(one)
        done[assay.name] = one
        if checkpoint is not None:
            _write(Path(checkpoint), settings, done.values())
    return found if names is not None else [*found, *_elsewhere(subject)]


def card_table(findings: Sequence[Finding]) -> pd.DataFrame:
    """Findings as a table, one row for each claim, indexed by its name."""
    rows = [{column: getattr(one, column) for column in COLUMNS} for one in findings]
    return pd.DataFrame(rows, columns=list(COLUMNS), index=pd.Index([one.name for one in findings], name="assay"))


def over_models(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """One card over several latent models of the same cells.

    A verdict holds if at least half of the models with a number have it and more than have the opposite one; else it is undecided. Numbers are
    medians over the models.

    Parameters
    ----------
    tables
        The card of each model (:func:`card_table`), with the same rows.

    Returns
    -------
    Table as of one model, with ``n_models`` that have a number and ``agreement``, the share of all models with the verdict.
    """
    if not tables or any(not table.index.equals(tables[0].index) for table in tables):
        msg = "Expected cards of the same claims, at least one."
        raise ValueError(msg)
    result = tables[0].copy()
    numbers = ["value", "low", "high", "null_low", "null_high"]
    stack = np.array([table[numbers].to_numpy(dtype=float) for table in tables])
    with np.errstate(all="ignore"):
        known = np.isfinite(stack).any(0)
        result[numbers] = np.where(known, np.nanmedian(np.where(known, stack, 0.0), axis=0), np.nan)
    verdicts = [[str(table.loc[name, "verdict"]) for table in tables] for name in result.index]
    result["verdict"] = [majority(each) for each in verdicts]
    reasons = []
    for name, verdict in zip(result.index, result["verdict"], strict=True):
        given = [
            str(t.loc[name, "reason"]) for t in tables if t.loc[name, "verdict"] == verdict and t.loc[name, "reason"]
        ]
        reasons.append(Counter(given).most_common(1)[0][0] if given else "")
    result["reason"] = reasons
    result["n_models"] = [sum(v != UNTESTABLE for v in each) for each in verdicts]
    result["agreement"] = [
        sum(v == verdict for v in each) / len(each) for each, verdict in zip(verdicts, result["verdict"], strict=True)
    ]
    return result


def majority(verdicts: Sequence[str]) -> str:
    """Verdict of several models: that of at least half of those with a number, if the opposite one has fewer.

    Examples
    --------
    >>> majority(["supported", "undecided", "not testable here"])
    'supported'
    >>> majority(["supported", "contradicted"])
    'undecided'
    """
    known = Counter(verdict for verdict in verdicts if verdict != UNTESTABLE)
    if not known:
        return UNTESTABLE
    for one, other in (("supported", "contradicted"), ("contradicted", "supported")):
        if known[one] >= MAJORITY * known.total() and known[one] > known[other]:
            return one
    return "undecided"


def _elsewhere(subject: Subject) -> list[Finding]:
    return [
        Finding(
            name=one.name, claim=one.claim, section=one.section, row=one.row, statistic="", value=np.nan, low=np.nan, high=np.nan, null="",
            null_low=np.nan, null_high=np.nan, direction="above", needs="", grade=subject.grade, reason=one.reason,
        )
        for one in ELSEWHERE
    ]  # fmt: skip


def _digest(subject: Subject, n_null: int, seed: int) -> str:
    """Digest of what makes a card, so that a checkpoint of another one is refused."""
    import torch

    views = [subject.view, *subject.replicates]
    at = torch.as_tensor(subject.memories[:1] if len(subject.memories) else subject.cells[:1])
    # The velocity at a state, the noise and the cells tell models apart.
    said = [np.round(view.model(at).detach().numpy(), 12).tolist() for view in views]
    parts = [
        said,
        np.round(subject.cells.sum(0), 9).tolist(),
        subject.memories.round(9).tolist(),
        subject.grade,
        subject.refused,
    ]
    return digest_of([*parts, sorted(subject.fixed), sorted(subject.extras), n_null, seed])


def _write(path: Path, settings: str, findings: Iterable[Finding]) -> None:
    rows = [
        {**_plain(vars(one) | {"details": {}}), "details": {k: _plain(v) for k, v in one.details.items()}}
        for one in findings
    ]
    write_json(path, {"genomic_code": settings, "findings": rows})


def _plain(value: Any) -> Any:
    if isinstance(value, pd.DataFrame):
        return {"table": json.loads(value.to_json(orient="split", double_precision=15))}
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, np.ndarray | list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _read(path: Path, settings: str) -> dict[str, Finding]:
    if not path.exists():
        return {}
    try:
        stored = read_json(path)
    except ValueError as error:
        msg = (
            f"Expected {path} to be the checkpoint of a card, but it cannot be read: {error}. Delete it to start anew."
        )
        raise ValueError(msg) from error
    if not isinstance(stored, dict) or "genomic_code" not in stored:
        msg = f"Expected {path} to be the checkpoint of a card, found another file; name a new file."
        raise ValueError(msg)
    if stored["genomic_code"] != settings:
        msg = f"The checkpoint {path} is of another model, other cells or other settings; name a new file, or delete this one."
        raise ValueError(msg)
    found = {}
    for row in stored["findings"]:
        numbers = {key: np.nan for key in ("value", "low", "high", "null_low", "null_high") if row[key] is None}
        details = {key: _table(value) for key, value in row["details"].items()}
        found[row["name"]] = replace(Finding(**{**row, **numbers, "details": {}}), details=details)
    return found


def _table(value: Any) -> Any:
    if isinstance(value, dict) and set(value) == {"table"}:
        return pd.DataFrame(**value["table"])
    return value

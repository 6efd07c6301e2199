"""A run of several models: the order of their stages, and what their consensus takes."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from anndata import AnnData

from landscape import _keys, tl
from landscape._anndata import results_of
from landscape._run.stages import Stage, Work, narrow

logger = logging.getLogger(__name__)

CONSENSUS = "consensus"
# Stages that all models share: they do not depend on a latent model.
SHARED = ("genes", "structure")
# Last stage that the consensus needs of every model.
LAST = "fates"


@dataclass(frozen=True, slots=True)
class Step:
    """A stage of one of the models, which are counted from 1."""

    stage: Stage
    model: int = 1

    @property
    def name(self) -> str:
        """Name of the step, and of its folder below the stages of a run."""
        return self.stage.name if self.model == 1 else f"model_{self.model}/{self.stage.name}"


def steps(listed: Sequence[Stage], n_models: int) -> tuple[Step, ...]:
    """All stages of a run in order: those of the first model up to its fates, the other models, the consensus, and the rest."""
    first = [Step(stage) for stage in listed]
    if n_models == 1:
        return tuple(first)
    end = 1 + [stage.name for stage in listed].index(LAST)
    own = [stage for stage in listed[:end] if stage.name not in SHARED]
    others = [Step(stage, model) for model in range(2, n_models + 1) for stage in own]
    made_from = (*(stage.name for stage in own), *(step.name for step in others))
    return (*first[:end], *others, Step(consensus_stage(made_from)), *first[end:])


def consensus_stage(made_from: tuple[str, ...] = ()) -> Stage:
    """The consensus, after the named steps of all models."""
    return Stage(CONSENSUS, made_from, (), _consensus, tl.consensus)


class Works:
    """What the stages of each model work on; one model beside the first is held with its counts at a time."""

    def __init__(self, first: Work) -> None:
        self._first = first
        self._other: Work | None = None
        self._model = 1

    def of(self, model: int) -> Work:
        """Work of a model; that of the one before it is complete."""
        if model != self._model:
            if self._other is not None:
                self._first.others.append(_without_counts(self._other.current))
            self._other = None if model == 1 else _another(self._first, model)
            self._model = model
        return self._first if self._other is None else self._other


def said(known: Collection[str], new: Sequence[str], model: int) -> list[str]:
    """Warnings of a step as the report repeats them: those of another model with its number, unless the first has them too."""
    return list(new) if model == 1 else [f"model {model}: {text}" for text in new if text not in known]


def _another(first: Work, model: int) -> Work:
    """Work of another model: the genes and the tests of structure of the first, and the next seed."""
    work = Work(first.adata, replace(first.plan, seed=first.plan.seed + model - 1), progress=first.progress)
    narrow(work)
    tests = results_of(first.current).get(_keys.STRUCTURE)
    if tests is not None:
        held = {**results_of(work.current), _keys.SCHEMA: _keys.SCHEMA_VERSION, _keys.STRUCTURE: tests}
        work.current.uns[_keys.UNS] = held
    return work


def _without_counts(adata: AnnData, *, but: Collection[str] = ()) -> AnnData:
    """The results without the counts and the graphs of cells, and without some arrays of cells: what a consensus reads is small."""
    obsm = {key: value for key, value in adata.obsm.items() if key not in but}
    return AnnData(obs=adata.obs, var=adata.var, obsm=obsm, uns=dict(adata.uns))


def _consensus(work: Work) -> None:
    """Consensus of all models; terminal states are in it if all of them have some."""
    models, key = [work.current, *work.others], f"{_keys.TERMINAL}_fates"
    has = [key in model.obsm for model in models]
    if any(has) and not all(has):
        without = [number for number, found in enumerate(has, start=1) if not found]
        logger.warning("the consensus has no terminal states: models %s of %d have none", without, len(models))
        models = [_without_counts(model, but=[key]) for model in models]
    tl.consensus(work.current, models=models, **work.plan.options(CONSENSUS))

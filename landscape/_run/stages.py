"""The stages of a run, in order: what each reads, what it waits for, and the call that it makes."""

from __future__ import annotations

import inspect
import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anndata import AnnData

from landscape import _keys, pp, tl
from landscape._anndata import results_of
from landscape._run.direction import combined
from landscape._run.plan import Plan
from landscape._run.regulators import affordable
from landscape._run.settings import MAX_SEED
from landscape._verdict import NO_EDGE, UNSUPPORTED, verdict_of
from landscape.datasets.regulator_lists import is_tier

if TYPE_CHECKING:
    from landscape.latent import LatentModel

logger = logging.getLogger(__name__)

SELECTED = "selected"
# Below the folder of the latent stage, while it runs.
CHECKPOINT = "checkpoint"
# Distance between the seeds of the latent models of a run, so that those of runs with successive seeds are different ones.
APART = 1_000_003
# Largest number of regulators with which a run computes barriers, paths and rates by default: they take up to a minute.
BARRIER_GENES = 60
# Number of regulators of the smaller model that a user with more of them is pointed to.
QUICK_GENES = 40
BETWEEN = ("barriers", "paths", "rates")
# Number of replicates of the model in a run: enough for an interval of 90 %, in about four times the time of the model.
REPLICATES = 10
# Logged where barriers are left out, for users of the command line and of Python.
_LEFT_OUT = (
    "barriers, paths and rates of %d regulators take long and are left out. `--n-regulators %d` fits a model that gets them "
    "in minutes. For the present one, name an option of each stage in a configuration file "
    "(`stages: {barriers: {n_points: 100}}`), or call `landscape.tl.barriers` and the others in Python"
)


@dataclass
class Work:
    """State that the stages share: the whole ``adata``, the ``cells`` on the selected genes, the ``model``.

    ``others`` are the results of the other models of the run.
    """

    adata: AnnData
    plan: Plan
    cells: AnnData | None = None
    model: Any = None
    model_folder: Path | None = None
    progress: bool | None = None
    others: list[AnnData] = field(default_factory=list)

    @property
    def current(self) -> AnnData:
        """What the next stage works on."""
        return self.adata if self.cells is None else self.cells

    @property
    def layer(self) -> str:
        """Layer of ``cells`` with the counts; :func:`narrow` makes one where they are in the main matrix."""
        return self.plan.layer or _keys.COUNTS


@dataclass(frozen=True, slots=True)
class Stage:
    """A step of the run.

    Attributes
    ----------
    name
        Also the section of the settings with further keywords for it.
    after
        Stages whose results it reads.
    reads
        Fields of :class:`~landscape._run.plan.Plan` that change its result.
    call
        What it does.
    function
        The public function that it calls, whose keywords the settings may give.
    schema
        Version of the files that it leaves, where they are read back; part of its key.
    """

    name: str
    after: tuple[str, ...]
    reads: tuple[str, ...]
    call: Callable[[Work], None]
    function: Callable[..., Any]
    schema: str | None = None


def narrow(work: Work) -> None:
    """Continue on the selected genes, in a copy: the data keep all of theirs."""
    selected = work.adata.var[SELECTED].to_numpy(dtype=bool)
    cells = work.adata[:, selected].copy()
    if work.plan.layer is None:
        cells.layers[_keys.COUNTS] = cells.X
    matrix = cells.layers[work.layer]
    if n_empty := int((matrix.sum(1) == 0).sum()):
        msg = f"{n_empty} of {cells.n_obs} cells have no counts in the {cells.n_vars} selected genes; raise `n_top_genes` or drop them."
        raise ValueError(msg)
    work.cells = cells


def _genes(work: Work) -> None:
    pp.select_genes(
        work.adata,
        n_top=work.plan.n_top_genes,
        regulators=work.plan.regulators,
        layer=work.plan.layer,
        batch_key=work.plan.batch_key,
        key_added=SELECTED,
        **work.plan.options("genes"),
    )
    if work.plan.root_genes:  # the direction reads their counts
        work.adata.var[SELECTED] |= work.adata.var_names.isin(work.plan.root_genes)


def _structure(work: Work) -> None:
    tl.structure(
        work.current,
        direction=combined(work.plan.directions),
        layer=work.layer,
        batch_key=work.plan.batch_key,
        rng=work.plan.seed,
        **work.plan.options("structure"),
    )


def _latent(work: Work) -> None:
    from landscape.latent import LatentEnsemble

    n = work.plan.n_latent_models
    models = [_latent_model(work, k, n) for k in range(1, n + 1)]
    model = models[0] if n == 1 else LatentEnsemble(models)
    work.current.obsm[_keys.LATENT] = model.get_latent_representation()
    work.model = model
    if work.model_folder is not None:
        model.save(work.model_folder, overwrite=True)
        shutil.rmtree(work.model_folder.with_name(CHECKPOINT), ignore_errors=True)


def _latent_model(work: Work, number: int, total: int) -> LatentModel:
    """Latent model of the given number, read where a killed run had trained it."""
    from landscape.latent import LatentModel

    options = work.plan.options("latent")
    train = {k: options.pop(k) for k in list(options) if k in inspect.signature(LatentModel.train).parameters}
    train = {"max_epochs": work.plan.max_epochs, "progress": work.progress, **train}
    folder = None if work.model_folder is None else work.model_folder.with_name(CHECKPOINT)
    done = None if folder is None or total == 1 else folder / f"model_{number}"
    if done is not None and done.exists():
        return LatentModel.load(done, work.current)
    seed = (work.plan.seed + (number - 1) * APART) % (MAX_SEED + 1)
    model = LatentModel(work.current, layer=work.plan.layer, batch_key=work.plan.batch_key, rng=seed, **options)
    if total > 1:
        logger.info("latent model %d of %d", number, total)
    if folder is None or "checkpoint" in train:
        model.train(**train)
        return model
    training = folder if done is None else folder / f"training_{number}"
    _train(model, training, train)
    if done is not None:
        model.save(done)
        shutil.rmtree(training, ignore_errors=True)
    return model


def _train(model: Any, checkpoint: Path, settings: dict[str, Any]) -> None:
    """Fit from the checkpoint of a killed run, or from the start if that cannot be used."""
    resumed = checkpoint.exists()
    try:
        model.train(checkpoint=checkpoint, **settings)
    except (ValueError, FileNotFoundError) as error:
        if not resumed:
            raise
        # Another number of threads, another device, damage: a fit from the start does not depend on the checkpoint.
        logger.warning("the latent model is fitted from the start, since its checkpoint cannot be used: %s", error)
        shutil.rmtree(checkpoint)
        model.train(checkpoint=checkpoint, **settings)


def _network(work: Work) -> None:
    regulators = affordable(work.current, work.layer, work.plan.regulators, batch_key=work.plan.batch_key)
    tl.network(
        work.current,
        model=work.model,
        regulators=regulators if is_tier(regulators) else pp.find_regulators(work.current, regulators=regulators),
        layer=work.layer,
        covariates=work.plan.batch_key,
        rng=work.plan.seed,
        **work.plan.options("network"),
    )
    if NO_EDGE in verdict_of(work.current).reasons:
        logger.warning("%s: %s; a model fitted all the same describes noise", UNSUPPORTED, NO_EDGE)


def _label_key(work: Work) -> str | None:
    """Labels that name states; none where no landscape is supported, as a name would claim one."""
    return None if verdict_of(work.current).supported is False else work.plan.label_key


def _dynamics(work: Work) -> None:
    limit = {} if work.plan.n_regulators is None else {"n_regulators": work.plan.n_regulators}
    options = {"n_replicates": REPLICATES, **limit, **work.plan.options("dynamics")}
    tl.dynamics(
        work.current,
        model=work.model,
        direction=combined(work.plan.directions),
        layer=work.layer,
        rng=work.plan.seed,
        **options,
    )


def _attractors(work: Work) -> None:
    tl.attractors(work.current, label_key=_label_key(work), rng=work.plan.seed, **work.plan.options("attractors"))


def _terminal_states(work: Work) -> None:
    """Terminal states of the chain; a direction along a cycle has none, and the run goes on without them."""
    try:
        tl.terminal_states(work.current, **{"label_key": _label_key(work), **work.plan.options("terminal_states")})
    except ValueError as error:
        logger.warning("terminal states of the chain are left out: %s", error)


def _between(name: str) -> Callable[[Work], None]:
    """Stage that needs two attractors, and is left out by default where there are many regulators."""
    function = getattr(tl, name)

    def call(work: Work) -> None:
        states = results_of(work.current)[_keys.ATTRACTORS]["states"]
        if len(states) < 2:
            logger.warning("%d attractor was found, so there are no %s", len(states), name)
            return
        options = work.plan.options(name)
        if states.shape[1] > BARRIER_GENES and not options:
            if name == BETWEEN[0]:
                logger.info(_LEFT_OUT, states.shape[1], QUICK_GENES)
            return
        # The stages share one noise unless the options of a stage name another.
        shared = {key: value for key, value in work.plan.options("barriers").items() if key == "diffusion"}
        function(work.current, rng=work.plan.seed, **{**shared, **options})

    return call


def _drivers(work: Work) -> None:
    """Driver genes of each fate; a run goes on without them where the data do not allow their statistics."""
    fates = work.current.obsm[_keys.FATES]
    if fates.shape[1] < 2:
        logger.warning("%d fate was found, so there are no drivers of fates", fates.shape[1])
        return
    options = {"covariates": work.plan.batch_key, **work.plan.options("drivers")}
    try:
        tl.drivers(work.current, layer=work.layer, rng=work.plan.seed, **options)
    except ValueError as error:
        logger.warning("drivers of fates are left out: %s", error)


def _plain(name: str) -> Callable[[Work], None]:
    function = getattr(tl, name)

    random = {"rng"} & inspect.signature(function).parameters.keys()

    def call(work: Work) -> None:
        function(work.current, **dict.fromkeys(random, work.plan.seed), **work.plan.options(name))

    return call


def stages() -> tuple[Stage, ...]:
    """Stages that this version has, in order."""
    from landscape.latent import LatentModel, storage

    latent = ("layer", "batch_key", "max_epochs", "n_latent_models", "seed")
    listed = [
        Stage("genes", (), ("layer", "batch_key", "regulators", "n_top_genes", "root_genes"), _genes, pp.select_genes),
        Stage("structure", ("genes",), ("layer", "batch_key", "directions", "seed"), _structure, tl.structure),
        Stage("latent", ("genes",), latent, _latent, LatentModel, storage.SCHEMA),
        Stage("network", ("genes", "latent"), ("layer", "batch_key", "regulators", "seed"), _network, tl.network),
        Stage(
            "dynamics", ("latent", "network"), ("layer", "directions", "n_regulators", "seed"), _dynamics, tl.dynamics
        ),
        Stage("attractors", ("structure", "network", "dynamics"), ("label_key", "seed"), _attractors, tl.attractors),
        Stage(
            "terminal_states",
            ("structure", "network", "latent", "dynamics", "attractors"),
            ("label_key",),
            _terminal_states,
            tl.terminal_states,
        ),
    ]
    listed += [
        Stage(name, after, ("seed",), _plain(name), getattr(tl, name))
        for name, after in (
            ("basins", ("attractors",)),
            ("fates", ("attractors", "basins")),
            ("occupancy", ("dynamics", "attractors", "fates")),
        )
    ]
    listed.append(
        Stage("drivers", ("latent", "dynamics", "fates"), ("layer", "batch_key", "seed"), _drivers, tl.drivers)
    )
    listed.append(Stage("barriers", ("dynamics", "attractors"), ("seed",), _between("barriers"), tl.barriers))
    listed += [
        Stage(name, ("dynamics", "attractors", "barriers"), ("seed",), _between(name), getattr(tl, name))
        for name in BETWEEN[1:]
    ]
    return tuple(listed)

"""Further keywords of the stages' functions: refused before anything is computed where a function could not take them."""

from __future__ import annotations

import difflib
import inspect
import math
import types
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from anndata import AnnData

from landscape._run.models import consensus_stage
from landscape._run.plan import Plan
from landscape._run.stages import stages
from landscape.network.infer import infer, require_keywords

# Keywords that a run sets itself, with the setting that changes them; empty where nothing does.
_OF_RUN = {
    "adata": "", "copy": "", "model": "", "rng": "seed", "direction": "the direction", "key_added": "", "network_key": "", "fate_key": "",
    "progress": "",
}  # fmt: skip
_OF_STAGE = {
    "genes": {
        "n_top": "n_top_genes",
        "regulators": "regulators",
        "layer": "layer",
        "batch_key": "batch_key",
        "subset": "",
        "drop_empty": "drop_empty",
    },
    "structure": {"layer": "layer", "batch_key": "batch_key"},
    "latent": {"layer": "layer", "batch_key": "batch_key"},
    "network": {"layer": "layer", "regulators": "regulators", "covariates": "batch_key"},
    "dynamics": {"layer": "layer"},
    "attractors": {"label_key": "label_key"},
    "drivers": {"layer": "layer"},
    "consensus": {"models": "n_models", "latent": ""},
}
# Keywords that name something in the data, by slot.
_NAMES = {"response_layer": "layers", "half_lives": "var", "metacells": "obs", "label_key": "obs", "covariates": "obs",
          "categorical_covariates": "obs", "continuous_covariates": "obs"}  # fmt: skip


def check_options(plan: Plan) -> None:
    """Refuse keywords that a stage's function does not have, that the run sets itself, or whose values have another type.

    Raises
    ------
    ValueError
        With the keywords that there are, or the values that are taken.
    """
    for stage in (*stages(), consensus_stage()):
        options = plan.options(stage.name)
        if not options:
            continue
        set_here = _OF_RUN | _OF_STAGE.get(stage.name, {})
        if held := [key for key in options if key in set_here]:
            setting = set_here[held[0]]
            hint = f"use the setting {setting!r} of the run" if setting else "leave it out"
            msg = f"Expected keywords that are free in the stage {stage.name!r}, found {held[0]!r}, which the run sets; {hint}."
            raise ValueError(msg)
        hints = _hints(stage.name, stage.function)
        unknown = {key: value for key, value in options.items() if key not in hints}
        if stage.name == "network":
            _require_of_network(unknown, options)
        elif unknown:
            known = sorted(set(hints) - set(set_here))
            near = difflib.get_close_matches(next(iter(unknown)), known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {known}."
            msg = f"Unknown keywords {list(unknown)} for the stage {stage.name!r}; {hint}"
            raise ValueError(msg)
        for key, value in options.items():
            if key in hints:
                _require_value(stage.name, key, value, hints[key])
        for key in ("least", "kept"):
            if stage.name == "consensus" and not 0 <= options.get(key, 0) <= 1:
                msg = f"Expected `{key}` of the stage 'consensus' from 0 to 1, found {options[key]!r}."
                raise ValueError(msg)
        if "gene_likelihood" in options:
            _require_likelihood(options["gene_likelihood"])


def check_names(plan: Plan, adata: AnnData) -> None:
    """Refuse keywords of stages that name a layer or a column which the data do not hold.

    Raises
    ------
    KeyError
        With what is there.
    """
    for stage in stages():
        for key, value in plan.options(stage.name).items():
            if key not in _NAMES or isinstance(value, Mapping) or value is None:
                continue
            store = getattr(adata, _NAMES[key])
            missing = [name for name in ([value] if isinstance(value, str) else list(value)) if name not in store]
            if missing:
                msg = (
                    f"Expected `{key}` of the stage {stage.name!r} in `adata.{_NAMES[key]}`, found {missing[0]!r} missing. Present: "
                    f"{sorted(map(str, store.keys()))}."
                )
                raise KeyError(msg)


def _require_of_network(unknown: Mapping[str, Any], options: Mapping[str, Any]) -> None:
    try:
        require_keywords(unknown, options.get("method", "ridge"))
    except TypeError as error:
        msg = f"Stage 'network': {error}"
        raise ValueError(msg) from error
    hints = get_type_hints(infer)
    for key, value in unknown.items():
        if key in hints:
            _require_value("network", key, value, hints[key])


def _hints(name: str, function: Callable[..., Any]) -> dict[str, Any]:
    """Types of the keywords of a stage."""
    if name != "latent":
        own = get_type_hints(function)
        names = [p.name for p in inspect.signature(function).parameters.values() if p.kind is not p.VAR_KEYWORD]
        return {name: own.get(name, Any) for name in names}
    from landscape.latent import LatentModel

    own = {**get_type_hints(LatentModel.__init__), **get_type_hints(LatentModel.train)}
    return {key: value for key, value in own.items() if key not in ("self", "return")}


def _require_likelihood(name: Any) -> None:
    from landscape.latent.likelihood import LIKELIHOODS

    if name not in LIKELIHOODS:
        msg = f"Expected `gene_likelihood` of the stage 'latent' to be one of {list(LIKELIHOODS)}, found {name!r}."
        raise ValueError(msg)


def _require_value(stage: str, key: str, value: Any, hint: Any) -> None:
    """Refuse a value of another type, a number that is not finite, and a negative number of things."""
    if not _fits(value, hint):
        msg = f"Expected `{key}` of the stage {stage!r} to be {_in_words(hint)}, found {value!r}."
        raise ValueError(msg)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and (not math.isfinite(value) or value < 0):
        msg = f"Expected `{key}` of the stage {stage!r} to be a finite number that is not negative, found {value!r}."
        raise ValueError(msg)
    least = 0 if key in _MAY_BE_ZERO else 1
    if (
        isinstance(value, int)
        and is_number
        and key.startswith(("n_", "max_", "batch_size", "patience"))
        and value < least
    ):
        msg = f"Expected `{key}` of the stage {stage!r} to be at least {least}, found {value!r}."
        raise ValueError(msg)


# Numbers of things of which there may be none.
_MAY_BE_ZERO = {"n_bootstraps", "n_decoys", "n_replicates", "n_random", "n_steps"}


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value has a type, as far as types can be told; where they cannot, it does."""
    origin, parts = get_origin(hint), get_args(hint)
    if hint is Any:
        return True
    if origin in (Union, types.UnionType):
        return any(_fits(value, part) for part in parts)
    if origin is Literal:
        return any(type(value) is type(part) and value == part for part in parts)
    if hint is type(None) or hint is None:
        return value is None
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if origin is Sequence:
        return isinstance(value, Sequence) and not isinstance(value, str)
    kind = origin or hint
    if kind is Callable or kind is Path:
        return callable(value) if kind is Callable else isinstance(value, str | Path)
    return isinstance(value, kind) if isinstance(kind, type) else True


def _in_words(hint: Any) -> str:
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(map(_in_words, parts)))
    if origin is Literal:
        return " or ".join(map(repr, parts))
    words = {int: "an integer", float: "a number", bool: "true or false", str: "text", type(None): "none"}
    return words.get(hint, getattr(origin or hint, "__name__", str(hint)).lower())

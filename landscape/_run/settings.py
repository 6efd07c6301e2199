"""Settings of a run: one record, strict about its keys, read from options or a file."""

from __future__ import annotations

import difflib
import errno
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from landscape.datasets.regulator_lists import TIERS
from landscape.directions import SOURCES

#: Largest integer that AnnData files hold.
MAX_SEED = 2**63 - 1
# Stages whose functions take further keywords from a configuration file.
TUNABLE = (
    "genes",
    "structure",
    "latent",
    "network",
    "dynamics",
    "attractors",
    "terminal_states",
    "basins",
    "fates",
    "occupancy",
    "drivers",
    "barriers",
    "paths",
    "rates",
    "consensus",
)

# Smallest value of each setting that is a number.
_LEAST = {
    "n_top_genes": 1,
    "n_regulators": 2,
    "max_epochs": 1,
    "n_latent_models": 1,
    "n_models": 1,
    "threads": 1,
    "seed": 0,
}


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of a run; ``None`` leaves the choice to the data.

    Attributes
    ----------
    layer
        Layer with the raw counts, ``"X"`` for the main matrix.
    batch_key, label_key
        Columns of ``adata.obs``: batch, and cell labels that name attractors.
    direction
        Names by the options of the sources of direction (``landscape.directions.SOURCES``), as
        ``{"time_key": "day"}``. In a configuration file they stand beside the other settings.
    regulators
        Names of regulators, or the name of a tier (``"tf"``, ``"tf+cofactors"``).
    n_regulators
        Largest number of regulators in the model; those that vary most are kept. ``None``: the default of
        :func:`landscape.tl.dynamics`.
    n_top_genes
        Number of variable genes that are kept beside the regulators.
    max_epochs
        Largest number of epochs of the latent model.
    n_latent_models
        Number of latent models, which differ in their seeds and are used as one; ``None``: 10 with up to 20,000 cells, 5 with
        up to 100,000 and 3 with more.
    n_models
        Number of models, each on latent models of the next seed; from two on their consensus is taken.
    drop_empty
        Drop cells without counts; otherwise they are an error.
    round
        Round fractions of molecules to whole ones; otherwise they are an error.
    seed
        Seed of every stage, below :math:`2^{63}`.
    threads
        Number of threads of linear algebra; the last digits of results depend on it.
    stages
        Further keywords of a stage's function, by stage.
    """

    layer: str | None = None
    batch_key: str | None = None
    label_key: str | None = None
    direction: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    regulators: tuple[str, ...] | str | None = None
    n_regulators: int | None = None
    n_top_genes: int = 2000
    max_epochs: int | None = None
    n_latent_models: int | None = None
    n_models: int = 1
    drop_empty: bool = False
    round: bool = False
    seed: int = 0
    threads: int | None = None
    stages: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if (value is not None or name == "n_models") and (
                isinstance(value, bool) or not isinstance(value, int) or value < least
            ):
                msg = f"Expected `{name}` to be an integer of at least {least}, found {value!r}."
                raise ValueError(msg)
        if self.seed > MAX_SEED:
            msg = f"Expected `seed` below 2^63, which files of results hold, found {self.seed}; take a smaller number."
            raise ValueError(msg)
        if self.seed + self.n_models - 1 > MAX_SEED:
            msg = f"Expected `seed` below 2^63 for each of {self.n_models} models, found {self.seed} for the first; take a smaller number."
            raise ValueError(msg)
        for name in ("drop_empty", "round"):
            if not isinstance(getattr(self, name), bool):
                msg = f"Expected `{name}` to be true or false, found {getattr(self, name)!r}."
                raise ValueError(msg)
        texts = {name: getattr(self, name) for name in ("layer", "batch_key", "label_key")}
        texts |= {name: self.direction.get(name) for name, many in direction_fields().items() if not many}
        for name, text in texts.items():
            if not isinstance(text, str | None):
                msg = f"Expected `{name}` to be text, found {text!r}."
                raise ValueError(msg)
        _refuse_unknown(self.direction, list(direction_fields()), "the directions")
        if not isinstance(self.stages, Mapping) or any(not isinstance(v, Mapping) for v in self.stages.values()):
            msg = "Expected `stages` to hold keywords by stage, as in `stages: {network: {n_bootstraps: 20}}`."
            raise ValueError(msg)
        _refuse_unknown(self.stages, TUNABLE, "stages")
        if self.stages.get("consensus") and self.n_models == 1:
            msg = "Expected `n_models` of at least 2 with keywords of the stage 'consensus', found 1; leave one of them out."
            raise ValueError(msg)


def direction_fields() -> dict[str, bool]:
    """Settings that name a direction, and whether each takes a list of names."""
    return {option.field: option.many for source in SOURCES.values() for option in source.options}


def from_mapping(values: Mapping[str, Any]) -> Settings:
    """Settings from plain values; an unknown key is an error that names the nearest known one."""
    of_direction = direction_fields()
    others = [f.name for f in fields(Settings) if f.name != "direction"]
    _refuse_unknown(values, [*others, *of_direction], "the configuration")
    known = {key: value for key, value in values.items() if value is not None}
    for name in (name for name, many in of_direction.items() if many):
        if name in known:
            known[name] = _names(known[name], name)
    if "regulators" in known:
        known["regulators"] = _regulators(known["regulators"])
    direction = {name: known.pop(name) for name in of_direction if name in known}
    return Settings(**known, direction=direction)


def read_config(path: str | Path) -> dict[str, Any]:
    """Values of a YAML, JSON or TOML file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If its ending is unknown, it does not parse, or it holds no mapping.
    """
    path = Path(path)
    if not path.is_file():
        msg = f"No configuration file at {path}."
        raise FileNotFoundError(msg)
    try:
        values = _parse(path)
    except (UnicodeDecodeError, json.JSONDecodeError, tomllib.TOMLDecodeError) as error:
        msg = f"{path} does not parse as {path.suffix[1:].upper()}: {error}."
        raise ValueError(msg) from error
    if values is None:
        return {}
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        msg = f"Expected {path} to hold settings by name, found {type(values).__name__}; write lines as `n_top_genes: 2000`."
        raise ValueError(msg)
    return values


def read_names(value: str) -> tuple[str, ...]:
    """Names from a comma-separated list, or from a file with one name a line."""
    if _is_file(value):
        lines = Path(value).read_text(encoding="utf-8").splitlines()
        value = ",".join(line.split("\t")[0] for line in lines if not line.startswith("#"))
    return tuple(name.strip() for name in value.split(",") if name.strip())


def _is_file(value: str) -> bool:
    """Whether it names a file; a long list of names is no path."""
    try:
        return Path(value).is_file()
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return False
        raise


def _regulators(value: Any) -> tuple[str, ...] | str:
    """Names of regulators, from a list, a comma-separated text or a file; or the name of a tier.

    Raises
    ------
    FileNotFoundError
        If it is a single word: no list, no tier, and no file of that name.
    """
    if not isinstance(value, str):
        return _names(value, "regulators")
    if value in TIERS:
        return value
    if "," not in value and not _is_file(value):
        msg = (
            f"Expected regulators as one of {list(TIERS)}, a comma-separated list of names, or a file with one name a line; found "
            f"{value!r}, and no file of that name."
        )
        raise FileNotFoundError(msg)
    names = read_names(value)
    if len(names) < 2:
        msg = f"Expected at least two regulators, found {list(names)} in {value!r}."
        raise ValueError(msg)
    return names


def _parse(path: Path) -> Any:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".json":
        return json.loads(text)
    if path.suffix == ".toml":
        return tomllib.loads(text)
    if path.suffix in (".yaml", ".yml"):
        import yaml

        try:
            return yaml.safe_load(text)
        except yaml.YAMLError as error:
            msg = f"{path} does not parse as YAML: {error}."
            raise ValueError(msg) from error
    msg = f"Expected a configuration file ending in .yaml, .json or .toml, found {path.name}."
    raise ValueError(msg)


def _names(value: Any, name: str) -> tuple[str, ...]:
    if isinstance(value, str):
        return read_names(value)
    if isinstance(value, list | tuple) and all(isinstance(v, str) for v in value):
        return tuple(value)
    msg = f"Expected `{name}` to be a list of names, found {value!r}."
    raise ValueError(msg)


def _refuse_unknown(values: Mapping[str, Any], known: list[str] | tuple[str, ...], where: str) -> None:
    for key in values:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(known)}."
            msg = f"Unknown key {key!r} in {where}{hint}"
            raise ValueError(msg)

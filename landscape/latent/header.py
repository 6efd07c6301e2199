"""Header of a model file: everything but the weights, validated before anything is built from it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from landscape.latent import checkpoint
from landscape.latent.architecture import Architecture, build
from landscape.latent.dataset import Keys, Vocabulary
from landscape.latent.training import Epoch

KIND = "model"
# `landscape._random.seed_of` draws seeds below this.
SEED_LIMIT = 2**63


@dataclass(frozen=True, slots=True)
class Header:
    """Everything of a model but its weights.

    Attributes
    ----------
    architecture
        Sizes and choices of the network.
    vocabulary
        Names that the model was fitted with.
    keys
        Where the model reads an AnnData object.
    seed
        Seed of the initial weights and of the fit.
    is_trained
        Whether the model has been fitted.
    history
        A record per epoch of the fit.
    """

    architecture: Architecture
    vocabulary: Vocabulary
    keys: Keys
    seed: int
    is_trained: bool
    history: list[Epoch]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values.

        Returns
        -------
        Dictionary that :meth:`from_dict` reads.
        """
        return {
            "kind": KIND,
            "architecture": asdict(self.architecture),
            "vocabulary": asdict(self.vocabulary),
            "keys": asdict(self.keys),
            "seed": self.seed,
            "is_trained": self.is_trained,
            "history": [epoch.to_dict() for epoch in self.history],
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any], folder: str | Path) -> Header:
        """Read and validate the values that :meth:`to_dict` returns.

        Parameters
        ----------
        content
            Plain JSON values.
        folder
            Where they were found, for messages.

        Returns
        -------
        The header.

        Raises
        ------
        ValueError
            If a part is missing, has another type than it should, or contradicts the others.
        """
        if content.get("kind") == checkpoint.KIND:
            msg = f"{folder} holds the checkpoint of a fit and no model; pass it to `train(checkpoint=...)`."
            raise ValueError(msg)
        try:
            _require(content.get("kind") == KIND, f"`kind` is {content.get('kind')!r}")
            header = cls(
                architecture=Architecture(**content["architecture"]),
                vocabulary=_vocabulary(content["vocabulary"]),
                keys=_keys(content["keys"]),
                seed=content["seed"],
                is_trained=content["is_trained"],
                history=[_epoch(record) for record in content["history"]],
            )
            header._require_consistent()
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            msg = f"{folder} states no model of this version ({type(error).__name__}: {error}); train the model again."
            raise ValueError(msg) from error
        return header

    def _require_consistent(self) -> None:
        sizes, names, keys = self.architecture, self.vocabulary, self.keys
        found = {
            "n_genes": (sizes.n_genes, len(names.genes)),
            "n_batches": (sizes.n_batches, len(names.batches)),
            "n_levels": (sizes.n_levels, tuple(len(levels) for levels in names.levels)),
            "n_continuous": (sizes.n_continuous, len(names.center)),
            "scale": (len(names.center), len(names.scale)),
            "categorical": (len(sizes.n_levels), len(keys.categorical)),
            "continuous": (sizes.n_continuous, len(keys.continuous)),
        }
        for what, (stated, there) in found.items():
            _require(stated == there, f"`{what}` is {stated}, but {there} are named")
        _require(isinstance(self.seed, int) and 0 <= self.seed < SEED_LIMIT, "`seed` is no seed")
        _require(isinstance(self.is_trained, bool), "`is_trained` is neither true nor false")


def require_weights(header: Header, found: Mapping[str, Tensor], folder: str | Path) -> None:
    """Refuse weights whose names or shapes are not those of the architecture, or that are not finite.

    No memory is allocated for the stated network: a file of a few bytes may state one that fills any memory.

    Parameters
    ----------
    header
        Header, which states the architecture.
    found
        Weights by name.
    folder
        Where they were found, for messages.

    Raises
    ------
    ValueError
        If the weights do not fit.
    """
    sizes = header.architecture
    differing = ["n_latent, n_hidden or n_layers"]
    n_weights = sum(tensor.numel() for tensor in found.values())
    if max(sizes.n_latent, sizes.n_hidden) <= n_weights and sizes.n_layers <= len(found):
        with torch.device("meta"):
            shapes = {name: tensor.shape for name, tensor in build(sizes, seed=0).state_dict().items()}
        given = {name: tensor.shape for name, tensor in found.items()}
        differing = sorted(name for name in shapes.keys() | given.keys() if shapes.get(name) != given.get(name))
    if differing:
        msg = f"The weights in {folder} do not fit the architecture that it states: {differing[:5]} differ."
        raise ValueError(msg)
    if infinite := [name for name, tensor in found.items() if not tensor.isfinite().all()]:
        msg = f"The weights in {folder} are not finite: {infinite[:5]}; train the model again."
        raise ValueError(msg)


def _vocabulary(content: Mapping[str, Any]) -> Vocabulary:
    result = Vocabulary(**content)
    for what, names in (("genes", result.genes), ("batches", result.batches), *(("levels", n) for n in result.levels)):
        _require(isinstance(names, list) and all(isinstance(name, str) for name in names), f"`{what}` are no names")
        _require(len(set(names)) == len(names), f"`{what}` has a name twice")
    numbers = [*result.center, *result.scale]
    _require(all(_is_number(n) for n in numbers) and all(n > 0 for n in result.scale), "`center` or `scale` is none")
    return result


def _keys(content: Mapping[str, Any]) -> Keys:
    _require(set(content) == {field.name for field in fields(Keys)}, f"`keys` are {sorted(content)}")
    result = Keys.from_arguments(**content)
    single = [name for name in (result.layer, result.batch) if name is not None]
    _require(all(isinstance(n, str) for n in (*single, *result.categorical, *result.continuous)), "`keys` are no names")
    return result


def _epoch(record: Mapping[str, Any]) -> Epoch:
    result = Epoch.from_dict(record)
    _require(all(value is None or _is_number(value) for value in record.values()), "`history` holds no numbers")
    return result


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _require(condition: bool, problem: str) -> None:  # noqa: FBT001
    if not condition:
        raise ValueError(problem)

"""State of an evolution in a file, from which an interrupted one goes on."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from landscape._files import write_atomic

ARRAYS = ("embryos", "turned", "values", "generation", "fitness", "goals", "weights")


@dataclass
class RunState:
    """What an evolution needs to go on.

    Attributes
    ----------
    embryos, turned
        Genomes, shapes ``(m, d)`` and ``(m, d, d)``, ``[regulator, target]``.
    values
        Fitness of each under the last goal, shape ``(m,)``.
    count
        Position in the sequence of random numbers.
    done
        Generations that are over.
    records
        Entries of the history: generation, fitness, goal, weights.
    """

    embryos: NDArray[np.float64]
    turned: NDArray[np.float64]
    values: NDArray[np.float64]
    count: int = 0
    done: int = 0
    records: list[tuple[int, float, NDArray[np.float64], NDArray[np.float64]]] = field(default_factory=list)

    def history(self) -> dict[str, NDArray[Any]]:
        """Arrays of the history, also where there is none yet."""
        d = self.embryos.shape[1]
        return {
            "generation": np.array([r[0] for r in self.records], np.int64),
            "fitness": np.array([r[1] for r in self.records], float),
            "goals": np.array([r[2] for r in self.records], float).reshape(-1, d),
            "weights": np.array([r[3] for r in self.records], float).reshape(-1, d, d),
        }


def write_state(path: Path, state: RunState, settings: str) -> None:
    """Write a state whole or not at all; ``settings`` is the digest of what makes the run."""
    arrays = {"embryos": state.embryos, "turned": state.turned, "values": state.values, **state.history()}
    notes = {"settings": settings, "count": str(state.count), "done": str(state.done)}
    contiguous = {name: np.ascontiguousarray(value) for name, value in arrays.items()}
    write_atomic(path, lambda file: save_file(contiguous, file, metadata={"evolution": json.dumps(notes)}))


def read_state(path: Path, settings: str) -> RunState:
    """State that :func:`write_state` wrote.

    Raises
    ------
    ValueError
        If the file is none of an evolution, is damaged, or belongs to another run.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            notes = json.loads((file.metadata() or {}).get("evolution", "null"))
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 it is no dictionary
    except (SafetensorError, ValueError) as error:
        msg = f"Expected {path} to be the checkpoint of an evolution, but it cannot be read: {error}. Delete it to start anew."
        raise ValueError(msg) from error
    if not isinstance(notes, dict) or set(arrays) != set(ARRAYS):
        msg = f"Expected {path} to be the checkpoint of an evolution, found another file; name a new file."
        raise ValueError(msg)
    if notes["settings"] != settings:
        msg = (
            f"The checkpoint {path} is of a run with another seed, founder or setting; repeat the call that wrote it, name a new file, "
            "or delete this one."
        )
        raise ValueError(msg)
    records = list(
        zip(
            arrays["generation"].tolist(),
            arrays["fitness"].tolist(),
            list(arrays["goals"]),
            list(arrays["weights"]),
            strict=True,
        )
    )
    return RunState(
        arrays["embryos"], arrays["turned"], arrays["values"], int(notes["count"]), int(notes["done"]), records
    )

"""Stages that take many steps on small matrices keep to one thread, whatever else has asked for."""

from __future__ import annotations

import importlib

import pytest
import torch

import landscape as ls


class Seen(Exception):  # no error: it ends the stage at its first line
    """Number of threads at the first line of a stage."""


@pytest.mark.parametrize("name", ["dynamics", "fates", "occupancy", "perturb"])
def test_a_stage_of_many_small_steps_runs_on_one_thread_and_gives_the_others_back(name, monkeypatch):
    def probe(_):
        raise Seen(torch.get_num_threads())

    monkeypatch.setattr(importlib.import_module(f"landscape.tl._{name}"), "require_adata", probe)
    before = torch.get_num_threads()
    torch.set_num_threads(3)  # as numba does for all of OpenMP
    try:
        with pytest.raises(Seen) as seen:
            getattr(ls.tl, name)(
                None,
                **({"direction": None} if name == "dynamics" else {}),
                **({"levels": {}} if name == "perturb" else {}),
            )
        assert seen.value.args == (1,)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)

"""Stages with many steps on small matrices use one thread, whatever the current setting."""

from __future__ import annotations

import importlib

import pytest
import torch

import landscape as ls


class Seen(Exception):  # no error: it ends the stage at its first line
    """Number of threads at the first line of a stage."""


CASES = {
    "landscape.tl._fates": ("require_adata", lambda: ls.tl.fates(None)),
    "landscape.tl._occupancy": ("require_adata", lambda: ls.tl.occupancy(None)),
    "landscape.tl._perturb": ("require_adata", lambda: ls.tl.perturb(None, {})),
    "landscape.dynamics.bridges": ("require_populations", lambda: ls.dynamics.fit_bridges(None, {})),
    "landscape.dynamics.population_match": (
        "require_populations",
        lambda: ls.dynamics.match_populations(None, {}),
    ),
    "landscape.dynamics.noise": ("require_populations", lambda: ls.dynamics.fit_diffusion(None, {})),
}


@pytest.mark.parametrize("module", CASES)
def test_what_takes_many_small_steps_runs_on_one_thread_and_gives_the_others_back(module, monkeypatch):
    def probe(_):
        raise Seen(torch.get_num_threads())

    first, call = CASES[module]
    monkeypatch.setattr(importlib.import_module(module), first, probe)
    before = torch.get_num_threads()
    torch.set_num_threads(3)  # as numba does for all of OpenMP
    try:
        with pytest.raises(Seen) as seen:
            call()
        assert seen.value.args == (1,)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)

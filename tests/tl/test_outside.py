"""Attractors that lie outside the data are reported when they are found."""

from __future__ import annotations

import logging

import numpy as np

import landscape as ls


def led_out(adata, factor: float):
    """The same model with ceilings so high that its attractors lie outside the cells."""
    adata = adata.copy()
    record = adata.uns["landscape"]["dynamics"]
    record["ceiling"] = np.asarray(record["ceiling"]) * factor
    return adata


def test_attractors_outside_the_data_are_named_with_their_distance(toggle_model, caplog):
    adata = led_out(toggle_model, 4.0)
    with caplog.at_level(logging.WARNING):
        ls.tl.attractors(adata, label_key="fate")
    table = ls.get.attractors(adata)
    assert not table["observed"].any()
    assert (table["distance"] > 1).all()
    assert f"{len(table)} of {len(table)} attractors lie outside the data" in caplog.text
    for name in table["attractor"]:
        assert f"{name} (" in caplog.text


def test_attractors_among_cells_are_not_warned_of(toggle_model, caplog):
    adata = toggle_model.copy()
    with caplog.at_level(logging.WARNING):
        ls.tl.attractors(adata, label_key="fate")
    assert ls.get.attractors(adata)["observed"].all()
    assert "outside the data" not in caplog.text

"""The model as SBML: read back by the library, its rules are the drift."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest
import torch

from landscape.assays import to_sbml
from landscape.dynamics import Model, RegulatoryDrift
from landscape.systems import DoubleWell

rng = np.random.default_rng(0)
DRIFT = RegulatoryDrift.from_arrays(
    rng.standard_normal((4, 4)) * (rng.random((4, 4)) < 0.7), bias=rng.standard_normal(4), decay=[1.0, 0.5, 2.0, 1.0], hill=3.0, signal=0.1,
    held={2: 0.3},
)  # fmt: skip


def test_rules_read_back_are_the_drift(tmp_path):
    libsbml = pytest.importorskip("libsbml")
    text = to_sbml(Model(DRIFT, 0.01, ("A", "B", "C", "D")), tmp_path / "model.xml")
    assert (tmp_path / "model.xml").read_text() == text
    document = libsbml.readSBMLFromString(text)
    document.checkConsistency()
    assert document.getNumErrors(libsbml.LIBSBML_SEV_ERROR) == 0
    made = document.getModel()
    assert [made.getParameter(i).getName() for i in range(4)] == ["A", "B", "C", "D"]
    assert "0.01" in made.getNotesString()
    rules = {made.getRule(i).getVariable(): libsbml.formulaToL3String(made.getRule(i).getMath()) for i in range(4)}
    for x in rng.random((5, 4)):
        names = {f"x{i}": float(v) for i, v in enumerate(x)}
        found = [eval(rules[f"x{i}"].replace("^", "**"), {"exp": math.exp, "max": max}, names) for i in range(4)]
        np.testing.assert_allclose(found, DRIFT(torch.as_tensor(x[None]))[0].numpy(), atol=1e-13)


def test_without_the_library_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "libsbml", None)
    with pytest.raises(ImportError, match=r"genomic-landscape\[sbml\]"):
        to_sbml(DRIFT)


def test_another_drift_is_refused():
    pytest.importorskip("libsbml")
    with pytest.raises(TypeError, match="regulatory drift"):
        to_sbml(DoubleWell())

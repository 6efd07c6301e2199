"""The formal model: the fitted equations as a plain function and as SBML."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape._files import write_text
from landscape._random import RandomLike
from landscape.assays.assess import N_NULL, Assay, Measured, assess
from landscape.assays.finding import Finding
from landscape.assays.subject import Subject, View
from landscape.dynamics import RegulatoryDrift
from landscape.dynamics.model import drift_of

FloatArray = NDArray[np.float64]

# States at which the two are compared.
N_STATES = 50


def equations(model: Any) -> Callable[[float, FloatArray], FloatArray]:
    """The drift as a plain function of time and state, in numpy alone, as solvers of scipy take it.

    Parameters
    ----------
    model
        Model with a regulatory drift, or the drift.

    Returns
    -------
    Function from time (not used) and a state ``(d,)`` to its velocity ``(d,)``.

    Raises
    ------
    TypeError
        If the drift is another one.

    Examples
    --------
    >>> from scipy.integrate import solve_ivp
    >>> import landscape as ls
    >>> drift = ls.dynamics.RegulatoryDrift.from_arrays([[0.0, -8.0], [-8.0, 0.0]], bias=2.0, hill=4.0)
    >>> end = solve_ivp(ls.assays.equations(drift), (0, 50), [0.9, 0.1]).y[:, -1]
    >>> bool(end[0] > 0.8 > 0.1 > end[1])
    True
    """
    drift = _regulatory(model)
    w, b, a, g, k, n = (
        getattr(drift, name).detach().numpy().copy()
        for name in ("weights", "bias", "ceiling", "decay", "threshold", "hill")
    )
    b, held = b + drift.signal.detach().numpy(), dict(drift.held)

    def velocity(time: float, state: FloatArray) -> FloatArray:
        del time
        x = np.asarray(state, dtype=float)
        acting = x.copy()
        acting[list(held)] = list(held.values())
        powered = np.maximum(acting, 0.0) ** n
        production = a / (1 + np.exp(-(w @ (powered / (k**n + powered)) + b)))
        production[list(held)] = g[list(held)] * np.array(list(held.values()))
        return production - g * x

    return velocity


def to_sbml(model: Any, path: str | Path | None = None) -> str:
    """The drift as SBML, level 3 version 2: one species and one rate rule for each gene.

    Parameters
    ----------
    model
        Model with a regulatory drift.
    path
        File to write.

    Returns
    -------
    The document. Noise is not part of SBML; its strength is in a note.

    Raises
    ------
    ImportError
        If `python-libsbml <https://pypi.org/project/python-libsbml/>`_ is not installed: ``pip install "genomic-landscape[sbml]"``.
    TypeError
        If the drift is another one.
    """
    try:
        import libsbml
    except ImportError as error:
        msg = 'Expected `python-libsbml`, which writes SBML, found none; install it by `pip install "genomic-landscape[sbml]"`.'
        raise ImportError(msg) from error
    drift = _regulatory(model)
    names = list(getattr(model, "regulators", ())) or [f"x{i}" for i in range(drift.n_genes)]
    document = libsbml.SBMLDocument(3, 2)
    made = document.createModel()
    made.setId("landscape")
    if (noise := getattr(model, "diffusion", None)) is not None and not callable(noise) and np.ndim(noise) == 0:
        made.setNotes(
            f'<p xmlns="http://www.w3.org/1999/xhtml">Noise of strength D = {float(noise):.17g} is not part of these rules.</p>'
        )
    values = {
        name: getattr(drift, name).detach().numpy()
        for name in ("weights", "bias", "ceiling", "decay", "threshold", "hill", "signal")
    }
    for i, name in enumerate(names):
        variable = made.createParameter()
        variable.setId(f"x{i}")
        variable.setName(str(name))
        variable.setConstant(False)
        variable.setValue(float(drift.held.get(i, 0.0)))
    for i in range(drift.n_genes):
        rule = made.createRateRule()
        rule.setVariable(f"x{i}")
        if rule.setMath(libsbml.parseL3Formula(_formula(i, values, drift.held))) != libsbml.LIBSBML_OPERATION_SUCCESS:
            msg = f"The equation of {names[i]!r} could not be written."
            raise ValueError(msg)
    text = str(libsbml.writeSBMLToString(document))
    if path is not None:
        write_text(path, text)
    return text


def _formula(i: int, values: dict[str, FloatArray], held: Any) -> str:
    """Velocity of one gene as a formula; a clamped gene relaxes to its level, and acts with it."""
    decay = f"{values['decay'][i]:.17g}"
    if i in held:
        return f"{decay} * ({held[i]:.17g} - x{i})"
    terms = [f"({values['bias'][i] + values['signal'][i]:.17g})"]
    for j in np.flatnonzero(values["weights"][i]):
        n, k = f"{values['hill'][j]:.17g}", f"{values['threshold'][j]:.17g}"
        level = f"({held[j]:.17g})" if j in held else f"max(x{j}, 0)"
        terms.append(f"({values['weights'][i, j]:.17g}) * {level}^{n} / ({k}^{n} + {level}^{n})")
    return f"{values['ceiling'][i]:.17g} / (1 + exp(-({' + '.join(terms)}))) - {decay} * x{i}"


def _regulatory(model: Any) -> RegulatoryDrift:
    drift = drift_of(model)
    if not isinstance(drift, RegulatoryDrift):
        msg = f"Expected a regulatory drift or a model with one, found {type(drift).__name__}."
        raise TypeError(msg)
    return drift


def _measure(view: View, rng: np.random.Generator) -> Measured:
    import torch

    cells = view.cells(N_STATES, rng)
    plain = equations(view.model)
    error = np.abs(np.array([plain(0.0, x) for x in cells]) - view.model(torch.as_tensor(cells)).numpy()).max()
    # Rounding of sums over all genes.
    rounding = np.finfo(float).eps * cells.shape[1] * float(np.abs(view.model.drift.weights.numpy()).sum(1).max() + 1)
    value = float(error)
    return Measured(
        value, details={"equations": cells.shape[1]}, null=(10 * rounding,) * N_NULL, interval=(value, value)
    )


ASSAY = Assay(
    name="formal model",
    row="36",
    section="Formalisability",
    claim="The conception can be written down as equations that others can run.",
    statistic="largest difference between the velocities of the model and those of its exported equations, in cells",
    direction="below",
    needs="D",
    measure=_measure,
    null="ten times the rounding of double precision",
    rewires=False,
    min_memories=0,
    requires=frozenset({"weights"}),
)


def formal_model(subject: Subject, *, n_null: int = N_NULL, rng: RandomLike = 0) -> Finding:
    """Whether the exported equations are those of the model (:func:`equations`, :func:`to_sbml`).

    Parameters
    ----------
    subject
        Model beside its cells.
    n_null, rng
        As for :func:`landscape.assays.assess`.
    """
    return assess(ASSAY, subject, n_null=n_null, rng=rng)

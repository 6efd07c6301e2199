r"""Penalties of the fits: how strongly weights of the model are pulled to zero where cells do not determine them.

Each fit minimises a misfit plus :math:`\lambda` times a sum over squared weights. Misfits and weights are without units
(see the functions), so that one number serves all data sets. It is fixed, not selected by cross-validation.
"""

from __future__ import annotations

from typing import Final

# Fit of rates to velocities of cells. Responses are standardised: up to the slope of the production, combinations of
# regulators that vary by much more than sqrt(1e-3), 3 % of a standard deviation, are hardly shrunk, and the weights of
# those that vary less are left near zero.
RATES: Final = 1e-3
# Fit of rates along bridges. Smaller, because paths between populations cover more states than cells do and leave less
# undetermined.
BRIDGES: Final = 1e-4
# Match of populations, in units of the energy distance and per gene. Small beside that distance, so that it decides only
# between models whose populations agree with the observed ones equally well.
POPULATIONS: Final = 1e-3
# Distance of weights of standardised inputs, and of the logarithms of levels and decay rates, from the start of a fit to
# descendants. A few hundred landmarks leave most combinations of regulators undetermined, and those stay at the fit to
# velocities. In units of the score of staying put. On held-out landmarks of time courses of a few hundred cells a time
# point, it predicts as well as smaller ones, or better, and one ten times as large predicts worse.
DESCENDANTS: Final = 0.04

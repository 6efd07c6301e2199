"""Genes that a circuit drives but that do not feed back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from landscape.circuits.logic import BooleanRule, Multilinear, read_rule

# Shares of targets with one, two and three regulators, and of activating inputs.
N_INPUTS = (0.4, 0.4, 0.2)
SHARE_ACTIVATING = 0.65


@dataclass(frozen=True)
class Targets:
    r"""Target genes: :math:`\dot y = (b + (1 - b) B(h(x)) - y) / \tau`, driven by the circuit's state alone.

    Attributes
    ----------
    names, rules
        Name and rule of each target.
    logic
        Their multilinear extensions :math:`B` over the circuit's genes.
    basal, time_scale
        :math:`b, \tau`, each of shape ``(t,)``.
    """

    names: tuple[str, ...]
    rules: tuple[BooleanRule, ...]
    logic: Multilinear
    basal: Tensor
    time_scale: Tensor

    def level(self, gates: Tensor) -> Tensor:
        """Level that the targets relax to at Hill gates of shape ``(n, d)``."""
        # Gates exceed 1 a little where a regulator exceeds its full level, see HillCube.
        return self.basal + (1.0 - self.basal) * self.logic(gates).clamp_min(0.0)

    @property
    def network(self) -> pd.DataFrame:
        """Edges: columns ``source``, ``target``, ``sign``."""
        rows = [(s, g, r.sign(s)) for g, r in zip(self.names, self.rules, strict=True) for s in r.inputs]
        return pd.DataFrame(rows, columns=["source", "target", "sign"])


def draw_targets(regulators: Sequence[str], n_targets: int, rng: np.random.Generator) -> Targets:
    """Draw target genes with one to three regulators each, joined by random ANDs and ORs.

    Parameters
    ----------
    regulators
        Genes of the circuit.
    n_targets
        Number of targets.
    rng
        Generator.

    Returns
    -------
    Targets whose half-lives spread over a factor of about four and whose basal level is 2 to 20 % of the full one.
    """
    most = min(len(regulators), len(N_INPUTS))
    share = np.array(N_INPUTS[:most]) / sum(N_INPUTS[:most])
    rules = []
    for _ in range(n_targets):
        inputs = rng.choice(len(regulators), size=1 + rng.choice(most, p=share), replace=False)
        # A first literal that activates keeps genes that are always on in the minority.
        text = ""
        for position, j in enumerate(inputs):
            literal = regulators[j] if rng.random() < SHARE_ACTIVATING else f"(not {regulators[j]})"
            text = f"({text} {'and' if rng.random() < 0.5 else 'or'} {literal})" if position else literal
        rules.append(read_rule(text))
    return Targets(
        names=tuple(f"Target{i + 1}" for i in range(n_targets)),
        rules=tuple(rules),
        logic=Multilinear.from_rules(rules, regulators),
        basal=torch.as_tensor(rng.uniform(0.02, 0.2, n_targets)),
        time_scale=torch.as_tensor(np.exp(rng.normal(0.0, 0.35, n_targets))),
    )

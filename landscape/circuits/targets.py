"""Target genes, which a circuit regulates without feedback."""

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
# Probability that a further input is joined by AND rather than OR.
SHARE_AND = 0.5
# Range of the basal level, and standard deviation of the log time scale: half-lives vary about fourfold.
BASAL, TIME_SCALE_SPREAD = (0.02, 0.2), 0.35


@dataclass(frozen=True)
class Targets:
    r"""Target genes: :math:`\dot y = (b + (1 - b) B(h(x)) - y) / \tau`, a function of the state of the circuit alone.

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
        """Level to which the targets relax at Hill gates of shape ``(n, d)``."""
        # Gates slightly exceed 1 where a regulator exceeds its full level, see HillCube.
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
    Targets with half-lives that vary about fourfold and basal levels of 2 to 20 % of the full level.
    """
    max_inputs = min(len(regulators), len(N_INPUTS))
    share = np.array(N_INPUTS[:max_inputs]) / sum(N_INPUTS[:max_inputs])
    rules = []
    for _ in range(n_targets):
        inputs = rng.choice(len(regulators), size=1 + rng.choice(max_inputs, p=share), replace=False)
        text = ""
        for position, j in enumerate(inputs):
            literal = regulators[j] if rng.random() < SHARE_ACTIVATING else f"(not {regulators[j]})"
            text = f"({text} {'and' if rng.random() < SHARE_AND else 'or'} {literal})" if position else literal
        rules.append(read_rule(text))
    return Targets(
        names=tuple(f"Target{i + 1}" for i in range(n_targets)),
        rules=tuple(rules),
        logic=Multilinear.from_rules(rules, regulators),
        basal=torch.as_tensor(rng.uniform(*BASAL, n_targets)),
        time_scale=torch.as_tensor(np.exp(rng.normal(0.0, TIME_SCALE_SPREAD, n_targets))),
    )

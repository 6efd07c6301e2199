"""A gene circuit: Boolean rules, signed edges, and the time scales of its genes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from landscape.circuits.kinetics import HillCube
from landscape.circuits.logic import BooleanRule, Multilinear, boolean_states, read_rule

OTHER = "other"
# Genes up to which all Boolean states are enumerated: a million.
MAX_ENUMERATED = 20
# Level above which a gene is on.
ON = 0.5
# Parameters of genes that a mapping does not name.
DEFAULTS: Mapping[Literal["time_scale", "threshold", "hill"], float] = {
    "time_scale": 1.0,
    "threshold": 0.5,
    "hill": 4.0,
}


@dataclass(frozen=True)
class Circuit:
    r"""A gene circuit.

    Attributes
    ----------
    name
        Name of the circuit.
    rules
        Boolean rule of each gene, as text (``"Cebpa and not EgrNab"``) or as a function of gene names. The order of
        the genes is the order of the rules.
    edges
        Signed edges ``(source, target, sign)`` as stated in the source; checked against the rules.
    initial
        Initial level of each gene; genes not named start at 0.
    fates
        Genes that are on in each fate; all others are off.
    time_scale
        :math:`\tau_i`, one number or a number for each gene (genes not named: 1).
    threshold, hill
        :math:`k_j, n_j` of the Hill gates, in the same way (genes not named: 0.5 and 4).
    system_size
        :math:`\Omega` of the chemical Langevin noise: copies of a fully expressed gene.
    diffusion
        :math:`D` of constant noise.
    duration
        Time after which nearly all trajectories have reached a fate.
    reference
        Source of the rules.

    Raises
    ------
    ValueError
        If a rule, an edge, a fate or a level names an unknown gene, if rules and edges disagree, or if a parameter is
        not positive.
    """

    name: str
    rules: Mapping[str, str | Callable[..., bool]]
    edges: tuple[tuple[str, str, int], ...]
    initial: Mapping[str, float]
    fates: Mapping[str, frozenset[str]] = field(default_factory=dict)
    time_scale: float | Mapping[str, float] = 1.0
    threshold: float | Mapping[str, float] = 0.5
    hill: float | Mapping[str, float] = 4.0
    system_size: float = 100.0
    diffusion: float = 0.01
    duration: float = 20.0
    reference: str = ""

    def __post_init__(self) -> None:
        named = {
            "a rule": {n for rule in self.boolean_rules for n in rule.inputs},
            "`edges`": {n for source, target, _ in self.edges for n in (source, target)},
            "`initial`": set(self.initial),
            "`fates`": {n for genes in self.fates.values() for n in genes},
        }
        for key in DEFAULTS:
            value = getattr(self, key)
            named[f"`{key}`"] = set(value) if isinstance(value, Mapping) else set()
        for where, names in named.items():
            self.require_genes(names, where)
        derived = {(s, t, sign) for s, t, sign in self.network.itertuples(index=False)}
        if derived != set(self.edges):
            msg = (
                f"The edges of circuit {self.name!r} disagree with its rules: only in the rules "
                f"{sorted(derived - set(self.edges))}, only in `edges` {sorted(set(self.edges) - derived)}."
            )
            raise ValueError(msg)
        if OTHER in self.fates:
            msg = f"{OTHER!r} stands for trajectories without a fate; name the fate differently."
            raise ValueError(msg)
        for key in DEFAULTS:
            if not (self.vector(key) > 0).all():
                msg = f"Expected `{key}` to be positive, found {float(self.vector(key).min())}."
                raise ValueError(msg)
        for name in ("system_size", "diffusion", "duration"):
            if not 0 < getattr(self, name) < np.inf:
                msg = f"Expected `{name}` to be positive and finite, found {getattr(self, name)}."
                raise ValueError(msg)
        if bad := {g: v for g, v in self.initial.items() if not 0 <= v < np.inf}:
            msg = f"Expected non-negative initial levels, found {bad}."
            raise ValueError(msg)

    @property
    def genes(self) -> tuple[str, ...]:
        """Names of the genes, in the order of every array."""
        return tuple(self.rules)

    @cached_property
    def boolean_rules(self) -> tuple[BooleanRule, ...]:
        """Truth table of each gene."""
        return tuple(read_rule(rule) for rule in self.rules.values())

    @cached_property
    def network(self) -> pd.DataFrame:
        """Edges derived from the rules: columns ``source``, ``target``, ``sign``."""
        rows = [(s, g, r.sign(s)) for g, r in zip(self.genes, self.boolean_rules, strict=True) for s in r.inputs]
        return pd.DataFrame(rows, columns=["source", "target", "sign"])

    @cached_property
    def fate_states(self) -> pd.DataFrame:
        """State of each fate, fates x genes: 1 on, 0 off."""
        rows = [[float(g in on) for g in self.genes] for on in self.fates.values()]
        return pd.DataFrame(
            np.array(rows).reshape(-1, len(self.genes)), index=list(self.fates), columns=list(self.genes)
        )

    def drift(self, knockouts: Iterable[str] = (), levels: Mapping[str, float] | None = None) -> HillCube:
        r"""Drift :math:`f_i(x) = (B_i(h(x)) - x_i) / \tau_i` of the circuit, see :class:`HillCube`.

        Parameters
        ----------
        knockouts
            Genes without production.
        levels
            Level of each gene whose production is clamped, which it approaches.

        Raises
        ------
        ValueError
            If a gene is unknown or both knocked out and clamped, or a level is negative.
        """
        held = self.held(knockouts, levels)
        return HillCube(
            logic=Multilinear.from_rules(self.boolean_rules, self.genes),
            time_scale=self.vector("time_scale"),
            threshold=self.vector("threshold"),
            hill=self.vector("hill"),
            held={self.genes.index(g): v for g, v in held.items()},
        )

    def held(self, knockouts: Iterable[str] = (), levels: Mapping[str, float] | None = None) -> dict[str, float]:
        """Level of each gene whose production is clamped; a knocked-out gene is clamped at 0."""
        if isinstance(knockouts, str):
            msg = (
                f"Expected `knockouts` to be a collection of genes, found the text {knockouts!r}; pass [{knockouts!r}]."
            )
            raise TypeError(msg)
        knockouts, levels = list(knockouts), dict(levels or {})
        self.require_genes(knockouts, "`knockouts`")
        self.require_genes(levels, "`levels`")
        if both := set(knockouts) & set(levels):
            msg = f"Genes {sorted(both)} are both in `knockouts` and in `levels`; name each in one of them."
            raise ValueError(msg)
        if bad := {g: v for g, v in levels.items() if not 0 <= v < np.inf}:
            msg = f"Expected non-negative `levels`, found {bad}."
            raise ValueError(msg)
        return {**dict.fromkeys(knockouts, 0.0), **{g: float(v) for g, v in levels.items()}}

    def initial_state(self, knockouts: Iterable[str] = (), levels: Mapping[str, float] | None = None) -> Tensor:
        """Initial state, shape ``(d,)``; clamped genes start at their level."""
        start = {**self.initial, **self.held(knockouts, levels)}
        return torch.tensor([float(start.get(g, 0.0)) for g in self.genes], dtype=torch.float64)

    def fixed_points_boolean(self) -> list[frozenset[str]]:
        """Genes that are on in each steady state of the Boolean network, by enumeration.

        Each is a fixed point of :meth:`drift` with the same levels, because the gates map 0 to 0 and 1 to 1.

        Raises
        ------
        ValueError
            If the circuit has more than 20 genes.
        """
        if len(self.genes) > MAX_ENUMERATED:
            msg = f"Expected at most {MAX_ENUMERATED} genes to enumerate all states, found {len(self.genes)}."
            raise ValueError(msg)
        states = boolean_states(len(self.genes))
        steady = np.ones(len(states), dtype=bool)
        for i, rule in enumerate(self.boolean_rules):
            row = sum((states[:, self.genes.index(n)].astype(int) << j for j, n in enumerate(rule.inputs)), start=0)
            steady &= np.asarray(rule.table)[row] == states[:, i]
        return [frozenset(g for g, on in zip(self.genes, s, strict=True) if on) for s in states[steady]]

    def classify(self, states: Tensor | np.ndarray) -> np.ndarray:
        """Fate of each state of shape ``(n, d)``: the one whose genes, and no others, are on; else ``"other"``."""
        on = np.asarray(states) > ON
        result = np.full(len(on), OTHER, dtype=object)
        for fate, pattern in self.fate_states.iterrows():
            result[(on == (pattern.to_numpy() > ON)).all(1)] = fate
        return result

    def vector(self, key: Literal["time_scale", "threshold", "hill"]) -> Tensor:
        """Parameter ``key`` of every gene, shape ``(d,)``."""
        value, default = getattr(self, key), DEFAULTS[key]
        values = [float(value.get(g, default)) if isinstance(value, Mapping) else float(value) for g in self.genes]
        return torch.tensor(values, dtype=torch.float64)

    def require_genes(self, names: Iterable[str], where: str) -> None:
        """Raise unless all names are genes of the circuit."""
        if unknown := sorted(set(map(str, names)) - set(self.genes)):
            msg = f"Unknown genes {unknown} in {where}; circuit {self.name!r} has {list(self.genes)}."
            raise ValueError(msg)

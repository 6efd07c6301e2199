"""Boolean rules as truth tables, the signs of their inputs, and their multilinear extensions."""

from __future__ import annotations

import ast
import inspect
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

# Inputs of a rule; its truth table has two to this power rows.
MAX_INPUTS = 12


@dataclass(frozen=True)
class BooleanRule:
    """Truth table of one gene.

    Attributes
    ----------
    inputs
        Names of the regulators.
    table
        Value for each of the ``2**len(inputs)`` states; bit ``j`` of the row's number is the state of input ``j``.
    """

    inputs: tuple[str, ...]
    table: tuple[bool, ...]

    def sign(self, name: str) -> int:
        """Sign of an input: +1 if the rule never falls when it is switched on, -1 if it never rises.

        Raises
        ------
        ValueError
            If the rule does not depend on the input, or rises in some states and falls in others.
        """
        bit = 1 << self.inputs.index(name)
        rows = [r for r in range(len(self.table)) if not r & bit]
        change = {int(self.table[r | bit]) - int(self.table[r]) for r in rows} - {0}
        if len(change) != 1:
            what = "never changes" if not change else "both rises and falls"
            msg = (
                f"Expected a rule that is monotone in {name!r}; it {what} with it. Change the rule or remove the input."
            )
            raise ValueError(msg)
        return change.pop()

    def coefficients(self) -> dict[frozenset[str], float]:
        r"""Coefficients of the multilinear extension :math:`B(y) = \sum_S c_S \prod_{j \in S} y_j` that are not zero."""
        c = np.array(self.table, dtype=float)
        for j in range(len(self.inputs)):
            pairs = c.reshape(-1, 2, 1 << j)
            pairs[:, 1] -= pairs[:, 0]
        return {
            frozenset(n for j, n in enumerate(self.inputs) if row >> j & 1): float(v) for row, v in enumerate(c) if v
        }


def read_rule(rule: str | Callable[..., bool]) -> BooleanRule:
    """Truth table of a rule.

    Parameters
    ----------
    rule
        An expression in gene names with ``and``, ``or``, ``not`` (or ``&``, ``|``, ``~``), or a function whose
        parameters are the gene names.

    Raises
    ------
    ValueError
        If the expression is not Boolean logic in names, or has more than 12 inputs.
    TypeError
        If the rule is neither text nor a function.
    """
    value: Callable[[dict[str, bool]], bool]
    if isinstance(rule, str):
        try:
            tree = ast.parse(rule.strip(), mode="eval").body
        except SyntaxError as error:
            msg = f"Expected a Boolean expression in gene names, found {rule!r}: {error.msg}."
            raise ValueError(msg) from error
        inputs = tuple(dict.fromkeys(n.id for n in ast.walk(tree) if isinstance(n, ast.Name)))
        value = lambda state: _evaluate(tree, state, rule)  # noqa: E731
    elif callable(rule):
        inputs = tuple(inspect.signature(rule).parameters)
        value = lambda state: bool(rule(**state))  # noqa: E731
    else:
        msg = f"Expected a rule as text or as a function, found {type(rule).__name__}."
        raise TypeError(msg)
    if len(inputs) > MAX_INPUTS:
        msg = f"Expected at most {MAX_INPUTS} inputs of a rule, found {len(inputs)}."
        raise ValueError(msg)
    rows = range(1 << len(inputs))
    return BooleanRule(inputs, tuple(value({n: bool(r >> j & 1) for j, n in enumerate(inputs)}) for r in rows))


def _evaluate(node: ast.expr, state: dict[str, bool], rule: str) -> bool:
    match node:
        case ast.Name(id=name):
            return state[name]
        case ast.Constant(value=bool(constant)):
            return constant
        case ast.UnaryOp(op=ast.Not() | ast.Invert(), operand=operand):
            return not _evaluate(operand, state, rule)
        # Lists, not generators: every operand is evaluated, so that an invalid construct raises for every state.
        case ast.BoolOp(op=ast.And(), values=values):
            return False not in [_evaluate(v, state, rule) for v in values]
        case ast.BoolOp(op=ast.Or(), values=values):
            return True in [_evaluate(v, state, rule) for v in values]
        case ast.BinOp(left=left, op=ast.BitAnd(), right=right):
            return False not in [_evaluate(left, state, rule), _evaluate(right, state, rule)]
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return True in [_evaluate(left, state, rule), _evaluate(right, state, rule)]
    msg = f"Expected only gene names, and, or, not in {rule!r}, found `{ast.unparse(node)}`."
    raise ValueError(msg)


@dataclass(frozen=True)
class Multilinear:
    r"""Multilinear extensions of several rules over the same inputs, :math:`B_i(y) = \sum_m C_{mi} \prod_{j \in m} y_j`.

    Attributes
    ----------
    monomials
        Column numbers of each monomial's factors, shape ``(m, k)``; 0 is the constant 1, ``j + 1`` is input ``j``.
    weights
        :math:`C`, shape ``(m, n_rules)``.
    """

    monomials: Tensor
    weights: Tensor

    @classmethod
    def from_rules(cls, rules: Sequence[BooleanRule], inputs: Sequence[str]) -> Multilinear:
        """Extension of ``rules`` over the ordered names ``inputs``."""
        column = {name: j + 1 for j, name in enumerate(inputs)}
        terms = [rule.coefficients() for rule in rules]
        subsets = sorted({s for t in terms for s in t} | {frozenset()}, key=lambda s: sorted(column[n] for n in s))
        row = {s: m for m, s in enumerate(subsets)}
        width = max(1, max(len(s) for s in subsets))
        monomials = torch.tensor([sorted(column[n] for n in s) + [0] * (width - len(s)) for s in subsets])
        weights = torch.zeros((len(subsets), len(rules)), dtype=torch.float64)
        for i, coefficients in enumerate(terms):
            for subset, value in coefficients.items():
                weights[row[subset], i] = value
        return cls(monomials, weights)

    def __call__(self, y: Tensor) -> Tensor:
        """Values of shape ``(n, n_rules)`` at inputs of shape ``(n, n_inputs)``."""
        # Genes in rows, because gathering rows is several times faster than gathering columns.
        factors = torch.cat([torch.ones_like(y[:, :1]), y], dim=1).T.contiguous()
        product = factors[self.monomials[:, 0]]
        for k in range(1, self.monomials.shape[1]):
            product = product * factors[self.monomials[:, k]]
        return (self.weights.T @ product).T


def boolean_states(n: int) -> np.ndarray:
    """All Boolean states of ``n`` genes, shape ``(2**n, n)``."""
    return np.array(list(itertools.product((False, True), repeat=n)), dtype=bool)

"""Truth tables, signs and multilinear extensions against their definitions."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from landscape.circuits.logic import BooleanRule, Multilinear, boolean_states, read_rule

NAMES = ("a", "b", "c", "d")


@st.composite
def read_once(draw, names=NAMES):
    """Rule in which every name occurs once: monotone in each of them, and dependent on each."""
    literals = [draw(st.sampled_from([n, f"(not {n})"])) for n in draw(st.permutations(names))]
    while len(literals) > 1:
        left, right, *rest = literals
        literals = [f"({left} {draw(st.sampled_from(['and', 'or']))} {right})", *rest]
    return literals[0]


def test_rule_as_text_or_function_or_with_other_signs_is_one_rule():
    text = read_rule("a and not (b or c)")
    assert text == read_rule("a & ~(b | c)")
    assert text == read_rule(lambda a, b, c: a and not (b or c))
    assert text.inputs == ("a", "b", "c")
    assert [r for r, value in enumerate(text.table) if value] == [0b001]
    assert read_rule("True").table == (True,)


@given(read_once())
def test_signs_are_the_literals_of_a_read_once_rule(text):
    rule = read_rule(text)
    assert {n: rule.sign(n) for n in NAMES} == {n: -1 if f"not {n}" in text else 1 for n in NAMES}


@given(read_once(), st.integers(0, 2**32 - 1))
def test_extension_is_the_expectation_over_independent_inputs(text, seed):
    rule = read_rule(text)
    y = np.random.default_rng(seed).uniform(0, 1, (5, 4))
    expected = np.zeros(5)
    for state in itertools.product((0, 1), repeat=4):
        row = sum(bit << rule.inputs.index(n) for n, bit in zip(NAMES, state, strict=True))
        expected += rule.table[row] * np.prod(np.where(state, y, 1 - y), axis=1)
    found = Multilinear.from_rules([rule, read_rule("a")], NAMES)(torch.as_tensor(y)).numpy()
    np.testing.assert_allclose(found[:, 0], expected, atol=1e-13)
    np.testing.assert_allclose(found[:, 1], y[:, 0], atol=0)


@given(read_once(), st.integers(0, 2**32 - 1))
def test_sign_is_the_direction_of_the_extension(text, seed):
    rule = read_rule(text)
    y = torch.as_tensor(np.random.default_rng(seed).uniform(0, 1, (5, 4))).requires_grad_()
    (slope,) = torch.autograd.grad(Multilinear.from_rules([rule], NAMES)(y).sum(), y)
    signs = torch.tensor([rule.sign(n) for n in NAMES])
    # Zero is allowed: rounding of 16 products of numbers below one.
    assert (slope * signs > -1e-14).all()


def test_rule_that_is_not_monotone_or_ignores_an_input_has_no_sign():
    with pytest.raises(ValueError, match="monotone in 'a'; it both rises and falls"):
        read_rule("(a and not b) or (b and not a)").sign("a")
    with pytest.raises(ValueError, match="it never changes"):
        BooleanRule(("a", "b"), (False, False, True, True)).sign("a")


@pytest.mark.parametrize(
    ("rule", "error", "message"),
    [
        ("a and", ValueError, "Boolean expression in gene names, found 'a and'"),
        ("a + b", ValueError, r"found `a \+ b`"),
        ("False and a > 1", ValueError, "found `a > 1`"),
        ("a or 3", ValueError, "found `3`"),
        (" and ".join(f"g{i}" for i in range(13)), ValueError, "at most 12 inputs of a rule, found 13"),
        (3, TypeError, "as text or as a function, found int"),
    ],
)
def test_broken_rules_are_refused(rule, error, message):
    with pytest.raises(error, match=message):
        read_rule(rule)


def test_boolean_states_are_all_different():
    assert len(np.unique(boolean_states(5), axis=0)) == 32

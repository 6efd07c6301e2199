"""Development, and the compiled arithmetic under it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numba import njit

from landscape.evolution import ConnectionCost, Development, Mutation, _kernels
from landscape.evolution.pressures import kernel_rules


@njit
def tanh_of(x):
    out = np.empty_like(x)
    for i in range(len(x)):
        out[i] = _kernels.tanh(x[i])
    return out


@njit
def units_of(seed, first, n):
    out = np.empty(n)
    for i in range(n):
        out[i] = _kernels.unit(seed, first + np.uint64(i))
    return out


def test_two_genes_by_hand():
    development = Development(n_steps=2, gain=0.7, rate=0.9, decay=0.3)
    b, g = [[0.2, -0.5], [1.1, 0.4]], [0.3, -0.8]
    p = list(g)
    for _ in range(2):
        h = [0.7 * (b[i][0] * p[0] + b[i][1] * p[1]) for i in range(2)]
        p = [p[i] + 0.9 * math.tanh(h[i]) - 0.3 * p[i] for i in range(2)]
    np.testing.assert_allclose(development.phenotypes(b, [g])[0], np.array(p) * 0.3 / 0.9, atol=1e-15)
    np.testing.assert_allclose(development.states(b, [g])[-1, 0], p, atol=1e-15)


def test_the_direct_encoding_is_the_embryo_itself():
    direct = Development(n_steps=0)
    embryos = np.array([[0.3, -1.0]])
    assert direct.is_direct
    np.testing.assert_array_equal(direct.phenotypes(np.ones((2, 2)), embryos), embryos)


def test_the_kernel_develops_as_the_formula_does():
    gen = np.random.default_rng(0)
    for n, development in ((16, Development()), (5, Development(7, 0.8, 0.6, 0.35)), (3, Development(n_steps=0))):
        weights, embryo = gen.normal(size=(n, n)), gen.uniform(-1, 1, n)
        rules = kernel_rules(n, development, Mutation(), ConnectionCost(0.0))
        state = np.empty(n)
        _kernels.develop(embryo, np.ascontiguousarray(weights.T), rules, state, np.empty(n))
        # Ten steps whose rounding, 1e-16 each, grows by the gain of the weights.
        np.testing.assert_allclose(state, development.phenotypes(weights, embryo[None])[0], atol=1e-11)


def test_the_compiled_tanh_is_one():
    x = np.concatenate([np.linspace(-30, 30, 60_001), np.logspace(-12, 0, 500), [0.0]])
    np.testing.assert_allclose(tanh_of(x), np.tanh(x), atol=4e-16, rtol=0)
    assert tanh_of(np.array([25.0, -25.0])).tolist() == [1.0, -1.0]


def test_random_numbers_are_those_of_splitmix64():
    # First outputs for seed 1234567 as published with the generator.
    known = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821]
    found = units_of(np.uint64(1234567), np.uint64(1), 5)
    assert found.tolist() == [(z >> 11) * 2.0**-53 for z in known]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_steps": -1}, "whole number, zero or more, found -1"),
        ({"n_steps": 2.5}, "whole number, zero or more, found 2.5"),
        ({"gain": 0.0}, "`gain` of development to be positive and finite, found 0.0"),
        ({"rate": float("inf")}, "`rate` of development to be positive and finite, found inf"),
        ({"decay": 1.2}, "above 0 and at most 1, found 1.2"),
    ],
)
def test_wrong_numbers_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Development(**options)

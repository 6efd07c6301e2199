from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from landscape import network
from landscape.network.data.groups import groups_of, step_thresholds
from landscape.network.methods.ridge import at_rank_of
from tests.network import toy


def standardised(data):
    x, y, _ = data.dense()
    return (x - x.mean(0)) / x.std(0), (y - y.mean(0)) / y.std(0)


@pytest.mark.parametrize("penalty", [0.01, 0.5, 30.0])
def test_ridge_is_sklearns_fitted_without_the_gene_itself(penalty):
    data = network.expression(toy.counts(), [5, 0, 11, 20])
    found = network.ridge(network.moments(data), data.regulators, penalty=penalty, deconfounding=0)
    x, y = standardised(data)
    for j in range(40):
        kept = [k for k, gene in enumerate(data.regulators) if gene != j]
        expected = np.zeros(4)
        model = Ridge(alpha=penalty * len(x), fit_intercept=False).fit(x[:, kept], y[:, j])
        expected[kept] = (1 + penalty) * model.coef_
        # sklearn solves the normal equations as well: agreement to their conditioning, below 1e3 * eps * n.
        np.testing.assert_allclose(found[:, j], expected, atol=1e-9)


def test_the_arrow_subtracts_half_of_the_turned_regression():
    values = np.random.default_rng(0).normal(size=(2, 300, 40))
    data = network.expression(values[0], [0, 1, 2], response=values[1])
    both = network.moments(data)
    forward = network.ridge(both, data.regulators, reverse_share=0.0, deconfounding=0)
    backward = network.ridge(both.reverse, data.regulators, deconfounding=0)
    np.testing.assert_allclose(network.ridge(both, data.regulators), forward - 0.5 * backward, atol=1e-14)


def test_what_nascent_counts_lack_in_depth_comes_from_spliced_ones():
    data = network.expression(toy.counts(seed=0), [0, 1, 2], response=toy.counts(seed=1))
    both = network.moments(data)
    share = both.reliability
    assert 0 <= share.min() < share.max() < 1
    forward = network.ridge(both, data.regulators, reverse_share=0.0, deconfounding=0)
    backward = network.ridge(both.reverse, data.regulators, deconfounding=0)
    alone = network.expression(toy.counts(seed=0), [0, 1, 2])
    for deconfounding in (0.0, 0.2):
        steady = network.ridge(network.moments(alone), data.regulators, deconfounding=deconfounding)
        # The same regression, but for the depth of the response, which is regressed out where there is one.
        np.testing.assert_allclose(
            network.ridge(both.steady, data.regulators, deconfounding=deconfounding), steady, atol=1e-12
        )
        expected = share * (forward - 0.5 * share * backward) + (1 - share) * steady
        np.testing.assert_allclose(
            network.ridge(both, data.regulators, deconfounding=deconfounding), expected, atol=1e-12
        )


def lagged(n_cells=3000, seed=0):
    """A parent drives two genes; splicing and the parent's protein lag, so a sibling's messenger mirrors the protein."""
    rng = np.random.default_rng(seed)
    step, n_steps = 0.05, 600
    parent = np.zeros(n_cells)
    protein = np.zeros(n_cells)
    state = {gene: np.zeros((2, n_cells)) for gene in ("parent", "sibling", "target")}
    for _ in range(n_steps):
        parent += -0.3 * parent * step + np.sqrt(step) * rng.normal(size=n_cells)
        drive = {"parent": parent, "sibling": protein, "target": protein}
        for gene, (young, old) in state.items():
            young += step * (drive[gene] - 4.0 * young)
            old += step * (4.0 * young - old)
        protein += step * 0.5 * (state["parent"][1] - protein)
    spliced = np.stack([state[g][1] for g in state], axis=1)
    unspliced = np.stack([state[g][0] for g in state], axis=1)
    noise = 0.05 * np.array([spliced.std(0), unspliced.std(0)])
    return spliced + noise[0] * rng.normal(size=spliced.shape), unspliced + noise[1] * rng.normal(size=spliced.shape)


def test_turning_time_round_tells_a_parent_from_a_sibling():
    spliced, unspliced = lagged()
    data = network.expression(spliced, [0, 1], response=unspliced)
    both = network.moments(data)
    plain = network.ridge(both, data.regulators, reverse_share=0.0)
    found = network.ridge(both, data.regulators)
    assert abs(plain[1, 2]) > abs(plain[0, 2])  # the sibling looks like the regulator
    assert abs(found[0, 2]) > 1.3 * abs(found[1, 2])
    assert found[0, 2] > 0


def hub(n_cells=3000, n_targets=5, seed=0):
    """A fluctuating hub drives genes that have no edges among themselves; messengers lag behind nascent RNA."""
    rng = np.random.default_rng(seed)
    step = 0.05
    rate = np.zeros((n_cells, 1 + n_targets))  # activity of each promoter
    young, old = np.zeros_like(rate), np.zeros_like(rate)
    for _ in range(400):
        kick = np.sqrt(step) * rng.normal(size=rate.shape) * np.r_[1.0, np.full(n_targets, 0.5)]
        drive = np.concatenate([np.zeros((n_cells, 1)), 0.8 * old[:, [0]].repeat(n_targets, axis=1)], axis=1)
        rate += step * 0.5 * (drive - rate) + kick
        young += step * (rate - 4.0 * young)
        old += step * (4.0 * young - old)
    size = 0.1 * np.array([old.std(0), young.std(0)])
    return old + size[0] * rng.normal(size=old.shape), young + size[1] * rng.normal(size=old.shape)


def test_a_hub_does_not_join_its_targets():
    """Weights among targets over weights of the hub: high on steady messengers, low where the response is nascent."""
    spliced, unspliced = hub()
    ratio = {}
    for name, response in {"spliced": None, "unspliced": unspliced}.items():
        data = network.expression(spliced, np.arange(6), response=response)
        found = np.abs(network.infer(data, n_bootstraps=0, n_decoys=0, shape=False).weights)
        ratio[name] = found[1:, 1:][~np.eye(5, dtype=bool)].max() / found[0, 1:].min()
    assert ratio["unspliced"] < 1 / 3
    assert ratio["unspliced"] < ratio["spliced"] / 4


def test_every_target_may_have_a_penalty_of_its_own():
    data = network.expression(toy.counts(), [5, 0, 11, 20])
    penalty = np.where(np.arange(40) % 3 == 0, 0.5, 4.0)
    found = network.ridge(network.moments(data), data.regulators, penalty=penalty, deconfounding=0)
    for value in (0.5, 4.0):
        alone = network.ridge(network.moments(data), data.regulators, penalty=value, deconfounding=0)
        np.testing.assert_array_equal(found[:, penalty == value], alone[:, penalty == value])


def test_values_at_the_rank_of_others():
    values = np.array([[0.0, 5.0, 1.0], [7.0, 0.0, 3.0]])
    others = np.array([[0.6, 0.1, 0.2], [0.3, 0.5, 0.4]])
    np.testing.assert_array_equal(at_rank_of(values, others), [[0.0, 0.5, 0.3], [0.6, 0.0, 0.4]])


def test_steps_find_what_a_line_misses_and_lines_keep_what_they_found():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(500, 6))
    bump = (np.abs(x[:, 0]) < 0.6) * 2.0 + 0.3 * rng.normal(size=500)  # no line through it
    data = network.expression(np.column_stack([x, bump, x[:, 1] + rng.normal(size=500)]), np.arange(6))
    groups = groups_of(data, thresholds=step_thresholds(data), max_groups=2, seed=0)
    # One set of moments for both: those of a fit without steps come from a narrower product, in which a kernel may add in
    # another order, and their weights differ in the last digits.
    moments = groups.moments()
    line, both = (network.ridge(m, data.regulators, deconfounding=0.0) for m in (moments.linear(), moments))
    assert np.abs(line[:, 6]).argmax() != 0 or np.abs(line[0, 6]) < 0.15
    assert np.abs(both[0, 6]) == np.abs(both[:, 6]).max() > 3 * np.abs(np.delete(both[:, 6], 0)).max()
    assert both[1, 7] == line[1, 7]
    assert (np.abs(both) >= np.abs(line)).all()
    np.testing.assert_array_equal(np.sign(both), np.sign(line))


def test_penalty_must_be_positive():
    data = network.expression(toy.counts(), [0, 1])
    with pytest.raises(ValueError, match="`penalty` above 0, found 0"):
        network.ridge(network.moments(data), data.regulators, penalty=0)

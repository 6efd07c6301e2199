"""The consensus as a whole: identical models, models in another order, attractors that only some have."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from landscape.consensus import Member, consensus

GENES = ["Gata1", "Spi1", "Klf1"]


def member(seed, n_cells=200, k=3, noise=0.1, dropped=()):
    """Three valleys of cells, in an order of the model's own, with a few cells elsewhere."""
    rng = np.random.default_rng(seed)
    truth = np.arange(n_cells) % k
    strayed = rng.random(n_cells) < noise
    label = np.where(strayed, rng.integers(0, k, n_cells), truth)
    keep = [j for j in rng.permutation(k) if j not in dropped]
    code = {j: i for i, j in enumerate(keep)}
    label = np.array([code.get(j, -1) for j in label])
    fates = np.full((n_cells, len(keep)), 0.1) + 0.7 * np.eye(k)[truth][:, keep]
    fates /= fates.sum(1, keepdims=True)
    states = pd.DataFrame(np.eye(3)[keep] + 0.05 * rng.standard_normal((len(keep), 3)), columns=GENES)
    states.index = [f"type {'ABC'[j]}" for j in keep]
    return Member(tuple(states.index), label, fates, states.sample(frac=1, axis=1, random_state=seed))


def test_identical_models_are_one():
    one = member(0)
    found = consensus([one] * 4)
    assert set(found.table["persistence"]) == {1.0}
    assert found.table["kept"].all()
    assert (found.agreement == 1).all()
    np.testing.assert_array_equal(found.levels.low, found.levels.high)
    np.testing.assert_array_equal(found.levels.mean, one.states.loc[found.table.index, list(found.regulators)])
    np.testing.assert_allclose(found.fates[list(one.names)], one.fates, atol=1e-15)
    np.testing.assert_allclose(found.fates["unresolved"], 0, atol=1e-15)
    names = found.table.index.to_numpy()
    assert (names[found.basin] == np.array(one.names)[one.labels]).all()


def test_the_order_of_models_makes_no_difference():
    models = [member(0), member(1, dropped=(2,)), member(2), member(3, noise=0.4), member(4, dropped=(0, 2))]
    found = consensus(models)
    order = [3, 0, 4, 2, 1]
    again = consensus([models[m] for m in order])
    pd.testing.assert_frame_equal(found.table, again.table)
    pd.testing.assert_frame_equal(found.fates, again.fates)
    np.testing.assert_array_equal(found.basin, again.basin)
    np.testing.assert_array_equal(found.agreement, again.agreement)
    np.testing.assert_array_equal(found.positions[:, order], again.positions)
    for one, other in zip(vars(found.levels).values(), vars(again.levels).values(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-13)


def test_what_few_models_have_is_uncertain_and_what_they_say_of_it_unresolved():
    models = [member(s, noise=0.05, dropped=(2,) if s < 2 else ()) for s in range(3)]
    found = consensus(models)
    assert found.table["persistence"].round(2).to_dict() == {"type A": 1.0, "type B": 1.0, "type C": 0.33}
    assert found.kept == ["type A", "type B"]
    assert list(found.fates) == ["type A", "type B", "unresolved"]
    np.testing.assert_allclose(found.fates.sum(axis=1), 1)
    assert found.table["n_decided"].sum() == (found.basin >= 0).sum()
    truth = np.arange(200) % 3
    assert (found.basin[truth == 2] >= 0).mean() < 0.2
    assert found.names_in(0) == {name: name for name in ("type A", "type B")}
    assert found.members.loc["type C"].tolist() == ["", "", "type C"]
    assert set(consensus(models, kept=0.3).kept) == {"type A", "type B", "type C"}


def test_undecided_cells_do_not_decide_what_is_the_same_valley():
    """Most cells are early and fall to either side by chance; the decided ones agree."""
    rng = np.random.default_rng(0)
    early = np.arange(900) < 600
    truth = np.arange(900) % 3
    models = []
    for _ in range(3):
        label = np.where(early, rng.integers(0, 3, 900), truth)
        fates = np.where(early[:, None], 1 / 3, np.eye(3)[truth])
        models.append(Member(("A", "B", "C"), label, fates))
    found = consensus(models)
    assert set(found.table["persistence"]) == {1.0}
    # Early cells: three models agree as three draws of three do, in a third of pairs.
    error = np.sqrt(1 / 3 * 2 / 3 / (3 * 600)) * np.sqrt(3)
    assert abs(found.agreement[early].mean() - 1 / 3) < 3 * error
    assert (found.agreement[~early] == 1).all()


@pytest.mark.parametrize("concentration", [0.2, 1.0, 20.0])
def test_models_that_have_nothing_in_common_keep_nothing_above_one_half(concentration):
    rng = np.random.default_rng(1)
    for _ in range(20):
        models = []
        for _ in range(5):
            fates = rng.dirichlet(np.full(3, concentration), 400)
            models.append(Member(("A", "B", "C"), fates.argmax(1), fates))
        assert consensus(models).table["persistence"].max() <= 0.2


def test_two_valleys_of_one_label_stay_apart():
    labels = np.repeat([0, 1, 2], 50)
    one = Member(("B", "B 2", "A"), labels, np.eye(3)[labels])
    two = Member(("B 2", "B", "A"), np.array([1, 0, 2])[labels], np.eye(3)[np.array([1, 0, 2])[labels]])
    found = consensus([one, two])
    assert sorted(found.table.index) == ["A", "B", "B 2"]
    assert set(found.table["persistence"]) == {1.0}
    assert found.levels is None


def test_bad_input_is_named():
    one = member(0)
    with pytest.raises(ValueError, match="found none"):
        consensus([])
    with pytest.raises(ValueError, match="numbers of cells"):
        consensus([one, member(1, n_cells=100)])
    with pytest.raises(ValueError, match="regulators that all models have"):
        consensus([one, Member(one.names, one.labels, one.fates, one.states.set_axis(["a", "b", "c"], axis=1))])
    with pytest.raises(ValueError, match="`least` and `kept`"):
        consensus([one, one], least=0)
    with pytest.raises(ValueError, match="different names"):
        consensus([Member(("A", "A", "B"), one.labels, one.fates)])

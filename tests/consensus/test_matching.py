"""Attractors of several models matched: a truth that is seen by chance, and what must not depend on order or rounding."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from landscape.consensus import average_linkage, jaccard, match_attractors, state_similarity

N_CELLS, N_GENES, N_MODELS = 600, 40, 10
# Chance that a model sees each of six states; the last one counts as no finding.
SEEN = np.array([0.9, 0.9, 0.9, 0.9, 0.6, 0.35])


def models_of_a_truth(displacement, seed):
    """States in a cube, seen by chance and displaced, and one spurious state per model on average; cells go to the nearest."""
    rng = np.random.default_rng(seed)
    truth = rng.uniform(0, 1, (len(SEEN), N_GENES))
    states = [
        np.vstack(
            [
                *(truth[k] + displacement * rng.standard_normal(N_GENES) for k in range(6) if rng.random() < SEEN[k]),
                *(rng.uniform(0, 1, N_GENES) for _ in range(rng.poisson(1.0))),
                np.empty((0, N_GENES)),
            ]
        )
        for _ in range(N_MODELS)
    ]
    cells = truth[rng.integers(0, len(SEEN), N_CELLS)] + 0.08 * rng.standard_normal((N_CELLS, N_GENES))
    labels = [np.linalg.norm(cells[:, None] - x, axis=2).argmin(1) if len(x) else np.full(N_CELLS, -1) for x in states]
    return truth, states, labels


def recall_and_precision(displacement, n_seeds):
    found = []
    for seed in range(n_seeds):
        truth, states, labels = models_of_a_truth(displacement, seed)
        matching = match_attractors(labels, [len(x) for x in states], states)
        centres = []
        for row in matching.members:
            has = np.flatnonzero(row >= 0)
            size = np.mean([(labels[m] == row[m]).sum() for m in has])
            if len(has) >= N_MODELS / 2 and size > 0.01 * N_CELLS:
                centres.append(np.median([states[m][row[m]] for m in has], axis=0))
        distance = np.linalg.norm(truth[:, None] - np.array(centres), axis=2)
        hits = len({k for k in distance.argmin(0) if SEEN[k] >= 0.6})
        found.append((hits / 5, hits / len(centres)))
    return np.array(found)


@pytest.mark.parametrize(
    ("displacement", "recall", "precision"), [(0.05, 0.957, 0.912), (0.1, 0.957, 0.918), (0.14, 0.963, 0.897)]
)
def test_states_of_a_truth_are_found_however_far_models_displace_them(displacement, recall, precision):
    """The figures are those of an independent implementation on the same draws."""
    np.testing.assert_allclose(recall_and_precision(displacement, 60).mean(0), (recall, precision), atol=0.001)


def test_persistence_is_the_chance_that_a_model_sees_the_state():
    seen = []
    for seed in range(40):
        truth, states, labels = models_of_a_truth(0.05, seed)
        matching = match_attractors(labels, [len(x) for x in states], states)
        counts = np.zeros(len(SEEN))
        for row in matching.members:
            has = np.flatnonzero(row >= 0)
            centre = np.median([states[m][row[m]] for m in has], axis=0)
            k = np.linalg.norm(truth - centre, axis=1).argmin()
            near = np.linalg.norm(truth[k] - centre) < 3 * 0.05 * np.sqrt(N_GENES)
            counts[k] = max(counts[k], len(has)) if near else counts[k]
        seen.append(counts / N_MODELS)
    # Clear states: 40 x 10 draws each. A few models merge or split one: no more than a twentieth.
    error = np.sqrt(0.9 * 0.1 / 400)
    assert np.all(np.abs(np.mean(seen, axis=0)[:4] - 0.9) < 3 * error + 0.05)


def test_jaccard_is_that_of_the_sets():
    rng = np.random.default_rng(0)
    labels = [rng.integers(-1, k, 50) for k in (3, 4, 2)]
    weights = rng.uniform(0, 1, 50)
    found = jaccard(labels, [3, 5, 2])
    sets = [set(np.flatnonzero(label == k)) for label, n in zip(labels, (3, 5, 2), strict=True) for k in range(n)]
    expected = [[len(a & b) / len(a | b) if a | b else 0.0 for b in sets] for a in sets]
    np.testing.assert_allclose(found, expected)

    def weight(cells):
        return sum(weights[c] for c in cells)

    expected = [[weight(a & b) / weight(a | b) if a | b else 0.0 for b in sets] for a in sets]
    np.testing.assert_allclose(jaccard(labels, [3, 5, 2], weights), expected)


def test_clusters_have_the_mean_similarity_that_was_asked_for_and_one_member_of_an_owner():
    rng = np.random.default_rng(1)
    for _ in range(20):
        owner = rng.integers(0, 4, 12)
        similarity = rng.uniform(0, 1, (12, 12))
        similarity = (similarity + similarity.T) / 2
        clusters = average_linkage(similarity, owner)
        assert sorted(np.concatenate(clusters)) == list(range(12))
        for cluster in clusters:
            assert len(set(owner[cluster])) == len(cluster)
        for one, other in combinations(clusters, 2):
            if not set(owner[one]) & set(owner[other]):
                assert similarity[np.ix_(one, other)].mean() < 0.5


def test_average_linkage_is_that_of_scipy_where_owners_differ():
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    points = np.random.default_rng(2).uniform(0, 1, (15, 2))
    apart = np.linalg.norm(points[:, None] - points, axis=2)
    similarity = 1 - apart / apart.max()
    expected = fcluster(linkage(squareform(apart / apart.max()), "average"), 0.5, "distance")
    found = average_linkage(similarity, range(15))
    assert {tuple(cluster) for cluster in found} == {tuple(np.flatnonzero(expected == k)) for k in set(expected)}


def test_similarity_of_states_is_one_half_at_half_the_gap():
    one = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 5.0]])
    other = np.array([[1.0, 0.0], [10.0, 0.0]])
    found = state_similarity([one, other])
    # Gaps: 2, 2 and 5 in the first model, 9 in both of the second.
    assert found[0, 3] == pytest.approx(0.5)
    assert found[2, 3] == pytest.approx(max(0, 1 - np.sqrt(26) / 5))
    assert state_similarity([one[:1], one[:1] + 1])[0, 1] == 0
    assert state_similarity([one[:1], one[:1]])[0, 1] == 1


def test_attractors_without_cells_are_matched_by_their_states_and_apart_from_the_others():
    labels = [np.array([0, 0, 1, 1]), np.array([0, 0, 2, 2])]
    states = [np.array([[0.0], [1.0], [5.0]]), np.array([[0.0], [5.1], [1.0]])]
    matching = match_attractors(labels, [3, 3], states)
    assert matching.members.tolist()[2:] == [[2, 1]]
    assert {tuple(row) for row in matching.members[:2]} == {(0, 0), (1, 2)}
    assert matching.by_state.tolist() == [False, False, True]
    alone = match_attractors(labels, [3, 3])
    assert sorted(map(tuple, alone.members[alone.by_state])) == [(-1, 1), (2, -1)]


def test_ties_are_settled_by_the_cells_and_not_by_the_order_of_the_models():
    # The first model's valley is halved in the others, each half with the same Jaccard index of one half.
    whole, halves = np.zeros(8, dtype=int), np.repeat([0, 1], 4)
    rng = np.random.default_rng(3)
    labels = [whole, halves, 1 - halves, rng.integers(0, 2, 8), rng.integers(0, 2, 8)]
    sizes = [1, 2, 2, 2, 2]

    def groups(order):
        members = match_attractors([labels[m] for m in order], [sizes[m] for m in order]).members
        return {
            frozenset((order[m], frozenset(np.flatnonzero(labels[order[m]] == k))) for m, k in enumerate(row) if k >= 0)
            for row in members
        }

    expected = groups([0, 1, 2, 3, 4])
    for order in ([4, 3, 2, 1, 0], [2, 0, 4, 1, 3], [1, 2, 3, 4, 0]):
        assert groups(order) == expected

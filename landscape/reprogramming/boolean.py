"""Sets of genes that carry one fate of a Boolean circuit into another with certainty, whatever the order of updates."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from landscape.circuits import Circuit
from landscape.circuits.circuit import MAX_ENUMERATED
from landscape.circuits.logic import boolean_states


def boolean_sets(circuit: Circuit, source: str, target: str, *, max_genes: int = 3) -> list[dict[str, int]]:
    """Least sets of genes that, held on or off and then released, carry one fate into another with certainty.

    Genes are updated one at a time in any order. With the genes held, the state ends in one of the terminal components that it
    can reach; from every state of these the free circuit must end in the target and nowhere else. States are enumerated, so
    that the answer is exact: without a set, none of this size exists.

    Parameters
    ----------
    circuit
        Circuit with fates, of at most 20 genes.
    source, target
        Names of fates.
    max_genes
        Largest size of a set.

    Returns
    -------
    All sets of the least size, each with 1 (held on) or 0 (held off) by gene; empty if there is none up to ``max_genes``.

    Raises
    ------
    ValueError
        If a fate is unknown, both are the same, the circuit is too large, or the size is out of its range.

    Examples
    --------
    >>> import landscape as ls
    >>> ls.reprogramming.boolean_sets(ls.circuits.krumsiek(), "erythrocyte", "megakaryocyte")
    [{'Eklf': 0}, {'Fli1': 1}]
    """
    _require(circuit, source, target, max_genes)
    states = boolean_states(len(circuit.genes))
    after = _images(circuit, states)
    place = {tuple(row): k for k, row in enumerate(states.astype(int).tolist())}
    start, end = (place[tuple(circuit.fate_states.loc[name].astype(int))] for name in (source, target))
    only = _only_end(states, after, end)
    for size in range(1, max_genes + 1):
        found = []
        for chosen in combinations(range(len(circuit.genes)), size):
            for levels in product((0, 1), repeat=size):
                held = dict(zip(chosen, levels, strict=True))
                if only[_ends(states, after, start, held, place)].all():
                    found.append({circuit.genes[i]: level for i, level in held.items()})
        if found:
            return found
    return []


def _images(circuit: Circuit, states: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Value that each rule gives each state, shape ``(n, d)``."""
    columns = []
    for rule in circuit.boolean_rules:
        row = sum((states[:, circuit.genes.index(n)].astype(int) << j for j, n in enumerate(rule.inputs)), start=0)
        columns.append(np.asarray(rule.table, dtype=bool)[row] * np.ones(len(states), dtype=bool))
    return np.stack(columns, axis=1)


def _terminal(n: int, edges: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether each of ``n`` states lies in a component that no edge leaves."""
    graph = sparse.csr_matrix((np.ones(len(edges)), edges.T.reshape(2, -1)), shape=(n, n))
    _, component = connected_components(graph, connection="strong")
    leaves = component[edges[:, 0]] != component[edges[:, 1]]
    return ~np.isin(component, component[edges[leaves, 0]])


def _only_end(states: NDArray[np.bool_], after: NDArray[np.bool_], end: int) -> NDArray[np.bool_]:
    """Whether the free circuit can end at one state only, from each state."""
    n, d = states.shape
    place = np.zeros(2**d, dtype=np.int64)
    code = 1 << np.arange(d)
    place[states.astype(np.int64) @ code] = np.arange(n)
    rows, genes = np.nonzero(states != after)
    to = place[(states.astype(np.int64) @ code)[rows] ^ code[genes]]
    edges = np.stack([rows, to], axis=1)
    others = _terminal(n, edges)
    others[end] = False
    # States from which another end can be reached, against the direction of the edges.
    back = sparse.csr_matrix((np.ones(len(edges)), (edges[:, 1], edges[:, 0])), shape=(n, n))
    reach, front = others.copy(), np.flatnonzero(others)
    while len(front):
        ahead = np.unique(back[front].indices)
        front = ahead[~reach[ahead]]
        reach[front] = True
    return ~reach


def _ends(
    states: NDArray[np.bool_],
    after: NDArray[np.bool_],
    start: int,
    held: Mapping[int, int],
    place: Mapping[tuple[int, ...], int],
) -> NDArray[np.int64]:
    """States of the terminal components of the held circuit that can be reached from a state."""
    first = states[start].astype(int)
    first[list(held)] = list(held.values())
    origin = place[tuple(first.tolist())]
    free = np.setdiff1d(np.arange(states.shape[1]), list(held))
    seen, front, edges = {origin}, [origin], []
    while front:
        here = front.pop()
        row = states[here].astype(int)
        for gene in free[states[here, free] != after[here, free]]:
            row[gene] ^= 1
            there = place[tuple(row.tolist())]
            row[gene] ^= 1
            edges.append((here, there))
            if there not in seen:
                seen.add(there)
                front.append(there)
    known = np.array(sorted(seen))
    if not edges:
        return known
    return known[_terminal(len(known), np.searchsorted(known, np.array(edges)))]


def _require(circuit: Circuit, source: str, target: str, max_genes: int) -> None:
    if wrong := [name for name in (source, target) if name not in circuit.fates]:
        msg = f"Expected fates of circuit {circuit.name!r}, {list(circuit.fates)}, found {wrong}."
        raise ValueError(msg)
    if source == target:
        msg = f"Expected a target other than the source, found {source!r} for both."
        raise ValueError(msg)
    if len(circuit.genes) > MAX_ENUMERATED:
        msg = f"Expected at most {MAX_ENUMERATED} genes to enumerate all states, found {len(circuit.genes)}."
        raise ValueError(msg)
    if not 1 <= max_genes <= len(circuit.genes):
        msg = f"Expected `max_genes` from 1 to {len(circuit.genes)}, found {max_genes}."
        raise ValueError(msg)

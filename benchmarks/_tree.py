"""Cells of a simulated branching process, as many as asked for."""

from __future__ import annotations

import numpy as np


def branching(n: int, *, n_latent: int = 10, n_forks: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Cells that differ, along a tree that forks, and the youngest of them: spread along some directions and thin in others."""
    gen = np.random.default_rng(0)
    course = {"": gen.standard_normal(n_latent)}
    for level in range(n_forks):
        course |= {
            path + turn: gen.standard_normal(n_latent) for path in list(course) if len(path) == level for turn in "LR"
        }
    course = {path: step / np.linalg.norm(step) for path, step in course.items()}
    turns = gen.choice(["L", "R"], size=(n, n_forks))
    age = gen.uniform(0, n_forks + 1, n)
    points = np.empty((n, n_latent))
    for i, (turn, t) in enumerate(zip(turns, age, strict=True)):
        paths = ["".join(turn[:level]) for level in range(int(t) + 1)]
        points[i] = sum(course[path] for path in paths[:-1]) + (t - int(t)) * course[paths[-1]]
    spread = 0.15 * np.maximum(0.1, 0.7 ** np.arange(n_latent))
    return points + spread * gen.standard_normal((n, n_latent)), np.argsort(age)[: max(10, n // 1000)]

"""An AnnData object that holds every key of a finished run, with numbers that are easy to check."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
from scipy import sparse

from landscape import tl

NAMES = ("Erythrocyte", "Megakaryocyte", "Monocyte", "Granulocyte")
ENDS = np.array([[-1.7, -3.0], [-0.6, -3.1], [0.7, -3.1], [1.8, -3.0]])
GENES = ("Gata1", "Gata2", "Fog1", "Eklf", "Fli1", "Scl", "Cebpa", "Pu1", "cJun", "EgrNab", "Gfi1")


def finished_run(n_cells: int = 600, n_targets: int = 9, seed: int = 0) -> ad.AnnData:
    """Cells on four branches of a plane, and results of every stage about them."""
    rng = np.random.default_rng(seed)
    fate = rng.integers(len(NAMES), size=n_cells)
    progress = rng.beta(1.4, 1.0, n_cells)
    plane = _branch(fate, progress) + 0.09 * rng.standard_normal((n_cells, 2))
    genes = [*GENES, *(f"target{i}" for i in range(n_targets))]
    cells = pd.Index([f"cell{i}" for i in range(n_cells)])
    adata = ad.AnnData(
        sparse.csr_matrix(rng.poisson(2.0, (n_cells, len(genes))).astype(np.float32)),
        obs=pd.DataFrame(
            {"day": np.ceil(progress * 6), "cell_type": pd.Categorical(np.take(NAMES, fate))}, index=cells
        ),
        var=pd.DataFrame(index=pd.Index(genes)),
    )
    adata.layers["counts"] = adata.X.copy()
    adata.obsm["X_plane"] = plane
    states = pd.DataFrame(rng.uniform(0, 1, (len(NAMES), len(GENES))), index=list(NAMES), columns=list(GENES))
    state = progress[:, None] * states.to_numpy()[fate] + (1 - progress[:, None]) * 0.4
    adata.obsm["X_state"] = pd.DataFrame(state, index=cells, columns=list(GENES))
    adata.obs["basin"] = pd.Categorical(np.take(NAMES, fate), categories=list(NAMES))
    fates = _fates(fate, progress)
    adata.obsm["fates"] = pd.DataFrame(fates, index=cells, columns=list(NAMES))
    adata.obs["fate_entropy"] = -(fates * np.log(np.maximum(fates, 1e-12))).sum(1)
    _add_network(adata, rng)
    x, y, height, support = occupancy(plane)
    weights = rng.normal(0, 1, (len(GENES), len(GENES)))
    table = pd.DataFrame(
        {
            "n_cells": np.bincount(fate, minlength=len(NAMES)),
            "leading_eigenvalue": [-0.61, -0.42, -0.33, -0.18],
            "index": 0,
            "residual": 1e-12,
            "converged": True,
            "observed": True,
            "support": [1.0, 0.95, 0.8, 0.55],
            "distance": 0.1,
        },
        index=list(NAMES),
    )
    adata.uns["landscape"] = {
        "schema": 1,
        "network": {"n_edges": int(adata.varp["network_support"].nnz), "n_regulators": len(GENES), "params": {}},
        "dynamics": {"regulators": np.array(GENES, dtype=object), "weights": weights, "grade": "B", "params": {}},
        "attractors": {"states": states, "table": table, "params": {"rng": 0}},
        "occupancy": {"x": x, "y": y, "height": height, "support": support, "basis": "X_plane", "params": {}},
    }
    return adata


def add_topography(adata: ad.AnnData, n_points: int = 21) -> None:
    """Saddles between neighbours of NAMES, straight paths up to them, a table of barriers, and a drift."""
    states = adata.uns["landscape"]["attractors"]["states"]
    genes = list(states.columns)
    pairs = [(0, 1), (1, 2), (2, 3)]
    tops, rows, paths, orders = [], [], [], []
    for number, (i, j) in enumerate(pairs, start=1):
        top = (states.iloc[i] + states.iloc[j]).to_numpy() / 2
        tops.append(top)
        for a, b, height in ((i, j, 2.0 * number), (j, i, 3.0 * number)):
            rows.append({"from": NAMES[a], "to": NAMES[b], "height": height, "low": height - 1, "high": height + 1})
            rows[-1] |= {"saddle": f"saddle {number}", "converged": True}
            share = np.linspace(0, 1, n_points)[:, None]
            part = pd.DataFrame((1 - share) * states.iloc[a].to_numpy() + share * top, columns=genes)
            part.insert(0, "from", NAMES[a])
            part.insert(1, "to", NAMES[b])
            part.insert(2, "saddle", f"saddle {number}")
            part.insert(3, "step", share[:, 0])
            paths.append(part)
            order = {"from": NAMES[a], "to": NAMES[b], "saddle": f"saddle {number}", "gene": genes}
            change = top - states.iloc[a].to_numpy()
            orders.append(pd.DataFrame({**order, "moves": np.abs(change) >= 0.05, "change": change, "half_step": 0.5}))
    over = {"from": NAMES[0], "to": NAMES[2], "height": 9.0, "low": np.nan, "high": np.nan}
    rows.append({**over, "saddle": "over other attractors", "converged": False})
    index = [f"saddle {number}" for number in range(1, 4)]
    params = {"diffusion": 0.1}
    adata.uns["landscape"] |= {
        "saddles": {"states": pd.DataFrame(tops, index=index, columns=genes), "params": params},
        "paths": {
            "table": pd.concat(paths, ignore_index=True),
            "genes": pd.concat(orders, ignore_index=True),
            "params": params,
        },
        "barriers": {"table": pd.DataFrame(rows), "params": params},
    }
    ends = states.loc[adata.obs["basin"].astype(str)].to_numpy()
    state = adata.obsm["X_state"]
    adata.obsm["X_state_velocity"] = pd.DataFrame(ends - state.to_numpy(), index=state.index, columns=genes)


def add_guy_ropes(adata: ad.AnnData) -> None:
    """Tensions of every gene at the barriers of `add_topography`: its number, of alternating sign, fewer at each barrier."""
    table = adata.uns["landscape"]["barriers"]["table"]
    direct = table[table["saddle"].str.startswith("saddle")]
    names = [f"{row['from']} to {row['to']}" for row in direct.to_dict("records")]
    n, k = len(GENES), len(names)
    size = np.roll(np.arange(n, 0.0, -1), 3)[:, None] / np.arange(1, k + 1)
    tension = pd.DataFrame(size * (-1.0) ** np.add.outer(np.arange(n), np.arange(k)), index=list(GENES), columns=names)
    tension.iloc[-1] = 0.0
    barriers = pd.DataFrame(
        {
            "from": direct["from"].to_numpy(),
            "to": direct["to"].to_numpy(),
            "saddle": direct["saddle"].to_numpy(),
            "action": direct["height"].to_numpy(),
            "polygenicity": 4.2,
            "polygenicity_low": 3.0,
            "polygenicity_high": 5.0,
            "n_replicates": 5,
            "n_asked": 5,
            "spacing_error": 0.01,
            "converged": True,
        },
        index=names,
    )
    genes = pd.DataFrame({"pleiotropy": 2.5, "largest": tension.abs().max(axis=1)}, index=list(GENES))
    adata.uns["landscape"]["guy_ropes"] = {
        "strength": tension,
        # The sign of the fifth gene is uncertain.
        "strength_low": tension - np.where(np.arange(n) == 4, 30.0, 0.1)[:, None],
        "strength_high": tension + np.where(np.arange(n) == 4, 30.0, 0.1)[:, None],
        "place": pd.DataFrame(np.full((n, k), 0.4), index=list(GENES), columns=names),
        "barriers": barriers,
        "genes": genes,
        "edges": pd.DataFrame(columns=["barrier", "source", "target", "weight", "tension", "low", "high"]),
        "critical": pd.DataFrame(
            {"attractor": [NAMES[0]], "gene": [GENES[0]], "way": ["weaker"], "strength": [0.93], "kind": ["fold"]},
            index=["0"],
        ),
        "params": {"diffusion": 0.1, "wrt": np.array(["strength"], dtype=object), "n_replicates": 5, "n_critical": 1},
    }


def add_drivers(adata: ad.AnnData) -> None:
    """A contrast of every gene but the last with every fate, each another one, beside a correlation of half of it."""
    n, k = adata.n_vars, len(NAMES)
    rng = np.random.default_rng(1)
    r = rng.uniform(-0.95, 0.95, (n, k))
    r[-1] = np.nan
    flat = r.T.ravel()
    table = pd.DataFrame(
        {
            "gene": np.tile(adata.var_names.to_numpy().astype(object), k),
            "fate": np.repeat(np.array(NAMES, dtype=object), n),
            "neighbour": np.repeat(np.array([*NAMES[1:], NAMES[0]], dtype=object), n),
            "contrast": flat,
            "contrast_lower": flat - 0.04,
            "contrast_upper": flat + 0.03,
            "contrast_p": np.exp(-20 * flat**2),
            "contrast_q": 2 * np.exp(-20 * flat**2),
            "half_fate": (flat + 1) / 2,
            "correlation": flat / 2,
            "lower": flat / 2 - 0.04,
            "upper": flat / 2 + 0.03,
            "p_value": np.exp(-5 * flat**2),
            "q_value": 2 * np.exp(-5 * flat**2),
            "regulator": np.tile(np.isin(adata.var_names, GENES), k),
        },
        index=[str(row) for row in range(n * k)],
    )
    record = {"table": table, "n_cells": adata.n_obs, "n_blocks": 20, "degrees_of_freedom": 17}
    adata.uns["landscape"]["drivers"] = {**record, "params": {"fate_key": "fates"}}


def add_comparison(adata: ad.AnnData, n_followed: int = 100) -> None:
    """Fates of the model in the first cells: those of the chain, but turned round in every tenth of them."""
    chain = adata.obsm["fates"]
    model = chain.copy()
    turned = np.arange(0, n_followed, 10)
    model.iloc[turned] = chain.iloc[turned].to_numpy()[:, ::-1]
    model.iloc[n_followed:] = np.nan
    adata.obsm["fates_model"] = model
    adata.obs["fates_disagreement"] = (model - chain).abs().sum(axis=1, skipna=False) / 2
    flag = np.where(np.isin(np.arange(adata.n_obs), turned), "differ", "agree").astype(object)
    flag[n_followed:] = None
    adata.obs["fates_flag"] = pd.Categorical(flag, categories=["agree", "differ"])
    by_fate = pd.DataFrame(
        {
            "n_cells": [40, 30, 30, 0],
            "disagreement": 0.1,
            "share_differs": [0.1, 0.2, 0.3, np.nan],
            "share_low": [0.05, 0.1, 0.2, np.nan],
            "share_high": [0.2, 0.3, 0.4, np.nan],
            "kept": [1.0, 0.9, 0.3, 0.8],
        },
        index=pd.Index(NAMES, name="fate"),
    )
    adata.uns["landscape"]["fates"] = {"by_fate": by_fate, "n_compared": n_followed, "params": {"tolerance": 0.1}}


def add_perturbation(adata: ad.AnnData, key: str = "Gata1=0", *, drawn: bool = True) -> None:
    """What removing Gata1 would do: the first fate is lost to the second, and its valley with it."""
    names, genes = list(NAMES), list(GENES)
    before = np.array([0.3, 0.25, 0.25, 0.2, 0.0, 0.0])
    after = np.array([0.0, 0.5, 0.25, 0.2, 0.05, 0.0])
    change = after - before
    fates = pd.DataFrame(
        {"before": before, "after": after, "change": change, "low": change - 0.04, "high": change + 0.06},
        index=[*names, "undifferentiated", "other"],
    ).assign(lfsr=[0.09, 0.09, 0.5, 0.5, 0.27, 1.0], rank=[1.0, 2.0, 3.0, 3.0, 1.0, 4.0])
    controls = pd.DataFrame(
        [[-0.05, 0.03, 0.01, 0.01, 0.0, 0.0], [0.02, -0.02, 0.0, 0.0, 0.0, 0.0], [0.0, 0.3, -0.2, -0.1, 0.0, 0.0]],
        index=pd.Index(["Eklf=0", "Fli1=0", "Cebpa=0"], name="control"),
        columns=list(fates.index),
    )
    attractors = pd.DataFrame(
        {
            "status": ["lost", "kept", "kept", "kept", "new"],
            "distance": [np.nan, 0.1, 0.02, 0.03, 0.9],
            "eigenvalue_before": [-0.61, -0.42, -0.33, -0.18, np.nan],
            "eigenvalue_after": [np.nan, -0.5, -0.33, -0.2, -0.1],
        },
        index=[*names, "new 1"],
    )
    level = np.linspace(0.2, 0.8, len(genes))
    shift = np.linspace(-0.5, 0.3, len(genes))
    expression = pd.DataFrame({"before": level, "after": level + shift, "change": shift}, index=genes)
    levels = pd.DataFrame(
        {"level": 0.0, "low": 0.0, "high": 1.0, "inside": True, "acts": True}, index=[key.partition("=")[0]]
    )
    record = {
        "levels": levels,
        "fates": fates,
        "attractors": attractors,
        "expression": expression,
        "controls": controls,
    }
    record["start_tv"] = 0.08
    record["agreement"] = pd.DataFrame(
        {"model": before[:2], "chain": before[:2] - 0.04, "difference": 0.04}, index=pd.Index(names[:2], name="fate")
    )
    record["contrasts"] = pd.DataFrame(
        {"fate": [names[0]], "against": [names[1]], "log_odds": [-7.2], "low": [-9.0], "high": [-5.4], "lfsr": [0.09]}
    )
    if drawn:
        # In the order in which an ensemble happens to find them.
        was = dict(adata.uns["landscape"]["occupancy"], attractors=ENDS[[2, 0, 1, 3]])
        kept = adata.obsm["X_plane"][adata.obs["basin"] != NAMES[0]]
        x, y, height, support = occupancy(kept)
        now = {
            "x": x,
            "y": y,
            "height": height,
            "support": support,
            "basis": "X_plane",
            "attractors": np.vstack([ENDS[1:], [0.2, -2.0]]),
        }
        record["occupancy"] = {**now, "before": was}
        rest = adata.uns["landscape"]["attractors"]["states"].iloc[[1, 2, 3, 0]]
        record["states"] = rest.set_axis(pd.Index([*names[1:], "other"], name="attractor"))
    adata.uns["landscape"].setdefault("perturbations", {})[key] = {
        **record,
        "params": {"diffusion": 0.1, "n_replicates": 9},
    }


def add_reprogramming(adata: ad.AnnData) -> None:
    """Two sets that carry the first fate into the second, one with a level outside the data, and one that carries few cells."""
    genes, states = list(GENES), adata.uns["landscape"]["attractors"]["states"]
    source, target = (states.iloc[k].to_numpy(dtype=float) for k in (0, 1))
    sets = pd.DataFrame(
        {
            "n_genes": [1, 1, 2],
            "inside": [True, False, True],
            "distance": [0.8, 0.9, 0.5],
            "hold_time": [6.0, 7.0, 9.0],
            "pulse": [1.2, 0.4, np.nan],
            "agreement": [1.0, 0.9, 0.6],
            "simulated": True,
            "share": [0.95, 0.8, 0.3],
            "low": [0.7, 0.4, -0.1],
            "high": [1.0, 0.9, 0.6],
            "without": [0.02, 0.02, 0.02],
            "lfsr": [0.09, 0.09, 0.3],
            "held": [0.97, 0.85, 0.4],
            "stay": [0.98, 0.94, 0.75],
            "share_models": [0.93, 0.7, 0.2],
            "n_models": [10, 8, 1],
            "works": [True, True, False],
        },
        index=pd.Index(["Eklf=0", "Fli1=1", "Gata2=1, Scl=0"], name="set"),
    )
    levels = pd.DataFrame(
        {
            "set": ["Eklf=0", "Fli1=1", "Gata2=1, Scl=0", "Gata2=1, Scl=0"],
            "gene": ["Eklf", "Fli1", "Gata2", "Scl"],
            "level": [0.0, 1.0, 1.0, 0.0],
            "source": 0.5,
            "target": 0.5,
            "low": 0.0,
            "high": [1.0, 0.7, 1.0, 1.0],
            "inside": [True, False, True, True],
        }
    )
    share = np.linspace(0, 1, 30)[:, None]
    ways = []
    for name in sets.index:
        way = pd.DataFrame((1 - share) * source + share * target, columns=genes)
        way.insert(0, "set", name)
        way.insert(1, "time", np.linspace(0, 9, 30))
        way.insert(2, "held", way["time"] <= 6)
        ways.append(way)
    sizes = pd.DataFrame(
        {"n_tried": 22, "n_hits": 3, "n_simulated": 3, "n_work": 2, "exhaustive": True, "n_genes": 11},
        index=pd.Index([1], name="size"),
    )
    record = {
        "answer": "2 sets of 1 gene",
        "sets": sets,
        "levels": levels,
        "sizes": sizes,
        "ways": pd.concat(ways, ignore_index=True),
        "states": pd.DataFrame([source, target], index=["source 1", "target 1"], columns=genes),
        "barrier": {"height": 5.2, "low": 3.1, "high": 6.0, "n_replicates": 9},
        "distance": 0.4,
        "params": {"source": NAMES[0], "target": NAMES[1], "n_replicates": 9, "n_particles": 300},
    }
    adata.uns["landscape"]["reprogramming"] = {f"{NAMES[0]} to {NAMES[1]}": record, "params": {}}


def add_genomic_code(adata: ad.AnnData) -> None:
    """A report card with all four verdicts, an interval that is missing, and a null that is one number."""
    rows = {
        "recall": (0.5, 0.4, 0.55, -0.02, 0.2, "above", "supported", ""),
        "hierarchy": (0.67, 0.66, 0.7, 0.65, 0.85, "below", "undecided", ""),
        "pleiotropy": (0.4, 0.35, 0.45, 0.5, 0.65, "above", "contradicted", ""),
        "constraint": (0.9, np.nan, np.nan, 0.1, 0.2, "above", "undecided", "2 replicates have a value"),
        "latent attractors": (2.0, 1.0, 3.0, 0.0, 0.0, "above", "supported", ""),
        "connection cost": (
            *[np.nan] * 5,
            "above",
            "not testable here",
            "one genome does not show how it arose; simulated, not inferred",
        ),
    }
    columns = ["value", "low", "high", "null_low", "null_high", "direction", "verdict", "reason"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("assay")
    words = {"claim": "Cells that are deflected come back to the course that cells take in their development.", "section": "Properties", "row": "14",
             "statistic": "a share", "null": "rewired networks", "needs": "C", "grade": "B"}  # fmt: skip
    table = table.assign(**words, n_replicates=10, n_null=19)
    details = {"recall": {"curve": pd.DataFrame({"share": [0.0, 1.0], "returned": [1.0, 0.25]})}}
    params = {"n_null": 19, "n_models": 1, "assays": "none"}
    adata.uns["landscape"]["genomic_code"] = {"table": table, "details": details, "params": params}


def add_consensus(adata: ad.AnnData) -> None:
    """Consensus with two further models: each keeps some cells where they were and sends the others to the next fate."""
    models = [adata]
    for seed in (1, 2):
        other = adata.copy()
        moved = np.random.default_rng(seed).random(adata.n_obs) < 0.2
        basin = adata.obs["basin"].cat.codes.to_numpy()
        codes = np.where(moved, (basin + seed) % len(NAMES), basin)
        other.obs["basin"] = pd.Categorical.from_codes(codes, list(NAMES))
        if seed == 1:  # a fifth valley, which takes half of the last one
            record = other.uns["landscape"]["attractors"]
            record["states"] = pd.concat([record["states"], record["states"].iloc[:1].rename({NAMES[0]: "Mast"})])
            codes = np.where((codes == 3) & (np.arange(len(codes)) % 5 < 2), len(NAMES), codes)
            other.obs["basin"] = pd.Categorical.from_codes(codes, [*NAMES, "Mast"])
        models.append(other)
    tl.consensus(adata, models=models, by="basin")


def occupancy(plane: np.ndarray, n: int = 70) -> tuple[np.ndarray, ...]:
    """Coordinates, minus log density of the points, and where it is known; rows are y."""
    x, y = np.linspace(-2.6, 2.7, n), np.linspace(-3.9, 0.7, n + 1)
    mesh = np.stack(np.meshgrid(x, y), -1)
    squared = ((mesh[:, :, None] - plane[None, None]) ** 2).sum(-1)
    density = np.exp(-squared / (2 * 0.16**2)).mean(-1)
    density /= density.sum()
    height = -np.log(np.maximum(density, 1e-300))
    height -= height.min()
    return x, y, height, height < 7.0


def _branch(fate: np.ndarray, progress: np.ndarray) -> np.ndarray:
    """Stem, two limbs, four twigs, each a third of the way."""
    stem, fork = np.array([0.0, 0.0]), np.array([0.0, -1.0])
    limbs = np.array([[-1.1, -2.0], [-1.1, -2.0], [1.2, -2.0], [1.2, -2.0]])[fate]
    knots = np.stack([np.broadcast_to(stem, limbs.shape), np.broadcast_to(fork, limbs.shape), limbs, ENDS[fate]], 1)
    at = np.clip(progress * 3, 0, 2.999)
    low, share = at.astype(int), (at % 1)[:, None]
    rows = np.arange(len(fate))
    return (1 - share) * knots[rows, low] + share * knots[rows, low + 1]


def _fates(fate: np.ndarray, progress: np.ndarray) -> np.ndarray:
    own = np.eye(len(NAMES))[fate]
    limb = np.repeat(np.repeat(np.eye(2), 2, 0), 2, 1)[fate] / 2
    even = np.full_like(own, 0.25)
    first, second = np.clip(progress * 3 - 1, 0, 1)[:, None], np.clip(progress * 3 - 2, 0, 1)[:, None]
    return (1 - first) * even + first * ((1 - second) * limb + second * own)


def _add_network(adata: ad.AnnData, rng: np.random.Generator) -> None:
    n = adata.n_vars
    weights = np.zeros((n, n), dtype=np.float32)
    weights[: len(GENES)] = rng.normal(0, 0.2, (len(GENES), n))
    support = np.abs(weights) > 0.25
    adata.varp["network"] = sparse.csr_matrix(weights)
    adata.varp["network_support"] = sparse.csr_matrix(support.astype(np.int8))
    adata.var["regulator_in_network"] = np.arange(n) < len(GENES)

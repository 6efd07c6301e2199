"""The report card of the genomic code: what the paper claims, asked of the fitted model."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray
from scipy import sparse
from tqdm.auto import tqdm

from landscape import _keys, get
from landscape._anndata import count_matrix, read, read_result, require_adata, results_of, write_result
from landscape._directions import StoredData
from landscape._labels import label_key_of
from landscape._model import read_ensemble, read_model
from landscape._random import RandomLike, seed_of
from landscape._verdict import verdict_of
from landscape.assays import Coder, Subject, Targets
from landscape.assays.assess import N_NULL
from landscape.assays.card import card, card_table, over_models
from landscape.assays.subject import GRADES
from landscape.directions.clock import time_points
from landscape.latent import LatentModel

logger = logging.getLogger(__name__)

# Name of the column of times in the direction of the model.
_TIME = re.compile(r"\btime \(([^,)]+)")
REAL_TIME = "real time"
# Targets at most, those with the strongest edges, and of one regulator; their least mean count; cells in which they are looked at.
MAX_TARGETS, PER_REGULATOR, MIN_MEAN, MAX_CELLS = 40, 4, 0.5, 2000
# Cells that are encoded and decoded.
N_CODED = 300


def genomic_code(
    adata: AnnData,
    *,
    models: Sequence[AnnData] = (),
    latent_models: Sequence[LatentModel] = (),
    assays: Iterable[str] | None = None,
    n_null: int = N_NULL,
    checkpoint: str | Path | None = None,
    key_added: str = _keys.GENOMIC_CODE,
    rng: RandomLike = 0,
    copy: bool = False,
) -> AnnData | None:
    r"""Report card of the genomic code: which claims of Mitchell and Cheney hold in these data.

    Each row asks one claim of the fitted model: a statistic with its interval of 90 % over the replicates of the model, the band of 90 % of what it is
    compared with, and a verdict. The null are mostly models with rewired networks beside the same cells: each gene keeps how many genes of either sign it
    is regulated by and regulates, each row of the weights its strengths, and each bias is set so that the mean production over cells stays.

    * *supported*, *contradicted*: the whole interval lies beyond the band, on the side of the claim or on the other;
    * *undecided*: it does not, or there are too few replicates for an interval;
    * *not testable here*: the grade of the data is below the one that the statistic needs, the fit itself sets it, something is missing, or it is a claim
      on evolution, which one genome cannot show. ``reason`` says which.

    Parameters
    ----------
    adata
        Annotated data with a model with replicates (:func:`landscape.tl.dynamics` with ``n_replicates``) and its attractors
        (:func:`landscape.tl.attractors`). Barriers and fates (:func:`landscape.tl.barriers`, :func:`landscape.tl.fates`) are used where they are.
    models
        Models of the same cells on other latent models, each after :func:`landscape.tl.attractors`. A verdict then holds where at least half of all
        models, ``adata`` included, have it.
    latent_models
        Latent model of ``adata``, and of each of ``models``, for the rows on encoder and decoder.
    assays
        Names of assays; all by default.
    n_null
        Rewired networks, at least 19.
    checkpoint
        JSON file to which every finished assay is written. The same call goes on where it was interrupted. Further models have files of their own beside it.
    key_added
        Key of the result in ``adata.uns["landscape"]``.
    rng
        Seed.
    copy
        Work on a copy of ``adata`` and return it.

    Returns
    -------
    ``None``, or the copy if ``copy=True``. Sets ``adata.uns["landscape"]["genomic_code"]`` with

    ``table`` : DataFrame, one row for each claim
        ``claim``, ``section`` of the paper, ``row`` of the list of claims, ``statistic``, ``value``, ``low``, ``high``, ``null``, ``null_low``, ``null_high``, ``direction``
        in which the claim puts the value, ``needs`` and ``grade`` at hand, ``verdict``, ``reason``, ``n_replicates``, ``n_null``; with several models medians over
        them, ``n_models`` with a number and ``agreement``.
    ``details`` : dict
        Tables and numbers behind each statistic, of the first model, by the name of the assay.
    ``verdicts`` : DataFrame, claims x models
        With several models.

    Raises
    ------
    KeyError
        If the model or its attractors are missing.
    ValueError
        If an assay is unknown, or the checkpoint belongs to another call.

    Notes
    -----
    The card says which parts of an analogy a fitted model shares. It does not say that the genome is a generative model, and rows that are supported by
    one fit rest on what its direction identifies. The interval covers the spread of the fit over resampled cells, not errors that all replicates share.

    References
    ----------
    Mitchell & Cheney (2024), *The genomic code: the genome instantiates a generative model of the organism*.
    https://arxiv.org/abs/2407.15908

    Examples
    --------
    >>> import landscape as ls
    >>> adata = ls.datasets.hematopoiesis()  # doctest: +SKIP
    >>> ls.run(adata)  # doctest: +SKIP
    >>> ls.tl.genomic_code(adata)  # doctest: +SKIP
    >>> ls.get.genomic_code(adata)[["claim", "value", "verdict"]]  # doctest: +SKIP
    >>> ls.pl.genomic_code(adata)  # doctest: +SKIP
    """
    adata = require_adata(adata)
    all_models = [adata, *(require_adata(each) for each in models)]
    if latent_models and len(latent_models) != len(all_models):
        msg = f"Expected a latent model for each of {len(all_models)} models in `latent_models`, found {len(latent_models)}."
        raise ValueError(msg)
    seed = seed_of(rng)
    subjects = [
        _subject(each, latent_models[number] if latent_models else None, seed) for number, each in enumerate(all_models)
    ]
    cards = []
    for number, subject in enumerate(subjects):
        words = "assays" if len(subjects) == 1 else f"assays of model {number + 1} of {len(subjects)}"
        file = None if checkpoint is None else _file(Path(checkpoint), number)
        found = card(
            subject, names=assays, n_null=n_null, checkpoint=file, rng=seed,
            watch=partial(tqdm, desc=words, leave=False, disable=None),
        )  # fmt: skip
        cards.append(found)
    tables = [card_table(found) for found in cards]
    table = over_models(tables) if len(tables) > 1 else tables[0]
    record: dict[str, Any] = {
        "table": table,
        "details": {one.name: dict(one.details) for one in cards[0] if one.details},
    }
    if len(tables) > 1:
        names = [f"model {number + 1}" for number in range(len(tables))]
        record["verdicts"] = pd.DataFrame({name: each["verdict"] for name, each in zip(names, tables, strict=True)})
    counts = table["verdict"].value_counts()
    params = {"n_null": n_null, "n_models": len(tables), "assays": None if assays is None else list(assays)}
    adata = adata.copy() if copy else adata
    what = ", ".join(f"{n} {verdict}" for verdict, n in counts.items())
    write_result(adata, key_added, record, params=params, what=f"{len(table)} claims: {what}")
    return adata if copy else None


def _file(checkpoint: Path, number: int) -> Path:
    return checkpoint if number == 0 else checkpoint.with_name(f"{checkpoint.stem}_{number + 1}{checkpoint.suffix}")


def _subject(adata: AnnData, latent_model: LatentModel | None, seed: int) -> Subject:
    """The fitted model beside its cells, as assays take it."""
    results = results_of(adata)
    model = read_model(adata)
    attractors = read_result(adata, _keys.ATTRACTORS, hint="run `landscape.tl.attractors` first")
    states = attractors["states"][list(model.regulators)]
    observed = attractors["table"]["observed"].to_numpy(dtype=bool)
    states = states[observed] if observed.any() else states
    cells = read(adata, "obsm", _keys.STATE, hint="run `landscape.tl.dynamics` first")
    x = cells[list(model.regulators)].to_numpy(dtype=float)
    record = results[_keys.DYNAMICS]
    params, verdict = record.get("params", {}), verdict_of(adata)
    start = adata.obs[_keys.START].to_numpy(dtype=bool) if _keys.START in adata.obs else np.zeros(len(x), bool)
    grade = str(record.get("grade", GRADES[-1]))
    real = str(params.get("time_unit", "")) == REAL_TIME
    names = tuple(map(str, states.index))
    heights, interval = _barriers(results, names)
    extras: dict[str, Any] = {} if interval is None else {"barrier_interval": interval}
    layer = str(params.get("layer", _keys.COUNTS))
    if (targets := _targets(adata, cells, layer)) is not None:
        extras["targets"] = targets
    if latent_model is not None:
        extras["coder"] = _coder(adata, latent_model, layer, seed)
    return Subject(
        model,
        x,
        states.to_numpy(dtype=float),
        names,
        start=x[start] if start.any() else None,
        ensemble=read_ensemble(adata),
        grade=grade if grade in GRADES else GRADES[-1],
        times=_times(adata, str(params.get("direction", ""))) if real else None,
        duration=float(record["time_span"]) if real and "time_span" in record else None,
        barriers=heights,
        fixed=frozenset({"decay"} if str(params.get("decay", "")) == "equal" else ()),
        refused="" if verdict.supported is not False else verdict.headline,
        extras=extras,
    )


def _times(adata: AnnData, direction: str) -> NDArray[np.float64] | None:
    """Time of every cell, where the direction names a column of them that is there and complete."""
    named = _TIME.search(direction)
    if named is None or named[1] not in adata.obs or adata.obs[named[1]].isna().any():
        return None
    return time_points(StoredData(adata), named[1])


def _targets(adata: AnnData, states: pd.DataFrame, layer: str) -> Targets | None:
    """Targets with enough counts, each beside the regulator whose edge to it is the strongest; ``None`` without a network or counts."""
    if _keys.NETWORK not in adata.varp or layer not in adata.layers:
        return None
    counts = count_matrix(adata, layer, check=False)
    size = np.asarray(counts.sum(1), dtype=float).ravel()
    edges = get.edges(adata)
    edges = edges[edges["source"].isin(states.columns) & ~edges["target"].isin(states.columns)]
    edges = edges.drop_duplicates("target")  # the strongest edge comes first
    mean = pd.Series(np.asarray(counts.mean(0)).ravel(), index=adata.var_names)
    edges = edges[mean[edges["target"]].to_numpy() >= MIN_MEAN].groupby("source", sort=False).head(PER_REGULATOR)
    edges = edges.head(MAX_TARGETS)
    chosen = np.linspace(0, adata.n_obs - 1, min(adata.n_obs, MAX_CELLS)).astype(int)
    names = edges["target"].astype(str).tolist()
    return Targets(
        counts[chosen][:, adata.var_names.get_indexer(names)].toarray().astype(float),
        size[chosen] / size.mean(),
        states[edges["source"]].to_numpy(dtype=float)[chosen],
        tuple(names),
    )


def _coder(adata: AnnData, model: LatentModel, layer: str, seed: int) -> Coder:
    """The latent model beside some cells, all decoded in one batch, and their labels."""
    gen = np.random.default_rng(seed)
    few = adata[np.sort(gen.choice(adata.n_obs, min(adata.n_obs, N_CODED), replace=False))].copy()
    genes = model.genes
    counts = count_matrix(few, layer, check=False)[:, few.var_names.get_indexer(genes)].toarray().astype(float)
    few = few[:, genes].copy()
    batch = model.batches[0] if model.batches else None

    def decode(latent: NDArray[np.float64]) -> NDArray[np.float64]:
        rows = [latent[first : first + few.n_obs] for first in range(0, len(latent), few.n_obs)]
        return np.vstack([model.get_log_expression_jacobian(few[: len(z)], latent=z, batch=batch)[0] for z in rows])

    def encode(given: NDArray[np.float64]) -> NDArray[np.float64]:
        other = few.copy()
        other.layers[layer] = sparse.csr_matrix(given)
        return np.asarray(model.get_latent_representation(other), dtype=float)

    def geodesic(start: NDArray[np.float64], end: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(model.interpolate(start, end, batch=batch, n_nodes=15, max_steps=50).latent)

    key = label_key_of(adata)
    labels = None if key is None else np.asarray(pd.Categorical(few.obs[key]).codes, dtype=np.int64)
    return Coder(encode(counts), decode, encode, counts, geodesic, labels)


def _barriers(
    results: dict[str, Any], names: Sequence[str]
) -> tuple[NDArray[np.float64] | None, tuple[NDArray[np.float64], NDArray[np.float64]] | None]:
    """Heights between attractors as a matrix, and the lower and upper ends of their intervals; ``None`` where they were not computed."""
    if _keys.BARRIERS not in results:
        return None, None
    table = results[_keys.BARRIERS]["table"]
    found = {}
    for column in ("height", "low", "high"):
        if column in table:
            wide = table.pivot_table(index="from", columns="to", values=column, aggfunc="min", dropna=False)
            found[column] = wide.reindex(index=list(names), columns=list(names)).to_numpy(dtype=float)
    ends = (found["low"], found["high"]) if {"low", "high"} <= set(found) and np.isfinite(found["low"]).any() else None
    return found["height"], ends

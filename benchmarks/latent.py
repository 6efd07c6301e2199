"""The latent model beside ``scvi.model.SCVI``: speed, memory, held-out likelihood, disk, calibration, batches.

``python -m benchmarks.latent --json FILE [--only PART ...] [--quick]``

Each fit runs in a process of its own, so that its peak memory is its own. Both models have the same architecture (10 latent
dimensions, one hidden layer of 128 units, negative binomial), the same training cells and the same number of threads, that
of ``OMP_NUM_THREADS``. Held-out cells are seen by neither, and both are judged by one function.

After 20 epochs the likelihood of one model depends on its random numbers by some tenths of a per cent, whichever trains it.
The part ``draws`` therefore also compares fits that share them: initial weights, minibatches, drop-out and draws of z.
"""

from __future__ import annotations

import logging
import multiprocessing
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anndata
import h5py
import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse
from sklearn.metrics import silhouette_score

import landscape as ls
from benchmarks._harness import Results, main, peak_memory_mb, timed
from landscape._files import digest_of
from landscape._random import seed_of
from landscape.latent import LatentModel, Schedule
from landscape.latent.dataset import Keys, Vocabulary
from landscape.latent.randomness import forked_rng
from landscape.latent.reading import read_anndata
from landscape.latent.sampler import shuffle_buffers, train_validation_split
from landscape.latent.training import evaluate, fit, minibatches

DATA = {"paul15": ls.datasets.paul15, "tusi2018": ls.datasets.tusi2018}
REPEATS = {"paul15": 5, "tusi2018": 3}
NLL = "negative_log_likelihood"
EPOCHS, BATCH_SIZE, LEARNING_RATE, WARMUP = 20, 128, 1e-3, 10
SETTINGS = {"batch_size": BATCH_SIZE, "learning_rate": LEARNING_RATE, "warmup_epochs": WARMUP, "validation_size": 0.0}
PRECISION: dict[str, Any] = {"ours": "float32", "ours, bfloat16": "bfloat16"}
# The same weight of the divergence in each epoch as ours: 1 / 10, 2 / 10, ... 1.
PLAN = {"lr": LEARNING_RATE, "n_epochs_kl_warmup": WARMUP - 1, "min_kl_weight": 1 / WARMUP}


def alone(function: Callable[..., dict[str, Any]], *arguments: Any) -> dict[str, Any]:
    """Result of a function that runs in a fresh process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def counts_of(name: str) -> AnnData:
    adata = DATA[name]()
    if "counts" not in adata.layers:
        adata.layers["counts"] = adata.X
    return AnnData(obs=adata.obs[[]], var=adata.var[[]], layers={"counts": adata.layers["counts"]})


def fit_scvi(adata: AnnData, *, seed: int, batch_key: str | None = None, **train: Any) -> tuple[LatentModel, Any]:
    """Trained SCVI, as ours and as it is."""
    import scvi

    scvi.settings.seed = seed
    scvi.settings.verbosity = logging.ERROR
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore")  # its own, of its dependencies
        scvi.model.SCVI.setup_anndata(adata, layer="counts", batch_key=batch_key)
        model = scvi.model.SCVI(adata, n_latent=10, n_hidden=128, n_layers=1, gene_likelihood="nb")
        options = {"accelerator": "cpu", "enable_progress_bar": False, "logger": False, "train_size": 1.0}
        model.train(**{**options, **train})
    return LatentModel.from_scvi(model), model


def held_out_likelihood(model: LatentModel, adata: AnnData) -> dict[str, float]:
    names = Vocabulary(genes=model.genes, batches=model.batches)
    cells = read_anndata(adata, Keys("counts", model.batch_key), vocabulary=names)
    with forked_rng(0):
        bound, reconstruction, _ = evaluate(model.module, cells, np.arange(len(cells)), "cpu")
    return {NLL: -reconstruction, "negative_bound": -bound}


def fit_once(name: str, which: str, repeat: int, epochs: int) -> dict[str, Any]:
    """One fit of the same network for the same number of epochs."""
    adata = counts_of(name)
    train, held_out = train_validation_split(adata.n_obs, 0.1, block_size=None, seed=repeat)
    seen, unseen = adata[train].copy(), adata[held_out].copy()
    row: dict[str, Any] = {"data": name, "model": which, "repeat": repeat}
    # What is imported or compiled at the first step is not part of the time.
    LatentModel(seen[:50].copy(), n_hidden=8).train(max_epochs=1)
    if which == "scvi":
        fit_scvi(seen[:50].copy(), seed=repeat, max_epochs=1)
        with timed(row):
            model, _ = fit_scvi(
                seen,
                seed=repeat,
                max_epochs=epochs,
                batch_size=BATCH_SIZE,
                plan_kwargs=dict(PLAN),
            )
    else:
        with timed(row):
            model = LatentModel(seen, rng=repeat)
            model.train(max_epochs=epochs, precision=PRECISION[which], **SETTINGS)
    row["peak_mb"] = peak_memory_mb()
    return {**row, **held_out_likelihood(model, unseen)}


def training(results: Results, *, quick: bool) -> None:
    """Same architecture, epochs, batch size and threads."""
    for name in ("paul15",) if quick else DATA:
        for repeat in range(1 if quick else REPEATS[name]):
            for which in ("scvi", *PRECISION):
                results.add({"part": "training", **alone(fit_once, name, which, repeat, EPOCHS)})
        rows = pd.DataFrame([row for row in results.table if row["part"] == "training" and row["data"] == name])
        median = rows.groupby("model")[["seconds", "cpu_seconds", "peak_mb", NLL]].median()
        likelihood = rows.pivot_table(index="repeat", columns="model", values=NLL)
        for which, tag in zip(PRECISION, ("", "_bfloat16"), strict=True):
            ours, theirs = median.loc[which], median.loc["scvi"]
            results.figures |= {
                f"{name}{tag}_speedup": theirs["seconds"] / ours["seconds"],
                f"{name}{tag}_cpu_speedup": theirs["cpu_seconds"] / ours["cpu_seconds"],
                f"{name}{tag}_memory_ratio": ours["peak_mb"] / theirs["peak_mb"],
                f"{name}{tag}_likelihood_excess": ours[NLL] / theirs[NLL] - 1,
                **paired(f"{name}{tag}_likelihood_excess", likelihood[which] / likelihood["scvi"] - 1),
            }
        results.figures[f"{name}_scvi_seconds"] = median.loc["scvi", "seconds"]
        results.figures[f"{name}_scvi_cpu_seconds"] = median.loc["scvi", "cpu_seconds"]
        results.figures[f"{name}_scvi_likelihood"] = median.loc["scvi", NLL]


def paired(name: str, differences: pd.Series) -> dict[str, float]:
    """Mean of what differs within repeats, and its standard error."""
    return {f"{name}_paired": differences.mean(), f"{name}_paired_error": differences.sem()}


def follow(adata: AnnData, *, seed: int, epochs: int) -> LatentModel:
    """SCVI's network, loss and optimiser, given the initial weights, the minibatches and the draws of our fit."""
    import scvi

    drawn = seed_of(seed)
    cells = read_anndata(adata, Keys("counts"))
    scvi.model.SCVI.setup_anndata(adata, layer="counts")
    model = scvi.model.SCVI(adata, n_latent=10, n_hidden=128, n_layers=1, gene_likelihood="nb")
    module = model.module
    module.load_state_dict({**module.state_dict(), **LatentModel(adata, rng=seed).module.state_dict()})
    optimiser = scvi.train.TrainingPlan(module, **PLAN).configure_optimizers()["optimizer"]
    module.train()
    for epoch in range(epochs):
        buffers = shuffle_buffers(np.arange(len(cells)), block_size=None, seed=drawn, epoch=epoch)
        with forked_rng(drawn + 2 * epoch):
            for chosen, _ in minibatches(cells, buffers, BATCH_SIZE, "cpu"):
                batch = chosen.codes[:, :1]
                tensors = {"X": chosen.counts.dense(), "batch": batch, "labels": batch}
                loss = module(tensors, loss_kwargs={"kl_weight": min(1.0, (epoch + 1) / WARMUP)})[2].loss
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
    model.is_trained_ = True
    return LatentModel.from_scvi(model)


def fit_by_same_draws(name: str, repeat: int, epochs: int) -> dict[str, Any]:
    """Held-out likelihoods of fits that differ in nothing but who computes the steps."""
    adata = simulated(1500, 3) if name == "simulated" else counts_of(name)
    few = np.random.default_rng(0).permutation(adata.n_obs)[: 3000 if name == "paul15" else 1500]
    adata = AnnData(obs=adata.obs[[]], var=adata.var[[]], layers={"counts": adata.layers["counts"]})[np.sort(few)]
    train, held_out = train_validation_split(adata.n_obs, 0.1, block_size=None, seed=repeat)
    seen, unseen = adata[train].copy(), adata[held_out].copy()
    row: dict[str, Any] = {"data": name, "repeat": repeat}
    row["scvi"] = held_out_likelihood(follow(seen.copy(), seed=repeat, epochs=epochs), unseen)[NLL]
    for which, precision in PRECISION.items():
        model = LatentModel(seen, rng=repeat)
        model.train(max_epochs=epochs, precision=precision, **SETTINGS)
        row[which] = held_out_likelihood(model, unseen)[NLL]
    return row


def draws(results: Results, *, quick: bool) -> None:
    """Likelihood after the same initial weights, minibatches, drop-out and draws of z."""
    for name in ("simulated",) if quick else ("paul15", "tusi2018", "simulated"):
        n_repeats = 2 if quick else REPEATS.get(name, 5)
        rows = [alone(fit_by_same_draws, name, repeat, EPOCHS) for repeat in range(n_repeats)]
        for row in rows:
            results.add({"part": "draws", **row})
        table = pd.DataFrame(rows)
        for which, tag in zip(PRECISION, ("", "_bfloat16"), strict=True):
            results.figures |= paired(f"{name}{tag}_same_draws_excess", table[which] / table["scvi"] - 1)


def reach(name: str, target: float, repeat: int) -> dict[str, Any]:
    """Seconds until our defaults reach a held-out likelihood."""
    adata = counts_of(name)
    train, held_out = train_validation_split(adata.n_obs, 0.1, block_size=None, seed=repeat)
    model = LatentModel(adata, rng=repeat)
    cells = read_anndata(adata, Keys("counts"))
    LatentModel(adata[:50].copy(), n_hidden=8).train(max_epochs=1)
    row: dict[str, Any] = {"data": name, "repeat": repeat, "target": target}
    with timed(row):
        for epoch in fit(
            model.module, cells, train=train, validation=held_out, schedule=Schedule(max_epochs=100), seed=repeat
        ):
            row[NLL], row["epochs"] = -epoch.reconstruction_validation, epoch.epoch + 1
            if row[NLL] <= target:
                break
    return row


def defaults(results: Results, *, quick: bool) -> None:
    """Time to the held-out likelihood that SCVI has after its epochs; needs the part ``training`` in the same run."""
    for name in DATA:
        if f"{name}_scvi_likelihood" not in results.figures:
            continue
        target = results.figures[f"{name}_scvi_likelihood"]
        rows = [alone(reach, name, target, repeat) for repeat in range(1 if quick else 3)]
        for row in rows:
            results.add({"part": "defaults", **row})
        for clock in ("seconds", "cpu_seconds"):
            ours = float(np.median([row[clock] for row in rows]))
            results.figures[f"{name}_to_equal_{clock}_speedup"] = results.figures[f"{name}_scvi_{clock}"] / ours


def write_large(path: Path, n_cells: int, n_genes: int = 2000) -> None:
    """Counts of 20 hidden programmes, 8 % non-zero, written block by block."""
    rng = np.random.default_rng(0)
    loading = rng.normal(size=(20, n_genes)).astype(np.float32) / np.sqrt(20)
    base = 0.085 * rng.gamma(2.0, 0.5, size=n_genes).astype(np.float32)
    empty = AnnData(
        obs=pd.DataFrame(index=pd.RangeIndex(n_cells).astype(str)),
        var=pd.DataFrame(index=pd.RangeIndex(n_genes).astype(str)),
    )
    empty.write_h5ad(path)
    with h5py.File(path, "a") as file:
        group = file.require_group("layers").create_group("counts")
        group.attrs.update({"encoding-type": "csr_matrix", "encoding-version": "0.1.0", "shape": (n_cells, n_genes)})
        data = group.create_dataset("data", (0,), maxshape=(None,), dtype=np.float32, chunks=(100_000,))
        indices = group.create_dataset("indices", (0,), maxshape=(None,), dtype=np.int32, chunks=(100_000,))
        starts = [np.zeros(1, dtype=np.int64)]
        for start in range(0, n_cells, 2000):
            hidden = rng.normal(size=(min(2000, n_cells - start), 20)).astype(np.float32)
            block = sparse.csr_matrix(rng.poisson(base * np.exp(0.7 * hidden @ loading)), dtype=np.float32)
            for store, values in ((data, block.data), (indices, block.indices)):
                store.resize((store.shape[0] + len(values),))
                store[-len(values) :] = values
            starts.append(block.indptr[1:].astype(np.int64) + starts[-1][-1])
        group.create_dataset("indptr", data=np.concatenate(starts))


def fit_large(path: Path, where: str) -> dict[str, Any]:
    """One epoch by the same blocks of cells, from disk or in memory."""
    row: dict[str, Any] = {"where": where}
    with timed(row, "opening_seconds"):
        model = LatentModel.from_file(path) if where == "disk" else LatentModel(anndata.read_h5ad(path))
    with timed(row):
        model.train(max_epochs=1, batch_size=BATCH_SIZE, block_size=256, validation_size=0.05, warmup_epochs=0)
    weights = {name: value.double().sum().item() for name, value in model.module.state_dict().items()}
    return {**row, "peak_mb": peak_memory_mb(), "weights": digest_of(weights)}


def disk(results: Results, *, quick: bool) -> None:
    """200,000 cells x 2,000 genes that stay on disk, beside the same in memory."""
    n_cells = 20_000 if quick else 200_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cells.h5ad"
        write_large(path, n_cells)
        rows = {where: alone(fit_large, path, where) for where in ("disk", "memory")}
    for row in rows.values():
        results.add({"part": "disk", "cells_per_second": n_cells / row["seconds"], **row})
    results.figures |= {
        "disk_peak_mb": rows["disk"]["peak_mb"],
        "disk_throughput": rows["memory"]["seconds"] / rows["disk"]["seconds"],
        "disk_cpu_throughput": rows["memory"]["cpu_seconds"] / rows["disk"]["cpu_seconds"],
        "disk_same_weights": float(rows["disk"]["weights"] == rows["memory"]["weights"]),
    }


def simulated(n_cells: int, seed: int, **options: Any) -> AnnData:
    return ls.circuits.simulate(ls.circuits.krumsiek(), n_cells=n_cells, rng=seed, **options)


def calibration(results: Results, *, quick: bool) -> None:
    """Simulated counts: calibration of held-out ones, and denoised beside true levels of the regulators."""
    n_cells = 1000 if quick else 2500
    seen, unseen = simulated(n_cells, 0), simulated(500, 1)
    ours = LatentModel(seen)
    ours.train()
    theirs, _ = fit_scvi(seen.copy(), seed=0, max_epochs=60 if quick else 200)
    regulators = seen.uns["truth"]["regulators"].tolist()
    truth = np.asarray(seen.obsm["X_truth"])
    for which, model in (("ours", ours), ("scvi", theirs)):
        check = model.posterior_predictive_check(unseen, n_cells=500)
        results.figures[f"calibration_{which}_worst_kolmogorov"] = check.calibration["kolmogorov"].max()
        denoised = model.get_normalized_expression(seen, genes=regulators, return_numpy=True)
        for i, gene in enumerate(regulators):
            correlation = float(np.corrcoef(denoised[:, i], truth[:, i])[0, 1])
            results.add({"part": "calibration", "model": which, "gene": gene, "correlation": correlation})
        for row in check.calibration.to_dict("records"):
            results.add({"part": "calibration", "model": which, **row})
    rows = pd.DataFrame(results.table).query("part == 'calibration'").dropna(subset="gene")
    table = rows.pivot_table(index="gene", columns="model", values="correlation")
    results.figures["calibration_least_gain_of_correlation"] = float((table["ours"] - table["scvi"]).min())
    results.figures["calibration_mean_gain_of_correlation"] = float((table["ours"] - table["scvi"]).mean())


def batches(results: Results, *, quick: bool) -> None:
    """Two simulated batches: are they mixed, and are fates apart?"""
    adata = simulated(1000 if quick else 2500, 2, batches=2, batch_spread=0.4)
    ours = LatentModel(adata, batch_key="batch")
    ours.train()
    theirs, _ = fit_scvi(adata.copy(), seed=0, batch_key="batch", max_epochs=60 if quick else 200)
    late = (adata.obs["time"] > adata.obs["time"].median()).to_numpy()
    for which, model in (("ours", ours), ("scvi", theirs)):
        latent = model.get_latent_representation(adata)
        row = {
            "part": "batches",
            "model": which,
            "batch_silhouette": float(silhouette_score(latent, adata.obs["batch"])),
            "fate_silhouette": float(silhouette_score(latent[late], adata.obs["fate"][late])),
        }
        results.add(row)
        for name in ("batch_silhouette", "fate_silhouette"):
            results.figures[f"{which}_{name}"] = row[name]


PARTS = {
    "training": training,
    "draws": draws,
    "defaults": defaults,
    "disk": disk,
    "calibration": calibration,
    "batches": batches,
}

if __name__ == "__main__":
    started = time.perf_counter()
    main(__doc__, PARTS, ["landscape", "torch", "scvi-tools", "numpy", "scipy", "anndata"])
    print(f"{time.perf_counter() - started:.0f} s")

from __future__ import annotations

import importlib.util
import json
import logging
import multiprocessing
import signal
import sys
import time
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import landscape as ls
from landscape._directions import offers
from landscape._files import lock
from landscape._run import delta
from landscape._run.directory import run_directory
from landscape._run.inspection import in_words, inspect_cells
from landscape._run.outputs import write_csv
from landscape._run.plan import LATENT_MODELS, default_latent_models, prepare, settle
from landscape._run.reading import read_cells
from landscape._run.settings import Settings, from_mapping, read_config
from landscape._run.stages import Work, stages
from tests.doors import frozen

FAKE = Path(__file__).with_name("fake_stages.py")


def load_fake():
    spec = importlib.util.spec_from_file_location("landscape_fake_stages", FAKE)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def make_cells(n_cells=60, n_genes=12) -> ad.AnnData:
    rng = np.random.default_rng(0)
    counts = sparse.csr_matrix(
        rng.poisson(3.0, (n_cells, n_genes)).astype(np.float32) + np.eye(n_cells, n_genes, dtype=np.float32)
    )
    adata = ad.AnnData(
        counts,
        obs=pd.DataFrame(
            {
                "day": np.tile([1.0, 2.0], n_cells // 2),
                "cell_type": pd.Categorical(np.repeat(["a", "b"], n_cells // 2)),
            },
            index=[f"cell{i}" for i in range(n_cells)],
        ),
        var=pd.DataFrame({"regulator": np.arange(n_genes) < 4}, index=[f"Gene{i}" for i in range(n_genes)]),
    )
    adata.layers["counts"] = counts.copy()
    return adata


@pytest.fixture
def cells():
    return make_cells()


@pytest.fixture
def source(cells, tmp_path):
    path = tmp_path / "cells.h5ad"
    cells.write_h5ad(path)
    return path


@pytest.fixture
def fake(monkeypatch):
    module = load_fake()
    module.install(monkeypatch.setattr)
    return module


def choose(adata, settings):
    return settle(adata, settings).directions


def settings(**values):
    return from_mapping({"n_top_genes": 8, **values})


def contents(out: Path) -> dict:
    """What a run ended with, but for times, memory and the bytes of containers."""
    summary = json.loads((out / "summary.json").read_text())
    for key in ("seconds", "peak_memory_mb"):
        summary.pop(key)
    adata = ad.read_h5ad(out / "landscape.h5ad")
    arrays = {"latent": adata.obsm["X_latent"].tobytes(), "fates": adata.obsm["fates"].to_numpy().tobytes()}
    tables = {p.name: p.read_text() for p in sorted((out / "tables").glob("*"))}
    return {
        "summary": summary,
        "arrays": arrays,
        "tables": tables,
        "obs": adata.obs.to_csv(),
        "var": adata.var.to_csv(),
    }


# A folder of results


def test_a_run_writes_what_it_promises(fake, source, tmp_path):
    out = tmp_path / "out"
    summary = run_directory(source, out, settings=settings())
    assert fake.CALLS == ["genes", "embedding", "wells", "fates"]
    assert {p.name for p in out.iterdir()} == {
        "landscape.h5ad",
        "report.html",
        "tables",
        "summary.json",
        ".stages",
    } | ({"figures"} if (out / "figures").exists() else set())
    assert summary == json.loads((out / "summary.json").read_text())
    adata = ad.read_h5ad(out / "landscape.h5ad")
    assert adata.shape == (60, 12)
    assert adata.var["selected"].tolist() == [True] * 8 + [False] * 4
    assert adata.var["regulator_in_network"].tolist() == [True] * 2 + [False] * 10
    assert np.isnan(adata.varm["loadings"][8:]).all()
    assert np.isfinite(adata.varm["loadings"][:8]).all()
    assert adata.uns["landscape"]["run"]["input"]["name"] == "cells.h5ad"
    assert list(adata.uns["landscape"]["run"]["params"]["directions"]) == ["real time points in obs['day']"]
    assert {"genes", "latent_like", "attractors", "fates", "tables", "report"} <= summary["seconds"].keys()
    assert summary["peak_memory_mb"] > 10


def test_a_second_run_keeps_everything(fake, source, tmp_path):
    out = tmp_path / "out"
    first = run_directory(source, out, settings=settings())
    before = {p: p.stat().st_mtime_ns for p in out.rglob("*") if p.is_file() and p.name != "source.json"}
    fake.CALLS.clear()
    seen = []
    again = run_directory(source, out, settings=settings(), observe=seen.append)
    assert fake.CALLS == []
    assert {event.status for event in seen} == {"kept"}
    assert again == first
    assert before == {p: p.stat().st_mtime_ns for p in before}


@pytest.mark.parametrize(
    ("change", "redone"),
    [
        ({"label_key": "day"}, ["wells"]),
        ({"seed": 5}, ["embedding", "wells", "fates"]),
        ({"n_top_genes": 9}, ["genes", "embedding", "wells", "fates"]),
        ({"threads": 1}, []),
    ],
)
def test_a_changed_parameter_redoes_what_depends_on_it(fake, source, tmp_path, change, redone):
    out, fresh = tmp_path / "out", tmp_path / "fresh"
    run_directory(source, out, settings=settings())
    fake.CALLS.clear()
    run_directory(source, out, settings=settings(**change))
    assert redone == fake.CALLS
    run_directory(source, fresh, settings=settings(**change))
    assert contents(out) == contents(fresh)


@pytest.mark.parametrize("file", [".stages/attractors/delta.h5ad", ".stages/fates/stage.json", "tables/cells.csv"])
def test_a_damaged_file_is_made_again(fake, source, tmp_path, file):
    out = tmp_path / "out"
    run_directory(source, out, settings=settings())
    expected = contents(out)
    (out / file).write_bytes((out / file).read_bytes()[:-7])
    run_directory(source, out, settings=settings())
    assert contents(out) == expected


def test_an_error_keeps_what_was_done(fake, source, tmp_path, monkeypatch):
    out, fresh = tmp_path / "out", tmp_path / "fresh"
    run_directory(source, fresh, settings=settings())

    def broken(work):
        work.current.obs["half"] = 1
        msg = "no fates today"
        raise ValueError(msg)

    listed = fake.stages()
    from dataclasses import replace

    from landscape._run import directory

    monkeypatch.setattr(directory, "stages", lambda: (*listed[:3], replace(listed[3], call=broken)))
    with pytest.raises(ValueError, match="no fates today"):
        run_directory(source, out, settings=settings())
    assert not (out / "landscape.h5ad").exists()
    monkeypatch.setattr(directory, "stages", fake.stages)
    fake.CALLS.clear()
    run_directory(source, out, settings=settings())
    assert fake.CALLS == ["fates"]
    assert contents(out) == contents(fresh)


def test_warnings_of_stages_are_in_the_summary_also_when_kept(fake, source, tmp_path, monkeypatch):
    from dataclasses import replace

    from landscape._run import directory

    def worried(work):
        logging.getLogger("landscape.tl").warning("the fit is %s", "poor")
        fake.fates(work)

    listed = fake.stages()
    monkeypatch.setattr(directory, "stages", lambda: (*listed[:3], replace(listed[3], call=worried)))
    out = tmp_path / "out"
    assert "the fit is poor" in run_directory(source, out, settings=settings())["warnings"]
    (out / "summary.json").unlink()
    assert "the fit is poor" in run_directory(source, out, settings=settings())["warnings"]
    assert "the fit is poor" in (out / "report.html").read_text()


def test_a_warning_is_shown_where_nobody_listens_to_the_log(monkeypatch, capsys):
    from landscape._run.watch import collected_warnings

    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    with collected_warnings() as messages:
        logging.getLogger("landscape.tl").warning("the fit is %s", "poor")
        logging.getLogger("landscape.tl").info("nothing")
    assert messages == ["the fit is poor"]
    assert capsys.readouterr().err == "the fit is poor\n"
    monkeypatch.setattr(logging.getLogger(), "handlers", [logging.NullHandler()])
    with collected_warnings():
        logging.getLogger("landscape.tl").warning("again")
    assert capsys.readouterr().err == ""


def test_another_input_is_refused_unless_forced(fake, source, tmp_path):
    out, other = tmp_path / "out", tmp_path / "other.h5ad"
    run_directory(source, out, settings=settings())
    make_cells(n_cells=52).write_h5ad(other)
    with pytest.raises(FileExistsError, match=r"results of another input \(cells.h5ad"):
        run_directory(other, out, settings=settings())
    summary = run_directory(other, out, settings=settings(), force=True)
    assert summary["n_cells"] == 52


def test_a_folder_with_other_files_is_refused_and_they_survive_force(fake, source, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.txt").write_text("precious")
    with pytest.raises(FileExistsError, match=r"other files \(thesis.txt\)"):
        run_directory(source, out, settings=settings())
    run_directory(source, out, settings=settings(), force=True)
    assert (out / "thesis.txt").read_text() == "precious"
    with pytest.raises(FileExistsError, match="found a file"):
        run_directory(source, out / "thesis.txt", settings=settings())


def test_one_process_at_a_time(fake, source, tmp_path):
    out = tmp_path / "out"
    (out / ".stages").mkdir(parents=True)
    with lock(out / ".lock"), pytest.raises(BlockingIOError, match="in use by process"):
        run_directory(source, out, settings=settings())


def test_leftovers_of_killed_runs_are_swept(fake, source, tmp_path):
    out = tmp_path / "out"
    run_directory(source, out, settings=settings())
    for name in (".~landscape-1.h5ad", ".stages/.~x", "tables/.~y.csv"):
        (out / name).write_text("half")
    run_directory(source, out, settings=settings())
    assert not list(out.rglob(".~*"))


def test_empty_cells_can_be_dropped(fake, cells, tmp_path):
    cells.layers["counts"] = sparse.vstack(
        [sparse.csr_matrix((1, 12), dtype=np.float32), cells.layers["counts"][1:]]
    ).tocsr()
    path = tmp_path / "cells.h5ad"
    cells.write_h5ad(path)
    with pytest.raises(ValueError, match="1 of 60 cells that have no counts.*--drop-empty"):
        run_directory(path, tmp_path / "out", settings=settings())
    summary = run_directory(path, tmp_path / "out", settings=settings(drop_empty=True))
    assert summary["n_cells"] == 59
    assert any("dropped 1 of 60" in warning for warning in summary["warnings"])


@pytest.mark.slow
def test_a_run_killed_at_any_moment_ends_as_an_undisturbed_one(fake, source, tmp_path, monkeypatch):
    monkeypatch.setattr(fake, "PAUSE", 0.05)
    fresh, out = tmp_path / "fresh", tmp_path / "out"
    start = time.perf_counter()
    run_directory(source, fresh, settings=settings())
    whole = time.perf_counter() - start
    ends = []
    # The n-th attempt lives a little longer than the one before, up to a whole run: every part of it is hit.
    for attempt in range(25):
        process = multiprocessing.get_context("fork").Process(
            target=run_directory, args=(source, out), kwargs={"settings": settings(), "observe": lambda event: None}
        )
        process.start()
        process.join(0.02 + whole * attempt / 40)
        process.kill()
        process.join()
        ends.append(process.exitcode)
        for path in out.rglob("*"):
            if path.name.startswith(".~") or not path.is_file():
                continue
            if path.suffix == ".h5ad":
                ad.read_h5ad(path)
            elif path.suffix == ".json":
                json.loads(path.read_text())
            elif path.suffix == ".html":
                assert path.read_text().endswith("</html>")
    assert ends.count(-signal.SIGKILL) >= 5
    run_directory(source, out, settings=settings())
    assert contents(out) == contents(fresh)
    assert not list(out.rglob(".~*"))


@pytest.mark.slow
def test_real_stages_killed_and_resumed_give_the_same_bits(tmp_path):
    source = tmp_path / "cells.h5ad"
    ls.datasets.hematopoiesis(n_cells=300, n_targets=30, n_housekeeping=20).write_h5ad(source)
    quick = {"network": {"n_bootstraps": 5}, "dynamics": {"n_steps": 5}, "attractors": {"n_starts": 100}}
    chosen = from_mapping({"max_epochs": 3, "threads": 1, "n_latent_models": 3, "stages": quick})
    fresh, out = tmp_path / "fresh", tmp_path / "out"
    start = time.perf_counter()
    run_directory(source, fresh, settings=chosen)
    whole = time.perf_counter() - start
    for share in (0.1, 0.25, 0.4, 0.55):
        process = multiprocessing.get_context("fork").Process(
            target=run_directory, args=(source, out), kwargs={"settings": chosen}
        )
        process.start()
        process.join(share * whole)
        process.kill()
        process.join()
    run_directory(source, out, settings=chosen)
    assert contents(out) == contents(fresh)
    one, other = ad.read_h5ad(fresh / "landscape.h5ad"), ad.read_h5ad(out / "landscape.h5ad")
    for name in ("weights", "bias", "scale"):
        found = [a.uns["landscape"]["dynamics"][name] for a in (one, other)]
        np.testing.assert_array_equal(*found)
    assert len(ls.latent.LatentEnsemble.load(out / "model")) == 3
    for name in ("landscape", "attractors", "fates", "network"):
        assert (out / "figures" / f"{name}.png").stat().st_size > 10_000


# In memory


def test_run_sets_results_on_all_genes(fake, cells):
    ls.run(cells, n_top_genes=8)
    assert cells.n_vars == 12
    assert cells.obsm["X_latent"].shape == (60, 3)
    assert cells.var["selected"].sum() == 8
    record = cells.uns["landscape"]["run"]
    assert list(record["params"]["directions"]) == ["real time points in obs['day']"]
    assert record["params"]["label_key"] == "cell_type"


def test_run_takes_a_direction(fake, cells):
    ls.run(cells, n_top_genes=8, direction=ls.dynamics.from_root("cell_type=a") + ls.dynamics.from_time("day"))
    chosen = list(cells.uns["landscape"]["run"]["params"]["directions"])
    assert chosen == ["the root 'cell_type=a'", "real time points in obs['day']"]
    with pytest.raises(TypeError, match=r"from_time\('day'\)`, found str"):
        ls.run(cells, direction="day")


def test_run_gives_every_stage_the_seed_itself(fake, cells):
    ls.run(cells, n_top_genes=8, rng=7)
    expected = np.random.default_rng(7).normal(0, 1.0, (60, 3)).astype("float32")
    np.testing.assert_array_equal(cells.obsm["X_latent"], expected)


def test_an_error_in_a_stage_leaves_the_data_as_they_were(fake, cells, monkeypatch):
    from dataclasses import replace

    from landscape._run import memory

    def broken(work):
        work.current.obs["half"] = 1
        msg = "no"
        raise ValueError(msg)

    listed = fake.stages()
    monkeypatch.setattr(memory, "stages", lambda: (*listed[:2], replace(listed[2], call=broken)))
    before = frozen(cells)
    with pytest.raises(ValueError, match="no"):
        ls.run(cells, n_top_genes=8)
    assert frozen(cells) == before


def test_results_of_a_run_survive_both_file_formats(fake, cells, tmp_path):
    ls.run(cells, n_top_genes=8)
    cells.write_h5ad(tmp_path / "a.h5ad")
    back = ad.read_h5ad(tmp_path / "a.h5ad")
    assert back.uns["landscape"]["run"]["params"]["n_top_genes"] == 8
    pd.testing.assert_frame_equal(back.obsm["fates"], cells.obsm["fates"])


@pytest.mark.parametrize("value", [None, 3, "x"])
def test_run_takes_only_anndata(value):
    with pytest.raises(TypeError, match="Expected an AnnData object"):
        ls.run(value)


# What a stage added


def test_a_delta_holds_only_what_is_new_or_replaced(cells, tmp_path):
    cells.obsm["old"] = np.ones((60, 2))
    cells.uns["landscape"] = {"a": {"v": 1}, "b": {"v": 2}}
    before = delta.snapshot(cells)
    cells.obs["new"] = np.arange(60)
    cells.obs["day"] = cells.obs["day"] + 1
    cells.uns["landscape"] = {**cells.uns["landscape"], "b": {"v": 3}}
    found = delta.difference(before, cells)
    assert list(found.obs) == ["day", "new"]
    assert list(found.obsm) == []
    assert found.uns["landscape"] == {"b": {"v": 3}}
    delta.write(found, tmp_path / "d.h5ad")
    target = make_cells()
    target.uns["landscape"] = {"a": {"v": 1}}
    delta.apply(delta.read(tmp_path / "d.h5ad"), target)
    assert target.obs["new"].tolist() == list(range(60))
    assert sorted(target.uns["landscape"]) == ["a", "b"]


def test_a_delta_of_some_genes_goes_to_their_places(cells):
    part = cells[:, [3, 1]].copy()
    before = delta.snapshot(part)
    part.varp["network"] = sparse.csr_matrix(np.array([[0.0, 2.0], [5.0, 0.0]]))
    part.layers["extra"] = np.ones((60, 2))
    delta.apply(delta.difference(before, part), cells)
    expected = np.zeros((12, 12))
    expected[3, 1], expected[1, 3] = 2.0, 5.0
    np.testing.assert_array_equal(cells.varp["network"].toarray(), expected)
    assert np.flatnonzero(cells.layers["extra"].toarray().any(0)).tolist() == [1, 3]


def test_a_delta_of_other_cells_is_refused(cells):
    other = delta.difference({}, cells[:5].copy())
    with pytest.raises(ValueError, match="the same cells"):
        delta.apply(other, cells)


# Direction


def test_offers_are_ranked_by_what_they_tell(cells):
    cells.obs["dpt_pseudotime"] = np.linspace(0, 1, 60)
    cells.obs["time_h"] = np.tile([0, 12], 30)
    cells.layers["unspliced"] = cells.layers["counts"].copy()
    cells.layers["velocity"] = np.ones(cells.shape)
    cells.uns["iroot"] = 0
    assert [(d.source, d.key) for d in offers(cells)] == [
        ("time", "day"),
        ("time", "time_h"),
        ("unspliced", "unspliced"),
        ("velocity", "velocity"),
        ("pseudotime", "dpt_pseudotime"),
        ("root", "cell0"),
    ]


@pytest.mark.parametrize(
    "values",
    [np.ones(60), np.arange(60) * np.nan, np.tile([True, False], 30), np.tile(["early", "late"], 30)],
    ids=["one value", "missing", "booleans", "words"],
)
def test_what_is_no_time(cells, values):
    cells.obs["day"] = values
    assert offers(cells) == []


def test_a_clock_of_single_cells_is_no_series_of_time_points():
    cells = make_cells(n_cells=100)
    cells.obs["day"] = np.linspace(0, 1, 100)
    assert offers(cells) == []


def test_a_pseudotime_with_gaps_is_not_offered(cells):
    cells.obs = cells.obs.assign(pseudotime=np.linspace(0, 1, 60)).drop(columns="day")
    assert [d.key for d in offers(cells)] == ["pseudotime"]
    cells.obs.loc["cell3", "pseudotime"] = np.nan
    assert offers(cells) == []


def test_time_as_categories_counts(cells):
    cells.obs["day"] = pd.Categorical(cells.obs["day"].astype(int).astype(str))
    assert offers(cells)[0].source == "time"


def test_what_is_asked_wins_and_is_combined(cells, caplog):
    cells.obs["pt"] = np.linspace(0, 1, 60)
    chosen = choose(cells, settings(pseudotime_key="pt", root="cell_type=a", root_genes="Gene1,Gene2"))
    assert chosen == (
        ls.dynamics.from_pseudotime("pt"),
        ls.dynamics.from_root("cell_type=a"),
        ls.dynamics.from_root(genes=["Gene1", "Gene2"]),
    )
    with caplog.at_level(logging.INFO):
        choose(cells, settings())
    assert "direction: real time points in obs['day'], found in the data" in caplog.text


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        ({"time_key": "hour"}, KeyError, r"obs\['hour'\].*missing.*cell_type"),
        ({"unspliced": "u"}, KeyError, r"layers\['u'\].*missing.*counts"),
        ({"root": "nobody"}, KeyError, "No cell is named 'nobody'.*'column=value' as root.*'cell0'"),
        ({"root": "tissue=a"}, KeyError, r"obs\['tissue'\]"),
        ({"root": "cell_type=z"}, ValueError, r"cells with 'z'.*\['a', 'b'\]"),
        ({"root_genes": "Sox2"}, KeyError, r"\['Sox2'\] missing.*'Gene0'"),
    ],
)
def test_wrong_directions_are_named(cells, asked, error, message):
    with pytest.raises(error, match=message):
        choose(cells, settings(**asked))


@pytest.mark.parametrize(
    ("column", "asked", "message"),
    [
        ([3.0] * 60, {"time_key": "clock"}, "two time points.*all cells at 3, which gives no direction.*--root"),
        ([0.5] * 60, {"pseudotime_key": "clock"}, "two pseudotimes"),
        (["E18.5", "P1"] * 30, {"time_key": "clock"}, r"times in words on one scale.*\['E18.5', 'P1'\]"),
        ([1.0, np.nan] * 30, {"time_key": "clock"}, "30 of 60 cells have no finite value"),
        ([np.nan] * 60, {"pseudotime_key": "clock"}, "Expected numbers"),
    ],
)
def test_clocks_that_give_no_direction_are_refused_before_anything_is_computed(cells, column, asked, message):
    cells.obs["clock"] = column
    with pytest.raises(ValueError, match=message):
        choose(cells, settings(**asked))


def test_a_pseudotime_may_be_unknown_for_some_cells(cells):
    cells.obs["clock"] = [np.nan, *np.linspace(0, 1, 59)]
    assert choose(cells, settings(pseudotime_key="clock")) == (ls.dynamics.from_pseudotime("clock"),)


def test_regulators_without_counts_are_refused_before_the_latent_model_is_trained(cells):
    cells.var["regulator"] = [k < 1 for k in range(cells.n_vars)]
    with pytest.raises(
        ValueError,
        match=r"two regulators with counts that vary between cells, found 1 of the 1 in `adata.var\['regulator'\]`",
    ):
        settle(cells, settings(time_key="day"))
    names = list(cells.var_names)
    with pytest.raises(
        ValueError, match="two regulators with counts that vary between cells, found 1 of the 3 named ones"
    ):
        settle(cells, settings(time_key="day", regulators=[names[0], "Absent", "Missing"]))


def test_cells_with_counts_of_peaks_alone_are_empty(cells):
    cells.var["feature_types"] = ["Gene Expression"] * 10 + ["Peaks"] * 2
    counts = cells.layers["counts"].toarray()
    counts[3, :10] = 0
    cells.layers["counts"] = sparse.csr_matrix(counts)
    asked = settings(drop_empty=True)
    kept = prepare(cells, asked)
    assert kept.obs_names.tolist() == [name for name in cells.obs_names if name != "cell3"]
    stages()[0].call(Work(kept, settle(kept, asked)))


def test_regulators_that_are_no_genes_are_said_and_left_out(cells, caplog):
    names = list(cells.var_names)
    settle(cells, settings(time_key="day", regulators=[*names[:3], "Absent"]))
    assert "1 of 4 named regulators are not among the genes and are left out, for instance ['Absent']" in caplog.text


def test_regulators_in_another_letter_case_are_said_and_left_out(cells, caplog):
    names = list(cells.var_names)
    asked = settings(time_key="day", regulators=[*names[:2], names[2].upper()])
    settle(cells, asked)
    assert ls.pp.find_regulators(cells, regulators=asked.regulators) == names[:2]
    assert (
        f"1 of 3 named regulators are not among the genes and are left out, for instance ['{names[2].upper()}']"
        in caplog.text
    )


def test_genes_of_the_root_are_kept_whatever_they_vary(cells):
    cells.var["regulator"] = [k < 2 for k in range(cells.n_vars)]
    work = Work(cells, settle(cells, settings(root_genes="Gene9,Gene11", n_top_genes=1)))
    stages()[0].call(work)
    assert cells.var.loc[["Gene9", "Gene11"], "selected"].all()
    assert cells.var["selected"].sum() < cells.n_vars


def test_no_direction_lists_what_there_is(cells):
    del cells.obs["day"]
    with pytest.raises(ValueError, match=r"obs \['cell_type'\], layers \['counts'\].*--root cell_type=a"):
        choose(cells, settings())


# Settings


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("c.yaml", "n_top_genes: 5\nroot_genes: [A, B]\nstages:\n  network: {n_bootstraps: 3}\n"),
        ("c.json", '{"n_top_genes": 5, "root_genes": ["A", "B"], "stages": {"network": {"n_bootstraps": 3}}}'),
        ("c.toml", 'n_top_genes = 5\nroot_genes = "A, B"\n[stages.network]\nn_bootstraps = 3\n'),
    ],
)
def test_settings_from_files(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    found = from_mapping(read_config(tmp_path / name))
    assert found == Settings(
        n_top_genes=5, direction={"root_genes": ("A", "B")}, stages={"network": {"n_bootstraps": 3}}
    )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"n_top_gens": 5}, "Unknown key 'n_top_gens' in the configuration; did you mean 'n_top_genes'"),
        ({"stages": {"netwrok": {}}}, "did you mean 'network'"),
        ({"stages": ["network"]}, "keywords by stage"),
        ({"n_top_genes": 0}, "at least 1, found 0"),
        ({"seed": True}, "integer of at least 0, found True"),
        ({"seed": "1"}, "integer"),
        ({"layer": 3}, "`layer` to be text"),
        ({"drop_empty": "yes"}, "true or false"),
        ({"regulators": 4}, "list of names"),
    ],
)
def test_wrong_settings_are_named(values, message):
    with pytest.raises(ValueError, match=message):
        from_mapping(values)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("c.yaml", "a: [", "does not parse as YAML"),
        ("c.yaml", "- a", "settings by name"),
        ("c.yaml", "!!python/object/apply:os.system ['true']", "does not parse"),
        ("c.json", "{", "does not parse as JSON"),
        ("c.toml", "a = ", "does not parse as TOML"),
        ("c.ini", "a=1", "ending in .yaml, .json or .toml"),
    ],
)
def test_wrong_files_of_settings_are_named(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=message):
        read_config(tmp_path / name)


def test_names_come_from_lists_and_files(tmp_path):
    (tmp_path / "tf.txt").write_text("# regulators\nGata1\nPu1\tnote\n\n")
    assert from_mapping({"regulators": str(tmp_path / "tf.txt")}).regulators == ("Gata1", "Pu1")
    assert from_mapping({"regulators": "Gata1, Pu1"}).regulators == ("Gata1", "Pu1")
    many = [f"Gene{k}" for k in range(3000)]  # longer than any path may be
    assert from_mapping({"regulators": ",".join(many)}).regulators == tuple(many)


def test_a_tier_of_regulators_is_no_file():
    assert from_mapping({"regulators": "tf+cofactors"}).regulators == "tf+cofactors"
    assert from_mapping({"regulators": "tf"}).regulators == "tf"


@pytest.mark.parametrize("missing", ["Gata1", "factors.txt", "lists/factors", "x" * 5000])
def test_a_missing_file_of_regulators_is_not_taken_for_a_gene(missing):
    with pytest.raises(
        FileNotFoundError, match=r"\['tf', 'tf\+cofactors'\], a comma-separated list .* no file of that name"
    ):
        from_mapping({"regulators": missing})


def test_a_file_with_one_regulator_is_refused(tmp_path):
    (tmp_path / "tf.txt").write_text("Gata1\n")
    with pytest.raises(ValueError, match="at least two regulators, found"):
        from_mapping({"regulators": str(tmp_path / "tf.txt")})


# The plan


def test_counts_are_found(cells):
    assert settle(cells, settings()).layer == "counts"
    del cells.layers["counts"]
    assert settle(cells, settings()).layer is None
    cells.X = cells.X * 0.5
    with pytest.raises(
        ValueError, match=r"counts in `adata.X`.*look normalised.*No other matrix of the data holds counts"
    ):
        settle(cells, settings())


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        ({"layer": "raw"}, KeyError, r"layers\['raw'\].*missing"),
        ({"batch_key": "plate"}, KeyError, r"obs\['plate'\].*batch_key"),
        ({"label_key": "kind"}, KeyError, r"obs\['kind'\].*label_key"),
    ],
)
def test_missing_columns_are_named_before_anything_runs(cells, asked, error, message):
    with pytest.raises(error, match=message):
        settle(cells, settings(**asked))


def test_values_that_are_no_counts_are_named(cells):
    cells.layers["counts"] = cells.layers["counts"].copy()
    cells.layers["counts"].data[0] = 0.5
    with pytest.raises(ValueError, match=r"\(1 not integer\).*0.5 for cell 'cell0', gene 'Gene0'.*--layer X"):
        settle(cells, settings())


def test_repeated_names_and_missing_batches_are_named(cells):
    cells.obs["plate"] = pd.Categorical([None, *["p"] * 59])
    with pytest.raises(ValueError, match="1 of 60 cells have no value.*notna"):
        settle(cells, settings(batch_key="plate"))
    cells.var_names = ["Gene0", *cells.var_names[:-1]]
    with pytest.raises(ValueError, match="var_names_make_unique"):
        settle(cells, settings())


# Reading


def test_damaged_and_foreign_files_are_named(source, tmp_path):
    whole = source.read_bytes()
    for content, message in (
        (whole[: len(whole) // 2], "damaged or incomplete"),
        (b"", "it is empty"),
        (bytes(100), "starts with zeros"),
        (b"gene,cell\n1,2\n", "no .h5ad file"),
    ):
        path = tmp_path / "x.h5ad"
        path.write_bytes(content)
        with pytest.raises(ValueError, match=message):
            read_cells(path)
    with pytest.raises(FileNotFoundError, match="No file at"):
        read_cells(tmp_path / "none.h5ad")


def test_a_flipped_byte_gives_an_error_or_cells_and_never_a_crash(source, tmp_path):
    whole = bytearray(source.read_bytes())
    rng = np.random.default_rng(0)
    path = tmp_path / "x.h5ad"
    for at in rng.integers(8, len(whole), 25):
        changed = whole.copy()
        changed[at] ^= 0xFF
        path.write_bytes(changed)
        try:
            read_cells(path)
        except ValueError as error:
            assert "damaged" in str(error) or "format" in str(error)  # noqa: PT017


def test_newer_text_columns_become_plain(cells, tmp_path):
    cells.obs["note"] = pd.array([f"note {i}" for i in range(60)], dtype="string")
    cells.obs["kind"] = pd.Categorical(pd.array(["x", "y"] * 30, dtype="string"))
    cells.obs_names = cells.obs_names.astype("string")
    with ad.settings.override(allow_write_nullable_strings=True):
        cells.write_h5ad(tmp_path / "new.h5ad")
    back = read_cells(tmp_path / "new.h5ad")
    assert back.obs["note"].dtype == object
    assert back.obs["kind"].cat.categories.dtype == object
    assert back.obs_names.dtype == object
    back.write_h5ad(tmp_path / "again.h5ad")


# Tables


def test_csv_is_harmless_in_a_spreadsheet_and_numbers_stay_numbers(tmp_path):
    evil = ["=cmd()", "+1", "-1", "@x", "\tx", "fine"]
    table = pd.DataFrame({"text": evil, "=name": [-1.5, 2, 3, 4, 5, 6]}, index=pd.Index(evil, name="id"))
    write_csv(table, tmp_path / "t.csv")
    back = pd.read_csv(tmp_path / "t.csv", dtype={"text": str, "id": str})
    assert back["text"].tolist() == ["'=cmd()", "'+1", "'-1", "'@x", "'\tx", "fine"]
    assert back["id"].tolist() == back["text"].tolist()
    assert back["'=name"].tolist() == [-1.5, 2, 3, 4, 5, 6]
    assert table["text"].tolist() == evil


# What a file offers


def test_inspection_of_good_cells(cells):
    found = inspect_cells(cells)
    assert not found.errors
    assert any("--time-key day" in fact for fact in in_words(cells, found))
    assert any("regulators: 4" in fact for fact in found.facts)


def test_inspection_names_what_is_wrong_and_the_call_that_fixes_it(cells):
    cells.layers["counts"] = cells.layers["counts"] * 0.5
    cells.layers["raw"] = cells.X.copy()
    cells.X = cells.X * 0.5
    cells.obs_names = ["twin", "twin", *cells.obs_names[2:]]
    del cells.obs["day"]
    found = {str(finding): finding for finding in inspect_cells(cells).errors}
    assert len(found) == 3
    assert any("adata.obs_names_make_unique()" in text for text in found)
    counts = next(finding for text, finding in found.items() if "integer counts in `adata.layers['counts']`" in text)
    assert (counts.fix, counts.option) == ("layer='raw'", "--layer raw")
    assert any("direction of development" in text for text in found)


def test_inspection_of_nothing():
    assert inspect_cells(ad.AnnData(np.zeros((0, 0)))).errors


def test_a_run_has_ten_latent_models_by_default_and_fewer_for_many_cells(monkeypatch):
    monkeypatch.setattr("landscape._run.plan.LATENT_MODELS", LATENT_MODELS)
    assert [default_latent_models(n) for n in (100, 20_000, 20_001, 100_000, 100_001)] == [10, 10, 5, 5, 3]

"""A source of direction is one record: a new one needs a line in the table and nothing else."""

from __future__ import annotations

import importlib.util
import inspect
import subprocess
import sys
from dataclasses import fields

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from typer.testing import CliRunner

import landscape as ls
from landscape import cli
from landscape._directions import StoredCells, StoredData, offers
from landscape._run.direction import describe
from landscape._run.inspection import in_words, inspect_cells
from landscape._run.plan import settle
from landscape._run.settings import from_mapping, read_config
from landscape.directions import SOURCES, Cells, Data, Direction, Option, Source
from landscape.markov import neighbor_graph
from landscape.markov.directed import directed_by_order
from landscape.tl._direction import directed_by


def from_labelling(key: str) -> Direction:
    return Direction("labelling", key, "C")


def require(data, direction):
    data.column(direction.key, hint="pass the column with the share of labelled RNA")


def read(cells, direction):
    share = cells.column(direction.key, hint="").to_numpy(dtype=float)
    return directed_by_order(cells.graph, cells.states, -share)


LABELLING = Source(
    name="labelling",
    grade="C",
    describe=lambda direction: f"labelled RNA in obs[{direction.key!r}]",
    require=require,
    read=read,
    detect=lambda data: [from_labelling(name) for name in data.columns if name == "labelled"],
    sought="obs['labelled']",
    options=(Option("label_share", "Direction: obs column with the share of labelled RNA.", from_labelling),),
)


def choose(adata, settings):
    return settle(adata, settings).directions


@pytest.fixture
def table(monkeypatch):
    monkeypatch.setitem(SOURCES, LABELLING.name, LABELLING)


@pytest.fixture
def adata():
    along = np.linspace(0, 1, 60)
    counts = np.random.default_rng(0).poisson(90.0, (60, 5)).astype(np.float32)
    obs = pd.DataFrame({"labelled": 1 - along, "group": "a"}, index=[f"cell{i}" for i in range(60)])
    adata = AnnData(counts, obs=obs, layers={"counts": counts.copy()}, obsm={"X_pca": along[:, None]})
    adata.var["regulator"] = True
    return adata


def evaluated(adata, direction):
    z = adata.obsm["X_pca"]
    cells = StoredCells(adata, z, z, neighbor_graph(z, n_neighbors=10), "counts", np.random.default_rng(0))
    return directed_by(cells, direction)


def test_a_new_source_is_offered_and_described(table, adata):
    assert offers(adata) == [from_labelling("labelled")]
    assert describe(from_labelling("labelled")) == "labelled RNA in obs['labelled']"
    facts = in_words(adata, inspect_cells(adata))
    assert "direction: labelled RNA in obs['labelled'] (grade C; --label-share labelled)" in facts
    with pytest.raises(ValueError, match=r"Looked for .*obs\['labelled'\].*--label-share"):
        choose(_without(adata), from_mapping({}))


def _without(adata):
    bare = adata.copy()
    del bare.obs["labelled"]
    return bare


def test_a_new_source_is_selected_by_settings_files_and_the_command_line(table, adata, tmp_path):
    (tmp_path / "c.yaml").write_text("label_share: labelled\n")
    settings = from_mapping(read_config(tmp_path / "c.yaml"))
    assert choose(adata, settings) == (from_labelling("labelled"),)
    with pytest.raises(ValueError, match="`label_share` to be text, found 3"):
        from_mapping({"label_share": 3})
    with pytest.raises(ValueError, match="did you mean 'label_share'"):
        from_mapping({"label_shar": "x"})
    help_text = CliRunner().invoke(_command_line().app, ["run", "--help"]).output
    assert "--label-share" in help_text
    assert "--label-share" not in CliRunner().invoke(cli.app, ["run", "--help"]).output


def _command_line():
    """The command line as a process that has the new source in its table sees it."""
    spec = importlib.util.spec_from_file_location("command_line_with_labelling", cli.__file__)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_new_source_is_checked_and_read(table, adata):
    found, conflict = evaluated(adata, from_labelling("labelled"))
    np.testing.assert_array_equal(found.start, np.arange(20))
    # The chain of cells away from both ends moves to those with a smaller share of labelled RNA.
    along = adata.obsm["X_pca"][:, 0]
    assert (found.transitions @ along > along)[10:50].all()
    assert conflict == 0
    both = from_labelling("labelled") + ls.dynamics.from_root("cell0")
    assert evaluated(adata, both)[1] < 0.5
    with pytest.raises(KeyError, match="share of labelled RNA"):
        evaluated(adata, from_labelling("nothing"))
    with pytest.raises(KeyError, match="share of labelled RNA"):
        choose(adata, from_mapping({"label_share": "nothing"}))


@pytest.mark.parametrize("name", SOURCES)
def test_every_record_is_whole(name):
    source = SOURCES[name]
    assert source.name == name
    assert source.grade in ls.dynamics.GRADES
    assert f"from_{name}" in ls.dynamics.__all__
    made = [option.make(("A", "B") if option.many else "key") for option in source.options]
    assert all((direction.source, direction.grade) == (name, source.grade) for direction in made)
    assert all(describe(direction) for direction in made)


def test_no_two_options_have_one_name():
    names = [option.field for source in SOURCES.values() for option in source.options]
    taken = {field.name for field in fields(from_mapping({}))}
    assert len(set(names)) == len(names)
    assert taken.isdisjoint(names)


@pytest.mark.parametrize(("protocol", "reader"), [(Data, StoredData), (Cells, StoredCells)])
def test_the_reader_has_all_that_a_source_may_ask(protocol, reader):
    asked = {name for base in protocol.__mro__ for name in vars(base) if not name.startswith("_")}
    held = set(dir(reader)) | {field.name for field in fields(reader)}
    assert asked
    assert asked <= held
    for name in asked:
        if inspect.isfunction(getattr(protocol, name)):
            assert inspect.signature(getattr(protocol, name)) == inspect.signature(getattr(reader, name))


def test_the_table_loads_nothing_heavy():
    code = (
        "import sys, landscape.directions\n"
        "heavy = {'numpy', 'scipy', 'pandas', 'torch', 'anndata'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import anndata as ad
import numpy as np
import pytest

from landscape import _files

DISK_FULL = "disk full"


def test_a_failing_writer_leaves_the_old_file_and_no_rubbish(tmp_path):
    target = _files.write_text(tmp_path / "a.txt", "old")

    def half(path: Path) -> None:
        path.write_text("ha")
        raise OSError(DISK_FULL)

    with pytest.raises(OSError, match=DISK_FULL):
        _files.write_atomic(target, half)

    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_files_follow_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        target = _files.write_text(tmp_path / "a.txt", "x")
    finally:
        os.umask(before)
    assert target.stat().st_mode & 0o777 == 0o640


def test_a_folder_is_no_file_path(tmp_path):
    with pytest.raises(IsADirectoryError, match="name a file in it"):
        _files.write_text(tmp_path, "x")


def test_json_refuses_not_a_number(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        _files.write_json(tmp_path / "a.json", {"x": float("nan")})
    assert not list(tmp_path.iterdir())


@pytest.mark.filterwarnings("ignore:Writing zarr v2 data")
def test_a_folder_is_replaced_as_a_whole(tmp_path):
    target = tmp_path / "store.zarr"
    first, second = ad.AnnData(np.eye(3), layers={"only_first": np.eye(3)}), ad.AnnData(2 * np.eye(3))
    _files.write_folder(target, first.write_zarr)
    _files.write_folder(target, second.write_zarr)

    assert "only_first" not in ad.read_zarr(target).layers
    np.testing.assert_array_equal(ad.read_zarr(target).X, second.X)
    assert _files.damaged_files(target) == []


def test_a_failing_folder_writer_keeps_the_old_folder(tmp_path):
    target = _files.write_folder(tmp_path / "m", lambda p: (p.mkdir(), (p / "a").write_text("old")))

    def half(path: Path) -> None:
        path.mkdir()
        (path / "a").write_text("ha")
        raise OSError(DISK_FULL)

    with pytest.raises(OSError, match=DISK_FULL):
        _files.write_folder(target, half)
    assert (target / "a").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["m"]


def test_damage_in_a_folder_is_found(tmp_path):
    def write(path: Path) -> None:
        path.mkdir()
        for name in "abc":
            (path / name).write_text(name)

    target = _files.write_folder(tmp_path / "m", write)
    (target / "a").write_text("changed")
    (target / "b").unlink()
    assert _files.damaged_files(target) == ["a", "b"]
    assert _files.damaged_files(tmp_path) == ["landscape_files.json"]


def test_digest_does_not_depend_on_the_order_of_keys():
    assert _files.digest_of({"a": 1, "b": [2]}) == _files.digest_of({"b": [2], "a": 1})
    assert _files.digest_of({"a": 1}) != _files.digest_of({"a": 2})


def test_sweep_removes_only_temporaries(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / ".~x-1.h5ad").write_text("")
    (tmp_path / ".~folder").mkdir()
    (tmp_path / ".~folder" / ".~inner").write_text("")
    (tmp_path / ".stages").write_text("")
    _files.sweep(tmp_path)
    assert sorted(p.name for p in tmp_path.rglob("*")) == [".stages", "deep"]


def test_a_lock_is_exclusive_and_released(tmp_path):
    path = tmp_path / ".lock"
    with _files.lock(path):
        with pytest.raises(BlockingIOError, match=f"in use by process {os.getpid()} on"), _files.lock(path):
            pass
        assert path.exists()
    assert not path.exists()
    with pytest.raises(KeyboardInterrupt), _files.lock(path):
        raise KeyboardInterrupt
    assert not path.exists()


def test_the_lock_of_a_killed_process_is_taken_over(tmp_path):
    path = tmp_path / ".lock"
    code = f"from landscape._files import lock\nwith lock({str(path)!r}):\n    input()"  # until the pipe is closed
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as process:
        while not (path.exists() and path.stat().st_size) and process.poll() is None:
            time.sleep(0.02)
        with pytest.raises(BlockingIOError, match=str(process.pid)), _files.lock(path):
            pass
        process.send_signal(signal.SIGKILL)
    with _files.lock(path):
        assert json.loads(path.read_text())["pid"] == os.getpid()


@pytest.mark.parametrize(
    ("change", "blocks"),
    [({"host": "elsewhere"}, True), ({"born": "0"}, False), ({"born": None}, True)],
    ids=["another host", "number reused by another process", "start time unknown"],
)
def test_staleness(tmp_path, change, blocks):
    path = tmp_path / ".lock"
    with _files.lock(path):
        record = json.loads(path.read_text())
    path.write_text(json.dumps({**record, **change}))
    if blocks:
        with pytest.raises(BlockingIOError, match="delete .lock"), _files.lock(path):
            pass
    else:
        with _files.lock(path):
            pass


def test_an_old_empty_lock_is_stale_and_a_new_one_is_not(tmp_path):
    path = tmp_path / ".lock"
    path.touch()
    with pytest.raises(BlockingIOError, match="another process"), _files.lock(path):
        pass
    os.utime(path, (0, 0))
    with _files.lock(path):
        pass

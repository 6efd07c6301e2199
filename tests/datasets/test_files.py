from __future__ import annotations

import hashlib
from dataclasses import replace

import pooch
import pytest
import requests

from landscape.datasets import _files, data_dir
from landscape.datasets._registry import entries, entry, table


@pytest.fixture
def record(tmp_path, monkeypatch):
    """Entry of a small file, which lies in a data folder of its own."""
    folder = tmp_path / "data"
    (folder / "real").mkdir(parents=True)
    (folder / "real" / "a.txt").write_text("content")
    monkeypatch.setenv("LANDSCAPE_DATA_DIR", str(folder))
    digest = hashlib.sha256(b"content").hexdigest()
    return replace(entry("paul15"), name="a", file="real/a.txt", sha256=digest)


def test_every_entry_is_complete():
    assert len(entries()) == len(table())
    for found in entries().values():
        assert found.url.startswith("https://"), found.name
        assert len(found.sha256) == 64, found.name
        assert found.citation, found.name
        assert found.licence, found.name
        assert "/" in found.file, found.name


def test_files_at_hand_have_the_stated_checksum(data_dir):
    checked = [e.name for e in entries().values() if (data_dir / e.file).is_file() and _files.fetch(e)]
    assert len(checked) >= 20


def test_the_folder_is_looked_at_first_in_both_places(record):
    path = _files.fetch(record)
    assert path.read_text() == "content"
    path.rename(path.parents[1] / "a.txt")
    assert _files.fetch(record).read_text() == "content"


def test_another_content_is_refused(record):
    _files.fetch(record).write_text("other")
    with pytest.raises(ValueError, match=r"a.txt is damaged or another version: expected SHA-256"):
        _files.fetch(record)


def test_unknown_checksum_names_the_source(record, monkeypatch):
    _files.fetch(record).unlink()
    with pytest.raises(FileNotFoundError, match=r"put it into .*not downloaded.*https://exampledata.*Paul F"):
        _files.fetch(record)
    monkeypatch.delenv("LANDSCAPE_DATA_DIR")
    with pytest.raises(FileNotFoundError, match="set LANDSCAPE_DATA_DIR to a folder that holds it"):
        _files.fetch(record)


def test_known_checksum_is_downloaded_once_and_checked(record, monkeypatch, tmp_path):
    monkeypatch.delenv("LANDSCAPE_DATA_DIR")
    calls = []

    def retrieve(url, known_hash, path, progressbar):
        calls.append((url, known_hash))
        return str(tmp_path / "data" / "real" / "a.txt")

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    record = replace(record, url_sha256="ab" * 32)
    assert _files.fetch(record).read_text() == "content"
    assert calls == [(record.url, "sha256:" + "ab" * 32)]


def test_without_network_the_message_says_what_to_do(record, monkeypatch):
    def retrieve(*_, **__):
        raise requests.ConnectionError

    monkeypatch.delenv("LANDSCAPE_DATA_DIR")
    monkeypatch.setattr(pooch, "retrieve", retrieve)
    with pytest.raises(ConnectionError, match=r"https://.* could not be downloaded \(ConnectionError\); set LANDSCAPE"):
        _files.fetch(replace(record, url_sha256="ab" * 32))


def test_data_dir(monkeypatch, tmp_path):
    monkeypatch.setenv("LANDSCAPE_DATA_DIR", str(tmp_path))
    assert data_dir() == tmp_path
    monkeypatch.setenv("LANDSCAPE_DATA_DIR", str(tmp_path / "none"))
    with pytest.raises(FileNotFoundError, match="which is no folder; set it to the folder"):
        data_dir()
    monkeypatch.setenv("LANDSCAPE_DATA_DIR", "")
    assert data_dir() is None

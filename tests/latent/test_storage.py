from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from landscape.latent import LatentModel, storage


@pytest.fixture
def folder(trained, tmp_path) -> Path:
    trained.save(tmp_path / "model")
    return tmp_path / "model"


def weights_file(folder: Path) -> Path:
    (file,) = folder.glob("weights-*.safetensors")
    return file


def test_a_loaded_model_is_the_same(trained, adata, folder):
    assert sorted(p.name for p in folder.iterdir()) == sorted(["model.json", weights_file(folder).name])
    loaded = LatentModel.load(folder, adata)
    for name, value in trained.module.state_dict().items():
        assert torch.equal(value, loaded.module.state_dict()[name]), name
    np.testing.assert_array_equal(loaded.get_latent_representation(), trained.get_latent_representation())
    assert loaded.history.equals(trained.history)
    assert (loaded.genes, loaded.batches) == (trained.genes, trained.batches)
    assert loaded.architecture == trained.architecture
    assert repr(loaded) == repr(trained)


def test_a_loaded_model_trains_again_to_the_same_result(trained, adata, folder):
    loaded = LatentModel.load(folder, adata)
    loaded.train(max_epochs=60, batch_size=32, learning_rate=5e-3, patience=20)
    np.testing.assert_array_equal(loaded.get_latent_representation(), trained.get_latent_representation())


def test_without_cells_it_asks_for_them(adata, folder, trained):
    loaded = LatentModel.load(folder)
    with pytest.raises(ValueError, match="loaded without cells; pass `adata=`"):
        loaded.get_latent_representation()
    np.testing.assert_array_equal(loaded.get_latent_representation(adata), trained.get_latent_representation())


def test_flipped_bits_are_noticed(folder):
    file = weights_file(folder)
    content = bytearray(file.read_bytes())
    content[-3] ^= 1
    file.write_bytes(content)
    with pytest.raises(ValueError, match="is damaged or was changed: expected SHA-256"):
        LatentModel.load(folder)


@pytest.mark.parametrize("length", [0, 5, 200])
def test_truncated_weights_are_noticed(folder, length):
    file = weights_file(folder)
    file.write_bytes(file.read_bytes()[:length])
    with pytest.raises(ValueError, match="is damaged or was changed"):
        LatentModel.load(folder)


def test_a_changed_header_is_noticed(folder):
    path = folder / "model.json"
    header = json.loads(path.read_text())
    header["vocabulary"]["genes"][0] = "other"
    path.write_text(json.dumps(header))
    with pytest.raises(ValueError, match=r"model.json is damaged or was changed: its content"):
        LatentModel.load(folder)


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", '"text"', '{"schema": "landscape.latent/99"}', "\x80\x81"])
def test_foreign_headers_are_refused(folder, text):
    (folder / "model.json").write_text(text, encoding="latin-1")
    with pytest.raises(ValueError, match=r"is damaged: it is no JSON|expected schema 'landscape.latent/3', found"):
        LatentModel.load(folder)


def resign(folder: Path, **changes) -> None:
    """Change the header as somebody would who knows how the checksum is made."""
    path = folder / "model.json"
    header = {**json.loads(path.read_text()), **changes}
    header.pop("checksum")
    path.write_text(json.dumps({**header, "checksum": storage.checksum_of(header)}))


def test_a_pickle_is_never_read(folder, tmp_path):
    marker = tmp_path / "executed"

    class Payload:
        def __reduce__(self):
            return os.system, (f"touch {marker}",)

    torch.save({"a": Payload()}, folder / "weights-evil.safetensors")
    digest = storage.sha256(folder / "weights-evil.safetensors")
    resign(folder, weights={"file": "weights-evil.safetensors", "sha256": digest})
    with pytest.raises(ValueError, match="is no safetensors file"):
        LatentModel.load(folder)
    assert not marker.exists()


def test_weights_outside_the_folder_are_not_read(folder, tmp_path):
    weights_file(folder).rename(tmp_path / "elsewhere.safetensors")
    resign(folder, weights={"file": "../elsewhere.safetensors", "sha256": "0"})
    with pytest.raises(FileNotFoundError, match=r"elsewhere.safetensors is missing; save the model again"):
        LatentModel.load(folder)


def test_weights_of_another_architecture_are_refused(folder):
    header = json.loads((folder / "model.json").read_text())
    resign(folder, architecture={**header["architecture"], "n_latent": 4})
    with pytest.raises(ValueError, match="do not fit the architecture that it states"):
        LatentModel.load(folder)
    resign(folder, architecture={**header["architecture"], "n_heads": 4})
    with pytest.raises(ValueError, match=r"states no model of this version \(TypeError"):
        LatentModel.load(folder)


def test_missing_and_foreign_folders(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"No model in .*: model.json is missing"):
        LatentModel.load(tmp_path / "nothing")
    (tmp_path / "model.pt").touch()
    with pytest.raises(FileNotFoundError, match=r"LatentModel.from_scvi"):
        LatentModel.load(tmp_path)


def test_nothing_is_overwritten_unasked(trained, folder, tmp_path):
    with pytest.raises(FileExistsError, match="is not empty; pass `overwrite=True`"):
        trained.save(folder)
    trained.save(folder, overwrite=True)
    LatentModel.load(folder)
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("precious")
    with pytest.raises(FileExistsError, match="holds files but no model"):
        trained.save(other, overwrite=True)
    with pytest.raises(FileExistsError, match="found a file; choose another path"):
        trained.save(other / "thesis.txt", overwrite=True)
    assert (other / "thesis.txt").read_text() == "precious"


def test_a_failing_save_leaves_the_old_model(trained, folder, monkeypatch, adata):
    before = trained.get_latent_representation()

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(storage, "write_json", fail)
    other = LatentModel(adata, n_latent=3, n_hidden=16, rng=1)
    with pytest.raises(OSError, match="disk full"):
        other.save(folder, overwrite=True)
    np.testing.assert_array_equal(LatentModel.load(folder, adata).get_latent_representation(), before)


@pytest.mark.slow
def test_a_killed_save_leaves_a_whole_model(trained, adata, folder):
    """Saves two models in turn until it is killed; what is left is one of the two."""
    script = (
        "import sys; from landscape.latent import LatentModel\n"
        "a = LatentModel.load(sys.argv[1]); print('ready', flush=True)\n"
        "while True: a.save(sys.argv[2], overwrite=True)"
    )
    target = folder.parent / "target"
    for delay in np.linspace(0.05, 0.5, 3):
        child = subprocess.Popen([sys.executable, "-c", script, folder, target], stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        try:
            child.wait(timeout=delay)
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
            child.wait()
        child.stdout.close()
        if (target / "model.json").exists():
            loaded = LatentModel.load(target, adata)
            np.testing.assert_array_equal(loaded.get_latent_representation(), trained.get_latent_representation())

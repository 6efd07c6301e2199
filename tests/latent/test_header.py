"""Headers that somebody wrote who knows how the checksum is made: nothing is built from what they state."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from landscape.latent import LatentModel, storage
from landscape.latent.header import Header


@pytest.fixture
def folder(trained, tmp_path):
    trained.save(tmp_path / "model")
    return tmp_path / "model"


def forge(folder, path, value):
    """Change one entry of the header, and state a checksum that fits."""
    file = folder / "model.json"
    header = json.loads(file.read_text())
    header.pop("checksum")
    *parents, last = path
    place = header
    for name in parents:
        place = place[name]
    place[last] = value
    file.write_text(json.dumps({**header, "checksum": storage.checksum_of(header)}))


def test_a_header_is_read_as_it_was_written(folder, trained):
    content = storage.load(folder).header
    header = Header.from_dict(content, folder)
    assert json.loads(json.dumps(header.to_dict())) == {name: content[name] for name in header.to_dict()}
    assert header.architecture == trained.architecture


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("kind",), None, "`kind` is None"),
        (("architecture",), [1], "TypeError"),
        (("architecture", "n_levels"), "ab", "invalid literal"),
        (("architecture", "n_levels"), [10**9], r"`n_levels` is \(1000000000,\), but \(\) are named"),
        (("architecture", "n_genes"), 10**7, "`n_genes` is 10000000, but 30 are named"),
        (("vocabulary", "genes"), 3, "`genes` are no names"),
        (("vocabulary", "genes"), ["gene0"] * 30, "`genes` has a name twice"),
        (("vocabulary", "genes"), [f"gene{i}" for i in range(29)], "`n_genes` is 30, but 29 are named"),
        (("vocabulary", "batches"), [], "`n_batches` is 1, but 0 are named"),
        (("vocabulary", "center"), [1.0], "`n_continuous` is 0, but 1 are named"),
        (("vocabulary", "scale"), [0.0], "`center` or `scale` is none"),
        (("keys",), None, "TypeError"),
        (("keys", "layer"), 3, "`keys` are no names"),
        (("keys", "categorical"), ["kind"], "`categorical` is 0, but 1 are named"),
        (("seed",), "abc", "`seed` is no seed"),
        (("seed",), -3, "`seed` is no seed"),
        (("is_trained",), "maybe", "`is_trained` is neither"),
        (("history",), 3, "not iterable"),
        (("history", 0), {"epoch": 1}, "missing 8 required"),
        (("history", 0, "elbo_train"), "x", "`history` holds no numbers"),
    ],
)
def test_what_does_not_fit_is_refused(folder, path, value, message):
    forge(folder, path, value)
    with pytest.raises(ValueError, match=rf"(?s)states no model of this version \(.*{message}"):
        LatentModel.load(folder)


@pytest.mark.parametrize("weights", [None, [1], {}, {"file": 3, "sha256": "0"}])
def test_weights_must_be_named(folder, weights):
    forge(folder, ("weights",), weights)
    with pytest.raises(ValueError, match="names no file of weights"):
        LatentModel.load(folder)


@pytest.mark.parametrize(
    ("name", "value"), [("n_hidden", 10**7), ("n_hidden", 400), ("n_latent", 300), ("n_layers", 10**6)]
)
def test_nothing_is_built_of_what_a_header_states(folder, monkeypatch, name, value):
    """A file of some kilobytes could ask for any amount of memory."""
    forge(folder, ("architecture", name), value)
    monkeypatch.setattr(LatentModel, "_assemble", lambda *_, **__: pytest.fail("built"))
    with pytest.raises(ValueError, match="do not fit the architecture that it states"):
        LatentModel.load(folder)


def test_weights_that_are_not_finite_are_refused(folder):
    (file,) = folder.glob("weights-*.safetensors")
    weights = load_file(file)
    weights["px_r"][0] = torch.nan
    save_file(weights, file)
    forge(folder, ("weights", "sha256"), storage.sha256(file))
    with pytest.raises(ValueError, match=r"are not finite: \['px_r'\]"):
        LatentModel.load(folder)


def test_nesting_without_end_is_refused(folder):
    (folder / "model.json").write_text("[" * 100_000)
    with pytest.raises(ValueError, match="is damaged: it is no JSON"):
        LatentModel.load(folder)


def test_another_version_is_distinguished_from_damage(folder):
    forge(folder, ("schema",), "landscape.latent/1")
    with pytest.raises(storage.OtherVersionError, match=r"found 'landscape.latent/1'; train the model again"):
        LatentModel.load(folder)

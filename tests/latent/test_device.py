"""The fit and every method run where the model is, shown without a GPU.

``Elsewhere`` is a tensor whose device is not the processor's, though its numbers are. Whatever brings it together with a
tensor of the processor is refused, as a GPU would; only copies go from one to the other.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scvi.model
import scvi.module
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from landscape.latent import LatentModel
from landscape.latent.randomness import forked_rng

WHERE = torch.device("meta")
COPIES = ("aten::_to_copy", "aten::copy_")


class Elsewhere(torch.Tensor):
    """A tensor on another device."""

    @staticmethod
    def __new__(cls, inner: torch.Tensor) -> Elsewhere:
        return torch.Tensor._make_wrapper_subclass(
            cls, inner.shape, strides=inner.stride(), dtype=inner.dtype, device=WHERE, requires_grad=inner.requires_grad
        )

    def __init__(self, inner: torch.Tensor) -> None:
        self.held = inner.detach()

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # type: ignore[override]
        return call(func, args, kwargs or {})


def _set_data(tensor: Elsewhere, value: Elsewhere) -> None:
    tensor.held = value.held
    vars(torch._C.TensorBase)["data"].__set__(tensor, value)


# An assignment to `data` exchanges what is below the tensor; what it holds must follow.
Elsewhere.data = property(lambda tensor: Elsewhere(tensor.held), _set_data)  # type: ignore[assignment,method-assign]


class Device(TorchDispatchMode):
    """Inside, the device is there."""

    def __torch_dispatch__(self, operation: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        return call(operation, args, kwargs or {})


def call(operation: Any, args: tuple, kwargs: dict) -> Any:
    name, target = operation.name(), kwargs.get("device")
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
    there = any(isinstance(tensor, Elsewhere) for tensor in tensors)
    here = any(not isinstance(tensor, Elsewhere) and tensor.ndim for tensor in tensors)
    if there and here and name not in COPIES:
        raise RuntimeError(f"{name}: tensors on two devices")
    args, kwargs = tree_map(lambda leaf: leaf.held if isinstance(leaf, Elsewhere) else leaf, (args, kwargs))
    original = tensors[0] if tensors else None
    if target is not None:
        kwargs["device"] = torch.device("cpu")
        there = torch.device(target) == WHERE
    result = operation(*args, **kwargs)
    if any(value.alias_info is not None and value.alias_info.is_write for value in operation._schema.returns):
        return original  # in place
    return tree_map(lambda leaf: Elsewhere(leaf) if there and isinstance(leaf, torch.Tensor) else leaf, result)


@pytest.fixture
def plain_adam(monkeypatch):
    """Adam in one pass exists for known devices only."""
    adam = torch.optim.Adam

    class Plain(adam):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **{**kwargs, "fused": False})

    monkeypatch.setattr(torch.optim, "Adam", Plain)


def test_two_devices_do_not_mix():
    with Device():
        there = torch.from_numpy(np.arange(3.0)).to(WHERE)
        assert (there * 2).cpu().tolist() == [0, 2, 4]
        with pytest.raises(RuntimeError, match="tensors on two devices"):
            there + torch.ones(3)


@pytest.mark.usefixtures("plain_adam")
@pytest.mark.filterwarnings("ignore:.*copying from a non-meta parameter")  # it is copied, for it holds numbers
@pytest.mark.parametrize(("likelihood", "dispersion"), [("nb", "gene-batch"), ("zinb", "gene"), ("poisson", "gene")])
def test_everything_runs_where_the_model_is(adata, tmp_path, likelihood, dispersion):
    adata.obs["depth"] = np.linspace(0, 1, adata.n_obs)
    options = {
        "batch_key": "batch",
        "categorical_covariates": ["kind"],
        "continuous_covariates": ["depth"],
        "n_latent": 3,
        "n_hidden": 16,
        "dropout_rate": 0.0,  # draws other numbers there
        "gene_likelihood": likelihood,
        "dispersion": dispersion,
    }
    schedule = {"max_epochs": 4, "batch_size": 32, "warmup_epochs": 2, "precision": "float32"}
    here = LatentModel(adata, device="cpu", **options)
    here.train(**schedule)
    with Device():
        there = LatentModel(adata, device="meta", **options)
        there.train(checkpoint=tmp_path / "state", checkpoint_every=2, **schedule)
        assert all(isinstance(weight, Elsewhere) for weight in there.module.parameters())
        latent = there.get_latent_representation()
        results = [
            there.get_latent_deviation(),
            there.get_normalized_expression(return_numpy=True),
            there.get_normalized_expression(n_samples=2, return_numpy=True),
            there.get_expression_deviation(n_samples=2).to_numpy(),
            there.sample_expression(n_samples=2),
            there.posterior_predictive_check(n_cells=20).genes.to_numpy(),
            there.get_log_volume_element(),
            there.get_tangency(np.ones((adata.n_obs, 5)), genes=there.genes[:5]),
            there.interpolate(latent[0], latent[1]).expression,
        ]
        there.save(tmp_path / "model")
        loaded = LatentModel.load(tmp_path / "model", adata, device="meta")
        np.testing.assert_array_equal(loaded.get_latent_representation(), latent)
        resumed = LatentModel(adata, device="meta", **options)
        resumed.train(checkpoint=tmp_path / "state", checkpoint_every=2, **schedule)
        np.testing.assert_array_equal(resumed.get_latent_representation(), latent)
        assert there.to_scvi().is_trained
    # float32 sums in another order over eight steps
    np.testing.assert_allclose(latent, here.get_latent_representation(), rtol=1e-3, atol=1e-4)
    assert all(np.isfinite(result).all() for result in results)


@pytest.mark.parametrize("device", ["gpu", "cuda:77", 3.5])
def test_a_device_that_is_not_there(adata, device):
    with pytest.raises(ValueError, match=r"Expected `device` to be 'cpu'|Expected a GPU for `device='cuda:77'`, found"):
        LatentModel(adata, device=device)


def test_only_generators_that_are_restored_are_seeded(monkeypatch):
    """``torch.manual_seed`` would seed those of every GPU."""
    monkeypatch.setattr(torch.cuda, "manual_seed_all", lambda _: pytest.fail("seeded every GPU"))
    with forked_rng(1):
        assert torch.initial_seed() == 1


# imported before torch's Adam is replaced, for their annotations name it
assert scvi.model.SCVI is not None
assert scvi.module.VAE is not None

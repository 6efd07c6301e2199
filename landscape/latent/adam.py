"""The optimiser of the fit, and its state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch

from landscape.latent import ranks

if TYPE_CHECKING:
    from scvi.module import VAE


class Adam:
    """Adam on the module's weights, with the encoder's first layer laid out by gene in memory.

    Rows of that layer are then summed over the genes of a cell without a copy, and Adam runs over one piece of memory.
    """

    def __init__(self, module: VAE, *, learning_rate: float, weight_decay: float) -> None:
        self._weight = module.z_encoder.encoder.fc_layers[0][0].weight
        by_gene = self._weight.data.T.contiguous()
        self._weight.data = by_gene.T
        self._by_gene = torch.nn.Parameter(by_gene)
        self._module = module
        self.parameters = [self._by_gene if p is self._weight else p for p in module.parameters()]
        self.state = torch.optim.Adam(
            self.parameters,
            lr=learning_rate,
            eps=0.01,
            weight_decay=weight_decay,
            fused=True,
        )

    def step(self) -> None:
        """One step from the gradients of the module, which are then dropped."""
        self._by_gene.grad = self._weight.grad.T
        ranks.add_gradients(self.parameters)
        self.state.step()
        self.state.zero_grad(set_to_none=True)
        self._weight.grad = None

    def tensors(self) -> dict[str, torch.Tensor]:
        """Moments and number of steps, by number and name."""
        state = self.state.state_dict()["state"]
        return {f"{index}.{name}": value for index, own in state.items() for name, value in own.items()}

    def load(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Inverse of :meth:`tensors`."""
        state: dict[int, dict[str, torch.Tensor]] = {}
        for key, value in tensors.items():
            index, _, name = key.partition(".")
            state.setdefault(int(index), {})[name] = value
        self.state.load_state_dict({**self.state.state_dict(), "state": state})

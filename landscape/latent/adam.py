"""The optimiser of the fit, and its state."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from landscape.latent import ranks


class Adam:
    """Adam on a module's weights, with those of its first layer, ``first``, laid out by gene in memory.

    Rows of that layer are then summed over the genes of a cell without a copy, and Adam runs over one piece of memory.
    """

    def __init__(
        self, module: torch.nn.Module, first: torch.nn.Parameter, *, learning_rate: float, weight_decay: float
    ) -> None:
        self._weight = first
        by_gene = self._weight.data.T.contiguous()
        self._weight.data = by_gene.T
        self._by_gene = torch.nn.Parameter(by_gene)
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
        if self._weight.grad is not None:
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

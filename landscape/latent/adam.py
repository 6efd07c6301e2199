"""The optimiser of the fit, and its state."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from landscape.latent import distributed

# As in scvi-tools; much larger than torch's 1e-8, it damps the steps of genes whose gradients are tiny.
EPSILON = 0.01


class Adam:
    """Adam on the weights of a module, with one layer stored by gene in memory.

    The rows of that layer are then summed over the genes of a cell without a copy, and Adam runs over contiguous memory.

    Parameters
    ----------
    module
        Module whose weights are fitted in place.
    first
        Weight of its first layer, shape ``(n_hidden, n_genes)``.
    learning_rate, weight_decay
        Of Adam.
    """

    def __init__(
        self, module: torch.nn.Module, first: torch.nn.Parameter, *, learning_rate: float, weight_decay: float
    ) -> None:
        self._weight = first
        by_gene = self._weight.data.T.contiguous()
        self._weight.data = by_gene.T
        self._by_gene = torch.nn.Parameter(by_gene)
        self._parameters = [self._by_gene if p is self._weight else p for p in module.parameters()]
        self._adam = torch.optim.Adam(
            self._parameters,
            lr=learning_rate,
            eps=EPSILON,
            weight_decay=weight_decay,
            fused=True,
        )

    def step(self) -> None:
        """Take one step along the gradients of the module, and reset them."""
        if self._weight.grad is not None:
            self._by_gene.grad = self._weight.grad.T
        distributed.sum_gradients(self._parameters)
        self._adam.step()
        self._adam.zero_grad(set_to_none=True)
        self._weight.grad = None

    def state_dict(self) -> dict[str, torch.Tensor]:
        """Moments and number of steps.

        Returns
        -------
        Tensors, named by number of the parameter and name of the moment.
        """
        state = self._adam.state_dict()["state"]
        return {f"{index}.{name}": value for index, own in state.items() for name, value in own.items()}

    def load_state_dict(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Restore what :meth:`state_dict` returned.

        Parameters
        ----------
        tensors
            Moments and number of steps.
        """
        state: dict[int, dict[str, torch.Tensor]] = {}
        for key, value in tensors.items():
            index, _, name = key.partition(".")
            state.setdefault(int(index), {})[name] = value
        self._adam.load_state_dict({**self._adam.state_dict(), "state": state})

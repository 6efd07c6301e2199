"""torch's global random generators, seeded inside a block and restored after it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

# torch takes seeds of 64 bits with a sign.
SEED_MODULUS = 2**63


@contextmanager
def forked_rng(seed: int, device: torch.device | str = "cpu") -> Iterator[None]:
    """Seed torch's global generators inside a block, and restore their state afterwards.

    Drop-out and the initialisation of layers draw from the global generators and accept no other ones.

    Parameters
    ----------
    seed
        Seed, taken modulo :math:`2^{63}`.
    device
        Device whose generator is seeded besides that of the CPU.
    """
    device = torch.device(device)
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        # Not `torch.manual_seed`: it would seed every GPU, and the state of the others is not restored.
        torch.default_generator.manual_seed(seed % SEED_MODULUS)
        for own in devices:
            with torch.cuda.device(own):
                torch.cuda.manual_seed(seed % SEED_MODULUS)
        yield

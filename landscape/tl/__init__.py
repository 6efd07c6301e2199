"""Tools: each reads from an AnnData object, calls one numerical function and writes the result back."""

from landscape.tl._network import network

__all__ = ["network"]

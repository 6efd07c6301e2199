"""Tools: each reads from an AnnData object, calls one numerical function and writes the result back."""

__all__: list[str] = []

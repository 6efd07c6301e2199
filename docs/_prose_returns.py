"""Read "Returns" as prose, the way scanpy's docstrings use it; types come from the signature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sphinx.ext.napoleon import NumpyDocstring

if TYPE_CHECKING:
    from sphinx.application import Sphinx


def _prose(self: NumpyDocstring, section: str) -> list[str]:
    del section
    lines = self._dedent(self._consume_to_next_section())
    return [*self._format_block(":returns: ", lines), ""]


def setup(app: Sphinx) -> dict[str, Any]:
    """Replace napoleon's reading of the section, which takes every line for a type."""
    NumpyDocstring._parse_returns_section = _prose  # type: ignore[method-assign]
    NumpyDocstring._parse_yields_section = _prose  # type: ignore[method-assign]
    del app
    return {"parallel_read_safe": True, "parallel_write_safe": True}
